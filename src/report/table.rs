use std::sync::Arc;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// A small table on its way out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Date,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    /// Shared with what else says the same, such as the other cells of a cut.
    Text(Arc<str>),
    Integer(i64),
    Date(Date),
}

impl Cell {
    /// An empty text is an empty cell.
    pub fn text(text: impl AsRef<str> + Into<Arc<str>>) -> Cell {
        if text.as_ref().is_empty() { Cell::Empty } else { Cell::Text(text.into()) }
    }

    pub fn integer(number: Option<i64>) -> Cell {
        number.map_or(Cell::Empty, Cell::Integer)
    }

    pub fn date(day: Option<Date>) -> Cell {
        day.map_or(Cell::Empty, Cell::Date)
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cell::Empty => Ok(()),
            Cell::Text(text) => f.write_str(text),
            Cell::Integer(number) => write!(f, "{number}"),
            Cell::Date(day) => write!(f, "{day}"),
        }
    }
}

impl Table {
    pub fn new(columns: &[(&str, Kind)]) -> Table {
        let columns = columns.iter().map(|(name, kind)| Column { name: (*name).to_owned(), kind: *kind });
        Table { columns: columns.collect(), rows: Vec::new() }
    }
}

/// As JSON: one object per row; empty cells are null. No tree of values is made on the way: of all files of a report this is
/// the longest.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Object(&self.columns, row)))
    }
}

/// A row, by the names of its columns.
struct Object<'a>(&'a [Column], &'a [Cell]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Object(columns, cells) = self;
        serializer.collect_map(columns.iter().map(|column| &column.name).zip(*cells))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Empty => serializer.serialize_none(),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Integer(number) => serializer.serialize_i64(*number),
            Cell::Date(day) => serializer.collect_str(day),
        }
    }
}
