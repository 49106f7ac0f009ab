//! read: bytes of an export → coded text columns, each row with its sheet and line.
//!
//! Text files are split as bytes and decoded once per distinct text: no trail byte of GB18030 can be a
//! comma, a quote or a line end. UTF-16 has no such property and is transcoded first.

mod bytes;
mod coding;
mod confine;
mod encoding;
mod error;
mod grid;
mod header;
mod records;
mod text;
mod unpack;
mod workbook;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::column::Coded;
use crate::model::Fault;

pub use bytes::{Content, hash_file};
pub use confine::confine;
pub use error::SourceError;
pub use grid::{Grid, grids};
pub use unpack::unpack;

use error::Problem;
use text::Text;

/// A column that a pipeline asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Our name for it, used in messages.
    pub name: String,
    /// Headers that may carry it, best first: `名称`, `section/名称`, or `名称#2` for the second of its name.
    pub headers: Vec<String>,
    /// Headers to fall back on when none of the above is there, from the seeds' aliases.
    pub aliases: Vec<String>,
    /// A file without it cannot be read.
    pub required: bool,
}

/// Which of the remaining columns are measurements of a wide table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wide {
    None,
    /// Every column that no request claims, but for these headers.
    RestBut(Vec<String>),
    Only(Vec<String>),
}

/// Which sheets of a workbook to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sheets {
    First,
    All,
    Named(Vec<String>),
}

/// How to read a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub requests: Vec<Request>,
    pub wide: Wide,
    pub sheets: Sheets,
    /// Line of the header (1-based) where it is declared; found by its content otherwise.
    pub header_row: Option<u64>,
    pub encoding: Option<&'static encoding_rs::Encoding>,
    pub delimiter: Option<u8>,
}

/// A record that could not be split or decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    pub line: u64,
    pub column: String,
    pub found: String,
    pub fault: Fault,
}

/// One sheet, or one text file: columns coded as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTable {
    /// Empty for text files.
    pub sheet: Arc<str>,
    pub encoding: &'static str,
    /// One per request; `None` where an optional column is absent.
    pub columns: Vec<Option<RawColumn>>,
    pub wide: Vec<RawColumn>,
    pub lines: Vec<u64>,
    pub bad_records: Vec<BadRecord>,
    /// Headers that nobody asked for.
    pub unknown_headers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawColumn {
    /// As written in the export, line breaks removed.
    pub header: String,
    pub texts: Coded<Arc<str>>,
}

/// Reads every chosen sheet of a file. XLS and ODS need a program that unpacks them, see [`unpack`].
///
/// # Errors
/// The file cannot be opened, decompressed or decoded, or has no header with the required columns.
pub fn read(
    path: &Path,
    layout: &Layout,
    unpacker: Option<&Path>,
    advance: Advance<'_>,
) -> Result<Vec<RawTable>, SourceError> {
    let told = |tables: &Vec<RawTable>, bytes: u64| {
        let rows: usize = tables.iter().map(|table| table.lines.len()).sum();
        advance(bytes, rows as u64);
    };
    let tables = match bytes::open(path)? {
        Content::Text(bytes) => read_text(&bytes, layout, advance),
        Content::LongText(file, length) => read_long_text(&file, length, layout, advance),
        Content::Workbook(bytes) if unpack::is_ods(&bytes) => workbook::check_sizes(&bytes)
            .and_then(|()| unpack::read(path, layout, unpacker))
            .inspect(|tables| told(tables, bytes.len() as u64)),
        Content::Workbook(bytes) => {
            workbook::read(&bytes, layout).inspect(|tables| told(tables, bytes.len() as u64))
        }
        Content::OldWorkbook(size) => {
            unpack::read(path, layout, unpacker).inspect(|tables| told(tables, size))
        }
    };
    tables.map_err(|error| error.in_file(path))
}

/// Told from time to time how many more bytes and rows have been read, from any thread.
pub type Advance<'a> = &'a (dyn Fn(u64, u64) + Sync);

fn read_text(bytes: &[u8], layout: &Layout, advance: Advance<'_>) -> Result<Vec<RawTable>, Problem> {
    let found = encoding::detect(bytes, layout.encoding, layout.delimiter)?;
    let text = Text::Held(found.bytes(bytes));
    Ok(vec![coding::code_text(text, found.delimiter, layout, found.encoding, advance)?])
}

/// A text that need not be held whole, unless it has to be transcoded: its beginning tells how it is written.
fn read_long_text(
    file: &File,
    length: usize,
    layout: &Layout,
    advance: Advance<'_>,
) -> Result<Vec<RawTable>, Problem> {
    let whole = Text::Filed { file, skip: 0, length };
    let mut buffer = Vec::new();
    let mut seen = encoding::SAMPLE * 2;
    // A beginning that is all ASCII tells nothing.
    while whole.piece(0..seen, &mut buffer)?.is_ascii() && seen < ASCII_MAX.min(length) {
        seen *= 2;
    }
    let lines = memchr::memrchr(b'\n', &buffer).map_or(buffer.len(), |end| end + 1);
    match encoding::detect(buffer.get(..lines).unwrap_or_default(), layout.encoding, layout.delimiter) {
        Ok(found) if found.splits_raw() => {
            let text = Text::Filed { file, skip: found.skip, length: length - found.skip };
            Ok(vec![coding::code_text(text, found.delimiter, layout, found.encoding, advance)?])
        }
        _ => read_text(whole.piece(0..length, &mut buffer)?, layout, advance),
    }
}

/// A text that is ASCII this far is taken for ASCII; records that are not are refused one by one.
const ASCII_MAX: usize = 128 << 20;
