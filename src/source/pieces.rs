//! Reading a file: a long text in pieces, side by side, and a workbook as [`super::sheets`] does, or sheet by sheet.
//!
//! A piece begins behind a line end, which need not end a record: where the piece before it ends elsewhere, inside
//! a quoted field, its records are read again from there. So the outcome is that of one pass.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::bytes::{self, Content, Filed};
use super::coding::{self, Head};
use super::encoding;
use super::error::Problem;
use super::sheets::{SheetReader, Unread};
use super::text::Text;
use super::windows::{Keeper, Spare};
use super::{Layout, RawTable, SourceError, unpack, workbook};
use crate::lanes;

/// Bytes of a text that is read whole, where nobody says otherwise. A longer one is read in pieces of up to twice as many:
/// small enough to balance and to be held by every thread, large enough to hold many repeats.
pub const PIECE: usize = 16 << 20;

/// Told from time to time how many more bytes and rows have been read, from any thread.
pub type Advance<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// How files are read.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The program that unpacks XLS and ODS, see [`super::unpack`].
    pub unpacker: Option<&'a Path>,
    /// Bytes of a text that is read whole; pieces of a longer one have up to twice as many. Those of an unpacked sheet have
    /// about so many.
    pub piece: usize,
    pub advance: Advance<'a>,
    /// Who is handed the bytes of a long text on the way.
    pub keeper: Option<&'a dyn Keeper>,
    /// Memory for what is read of long texts.
    pub spare: &'a Arc<Spare>,
}

/// What was made of a piece or of a sheet.
#[derive(Debug)]
pub struct Taken<T> {
    pub value: T,
    /// Lines of the file before the piece: lines in it count from there.
    pub lines_before: u64,
    /// Last line of the text or sheet so far on which a record begins.
    pub last_line: u64,
    /// No piece of the same text or sheet follows.
    pub is_last: bool,
}

/// What is known of a table once it is handed on.
pub(super) struct Extent {
    rows: usize,
    records: usize,
    undecodable: usize,
    first_undecodable: u64,
    pub last_line: u64,
    encoding: &'static str,
}

