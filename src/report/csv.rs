use std::fmt::Write;
use std::io;

use jiff::civil::Date;
use rayon::prelude::*;

use super::table::{Cell, Column, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvOptions {
    /// Spreadsheet programs take a file for UTF-8 only when it begins with a byte-order mark.
    pub byte_order_mark: bool,
}

/// RFC 4180 with CRLF. Texts that a spreadsheet would take for a formula get an apostrophe in front.
pub fn write_csv(table: &Table, options: CsvOptions) -> Vec<u8> {
    let write = |row: &Vec<Cell>, out: &mut Row<'_>| row.iter().for_each(|cell| out.cell(cell));
    in_memory(|bytes| Rows::begin(bytes, &table.columns, options)?.write(&table.rows, write))
}

/// What is written, as bytes.
pub fn in_memory(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Memory takes whatever is written to it.
    let _ = write(&mut bytes);
    bytes
}

/// Rows that are written by one thread at a time.
const ROWS: usize = 1024;
/// Parts of so many rows that are held at a time.
const PARTS: usize = 16;

/// A file whose rows are made side by side, and written one after the other.
pub(super) struct Rows<'a, W: ?Sized> {
    out: &'a mut W,
    parts: Vec<String>,
}

impl<W: io::Write + ?Sized> Rows<'_, W> {
    pub(super) fn begin<'a>(
        out: &'a mut W,
        columns: &[Column],
        options: CsvOptions,
    ) -> io::Result<Rows<'a, W>> {
        let mut text = String::new();
        if options.byte_order_mark {
            text.push('\u{feff}');
        }
        let mut head = Row::new(&mut text);
        columns.iter().for_each(|column| head.text(&column.name));
        text.push_str("\r\n");
        out.write_all(text.as_bytes())?;
        Ok(Rows { out, parts: vec![String::new(); PARTS] })
    }

    /// Rows that are told when they are written.
    pub(super) fn write<T: Sync>(
        &mut self,
        all: &[T],
        tell: impl Fn(&T, &mut Row<'_>) + Sync,
    ) -> io::Result<()> {
        for some in all.chunks(ROWS * PARTS) {
            let parts = self.parts.par_iter_mut().zip(some.par_chunks(ROWS));
            parts.for_each(|(text, rows)| {
                text.clear();
                for own in rows {
                    tell(own, &mut Row::new(text));
                    text.push_str("\r\n");
                }
            });
            for text in self.parts.iter().take(some.len().div_ceil(ROWS)) {
                self.out.write_all(text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// A row of the file, as far as it is written.
pub(super) struct Row<'a> {
    text: &'a mut String,
    is_first: bool,
}

impl Row<'_> {
    /// Behind a text that ends with a row, or with nothing.
    pub(super) fn new(text: &mut String) -> Row<'_> {
        Row { text, is_first: true }
    }

    /// Fields that are written as they stand in the file.
    pub(super) fn spelt(&mut self, fields: &str) {
        self.begin_field();
        self.text.push_str(fields);
    }

    fn begin_field(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
    }

    fn cell(&mut self, cell: &Cell) {
        match cell {
            Cell::Text(text) => self.text(text),
            Cell::Empty => self.begin_field(),
            Cell::Integer(number) => self.integer(Some(*number)),
            Cell::Date(day) => self.date(Some(*day)),
        }
    }

    pub(super) fn text(&mut self, field: &str) {
        self.begin_field();
        let guard = if is_formula(field) { "'" } else { "" };
        // Bytes of other characters are none of these.
        if field.bytes().fold(false, |any, byte| any | matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            self.text.push('"');
            self.text.push_str(guard);
            self.text.push_str(&field.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(guard);
            self.text.push_str(field);
        }
    }

    pub(super) fn integer(&mut self, number: Option<i64>) {
        self.begin_field();
        if let Some(number) = number {
            self.text.push_str(itoa::Buffer::new().format(number));
        }
    }

    pub(super) fn date(&mut self, day: Option<Date>) {
        self.begin_field();
        let Some(day) = day else { return };
        let Ok(year @ 0..=9999) = u16::try_from(day.year()) else {
            // A text takes whatever is written to it.
            let _ = write!(self.text, "{day}");
            return;
        };
        let [month, of_month] = [day.month(), day.day()].map(i8::unsigned_abs);
        let digit = |number: u16| char::from(b'0' + (number % 10) as u8);
        self.text.extend([year / 1000, year / 100, year / 10, year].map(digit));
        for part in [month, of_month].map(u16::from) {
            self.text.extend(['-', digit(part / 10), digit(part)]);
        }
    }
}

/// A field of [`write_csv`] as it was before it was guarded.
pub fn unguard(field: &str) -> &str {
    field.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(field)
}

/// What spreadsheets evaluate: `= + - @`, their full-width twins, and what hides one behind a control
/// character (OWASP, CSV injection), behind blanks that are not seen, or behind a guard that is its own. A plain
/// negative number is none.
fn is_formula(text: &str) -> bool {
    // Most texts begin with a letter or a digit, and most others with no byte that any of these begin with.
    if text.bytes().next().is_none_or(|first| first.is_ascii_alphanumeric() || (0xe3..=0xee).contains(&first))
    {
        return false;
    }
    let text = text.trim_start_matches(['\'', '\u{200b}', '\u{feff}', '\u{2060}']);
    let begins = text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
    begins && !is_number(text) && text.chars().count() > 1
}

/// A sign, digits, a point: nothing that a spreadsheet could take for a name.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.parse::<f64>().is_ok() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::super::table::Kind;
    use super::*;

    #[test]
    fn days_are_written_as_they_are_printed() {
        for day in ["2020-02-29", "0001-01-01", "0999-12-31", "9999-10-05", "-000004-03-01"] {
            let day: Date = day.parse().expect(day);
            let mut written = String::new();
            Row::new(&mut written).date(Some(day));
            assert_eq!(written, day.to_string());
        }
    }

    #[test]
    fn guards_come_off_again() {
        for text in ["=1+1", "'=1+1", "''=1", "-5", "plain", "'quoted'", "\u{feff}=1", "+86 x", ""] {
            let mut guarded = String::new();
            Row::new(&mut guarded).text(text);
            assert_eq!(unguard(&guarded), text);
            assert!(!guarded.starts_with(['=', '+']), "{guarded}");
        }
    }

    #[test]
    fn five_thousand_payloads_are_inert() {
        let marks =
            ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t=", "\r=", "\n=", "\t", "\r", "=\u{feff}"];
        let bodies = [
            "1+1",
            "cmd|' /C calc'!A0",
            "HYPERLINK(\"http://x\",\"y\")",
            "SUM(A1:A9)",
            "inf",
            "nan",
            "1e9",
            "A1",
            "DDE(\"a\";\"b\")",
            "IMPORTXML(1,2)",
            "x",
            "\"",
            ",",
            "\",=1",
            "0x1f",
            "-1",
            "+-1",
            "'",
            "韭菜",
        ];
        let tails = [
            "",
            " ",
            "\"",
            "\r\n",
            ",",
            "\t",
            "=1",
            "未检出",
            "\u{0}",
            "'",
            ";",
            "|",
            "%",
            "!",
            "&",
            "#",
            "\\",
            "/",
            "*",
        ];
        let mut payloads = 0;
        for mark in marks {
            for (body, tail) in bodies.iter().flat_map(|body| tails.iter().map(move |tail| (body, tail))) {
                let payload = format!("{mark}{body}{tail}");
                let mut table = Table::new(&[("a", Kind::Text), ("b", Kind::Text)]);
                table.rows.push(vec![Cell::text("x"), Cell::text(payload.as_str())]);
                let bytes = write_csv(&table, CsvOptions { byte_order_mark: payloads % 2 == 0 });
                let text = String::from_utf8(bytes).expect("UTF-8");
                let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
                let record = reader.records().next().expect("a row").expect("a record");
                let cell = record.get(1).expect("a field");
                assert_eq!(record.len(), 2, "{payload:?}");
                let inert = !cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
                assert!(inert || is_number(cell), "{payload:?} is written {cell:?}");
                assert_eq!(
                    cell.strip_prefix('\'').unwrap_or(cell),
                    payload.strip_prefix('\'').unwrap_or(&payload)
                );
                payloads += 1;
            }
        }
        assert!(payloads >= 5000, "{payloads}");
    }

    #[test]
    fn fields_are_quoted_and_formulas_are_inert() {
        for (field, expected) in [
            ("韭菜", "韭菜"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("＝1+1", "'＝1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+8613", "+8613"),
            ("-0.5", "-0.5"),
            ("-1+1", "'-1+1"),
            ("\t=1", "'\t=1"),
            ("—", "—"),
        ] {
            let mut table = Table::new(&[("x", Kind::Text)]);
            table.rows.push(vec![Cell::text(field)]);
            let bytes = write_csv(&table, CsvOptions { byte_order_mark: false });
            assert_eq!(String::from_utf8_lossy(&bytes), format!("x\r\n{expected}\r\n"), "{field}");
        }
    }

    #[test]
    fn the_mark_comes_first() {
        let bytes = write_csv(&Table::new(&[("x", Kind::Text)]), CsvOptions { byte_order_mark: true });
        assert_eq!(bytes, b"\xef\xbb\xbfx\r\n");
    }
}
