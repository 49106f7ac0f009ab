//! Determinations as few rows: those that are alike in all that they are counted by are one, with a weight. So they are
//! joined with their samples once for each combination, not once for each row.

use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use rayon::prelude::*;

use super::batches::{Seen, UNSEEN, hidden_among, hide, is_first, is_yes};
use super::numbered_pairs::Pairs;
use super::{DETERMINATION, Fact};
use crate::column::{Coded, Combinations, Frame, Interner, Narrow, combine_all, first_rows};
use crate::cube::counts::dimension_text;
use crate::cube::{Cells, Columns};
use crate::model::Value;

/// What was added from any thread.
pub struct Condensed<'a> {
    dimensions: &'a [String],
    samples: Mutex<Distinct>,
    own: Mutex<Distinct>,
    counts: Mutex<Pairs>,
    /// What finished parts have counted in, for others.
    idle: Mutex<Vec<Pairs>>,
}

/// Determinations of some samples, such as those of a month. Few samples make a small table, which stays in a processor's own
/// memory.
pub struct Part<'a> {
    all: &'a Condensed<'a>,
    /// Of each sample of the part the number among all.
    samples: Vec<u32>,
    /// Never more than threads that add at a time.
    counts: Mutex<Vec<Pairs>>,
}

/// What each sample is counted as: alike ones have one number, whatever part of them is looked at.
pub struct Numbered(Coded<Option<u32>>);

impl Numbered {
    /// Of a row among the samples that are seen.
    pub fn get(&self, row: u32) -> Option<u32> {
        *self.0.get(row as usize)
    }
}

/// What the sample of each row of another table is counted as; nothing of one that is not known, or not seen.
pub type SampleNumbers = Coded<Option<u32>>;