impl Reader<'_> {
    /// Reads every chosen sheet of a file, or every piece of a text, and hands each on as soon as it is there; the
    /// results are in the order of the file.
    ///
    /// # Errors
    /// The file cannot be opened, decompressed or decoded, or has no header with the required columns.
    pub fn read<T: Send>(
        &self,
        path: &Path,
        layout: &Layout,
        take: &(dyn Fn(RawTable) -> T + Sync),
    ) -> Result<Vec<Taken<T>>, SourceError> {
        let read = match bytes::open(path, self.piece)? {
            Content::Text(bytes) => self.read_text(&bytes, layout, take),
            Content::LongText(filed) => self.read_long_text(&filed, layout, take),
            Content::Workbook(bytes) if unpack::is_ods(&bytes) => workbook::check_sizes(&bytes)
                .and_then(|()| unpack::read(path, layout, self.unpacker))
                .map(|tables| self.take_sheets(tables, bytes.len() as u64, take)),
            Content::Workbook(bytes) => self.read_workbook(&bytes, layout, take),
            Content::OldWorkbook(size) => {
                unpack::read(path, layout, self.unpacker).map(|tables| self.take_sheets(tables, size, take))
            }
        };
        read.map_err(|error| error.in_file(path))
    }

    fn read_workbook<T: Send>(
        &self,
        bytes: &[u8],
        layout: &Layout,
        take: &(dyn Fn(RawTable) -> T + Sync),
    ) -> Result<Vec<Taken<T>>, Problem> {
        workbook::check_sizes(bytes)?;
        let plain = SheetReader { layout, piece: self.piece, advance: self.advance, take };
        match plain.read(bytes) {
            Ok(taken) => Ok(taken),
            Err(Unread::Refused(problem)) => Err(problem),
            // What was handed on by then is told again.
            Err(Unread::NotPlain) => {
                let tables = workbook::read(bytes, layout)?;
                Ok(self.take_sheets(tables, bytes.len() as u64, take))
            }
        }
    }

    fn take_sheets<T>(
        &self,
        tables: Vec<RawTable>,
        bytes: u64,
        take: &(dyn Fn(RawTable) -> T + Sync),
    ) -> Vec<Taken<T>> {
        let rows: usize = tables.iter().map(|table| table.lines.len()).sum();
        (self.advance)(bytes, rows as u64);
        let taken = tables.into_iter().map(|table| {
            let last_line = extent(&table).last_line;
            Taken { value: take(table), lines_before: 0, last_line, is_last: true }
        });
        taken.collect()
    }

    fn read_text<T: Send>(
        &self,
        bytes: &[u8],
        layout: &Layout,
        take: &(dyn Fn(RawTable) -> T + Sync),
    ) -> Result<Vec<Taken<T>>, Problem> {
        let found = encoding::detect(bytes, layout.encoding, layout.delimiter)?;
        let text = Text::Held(found.bytes(bytes));
        let head = coding::code_head(text, found.delimiter, layout, found.encoding)?;
        self.read_pieces(text, &head, take)
    }

    /// A text that need not be held whole, unless it has to be transcoded: its beginning tells how it is written.
    fn read_long_text<T: Send>(
        &self,
        filed: &Filed,
        layout: &Layout,
        take: &(dyn Fn(RawTable) -> T + Sync),
    ) -> Result<Vec<Taken<T>>, Problem> {
        let (file, length) = (&filed.file, filed.length);
        let keeper = self.keeper.filter(|_| !filed.is_unpacked);
        let whole = Text::Filed { file, skip: 0, length, keeper: None };
        let mut buffer = Vec::new();
        let mut seen = encoding::SAMPLE * 2;
        // A beginning that is all ASCII tells nothing.
        while whole.piece(0..seen, &mut buffer)?.is_ascii() && seen < ASCII_MAX.min(length) {
            seen *= 2;
        }
        // What is cut off in the middle does not decode; a last line that ends with the file does.
        let lines = match memchr::memrchr(b'\n', &buffer) {
            Some(end) if seen < length => end + 1,
            _ => buffer.len(),
        };
        match encoding::detect(buffer.get(..lines).unwrap_or_default(), layout.encoding, layout.delimiter) {
            Ok(found) if found.splits_raw() => {
                drop(buffer);
                let text = Text::Filed { file, skip: found.skip, length: length - found.skip, keeper };
                let head = coding::code_head(text, found.delimiter, layout, found.encoding)?;
                self.read_pieces(text, &head, take)
            }
            _ => self.read_text(whole.piece(0..length, &mut buffer)?, layout, take),
        }
    }

    fn read_pieces<T: Send>(
        &self,
        text: Text<'_>,
        head: &Head,
        take: &(dyn Fn(RawTable) -> T + Sync),
    ) -> Result<Vec<Taken<T>>, Problem> {
        let starts = piece_starts(text, head.position, self.piece)?;
        let end_of = |index: usize| starts.get(index + 1).copied().unwrap_or(text.len());
        let read = |start, end| {
            let piece = coding::code_piece(text, head, start..end, self.spare)?;
            let extent = extent(&piece.table);
            Ok::<_, Problem>(Read { extent, value: take(piece.table), end: piece.end, lines: piece.lines })
        };
        (self.advance)(head.position as u64, 0);
        let parts: Vec<Result<Read<T>, Problem>> = lanes::map(0..starts.len(), |index: usize| {
            let (start, end) = (starts[index], end_of(index));
            let part = read(start, end)?;
            (self.advance)((end - start) as u64, part.extent.rows as u64);
            Ok(part)
        });
        let (mut position, mut lines_before, mut last_line) = (head.position, head.line, 0);
        let (mut taken, mut extents) = (Vec::with_capacity(parts.len()), Vec::new());
        for (index, part) in parts.into_iter().enumerate() {
            let part = match part? {
                _ if position >= end_of(index) && index + 1 < starts.len() => continue,
                part if position == starts[index] => part,
                _ => read(position, end_of(index))?,
            };
            if part.extent.records > 0 {
                last_line = part.extent.last_line.saturating_add(lines_before);
            }
            taken.push(Taken { value: part.value, lines_before, last_line, is_last: false });
            extents.push((part.extent, lines_before));
            lines_before += part.lines;
            position = part.end;
        }
        refuse_undecodable(&extents)?;
        taken.last_mut().into_iter().for_each(|last| last.is_last = true);
        Ok(taken)
    }
}

/// A piece that was read from where it was thought to begin.
struct Read<T> {
    extent: Extent,
    value: T,
    end: usize,
    lines: u64,
}

pub(super) fn extent(table: &RawTable) -> Extent {
    let bad = || table.bad_records.iter();
    let undecodable = bad().filter(|bad| bad.fault.code == crate::model::Code::BadEncoding);
    let lines = table.lines.iter().copied().chain(bad().map(|bad| bad.line));
    Extent {
        rows: table.lines.len(),
        records: table.lines.len() + table.bad_records.len(),
        undecodable: table.undecodable,
        first_undecodable: undecodable.map(|bad| bad.line).min().unwrap_or_default(),
        last_line: lines.max().unwrap_or_default(),
        encoding: table.encoding,
    }
}

