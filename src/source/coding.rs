use std::ops::Range;
use std::sync::Arc;

use encoding_rs::Encoding;

use super::columns::{self, Columns};
use super::encoding::{decode, show};
use super::error::Problem;
use super::header::{self, Binding, PREVIEW};
use super::records::{Fields, Found, Records, Splitter};
use super::text::Text;
use super::windows::{Spare, Windows};
use super::{BadRecord, Layout, RawColumn, RawTable};
use crate::column::{Dictionary, take_rows};
use crate::model::{Code, Fault};

/// Reads all records of a sheet: finds the header in the first ones, then codes the bound columns only, so that
/// what nobody asked for (personal data above all) is never held.
pub fn code(
    records: &mut dyn Records,
    layout: &Layout,
    encoding: &'static Encoding,
    sheet: Arc<str>,
) -> Result<RawTable, Problem> {
    let Begun { binding, mut coder, ended, .. } = begin(records, layout, encoding, &sheet)?;
    if !ended {
        coder.rest(records)?;
    }
    Ok(coder.finish(&binding, sheet))
}

/// The header of a text, and where its records begin.
#[derive(Debug)]
pub struct Head {
    pub binding: Binding,
    pub encoding: &'static Encoding,
    pub delimiter: u8,
    /// Where the record behind the header begins, and on which line.
    pub position: usize,
    pub line: u64,
    /// Fields that most records have in common with the one above.
    pub cut: Option<usize>,
}

/// Bytes that are read at first, and then more of, where a record does not end.
const STEP: usize = 1 << 19;

/// Finds the header of a text.
pub fn code_head(
    text: Text<'_>,
    delimiter: u8,
    layout: &Layout,
    encoding: &'static Encoding,
) -> Result<Head, Problem> {
    let mut buffer = Vec::new();
    let mut end = STEP.min(text.len());
    loop {
        let bytes = text.piece(0..end, &mut buffer)?;
        let mut splitter = Splitter::new(bytes, delimiter);
        let begun = begin(&mut splitter, layout, encoding, "");
        if end == text.len() || !(splitter.ran_out() || splitter.position() == end) {
            let begun = begun?;
            let (position, line) = behind(begun.header_line, bytes, delimiter)?;
            let records = bytes.get(position..).unwrap_or_default();
            let cut = columns::cut(&mut Splitter::new(records, delimiter), begun.binding.width);
            return Ok(Head { binding: begun.binding, encoding, delimiter, position, line, cut });
        }
        end = end.saturating_mul(2).min(text.len());
    }
}

/// Where the record behind the one on a line begins, and on which line.
fn behind(header_line: u64, bytes: &[u8], delimiter: u8) -> Result<(usize, u64), Problem> {
    let mut splitter = Splitter::new(bytes, delimiter);
    let mut fields = Fields::default();
    loop {
        match splitter.next(&mut fields)? {
            Found::Record { line } if line < header_line => {}
            Found::OpenQuote { .. } => {}
            Found::Record { .. } | Found::End => return Ok((splitter.position(), splitter.lines())),
        }
    }
}

/// The records that begin in a piece of a text, on lines counted from where it begins.
#[derive(Debug)]
pub struct Piece {
    pub table: RawTable,
    /// Where the record behind them begins.
    pub end: usize,
    /// Line ends among them.
    pub lines: u64,
}

/// Codes the records that begin between two positions; the last of them may reach beyond. Once all pieces of the text are
/// begun, another thread may help.
pub fn code_piece(
    text: Text<'_>,
    head: &Head,
    range: Range<usize>,
    spare: &Arc<Spare>,
) -> Result<Piece, Problem> {
    let mut coder = Coder::new(&head.binding, head.cut, head.encoding, true, Vec::new());
    let mut windows = Windows::new(text, spare);
    let (mut position, mut lines) = (range.start, 0);
    while position < range.end {
        windows.advance(position)?;
        let beside = windows.beside(range.end);
        let window = windows.window();
        let mut splitter = Splitter::within(window.bytes, head.delimiter, lines);
        let is_enough = |own: &Splitter<'_>| position + own.position() >= range.end;
        let code = || coder.window(&mut splitter, window.is_last, is_enough);
        let (coded, ahead) = rayon::join(code, || beside.work());
        coded?;
        if position == range.start && !window.is_last {
            coder.make_room(splitter.position(), range.len());
        }
        position += splitter.position();
        lines = splitter.lines();
        if window.is_last {
            break;
        }
        windows.take(ahead?);
    }
    let table = coder.finish(&head.binding, Arc::from(""));
    Ok(Piece { table, end: position, lines })
}

