//! Writing so that a crash or a power cut leaves either the old file or the new one.
//!
//! Every file is written aside in `tmp/` (same file system), synced, moved into place, and then the folder
//! that names it is synced too: a rename that was never synced can vanish. What a dead run left in `tmp/` is
//! swept by whoever takes the lock next.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tempfile::NamedTempFile;

use super::LakeError;

/// Who may read a file: raw exports hold personal data, the rest is for foreign readers too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    Owner,
    Everyone,
}

/// What to do when the place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Replace,
    Refuse,
}

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> LakeError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| LakeError::Io { path: path.clone(), source }
}

/// A new empty file in `tmp/`, deleted on drop unless it is settled.
pub(super) fn aside(tmp: &Path, readers: Readers) -> Result<NamedTempFile, LakeError> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = readers;
    builder.tempfile_in(tmp).map_err(at(tmp))
}

/// Makes the file durable under its final name.
pub(super) fn settle(file: NamedTempFile, target: &Path, taken: Taken) -> Result<(), LakeError> {
    sync(&file, target)?;
    let folders = BTreeSet::from([parent_of(target).to_owned()]);
    make_durable(&folders)?;
    move_to(file, target, taken)?;
    sync_folders(&folders)
}

fn sync(file: &NamedTempFile, target: &Path) -> Result<(), LakeError> {
    file.as_file().sync_all().map_err(at(target))
}

fn move_to(file: NamedTempFile, target: &Path, taken: Taken) -> Result<(), LakeError> {
    let moved = match taken {
        Taken::Replace => file.persist(target),
        Taken::Refuse => file.persist_noclobber(target),
    };
    match moved {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(LakeError::Conflict { path: target.to_owned() })
        }
        Err(error) => Err(at(target)(error.error)),
    }
}

/// Makes durable what lies there already: a run that died may have moved it into place and never synced the folder.
pub(super) fn confirm(path: &Path) -> Result<(), LakeError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(at(path))?;
    path.ancestors().skip(1).take(2).try_for_each(sync_folder)
}

/// A file that is written, and the place that it is for.
pub(super) type Unsettled = (NamedTempFile, PathBuf);

/// Files that are open at a time until they are settled.
pub(super) const OPEN: usize = if cfg!(test) { 2 } else { 64 };

/// As [`settle`] in place of whatever is there, all at a time: the file system commits once for all of them, which each of
/// them alone would wait for three times.
pub(super) fn settle_all(files: Vec<Unsettled>) -> Result<(), LakeError> {
    let sync = |(file, target): &Unsettled| sync(file, target);
    let folders: BTreeSet<PathBuf> = files.iter().map(|(_, target)| parent_of(target).to_owned()).collect();
    let (synced, made) = rayon::join(
        || waiting(|| files.par_iter().with_max_len(1).try_for_each(sync)),
        || make_durable(&folders),
    );
    synced.and(made)?;
    files.into_iter().try_for_each(|(file, target)| move_to(file, &target, Taken::Replace))?;
    sync_folders(&folders)
}

/// Creates the folders that are missing, with their parents, and syncs what names them; also of those that are there: a run
/// that died may have made them and no more.
fn make_durable(folders: &BTreeSet<PathBuf>) -> Result<(), LakeError> {
    let mut grown = BTreeSet::new();
    for folder in folders {
        create_folders(folder, &mut grown)?;
        grown.insert(parent_of(folder).to_owned());
    }
    sync_folders(&grown)
}

/// Creates the folder and its missing parents, each one durable.
pub(super) fn make_folders(folder: &Path) -> Result<(), LakeError> {
    let mut grown = BTreeSet::new();
    create_folders(folder, &mut grown)?;
    sync_folders(&grown)
}

/// The folder that names a file or a folder.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates the folder and its missing parents, and notes the folders that hold a new one.
fn create_folders(folder: &Path, grown: &mut BTreeSet<PathBuf>) -> Result<(), LakeError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = parent_of(folder);
    create_folders(parent, grown)?;
    match fs::create_dir(folder) {
        // Another thread may have been first, but a file is no folder.
        Err(error) if !folder.is_dir() => return Err(at(folder)(error)),
        _ => grown.insert(parent.to_owned()),
    };
    Ok(())
}

fn sync_folders(folders: &BTreeSet<PathBuf>) -> Result<(), LakeError> {
    match folders.len() {
        0 | 1 => folders.iter().try_for_each(|folder| sync_folder(folder)),
        _ => waiting(|| folders.par_iter().try_for_each(|folder| sync_folder(folder))),
    }
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), LakeError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// Nearly all that these threads do is wait until something is on disk.
const THREADS: usize = 4;

/// Lets work that is done side by side wait for the disk side by side.
pub(super) fn waiting<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // Threads are begun once: a run waits more than once.
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    match POOL.get_or_init(|| ThreadPoolBuilder::new().num_threads(THREADS).build().ok()) {
        Some(pool) => pool.install(work),
        // Where there are no more threads to be had, it takes longer.
        None => work(),
    }
}

/// BLAKE3 and length of a file, in bounded memory.
pub(super) fn hash_file(path: &Path) -> Result<(String, u64), LakeError> {
    let mut file = File::open(path).map_err(at(path))?;
    let mut hasher = blake3::Hasher::new();
    copy(&mut file, |part| {
        hasher.update(part);
        Ok(())
    })
    .map_err(at(path))?;
    Ok((hasher.finalize().to_hex().to_string(), hasher.count()))
}

/// Hands over everything that `from` holds, a mebibyte at a time.
pub(super) fn copy(from: &mut File, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => take(buffer.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Names in a folder, sorted; none if there is no such folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, LakeError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(at(folder))?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes what a run that died left behind. Only for the holder of the lock.
pub(super) fn sweep(tmp: &Path) -> Result<(), LakeError> {
    for name in names(tmp)? {
        let path = tmp.join(name);
        fs::remove_file(&path).map_err(at(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn several_files_are_settled_or_none_is_left_aside() {
        let root = tempfile::tempdir().expect("a folder");
        let tmp = root.path().join("tmp");
        make_folders(&tmp.join("deep")).expect("makes folders");
        let written = |name: &str, text: &str| -> Unsettled {
            let mut file = aside(&tmp, Readers::Everyone).expect("a file");
            file.write_all(text.as_bytes()).expect("writes");
            (file, root.path().join(name))
        };
        let read = |name: &str| fs::read_to_string(root.path().join(name)).expect("reads");
        // New folders, one of them twice, and a file that is there already.
        settle_all(vec![written("a/b/1", "one"), written("a/c/2", "two"), written("a/b/3", "three")])
            .expect("settles");
        settle_all(vec![written("a/b/1", "uno"), written("4", "four")]).expect("settles");
        settle_all(Vec::new()).expect("nothing to settle");
        assert_eq!(["a/b/1", "a/c/2", "a/b/3", "4"].map(read), ["uno", "two", "three", "four"]);
        assert_eq!(names(&tmp).expect("lists"), ["deep"]);
        // A file lies where a folder should be.
        let refused = settle_all(vec![written("5", "five"), written("4/6", "six")]);
        assert!(matches!(refused, Err(LakeError::Io { .. })));
        assert_eq!(names(&tmp).expect("lists"), ["deep"]);
        assert!(!root.path().join("5").exists(), "nothing is moved before everything has a folder");
    }
}
