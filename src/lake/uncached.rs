//! Copying past the system's cache. An archived export is not read again soon, and has to be on disk before the run is
//! published: filling the cache with it first would cost a copy of every byte, and push out what is read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::LakeError;
use super::disk::at;

/// What devices ask of places and lengths; some ask for less.
const BLOCK: usize = 4096;
const BUFFER: usize = 4 << 20;

/// Copies `source` into `to` and hands over every part of it on the way.
///
/// # Errors
/// The source cannot be read, or the copy cannot be written; `target` is what the copy is called then.
pub(super) fn copy_file(
    source: &Path,
    to: &mut File,
    target: &Path,
    mut pass: impl FnMut(&[u8]),
) -> Result<(), LakeError> {
    let mut from = File::open(source).map_err(at(source))?;
    let mut memory = vec![0; BUFFER + BLOCK];
    let start = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
    let buffer = memory.get_mut(start..start + BUFFER).unwrap_or_default();
    let mut is_direct = set_direct(to, true);
    loop {
        let length = fill(&mut from, buffer).map_err(at(source))?;
        let part = buffer.get(..length).unwrap_or_default();
        pass(part);
        // The end of a file need not fill a block.
        is_direct = is_direct && (part.len().is_multiple_of(BLOCK) || !set_direct(to, false));
        write(to, part, &mut is_direct).map_err(at(target))?;
        if length < BUFFER {
            return Ok(());
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(from: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Writes all of it; through the cache from where the device refuses to do without.
fn write(to: &mut File, mut rest: &[u8], is_direct: &mut bool) -> io::Result<()> {
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && *is_direct => {
                *is_direct = !set_direct(to, false);
                if *is_direct {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the file is written past the cache from now on, or no more: it has done what was asked.
#[cfg(target_os = "linux")]
fn set_direct(file: &File, wanted: bool) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let set = |flags: OFlags| {
        fcntl_setfl(file, if wanted { flags | OFlags::DIRECT } else { flags - OFlags::DIRECT })
    };
    fcntl_getfl(file).and_then(set).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn set_direct(_: &File, wanted: bool) -> bool {
    !wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_whole_whatever_their_length() {
        let folder = tempfile::tempdir().expect("a folder");
        for length in
            [0, 1, BLOCK - 1, BLOCK, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER + BLOCK, 3 * BUFFER - 7]
        {
            let content: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            let (source, target) = (folder.path().join("source"), folder.path().join("target"));
            std::fs::write(&source, &content).expect("writes");
            let mut to = File::create(&target).expect("creates");
            let mut passed = Vec::new();
            copy_file(&source, &mut to, &target, |part| passed.extend_from_slice(part)).expect("copies");
            assert!(passed == content, "{length} passed on");
            assert!(std::fs::read(&target).expect("reads") == content, "{length} written");
        }
    }

    #[test]
    fn whose_fault_it_is_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (missing, target) = (folder.path().join("missing"), folder.path().join("target"));
        let mut to = File::create(&target).expect("creates");
        let error = copy_file(&missing, &mut to, &target, |_| ()).expect_err("nothing to read");
        assert!(error.to_string().contains("missing"), "{error}");
        std::fs::write(&missing, "something").expect("writes");
        let mut unwritable = File::open(&target).expect("opens");
        let error = copy_file(&missing, &mut unwritable, &target, |_| ()).expect_err("nowhere to write");
        assert!(error.to_string().contains("target"), "{error}");
    }
}
