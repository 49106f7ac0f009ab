use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;

use super::cells::Columns;
use super::{Cells, Counts, Fact};
use crate::column::{Combinations, Interner};

/// Adds counts up as they come, from any thread. Of a fact there is one sum, for it can be large: who finds another thread
/// at it leaves the counts there.
#[derive(Debug, Default)]
pub struct Totals {
    facts: Mutex<Vec<Total>>,
}

#[derive(Debug)]
struct Total {
    fact: String,
    /// None while a thread adds to it.
    sum: Option<Sum>,
    waiting: Vec<Counts>,
}

impl Totals {
    pub fn add(&self, counts: Counts) {
        let mut next = self.begin(counts);
        while let Some((mut sum, counts)) = next {
            sum.add(counts);
            next = self.go_on(sum);
        }
    }

    fn begin(&self, counts: Counts) -> Option<(Sum, Counts)> {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = facts.iter_mut().find(|own| own.fact == counts.fact) else {
            facts.push(Total { fact: counts.fact.clone(), sum: None, waiting: Vec::new() });
            return Some((Sum::new(&counts.fact), counts));
        };
        match own.sum.take() {
            Some(sum) => Some((sum, counts)),
            None => {
                own.waiting.push(counts);
                None
            }
        }
    }

    /// What was left meanwhile; the sum goes back if that is nothing.
    fn go_on(&self, sum: Sum) -> Option<(Sum, Counts)> {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = facts.iter_mut().find(|own| own.fact == sum.fact)?;
        match own.waiting.pop() {
            Some(counts) => Some((sum, counts)),
            None => {
                own.sum = Some(sum);
                None
            }
        }
    }

    /// The sum of each fact, in the order of [`Fact::ALL`].
    pub fn finish(self) -> Vec<Cells> {
        let mut facts = self.facts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let of_fact = |fact: Fact| {
            let own = facts.iter_mut().find(|own| own.fact == fact.name())?;
            own.sum.take()
        };
        // One after the other: two forms of one fact's cells are enough to hold at a time.
        Fact::ALL.into_iter().filter_map(of_fact).map(Sum::into_cells).collect()
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

    fn into_cells(self) -> Cells {
        let Sum { fact, dimensions, days, keys, counts } = self;
        let columns = Columns {
            codes: (0..dimensions.len()).map(|place| keys.column(place).collect()).collect(),
            days: keys.column(dimensions.len()).map(|code| days.values()[code as usize]).collect(),
            counts,
        };
        drop(keys);
        let dimensions = dimensions.into_iter().map(|(name, texts)| (name, texts.into_values()));
        Cells::unsorted(&fact, dimensions.collect(), columns).canonical()
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
    use rayon::prelude::*;

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
            tables.par_iter().with_max_len(1).for_each(|(fact, rows)| totals[1].add(counted(fact, rows)));
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
