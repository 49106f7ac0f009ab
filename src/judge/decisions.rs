//! What was decided before: parts of the rows repeat each other's combinations.
//!
//! Texts are given names, and combinations are remembered by the names of their texts. So of many combinations of few
//! texts, a text is compared once for each part of the rows, and a combination as a few numbers.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;

use super::decide::{DECIDING, Outcome, ReadLimit, decide_by};
use crate::column::Coded;
use crate::model::Value;
use crate::normalize::{Sign, parse_limit};
use crate::reference::Units;

/// The combinations that any thread decided lately.
#[derive(Debug, Default)]
pub struct Decisions {
    hasher: DefaultHashBuilder,
    names: Shelves<Name, Box<str>>,
    /// The name that was given last.
    last: AtomicU32,
    outcomes: Shelves<Arc<Outcome>, Names>,
}

/// Stands for one text and never for another; a text that was forgotten meanwhile gets a new one.
type Name = u32;
type Names = [Name; DECIDING.len()];
/// The name of texts that have none.
const NAMELESS: Name = 0;

/// A deciding column: its texts, those that are read as limits once they are, and the names of all; a text without a name is
/// of no combination that is remembered.
pub(super) struct Spelt<'a> {
    texts: Vec<(Cow<'a, str>, OnceLock<ReadLimit>)>,
    names: Vec<Name>,
    column: &'a Coded<Value>,
}

