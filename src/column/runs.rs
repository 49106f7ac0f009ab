//! Numbers of rows that mostly follow from the row above: lines, of which each is the next, and files, which stay the same.

use std::sync::Arc;

/// A number for each row. It is told once for all rows of a run, in which it grows by `STEP` from row to row, and row by row
/// where runs are short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runs<const STEP: u64> {
    rows: usize,
    told: Told,
}

/// How numbers are told follows from the numbers alone, so that equal ones are told alike.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// First row of each run, and its number.
    Runs(Arc<[(u32, u64)]>),
    Each(Arc<[u64]>),
}

/// Rows that a run has at least, on average: a run takes as much memory as two rows, and is looked for.
const LENGTH_MIN: usize = 4;

impl<const STEP: u64> Default for Runs<STEP> {
    fn default() -> Self {
        Runs::of(&[])
    }
}

impl<const STEP: u64> Runs<STEP> {
    pub fn of(numbers: &[u64]) -> Runs<STEP> {
        let rows = numbers.len();
        let goes_on = |one: &u64, next: &u64| one.wrapping_add(STEP) == *next;
        let ends = numbers.windows(2).filter(|pair| !goes_on(&pair[0], &pair[1])).count();
        let told = if rows > 0 && (ends + 1) * LENGTH_MIN > rows {
            Told::Each(numbers.into())
        } else {
            let mut start = 0;
            let runs = numbers.chunk_by(goes_on).map(|run| {
                let own = (start, run[0]);
                start += run.len() as u32;
                own
            });
            Told::Runs(runs.collect())
        };
        Runs { rows, told }
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn get(&self, row: usize) -> u64 {
        debug_assert!(row < self.rows);
        match &self.told {
            Told::Each(numbers) => numbers[row],
            Told::Runs(runs) => {
                let run = match &**runs {
                    [_] => 0,
                    several => several.partition_point(|(start, _)| *start as usize <= row).saturating_sub(1),
                };
                let (start, first) = runs[run];
                first.wrapping_add(STEP * (row as u64 - u64::from(start)))
            }
        }
    }

    pub fn to_vec(&self) -> Vec<u64> {
        match &self.told {
            Told::Each(numbers) => numbers.to_vec(),
            Told::Runs(runs) => {
                let mut numbers = Vec::with_capacity(self.rows);
                for (run, (start, first)) in runs.iter().enumerate() {
                    let end = runs.get(run + 1).map_or(self.rows as u64, |(next, _)| u64::from(*next));
                    let length = end - u64::from(*start);
                    numbers.extend((0..length).map(|place| first.wrapping_add(STEP * place)));
                }
                numbers
            }
        }
    }

    /// The numbers of the given rows, in the given order.
    pub fn numbers_of(&self, rows: &[u32]) -> Vec<u64> {
        debug_assert!(rows.iter().all(|row| (*row as usize) < self.rows));
        let each = |numbers: &[u64]| rows.iter().map(|row| numbers[*row as usize]).collect();
        match &self.told {
            Told::Each(numbers) => each(numbers),
            Told::Runs(runs) => match &**runs {
                [(_, first)] => rows.iter().map(|row| first.wrapping_add(STEP * u64::from(*row))).collect(),
                _ if rows.len() < self.rows / 8 => rows.iter().map(|row| self.get(*row as usize)).collect(),
                _ => each(&self.to_vec()),
            },
        }
    }

    pub fn take(&self, rows: &[u32]) -> Runs<STEP> {
        Runs::of(&self.numbers_of(rows))
    }

    /// Adds so much to every number, going on from zero behind the last there is: so runs stay runs.
    pub fn shift(&mut self, more: u64) {
        self.told = match &self.told {
            Told::Each(numbers) => Told::Each(numbers.iter().map(|own| own.wrapping_add(more)).collect()),
            Told::Runs(runs) => {
                Told::Runs(runs.iter().map(|(start, first)| (*start, first.wrapping_add(more))).collect())
            }
        };
    }

    /// Bytes that it takes in memory.
    pub fn size(&self) -> usize {
        match &self.told {
            Told::Each(numbers) => size_of_val(&**numbers),
            Told::Runs(runs) => size_of_val(&**runs),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn are_told<const STEP: u64>(numbers: &[u64], taken: &[prop::sample::Index], more: u64) {
        let mut runs = Runs::<STEP>::of(numbers);
        let each = |runs: &Runs<STEP>| (0..runs.len()).map(|row| runs.get(row)).collect::<Vec<u64>>();
        assert_eq!((each(&runs), runs.to_vec()), (numbers.to_vec(), numbers.to_vec()));
        let index = |at: &prop::sample::Index| at.index(numbers.len()) as u32;
        let rows: Vec<u32> = if numbers.is_empty() { Vec::new() } else { taken.iter().map(index).collect() };
        let expected: Vec<u64> = rows.iter().map(|row| numbers[*row as usize]).collect();
        assert_eq!(runs.take(&rows), Runs::of(&expected));
        assert_eq!(each(&runs.take(&rows)), expected);
        runs.shift(more);
        assert_eq!(runs, Runs::of(&numbers.iter().map(|own| own + more).collect::<Vec<u64>>()));
        assert!(runs.size() <= 8 * numbers.len(), "never more than row by row");
    }

    proptest! {
        #[test]
        fn numbers_are_told_however_they_run(
            parts in prop::collection::vec((0u64..40, 1u64..20, 0u64..2), 0..8),
            taken in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
            more in 0u64..9,
        ) {
            let numbers: Vec<u64> =
                parts.iter().flat_map(|(first, length, step)| (0..*length).map(move |place| first + step * place)).collect();
            are_told::<0>(&numbers, &taken, more);
            are_told::<1>(&numbers, &taken, more);
        }
    }

    #[test]
    fn an_export_takes_next_to_nothing() {
        let lines: Vec<u64> = (2..100_000).collect();
        assert_eq!(Runs::<1>::of(&lines).size(), 16);
        assert_eq!(Runs::<0>::of(&vec![0; 100_000]).size(), 16);
        assert_eq!(Runs::<1>::of(&lines[..1]).size(), 8, "a single row");
        assert_eq!(Runs::<1>::default().size(), 0);
    }
}
