//! Codes for pairs of codes: what grouping by several columns comes down to.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Pairs beyond this are not given a table of all that there could be: it would not stay in a processor's own memory.
const TABLE_MAX: usize = 1 << 17;
/// A table of so many is the fastest there is.
const SMALL_TABLE: usize = 1 << 12;

/// Columns that are combined to one, as far as they were added.
#[derive(Default)]
pub(super) struct Combined {
    /// The code of each row, once there is a column.
    codes: Option<Vec<u32>>,
    /// Codes are below this; not all of them need be there.
    width: usize,
    /// Whether codes are numbered as they first appear.
    in_order: bool,
}

impl Combined {
    /// Adds a column of codes that are below `width`.
    ///
    /// As long as there could be few combinations, their codes are what they would be if all were there: to count on is
    /// cheaper than to number anew.
    pub(super) fn add(&mut self, other: &[u32], width: usize) {
        let Some(codes) = &mut self.codes else {
            *self = Combined { codes: Some(other.to_vec()), width, in_order: false };
            return;
        };
        let few = codes.len().clamp(SMALL_TABLE, TABLE_MAX);
        if self.width.saturating_mul(width) > few && !self.in_order {
            self.width = number_anew(codes, self.width);
            self.in_order = true;
        }
        let all = self.width.saturating_mul(width);
        if all <= few {
            codes.iter_mut().zip(other).for_each(|(own, other)| *own = *own * width as u32 + other);
            (self.width, self.in_order) = (all, false);
        } else {
            let (paired, pairs) = pair_codes(codes, other, width);
            (*codes, self.width, self.in_order) = (paired, pairs.len(), true);
        }
    }

    /// The code of each of so many rows, numbered as they first appear, and how many there are.
    pub(super) fn finish(self, rows: usize) -> (Vec<u32>, usize) {
        match self.codes {
            None => (vec![0; rows], usize::from(rows > 0)),
            Some(codes) if self.in_order => (codes, self.width),
            Some(mut codes) => {
                let distinct = number_anew(&mut codes, self.width);
                (codes, distinct)
            }
        }
    }
}

/// A code for each row, and the pair that each code stands for.
type Paired = (Vec<u32>, Vec<(u32, u32)>);

/// A code for each distinct pair of two columns' codes, in order of first appearance, and the pairs.
///
/// `width` is the number of values of the second column. There is a table of one column alone where the rows of each code of
/// the other follow each other, as those of a sample do, and else one of all pairs where that is not large.
pub(super) fn pair_codes(one: &[u32], other: &[u32], width: usize) -> Paired {
    let height = one.iter().max().map_or(0, |most| *most as usize + 1);
    let pairs_max = height.saturating_mul(width);
    if pairs_max <= SMALL_TABLE {
        return by_table(one, other, height, width);
    }
    let swapped =
        |(codes, pairs): Paired| (codes, pairs.into_iter().map(|(one, other)| (other, one)).collect());
    let in_runs = by_run(one, other, height, width);
    in_runs.or_else(|| by_run(other, one, width, height).map(swapped)).unwrap_or_else(|| {
        match pairs_max <= TABLE_MAX {
            true => by_table(one, other, height, width),
            false => by_hash(one, other),
        }
    })
}

/// Numbers the codes of one column as they first appear, and returns how many there are. Most are numbered so already.
fn number_anew(codes: &mut [u32], width: usize) -> usize {
    let mut next = 0;
    let is_next_or_known = |code: &u32| {
        next += u32::from(*code == next);
        *code < next
    };
    if codes.iter().all(is_next_or_known) {
        return next as usize;
    }
    let (mut new, mut count) = (vec![u32::MAX; width], 0);
    for code in codes {
        let slot = &mut new[*code as usize];
        if *slot == u32::MAX {
            *slot = count;
            count += 1;
        }
        *code = *slot;
    }
    count as usize
}

