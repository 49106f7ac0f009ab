use std::sync::Arc;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::Coded;
use crate::model::{Origin, Value};

/// Named coded columns of equal length, each row with its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    pub(super) columns: Vec<(String, Coded<Value>)>,
    /// Index into `files` for each row.
    pub(super) file: Arc<Vec<u32>>,
    pub(super) line: Arc<Vec<u64>>,
    /// File name, sheet, content hash.
    pub(super) files: Vec<(Arc<str>, Arc<str>, Arc<str>)>,
}

/// Bytes of a value with its text.
const VALUE_SIZE: usize = 64;

impl Frame {
    pub fn new(file: Vec<u32>, line: Vec<u64>, files: Vec<(Arc<str>, Arc<str>, Arc<str>)>) -> Frame {
        Frame { columns: Vec::new(), file: Arc::new(file), line: Arc::new(line), files }
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
        let (file, sheet, _) = &self.files[self.file[row] as usize];
        Origin { file: file.clone(), sheet: sheet.clone(), line: self.line[row] }
    }

    /// Names of the file and the sheet that a row came from.
    pub fn place(&self, row: usize) -> (&str, &str) {
        let (file, sheet, _) = &self.files[self.file[row] as usize];
        (file, sheet)
    }

    pub fn line(&self, row: usize) -> u64 {
        self.line[row]
    }

    /// Number of the file and sheet that a row came from: equal numbers are one file, and one sheet.
    pub fn file_of(&self, row: usize) -> u32 {
        self.file[row]
    }

    /// Content hash of the file that a row came from.
    pub fn input_hash(&self, row: usize) -> &Arc<str> {
        &self.files[self.file[row] as usize].2
    }

    /// Names the content of the file that all rows came from.
    pub fn set_input_hash(&mut self, hash: &Arc<str>) {
        self.files.iter_mut().for_each(|(_, _, own)| *own = hash.clone());
    }

    /// Counts lines from further up in the file.
    pub fn shift_lines(&mut self, lines_before: u64) {
        if lines_before > 0 {
            let line = self.line.iter().map(|line| line.saturating_add(lines_before)).collect();
            self.line = Arc::new(line);
        }
    }

    /// The given rows, in the given order.
    pub fn take(&self, rows: &[u32]) -> Frame {
        if rows.len() == self.rows() && rows.iter().zip(0..).all(|(row, place)| *row == place) {
            return self.clone();
        }
        Frame {
            columns: self
                .columns
                .par_iter()
                .map(|(name, column)| (name.clone(), column.take(rows)))
                .collect(),
            file: Arc::new(rows.iter().map(|&row| self.file[row as usize]).collect()),
            line: Arc::new(rows.iter().map(|&row| self.line[row as usize]).collect()),
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
        let of = |column: &Coded<Value>| 4 * column.len() + VALUE_SIZE * column.values().len();
        self.columns.iter().map(|(_, column)| of(column)).sum::<usize>() + 12 * self.rows()
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
            file.extend(frame.file.iter().map(|file| file + offset));
            line.extend_from_slice(&frame.line);
        }
        let mut joined = Frame::new(file, line, files);
        let columns = names.into_par_iter().map(|name| {
            let parts: Vec<Coded<Value>> = frames.iter().map(|frame| frame.column_or_missing(name)).collect();
            (name.to_owned(), Coded::concat(&parts))
        });
        joined.columns = columns.collect();
        joined
    }

    /// Row of each key in the named column, for joins. A key that occurs twice keeps its first row.
    pub fn rows_by(&self, name: &str) -> HashMap<&Value, u32> {
        let Some(column) = self.column(name) else { return HashMap::new() };
        let mut rows = HashMap::with_capacity(column.values().len());
        let mut met = vec![false; column.values().len()];
        for (row, code) in column.codes().iter().enumerate() {
            if !std::mem::replace(&mut met[*code as usize], true) {
                rows.entry(&column.values()[*code as usize]).or_insert(row as u32);
            }
        }
        rows
    }

    /// For each row, the row of `other` that has the same value in the named column, if any; the first of
    /// several. Looked up once per distinct value.
    pub fn partners(&self, other: &Frame, name: &str) -> Vec<Option<u32>> {
        let index = other.rows_by(name);
        let keys = self.column_or_missing(name);
        let by_code: Vec<Option<u32>> = keys.values().iter().map(|key| index.get(key).copied()).collect();
        keys.codes().iter().map(|code| by_code[*code as usize]).collect()
    }
}