impl Decisions {
    pub(super) fn spell<'a>(&self, column: &'a Coded<Value>) -> Spelt<'a> {
        let text = |value: &'a Value| match value {
            Value::Text(text) => Cow::Borrowed(&**text),
            other => Cow::Owned(other.to_string()),
        };
        let texts: Vec<_> = column.values().iter().map(|value| (text(value), OnceLock::new())).collect();
        let hashes: Vec<u64> = texts.iter().map(|(text, _)| self.hasher.hash_one(&**text)).collect();
        let known = self.names.find_all(&hashes, |place, known| **known == *texts[place].0);
        let asked = known.into_iter().zip(&texts).zip(hashes);
        let named = asked.map(|((known, (text, _)), hash)| known.unwrap_or_else(|| self.name(text, hash)));
        let names = named.collect();
        Spelt { texts, names, column }
    }

    /// A name for a text that had none.
    fn name(&self, text: &str, hash: u64) -> Name {
        let next = |last: u32| last.checked_add(1);
        let named = || {
            let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
            Some((Box::from(text), next(last)?))
        };
        // There could be no more names.
        self.names.find_or(hash, |known| **known == *text, named).unwrap_or(NAMELESS)
    }

    /// What is decided of the texts of each of the given rows.
    pub(super) fn of(
        &self,
        columns: &[Spelt<'_>; DECIDING.len()],
        rows: &[u32],
        units: &Units,
    ) -> Vec<Arc<Outcome>> {
        let mut all: Vec<(u32, Names)> = rows.iter().map(|row| (*row, Names::default())).collect();
        for (place, own) in columns.iter().enumerate() {
            match own.names.as_slice() {
                [only] => all.iter_mut().for_each(|(_, names)| names[place] = *only),
                several => all.iter_mut().for_each(|(row, names)| {
                    names[place] = several[own.column.code(*row as usize) as usize];
                }),
            }
        }
        let hashes: Vec<u64> = all.iter().map(|(_, names)| self.hasher.hash_one(names)).collect();
        let known = self.outcomes.find_all(&hashes, |place, names| is_same(names, &all[place].1));
        let asked = known.into_par_iter().zip(hashes).zip(all).with_min_len(64);
        asked
            .map(|((known, hash), own)| known.unwrap_or_else(|| self.decided(columns, own, hash, units)))
            .collect()
    }

    /// What is decided of the texts of a row, which was not remembered.
    fn decided(
        &self,
        columns: &[Spelt<'_>; DECIDING.len()],
        (row, names): (u32, Names),
        hash: u64,
        units: &Units,
    ) -> Arc<Outcome> {
        let spelt = |place: usize| {
            let own = &columns[place];
            &own.texts[own.column.code(row as usize) as usize]
        };
        let limit = |place: usize, bare: Sign| {
            let (text, limit) = spelt(place);
            limit.get_or_init(|| Arc::new(parse_limit(text, bare))).clone()
        };
        let outcome = Arc::new(decide_by(std::array::from_fn(|place| &*spelt(place).0), units, &limit));
        if names.contains(&NAMELESS) {
            return outcome;
        }
        // Another thread may have decided the same meanwhile: nobody waits for what takes long.
        let made = || Some((names, outcome.clone()));
        self.outcomes.find_or(hash, |known| is_same(known, &names), made).unwrap_or(outcome)
    }
}

/// Whether names are the same ones. All are looked at, which is no call of a function as comparing bytes is.
fn is_same(one: &Names, other: &Names) -> bool {
    one.iter().zip(other).fold(0, |any, (one, other)| any | (one ^ other)) == 0
}

const SHELVES: usize = 16;
/// What is remembered on each shelf before the older half of it is forgotten.
const REMEMBERED: usize = 1 << 10;

/// What was asked for lately, and what was before that, by key; told apart by hash, so that threads seldom wait for each
/// other.
#[derive(Debug)]
struct Shelves<T, K>([Mutex<Shelf<T, K>>; SHELVES]);

#[derive(Debug)]
struct Shelf<T, K> {
    late: HashTable<(u64, K, T)>,
    early: HashTable<(u64, K, T)>,
}

impl<T, K> Default for Shelves<T, K> {
    fn default() -> Self {
        let shelf = || Mutex::new(Shelf { late: HashTable::new(), early: HashTable::new() });
        Shelves(std::array::from_fn(|_| shelf()))
    }
}

impl<T: Clone, K> Shelves<T, K> {
    /// The table tells its own places by the lowest and the highest bits of a hash.
    fn shelf_of(hash: u64) -> usize {
        (hash >> 32) as usize % SHELVES
    }

    fn lock(&self, shelf: usize) -> MutexGuard<'_, Shelf<T, K>> {
        self.0[shelf].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered by each of several hashes, and is the own one of its place. Shelf by shelf: a lock that another
    /// thread had last is far away.
    fn find_all(&self, hashes: &[u64], is_own: impl Fn(usize, &K) -> bool) -> Vec<Option<T>> {
        let mut by_shelf: [Vec<u32>; SHELVES] = Default::default();
        hashes.iter().zip(0..).for_each(|(hash, place)| by_shelf[Self::shelf_of(*hash)].push(place));
        let mut found = vec![None; hashes.len()];
        for (shelf, places) in by_shelf.into_iter().enumerate() {
            let mut shelf = self.lock(shelf);
            for place in places {
                let place = place as usize;
                found[place] = shelf.find(hashes[place], |key| is_own(place, key));
            }
        }
        found
    }

    /// What is remembered, else what is made, which is remembered then.
    fn find_or(
        &self,
        hash: u64,
        is_own: impl Fn(&K) -> bool,
        make: impl FnOnce() -> Option<(K, T)>,
    ) -> Option<T> {
        let mut shelf = self.lock(Self::shelf_of(hash));
        if let Some(known) = shelf.find(hash, is_own) {
            return Some(known);
        }
        let (key, value) = make()?;
        shelf.remember(hash, key, value.clone());
        Some(value)
    }
}

impl<T: Clone, K> Shelf<T, K> {
    /// What is found counts as late again.
    fn find(&mut self, hash: u64, is_own: impl Fn(&K) -> bool) -> Option<T> {
        let is_own = |(_, key, _): &(u64, K, T)| is_own(key);
        if let Some((_, _, known)) = self.late.find(hash, is_own) {
            return Some(known.clone());
        }
        let ((_, key, value), _) = self.early.find_entry(hash, is_own).ok()?.remove();
        self.remember(hash, key, value.clone());
        Some(value)
    }

    /// Remembers what is not there.
    fn remember(&mut self, hash: u64, key: K, value: T) {
        if self.late.len() >= REMEMBERED {
            self.early = std::mem::take(&mut self.late);
        }
        self.late.insert_unique(hash, (hash, key, value), |(hash, _, _)| *hash);
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::decide;
    use super::*;
    use crate::column::Frame;
    use crate::reference::Reference;

    #[test]
    fn what_was_forgotten_is_decided_alike() {
        let units = Reference::built_in().expect("seeds").units;
        // More texts than all shelves hold, twice over.
        let results: Vec<String> = (0..3 * SHELVES * REMEMBERED).map(|n| format!("0.{n}")).collect();
        let mut frame = Frame::new(vec![0; results.len()], vec![0; results.len()], vec![Default::default()]);
        let column = Coded::from_values(results.iter().map(|text| Value::text(text)));
        frame.set("result_text", column);
        frame.set("limit_text", Coded::constant(Value::text("0.2"), results.len()));
        let columns = DECIDING.map(|name| frame.column_or_missing(name));
        let decisions = Decisions::default();
        for _ in 0..2 {
            let spelt = columns.each_ref().map(|column| decisions.spell(column));
            let rows: Vec<u32> = (0..results.len() as u32).step_by(7).collect();
            let outcomes = decisions.of(&spelt, &rows, &units);
            for (result, remembered) in results.iter().step_by(7).zip(outcomes) {
                let fresh = decide([result, "", "", "0.2", "", "", "", "", "", "", "", ""], &units);
                assert_eq!(format!("{remembered:?}"), format!("{fresh:?}"), "{result}");
            }
        }
        let held = |shelf: &Mutex<Shelf<Name, Box<str>>>| {
            let shelf = shelf.lock().expect("no other thread");
            shelf.late.len() + shelf.early.len()
        };
        assert!(decisions.names.0.iter().map(held).all(|held| held <= 2 * REMEMBERED));
    }

    #[test]
    fn what_is_asked_again_is_remembered() {
        let units = Reference::built_in().expect("seeds").units;
        let decisions = Decisions::default();
        let of = |result: usize| {
            let columns = DECIDING.map(|name| match name {
                "result_text" => Coded::constant(Value::text(&format!("0.{result}")), 1),
                _ => Coded::constant(Value::Missing, 1),
            });
            let spelt = columns.each_ref().map(|column| decisions.spell(column));
            decisions.of(&spelt, &[0], &units).remove(0)
        };
        let first = of(0);
        // What is asked for now and then outlives what is not.
        for result in 1..5 * SHELVES * REMEMBERED {
            of(result);
            if result % (SHELVES * REMEMBERED / 4) == 0 {
                assert!(Arc::ptr_eq(&of(0), &first), "after {result}");
            }
        }
        let second = of(1);
        assert!(Arc::ptr_eq(&of(1), &second) && !Arc::ptr_eq(&second, &first));
    }

    #[test]
    fn a_text_is_another_limit_in_another_column() {
        let units = Reference::built_in().expect("seeds").units;
        let decisions = Decisions::default();
        let results = ["0.1", "0.2", "0.3"];
        let limits = [("limit_text", 3), ("limit_low", 4), ("limit_high", 5)];
        let mut verdicts = Vec::new();
        for (column, place) in limits {
            let columns = DECIDING.map(|name| match name {
                "result_text" => Coded::from_values(results.map(Value::text)),
                _ if name == column => Coded::constant(Value::text("0.2"), results.len()),
                _ => Coded::constant(Value::Missing, results.len()),
            });
            let spelt = columns.each_ref().map(|column| decisions.spell(column));
            for (result, outcome) in results.iter().zip(decisions.of(&spelt, &[0, 1, 2], &units)) {
                let mut texts = [""; DECIDING.len()];
                (texts[0], texts[place]) = (result, "0.2");
                assert_eq!(
                    format!("{outcome:?}"),
                    format!("{:?}", decide(texts, &units)),
                    "{column} {result}"
                );
                verdicts.push(outcome.verdict.as_str());
            }
        }
        let [met, missed] = ["conforming", "nonconforming"];
        assert_eq!(verdicts, [met, met, missed, missed, met, met, met, met, missed]);
    }

    #[test]
    fn without_names_nothing_is_remembered() {
        let units = Reference::built_in().expect("seeds").units;
        let decisions = Decisions { last: AtomicU32::new(u32::MAX), ..Decisions::default() };
        let columns = DECIDING.map(|name| match name {
            "result_text" => Coded::constant(Value::text("0.3"), 1),
            "limit_text" => Coded::constant(Value::text("0.2"), 1),
            _ => Coded::constant(Value::Missing, 1),
        });
        let spelt = columns.each_ref().map(|column| decisions.spell(column));
        assert_eq!(decisions.of(&spelt, &[0], &units)[0].verdict.as_str(), "nonconforming");
        let is_empty = |shelf: &Mutex<Shelf<Arc<Outcome>, Names>>| {
            let shelf = shelf.lock().expect("no other thread");
            shelf.late.is_empty() && shelf.early.is_empty()
        };
        assert!(decisions.outcomes.0.iter().all(is_empty));
    }
}
