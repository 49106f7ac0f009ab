use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

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

/// Writes a report aside and swaps it in whole: see [`prepare`] and [`Prepared::publish`].
///
/// # Errors
/// The folder holds foreign files, or the operating system refuses.
pub fn publish(folder: &Path, draft: &Draft) -> Result<(), ReportError> {
    prepare(folder, draft)?.publish(&Draft::default())
}

/// A report that lies beside its folder, and is gone if it is not published.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    aside: TempDir,
}

/// Writes the files aside, so that nobody ever reads half a report, or none.
///
/// ```text
///   .out-assay-XXXXXX/ written, synced ─► exchanged with out/ in one step ─► the old report is removed
/// ```
/// What a run that died left aside is removed by the next; two runs never write to one folder at a time.
///
/// # Errors
/// As [`publish`].
pub fn prepare(folder: &Path, draft: &Draft) -> Result<Prepared, ReportError> {
    check_ours(folder)?;
    let parent = parent_of(folder);
    fs::create_dir_all(parent).map_err(at(parent))?;
    sweep(folder)?;
    let prepared = Prepared { folder: folder.to_owned(), aside: aside(folder)? };
    prepared.write(draft)?;
    Ok(prepared)
}

impl Prepared {
    /// Adds the last files and gives the report its place.
    ///
    /// # Errors
    /// As [`publish`].
    pub fn publish(self, last: &Draft) -> Result<(), ReportError> {
        self.write(last)?;
        let Prepared { folder, aside } = self;
        let folder = folder.as_path();
        open_to_all(aside.path())?;
        sync(aside.path())?;
        check_ours(folder)?;
        if folder.exists() {
            // What is aside then is the old report, which goes when it is dropped.
            exchange(aside.path(), folder)?;
        } else {
            fs::rename(aside.path(), folder).map_err(at(folder))?;
            let _ = aside.keep();
        }
        sync(parent_of(folder))
    }

    /// All are written before the first is waited for: then the disk takes them together.
    fn write(&self, draft: &Draft) -> Result<(), ReportError> {
        let mut written = Vec::with_capacity(draft.files.len());
        for (name, bytes) in &draft.files {
            let path = self.aside.path().join(name);
            let mut file = File::create(&path).map_err(at(&path))?;
            file.write_all(bytes).map_err(at(&path))?;
            written.push((path, file));
        }
        written.iter().try_for_each(|(path, file)| file.sync_all().map_err(at(path)))
    }
}

/// Swaps two folders; at every moment there is one of either name.
#[cfg(target_os = "linux")]
fn exchange(new: &Path, folder: &Path) -> Result<(), ReportError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, new, CWD, folder, RenameFlags::EXCHANGE) {
        // Some network file systems cannot.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => exchange_in_steps(new, folder),
        other => other.map_err(|errno| at(folder)(errno.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange(new: &Path, folder: &Path) -> Result<(), ReportError> {
    exchange_in_steps(new, folder)
}

/// Where there is no exchange: for a moment there is no report, and if the system stops then, the old one lies aside.
fn exchange_in_steps(new: &Path, folder: &Path) -> Result<(), ReportError> {
    let old = aside(folder)?;
    let kept = old.path().join("report");
    fs::rename(folder, &kept).map_err(at(folder))?;
    if let Err(error) = fs::rename(new, folder) {
        // The report that was there before is better than none.
        let _ = fs::rename(&kept, folder);
        return Err(at(folder)(error));
    }
    Ok(())
}

/// Beginning of the names of folders that are not the report yet, or no more.
fn prefix(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!(".{name}-assay-")
}

fn aside(folder: &Path) -> Result<TempDir, ReportError> {
    let parent = parent_of(folder);
    tempfile::Builder::new().prefix(&prefix(folder)).tempdir_in(parent).map_err(at(parent))
}

/// Removes what a run that died left beside the report.
fn sweep(folder: &Path) -> Result<(), ReportError> {
    let (parent, prefix) = (parent_of(folder), prefix(folder));
    for entry in fs::read_dir(parent).map_err(at(parent))? {
        let entry = entry.map_err(at(parent))?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a report can be written there: no foreign files, and a parent that takes new ones.
///
/// # Errors
/// What [`publish`] would say.
pub fn check_folder(folder: &Path) -> Result<(), ReportError> {
    check_ours(folder)?;
    let parent = parent_of(folder);
    fs::create_dir_all(parent).map_err(at(parent))?;
    aside(folder).map(drop)
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
        let dead = root.path().join(".out-assay-dead");
        fs::create_dir(&dead).and_then(|()| fs::write(dead.join("run.json"), "half")).expect("a dead run");
        publish(&out, &draft("2")).expect("replaces");
        assert_eq!(fs::read_dir(root.path()).expect("lists").count(), 1, "nothing is left beside the report");
        exchange_in_steps(&aside(&out).expect("aside").keep(), &out).expect("exchanges");
        assert_eq!(fs::read_dir(&out).expect("lists").count(), 0);
        publish(&out, &draft("2")).expect("replaces");
        drop(prepare(&out, &draft("3")).expect("prepares"));
        assert_eq!(fs::read_dir(root.path()).expect("lists").count(), 1, "what is not published is gone");
        let last = Draft { files: vec![("warnings.csv".to_owned(), Vec::new())] };
        prepare(&out, &draft("2")).and_then(|prepared| prepared.publish(&last)).expect("publishes");
        assert_eq!(fs::read_dir(&out).expect("lists").count(), 2);
        fs::write(out.join("letter.docx"), "x").expect("writes");
        assert!(matches!(publish(&out, &draft("3")), Err(ReportError::ForeignFolder { .. })));
        assert_eq!(fs::read_to_string(out.join("run.json")).expect("reads"), "2");
    }
}
