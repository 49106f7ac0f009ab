//! A text as it is split: window by window, each a block of its file behind what the block before left over.
//!
//! A window ends behind a line end, so that only a record with line ends inside quotes is cut off by it; the splitter
//! says so, and begins that record again with more behind it. Blocks lie in the file where they lie whatever
//! the records are: so they can be handed to whoever wants the bytes of the file, who need not read them again.
//!
//! While a window is split, the block before it can be handed on and the block behind it be read: by another thread, if one
//! has nothing else to do.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memrchr;

use super::text::{Text, read_at};

/// Bytes of a block: they stay in a processor's own memory while they are split.
pub const BLOCK: usize = 1 << 19;
/// Room in front of a block for what is left over.
const FRONT: usize = 1 << 16;
/// What devices ask of places in memory that they take bytes from; some ask for less.
const ALIGNMENT: usize = 1 << 12;
/// Blocks that there are before the memory of one is used again, and whose memory is kept. What a device has just taken may
/// still lie in the memory of another processor, which has to be asked before anybody writes there.
const TURNS: usize = 24;

/// Wants the bytes of a file that is read by others.
pub trait Keeper: Sync + fmt::Debug {
    /// Takes a block, in any order and on any thread; one that two pieces of a text share comes twice, and one that nobody
    /// had to read, or that lies in a long record, does not come. They are numbered from the beginning of the file.
    fn keep(&self, number: usize, block: Block);
}

/// Memory of blocks that nobody holds any more.
#[derive(Debug)]
pub struct Spare {
    /// Bytes of a block.
    block: usize,
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    /// What was given back last comes last.
    spare: VecDeque<Vec<u8>>,
    /// Blocks that there are, in use or not.
    made: usize,
}

impl Default for Spare {
    fn default() -> Spare {
        Spare::of(BLOCK)
    }
}

impl Spare {
    pub fn of(block: usize) -> Spare {
        Spare { block, pool: Mutex::default() }
    }

    /// Room for so many blocks with so many bytes in front of them, and where in its memory the first block begins. The memory of
    /// a single block is not used again before there are `turns` of them; without turns, what was used last is used first.
    fn block(self: &Arc<Spare>, front: usize, blocks: usize, turns: usize) -> (Block, usize) {
        let front = front.next_multiple_of(ALIGNMENT).max(FRONT);
        let length = front + blocks * self.block + ALIGNMENT;
        let spare = if length == self.usual() { self.take(turns) } else { None };
        let memory = spare.unwrap_or_else(|| vec![0; length]);
        let begin = front + memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        (Block { memory, held: begin..begin, spare: self.clone() }, begin)
    }

    fn take(&self, turns: usize) -> Option<Vec<u8>> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = match turns {
            0 => pool.spare.pop_back(),
            _ if pool.made < turns => None,
            _ => pool.spare.pop_front(),
        };
        pool.made += usize::from(spare.is_none());
        spare
    }

    fn give_back(&self, memory: Vec<u8>) {
        if memory.len() != self.usual() {
            return;
        }
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.spare.len() < TURNS {
            pool.spare.push_back(memory);
        } else {
            pool.made -= 1;
        }
    }

    /// Bytes of the memory of a single block.
    fn usual(&self) -> usize {
        FRONT + self.block + ALIGNMENT
    }
}

/// A block of a file, or several; where it is dropped, its memory is given back.
#[derive(Debug)]
pub struct Block {
    memory: Vec<u8>,
    held: Range<usize>,
    spare: Arc<Spare>,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(self.held.clone()).unwrap_or_default()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.spare.give_back(std::mem::take(&mut self.memory));
    }
}

/// Bytes to split.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub bytes: &'a [u8],
    /// The text ends with it.
    pub is_last: bool,
}

/// The blocks of a text's file, and memory for them.
#[derive(Debug, Clone, Copy)]
struct Blocks<'a> {
    text: Text<'a>,
    spare: &'a Arc<Spare>,
}