/// The header, and the records that were read to find it.
pub(super) struct Begun {
    pub binding: Binding,
    header_line: u64,
    pub coder: Coder,
    /// There is nothing more to read.
    pub ended: bool,
}

/// Finds the header and codes what was read on the way to it.
pub(super) fn begin(
    records: &mut dyn Records,
    layout: &Layout,
    encoding: &'static Encoding,
    sheet: &str,
) -> Result<Begun, Problem> {
    let mut preview: Vec<(u64, Fields)> = Vec::new();
    let mut coder_faults = Vec::new();
    let mut ended = false;
    let wanted =
        layout.header_row.map_or(PREVIEW, |row| PREVIEW.max(usize::try_from(row).unwrap_or(PREVIEW)));
    while preview.len() < wanted && !ended {
        let mut fields = Fields::default();
        match records.next(&mut fields)? {
            Found::Record { line } => preview.push((line, fields)),
            Found::OpenQuote { line } => coder_faults.push(open_quote(line, &fields, encoding)),
            Found::End => ended = true,
        }
    }
    let texts: Vec<(u64, Vec<String>)> = preview
        .iter()
        .map(|(line, fields)| (*line, fields.iter().map(|field| show(encoding, field)).collect()))
        .collect();
    let binding = header::bind(&texts, layout, sheet)?;
    let header_line = texts.get(binding.index).map_or(0, |(line, _)| *line);
    coder_faults.retain(|fault: &BadRecord| fault.line > header_line);
    let mut coder = Coder::new(&binding, None, encoding, records.ragged_is_fault(), coder_faults);
    for (line, fields) in preview.iter().skip(binding.index + 1) {
        coder.record(*line, fields);
    }
    Ok(Begun { binding, header_line, coder, ended })
}

fn open_quote(line: u64, fields: &Fields, encoding: &'static Encoding) -> BadRecord {
    // The text itself may hold anything, so it is not shown.
    let fault = Fault::new(Code::BadRow, "a closing quote");
    let length = show(encoding, fields.get(0)).chars().count();
    BadRecord {
        line,
        column: String::new(),
        found: format!("an open quote in a line of {length} characters"),
        fault,
    }
}

fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(60).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

/// Rows that room is made for at most.
const ROOM_MAX: usize = 1 << 20;

pub(super) struct Coder {
    encoding: &'static Encoding,
    ragged_is_fault: bool,
    width: usize,
    columns: Columns,
    /// Whether records are told from the one above by the columns, and not by their splitter.
    is_cut: bool,
    lines: Vec<u64>,
    bad_records: Vec<BadRecord>,
    /// Whether the record read last is the last one coded.
    above_is_last: bool,
}

impl Coder {
    fn new(
        binding: &Binding,
        cut: Option<usize>,
        encoding: &'static Encoding,
        ragged_is_fault: bool,
        bad: Vec<BadRecord>,
    ) -> Coder {
        let bound = binding.columns.iter().flatten();
        // The requested columns, then the wide ones.
        let places: Vec<usize> = bound.chain(&binding.wide).copied().collect();
        Coder {
            encoding,
            ragged_is_fault,
            width: binding.width,
            columns: Columns::new(places, binding.width, cut),
            is_cut: cut.is_some(),
            lines: Vec::new(),
            bad_records: bad,
            above_is_last: false,
        }
    }

    /// For more rows of a sheet whose header is known.
    pub(super) fn of_sheet(binding: &Binding) -> Coder {
        Coder::new(binding, None, encoding_rs::UTF_8, false, Vec::new())
    }

    fn record(&mut self, line: u64, fields: &Fields) {
        let surplus = fields.iter().skip(self.width).any(|field| !field.is_empty());
        if surplus || (self.ragged_is_fault && fields.len() < self.width) {
            self.bad_records.push(BadRecord {
                line,
                column: String::new(),
                found: format!("{} fields", fields.len()),
                fault: Fault::new(Code::BadRow, format!("{} fields, as in the header", self.width)),
            });
            self.above_is_last = false;
            return;
        }
        let above_is_last = std::mem::replace(&mut self.above_is_last, true);
        let same = if above_is_last && !self.is_cut { fields.same() } else { 0 };
        self.columns.add(fields, same);
        self.lines.push(line);
    }

    /// Makes room for the records of so many bytes, of which some are coded already.
    fn make_room(&mut self, coded: usize, bytes: usize) {
        let rows = self.lines.len().saturating_mul(bytes) / coded.max(1);
        // A little more than on average; what follows may be of another kind.
        let more = (rows + rows / 16).min(ROOM_MAX).saturating_sub(self.lines.len());
        self.lines.reserve(more);
        self.columns.reserve(more);
    }