/// A few damaged records are refused one by one; where a tenth does not decode, the file is written otherwise.
fn refuse_undecodable(extents: &[(Extent, u64)]) -> Result<(), Problem> {
    let sum = |of: fn(&Extent) -> usize| extents.iter().map(|(extent, _)| of(extent)).sum::<usize>();
    if sum(|extent| extent.undecodable) <= sum(|extent| extent.records) / 10 + 10 {
        return Ok(());
    }
    let mut damaged = extents.iter().filter(|(extent, _)| extent.undecodable > 0);
    let (line, tried) = damaged.next().map_or((0, ""), |(extent, before)| {
        (extent.first_undecodable.saturating_add(*before), extent.encoding)
    });
    Err(Problem::Encoding { tried: tried.to_owned(), offset: 0, line })
}

/// Where pieces begin: the first right here, the others behind a line end. Where there are several, their number is even and
/// they are alike, so that of two threads neither waits for the other.
fn piece_starts(text: Text<'_>, from: usize, whole: usize) -> io::Result<Vec<usize>> {
    let length = text.len().saturating_sub(from);
    let pairs = length.div_ceil(whole.saturating_mul(4).max(1));
    let piece = if length <= whole { length } else { length.div_ceil(2 * pairs) };
    let mut starts = vec![from];
    let mut buffer = Vec::new();
    let mut next = from.saturating_add(piece.max(1));
    while let Some(start) = text.next_line(next, &mut buffer)? {
        starts.push(start);
        // Where a line is longer than a piece, there are fewer.
        next = next.saturating_add(piece.max(1)).max(start + 1);
    }
    Ok(starts)
}