/// The windows of a part of a text.
#[derive(Debug)]
pub struct Windows<'a> {
    blocks: Blocks<'a>,
    /// What was read last, behind what was left over.
    last: Option<Read>,
    /// What of it, or of a text that is held, can be split.
    told: Range<usize>,
    /// Whether the text ends with that.
    is_last: bool,
    /// What is split, and to be handed on.
    done: Option<Read>,
    /// The block behind it, if it was read already.
    ahead: Option<(usize, Block)>,
}

/// What can be done while a window is split.
#[derive(Debug)]
pub struct Beside<'a> {
    blocks: Blocks<'a>,
    done: Option<Read>,
    /// The block to read.
    next: Option<usize>,
}

/// Blocks that were read together: nearly always one.
#[derive(Debug)]
struct Read {
    block: Block,
    numbers: Range<usize>,
    /// Where the bytes begin that are of use, in memory and in the text.
    start: usize,
    position: usize,
}

impl<'a> Windows<'a> {
    pub fn new(text: Text<'a>, spare: &'a Arc<Spare>) -> Windows<'a> {
        let blocks = Blocks { text, spare };
        Windows { blocks, last: None, told: 0..0, is_last: false, done: None, ahead: None }
    }

    /// Goes on to the next window, whose bytes begin at a position of the text: where the one before was left, or anywhere if
    /// it is the first. It reaches a block further than the one before, or more where a record is long.
    ///
    /// # Errors
    /// The operating system's, or the file has shrunk since it was opened.
    pub fn advance(&mut self, position: usize) -> io::Result<()> {
        let (file, skip, end) = match self.blocks.text {
            Text::Held(bytes) => {
                (self.told, self.is_last) = (position..bytes.len(), true);
                return Ok(());
            }
            Text::Filed { file, skip, length, .. } => (file, skip, skip + length),
        };
        loop {
            let is_last = self.read(file, skip, position, end)? == end;
            let bytes = self.last.as_ref().map(Read::bytes).unwrap_or_default();
            if let Some(told) = if is_last { Some(bytes.len()) } else { behind_last_line(bytes) } {
                (self.told, self.is_last) = (0..told, is_last);
                return Ok(());
            }
        }
    }

    pub fn window(&self) -> Window<'_> {
        let bytes = match self.blocks.text {
            Text::Held(bytes) => bytes,
            Text::Filed { .. } => self.last.as_ref().map(Read::bytes).unwrap_or_default(),
        };
        Window { bytes: bytes.get(self.told.clone()).unwrap_or_default(), is_last: self.is_last }
    }

    /// What can be done meanwhile, where records are wanted that begin before a position of the text.
    pub fn beside(&mut self, end: usize) -> Beside<'a> {
        let next = match (self.blocks.text, &self.last) {
            (Text::Filed { skip, length, .. }, Some(last)) => {
                Some(last.numbers.end).filter(|next| next * self.blocks.spare.block < skip + end.min(length))
            }
            _ => None,
        };
        Beside { blocks: self.blocks, done: self.done.take(), next }
    }

    /// Takes what was read meanwhile.
    pub fn take(&mut self, ahead: Option<(usize, Block)>) {
        self.ahead = ahead;
    }

    /// Reads on, and returns where in the file that ends. The more is left over, the more is read: what is left over is
    /// copied every time.
    fn read(&mut self, file: &File, skip: usize, position: usize, file_end: usize) -> io::Result<usize> {
        let block = self.blocks.spare.block;
        let last = self.last.take();
        let left = last.as_ref().and_then(|last| last.from(position)).unwrap_or_default();
        let first = last.as_ref().map_or((skip + position) / block, |last| last.numbers.end);
        let blocks = (1 + left.len() / block).min(file_end.div_ceil(block).saturating_sub(first)).max(1);
        let numbers = first..first + blocks;
        // Where more is left over than there is room for in front of it, a block is read again.
        let ahead = self
            .ahead
            .take()
            .filter(|(number, ahead)| numbers == (*number..number + 1) && left.len() <= ahead.held.start);
        let mut own = match ahead {
            Some((_, ahead)) => ahead,
            None => self.blocks.read(file, left.len(), numbers.clone(), file_end)?,
        };
        let begin = own.held.start;
        let start = match last {
            Some(_) => begin - left.len(),
            None => begin + (skip + position).saturating_sub(first * block),
        };
        if let Some(room) = own.memory.get_mut(start..start + left.len()) {
            room.copy_from_slice(left);
        }
        self.blocks.hand_on(std::mem::replace(&mut self.done, last));
        let end = first * block + own.held.len();
        self.last = Some(Read { block: own, numbers, start, position });
        Ok(end)
    }
}

