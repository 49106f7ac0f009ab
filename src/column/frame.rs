use std::sync::Arc;

use hashbrown::HashMap;

use super::Coded;
use crate::model::{Origin, Value};

/// Named coded columns of equal length, each row with its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    columns: Vec<(String, Coded<Value>)>,
    /// Index into `files` for each row.
    file: Vec<u32>,
    line: Vec<u64>,
    /// File name, sheet, content hash.
    files: Vec<(Arc<str>, Arc<str>, Arc<str>)>,
}

impl Frame {
    pub fn new(file: Vec<u32>, line: Vec<u64>, files: Vec<(Arc<str>, Arc<str>, Arc<str>)>) -> Frame {
        Frame { columns: Vec::new(), file, line, files }
    }

    pub fn rows(&self) -> usize {
        self.line.len()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    pub fn column(&self, name: &str) -> Option<&Coded<Value>> {
        self.columns.iter().find(|(own, _)| own == name).map(|(_, column)| column)
    }

    /// The column, or one that is missing on every row.
    pub fn column_or_missing(&self, name: &str) -> Coded<Value> {
        match self.column(name) {
            Some(column) => column.clone(),
            None => Coded::constant(Value::Missing, self.rows()),
        }
    }

    /// Adds or replaces a column, which must have as many rows as the frame.
    pub fn set(&mut self, name: &str, column: Coded<Value>) {
        debug_assert_eq!(column.len(), self.rows());
        match self.columns.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = column,
            None => self.columns.push((name.to_owned(), column)),
        }
    }

    pub fn drop_column(&mut self, name: &str) {
        self.columns.retain(|(own, _)| own != name);
    }

    pub fn origin(&self, row: usize) -> Origin {
        let (file, sheet, _) = &self.files[self.file[row] as usize];
        Origin { file: file.clone(), sheet: sheet.clone(), line: self.line[row] }
    }

    /// Content hash of the file that a row came from.
    pub fn input_hash(&self, row: usize) -> &Arc<str> {
        &self.files[self.file[row] as usize].2
    }

    pub fn take(&self, rows: &[u32]) -> Frame {
        Frame {
            columns: self.columns.iter().map(|(name, column)| (name.clone(), column.take(rows))).collect(),
            file: rows.iter().map(|&row| self.file[row as usize]).collect(),
            line: rows.iter().map(|&row| self.line[row as usize]).collect(),
            files: self.files.clone(),
        }
    }

    /// The rows of all frames, one after the other; a column that a frame lacks is missing on its rows.
    pub fn concat(frames: &[Frame]) -> Frame {
        let mut names: Vec<&str> = Vec::new();
        for name in frames.iter().flat_map(Frame::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut joined = Frame::default();
        for frame in frames {
            let offset = joined.files.len() as u32;
            joined.files.extend(frame.files.iter().cloned());
            joined.file.extend(frame.file.iter().map(|file| file + offset));
            joined.line.extend(&frame.line);
        }
        for name in names {
            let parts: Vec<Coded<Value>> = frames.iter().map(|frame| frame.column_or_missing(name)).collect();
            joined.columns.push((name.to_owned(), Coded::concat(&parts)));
        }
        joined
    }

    /// Row of each key in the named column, for joins. A key that occurs twice keeps its first row.
    pub fn rows_by(&self, name: &str) -> HashMap<Value, u32> {
        let mut rows = HashMap::new();
        if let Some(column) = self.column(name) {
            for (row, value) in column.iter().enumerate() {
                rows.entry(value.clone()).or_insert(row as u32);
            }
        }
        rows
    }
}

/// Codes equal combinations of several columns' codes equally: dense, in order of first appearance.
/// With no column every row has the code 0. Returns the codes and how many there are.
pub fn combine<'a, T: 'a>(columns: impl IntoIterator<Item = &'a Coded<T>>, rows: usize) -> (Vec<u32>, usize) {
    let mut combined = vec![0u32; rows];
    let mut distinct = usize::from(rows > 0);
    for column in columns {
        let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
        for (own, &code) in combined.iter_mut().zip(column.codes()) {
            let next = pairs.len() as u32;
            *own = *pairs.entry((*own, code)).or_insert(next);
        }
        distinct = pairs.len();
    }
    (combined, distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combine_codes_equal_rows_equally() {
        let left = Coded::from_values(["a", "a", "b", "a"]);
        let right = Coded::from_values([1, 2, 1, 1]);
        let columns = [left.map(|text| (*text).to_owned()), right.map(|number| number.to_string())];
        assert_eq!(combine(&columns, 4), (vec![0, 1, 2, 0], 3));
        assert_eq!(combine::<String>([], 2), (vec![0, 0], 1));
    }
}
