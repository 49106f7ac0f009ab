use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use rayon::prelude::*;

use super::cells::{By, Columns, ranked};
use super::{Cells, Counts, Fact};
use crate::column::{Interner, SortedRows};

/// Adds counts up as they come, from any thread. Of a fact there is one sum, for it can be large: who finds another thread
/// at it leaves the counts there.
#[derive(Debug)]
pub struct Totals {
    facts: Mutex<Vec<Total>>,
    /// Counts of a fact that are kept as they come, at least.
    room: usize,
}

impl Default for Totals {
    fn default() -> Totals {
        Totals { facts: Mutex::default(), room: ROOM }
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
            return Some((Sum::new(&counts.fact, self.room), counts));
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
        let sums: Vec<Sum> = Fact::ALL.into_iter().filter_map(of_fact).collect();
        sums.into_par_iter().with_max_len(1).map(Sum::into_cells).collect()
    }
}

/// Cells of one fact. Counts are kept as they come; beyond so many they are put in order, and those of a cell added up. What
/// takes up much of the room even so is put among the settled cells, which take few bytes each: exports mostly come by their
/// days, and do not return to old ones.
#[derive(Debug)]
struct Sum {
    fact: String,
    dimensions: Vec<(String, Interner<String>)>,
    days: Interner<Option<Date>>,
    lately: Columns,
    settled: SortedRows,
    room: usize,
}

const ROOM: usize = 1 << 18;
/// A settled cell is written again whenever others are settled. So that it is not often, they are many.
const SETTLED: usize = 8;

impl Sum {
    fn new(fact: &str, room: usize) -> Sum {
        Sum {
            fact: fact.to_owned(),
            dimensions: Vec::new(),
            days: Interner::new(),
            lately: Columns::default(),
            settled: SortedRows::default(),
            room,
        }
    }

    fn add(&mut self, more: Counts) {
        if self.lately.counts.is_empty() && self.settled.is_empty() {
            self.dimensions = more.dimensions.iter().map(|own| (own.name.clone(), Interner::new())).collect();
            self.lately = Columns::new(self.dimensions.len());
        }
        let own = self.dimensions.iter_mut().zip(&mut self.lately.codes);
        for (((_, known), codes), more) in own.zip(&more.dimensions) {
            codes.extend(more.texts.codes(), &known.intern_all(more.texts.values()));
        }
        self.lately.days.extend(more.days.codes(), &self.days.intern_all(more.days.values()));
        more.counts.iter().for_each(|count| self.lately.counts.push(*count));
        let room = self.room.max(self.settled.len() / SETTLED);
        if self.lately.counts.len() > room {
            self.lately = self.in_order(By::ThisThread);
            if self.lately.counts.len() > room / 2 {
                self.settle();
            }
        }
    }

    /// What came lately, each cell once.
    fn in_order(&self, by: By) -> Columns {
        let widths = self.dimensions.iter().map(|(_, texts)| texts.len()).chain([self.days.len()]);
        self.lately.in_order(&widths.collect::<Vec<usize>>(), by)
    }

    /// Puts cells that are in order among the settled ones.
    fn settle(&mut self) {
        let cells = std::mem::replace(&mut self.lately, Columns::new(self.dimensions.len()));
        self.settled = self.settled.with(self.dimensions.len() + 1, cells.counts.len(), |cell, row| {
            row.extend(cells.codes.iter().chain([&cells.days]).map(|codes| codes.code(cell) as u32));
            cells.counts.get(cell)
        });
    }

    fn into_cells(mut self) -> Cells {
        if !self.settled.is_empty() {
            self.lately = self.in_order(By::AllThreads);
            self.settle();
            let Sum { fact, dimensions, days, settled, .. } = self;
            return settled_cells(fact, dimensions, &days, &settled);
        }
        // What was never settled need not be put in order twice.
        let Sum { fact, dimensions, days, lately, .. } = self;
        let dimensions = dimensions.into_iter().map(|(name, texts)| (name, texts.into_values()));
        Cells::unsorted(&fact, dimensions.collect(), days.into_values(), lately).canonical()
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
        part.in_order(&widths, By::ThisThread)
    });
    let mut columns = Columns::new(dimensions.len());
    parts.collect::<Vec<Columns>>().into_iter().for_each(|part| columns.append(&part));
    Cells::unsorted(&fact, named, days, columns)
}

impl Cells {
    /// The sum of two tables of the same fact and dimensions.
    pub fn merge(self, other: Cells) -> Cells {
        let mut sum = Sum::new(&self.fact, ROOM);
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
            let totals = [ROOM, ROOM, 0, 2].map(|room| Totals { room, ..Totals::default() });
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
