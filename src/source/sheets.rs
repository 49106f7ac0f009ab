//! The sheets of a plain workbook, read in pieces side by side: cut between rows while they are unpacked, so that no sheet
//! is held whole.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;
use zip::read::ZipFile;

use super::cells::{Cells, is_range};
use super::coding::{self, Begun, Coder};
use super::error::Problem;
use super::markup::{Kind, Markup};
use super::package::{Meanings, Package, behind_declaration};
use super::pieces::{Advance, Taken, extent};
use super::workbook::chosen;
use super::{Layout, RawTable, Sheets};
use crate::lanes;

/// A sheet that is not plain, or damaged: whoever knows all of it reads it, and says what is wrong.
#[derive(Debug)]
pub(super) struct NotPlain;

/// How sheets are read.
#[derive(Clone, Copy)]
pub(super) struct SheetReader<'a, T> {
    pub layout: &'a Layout,
    /// Bytes of unpacked rows that are read together.
    pub piece: usize,
    pub advance: Advance<'a>,
    pub take: &'a (dyn Fn(RawTable) -> T + Sync),
}

impl<T: Send> SheetReader<'_, T> {
    /// Reads the chosen sheets of a workbook, each in pieces.
    ///
    /// # Errors
    /// The outer ones: some sheet is not plain. The inner ones: what would keep any reader from reading it.
    pub fn read(&self, bytes: &[u8]) -> Result<Result<Vec<Taken<T>>, Problem>, NotPlain> {
        let mut package = Package::open(bytes).ok_or(NotPlain)?;
        let names = package.sheets.iter().map(|(name, _)| name.clone()).collect();
        let names = match chosen(names, &self.layout.sheets) {
            Ok(names) => names,
            Err(problem) => return Ok(Err(problem)),
        };
        let mut taken = Vec::new();
        for name in names {
            let part = package.sheets.iter().find(|(own, _)| *own == name).map(|(_, part)| part.as_str());
            let part = package.archive.by_name(part.ok_or(NotPlain)?).map_err(|_| NotPlain)?;
            match self.sheet(&name, part, &package.meanings)? {
                Ok(pieces) => taken.extend(pieces),
                Err(Problem::Empty) if self.layout.sheets == Sheets::All => {}
                Err(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Ok(taken))
    }

    fn sheet(
        &self,
        name: &str,
        part: ZipFile<'_, impl Read + Send>,
        meanings: &Meanings,
    ) -> Result<Result<Vec<Taken<T>>, Problem>, NotPlain> {
        let sheet: Arc<str> = Arc::from(name);
        let (packed, size) = (u128::from(part.compressed_size()), u128::from(part.size().max(1)));
        let hand_on = |rows: &Cells<'_>, table: RawTable, bytes: usize| {
            let packed = u64::try_from(bytes as u128 * packed / size).unwrap_or_default();
            (self.advance)(packed, table.lines.len() as u64);
            let last_line = extent(&table).last_line;
            let piece = Taken { value: (self.take)(table), lines_before: 0, last_line, is_last: false };
            (rows.lines(), piece)
        };
        let mut pieces = Pieces::new(part, self.piece)?;
        let mut first = pieces.next().unwrap_or_else(|| Ok(Vec::new()))?;
        let (begun, mut rows) = loop {
            check_text(&first)?;
            let mut rows = Cells::new(&first, meanings);
            let begun = coding::begin(&mut rows, self.layout, encoding_rs::UTF_8, name);
            if !rows.is_plain {
                return Err(NotPlain);
            }
            // The header may lie further down than the first piece reaches.
            let is_cut_short = rows.is_at_end() && begun.as_ref().map_or(true, |begun| begun.ended);
            match is_cut_short.then(|| pieces.next()).flatten() {
                Some(_) if first.len() > ROWS_MAX => return Err(NotPlain),
                Some(more) => first.extend(more?),
                None => break (begun, rows),
            }
        };
        let Begun { binding, mut coder, ended, .. } = match begun {
            Ok(begun) => begun,
            Err(problem) => return Ok(Err(problem)),
        };
        let read = |rows: &mut Cells<'_>, coder: &mut Coder| {
            let is_read = coder.rest(rows).is_ok() && rows.is_plain;
            is_read.then_some(()).ok_or(NotPlain)
        };
        if !ended {
            read(&mut rows, &mut coder)?;
        }
        let mut all = vec![Ok(hand_on(&rows, coder.finish(&binding, sheet.clone()), first.len()))];
        drop(first);
        // Whoever meets what is not plain ends it for all.
        let is_over = AtomicBool::new(false);
        let pieces = pieces.take_while(|_| !is_over.load(Ordering::Relaxed));
        all.extend(lanes::map(pieces, |piece: Result<Vec<u8>, NotPlain>| {
            let read = || {
                let piece = piece?;
                check_text(&piece)?;
                let mut rows = Cells::new(&piece, meanings);
                let mut coder = Coder::of_sheet(&binding);
                read(&mut rows, &mut coder)?;
                Ok(hand_on(&rows, coder.finish(&binding, sheet.clone()), piece.len()))
            };
            read().inspect_err(|NotPlain| is_over.store(true, Ordering::Relaxed))
        }));
        let (mut taken, mut above, mut last_line) = (Vec::with_capacity(all.len()), 0, 0);
        for piece in all {
            let (lines, mut piece) = piece?;
            // Two rows of one line would be one record.
            if let Some((first, last)) = lines {
                (first > above).then_some(()).ok_or(NotPlain)?;
                above = last;
            }
            last_line = last_line.max(piece.last_line);
            piece.last_line = last_line;
            taken.push(piece);
        }
        taken.last_mut().into_iter().for_each(|last: &mut Taken<T>| last.is_last = true);
        Ok(Ok(taken))
    }
}

/// Bytes of a sheet in which its rows begin.
const HEAD_MAX: usize = 4 << 20;
/// Bytes that are read at a time to find where.
const STEP: usize = 1 << 16;
/// Bytes of the first piece.
const FIRST: usize = 1 << 18;
/// Bytes of rows among which is a second one, and the header.
const ROWS_MAX: usize = 64 << 20;

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
    fn new(mut part: R, piece: usize) -> Result<Pieces<R>, NotPlain> {
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

    fn next_piece(&mut self) -> Result<Vec<u8>, NotPlain> {
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
            if read < more || wanted > ROWS_MAX {
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
    type Item = Result<Vec<u8>, NotPlain>;

    /// Nothing follows what is not plain.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let piece = self.next_piece();
        self.is_done |= piece.is_err();
        Some(piece).filter(|piece| !self.is_done || piece.as_ref().map_or(true, |rows| !rows.is_empty()))
    }
}

/// Whether this is UTF-8 without comments and CDATA, in which an end would be none, nor a row.
fn check_text(bytes: &[u8]) -> Result<(), NotPlain> {
    let is_plain = memmem::find(bytes, b"<!").is_none() && std::str::from_utf8(bytes).is_ok();
    is_plain.then_some(()).ok_or(NotPlain)
}

#[cfg(test)]
mod tests;
