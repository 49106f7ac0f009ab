//! A file as it lies there: every cell of every sheet as text, for people who look for what was refused.

use std::io::Cursor;
use std::path::Path;

use calamine::{Reader, Xlsx};

use super::SourceError;
use super::bytes::{self, Content};
use super::encoding::{self, show};
use super::error::Problem;
use super::records::{Fields, Found, Records, Splitter};
use super::workbook::{Rows, check_sizes, damaged};

/// Name of the sheet (empty for a text), and its rows with their lines.
pub type Grid = (String, Vec<(u64, Vec<String>)>);

/// Largest file that is spelt out whole.
const LIMIT: u64 = 256 << 20;

/// Reads a CSV or XLSX whole.
///
/// # Errors
/// The file cannot be opened, is too large, or is of another kind.
pub fn grids(path: &Path) -> Result<Vec<Grid>, SourceError> {
    let size =
        std::fs::metadata(path).map_err(|source| SourceError::Io { path: path.to_owned(), source })?.len();
    if size > LIMIT {
        let what = "the file".to_owned();
        return Err(Problem::TooLarge { what, size, limit: LIMIT }.in_file(path));
    }
    let read = match bytes::open(path, LIMIT as usize)? {
        Content::Text(bytes) => text(&bytes),
        Content::LongText(unpacked) => {
            let (what, size) = ("the unpacked text".to_owned(), unpacked.length as u64);
            Err(Problem::TooLarge { what, size, limit: LIMIT })
        }
        Content::Workbook(bytes) if !super::unpack::is_ods(&bytes) => workbook(&bytes),
        Content::Workbook(_) | Content::OldWorkbook(_) => Err(Problem::Unsupported { kind: "XLS and ODS" }),
    };
    read.map_err(|problem| problem.in_file(path))
}

fn text(bytes: &[u8]) -> Result<Vec<Grid>, Problem> {
    let found = encoding::detect(bytes, None, None)?;
    let mut splitter = Splitter::new(found.bytes(bytes), found.delimiter);
    Ok(vec![(String::new(), rows(&mut splitter, found.encoding)?)])
}

fn workbook(bytes: &[u8]) -> Result<Vec<Grid>, Problem> {
    check_sizes(bytes)?;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut grids = Vec::new();
    for name in workbook.sheet_names() {
        let mut cells = Rows::new(workbook.worksheet_cells_reader(&name).map_err(damaged)?);
        let read = rows(&mut cells, encoding_rs::UTF_8)?;
        grids.push((name, read));
    }
    Ok(grids)
}

fn rows(
    records: &mut dyn Records,
    encoding: &'static encoding_rs::Encoding,
) -> Result<Vec<(u64, Vec<String>)>, Problem> {
    let mut rows = Vec::new();
    let mut fields = Fields::default();
    loop {
        match records.next(&mut fields)? {
            Found::Record { line } | Found::OpenQuote { line } => {
                rows.push((line, fields.iter().map(|field| show(encoding, field)).collect()));
            }
            Found::End => return Ok(rows),
        }
    }
}
