use super::table::{Cell, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvOptions {
    /// Spreadsheet programs take a file for UTF-8 only when it begins with a byte-order mark.
    pub byte_order_mark: bool,
}

/// RFC 4180 with CRLF. Texts that a spreadsheet would take for a formula get an apostrophe in front.
pub fn write_csv(table: &Table, options: CsvOptions) -> Vec<u8> {
    let mut text = String::new();
    if options.byte_order_mark {
        text.push('\u{feff}');
    }
    let names: Vec<Cell> = table.columns.iter().map(|column| Cell::Text(column.name.clone())).collect();
    for row in std::iter::once(&names).chain(&table.rows) {
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_field(&mut text, cell);
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}

fn push_field(text: &mut String, cell: &Cell) {
    let Cell::Text(field) = cell else {
        text.push_str(&cell.to_string());
        return;
    };
    let guard = if is_formula(field) { "'" } else { "" };
    if field.contains([',', '"', '\r', '\n']) {
        text.push('"');
        text.push_str(guard);
        text.push_str(&field.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(guard);
        text.push_str(field);
    }
}

/// What spreadsheets evaluate: `= + - @`, their full-width twins, and what hides one behind a control
/// character (OWASP, CSV injection). A plain negative number is none.
fn is_formula(text: &str) -> bool {
    let begins = text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']);
    begins && text.parse::<f64>().is_err() && text.chars().count() > 1
}

#[cfg(test)]
mod tests {
    use super::super::table::Kind;
    use super::*;

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