impl Beside<'_> {
    /// Hands on, and reads.
    ///
    /// # Errors
    /// As [`Windows::advance`].
    pub fn work(self) -> io::Result<Option<(usize, Block)>> {
        let Beside { blocks, done, next } = self;
        blocks.hand_on(done);
        let (Text::Filed { file, skip, length, .. }, Some(next)) = (blocks.text, next) else {
            return Ok(None);
        };
        Ok(Some((next, blocks.read(file, 0, next..next + 1, skip + length)?)))
    }
}

impl<'a> Blocks<'a> {
    fn keeper(self) -> Option<&'a dyn Keeper> {
        match self.text {
            Text::Filed { keeper, .. } => keeper,
            Text::Held(_) => None,
        }
    }

    /// Reads blocks of a file that ends somewhere, behind room for so many bytes.
    fn read(self, file: &File, front: usize, numbers: Range<usize>, file_end: usize) -> io::Result<Block> {
        // Only what is handed on is taken by a device.
        let turns = if self.keeper().is_some() { TURNS } else { 0 };
        let (mut own, begin) = self.spare.block(front, numbers.len(), turns);
        let (from, end) = (numbers.start * self.spare.block, (numbers.end * self.spare.block).min(file_end));
        own.held = begin..begin + end.saturating_sub(from);
        read_at(file, own.memory.get_mut(own.held.clone()).unwrap_or_default(), from as u64)?;
        Ok(own)
    }

    /// Several blocks that were read together are not handed on: they can be much.
    fn hand_on(self, read: Option<Read>) {
        let own = read.filter(|read| read.numbers.len() == 1);
        if let Some((keeper, read)) = self.keeper().zip(own) {
            keeper.keep(read.numbers.start, read.block);
        }
    }
}

impl Drop for Windows<'_> {
    fn drop(&mut self) {
        [self.done.take(), self.last.take()].into_iter().for_each(|own| self.blocks.hand_on(own));
    }
}

impl Read {
    fn bytes(&self) -> &[u8] {
        self.block.memory.get(self.start..self.block.held.end).unwrap_or_default()
    }

    /// What lies at a position of the text and behind it.
    fn from(&self, position: usize) -> Option<&[u8]> {
        self.bytes().get(position.checked_sub(self.position)?..)
    }
}

