//! Distinct rows of codes, sorted, each with a count, in few bytes: what is too much to be kept otherwise, and seldom asked for.

use std::cmp::Ordering;

use super::cursor::{Cursor, uleb};

/// Of each row how many of its first codes are those of the row before, its other codes, and its count, in groups of
/// seven bits.
#[derive(Debug, Default)]
pub struct SortedRows {
    bytes: Vec<u8>,
    len: usize,
    /// The row that was added last.
    last: Vec<u32>,
}

/// Goes through the rows of [`SortedRows`] from the first to the last.
pub struct Rows<'a> {
    from: Cursor<'a>,
    row: Vec<u32>,
    count: i64,
    is_there: bool,
}

impl SortedRows {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a row, which comes behind all others and has as many codes as they have.
    fn push(&mut self, row: &[u32], count: i64) {
        debug_assert!(self.is_empty() || *self.last < *row);
        let same = match self.is_empty() {
            true => 0,
            false => self.last.iter().zip(row).take_while(|(last, own)| last == own).count(),
        };
        uleb(same as u64, &mut self.bytes);
        row.iter().skip(same).for_each(|code| uleb((*code).into(), &mut self.bytes));
        uleb(count as u64, &mut self.bytes);
        self.last.clear();
        self.last.extend_from_slice(row);
        self.len += 1;
    }

    /// Rows that have their first code in common, one after the other. Each of them can be gone through by itself.
    pub fn by_first(&self, width: usize) -> Vec<(u32, Rows<'_>)> {
        let mut starts: Vec<(u32, usize)> = Vec::new();
        let mut rows = self.rows(width);
        let mut before = 0;
        while let Some((row, _)) = rows.get() {
            let first = row.first().copied().unwrap_or_default();
            if starts.last().is_none_or(|(above, _)| *above != first) {
                starts.push((first, before));
            }
            before = self.bytes.len() - rows.from.bytes.len();
            rows.advance();
        }
        let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([self.bytes.len()]);
        let each = starts.iter().zip(ends).map(|((first, start), end)| {
            let bytes = self.bytes.get(*start..end).unwrap_or_default();
            (*first, Rows::new(bytes, width))
        });
        each.collect()
    }

    /// The rows, of which each has so many codes.
    pub fn rows(&self, width: usize) -> Rows<'_> {
        Rows::new(&self.bytes, width)
    }

    /// These rows and so many others, which are told in their order, each once, with its count; the counts of those that are
    /// alike are added up.
    pub fn with(
        &self,
        width: usize,
        count: usize,
        mut other: impl FnMut(usize, &mut Vec<u32>) -> i64,
    ) -> SortedRows {
        let mut all = SortedRows::default();
        all.bytes.reserve(self.bytes.len() + count * BYTES_OF_ROW);
        let mut own = self.rows(width);
        let mut row = Vec::with_capacity(width);
        for place in 0..count {
            row.clear();
            let mut count = other(place, &mut row);
            while let Some((known, known_count)) = own.get() {
                match known.cmp(&row) {
                    Ordering::Less => all.push(known, known_count),
                    Ordering::Equal => count += known_count,
                    Ordering::Greater => break,
                }
                own.advance();
            }
            all.push(&row, count);
        }
        while let Some((row, count)) = own.get() {
            all.push(row, count);
            own.advance();
        }
        all
    }
}

/// What most rows take.
const BYTES_OF_ROW: usize = 6;

impl<'a> Rows<'a> {
    fn new(bytes: &'a [u8], width: usize) -> Rows<'a> {
        let mut rows = Rows { from: Cursor { bytes }, row: vec![0; width], count: 0, is_there: true };
        rows.advance();
        rows
    }

    /// The row that this is at, and its count; none behind the last.
    pub fn get(&self) -> Option<(&[u32], i64)> {
        self.is_there.then_some((&*self.row, self.count))
    }

    pub fn advance(&mut self) {
        self.is_there = self.read().is_some();
    }

    fn read(&mut self) -> Option<()> {
        let same = usize::try_from(self.from.number()?).ok()?;
        for code in self.row.iter_mut().skip(same) {
            *code = u32::try_from(self.from.number()?).ok()?;
        }
        self.count = self.from.number()? as i64;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back_in_order_with_their_counts(
            width in 0usize..4,
            parts in proptest::collection::vec(proptest::collection::vec(
                (proptest::collection::vec(prop_oneof![0u32..3, any::<u32>()], 4), any::<i32>()), 0..20), 0..4),
        ) {
            let (mut sorted, mut expected) = (SortedRows::default(), BTreeMap::<Vec<u32>, i64>::new());
            for part in parts {
                let mut own = BTreeMap::<Vec<u32>, i64>::new();
                for (row, count) in part {
                    [&mut own, &mut expected].into_iter().for_each(|sum| *sum.entry(row[..width].to_vec()).or_default() += i64::from(count));
                }
                let own: Vec<(Vec<u32>, i64)> = own.into_iter().collect();
                sorted = sorted.with(width, own.len(), |place, row| {
                    row.extend_from_slice(&own[place].0);
                    own[place].1
                });
            }
            prop_assert_eq!(sorted.len(), expected.len());
            let mut rows = sorted.rows(width);
            for (row, count) in &expected {
                prop_assert_eq!(rows.get(), Some((&**row, *count)));
                rows.advance();
            }
            prop_assert_eq!(rows.get(), None);
            let mut apart = Vec::new();
            for (first, mut rows) in sorted.by_first(width) {
                while let Some((row, count)) = rows.get() {
                    prop_assert!(row.first().is_none_or(|own| *own == first));
                    apart.push((row.to_vec(), count));
                    rows.advance();
                }
            }
            prop_assert_eq!(apart, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
