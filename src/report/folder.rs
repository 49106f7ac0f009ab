use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::ReportError;

/// Files of one report, before they are published.
#[derive(Debug, Default)]
pub struct Draft {
    pub files: Vec<(String, Vec<u8>)>,
}

impl Draft {
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.push((name.to_owned(), bytes));
    }

    /// Name and BLAKE3 of every file.
    pub fn digests(&self) -> Vec<(String, String)> {
        let digest = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        self.files.iter().map(|(name, bytes)| (name.clone(), digest(bytes))).collect()
    }
}

/// Names that a report may have; a folder that holds others is not ours to replace.
const KNOWN: [&str; 16] = [
    "scorecard.csv",
    "scorecard.parquet",
    "scorecard.json",
    "scorecard.xlsx",
    "scorecard.html",
    "indicators.csv",
    "indicators.parquet",
    "indicators.json",
    "cells.parquet",
    "rejections.csv",
    "run.json",
    "warnings.csv",
    "disagreements.csv",
    "overdue.csv",
    "means.csv",
    "datapackage.json",
];

/// Writes the files aside and swaps the folder in whole, so that nobody reads half a report.
///
/// # Errors
/// The folder holds foreign files, or the operating system refuses.
pub fn publish(folder: &Path, draft: &Draft) -> Result<(), ReportError> {
    check_ours(folder)?;
    let parent = parent_of(folder);
    fs::create_dir_all(parent).map_err(at(parent))?;
    let aside = tempfile::Builder::new().prefix(".assay-report-").tempdir_in(parent).map_err(at(parent))?;
    for (name, bytes) in &draft.files {
        let path = aside.path().join(name);
        let mut file = File::create(&path).map_err(at(&path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&path))?;
    }
    sync(aside.path())?;
    open_to_all(aside.path())?;
    let new = aside.keep();
    if folder.exists() {
        let old = tempfile::Builder::new().prefix(".assay-old-").tempdir_in(parent).map_err(at(parent))?;
        let replaced = old.path().join("report");
        fs::rename(folder, &replaced).map_err(at(folder))?;
        if let Err(error) = fs::rename(&new, folder) {
            // The report that was there before is better than none.
            let _ = fs::rename(&replaced, folder);
            return Err(at(folder)(error));
        }
    } else {
        fs::rename(&new, folder).map_err(at(folder))?;
    }
    sync(parent)
}

/// Whether a report can be written there: no foreign files, and a parent that takes new ones.
///
/// # Errors
/// What [`publish`] would say.
pub fn check_folder(folder: &Path) -> Result<(), ReportError> {
    check_ours(folder)?;
    let parent = parent_of(folder);
    fs::create_dir_all(parent).map_err(at(parent))?;
    tempfile::Builder::new().prefix(".assay-report-").tempdir_in(parent).map(drop).map_err(at(parent))
}

fn parent_of(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn check_ours(folder: &Path) -> Result<(), ReportError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(folder)(error)),
    };
    for entry in entries {
        let name = entry.map_err(at(folder))?.file_name().to_string_lossy().into_owned();
        if !KNOWN.contains(&name.as_str()) {
            return Err(ReportError::ForeignFolder { path: folder.to_owned(), found: name });
        }
    }
    Ok(())
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> ReportError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| ReportError::Io { path: path.clone(), source }
}

fn sync(folder: &Path) -> Result<(), ReportError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// Temporary folders are private; a report is read by others.
fn open_to_all(folder: &Path) -> Result<(), ReportError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(at(folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_only_a_report() {
        let root = tempfile::tempdir().expect("temporary folder");
        let out = root.path().join("out");
        let draft = |text: &str| Draft { files: vec![("run.json".to_owned(), text.as_bytes().to_vec())] };
        publish(&out, &draft("1")).expect("publishes");
        publish(&out, &draft("2")).expect("replaces");
        assert_eq!(fs::read_to_string(out.join("run.json")).expect("reads"), "2");
        assert_eq!(fs::read_dir(root.path()).expect("lists").count(), 1, "nothing is left beside the report");
        fs::write(out.join("letter.docx"), "x").expect("writes");
        assert!(matches!(publish(&out, &draft("3")), Err(ReportError::ForeignFolder { .. })));
        assert_eq!(fs::read_to_string(out.join("run.json")).expect("reads"), "2");
    }
}