impl<'a> Condensed<'a> {
    /// Determinations are counted by these dimensions.
    pub fn new(dimensions: &'a [String]) -> Condensed<'a> {
        let [samples, own] = [(); 2].map(|()| Mutex::new(Distinct::default()));
        Condensed { dimensions, samples, own, counts: Mutex::default(), idle: Mutex::default() }
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
        Numbered(number(&self.samples, &columns, &Coded::constant(true, frame.rows())))
    }

    /// A part of the determinations, those of samples with these numbers, which become numbers within the part.
    pub fn part<'n>(&'a self, numbers: impl IntoIterator<Item = &'n mut Option<u32>>) -> Part<'a> {
        let numbers: Vec<&mut u32> = numbers.into_iter().flatten().collect();
        let all = || numbers.iter().map(|number| **number as usize);
        // Samples of a part were numbered at about the same time.
        let (first, end) = (all().min().unwrap_or(0), all().max().map_or(0, |last| last + 1));
        let mut known: Vec<Option<u32>> = vec![None; end - first];
        let mut samples = Vec::new();
        for number in numbers {
            *number = *known[*number as usize - first].get_or_insert_with(|| {
                samples.push(*number);
                samples.len() as u32 - 1
            });
        }
        Part { all: self, samples, counts: Mutex::default() }
    }

    /// What was added, counted by the dimensions and days.
    pub fn into_cells(self) -> Cells {
        let [mut samples, own] = [self.samples, self.own].map(|distinct| into(distinct).into_frame());
        let is_unseen = samples.column_or_missing(UNSEEN);
        // Own combinations come twice: as they are, and as they are seen before the sample's report is.
        let seen = |word: &str| Coded::constant(Value::text(word), own.rows());
        let mut twice = [own.clone(), own.clone()];
        for name in hidden_among(self.dimensions) {
            let of_sample = samples.column(name).filter(|_| own.column(name).is_none());
            if let Some(hidden) = of_sample.map(|column| hide(column, &is_unseen)) {
                samples.set(name, hidden);
                continue;
            }
            let column = own.column_or_missing(name);
            let words = [seen("no"), seen("yes")];
            twice.iter_mut().zip(words).for_each(|(own, word)| own.set(name, hide(&column, &word)));
        }
        let place = |unseen: &Value| if is_yes(unseen) { own.rows() as u32 } else { 0 };
        let as_seen: Vec<u32> = is_unseen.iter().map(place).collect();
        let own = Frame::concat(&twice);
        let pairs = into(self.counts).into_counts();
        let of_samples: Vec<u32> = pairs.iter().map(|((sample, _), _)| *sample).collect();
        let of_own = pairs.iter().map(|((sample, own), _)| own + as_seen[*sample as usize]);
        let of_own: Vec<u32> = of_own.collect();
        let missing = Coded::constant(Value::Missing, samples.rows());
        let column = |name: &str| {
            let of_sample = samples.column(name).map(|column| (column, &of_samples));
            let of_own = own.column(name).map(|column| (column, &of_own));
            let found =
                if DETERMINATION.contains(&name) { of_own.or(of_sample) } else { of_sample.or(of_own) };
            found.unwrap_or((&missing, &of_samples))
        };
        let codes = |(column, rows): (&Coded<Value>, &Vec<u32>)| Narrow::from(column.codes()).take(rows);
        let dimensions = self.dimensions.par_iter().map(|name| {
            let (column, rows) = column(name);
            ((name.clone(), column.values().iter().map(dimension_text).collect()), codes((column, rows)))
        });
        let (dimensions, of_dimensions): (Vec<(String, Vec<String>)>, Vec<Narrow>) = dimensions.unzip();
        let days = samples.column_or_missing("day");
        let columns = Columns {
            codes: of_dimensions,
            days: codes((&days, &of_samples)),
            counts: pairs.iter().map(|(_, count)| *count).collect(),
        };
        let days = days.values().iter().map(Value::as_date).collect();
        Cells::unsorted(Fact::Determinations.name(), dimensions, days, columns).canonical()
    }
}

impl Part<'_> {
    /// Counts determinations, each with its sample; those without are left out.
    pub fn add(&self, own: &[(String, Coded<Value>)], samples: &SampleNumbers) {
        let column = |name: &str| own.iter().find(|(own, _)| own == name).map(|(_, column)| column.clone());
        let dimensions = self.all.dimensions.iter().map(String::as_str);
        let columns: Vec<(&str, Coded<Value>)> =
            dimensions.filter_map(|name| Some((name, column(name)?))).collect();
        let replicate = column("replicate").map(|replicate| replicate.map_to_few(is_first));
        let is_counted = replicate.unwrap_or_else(|| Coded::constant(true, samples.len()));
        let own = number(&self.all.own, &columns, &is_counted);
        let known = held(&self.counts).pop();
        let mut counts = known.or_else(|| held(&self.all.idle).pop()).unwrap_or_default();
        counts.add(samples, &own);
        held(&self.counts).push(counts);
    }

    /// Adds the part to all others.
    pub fn finish(self) {
        for mut counts in into(self.counts) {
            held(&self.all.counts).append(&counts, |sample| self.samples[sample as usize]);
            counts.clear();
            held(&self.all.idle).push(counts);
        }
    }
}

