use std::sync::Arc;

use rayon::prelude::*;

use super::coded::{Coded, Grouping};
use super::codes::{gather, taken};
use super::pairs::Combined;
use super::runs::Runs;
use crate::model::{Origin, Value};

/// Named coded columns of equal length, each row with its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    pub(super) columns: Vec<(String, Coded<Value>)>,
    /// Index into `files` for each row.
    pub(super) file: Runs<0>,
    pub(super) line: Runs<1>,
    /// File name, sheet, content hash.
    pub(super) files: Vec<(Arc<str>, Arc<str>, Arc<str>)>,
}

/// Bytes of a value with its text.
const VALUE_SIZE: usize = 64;

impl Frame {
    pub fn new(file: Vec<u32>, line: Vec<u64>, files: Vec<(Arc<str>, Arc<str>, Arc<str>)>) -> Frame {
        let file: Vec<u64> = file.into_iter().map(u64::from).collect();
        Frame { columns: Vec::new(), file: Runs::of(&file), line: Runs::of(&line), files }
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

    pub fn keep_columns(&mut self, wanted: impl Fn(&str) -> bool) {
        self.columns.retain(|(own, _)| wanted(own));
    }

    pub fn origin(&self, row: usize) -> Origin {
        let (file, sheet, _) = &self.files[self.file.get(row) as usize];
        Origin { file: file.clone(), sheet: sheet.clone(), line: self.line.get(row) }
    }

    /// Names of the file and the sheet that a row came from.
    pub fn place(&self, row: usize) -> (&str, &str) {
        let (file, sheet, _) = &self.files[self.file.get(row) as usize];
        (file, sheet)
    }

    pub fn line(&self, row: usize) -> u64 {
        self.line.get(row)
    }

    /// Lines of the given rows, in the given order.
    pub fn lines_of(&self, rows: &[u32]) -> Vec<u64> {
        self.line.numbers_of(rows)
    }

    /// Number of the file and sheet that a row came from: equal numbers are one file, and one sheet.
    pub fn file_of(&self, row: usize) -> u32 {
        self.file.get(row) as u32
    }

    /// Content hash of the file that a row came from.
    pub fn input_hash(&self, row: usize) -> &Arc<str> {
        &self.files[self.file.get(row) as usize].2
    }

    /// Names the content of the file that all rows came from.
    pub fn set_input_hash(&mut self, hash: &Arc<str>) {
        self.files.iter_mut().for_each(|(_, _, own)| *own = hash.clone());
    }

    /// Counts lines from further up in the file.
    pub fn shift_lines(&mut self, lines_before: u64) {
        self.line.shift(lines_before);
    }

    /// The given rows, in the given order.
    pub fn take(&self, rows: &[u32]) -> Frame {
        if rows.len() == self.rows() && rows.iter().zip(0..).all(|(row, place)| *row == place) {
            return self.clone();
        }
        let taken = taken(self.columns.iter().map(|(_, column)| column.own_codes()), rows);
        let columns = self
            .columns
            .par_iter()
            .map(|(name, column)| (name.clone(), column.with(column.own_codes().take(rows, &taken))));
        Frame {
            columns: columns.collect(),
            file: self.file.take(rows),
            line: self.line.take(rows),
            files: self.files.clone(),
        }
    }

    /// The frame over those values alone that its rows use: what a few rows of many hold on to otherwise is all values.
    pub fn compact(&self) -> Frame {
        let columns = self.columns.iter().map(|(name, column)| (name.clone(), column.compact())).collect();
        Frame { columns, ..self.clone() }
    }

    /// Bytes that the frame takes in memory, more or less.
    pub fn size(&self) -> usize {
        let mut keys = 0;
        let mut known: Vec<*const Vec<u32>> = Vec::new();
        let of = |(_, column): &(String, Coded<Value>)| {
            let codes = match column.own_codes().by_keys() {
                Some((of_keys, own)) => {
                    if !known.contains(&Arc::as_ptr(own)) {
                        known.push(Arc::as_ptr(own));
                        keys += own.len();
                    }
                    of_keys.len()
                }
                None => 0,
            };
            4 * (codes + column.own_codes().held()) + VALUE_SIZE * column.values().len()
        };
        let columns: usize = self.columns.iter().map(of).sum();
        columns + 4 * keys + self.file.size() + self.line.size()
    }

    /// The rows of all frames, one after the other; a column that a frame lacks is missing on its rows.
    pub fn concat(frames: &[Frame]) -> Frame {
        if let [only] = frames {
            return only.clone();
        }
        let mut names: Vec<&str> = Vec::new();
        for name in frames.iter().flat_map(Frame::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let rows = frames.iter().map(Frame::rows).sum();
        let (mut file, mut line, mut files) =
            (Vec::with_capacity(rows), Vec::with_capacity(rows), Vec::new());
        for frame in frames {
            let offset = files.len() as u32;
            files.extend(frame.files.iter().cloned());
            file.extend(frame.file.to_vec().into_iter().map(|file| file as u32 + offset));
            line.extend(frame.line.to_vec());
        }
        let mut joined = Frame::new(file, line, files);
        let columns = names.into_par_iter().map(|name| {
            let parts: Vec<Coded<Value>> = frames.iter().map(|frame| frame.column_or_missing(name)).collect();
            (name.to_owned(), Coded::concat(&parts))
        });
        joined.columns = columns.collect();
        joined
    }

    /// For each row, the row of `other` that has the same value in the named column, if any; the first of
    /// several. Looked up once per distinct value.
    pub fn partners(&self, other: &Frame, name: &str) -> Partners {
        let keys = self.column_or_missing(name);
        let none = other.rows() as u32;
        let partner = other.rows_of(name, &keys).into_iter().map(|row| row.unwrap_or(none));
        let partner: Vec<u32> = partner.collect();
        Partners { keys: Arc::new(gather(&partner, keys.codes())), none }
    }

    /// For each value of `keys`, the first row that has it in the named column, if any does.
    pub fn rows_of(&self, name: &str, keys: &Coded<Value>) -> Vec<Option<u32>> {
        let Some(own) = self.column(name) else { return vec![None; keys.values().len()] };
        let mut first = vec![None; own.values().len()];
        for (row, code) in own.codes().iter().enumerate().rev() {
            first[*code as usize] = Some(row as u32);
        }
        keys.codes_in(own).into_iter().map(|code| first[code? as usize]).collect()
    }
}

/// For each row of a frame, its row in another one, if it has any.
#[derive(Debug, Clone)]
pub struct Partners {
    /// Rows of the other frame, and one more that stands for none.
    keys: Arc<Vec<u32>>,
    none: u32,
}

impl Partners {
    pub fn iter(&self) -> impl Iterator<Item = Option<u32>> {
        self.keys.iter().map(|row| (*row != self.none).then_some(*row))
    }

    /// A column of the other frame on the rows of this one, `nothing` on those that have no partner. All columns that are
    /// brought share their keys.
    pub fn bring<T: Clone + PartialEq>(&self, column: &Coded<T>, nothing: T) -> Coded<T> {
        let (mut values, mut codes) = (column.values().to_vec(), column.codes().to_vec());
        let code = values.iter().position(|value| *value == nothing).unwrap_or_else(|| {
            values.push(nothing);
            values.len() - 1
        });
        codes.push(code as u32);
        Coded::keyed(values, codes, self.keys.clone())
    }
}

/// Codes equal combinations of several columns' codes equally: dense, in order of first appearance.
/// With no column every row has the code 0. Returns the codes and how many there are.
pub fn combine<'a, T: 'a>(columns: impl IntoIterator<Item = &'a Coded<T>>, rows: usize) -> (Vec<u32>, usize) {
    combine_all(columns.into_iter().map(Coded::grouping), rows)
}

/// Likewise, of columns with any values. Those that share their keys are combined by key.
pub fn combine_all<'a>(columns: impl IntoIterator<Item = Grouping<'a>>, rows: usize) -> (Vec<u32>, usize) {
    // A constant tells nothing apart.
    let mut left: Vec<Grouping<'a>> = columns.into_iter().filter(|column| column.width != 1).collect();
    let mut combined = Combined::default();
    while !left.is_empty() {
        let first = left.remove(0);
        let (beside, rest): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|other| first.codes.beside(other.codes).is_some());
        match first.codes.by_keys() {
            Some((_, keys)) => {
                let all = [&first].into_iter().chain(&beside);
                let by_keys = all.filter_map(|own| Some((own.codes.by_keys()?.0, own.width)));
                let (of_keys, distinct) = combine_codes(by_keys, first.codes.key_count());
                combined.add(&gather(&of_keys, keys), distinct);
            }
            None => combined.add(first.codes.rows(), first.width),
        }
        left = rest;
    }
    combined.finish(rows)
}

