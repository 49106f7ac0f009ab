//! read: bytes of an export → coded text columns, each row with its sheet and line.
//!
//! Text files are split as bytes and decoded once per distinct text: no trail byte of GB18030 can be a
//! comma, a quote or a line end. UTF-16 has no such property and is transcoded first. A long text, and a sheet, is
//! read in pieces, side by side, and never held whole ([`Reader`]).

mod bytes;
mod cells;
mod coding;
mod columns;
mod confine;
mod encoding;
mod error;
mod grid;
mod header;
mod markup;
mod meanings;
mod package;
mod pieces;
mod records;
mod sheets;
#[cfg(test)]
mod testing;
mod text;
mod unpack;
mod windows;
mod workbook;

use std::sync::Arc;

use crate::column::Coded;
use crate::model::Fault;

pub use bytes::{Content, hash_file, is_long_text};
pub use confine::confine;
pub use error::SourceError;
pub use grid::{Grid, grids};
pub use pieces::{Advance, PIECE, Reader, Taken};
pub use unpack::unpack;
pub use windows::{BLOCK, Block, Keeper, Spare};

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

/// One sheet or one text file, or a piece of it: columns coded as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTable {
    /// Empty for text files.
    pub sheet: Arc<str>,
    pub encoding: &'static str,
    /// One per request; `None` where an optional column is absent.
    pub columns: Vec<Option<RawColumn>>,
    pub wide: Vec<RawColumn>,
    /// Line of each row; in a piece of a text, counted from where the piece begins.
    pub lines: Vec<u64>,
    pub bad_records: Vec<BadRecord>,
    /// Texts among them that do not decode.
    pub undecodable: usize,
    /// Headers that nobody asked for.
    pub unknown_headers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawColumn {
    /// As written in the export, line breaks removed.
    pub header: String,
    pub texts: Coded<Arc<str>>,
}
