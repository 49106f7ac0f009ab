use std::sync::Arc;

use jiff::civil::Date;

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

    /// One object per row; empty cells are null.
    pub fn to_json(&self) -> serde_json::Value {
        let objects = self.rows.iter().map(|row| {
            let fields = self.columns.iter().zip(row).map(|(column, cell)| {
                let value = match cell {
                    Cell::Empty => serde_json::Value::Null,
                    Cell::Integer(number) => (*number).into(),
                    Cell::Text(_) | Cell::Date(_) => cell.to_string().into(),
                };
                (column.name.clone(), value)
            });
            serde_json::Value::Object(fields.collect())
        });
        serde_json::Value::Array(objects.collect())
    }
}
