use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use jiff::civil::Date;

use super::ReferenceError;

/// Where a record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    pub source: String,
    /// Date of the source, as precise as it is known: `2020`, `2020-06`, `2020-06-30`; empty for an undated one.
    pub as_of: String,
}

/// Our confidence in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// An estimate, or what one place alone does.
    Low,
    /// From a secondary source, or not checked again.
    Medium,
    High,
}

impl Grade {
    pub fn as_str(self) -> &'static str {
        match self {
            Grade::Low => "low",
            Grade::Medium => "medium",
            Grade::High => "high",
        }
    }
}

/// One record of a table, which knows its place.
pub(super) struct Record<'a> {
    file: &'a str,
    line: u64,
    header: &'a StringRecord,
    fields: &'a StringRecord,
}

/// Reads a table record by record.
///
/// # Errors
/// [`ReferenceError::Malformed`] where the text is not a table; otherwise whatever `each` returns.
pub(super) fn read<T>(
    file: &str,
    text: &str,
    mut each: impl FnMut(&Record<'_>) -> Result<T, ReferenceError>,
) -> Result<Vec<T>, ReferenceError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| malformed(file, &error))?.clone();
    let mut values = Vec::new();
    for fields in reader.records() {
        let fields = fields.map_err(|error| malformed(file, &error))?;
        let line = fields.position().map_or(0, csv::Position::line);
        values.push(each(&Record { file, line, header: &header, fields: &fields })?);
    }
    Ok(values)
}

fn malformed(file: &str, error: &csv::Error) -> ReferenceError {
    let (found, expected) = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            (format!("{len} fields"), format!("{expected_len} as in the header"))
        }
        _ => (error.to_string(), "a CSV record".to_owned()),
    };
    let line = error.position().map_or(0, csv::Position::line);
    ReferenceError::Malformed { file: file.to_owned(), line, found, expected }
}

impl Record<'_> {
    /// The field, which may be empty.
    pub(super) fn text(&self, column: &str) -> Result<&str, ReferenceError> {
        let field = self.header.iter().position(|name| name == column).and_then(|at| self.fields.get(at));
        field.ok_or_else(|| ReferenceError::MissingColumn {
            file: self.file.to_owned(),
            column: column.to_owned(),
            found: self.header.iter().collect::<Vec<_>>().join(","),
        })
    }

    pub(super) fn required(&self, column: &str) -> Result<&str, ReferenceError> {
        match self.text(column)? {
            "" => Err(self.fault(column, "a value")),
            text => Ok(text),
        }
    }

    pub(super) fn optional(&self, column: &str) -> Result<Option<&str>, ReferenceError> {
        Ok(Some(self.text(column)?).filter(|text| !text.is_empty()))
    }

    /// A required field read by `read`.
    pub(super) fn parsed<T>(
        &self,
        column: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ReferenceError> {
        read(self.required(column)?).ok_or_else(|| self.fault(column, expected))
    }

    /// A field read by `read` where it is not empty.
    pub(super) fn parsed_optional<T>(
        &self,
        column: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ReferenceError> {
        self.optional(column)?.map(|text| read(text).ok_or_else(|| self.fault(column, expected))).transpose()
    }

    pub(super) fn day(&self, column: &str) -> Result<Option<Date>, ReferenceError> {
        self.parsed_optional(column, "a day such as 2020-12-31", |text| text.parse().ok())
    }

    /// The parts of a field, without empty ones.
    pub(super) fn list(&self, column: &str, separator: char) -> Result<Vec<String>, ReferenceError> {
        let parts = self.text(column)?.split(separator).map(str::trim);
        Ok(parts.filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }

    pub(super) fn grade(&self) -> Result<Grade, ReferenceError> {
        self.parsed("grade", "H, M or L", |text| match text {
            "H" => Some(Grade::High),
            "M" => Some(Grade::Medium),
            "L" => Some(Grade::Low),
            _ => None,
        })
    }

    pub(super) fn provenance(&self) -> Result<Provenance, ReferenceError> {
        let expected = "a year, a month or a day such as 2020, 2020-06, 2020-06-30";
        let as_of =
            self.parsed_optional("as_of", expected, |text| is_partial_day(text).then(|| text.to_owned()))?;
        Ok(Provenance { source: self.required("source")?.to_owned(), as_of: as_of.unwrap_or_default() })
    }

    /// The error that says what `column` should have held here.
    pub(super) fn fault(&self, column: &str, expected: impl Into<String>) -> ReferenceError {
        ReferenceError::Value {
            file: self.file.to_owned(),
            line: self.line,
            column: column.to_owned(),
            found: self.text(column).unwrap_or_default().to_owned(),
            expected: expected.into(),
        }
    }
}

/// `2020`, `2020-06` or `2020-06-30`.
fn is_partial_day(text: &str) -> bool {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    whole.parse::<Date>().is_ok()
}

/// Whether a text is a plain decimal number: digits, at most one point between them.
pub(super) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(text: &str) -> String {
        let read = read("x.csv", text, |record| {
            record.provenance()?;
            record.day("day")
        });
        match read {
            Ok(days) => days
                .iter()
                .map(|day| day.map_or("none".into(), |day| day.to_string()))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn errors_name_file_line_column_found_and_expected() {
        for (text, expected) in [
            ("day,source,as_of\n2020-01-02,s,2020\n,s,2020-06\n", "2020-01-02 none"),
            ("\u{feff}day,source,as_of\r\n 2020-01-02 ,s,\r\n", "2020-01-02"),
            (
                "day,source,as_of\n2020/1/2,s,2020\n",
                "x.csv, line 2, column `day`: found `2020/1/2`, expected a day such as 2020-12-31",
            ),
            (
                "day,source,as_of\n\"\n\n\",s,2020\n2020-01-02,,2020\n",
                "x.csv, line 5, column `source`: found ``, expected a value",
            ),
            (
                "day,source,as_of\n,s,2020-13\n",
                "x.csv, line 2, column `as_of`: found `2020-13`, expected a year, a month or a day such as 2020, 2020-06, 2020-06-30",
            ),
            (
                "days,source,as_of\n,s,2020\n",
                "x.csv, line 1: column `day` is missing; the header is days,source,as_of",
            ),
            ("day,source,as_of\n,s\n", "x.csv, line 2: 2 fields, expected 3 as in the header"),
        ] {
            assert_eq!(days(text), expected, "{text:?}");
        }
    }

    #[test]
    fn decimals_are_plain() {
        for (text, expected) in [
            ("0", true),
            ("0.20", true),
            ("10.", false),
            (".5", false),
            ("1e3", false),
            ("-1", false),
            ("", false),
        ] {
            assert_eq!(is_decimal(text), expected, "{text}");
        }
    }
}