    /// Codes the records of a window of a text until `enough` says so before one. What the window cuts off is left.
    fn window<'a>(
        &mut self,
        splitter: &mut Splitter<'a>,
        is_last: bool,
        enough: impl Fn(&Splitter<'a>) -> bool,
    ) -> Result<(), Problem> {
        self.columns.begin_window();
        let mut fields = Fields::default();
        loop {
            let mut line = splitter.skip_blank();
            while !enough(splitter) && self.columns.add_plain(splitter) {
                self.lines.push(line);
                line = splitter.skip_blank();
            }
            if enough(splitter) {
                return Ok(());
            }
            let position = splitter.position();
            let found = splitter.next(&mut fields)?;
            if splitter.ran_out() && !is_last {
                splitter.go_back(position, line);
                return Ok(());
            }
            if !self.found(found, &fields) {
                return Ok(());
            }
        }
    }

    /// Codes a record that is split field by field; false if there is none.
    fn found(&mut self, found: Found, fields: &Fields) -> bool {
        match found {
            Found::Record { line } => self.record(line, fields),
            Found::OpenQuote { line } => {
                self.bad_records.push(open_quote(line, fields, self.encoding));
                self.above_is_last = false;
            }
            Found::End => return false,
        }
        true
    }

    /// Codes records until they end.
    pub(super) fn rest(&mut self, records: &mut dyn Records) -> Result<(), Problem> {
        let mut fields = Fields::default();
        while self.found(records.next(&mut fields)?, &fields) {}
        Ok(())
    }

    /// Decodes each distinct text; a record that holds one that does not decode is bad.
    pub(super) fn finish(mut self, binding: &Binding, sheet: Arc<str>) -> RawTable {
        let encoding = self.encoding;
        let places = self.columns.places().to_vec();
        let mut undecodable_texts: Vec<Vec<bool>> = vec![Vec::new(); places.len()];
        let mut columns = self.columns.finish(|column, dictionary| {
            let (texts, undecodable) = decode_all(encoding, dictionary);
            undecodable_texts[column] = undecodable;
            texts
        });
        let mut bad_rows: Vec<(u32, usize)> = Vec::new();
        for (column, undecodable) in undecodable_texts.iter().enumerate() {
            if undecodable.contains(&true) {
                let rows = columns[column].codes().iter().enumerate();
                bad_rows.extend(
                    rows.filter(|(_, code)| undecodable[**code as usize])
                        .map(|(row, _)| (row as u32, column)),
                );
            }
        }
        let undecodable = bad_rows.len();
        bad_rows.sort_unstable();
        bad_rows.dedup_by_key(|(row, _)| *row);
        let header_of = |place: &usize| binding.headers.get(*place).cloned().unwrap_or_default();
        let headers: Vec<String> = places.iter().map(header_of).collect();
        for (row, column) in &bad_rows {
            self.bad_records.push(BadRecord {
                line: self.lines[*row as usize],
                column: headers[*column].clone(),
                found: clip(columns[*column].get(*row as usize)),
                fault: Fault::new(Code::BadEncoding, format!("text in {}", encoding.name())),
            });
        }
        if !bad_rows.is_empty() {
            let is_good = |row: &u32| bad_rows.binary_search_by_key(row, |(bad, _)| *bad).is_err();
            let good: Vec<u32> = (0..self.lines.len() as u32).filter(is_good).collect();
            columns = take_rows(&columns, &good);
            self.lines = good.iter().map(|row| self.lines[*row as usize]).collect();
        }
        let mut coded = headers.into_iter().zip(columns).map(|(header, texts)| RawColumn { header, texts });
        let columns = binding.columns.iter().map(|bound| bound.and_then(|_| coded.next())).collect();
        RawTable {
            sheet,
            encoding: encoding.name(),
            columns,
            wide: coded.collect(),
            lines: self.lines,
            bad_records: self.bad_records,
            undecodable,
            unknown_headers: binding.unknown.clone(),
        }
    }
}

/// The texts of a dictionary, and which of them do not decode.
fn decode_all(encoding: &'static Encoding, dictionary: &Dictionary) -> (Vec<Arc<str>>, Vec<bool>) {
    let texts = dictionary.iter().map(|bytes| match decode(encoding, bytes) {
        Some(text) => (Arc::from(&*text), false),
        None => (Arc::from(show(encoding, bytes)), true),
    });
    texts.unzip()
}