/// A code for each distinct pair of two columns' codes, in order of first appearance, and the pairs.
///
/// `width` is the number of values of the second column. A table of all pairs is used where it is small, and one of
/// the second column alone, for all rows of a code of the first, where it is not.
pub(super) fn pair_codes(one: &[u32], other: &[u32], width: usize) -> (Vec<u32>, Vec<(u32, u32)>) {
    const TABLE_MAX: usize = 1 << 22;
    let height = one.iter().max().map_or(0, |most| *most as usize + 1);
    if height.saturating_mul(width) > TABLE_MAX {
        return pair_codes_by_first(one, other, height, width);
    }
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut table = vec![u32::MAX; height * width];
    let codes = one.iter().zip(other).map(|(one, other)| {
        let slot = &mut table[*one as usize * width + *other as usize];
        if *slot == u32::MAX {
            *slot = pairs.len() as u32;
            pairs.push((*one, *other));
        }
        *slot
    });
    (codes.collect(), pairs)
}

fn pair_codes_by_first(
    one: &[u32],
    other: &[u32],
    height: usize,
    width: usize,
) -> (Vec<u32>, Vec<(u32, u32)>) {
    // Rows in the order of their first code.
    let mut next_place = vec![0u32; height + 1];
    one.iter().for_each(|code| next_place[*code as usize + 1] += 1);
    for code in 0..height {
        next_place[code + 1] += next_place[code];
    }
    let mut rows = vec![0u32; one.len()];
    for (row, code) in one.iter().enumerate() {
        let place = &mut next_place[*code as usize];
        rows[*place as usize] = row as u32;
        *place += 1;
    }
    // First code that a second one was last met with, and what the pair is called for now.
    let mut met = vec![(u32::MAX, 0u32); width];
    let mut called = vec![0u32; one.len()];
    let mut count = 0;
    for row in rows {
        let first = one[row as usize];
        let slot = &mut met[other[row as usize] as usize];
        if slot.0 != first {
            *slot = (first, count);
            count += 1;
        }
        called[row as usize] = slot.1;
    }
    let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(count as usize);
    let mut numbers = vec![u32::MAX; count as usize];
    for (row, code) in called.iter_mut().enumerate() {
        let number = &mut numbers[*code as usize];
        if *number == u32::MAX {
            *number = pairs.len() as u32;
            pairs.push((one[row], other[row]));
        }
        *code = *number;
    }
    (called, pairs)
}

/// Codes equal combinations of several columns' codes equally: dense, in order of first appearance.
/// With no column every row has the code 0. Returns the codes and how many there are.
pub fn combine<'a, T: 'a>(columns: impl IntoIterator<Item = &'a Coded<T>>, rows: usize) -> (Vec<u32>, usize) {
    combine_codes(columns.into_iter().map(|column| (column.codes(), column.values().len())), rows)
}

/// Likewise, of bare codes, each column with the number of values that its codes may have.
pub fn combine_codes<'a>(
    columns: impl IntoIterator<Item = (&'a [u32], usize)>,
    rows: usize,
) -> (Vec<u32>, usize) {
    let mut combined = vec![0u32; rows];
    let mut distinct = usize::from(rows > 0);
    for (own, width) in columns {
        // A constant tells nothing apart.
        if width == 1 {
            continue;
        }
        let (codes, pairs) = pair_codes(&combined, own, width);
        (combined, distinct) = (codes, pairs.len());
    }
    (combined, distinct)
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn combine_codes_equal_rows_equally() {
        let left = Coded::from_values(["a", "a", "b", "a"]);
        let right = Coded::from_values([1, 2, 1, 1]);
        let columns = [left.map(|text| (*text).to_owned()), right.map(|number| number.to_string())];
        assert_eq!(combine(&columns, 4), (vec![0, 1, 2, 0], 3));
        assert_eq!(combine::<String>([], 2), (vec![0, 0], 1));
    }

    proptest! {
        #[test]
        fn pairs_are_numbered_alike_either_way(rows in proptest::collection::vec((0u32..9, 0u32..7), 0..60)) {
            let (one, other): (Vec<u32>, Vec<u32>) = rows.into_iter().unzip();
            let height = one.iter().max().map_or(0, |most| *most as usize + 1);
            prop_assert_eq!(pair_codes(&one, &other, 7), pair_codes_by_first(&one, &other, height, 7));
        }
    }
}