/// A text that is ASCII this far is taken for ASCII; records that are not are refused one by one.
const ASCII_MAX: usize = 128 << 20;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::sync::Mutex;

    use encoding_rs::UTF_8;
    use proptest::prelude::*;

    use super::*;
    use crate::source::records::Splitter;
    use crate::source::{BLOCK, Block, testing};

    fn layout() -> Layout {
        testing::layout(&["a", "b"])
    }

    /// Line and texts of each row, line and finding of each bad record, and the last line.
    type Told = (Vec<(u64, Vec<String>)>, Vec<(u64, String)>, u64);

    fn told(tables: Vec<(RawTable, u64)>) -> Told {
        let (mut rows, mut bad, mut last) = (Vec::new(), Vec::new(), 0);
        for (table, before) in tables {
            for (row, line) in table.lines.iter().enumerate() {
                let texts = table.columns.iter().flatten().map(|column| column.texts.get(row).to_string());
                rows.push((line + before, texts.collect()));
            }
            bad.extend(table.bad_records.iter().map(|bad| (bad.line + before, bad.found.clone())));
            let extent = extent(&table);
            last = if extent.records > 0 { extent.last_line + before } else { last };
        }
        bad.sort_unstable();
        (rows, bad, last)
    }

    fn in_pieces(text: Text<'_>, piece: usize) -> Told {
        let spare = Arc::default();
        let reader = Reader { unpacker: None, piece, advance: &|_, _| {}, keeper: None, spare: &spare };
        let head = coding::code_head(text, b',', &layout(), UTF_8).expect("a header");
        let taken = reader.read_pieces(text, &head, &|table| table).expect("reads");
        let last = taken.last().map_or(0, |taken| taken.last_line);
        let told = told(taken.into_iter().map(|taken| (taken.value, taken.lines_before)).collect());
        assert_eq!(told.2, last);
        told
    }

    fn in_one_pass(text: &[u8]) -> Told {
        let table = coding::code(&mut Splitter::new(text, b','), &layout(), UTF_8, Arc::from(""));
        told(vec![(table.expect("reads"), 0)])
    }

    #[test]
    fn pieces_are_alike_and_even_in_number() {
        let text = "x,y,and more on a line of 40 characters\n".repeat(100);
        for (piece, expected) in
            [(4000, 1), (5000, 1), (3999, 2), (1000, 2), (999, 4), (500, 4), (400, 6), (0, 100)]
        {
            let starts = piece_starts(Text::Held(text.as_bytes()), 0, piece).expect("reads");
            assert_eq!(starts.len(), expected, "{piece}");
            let ends = starts.iter().skip(1).copied().chain([text.len()]);
            let lengths: Vec<usize> = starts.iter().zip(ends).map(|(start, end)| end - start).collect();
            let (least, most) = (lengths.iter().min(), lengths.iter().max());
            let differ = least.zip(most).map(|(least, most)| most - least);
            assert!(differ.is_some_and(|differ| differ <= 80), "{lengths:?}");
            // A piece goes on to the end of its last line.
            assert!(lengths.len() == 1 || most.is_some_and(|most| *most <= 2 * piece + 40), "{lengths:?}");
        }
        for most in [0, 1, usize::MAX >> 1, usize::MAX] {
            assert_eq!(piece_starts(Text::Held(b""), 0, most).expect("reads"), [0]);
        }
        assert_eq!(piece_starts(Text::Held(text.as_bytes()), 0, usize::MAX).expect("reads"), [0]);
    }

    #[test]
    fn pieces_read_as_one_pass_does() {
        // Quoted fields with line ends in them lie across every place where a piece could begin.
        let mut text = "preface\r\n\r\na,b\r\n".to_owned();
        while text.len() < 100_000 {
            let number = text.len() % 977;
            text.push_str(&format!("{number},\"first\r\nsecond,\n\r\n{number}\"\r\n\r\nx,y\n"));
            if number == 0 {
                text.push_str("z,\"\n".repeat(3).as_str());
            }
        }
        text.push_str("tail,\"never closed\nlast,row");
        let one = in_one_pass(text.as_bytes());
        assert!(one.0.len() > 1000 && !one.1.is_empty());
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("writes");
        let filed = Text::Filed { file: &file, skip: 0, length: text.len(), keeper: None };
        for piece in [0, 1, 7, 100, 10_000, PIECE] {
            assert_eq!(in_pieces(Text::Held(text.as_bytes()), piece), one, "pieces of {piece}");
            assert_eq!(in_pieces(filed, piece), one, "filed pieces of {piece}");
        }
    }

    #[derive(Debug, Default)]
    struct Blocks(Mutex<BTreeMap<usize, Vec<u8>>>);

    impl Keeper for Blocks {
        fn keep(&self, number: usize, block: Block) {
            let known = self.0.lock().expect("nobody fails").insert(number, block.as_ref().to_vec());
            assert!(known.is_none_or(|known| known == block.as_ref()), "block {number}");
        }
    }

    #[test]
    fn long_records_are_read_across_blocks_and_every_block_is_handed_on() {
        let mut text = "a,b\n".to_owned();
        while text.len() < 8 * BLOCK {
            let number = text.len();
            text.push_str(&format!(
                "{number},x\r\n\"{}\",y\n",
                "first\r\nsecond,\"\"".repeat(number % 40_000)
            ));
            text.push_str(&"1,2\r\n".repeat(10_000));
            // Never closed, which is told only after a mebibyte.
            text.push_str("z,\"open\n");
            text.push_str(&"3,4\n".repeat(300_000));
        }
        let one = in_one_pass(text.as_bytes());
        assert!(one.0.len() > 900_000 && one.1.len() > 2, "{} rows, {} bad", one.0.len(), one.1.len());
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("writes");
        for piece in [BLOCK / 3, BLOCK, 3 * BLOCK] {
            let kept = Blocks::default();
            let filed = Text::Filed { file: &file, skip: 0, length: text.len(), keeper: Some(&kept) };
            assert!(in_pieces(filed, piece) == one, "pieces of {piece}");
            let kept = kept.0.into_inner().expect("nobody fails");
            assert!(kept.len() > text.len() / BLOCK / 2);
            for (number, block) in kept {
                let place = number * BLOCK;
                assert!(block == text.as_bytes()[place..text.len().min(place + BLOCK)], "block {number}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_in_pieces_as_in_one(
            bytes in proptest::collection::vec(prop::sample::select(b"x,\"\r\n".to_vec()), 0..60),
            piece in 0usize..20,
        ) {
            let text = [b"a,b\n", bytes.as_slice()].concat();
            prop_assert_eq!(in_pieces(Text::Held(&text), piece), in_one_pass(&text));
        }

        #[test]
        fn pieces_begin_behind_line_ends(
            bytes in proptest::collection::vec(prop::sample::select(b"a\"\r\n".to_vec()), 0..40),
            from in 0usize..200,
            whole in 0usize..60,
        ) {
            let mut long = vec![b'x'; 100];
            long.extend(&bytes);
            long.extend(vec![b'y'; 10]);
            let starts = piece_starts(Text::Held(&long), from, whole).expect("held");
            prop_assert!(starts.is_sorted_by(|one, next| one < next) && starts[0] == from);
            for start in starts.into_iter().skip(1) {
                prop_assert!(matches!(long[start - 1], b'\n' | b'\r'));
                prop_assert!(!(long[start - 1] == b'\r' && long[start] == b'\n'));
            }
        }
    }
}
