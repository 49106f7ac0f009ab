//! Copying past the system's cache. An archived export is not read again soon, and has to be on disk before the run is
//! published: filling the cache with it first would cost a copy of every byte, and push out what is read. Where a file
//! system lets two files share their blocks, nothing is copied; the copy is read for its hash, and forgotten.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use super::LakeError;
use super::disk::{at, copy};

/// What devices ask of places and lengths; some ask for less.
pub(super) const BLOCK: usize = 4096;
const BUFFER: usize = 2 << 20;
/// One is filled while another is written, and one waits.
const BUFFERS: usize = 3;

/// Memory that begins where a device wants it to, and how much of it is filled.
struct Buffer {
    memory: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn new() -> Buffer {
        Buffer { memory: vec![0; BUFFER + BLOCK], filled: 0 }
    }

    fn fill(&mut self, from: &mut File) -> io::Result<&[u8]> {
        let start = self.start();
        let room = self.memory.get_mut(start..start + BUFFER).unwrap_or_default();
        self.filled = fill(from, room)?;
        Ok(self.part())
    }

    fn part(&self) -> &[u8] {
        self.memory.get(self.start()..self.start() + self.filled).unwrap_or_default()
    }

    fn start(&self) -> usize {
        aligned(&self.memory)
    }
}

/// Where in memory a device would have what it takes; at most a block behind its beginning.
pub(super) fn aligned(memory: &[u8]) -> usize {
    memory.as_ptr().align_offset(BLOCK).min(BLOCK)
}

/// Copies `source` into `to` and hands over every part of it on the way. Parts are written while the next are read.
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
    if shares_blocks(&from, to) {
        // The copy is what is passed on: the source may be written to from now on.
        let pass = |part: &[u8]| {
            pass(part);
            Ok(())
        };
        copy(to, pass).map_err(at(target))?;
        forget(to);
        return Ok(());
    }
    let mut first = Buffer::new();
    let part = first.fill(&mut from).map_err(at(source))?;
    pass(part);
    let is_direct = AtomicBool::new(set_direct(to, true));
    let mut sink = Sink { to, target, is_direct, place: 0 };
    if first.filled < BUFFER {
        return sink.write(first.part());
    }
    let (fill, filled) = mpsc::sync_channel::<Buffer>(BUFFERS);
    let (empty, emptied) = mpsc::channel::<Buffer>();
    thread::scope(|scope| {
        let write = move || {
            for buffer in filled {
                sink.write(buffer.part())?;
                // Nobody waits for the last ones.
                let _ = empty.send(buffer);
            }
            Ok(())
        };
        let writer = thread::Builder::new().spawn_scoped(scope, write).map_err(at(target))?;
        let read = || {
            let mut spare: Vec<Buffer> = (1..BUFFERS).map(|_| Buffer::new()).collect();
            let mut next = Some(first);
            while let Some(buffer) = next {
                let is_last = buffer.filled < BUFFER;
                // A writer that has failed takes nothing more.
                if fill.send(buffer).is_err() || is_last {
                    break;
                }
                next = spare.pop().or_else(|| emptied.recv().ok());
                if let Some(buffer) = &mut next {
                    pass(buffer.fill(&mut from)?);
                }
            }
            Ok(())
        };
        let read = read().map_err(at(source));
        drop(fill);
        let written = writer.join().unwrap_or_else(|defect| std::panic::resume_unwind(defect));
        read.and(written)
    })
}

/// Whether the copy has the blocks of its source from now on, each file writing to blocks of its own (XFS, Btrfs).
#[cfg(target_os = "linux")]
pub(super) fn shares_blocks(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

/// Tells the system that what it read is not needed again.
#[cfg(target_os = "linux")]
fn forget(file: &File) {
    // It would only take room.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn shares_blocks(_: &File, _: &File) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File) {}

/// What is written to, past the cache as long as the device lets it.
struct Sink<'a> {
    to: &'a File,
    target: &'a Path,
    is_direct: AtomicBool,
    place: u64,
}

impl Sink<'_> {
    fn write(&mut self, part: &[u8]) -> Result<(), LakeError> {
        // The end of a file need not fill a block.
        if *self.is_direct.get_mut() && !part.len().is_multiple_of(BLOCK) {
            *self.is_direct.get_mut() = !set_direct(self.to, false);
        }
        write_at(self.to, &[part], self.place, &self.is_direct).map_err(at(self.target))?;
        self.place += part.len() as u64;
        Ok(())
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

/// Writes all of some parts that follow each other, from a place in the file on; through the cache from where the device
/// refuses to do without.
pub(super) fn write_at(to: &File, parts: &[&[u8]], mut place: u64, is_direct: &AtomicBool) -> io::Result<()> {
    let mut done = write_together(to, parts, place).unwrap_or_default();
    for part in parts {
        let skipped = done.min(part.len());
        (done, place) = (done - skipped, place + skipped as u64);
        let mut rest = part.get(skipped..).unwrap_or_default();
        while !rest.is_empty() {
            match write_some(to, rest, place) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    place += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if error.kind() == io::ErrorKind::InvalidInput && is_direct.load(Ordering::Relaxed) =>
                {
                    if !set_direct(to, false) {
                        return Err(error);
                    }
                    is_direct.store(false, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Bytes of several parts that were written in one call, if there is one for it.
#[cfg(target_os = "linux")]
fn write_together(to: &File, parts: &[&[u8]], place: u64) -> io::Result<usize> {
    if parts.len() < 2 {
        return Ok(0);
    }
    let parts: Vec<io::IoSlice<'_>> = parts.iter().map(|part| io::IoSlice::new(part)).collect();
    Ok(rustix::io::pwritev(to, &parts, place)?)
}

#[cfg(not(target_os = "linux"))]
fn write_together(_: &File, _: &[&[u8]], _: u64) -> io::Result<usize> {
    Ok(0)
}

#[cfg(unix)]
fn write_some(to: &File, bytes: &[u8], place: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(to, bytes, place)
}

#[cfg(windows)]
fn write_some(to: &File, bytes: &[u8], place: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(to, bytes, place)
}

/// Whether the file is written past the cache from now on, or no more: it has done what was asked.
#[cfg(target_os = "linux")]
pub(super) fn set_direct(file: &File, wanted: bool) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let set = |flags: OFlags| {
        fcntl_setfl(file, if wanted { flags | OFlags::DIRECT } else { flags - OFlags::DIRECT })
    };
    fcntl_getfl(file).and_then(set).is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn set_direct(_: &File, wanted: bool) -> bool {
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
            let opened = File::options().read(true).write(true).create(true).truncate(true).open(&target);
            let mut to = opened.expect("creates");
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