fn held<T>(own: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into<T>(own: Mutex<T>) -> T {
    own.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The number of each row's combination; none of a row that is not counted.
///
/// Nothing is held while rows are looked at: who waits there for other threads may be given work that waits for this.
fn number(
    known: &Mutex<Distinct>,
    columns: &[(&str, Coded<Value>)],
    is_counted: &Coded<bool>,
) -> Coded<Option<u32>> {
    // A table without rows may lack any column, and would say nothing with those that it has.
    if is_counted.is_empty() {
        return Coded::new(Vec::new(), Vec::new());
    }
    let grouped_by = columns.iter().map(|(_, column)| column.grouping()).chain([is_counted.grouping()]);
    let (codes, _) = combine_all(grouped_by, is_counted.len());
    let first = first_rows(&codes);
    let is_counted: Vec<bool> = first.iter().map(|row| *is_counted.get(*row as usize)).collect();
    let counted = first.iter().zip(&is_counted).filter(|(_, is_counted)| **is_counted);
    let counted: Vec<u32> = counted.map(|(row, _)| *row).collect();
    let distinct: Vec<(&str, Coded<Value>)> =
        columns.iter().map(|(name, column)| (*name, column.take(&counted))).collect();
    let mut numbers = held(known).number(&distinct, counted.len()).into_iter();
    let numbers = is_counted.into_iter().map(|is_counted| if is_counted { numbers.next() } else { None });
    Coded::new(numbers.collect(), codes)
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

    use super::super::batches::determinations;
    use super::*;
    use crate::cube::Counts;

    fn frame(rows: usize, columns: &[(&str, Coded<Value>)]) -> Frame {
        let mut frame = Frame::new(vec![0; rows], vec![0; rows], vec![Default::default()]);
        columns.iter().for_each(|(name, column)| frame.set(name, column.clone()));
        frame
    }

    proptest! {
        /// However determinations are parted, they count as they do joined row by row.
        #[test]
        fn condensed_rows_count_as_all_rows_do(
            samples in proptest::collection::vec((1i8..4, 1i8..4, 0i64..2), 1..8),
            lacking in proptest::collection::vec(any::<bool>(), 3),
            rows in proptest::collection::vec((0u32..10, 1i64..3, 0i64..3, 0i64..2), 0..60),
            part in 1usize..30,
        ) {
            fn day(day: i8) -> Value {
                Value::Date(date(2020, 5, day))
            }
            let coded = |own: fn(&(i8, i8, i64)) -> Value| Coded::from_values(samples.iter().map(own));
            let mut all = frame(samples.len(), &[
                ("sample_code", Coded::from_values((0..samples.len() as i64).map(Value::Integer))),
                ("sampled_on", coded(|own| day(own.0))),
                ("reported_on", coded(|own| day(own.1))),
                ("final_verdict", coded(|own| Value::Integer(own.2))),
            ]);
            let seen_on = date(2020, 5, 2);
            let own = |own: fn(&(u32, i64, i64, i64)) -> i64| {
                Coded::from_values(rows.iter().map(|row| Value::Integer(own(row))))
            };
            let mut whole = frame(rows.len(), &[
                ("sample_code", own(|row| row.0.into())),
                ("replicate", own(|row| row.1)),
                ("analyte", own(|row| row.2)),
                ("verdict", own(|row| row.3)),
            ]);
            // What is not known yet may stand in either table, or in none.
            if lacking[0] {
                whole.drop_column("verdict");
            }
            if lacking[1] {
                whole.set("detected", own(|row| row.3));
            }
            if lacking[2] {
                all.set("lab_verdict", coded(|own| Value::Integer(own.2)));
            }
            let seen = Seen::of(&all, seen_on);
            let dimensions = ["analyte", "verdict", "detected", "lab_verdict", "final_verdict"].map(str::to_owned);
            let code = |frame: &Frame| frame.column_or_missing("sample_code");
            let expected = determinations(&whole, &seen, &seen.by_code(&code(&whole)), &dimensions);
            let expected = Cells::from(Counts::tally("determinations", &expected, &dimensions, "day", None));
            let condensed = Condensed::new(&dimensions);
            // A month without samples, which may come first, knows none of the columns.
            condensed.number(&Seen::of(&Frame::default(), seen_on), |day| day);
            let numbered = condensed.number(&seen, |day| day);
            let places: Vec<u32> = (0..rows.len() as u32).collect();
            for half in 0..2 {
                let mut numbers: Vec<Option<u32>> =
                    (0..seen.rows().rows() as u32).map(|row| numbered.get(row)).collect();
                let counted = condensed.part(&mut numbers);
                for part in places.chunks(part).skip(half).step_by(2) {
                    let part = whole.take(part);
                    let columns: Vec<(String, Coded<Value>)> =
                        whole.names().map(|name| (name.to_owned(), part.column_or_missing(name))).collect();
                    counted.add(&columns, &seen.by_code(&code(&part)).relabel(|row| numbers[(*row)? as usize]));
                    counted.add(&columns, &Coded::constant(None, part.rows()));
                }
                counted.finish();
            }
            condensed.part([]).finish();
            prop_assert_eq!(condensed.into_cells(), expected);
        }
    }
}
