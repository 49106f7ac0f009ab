//! Writes delimited files in the encodings and line ends of the real exports.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::truth::{Code, Fate, Tally};
use super::{Encoding, FileSummary, SimulateError};

/// How a file looks in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub encoding: Encoding,
    pub byte_order_mark: bool,
    pub line_end: &'static str,
}

/// GB18030 with CRLF, as the national platform exports.
pub const PLATFORM: Style = Style { encoding: Encoding::Gb18030, byte_order_mark: false, line_end: "\r\n" };
/// UTF-8 with a byte order mark and CRLF, as spreadsheets save.
pub const SPREADSHEET: Style = Style { encoding: Encoding::Utf8, byte_order_mark: true, line_end: "\r\n" };
/// Plain UTF-8 with CRLF.
pub const PLAIN: Style = Style { encoding: Encoding::Utf8, byte_order_mark: false, line_end: "\r\n" };
/// Plain UTF-8 with LF.
pub const UNIX: Style = Style { encoding: Encoding::Utf8, byte_order_mark: false, line_end: "\n" };

/// A delimited file in the making, and the tally of its rows.
#[derive(Debug)]
pub struct CsvFile {
    name: String,
    style: Style,
    out: BufWriter<File>,
    line: String,
    bytes: u64,
    tally: Tally,
    /// A row that will come a second time, a few records later.
    echo: Option<Vec<String>>,
}

impl CsvFile {
    /// Starts a file whose first record is `header`.
    pub fn create(
        folder: &Path,
        name: &str,
        style: Style,
        header: &[&str],
    ) -> Result<CsvFile, SimulateError> {
        let mut file = CsvFile::open(folder, name, style)?;
        file.put(header)?;
        Ok(file)
    }

    /// Starts a file without a header.
    pub fn open(folder: &Path, name: &str, style: Style) -> Result<CsvFile, SimulateError> {
        let path = folder.join(name);
        let out = File::create(&path).map_err(|source| SimulateError::Io { path, source })?;
        let mut file = CsvFile {
            name: name.to_owned(),
            style,
            out: BufWriter::with_capacity(1 << 18, out),
            line: String::new(),
            bytes: 0,
            tally: Tally::default(),
            echo: None,
        };
        if style.byte_order_mark {
            file.write("\u{feff}".as_bytes())?;
        }
        Ok(file)
    }

    /// A line that is no row: a title, sections, the header.
    pub fn put<T: AsRef<str>>(&mut self, fields: &[T]) -> Result<(), SimulateError> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                line.push(',');
            }
            quote(&mut line, field.as_ref());
        }
        line.push_str(self.style.line_end);
        let written = match self.style.encoding {
            Encoding::Utf8 => self.write(line.as_bytes()),
            Encoding::Gb18030 => self.write(&encoding_rs::GB18030.encode(&line).0),
        };
        self.line = line;
        written
    }

    /// A row and its fate.
    pub fn row<T: AsRef<str>>(&mut self, fields: &[T], fate: Fate) -> Result<(), SimulateError> {
        self.tally.row(fate);
        self.put(fields)
    }

    /// Lists the accepted row just written as an orphan, unless its sample is known.
    pub fn orphan_unless(&mut self, known: bool) {
        if !known {
            self.tally.line(Code::Orphan);
        }
    }

    /// Keeps another spelling of a row just written, to come again as a duplicate when the next one does
    /// or the file ends: exports repeat rows, but seldom one right behind the other.
    pub fn repeat(&mut self, row: Vec<String>) -> Result<(), SimulateError> {
        match self.echo.replace(row) {
            Some(earlier) => self.row(&earlier, Fate::Duplicate),
            None => Ok(()),
        }
    }

    pub fn finish(mut self) -> Result<FileSummary, SimulateError> {
        if let Some(row) = self.echo.take() {
            self.row(&row, Fate::Duplicate)?;
        }
        self.out.flush().map_err(|source| self.failed(source))?;
        Ok(FileSummary { name: self.name, bytes: self.bytes, tally: self.tally })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SimulateError> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> SimulateError {
        SimulateError::Io { path: self.name.clone().into(), source }
    }
}

/// RFC 4180: quotes where the text could be taken for structure.
fn quote(line: &mut String, field: &str) {
    if !field.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        return line.push_str(field);
    }
    line.push('"');
    line.push_str(&field.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_echoes_come_later() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut file = CsvFile::create(folder.path(), "a.csv", PLATFORM, &["编号", "日\n期"])?;
        file.row(&["1", "a,\"b\""], Fate::Accepted)?;
        file.repeat(vec!["1 ".to_owned(), "a,\"b\"".to_owned()])?;
        file.row(&["2", ""], Fate::Accepted)?;
        let summary = file.finish()?;
        let bytes = std::fs::read(folder.path().join("a.csv"))?;
        let text = encoding_rs::GB18030.decode(&bytes).0.into_owned();
        assert_eq!(text, "编号,\"日\n期\"\r\n1,\"a,\"\"b\"\"\"\r\n2,\r\n1 ,\"a,\"\"b\"\"\"\r\n");
        assert_eq!((summary.tally.rows.read, summary.tally.rows.duplicate), (3, 1));
        assert_eq!(summary.bytes, bytes.len() as u64);
        Ok(())
    }
}
