//! The rows of a sheet, read where they lie (ECMA-376, part 1: 18.3.1).

use calamine::{CellErrorType, ExcelDateTimeType};

use super::error::Problem;
use super::markup::{Kind, Markup, decode};
use super::meanings::{Meanings, Style, add_text, read_text, whole};
use super::records::{Fields, Found, Records};
use super::workbook::{error_text, moment_text, number_text};

/// Whole rows of a sheet, without what surrounds them.
pub(super) struct Cells<'a> {
    markup: Markup<'a>,
    meanings: &'a Meanings,
    /// Lines of the rows read first and last, with a text or without.
    first: Option<u64>,
    last: u64,
    /// Nothing that was met asks for a reader that knows more.
    pub is_plain: bool,
    text: Vec<u8>,
}

/// Excel's last column is XFD.
const COLUMNS_MAX: usize = 16_384;

impl<'a> Cells<'a> {
    pub fn new(rows: &'a [u8], meanings: &'a Meanings) -> Cells<'a> {
        Cells { markup: Markup::new(rows), meanings, first: None, last: 0, is_plain: true, text: Vec::new() }
    }

    /// Lines of the rows that were read, first and last.
    pub fn lines(&self) -> Option<(u64, u64)> {
        Some((self.first?, self.last))
    }

    /// Whether no row is left.
    pub fn is_at_end(&self) -> bool {
        self.markup.is_at_end()
    }

    /// Fills in the next row that has a text; false if there is none. Like all here: none, if it is not plain.
    fn row(&mut self, fields: &mut Fields) -> Option<bool> {
        fields.clear();
        while fields.len() == 0 {
            if self.markup.is_at_end() {
                return Some(false);
            }
            let row = self.markup.tag().filter(|tag| tag.name == b"row")?;
            let [place] = row.attributes([b"r"])?;
            let line = whole(place?)? as u64;
            // Rows go down a sheet: two of one line would be one record.
            if line <= self.last || row.kind == Kind::End {
                return None;
            }
            self.first.get_or_insert(line);
            self.last = line;
            if row.kind == Kind::Start {
                while self.cell(place?, fields)? {}
            }
        }
        Some(true)
    }

    /// Adds the next cell of a row; false behind the last one.
    fn cell(&mut self, row: &[u8], fields: &mut Fields) -> Option<bool> {
        let cell = self.markup.tag()?;
        match (cell.name, cell.kind) {
            (b"row", Kind::End) => return Some(false),
            (b"c", Kind::Start | Kind::Empty) => {}
            _ => return None,
        }
        let [place, style, kind] = cell.attributes([b"r", b"s", b"t"])?;
        let column = column(place?, row)?;
        self.text.clear();
        if cell.kind == Kind::Start {
            self.value(style, kind)?;
        }
        if !self.text.is_empty() {
            // A cell that lies before the one it follows would begin another record.
            fields.pad((column >= fields.len()).then_some(column)?);
            fields.push(&self.text);
        }
        Some(true)
    }

    /// Reads what a cell holds, to its end: at most one value, behind its formula.
    fn value(&mut self, style: Option<&[u8]>, kind: Option<&[u8]>) -> Option<()> {
        // As nearly all of them are written.
        if let Some(text) = self.markup.between(b"<v>", b"</v></c>") {
            return self.stated(text, style, kind);
        }
        if let Some(text) = self.markup.between(b"<is><t>", b"</t></is></c>") {
            return add_text(text, false, &mut self.text);
        }
        let mut is_known = false;
        loop {
            let tag = self.markup.tag()?;
            match (tag.name, tag.kind) {
                (b"c", Kind::End) => return Some(()),
                (b"f", Kind::Empty) if !is_known => {}
                (b"f", Kind::Start) if !is_known => self.markup.skip(b"f")?,
                (b"v", Kind::Start | Kind::Empty) if !is_known => {
                    let is_empty = tag.kind == Kind::Empty;
                    let text = if is_empty { b"" } else { self.markup.text_of(b"v")? };
                    self.stated(text, style, kind)?;
                    is_known = true;
                }
                (b"is", Kind::Empty) if !is_known => is_known = true,
                (b"is", Kind::Start) if !is_known => {
                    read_text(&mut self.markup, b"is", &mut self.text)?;
                    is_known = true;
                }
                _ => return None,
            }
        }
    }

    /// What is written in `<v>`, by the type of its cell (18.18.11).
    fn stated(&mut self, value: &[u8], style: Option<&[u8]>, kind: Option<&[u8]>) -> Option<()> {
        match kind {
            None | Some(b"s" | b"str" | b"d" | b"b" | b"e" | b"n") if value.is_empty() => {}
            Some(b"s") => self.text.extend_from_slice(self.meanings.text(value)?),
            Some(b"str") => add_text(value, true, &mut self.text)?,
            Some(b"d") => decode(value, &mut self.text)?,
            Some(b"b") => self.text.extend_from_slice(match value {
                b"0" => b"false",
                b"1" => b"true",
                _ => return None,
            }),
            Some(b"e") => {
                let error: CellErrorType = std::str::from_utf8(value).ok()?.parse().ok()?;
                self.text.extend_from_slice(error_text(&error).as_bytes());
            }
            None | Some(b"n") => self.number(value, self.meanings.style(style)?)?,
            Some(_) => return None,
        }
        Some(())
    }

    fn number(&mut self, value: &[u8], style: Style) -> Option<()> {
        let kind = match style {
            Style::Number if is_as_shown(value) => {
                self.text.extend_from_slice(value);
                return Some(());
            }
            Style::Number => None,
            Style::Date => Some(ExcelDateTimeType::DateTime),
            Style::Duration => Some(ExcelDateTimeType::TimeDelta),
            Style::Unclear => return None,
        };
        let is_plain = value.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
        let number: f64 = std::str::from_utf8(value).ok().filter(|_| is_plain)?.parse().ok()?;
        let text = match kind {
            None => number_text(number),
            Some(kind) => moment_text(&self.meanings.moment(number, kind)),
        };
        self.text.extend_from_slice(text.as_bytes());
        Some(())
    }
}

