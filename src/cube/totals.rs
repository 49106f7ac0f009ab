use std::sync::{Mutex, PoisonError};

use super::{Cells, Fact};

/// Adds tables up as they come, from any thread. Sums wait for others of as many tables as they are of, so that never
/// more than a few of a fact are held, and none is merged often.
#[derive(Debug, Default)]
pub struct Totals {
    /// Level and sum: one of level `n` is of two to the `n` tables.
    waiting: Mutex<Vec<(u32, Cells)>>,
}

impl Totals {
    pub fn add(&self, table: Cells) {
        let (mut level, mut sum) = (0, table);
        while let Some(other) = self.exchange(level, &mut sum) {
            sum = sum.merge(other);
            level += 1;
        }
    }

    /// A sum of the same fact and level; where there is none, the own one begins to wait.
    fn exchange(&self, level: u32, own: &mut Cells) -> Option<Cells> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.iter().position(|(other, cells)| *other == level && cells.fact == own.fact) {
            Some(place) => Some(waiting.swap_remove(place).1),
            None => {
                waiting.push((level, std::mem::take(own)));
                None
            }
        }
    }

    /// The sum of each fact, in the order of [`Fact::ALL`].
    pub fn finish(self) -> Vec<Cells> {
        let mut waiting = self.waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The smallest sums first.
        waiting.sort_by_key(|(level, _)| *level);
        let of_fact = |fact: Fact| {
            let own = waiting.extract_if(.., |(_, cells)| cells.fact == fact.name());
            own.map(|(_, cells)| cells).reduce(Cells::merge)
        };
        Fact::ALL.into_iter().filter_map(of_fact).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn totals_are_those_of_all_rows_at_once(tables in proptest::collection::vec(
            (prop_oneof![Just("samples"), Just("duties")], proptest::collection::vec(("[ab]", 0i64..4), 0..5)), 0..20))
        {
            let dimensions = ["region".to_owned()];
            let spell = |cells: &[(String, i64)]| {
                cells.iter().map(|(text, n)| (vec![text.clone()], None, *n)).collect::<Vec<_>>()
            };
            let totals = Totals::default();
            for (fact, cells) in &tables {
                totals.add(Cells::from_texts(fact, &dimensions, spell(cells)));
            }
            let expected = ["samples", "duties"].into_iter().filter_map(|fact| {
                let own: Vec<_> = tables.iter().filter(|(own, _)| *own == fact).collect();
                let all: Vec<(String, i64)> = own.iter().flat_map(|(_, cells)| cells.clone()).collect();
                (!own.is_empty()).then(|| Cells::from_texts(fact, &dimensions, spell(&all)))
            });
            prop_assert_eq!(totals.finish(), expected.collect::<Vec<_>>());
        }
    }
}
