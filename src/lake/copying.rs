//! Copying an export while it is read: who reads it hands on its blocks, which are hashed soon after, and written past the
//! system's cache by a thread that does nothing else. So its bytes are brought in once. A block that nobody brought, or that
//! would have had to wait, is fetched at the end.
//!
//! BLAKE3 is a tree: blocks are hashed in any order, and what comes of them is joined.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use tempfile::NamedTempFile;

use super::LakeError;
use super::disk::at;
use super::uncached::{BLOCK, aligned, set_direct, write_at};

/// Blocks that may wait to be written.
const WAITING: usize = 16;

/// Writes blocks of copies while those who brought them go on.
#[derive(Debug)]
pub struct Copier {
    queue: SyncSender<Job>,
}

struct Job {
    copy: Arc<Copying>,
    number: usize,
    bytes: Box<dyn AsRef<[u8]> + Send>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.copy.progress().waiting -= 1;
        self.copy.nothing_waits.notify_all();
    }
}

impl Copier {
    /// # Errors
    /// There are no more threads to be had.
    pub fn new() -> io::Result<Copier> {
        let (queue, jobs) = mpsc::sync_channel(WAITING);
        thread::Builder::new().spawn(move || write_all(&jobs))?;
        Ok(Copier { queue })
    }
}

/// Until nobody brings blocks any more. Those that have come while others were written are written together, as far as they
/// follow each other: a device asks for attention with every part that it is given.
fn write_all(jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut jobs: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(WAITING)).collect();
        jobs.sort_by_key(|job| (Arc::as_ptr(&job.copy), job.number));
        let follows =
            |one: &Job, next: &Job| Arc::ptr_eq(&one.copy, &next.copy) && one.number + 1 == next.number;
        for run in jobs.chunk_by(follows) {
            let Some(first) = run.first() else { continue };
            let parts: Vec<&[u8]> = run.iter().map(|job| (*job.bytes).as_ref()).collect();
            // Whoever finishes the copy tries again, and tells what is wrong.
            let _ = first.copy.write(first.number, &parts);
        }
    }
}

/// A copy that is being made.
#[derive(Debug)]
pub struct Copying {
    source: PathBuf,
    length: u64,
    /// Bytes of a block, a power of two.
    block: usize,
    /// What is written to, and what it is called so far.
    to: File,
    target: PathBuf,
    is_direct: AtomicBool,
    queue: SyncSender<Job>,
    progress: Mutex<Progress>,
    nothing_waits: Condvar,
}

#[derive(Debug)]
struct Progress {
    blocks: Vec<State>,
    /// Blocks that are being written, or wait for it.
    waiting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    /// Somebody is hashing it.
    Taken,
    Hashed(ChainingValue),
    Written(ChainingValue),
}

impl Copying {
    /// Begins to copy a file of so many bytes into an empty one; none if it has no more than one block.
    pub(super) fn new(
        (source, length): (&Path, u64),
        block: usize,
        aside: &NamedTempFile,
        copier: &Copier,
    ) -> Result<Option<Copying>, LakeError> {
        let count = usize::try_from(length.div_ceil(block as u64)).unwrap_or_default();
        if count < 2 {
            return Ok(None);
        }
        Ok(Some(Copying {
            source: source.to_owned(),
            length,
            block,
            is_direct: AtomicBool::new(set_direct(aside.as_file(), true)),
            to: aside.as_file().try_clone().map_err(at(aside.path()))?,
            target: aside.path().to_owned(),
            queue: copier.queue.clone(),
            progress: Mutex::new(Progress { blocks: vec![State::Unseen; count], waiting: 0 }),
            nothing_waits: Condvar::new(),
        }))
    }

    /// Takes a block that was read, unless it is known already.
    pub fn keep(self: &Arc<Copying>, number: usize, bytes: impl AsRef<[u8]> + Send + 'static) {
        let length = bytes.as_ref().len();
        if length as u64 != self.length_of(number) || !self.take(number) {
            return;
        }
        self.set(number, State::Hashed(self.hash_of(number, bytes.as_ref())));
        // A device writes whole blocks of its own, which the last one of a file may not have.
        if length == self.block {
            self.progress().waiting += 1;
            let job = Job { copy: self.clone(), number, bytes: Box::new(bytes) };
            // Nobody waits for the disk: what finds no place is fetched at the end.
            let _ = self.queue.try_send(job);
        }
    }

