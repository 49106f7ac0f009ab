//! The sheets of a plain workbook, read in pieces side by side: cut between rows while they are unpacked, so that no sheet
//! is held whole.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

use super::cells::{Cells, is_range};
use super::coding::{self, Begun, Coder};
use super::error::Problem;
use super::header::Binding;
use super::markup::{Kind, Markup, behind_declaration};
use super::meanings::Meanings;
use super::package::Package;
use super::pieces::{Advance, Taken, extent};
use super::workbook::chosen;
use super::{Layout, RawTable, Sheets};
use crate::lanes;

/// Why sheets are not read here.
#[derive(Debug)]
pub(super) enum Unread {
    /// One is not plain, or damaged: whoever knows all of it reads it, and says what is wrong.
    NotPlain,
    /// What would keep any reader from reading it.
    Refused(Problem),
}

use Unread::NotPlain;

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Unread {
        Unread::Refused(problem)
    }
}

/// How sheets are read.
pub(super) struct SheetReader<'a, T> {
    pub layout: &'a Layout,
    /// Bytes of unpacked rows that are read together.
    pub piece: usize,
    pub advance: Advance<'a>,
    pub take: &'a (dyn Fn(RawTable) -> T + Sync),
}

/// A sheet that is being read.
struct Sheet<'a> {
    name: Arc<str>,
    meanings: &'a Meanings,
    /// Bytes that it takes in the archive, and unpacked.
    packed: u64,
    size: u64,
}

/// What was made of some rows, and the lines of the first and the last of them.
struct Piece<T> {
    lines: Option<(u64, u64)>,
    taken: Taken<T>,
}

impl<T: Send> SheetReader<'_, T> {
    /// Reads the chosen sheets of a workbook, each in pieces.
    ///
    /// # Errors
    /// Some sheet is not plain, or nobody could read it.
    pub fn read(&self, bytes: &[u8]) -> Result<Vec<Taken<T>>, Unread> {
        let mut package = Package::open(bytes).ok_or(NotPlain)?;
        let names = package.sheets.iter().map(|(name, _)| name.clone()).collect();
        let (mut taken, mut rest) = (Vec::new(), bytes.len() as u64);
        for name in chosen(names, &self.layout.sheets)? {
            let part = package.sheets.iter().find(|(own, _)| *own == name).map(|(_, part)| part.as_str());
            let part = package.archive.by_name(part.ok_or(NotPlain)?).map_err(|_| NotPlain)?;
            let (packed, size) = (part.compressed_size(), part.size());
            let sheet = Sheet { name: Arc::from(name), meanings: &package.meanings, packed, size };
            match self.read_sheet(&sheet, Pieces::new(part, self.piece)?) {
                Ok(pieces) => taken.extend(pieces),
                Err(Unread::Refused(Problem::Empty)) if self.layout.sheets == Sheets::All => {}
                Err(other) => return Err(other),
            }
            rest = rest.saturating_sub(packed);
        }
        (self.advance)(rest, 0);
        Ok(taken)
    }

    fn read_sheet(
        &self,
        sheet: &Sheet<'_>,
        mut pieces: Pieces<impl Read + Send>,
    ) -> Result<Vec<Taken<T>>, Unread> {
        let (binding, first) = self.read_first(sheet, &mut pieces)?;
        // Whoever meets what is not plain ends it for all.
        let is_over = AtomicBool::new(false);
        let pieces = pieces.take_while(|_| !is_over.load(Ordering::Relaxed));
        let others = lanes::map(pieces, |piece: Result<Vec<u8>, Unread>| {
            let read = piece.and_then(|piece| {
                let mut rows = Cells::new(plain_text(&piece)?, sheet.meanings);
                self.read_piece(sheet, &binding, Coder::of_sheet(&binding), &mut rows, piece.len())
            });
            read.inspect_err(|_| is_over.store(true, Ordering::Relaxed))
        });
        let (mut taken, mut above, mut last_line) = (Vec::new(), 0, 0);
        for piece in std::iter::once(Ok(first)).chain(others) {
            let Piece { lines, taken: mut own } = piece?;
            // Rows go down a sheet, as in each piece.
            match lines {
                Some((first, _)) if first <= above => return Err(NotPlain),
                Some((_, last)) => above = last,
                None => {}
            }
            last_line = own.last_line.max(last_line);
            own.last_line = last_line;
            taken.push(own);
        }
        taken.last_mut().into_iter().for_each(|last: &mut Taken<T>| last.is_last = true);
        Ok(taken)
    }

    /// The header, and the piece that has it.
    fn read_first(
        &self,
        sheet: &Sheet<'_>,
        pieces: &mut Pieces<impl Read>,
    ) -> Result<(Binding, Piece<T>), Unread> {
        let mut piece = pieces.next().unwrap_or_else(|| Ok(Vec::new()))?;
        loop {
            let mut rows = Cells::new(plain_text(&piece)?, sheet.meanings);
            let begun = coding::begin(&mut rows, self.layout, encoding_rs::UTF_8, &sheet.name);
            if !rows.is_plain {
                return Err(NotPlain);
            }
            // The header may lie further down than the piece reaches.
            let is_cut_short = rows.is_at_end() && begun.as_ref().map_or(true, |begun| begun.ended);
            if is_cut_short && piece.len() >= ROWS_MAX {
                return Err(NotPlain);
            }
            match is_cut_short.then(|| pieces.next()).flatten() {
                Some(more) => piece.extend(more?),
                None => {
                    let Begun { binding, coder, .. } = begun?;
                    let read = self.read_piece(sheet, &binding, coder, &mut rows, piece.len())?;
                    return Ok((binding, read));
                }
            }
        }
    }

    /// Codes the rows that are left of a piece of so many bytes, and hands the piece on.
    fn read_piece(
        &self,
        sheet: &Sheet<'_>,
        binding: &Binding,
        mut coder: Coder,
        rows: &mut Cells<'_>,
        bytes: usize,
    ) -> Result<Piece<T>, Unread> {
        coder.rest(rows)?;
        if !rows.is_plain {
            return Err(NotPlain);
        }
        let table = coder.finish(binding, sheet.name.clone());
        let share = bytes as u128 * u128::from(sheet.packed) / u128::from(sheet.size.max(1));
        (self.advance)(u64::try_from(share).unwrap_or_default(), table.lines.len() as u64);
        let last_line = extent(&table).last_line;
        let taken = Taken { value: (self.take)(table), lines_before: 0, last_line, is_last: false };
        Ok(Piece { lines: rows.lines(), taken })
    }
}