fn by_table(one: &[u32], other: &[u32], height: usize, width: usize) -> Paired {
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

/// None if the rows of a code of the first column do not follow each other.
fn by_run(one: &[u32], other: &[u32], height: usize, width: usize) -> Option<Paired> {
    let mut is_met = vec![false; height];
    // First code that a second one was last met with, and the pair's.
    let mut called = vec![(u32::MAX, 0u32); width];
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut codes = Vec::with_capacity(one.len());
    let mut others = other.iter();
    for run in one.chunk_by(u32::eq) {
        let first = *run.first()?;
        if std::mem::replace(&mut is_met[first as usize], true) {
            return None;
        }
        codes.extend(others.by_ref().take(run.len()).map(|second| {
            let slot = &mut called[*second as usize];
            if slot.0 != first {
                *slot = (first, pairs.len() as u32);
                pairs.push((first, *second));
            }
            slot.1
        }));
    }
    Some((codes, pairs))
}

fn by_hash(one: &[u32], other: &[u32]) -> Paired {
    let hasher = DefaultHashBuilder::default();
    let hash = |pair: &(u32, u32)| hasher.hash_one(u64::from(pair.0) << 32 | u64::from(pair.1));
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut table: HashTable<u32> = HashTable::new();
    let codes = one.iter().zip(other).map(|(one, other)| {
        let pair = (*one, *other);
        let found = table.entry(
            hash(&pair),
            |code| pairs[*code as usize] == pair,
            |code| hash(&pairs[*code as usize]),
        );
        match found {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let code = pairs.len() as u32;
                free.insert(code);
                pairs.push(pair);
                code
            }
        }
    });
    let codes = codes.collect();
    (codes, pairs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_numbered_alike_whichever_way(rows in proptest::collection::vec((0u32..9, 0u32..7), 0..60)) {
            let (mut one, other): (Vec<u32>, Vec<u32>) = rows.into_iter().unzip();
            let height = one.iter().max().map_or(0, |most| *most as usize + 1);
            let (alone, pairs) = by_table(&vec![0; other.len()], &other, 1, 7);
            for own in [&other, &alone] {
                let mut own = own.clone();
                prop_assert_eq!((number_anew(&mut own, 7), own), (pairs.len(), alone.clone()));
            }
            let expected = by_table(&one, &other, height, 7);
            prop_assert_eq!(&by_hash(&one, &other), &expected);
            let follow = one.windows(2).filter(|pair| pair[0] != pair[1]).count();
            let distinct = one.iter().collect::<std::collections::BTreeSet<_>>().len();
            let in_runs = by_run(&one, &other, height, 7);
            prop_assert_eq!(in_runs.is_some(), follow + 1 == distinct || one.is_empty());
            if let Some(in_runs) = in_runs {
                prop_assert_eq!(in_runs, expected);
            }
            one.sort_unstable();
            prop_assert_eq!(by_run(&one, &other, height, 7), Some(by_table(&one, &other, height, 7)));
        }

        /// However many values columns could have, their rows are numbered as they first appear.
        #[test]
        fn columns_are_combined_alike_however_wide(
            rows in proptest::collection::vec(proptest::array::uniform4(0u32..3), 0..60),
            widths in proptest::array::uniform4(prop_oneof![Just(3usize), Just(70), Just(SMALL_TABLE), Just(TABLE_MAX)]),
            count in 0usize..=4,
        ) {
            let mut combined = Combined::default();
            for (place, width) in widths.into_iter().enumerate().take(count) {
                combined.add(&rows.iter().map(|row| row[place]).collect::<Vec<u32>>(), width);
            }
            let mut known: Vec<&[u32]> = Vec::new();
            let mut codes = Vec::new();
            for row in &rows {
                let own = &row[..count];
                let code = known.iter().position(|known| *known == own).unwrap_or_else(|| {
                    known.push(own);
                    known.len() - 1
                });
                codes.push(code as u32);
            }
            prop_assert_eq!(combined.finish(rows.len()), (codes, known.len()));
        }
    }
}