    /// The hash of the file, once nobody brings blocks any more: what is missing is fetched. None if no block was brought.
    pub(super) fn hash(&self) -> Result<Option<String>, LakeError> {
        if self.progress().blocks.iter().all(|state| *state == State::Unseen) {
            return Ok(None);
        }
        let mut from = File::open(&self.source).map_err(at(&self.source))?;
        let mut memory = Vec::new();
        let count = self.progress().blocks.len();
        for number in (0..count).filter(|number| self.take(*number)) {
            let bytes = self.fetch(&mut from, number, &mut memory)?;
            self.set(number, State::Hashed(self.hash_of(number, bytes)));
        }
        let hash = self.hashes().and_then(|blocks| root(&blocks));
        let hash = hash.ok_or_else(|| at(&self.source)(io::ErrorKind::InvalidData.into()))?;
        Ok(Some(hash.to_hex().to_string()))
    }

    /// Waits for what is being written, and writes what found no place; it must have the hash that it had.
    pub(super) fn finish(&self) -> Result<(), LakeError> {
        let mut from = File::open(&self.source).map_err(at(&self.source))?;
        let mut memory = Vec::new();
        let mut progress = self.progress();
        while progress.waiting > 0 {
            progress = self.nothing_waits.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        let count = progress.blocks.len();
        drop(progress);
        for number in 0..count {
            let State::Hashed(known) = self.state(number) else { continue };
            let bytes = self.fetch(&mut from, number, &mut memory)?;
            if self.hash_of(number, bytes) != known {
                return Err(LakeError::Changed { path: self.source.clone() });
            }
            if bytes.len() < self.block {
                self.is_direct.store(!set_direct(&self.to, false), Ordering::Relaxed);
            }
            self.write(number, &[bytes]).map_err(at(&self.target))?;
        }
        Ok(())
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, number: usize) -> State {
        self.progress().blocks.get(number).copied().unwrap_or(State::Taken)
    }

    fn set(&self, number: usize, state: State) {
        if let Some(own) = self.progress().blocks.get_mut(number) {
            *own = state;
        }
    }

    /// Whether nobody had this block so far.
    fn take(&self, number: usize) -> bool {
        let mut progress = self.progress();
        let unseen = progress.blocks.get_mut(number).filter(|state| **state == State::Unseen);
        unseen.map(|state| *state = State::Taken).is_some()
    }

    fn place_of(&self, number: usize) -> u64 {
        number as u64 * self.block as u64
    }

    fn length_of(&self, number: usize) -> u64 {
        self.length.saturating_sub(self.place_of(number)).min(self.block as u64)
    }

    fn hash_of(&self, number: usize, bytes: &[u8]) -> ChainingValue {
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(self.place_of(number)).update(bytes).finalize_non_root()
    }

    /// The hashes of all blocks, if all are there.
    fn hashes(&self) -> Option<Vec<ChainingValue>> {
        let hash = |state: &State| match state {
            State::Hashed(hash) | State::Written(hash) => Some(*hash),
            State::Unseen | State::Taken => None,
        };
        self.progress().blocks.iter().map(hash).collect()
    }

    /// A block of the source, where in memory a device would have it.
    fn fetch<'m>(
        &self,
        from: &mut File,
        number: usize,
        memory: &'m mut Vec<u8>,
    ) -> Result<&'m [u8], LakeError> {
        let length = usize::try_from(self.length_of(number)).unwrap_or_default();
        memory.resize(self.block + BLOCK, 0);
        let start = aligned(memory);
        let bytes = memory.get_mut(start..start + length).unwrap_or_default();
        let read = from.seek(SeekFrom::Start(self.place_of(number))).and_then(|_| from.read_exact(bytes));
        read.map_err(at(&self.source))?;
        Ok(bytes)
    }

    /// Writes blocks that follow each other. Those that cannot be written stay ones that are to be written.
    fn write(&self, first: usize, blocks: &[&[u8]]) -> io::Result<()> {
        write_at(&self.to, blocks, self.place_of(first), &self.is_direct)?;
        for number in first..first + blocks.len() {
            if let State::Hashed(hash) = self.state(number) {
                self.set(number, State::Written(hash));
            }
        }
        Ok(())
    }
}

