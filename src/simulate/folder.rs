//! The output folder: written aside, then swapped in; foreign files are never touched.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{FileSummary, SimulateError};

const TRUTH: &str = "truth.json";

/// A folder inside the output folder, gone again unless it is published.
#[derive(Debug)]
pub struct Staging {
    out: PathBuf,
    aside: TempDir,
    /// Files of the earlier simulation, as its own `truth.json` lists them.
    earlier: Vec<String>,
}

impl Staging {
    /// Looks at the output folder and makes room in it.
    pub fn begin(out: &Path) -> Result<Staging, SimulateError> {
        let failed = |source| SimulateError::Io { path: out.to_owned(), source };
        fs::create_dir_all(out).map_err(failed)?;
        let earlier = match fs::read(out.join(TRUTH)) {
            Ok(truth) => listed(&truth),
            Err(_) if fs::read_dir(out).map_err(failed)?.next().is_none() => Vec::new(),
            Err(_) => return Err(SimulateError::Foreign(out.to_owned())),
        };
        let aside = tempfile::Builder::new().prefix(".simulate-").tempdir_in(out).map_err(failed)?;
        Ok(Staging { out: out.to_owned(), aside, earlier })
    }

    pub fn path(&self) -> &Path {
        self.aside.path()
    }

    /// Removes the earlier simulation and moves the new one into its place, `truth.json` last.
    pub fn publish(self, files: &[FileSummary], truth: &str) -> Result<(), SimulateError> {
        let path = self.aside.path().join(TRUTH);
        fs::write(&path, format!("{truth}\n")).map_err(|source| SimulateError::Io { path, source })?;
        for name in &self.earlier {
            let path = self.out.join(name);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(SimulateError::Io { path, source });
                }
                _ => {}
            }
        }
        for name in files.iter().map(|file| file.name.as_str()).chain([TRUTH]) {
            let path = self.out.join(name);
            fs::rename(self.aside.path().join(name), &path)
                .map_err(|source| SimulateError::Io { path, source })?;
        }
        Ok(())
    }
}

/// The names under `files`; nothing that could lead out of the folder.
fn listed(truth: &[u8]) -> Vec<String> {
    let truth: serde_json::Value = serde_json::from_slice(truth).unwrap_or_default();
    let files = truth.get("files").and_then(|files| files.as_object());
    let names = files.into_iter().flat_map(|files| files.keys());
    names.filter(|name| Path::new(name).file_name() == Some(name.as_ref())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_folders_are_refused_and_foreign_files_stay() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("mine.txt"), "mine")?;
        assert!(matches!(Staging::begin(folder.path()), Err(SimulateError::Foreign(_))));
        fs::write(folder.path().join("old.csv"), "old")?;
        fs::write(folder.path().join(TRUTH), r#"{"files": {"old.csv": {}, "../mine.txt": {}}}"#)?;
        Staging::begin(folder.path())?.publish(&[], "{}")?;
        let mut left: Vec<_> =
            fs::read_dir(folder.path())?.flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["mine.txt", TRUTH]);
        Ok(())
    }
}