/// Bytes of a sheet in which its rows begin.
const HEAD_MAX: usize = 4 << 20;
/// Bytes that are read at a time to find where.
const STEP: usize = 1 << 16;
/// Bytes of the first piece.
const FIRST: usize = 1 << 18;
/// Bytes of a sheet's beginning among which is its header, and that a row stays below.
const ROWS_MAX: usize = 16 << 20;

/// The rows of a sheet as they are unpacked, cut before one whenever there are enough.
struct Pieces<R> {
    part: R,
    piece: usize,
    /// Bytes of the next piece: the first one is short, for nobody reads beside it.
    wanted: usize,
    /// Unpacked, and not handed out yet.
    rest: Vec<u8>,
    is_done: bool,
}

impl<R: Read> Pieces<R> {
    /// Unpacks up to where the rows begin.
    fn new(mut part: R, piece: usize) -> Result<Pieces<R>, Unread> {
        let mut head = Vec::new();
        loop {
            let step = head.len().max(STEP);
            let read = part.by_ref().take(step as u64).read_to_end(&mut head).map_err(|_| NotPlain)?;
            // What is none of it may only be cut off.
            if let Some((start, is_done)) = rows_begin(&head) {
                let rest = head.split_off(start);
                return Ok(Pieces { part, piece, wanted: piece.min(FIRST), rest, is_done });
            }
            if read < step || head.len() > HEAD_MAX {
                return Err(NotPlain);
            }
        }
    }

    fn next_piece(&mut self) -> Result<Vec<u8>, Unread> {
        let mut wanted = std::mem::replace(&mut self.wanted, self.piece).max(1);
        loop {
            let more = wanted.saturating_sub(self.rest.len());
            self.rest.reserve(more);
            let read =
                self.part.by_ref().take(more as u64).read_to_end(&mut self.rest).map_err(|_| NotPlain)?;
            let seen = self.rest.get(..wanted).unwrap_or(&self.rest);
            if let Some(end) = memmem::find(seen, END) {
                self.is_done = true;
                self.rest.truncate(end);
                return Ok(std::mem::take(&mut self.rest));
            }
            if let Some(last) = memmem::rfind(seen, ROW).filter(|last| *last > 0) {
                let behind = self.rest.split_off(last);
                return Ok(std::mem::replace(&mut self.rest, behind));
            }
            if read < more || wanted >= ROWS_MAX {
                return Err(NotPlain);
            }
            wanted = wanted.saturating_mul(2);
        }
    }
}

const ROW: &[u8] = b"<row";
const END: &[u8] = b"</sheetData>";

/// Where the rows of a sheet begin, and whether there are none.
fn rows_begin(head: &[u8]) -> Option<(usize, bool)> {
    let behind = behind_declaration(head)?;
    let mut markup = Markup::new(behind);
    loop {
        let tag = markup.anywhere()?;
        match (tag.local(), tag.kind) {
            (b"dimension", Kind::Start | Kind::Empty) => {
                let [places] = tag.attributes([b"ref"])?;
                is_range(places?).then_some(())?;
            }
            (b"sheetData", kind) if tag.name == b"sheetData" && kind != Kind::End => {
                let start = head.len() - behind.len() + markup.position();
                std::str::from_utf8(head.get(..start)?).ok()?;
                return Some((start, kind == Kind::Empty));
            }
            (b"sheetData", _) => return None,
            _ => {}
        }
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = Result<Vec<u8>, Unread>;

    /// Nothing follows what is not plain.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let piece = self.next_piece();
        self.is_done |= piece.is_err();
        match piece {
            Ok(rows) if self.is_done && rows.is_empty() => None,
            piece => Some(piece),
        }
    }
}

/// The bytes, if they are UTF-8 without comments and CDATA, in which an end would be none, nor a row.
fn plain_text(bytes: &[u8]) -> Result<&[u8], Unread> {
    let is_plain = memmem::find(bytes, b"<!").is_none() && std::str::from_utf8(bytes).is_ok();
    is_plain.then_some(bytes).ok_or(NotPlain)
}

#[cfg(test)]
mod tests;