/// The hashes of the two subtrees that blocks are made of, if there is more than one: the left one is the largest that is full
/// and leaves something for the right.
fn halves(blocks: &[ChainingValue]) -> Option<(ChainingValue, ChainingValue)> {
    let (left, right) = blocks.split_at_checked(blocks.len().div_ceil(2).next_power_of_two())?;
    Some((subtree(left)?, subtree(right)?))
}

fn subtree(blocks: &[ChainingValue]) -> Option<ChainingValue> {
    match blocks {
        [only] => Some(*only),
        several => halves(several).map(|(left, right)| merge_subtrees_non_root(&left, &right, Mode::Hash)),
    }
}

fn root(blocks: &[ChainingValue]) -> Option<blake3::Hash> {
    halves(blocks).map(|(left, right)| merge_subtrees_root(&left, &right, Mode::Hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 1 << 14;

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|place| (place * place % 251) as u8).collect()
    }

    fn begin(folder: &Path, content: &[u8]) -> (NamedTempFile, Arc<Copying>) {
        let source = folder.join("source");
        std::fs::write(&source, content).expect("writes");
        let aside = NamedTempFile::new_in(folder).expect("a file");
        let copier = Copier::new().expect("threads");
        let copying = Copying::new((&source, content.len() as u64), SIZE, &aside, &copier)
            .expect("begins")
            .expect("more than a block");
        (aside, Arc::new(copying))
    }

    #[test]
    fn copies_are_whole_whoever_brings_what() {
        let folder = tempfile::tempdir().expect("a folder");
        for length in [SIZE + 1, 2 * SIZE, 3 * SIZE - 7, 5 * SIZE, 7 * SIZE + 4096, 33 * SIZE + 1] {
            let content = content(length);
            let blocks: Vec<Vec<u8>> = content.chunks(SIZE).map(<[u8]>::to_vec).collect();
            let last = blocks.len() - 1;
            let orders: [Vec<usize>; 6] = [
                (0..=last).collect(),
                (0..=last).rev().collect(),
                vec![last],
                vec![0, 0, 1, 0],
                (0..=last).filter(|number| number % 3 != 1).collect(),
                vec![last + 1],
            ];
            for order in orders {
                let (aside, copying) = begin(folder.path(), &content);
                thread::scope(|scope| {
                    for part in order.chunks(2) {
                        let (copying, blocks) = (&copying, &blocks);
                        scope.spawn(move || {
                            for number in part {
                                copying.keep(*number, blocks.get(*number).cloned().unwrap_or_default());
                            }
                        });
                    }
                });
                let expected = (order != [last + 1]).then(|| blake3::hash(&content).to_hex().to_string());
                assert_eq!(copying.hash().expect("hashes"), expected, "{length} by {order:?}");
                if expected.is_none() {
                    continue;
                }
                copying.finish().expect("finishes");
                assert!(std::fs::read(aside.path()).expect("reads") == content, "{length} by {order:?}");
            }
        }
    }

    #[test]
    fn what_is_fetched_late_has_to_be_what_was_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = content(2 * SIZE + 9);
        let (_aside, copying) = begin(folder.path(), &old);
        old.chunks(SIZE).enumerate().for_each(|(number, block)| copying.keep(number, block.to_vec()));
        let mut new = old.clone();
        new.iter_mut().for_each(|byte| *byte ^= 1);
        std::fs::write(folder.path().join("source"), &new).expect("writes");
        let hash = blake3::hash(&old).to_hex().to_string();
        assert_eq!(copying.hash().expect("hashes"), Some(hash), "nothing is missing");
        assert!(matches!(copying.finish(), Err(LakeError::Changed { .. })));
        let (_aside, copying) = begin(folder.path(), &old);
        copying.keep(0, old[..SIZE].to_vec());
        std::fs::write(folder.path().join("source"), &old[..SIZE + 1]).expect("writes");
        assert!(matches!(copying.hash(), Err(LakeError::Io { .. })), "it was cut short");
    }

    #[test]
    fn one_block_is_no_tree() {
        let folder = tempfile::tempdir().expect("a folder");
        let aside = NamedTempFile::new_in(folder.path()).expect("a file");
        let copier = Copier::new().expect("threads");
        for length in [0, 1, SIZE] {
            let source = folder.path().join("source");
            std::fs::write(&source, content(length)).expect("writes");
            assert!(
                Copying::new((&source, length as u64), SIZE, &aside, &copier).expect("begins").is_none(),
                "{length}"
            );
        }
    }
}
