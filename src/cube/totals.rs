use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use rayon::prelude::*;

use super::cells::{Columns, ranked};
use super::{Cells, Counts, Fact};
use crate::column::{Combinations, Interner, SortedRows};

/// Adds counts up as they come, from any thread. Of a fact there is one sum, for it can be large: who finds another thread
/// at it leaves the counts there.
#[derive(Debug)]
pub struct Totals {
    facts: Mutex<Vec<Total>>,
    /// Cells of a fact that are looked up at least.
    lately: usize,
}

impl Default for Totals {
    fn default() -> Totals {
        Totals { facts: Mutex::default(), lately: LATELY }
    }
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
            return Some((Sum::new(&counts.fact, self.lately), counts));
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

/// Cells of one fact. Those that were met lately are looked up; beyond so many they are put among the settled ones, which
/// take few bytes each and are sorted: exports mostly come by their days, and do not return to old ones.
#[derive(Debug)]
struct Sum {
    fact: String,
    dimensions: Vec<(String, Interner<String>)>,
    days: Interner<Option<Date>>,
    /// Of each cell that was met lately the codes of its dimensions, then that of its day.
    keys: Combinations,
    counts: Vec<i64>,
    settled: SortedRows,
    lately: usize,
}

/// Cells that are looked up at least, as many as their table can hold without growing further.
const LATELY: usize = (1 << 18) / 8 * 7;
/// A settled cell is written again whenever others are settled. So that it is not often, they are many.
const SETTLED: usize = 8;

impl Sum {
    fn new(fact: &str, lately: usize) -> Sum {
        Sum {
            fact: fact.to_owned(),
            dimensions: Vec::new(),
            days: Interner::new(),
            keys: Combinations::new(0),
            counts: Vec::new(),
            settled: SortedRows::default(),
            lately,
        }
    }

    fn add(&mut self, more: Counts) {
        if self.counts.is_empty() && self.settled.is_empty() {
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
        if self.counts.len() > self.lately.max(self.settled.len() / SETTLED) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let width = self.dimensions.len() + 1;
        let keys = std::mem::replace(&mut self.keys, Combinations::new(width));
        let counts = std::mem::take(&mut self.counts);
        self.settled = self.settled.with(&keys, &counts);
    }

    fn count(&mut self, key: &[u32], count: i64) {
        match self.counts.get_mut(self.keys.number(key) as usize) {
            Some(known) => *known += count,
            None => self.counts.push(count),
        }
    }

    fn into_cells(mut self) -> Cells {
        if !self.settled.is_empty() {
            self.settle();
            let Sum { fact, dimensions, days, settled, .. } = self;
            return settled_cells(fact, dimensions, &days, &settled);
        }
        // What was never settled need not be sorted twice.
        let column = |place: usize| self.keys.column(place).map(i64::from).collect();
        let columns = Columns {
            codes: (0..self.dimensions.len()).map(column).collect(),
            days: column(self.dimensions.len()),
            counts: self.counts.iter().copied().collect(),
        };
        let Sum { fact, dimensions, days, .. } = self;
        let dimensions = dimensions.into_iter().map(|(name, texts)| (name, texts.into_values()));
        Cells::unsorted(&fact, dimensions.collect(), days.into_values(), columns).canonical()
    }
}

/// Settled cells as a table. They lie by their first dimension already: so they are sorted by one value of it at a time,
/// and little beside the table itself is held.
fn settled_cells(
    fact: String,
    dimensions: Vec<(String, Interner<String>)>,
    days: &Interner<Option<Date>>,
    settled: &SortedRows,
) -> Cells {
    let width = dimensions.len() + 1;
    let values = dimensions.iter().map(|(_, texts)| texts.len()).chain([days.len()]);
    let mut is_used: Vec<Vec<bool>> = values.map(|values| vec![false; values]).collect();
    let mut rows = settled.rows(width);
    while let Some((row, _)) = rows.get() {
        is_used.iter_mut().zip(row).for_each(|(is_used, code)| is_used[*code as usize] = true);
        rows.advance();
    }
    let mut ranks = Vec::with_capacity(width);
    let named = dimensions.iter().zip(&is_used).map(|((name, texts), is_used)| {
        let (texts, own) = ranked(texts.values(), is_used);
        ranks.push(own);
        (name.clone(), texts)
    });
    let named: Vec<(String, Vec<String>)> = named.collect();
    let (days, own) = ranked(days.values(), &is_used[dimensions.len()]);
    ranks.push(own);
    let mut parts = settled.by_first(width);
    parts.sort_unstable_by_key(|(first, _)| ranks[0][*first as usize]);
    let widths: Vec<usize> = named.iter().map(|(_, texts)| texts.len()).chain([days.len()]).collect();
    let parts = parts.into_par_iter().map(|(_, mut rows)| {
        let mut part = Columns::new(dimensions.len());
        while let Some((row, count)) = rows.get() {
            let ranked = row.iter().zip(&ranks).map(|(code, ranks)| ranks[*code as usize].into());
            part.push(ranked, count);
            rows.advance();
        }
        part.in_order(&widths)
    });
    let mut columns = Columns::new(dimensions.len());
    parts.collect::<Vec<Columns>>().into_iter().for_each(|part| columns.append(&part));
    Cells::unsorted(&fact, named, days, columns)
}

impl Cells {
    /// The sum of two tables of the same fact and dimensions.
    pub fn merge(self, other: Cells) -> Cells {
        let mut sum = Sum::new(&self.fact, LATELY);
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
            let totals = [LATELY, LATELY, 0, 2].map(|lately| Totals { lately, ..Totals::default() });
            for (fact, rows) in &tables {
                [&totals[0], &totals[2]].into_iter().for_each(|own| own.add(counted(fact, rows)));
            }
            for own in [&totals[1], &totals[3]] {
                tables.par_iter().with_max_len(1).for_each(|(fact, rows)| own.add(counted(fact, rows)));
            }
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
