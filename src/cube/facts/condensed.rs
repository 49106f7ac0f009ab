//! Determinations as few rows: those that are alike in all that they are counted by are one, with a weight. So they are
//! joined with their samples once for each combination, not once for each row.

use std::sync::{Mutex, PoisonError};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use jiff::civil::Date;

use super::Fact;
use super::batches::{SampleRows, Seen, UNSEEN, determinations, is_first};
use crate::column::{Coded, Combinations, Frame, Interner, combine, first_rows};
use crate::cube::Counts;
use crate::model::Value;

/// Counts by number of the sample and of the own combination. The first of either, which are those of most rows, have
/// their places in a table; others are looked up.
#[derive(Default)]
struct Pairs {
    near: Vec<u32>,
    /// One number above the other.
    far: HashMap<u64, i64, FixedState>,
}

/// Own combinations and samples that have places in the table.
const WIDTH: u32 = 1 << 9;
const HEIGHT: u32 = 1 << 12;

impl Pairs {
    fn count(&mut self, sample: u32, own: u32) {
        if sample < HEIGHT && own < WIDTH {
            let place = (sample * WIDTH + own) as usize;
            if place >= self.near.len() {
                self.near.resize((sample as usize + 1) * WIDTH as usize, 0);
            }
            if let Some(count) = self.near[place].checked_add(1) {
                self.near[place] = count;
                return;
            }
        }
        *self.far.entry(u64::from(sample) << 32 | u64::from(own)).or_insert(0) += 1;
    }

    /// Sample, own combination, count; a pair may come more than once.
    fn into_counts(self) -> impl Iterator<Item = (u32, u32, i64)> {
        let near = self.near.into_iter().zip(0..).filter(|(count, _)| *count > 0);
        let near = near.map(|(count, place)| (place / WIDTH, place % WIDTH, i64::from(count)));
        near.chain(self.far.into_iter().map(|(key, count)| ((key >> 32) as u32, key as u32, count)))
    }
}

/// What was added from any thread.
pub struct Condensed<'a> {
    dimensions: &'a [String],
    samples: Mutex<Distinct>,
    own: Mutex<Distinct>,
    /// Never more than threads that add at a time.
    counts: Mutex<Vec<Pairs>>,
}

/// Samples by number: alike ones have one number, whatever part of them is looked at.
pub struct Numbered(Vec<u32>);

/// Of a sample that is not known.
const NONE: u32 = u32::MAX;