/// Likewise, of bare codes, each column with the number of values that its codes may have.
pub fn combine_codes<'a>(
    columns: impl IntoIterator<Item = (&'a [u32], usize)>,
    rows: usize,
) -> (Vec<u32>, usize) {
    let mut combined = Combined::default();
    for (own, width) in columns.into_iter().filter(|(_, width)| *width != 1) {
        combined.add(own, width);
    }
    combined.finish(rows)
}

/// The first row of each code, where codes are numbered as they appear, as [`combine`] numbers them.
pub fn first_rows(codes: &[u32]) -> Vec<u32> {
    let mut first = Vec::new();
    for (row, code) in codes.iter().enumerate() {
        if *code as usize == first.len() {
            first.push(row as u32);
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_shared_values_and_by_others() {
        let whole = Coded::from_values(["b", "a", "b", "c", "a"].map(Value::text));
        let frame_of = |column: &Coded<Value>| {
            let rows = column.len();
            let mut frame = Frame::new(vec![0; rows], vec![0; rows], vec![Default::default()]);
            frame.set("key", column.clone());
            frame
        };
        let taken = whole.take(&[1, 2, 4]);
        let anew = Coded::from_values(taken.iter().cloned().collect::<Vec<Value>>());
        let asked = Coded::from_values(["a", "d", "c", "b"].map(Value::text));
        for column in [taken, anew] {
            let frame = frame_of(&column);
            assert_eq!(frame.rows_of("key", &asked), [Some(0), None, None, Some(1)]);
            assert_eq!(frame.rows_of("key", &whole), [Some(1), Some(0), None]);
            assert_eq!(frame.rows_of("other", &whole), [None; 3]);
            let partners: Vec<Option<u32>> = frame_of(&whole).partners(&frame, "key").iter().collect();
            assert_eq!(partners, [Some(1), Some(0), Some(1), None, Some(0)]);
        }
    }

    #[test]
    fn combine_codes_equal_rows_equally() {
        let left = Coded::from_values(["a", "a", "b", "a"]);
        let right = Coded::from_values([1, 2, 1, 1]);
        let columns = [left.map(|text| (*text).to_owned()), right.map(|number| number.to_string())];
        assert_eq!(combine(&columns, 4), (vec![0, 1, 2, 0], 3));
        assert_eq!(combine::<String>([], 2), (vec![0, 0], 1));
    }
}
