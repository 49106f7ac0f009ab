use std::borrow::Cow;
use std::fmt::Write;

use rayon::prelude::*;

use super::table::{Cell, Column, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvOptions {
    /// Spreadsheet programs take a file for UTF-8 only when it begins with a byte-order mark.
    pub byte_order_mark: bool,
}

/// RFC 4180 with CRLF. Texts that a spreadsheet would take for a formula get an apostrophe in front.
pub fn write_csv(table: &Table, options: CsvOptions) -> Vec<u8> {
    write_rows(&table.columns, &table.rows, |row| Cow::Borrowed(row), options)
}

/// Rows that are written by one thread at a time.
const ROWS: usize = 1024;

/// Likewise, of rows that are made when they are written.
pub(super) fn write_rows<'a, T: Sync>(
    columns: &[Column],
    all: &'a [T],
    row: impl Fn(&'a T) -> Cow<'a, [Cell]> + Sync,
    options: CsvOptions,
) -> Vec<u8> {
    let mut head = String::new();
    if options.byte_order_mark {
        head.push('\u{feff}');
    }
    push_row(
        &mut head,
        &columns.iter().map(|column| Cell::text(column.name.as_str())).collect::<Vec<Cell>>(),
    );
    let written = all.par_chunks(ROWS).map(|rows| {
        let mut text = String::new();
        rows.iter().for_each(|own| push_row(&mut text, &row(own)));
        text
    });
    let written: Vec<String> = written.collect();
    let mut text = head;
    text.reserve_exact(written.iter().map(String::len).sum());
    written.into_iter().for_each(|part| text.push_str(&part));
    text.into_bytes()
}

fn push_row(text: &mut String, row: &[Cell]) {
    for (index, cell) in row.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_field(text, cell);
    }
    text.push_str("\r\n");
}

fn push_field(text: &mut String, cell: &Cell) {
    let field = match cell {
        Cell::Text(field) => field,
        Cell::Empty => return,
        Cell::Integer(number) => return text.push_str(itoa::Buffer::new().format(*number)),
        Cell::Date(_) => {
            // A text takes whatever is written to it.
            let _ = write!(text, "{cell}");
            return;
        }
    };
    let guard = if is_formula(field) { "'" } else { "" };
    // Bytes of other characters are none of these.
    if field.bytes().fold(false, |any, byte| any | matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        text.push('"');
        text.push_str(guard);
        text.push_str(&field.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(guard);
        text.push_str(field);
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
    fn guards_come_off_again() {
        for text in ["=1+1", "'=1+1", "''=1", "-5", "plain", "'quoted'", "\u{feff}=1", "+86 x", ""] {
            let mut guarded = String::new();
            push_field(&mut guarded, &Cell::Text(text.into()));
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