/// Whether a number is written as it is shown: without an exponent or a digit too many, and with no more digits than a
/// binary number holds for certain, which is 15.
fn is_as_shown(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let (whole, fraction) =
        match memchr::memchr(b'.', digits).and_then(|point| digits.split_at_checked(point)) {
            Some((whole, fraction)) => (whole, fraction.get(1..)),
            None => (digits, None),
        };
    let is_short = whole.len() + fraction.map_or(0, <[u8]>::len) <= 15;
    let is_whole = matches!(whole, [b'0'] | [b'1'..=b'9', ..]) && whole.iter().all(u8::is_ascii_digit);
    let is_fraction = |fraction: &[u8]| {
        fraction.last().is_some_and(|last| *last != b'0') && fraction.iter().all(u8::is_ascii_digit)
    };
    is_short && is_whole && fraction.is_none_or(is_fraction) && value != b"-0"
}

/// The column of a place that is in this row, counted from 0.
fn column(place: &[u8], row: &[u8]) -> Option<usize> {
    column_of(place.strip_suffix(row)?)
}

fn column_of(letters: &[u8]) -> Option<usize> {
    let is_plain = (1..=3).contains(&letters.len()) && letters.iter().all(u8::is_ascii_uppercase);
    let number =
        letters.iter().fold(0, |number, letter| number * 26 + usize::from(letter.wrapping_sub(b'A')) + 1);
    (is_plain && number <= COLUMNS_MAX).then(|| number - 1)
}

/// Whether this is a cell, or one corner of a range and the other.
pub(super) fn is_range(places: &[u8]) -> bool {
    let is_place = |place: &[u8]| {
        let letters = place.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        place
            .split_at_checked(letters)
            .is_some_and(|(column, row)| column_of(column).is_some() && whole(row).is_some_and(|row| row > 0))
    };
    let places: Vec<&[u8]> = places.split(|byte| *byte == b':').collect();
    places.len() <= 2 && places.into_iter().all(is_place)
}

impl Records for Cells<'_> {
    fn next(&mut self, fields: &mut Fields) -> Result<Found, Problem> {
        let row = if self.is_plain { self.row(fields) } else { None };
        self.is_plain = row.is_some();
        Ok(if row == Some(true) { Found::Record { line: self.last } } else { Found::End })
    }

    fn ragged_is_fault(&self) -> bool {
        false
    }
}
