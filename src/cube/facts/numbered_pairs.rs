//! Counts of pairs of numbers: samples and own combinations of determinations.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::column::Coded;

/// Counts by two numbers. Small ones, which those of most rows are, have their places in a table; others are looked up.
#[derive(Default)]
pub(super) struct Pairs {
    /// A row for each first number and a column for each second one, behind one each for rows that lack the number. Counts
    /// are what two bytes hold of them.
    near: Vec<u16>,
    width: usize,
    /// Counts of other pairs, and what two bytes do not hold of a count.
    far: HashMap<(u32, u32), i64, FixedState>,
}

/// Rows and columns of the table, at most.
const HEIGHT_MAX: usize = 1 << 12;
const WIDTH_MAX: usize = 1 << 9;
/// Places that are looked at together: most of a row is empty.
const PART: usize = 8;

/// The row or column of a number, if it has one of so many.
fn place_of(number: Option<u32>, most: usize) -> Option<usize> {
    Some(number.map_or(0, |number| number as usize + 1)).filter(|place| *place < most)
}

impl Pairs {
    /// Counts rows, each under its two numbers if it has both.
    pub(super) fn add(&mut self, one: &Coded<Option<u32>>, other: &Coded<Option<u32>>) {
        let places = |coded: &Coded<Option<u32>>, most| -> Vec<Option<usize>> {
            coded.values().iter().map(|number| place_of(*number, most)).collect()
        };
        let (mut rows, columns) = (places(one, HEIGHT_MAX), places(other, WIDTH_MAX));
        let most = |places: &[Option<usize>]| places.iter().flatten().max().map_or(0, |last| last + 1);
        self.fit(most(&rows), most(&columns));
        rows.iter_mut().flatten().for_each(|row| *row *= self.width);
        for (code, other_code) in one.codes().iter().zip(other.codes()) {
            let (code, other_code) = (*code as usize, *other_code as usize);
            let carried = match rows[code].zip(columns[other_code]) {
                Some((row, column)) => {
                    let count = &mut self.near[row + column];
                    *count = count.wrapping_add(1);
                    if *count > 0 {
                        continue;
                    }
                    1 << u16::BITS
                }
                None => 1,
            };
            if let Some(pair) = one.values()[code].zip(other.values()[other_code]) {
                *self.far.entry(pair).or_insert(0) += carried;
            }
        }
    }

    /// Gives the table so many rows and columns at least.
    fn fit(&mut self, height: usize, width: usize) {
        if width > self.width {
            // Numbers climb as they are met: with some room there are few tables to move.
            let width = width.max(self.width + self.width / 2).next_multiple_of(PART);
            let mut wider = vec![0; self.height() * width];
            if self.width > 0 {
                let rows = wider.chunks_exact_mut(width).zip(self.near.chunks_exact(self.width));
                rows.for_each(|(wider, row)| wider[..self.width].copy_from_slice(row));
            }
            (self.near, self.width) = (wider, width);
        }
        self.near.resize(self.near.len().max(height * self.width), 0);
    }

    fn height(&self) -> usize {
        self.near.len().checked_div(self.width).unwrap_or(0)
    }

    /// The counts of the table.
    fn near(&self) -> impl Iterator<Item = ((u32, u32), u16)> {
        // The first row and the first column are those of rows that lack a number.
        let rows = (0..).zip(self.near.chunks_exact(self.width.max(1)).skip(1));
        rows.flat_map(|(one, row)| {
            let parts = row.as_chunks::<PART>().0.iter().enumerate().filter(|(_, part)| **part != [0; PART]);
            let each = parts.flat_map(|(place, part)| (place * PART..).zip(part));
            let counted = each.filter(|(place, count)| **count > 0 && *place > 0);
            counted.map(move |(place, count)| ((one, place as u32 - 1), *count))
        })
    }

