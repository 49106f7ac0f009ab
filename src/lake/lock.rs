use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::LakeError;
use super::disk::{at, sweep};

/// The right to write to one lake. The operating system takes it back when its holder dies, so there are
/// no stale locks: not after a crash, not after a reboot, not when process numbers are reused.
#[derive(Debug)]
pub struct Lock {
    /// Dropping the file releases the lock.
    _file: File,
    root: PathBuf,
}

impl Lock {
    /// Takes the lock of the lake at `root`, and sweeps what a dead run left in `tmp/`.
    pub(super) fn take(root: &Path, tmp: &Path, wait: bool) -> Result<Lock, LakeError> {
        let path = root.join("lock");
        let mut options = File::options();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if wait => file.lock().map_err(at(&path))?,
            Err(TryLockError::WouldBlock) => return Err(LakeError::Locked { by: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        // For people only: nothing is decided by this number.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(at(&path))?;
        sweep(tmp)?;
        Ok(Lock { _file: file, root: root.to_owned() })
    }

    /// Refuses a lock of another lake.
    pub(super) fn covers(&self, root: &Path) -> Result<(), LakeError> {
        if self.root == root { Ok(()) } else { Err(LakeError::WrongLock { root: self.root.clone() }) }
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}