/// Where the last line ends; a CR at the very end could have its LF behind it.
fn behind_last_line(bytes: &[u8]) -> Option<usize> {
    let (_, but_last) = bytes.split_last()?;
    memrchr(b'\n', bytes).or_else(|| memrchr(b'\r', but_last)).map(|end| end + 1)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[derive(Debug, Default)]
    struct All(Mutex<Vec<(usize, Vec<u8>)>>);

    impl Keeper for All {
        fn keep(&self, number: usize, block: Block) {
            self.0.lock().expect("one thread").push((number, block.as_ref().to_vec()));
        }
    }

    #[test]
    fn windows_follow_each_other_and_blocks_are_those_of_the_file() {
        let skip = 3;
        // Lines of a few bytes, one longer than a block, and CR LF that may lie across the end of one.
        let mut bytes = vec![b'#'; skip];
        while bytes.len() < 5 * BLOCK / 2 {
            bytes.extend_from_slice(b"some,text\r\nmore\r\n");
        }
        bytes.extend(vec![b'x'; BLOCK + 77]);
        bytes.extend_from_slice(b"\nlast");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("writes");
        let (all, spare) = (All::default(), Arc::default());
        let text = Text::Filed { file: &file, skip, length: bytes.len() - skip, keeper: Some(&all) };
        let starts = [0, 11, BLOCK - 5, BLOCK, 2 * BLOCK + 9];
        for (start, is_read_ahead) in starts.into_iter().flat_map(|start| [(start, false), (start, true)]) {
            all.0.lock().expect("one thread").clear();
            let mut windows = Windows::new(text, &spare);
            let mut position = start;
            loop {
                // The last few bytes of each are left over.
                windows.advance(position).expect("reads");
                let beside = is_read_ahead.then(|| windows.beside(usize::MAX));
                let Window { bytes: window, is_last } = windows.window();
                let place = skip + position;
                assert!(window == &bytes[place..place + window.len()], "at {position}");
                let length = window.len();
                if is_last {
                    assert_eq!(place + length, bytes.len());
                } else {
                    assert_eq!(window.last(), Some(&b'\n'));
                }
                if let Some(beside) = beside {
                    windows.take(beside.work().expect("reads"));
                    assert_eq!(windows.ahead.is_some(), !is_last);
                }
                if is_last {
                    break;
                }
                position += length.saturating_sub(5);
            }
            drop(windows);
            let kept = all.0.lock().expect("one thread");
            let first = (skip + start) / BLOCK;
            let mut numbers: Vec<usize> = kept.iter().map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (first..bytes.len().div_ceil(BLOCK)).collect::<Vec<usize>>(), "each once");
            for (number, block) in kept.iter() {
                let place = number * BLOCK;
                assert!(*block == bytes[place..bytes.len().min(place + BLOCK)], "block {number}");
            }
        }
        let shrunk = Text::Filed { file: &file, skip, length: bytes.len(), keeper: None };
        assert!(Windows::new(shrunk, &spare).advance(3 * BLOCK).is_err());
        let pool = spare.pool.lock().expect("one thread");
        assert_eq!(pool.made, pool.spare.len(), "everything was given back");
    }

    #[test]
    fn memory_of_blocks_is_used_in_turn() {
        let taken = |spare: &Arc<Spare>, turns| {
            let (block, _) = spare.block(0, 1, turns);
            let place = block.memory.as_ptr() as usize;
            (block, place)
        };
        let spare = Arc::default();
        let places: Vec<usize> = (0..7).map(|_| taken(&spare, 3).1).collect();
        assert!(places[0] != places[1] && places[1] != places[2] && places[0] != places[2]);
        assert_eq!(places[3..], [places[0], places[1], places[2], places[0]]);
        let held: Vec<(Block, usize)> = (0..4).map(|_| taken(&spare, 3)).collect();
        let others: Vec<usize> = held.iter().map(|(_, place)| *place).collect();
        assert_eq!(others[..3], [places[1], places[2], places[0]]);
        assert!(!places.contains(&others[3]), "all were in use");
        let spare = Arc::default();
        let [one, other] = [0, 0].map(|turns| taken(&spare, turns).1);
        assert_eq!(one, other, "at once");
        // Others are made for what is long, and not kept.
        drop([spare.block(FRONT + 1, 1, TURNS), spare.block(0, 2, TURNS)]);
        drop((0..2 * TURNS).map(|_| taken(&spare, TURNS).0).collect::<Vec<Block>>());
        let pool = spare.pool.lock().expect("one thread");
        assert_eq!((pool.spare.len(), pool.made), (TURNS, TURNS));
    }

    #[test]
    fn a_line_is_over_where_nothing_more_can_belong_to_it() {
        for (bytes, expected) in [
            ("", None),
            ("a", None),
            ("a\r", None),
            ("a\n", Some(2)),
            ("a\r\n", Some(3)),
            ("a\rb", Some(2)),
            ("a\r\r", Some(2)),
            ("a\nb\r", Some(2)),
            ("a\nb\rc", Some(2)),
        ] {
            assert_eq!(behind_last_line(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
