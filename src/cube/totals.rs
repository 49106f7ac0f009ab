use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use rayon::prelude::*;

use super::cells::Columns;
use super::{Cells, Counts, Fact};
use crate::column::{Combinations, Interner};

/// Adds counts up as they come, from any thread. Of a fact there are never more sums than threads that add at a time.
#[derive(Debug, Default)]
pub struct Totals {
    waiting: Mutex<Vec<Sum>>,
}

impl Totals {
    pub fn add(&self, counts: Counts) {
        let waiting = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |sums: &mut Vec<Sum>| {
            let own = sums.iter().position(|sum| sum.fact == counts.fact)?;
            Some(sums.swap_remove(own))
        };
        let taken = place(&mut waiting());
        let mut sum = taken.unwrap_or_else(|| Sum::new(&counts.fact));
        sum.add(counts);
        waiting().push(sum);
    }

    /// The sum of each fact, in the order of [`Fact::ALL`].
    pub fn finish(self) -> Vec<Cells> {
        let mut sums = self.waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let of_fact = |fact: Fact| sums.extract_if(.., |sum| sum.fact == fact.name()).collect::<Vec<Sum>>();
        let facts: Vec<Vec<Sum>> = Fact::ALL.into_iter().map(of_fact).collect();
        let added = facts.into_par_iter().filter_map(|mut sums| {
            // What is less is added to what is more.
            sums.sort_by_key(|sum| std::cmp::Reverse(sum.counts.len()));
            sums.into_iter().reduce(Sum::joined).map(Sum::into_cells)
        });
        added.collect()
    }
}

/// Cells of one fact in order of arrival.
#[derive(Debug)]
struct Sum {
    fact: String,
    dimensions: Vec<(String, Interner<String>)>,
    days: Interner<Option<Date>>,
    /// Of each cell the codes of its dimensions, then that of its day.
    keys: Combinations,
    counts: Vec<i64>,
}

impl Sum {
    fn new(fact: &str) -> Sum {
        Sum {
            fact: fact.to_owned(),
            dimensions: Vec::new(),
            days: Interner::new(),
            keys: Combinations::new(0),
            counts: Vec::new(),
        }
    }

    fn add(&mut self, more: Counts) {
        if self.counts.is_empty() {
            self.dimensions = more.dimensions.iter().map(|own| (own.name.clone(), Interner::new())).collect();
            self.keys = Combinations::new(self.dimensions.len() + 1);
        }
        let named = self.dimensions.iter_mut().zip(&more.dimensions);
        let named = named.map(|((_, known), own)| (known.intern_all(own.texts.values()), own.texts.codes()));
        let mut columns: Vec<(Vec<u32>, &[u32])> = named.collect();
        columns.push((self.days.intern_all(more.days.values()), more.days.codes()));
        let mut key = vec![0; columns.len()];
        for (cell, count) in more.counts.iter().enumerate() {
            for (part, (names, codes)) in key.iter_mut().zip(&columns) {
                *part = names[codes[cell] as usize];
            }
            self.count(&key, *count);
        }
    }

    fn count(&mut self, key: &[u32], count: i64) {
        match self.counts.get_mut(self.keys.number(key) as usize) {
            Some(known) => *known += count,
            None => self.counts.push(count),
        }
    }

    fn joined(mut self, other: Sum) -> Sum {
        let names = self.dimensions.iter_mut().zip(&other.dimensions);
        let names = names.map(|((_, known), (_, texts))| known.intern_all(texts.values()));
        let mut names: Vec<Vec<u32>> = names.collect();
        names.push(self.days.intern_all(other.days.values()));
        let mut key = vec![0; names.len()];
        for (own, count) in other.keys.rows().zip(&other.counts) {
            for ((part, names), code) in key.iter_mut().zip(&names).zip(own) {
                *part = names[*code as usize];
            }
            self.count(&key, *count);
        }
        self
    }

    fn into_cells(self) -> Cells {
        let dimensions = self.dimensions.len();
        let columns = Columns {
            codes: (0..dimensions).map(|place| self.keys.column(place).collect()).collect(),
            days: self.keys.column(dimensions).map(|code| self.days.values()[code as usize]).collect(),
            counts: self.counts,
        };
        let dimensions = self.dimensions.into_iter().map(|(name, texts)| (name, texts.into_values()));
        Cells::unsorted(&self.fact, dimensions.collect(), columns).canonical()
    }
}

impl Cells {
    /// The sum of two tables of the same fact and dimensions.
    pub fn merge(self, other: Cells) -> Cells {
        let mut sum = Sum::new(&self.fact);
        [self, other].into_iter().for_each(|cells| sum.add(cells.into()));
        sum.into_cells()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Counted;
    use super::*;
    use crate::column::Coded;

    proptest! {
        #[test]
        fn totals_are_those_of_all_rows_at_once(tables in proptest::collection::vec(
            (prop_oneof![Just("samples"), Just("duties")], proptest::collection::vec(("[ab]", 1i8..3, 0i64..4), 0..5)), 0..20))
        {
            let dimensions = ["region".to_owned()];
            let day = |day: i8| Some(jiff::civil::date(2020, 1, day));
            let counted = |fact: &str, rows: &[(String, i8, i64)]| {
                let texts = Coded::from_values(rows.iter().map(|row| row.0.clone()));
                let days = Coded::from_values(rows.iter().map(|row| day(row.1)));
                let columns = vec![Counted { name: dimensions[0].clone(), texts }];
                Counts::of(fact, columns, &days, |row| Some(rows[row].2))
            };
            let totals = [Totals::default(), Totals::default()];
            for (fact, rows) in &tables {
                totals[0].add(counted(fact, rows));
            }
            // As if each had been added by a thread of its own.
            let each = tables.iter().map(|(fact, rows)| {
                let mut sum = Sum::new(fact);
                sum.add(counted(fact, rows));
                sum
            });
            totals[1].waiting.lock().expect("sound").extend(each);
            let expected: Vec<Cells> = ["samples", "duties"].into_iter().filter_map(|fact| {
                let own: Vec<_> = tables.iter().filter(|(own, _)| *own == fact).collect();
                let rows = own.iter().flat_map(|(_, rows)| rows.iter());
                let all = rows.map(|(text, own, n)| (vec![text.clone()], day(*own), *n));
                (!own.is_empty()).then(|| Cells::from_texts(fact, &dimensions, all))
            }).collect();
            for totals in totals {
                prop_assert_eq!(totals.finish(), expected.clone());
            }
        }
    }
}