impl<'a> Condensed<'a> {
    /// Determinations are counted by these dimensions.
    pub fn new(dimensions: &'a [String]) -> Condensed<'a> {
        let [samples, own] = [(); 2].map(|()| Mutex::new(Distinct::default()));
        Condensed { dimensions, samples, own, counts: Mutex::default() }
    }

    /// Numbers samples by what determinations take from them; days are told apart as far as `day` does.
    pub fn number(&self, samples: &Seen, day: impl Fn(Option<Date>) -> Option<Date>) -> Numbered {
        let frame = samples.rows();
        let dimensions = self.dimensions.iter().map(String::as_str);
        let names = dimensions.chain([UNSEEN]).filter(|name| frame.column(name).is_some());
        let mut columns: Vec<(&str, Coded<Value>)> =
            names.map(|name| (name, frame.column_or_missing(name))).collect();
        let days = frame.column_or_missing("day");
        columns.push(("day", days.map(|own| day(own.as_date()).map_or(Value::Missing, Value::Date))));
        let (codes, numbers) = number(&self.samples, &columns, frame.rows());
        Numbered(codes.iter().map(|code| numbers[*code as usize]).collect())
    }

    /// Counts determinations with their samples' rows; those of unknown samples are left out.
    pub fn add(&self, own: &[(String, Coded<Value>)], samples: &Numbered, rows: &SampleRows) {
        let column = |name: &str| own.iter().find(|(own, _)| own == name).map(|(_, column)| column.clone());
        let dimensions = self.dimensions.iter().map(String::as_str);
        let columns: Vec<(&str, Coded<Value>)> =
            dimensions.filter_map(|name| Some((name, column(name)?))).collect();
        let (codes, numbers) = number(&self.own, &columns, rows.len());
        let sample = |row: &Option<u32>| row.and_then(|row| samples.0.get(row as usize).copied());
        let of_sample: Vec<u32> = rows.values().iter().map(|row| sample(row).unwrap_or(NONE)).collect();
        let mut counts = held(&self.counts).pop().unwrap_or_default();
        let mut count = |(code, sample): (&u32, &u32)| {
            let sample = of_sample[*sample as usize];
            if sample != NONE {
                counts.count(sample, numbers[*code as usize]);
            }
        };
        let all = codes.iter().zip(rows.codes());
        match column("replicate").map(|replicate| replicate.relabel(is_first)) {
            Some(first) if first.values().contains(&false) => {
                let first = first.iter().zip(all).filter(|(is_first, _)| **is_first);
                first.for_each(|(_, row)| count(row));
            }
            _ => all.for_each(count),
        }
        held(&self.counts).push(counts);
    }

    /// What was added, counted by the dimensions and days.
    pub fn into_counts(self) -> Counts {
        let [samples, own] = [self.samples, self.own].map(|distinct| into(distinct).into_frame());
        // What two threads counted comes twice, and is added up by whoever counts the rows.
        let (mut rows, mut of_samples, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (sample, own, count) in into(self.counts).into_iter().flat_map(Pairs::into_counts) {
            rows.push(own);
            of_samples.push(sample);
            counts.push(count);
        }
        let of_samples = Coded::new((0..samples.rows() as u32).map(Some).collect(), of_samples);
        // Of rows that all have a sample and no replicate, none is left out.
        let rows = determinations(&own.take(&rows), &Seen::already(samples), &of_samples, self.dimensions);
        debug_assert_eq!(rows.rows(), counts.len());
        let count = |row: usize| counts.get(row).copied();
        Counts::tally_by(Fact::Determinations.name(), &rows, self.dimensions, "day", count)
    }
}

fn held<T>(own: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into<T>(own: Mutex<T>) -> T {
    own.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A code for each row, and the number of the combination that each code stands for.
///
/// Nothing is held while rows are looked at: who waits there for other threads may be given work that waits for this.
fn number(known: &Mutex<Distinct>, columns: &[(&str, Coded<Value>)], rows: usize) -> (Vec<u32>, Vec<u32>) {
    // A table without rows may lack any column, and would say nothing with those that it has.
    if rows == 0 {
        return (Vec::new(), Vec::new());
    }
    let (codes, _) = combine(columns.iter().map(|(_, column)| column), rows);
    let first = first_rows(&codes);
    let distinct: Vec<(&str, Coded<Value>)> =
        columns.iter().map(|(name, column)| (*name, column.take(&first))).collect();
    let numbers = held(known).number(&distinct, first.len());
    (codes, numbers)
}

/// Distinct rows of some columns, of the same ones each time.
#[derive(Default)]
struct Distinct {
    columns: Vec<(String, Interner<Value>)>,
    rows: Option<Combinations>,
}

impl Distinct {
    /// The number of each row.
    fn number(&mut self, columns: &[(&str, Coded<Value>)], rows: usize) -> Vec<u32> {
        let known = self.rows.get_or_insert_with(|| {
            let named = columns.iter().map(|(name, _)| ((*name).to_owned(), Interner::new()));
            self.columns = named.collect();
            Combinations::new(columns.len())
        });
        debug_assert!(self.columns.iter().map(|(name, _)| name).eq(columns.iter().map(|(name, _)| name)));
        let each = self.columns.iter_mut().zip(columns);
        let named = each.map(|((_, known), (_, column))| (known.intern_all(column.values()), column.codes()));
        let named: Vec<(Vec<u32>, &[u32])> = named.collect();
        let mut row = vec![0; named.len()];
        let number = |place: usize| {
            for (part, (names, codes)) in row.iter_mut().zip(&named) {
                *part = names[codes[place] as usize];
            }
            known.number(&row)
        };
        (0..rows).map(number).collect()
    }

    fn into_frame(self) -> Frame {
        let rows = self.rows.unwrap_or_else(|| Combinations::new(0));
        let count = rows.len();
        let mut frame = Frame::new(vec![0; count], vec![0; count], vec![Default::default()]);
        for (place, (name, values)) in self.columns.into_iter().enumerate() {
            frame.set(&name, Coded::new(values.into_values(), rows.column(place).collect()));
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::cube::Cells;

    fn frame(rows: usize, columns: &[(&str, Coded<Value>)]) -> Frame {
        let mut frame = Frame::new(vec![0; rows], vec![0; rows], vec![Default::default()]);
        columns.iter().for_each(|(name, column)| frame.set(name, column.clone()));
        frame
    }

    #[test]
    fn pairs_are_counted_near_and_far() {
        let pairs =
            [(0, 0), (3, WIDTH - 1), (HEIGHT - 1, 7), (HEIGHT, 0), (0, WIDTH), (u32::MAX - 1, u32::MAX)];
        let mut counted = Pairs::default();
        for (times, (sample, own)) in pairs.iter().enumerate() {
            (0..=times).for_each(|_| counted.count(*sample, *own));
        }
        let mut found: Vec<(u32, u32, i64)> = counted.into_counts().collect();
        found.sort_unstable_by_key(|(_, _, count)| *count);
        let expected = pairs.iter().zip(1..).map(|((sample, own), count)| (*sample, *own, count));
        assert_eq!(found, expected.collect::<Vec<_>>());
        let mut full = Pairs { near: vec![u32::MAX], ..Pairs::default() };
        full.count(0, 0);
        assert_eq!(full.into_counts().map(|(_, _, count)| count).sum::<i64>(), 1 << 32);
    }

    proptest! {
        /// However determinations are parted, they count as they do joined row by row.
        #[test]
        fn condensed_rows_count_as_all_rows_do(
            samples in proptest::collection::vec((1i8..4, 1i8..4, 0i64..2), 1..8),
            rows in proptest::collection::vec((0u32..10, 1i64..3, 0i64..3, 0i64..2), 0..60),
            part in 1usize..30,
        ) {
            let day = |day: i8| Value::Date(date(2020, 5, day));
            let all = frame(samples.len(), &[
                ("sample_code", Coded::from_values((0..samples.len() as i64).map(Value::Integer))),
                ("sampled_on", Coded::from_values(samples.iter().map(|own| day(own.0)))),
                ("reported_on", Coded::from_values(samples.iter().map(|own| day(own.1)))),
                ("final_verdict", Coded::from_values(samples.iter().map(|own| Value::Integer(own.2)))),
            ]);
            let seen = Seen::of(&all, date(2020, 5, 2));
            let whole = frame(rows.len(), &[
                ("sample_code", Coded::from_values(rows.iter().map(|row| Value::Integer(row.0.into())))),
                ("replicate", Coded::from_values(rows.iter().map(|row| Value::Integer(row.1)))),
                ("analyte", Coded::from_values(rows.iter().map(|row| Value::Integer(row.2)))),
                ("verdict", Coded::from_values(rows.iter().map(|row| Value::Integer(row.3)))),
            ]);
            let dimensions = ["analyte", "verdict", "final_verdict"].map(str::to_owned);
            let code = |frame: &Frame| frame.column_or_missing("sample_code");
            let expected = determinations(&whole, &seen, &seen.by_code(&code(&whole)), &dimensions);
            let expected = Cells::from(Counts::tally("determinations", &expected, &dimensions, "day", None));
            let condensed = Condensed::new(&dimensions);
            // A month without samples, which may come first, knows none of the columns.
            let nothing = condensed.number(&Seen::of(&Frame::default(), date(2020, 5, 2)), |day| day);
            let numbered = condensed.number(&seen, |day| day);
            let places: Vec<u32> = (0..rows.len() as u32).collect();
            for part in places.chunks(part) {
                let part = whole.take(part);
                let columns: Vec<(String, Coded<Value>)> = ["analyte", "verdict", "replicate"].iter()
                    .map(|name| ((*name).to_owned(), part.column_or_missing(name))).collect();
                condensed.add(&columns, &numbered, &seen.by_code(&code(&part)));
                condensed.add(&columns, &nothing, &Coded::constant(None, part.rows()));
            }
            prop_assert_eq!(Cells::from(condensed.into_counts()), expected);
        }
    }
}