    /// Adds others, whose first numbers are others here.
    pub(super) fn append(&mut self, others: &Pairs, name: impl Fn(u32) -> u32) {
        let height = (1..others.height() as u32).filter_map(|row| place_of(Some(name(row - 1)), HEIGHT_MAX));
        self.fit(height.max().map_or(0, |last| last + 1), others.width);
        // Loops inside each other are faster told what to do than asked for what is next.
        others.near().for_each(|((one, other), count)| {
            let one = name(one);
            let carried = match place_of(Some(one), HEIGHT_MAX) {
                Some(row) => {
                    let own = &mut self.near[row * self.width + other as usize + 1];
                    let (sum, is_more) = own.overflowing_add(count);
                    *own = sum;
                    i64::from(is_more) << u16::BITS
                }
                None => count.into(),
            };
            if carried > 0 {
                *self.far.entry((one, other)).or_insert(0) += carried;
            }
        });
        for ((one, other), count) in &others.far {
            *self.far.entry((name(*one), *other)).or_insert(0) += count;
        }
    }

    /// Pairs and their counts. A pair may come twice.
    pub(super) fn into_counts(self) -> Vec<((u32, u32), i64)> {
        let mut counts = Vec::new();
        self.near().for_each(|(pair, count)| counts.push((pair, i64::from(count))));
        counts.extend(self.far);
        counts
    }

    /// Forgets all, but for the room that it took.
    pub(super) fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Row = (Option<u32>, Option<u32>);

    fn number(most: usize) -> impl Strategy<Value = Option<u32>> {
        let edge = most as u32;
        prop_oneof![9 => (0u32..20).prop_map(Some), 1 => Just(None), 1 => (edge - 3..edge + 2).prop_map(Some), 1 => Just(Some(u32::MAX))]
    }

    fn spelt(pairs: Pairs) -> BTreeMap<(u32, u32), i64> {
        let mut sums = BTreeMap::new();
        pairs.into_counts().into_iter().for_each(|(pair, count)| *sums.entry(pair).or_insert(0) += count);
        sums
    }

    proptest! {
        #[test]
        fn pairs_are_counted_near_and_far(
            parts in proptest::collection::vec((proptest::collection::vec((number(HEIGHT_MAX), number(WIDTH_MAX)), 0..30), any::<bool>()), 0..5),
            // More than two bytes hold, of rows that are there already.
            more in prop_oneof![4 => Just(0usize), 1 => 65_530usize..140_000],
        ) {
            let mut threads = [Pairs::default(), Pairs::default()];
            // The numbers of one thread are others in the whole.
            let name = |one: u32| one.rotate_left(9);
            let mut expected = BTreeMap::new();
            for (rows, is_other) in &parts {
                let many = rows.first().copied().into_iter().flat_map(|row| std::iter::repeat_n(row, more));
                let rows: Vec<Row> = rows.iter().copied().chain(many).collect();
                let [one, other]: [Vec<Option<u32>>; 2] = [rows.iter().map(|row| row.0).collect(), rows.iter().map(|row| row.1).collect()];
                threads[usize::from(*is_other)].add(&Coded::from_values(one), &Coded::from_values(other));
                for (one, other) in rows {
                    if let Some((one, other)) = one.zip(other) {
                        let one = if *is_other { name(one) } else { one };
                        *expected.entry((one, other)).or_insert(0) += 1;
                    }
                }
            }
            let [mut own, other] = threads;
            let mut all = Pairs::default();
            all.append(&own, |one| one);
            all.append(&other, name);
            // What is counted in a table that was used before is what is counted in a new one.
            own.clear();
            for (rows, _) in parts.iter().rev().take(1) {
                let (one, another): (Vec<Option<u32>>, Vec<Option<u32>>) = rows.iter().copied().unzip();
                own.add(&Coded::from_values(one), &Coded::from_values(another));
                rows.iter().filter_map(|(one, another)| one.zip(*another)).for_each(|pair| {
                    *expected.entry(pair).or_insert(0) += 1;
                });
            }
            all.append(&own, |one| one);
            prop_assert_eq!(spelt(all), expected);
        }
    }
}
