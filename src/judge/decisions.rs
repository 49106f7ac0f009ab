//! What was decided before: parts of the rows repeat each other's combinations.
//!
//! Texts are given names, and combinations are remembered by the names of their texts. So of many combinations of few
//! texts, a text is compared once for each part of the rows, and a combination as a few numbers.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

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
    /// The name that the next new text gets.
    next: AtomicU32,
    outcomes: Shelves<Arc<Outcome>, Names>,
    limits: Shelves<ReadLimit, (Sign, Box<str>)>,
}

/// Stands for one text and never for another; a text that was forgotten meanwhile gets a new one.
type Name = u32;
type Names = [Name; DECIDING.len()];

/// A deciding column as texts with their names; a text without one is of no combination that is remembered.
pub(super) struct Spelt<'a> {
    texts: Vec<(Cow<'a, str>, Option<Name>)>,
    column: &'a Coded<Value>,
}

impl Decisions {
    pub(super) fn spell<'a>(&self, column: &'a Coded<Value>) -> Spelt<'a> {
        let text = |value: &'a Value| {
            let text = match value {
                Value::Text(text) => Cow::Borrowed(&**text),
                other => Cow::Owned(other.to_string()),
            };
            let name = self.name(&text);
            (text, name)
        };
        Spelt { texts: column.values().iter().map(text).collect(), column }
    }

    /// None when there are no more names.
    fn name(&self, text: &str) -> Option<Name> {
        let new = |last: u32| last.checked_add(1);
        let named = || {
            let name = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, new).ok()?;
            Some((Box::from(text), name))
        };
        self.names.find_or(self.hasher.hash_one(text), |known| **known == *text, named)
    }

    fn limit(&self, text: &str, bare: Sign) -> ReadLimit {
        let is_own = |(sign, known): &(Sign, Box<str>)| *sign == bare && **known == *text;
        let read = || Some(((bare, Box::from(text)), Arc::new(parse_limit(text, bare))));
        let known = self.limits.find_or(self.hasher.hash_one((bare, text)), is_own, read);
        known.unwrap_or_else(|| Arc::new(parse_limit(text, bare)))
    }

    /// What is decided of the texts of a row.
    pub(super) fn of(&self, columns: &[Spelt<'_>; DECIDING.len()], row: u32, units: &Units) -> Arc<Outcome> {
        let spelt = columns.each_ref().map(|own| &own.texts[own.column.code(row as usize) as usize]);
        let read_limit = |text: &str, bare: Sign| self.limit(text, bare);
        let decided = || Arc::new(decide_by(spelt.map(|(text, _)| &**text), units, &read_limit));
        let mut names: Names = Default::default();
        for (own, (_, name)) in names.iter_mut().zip(spelt) {
            let Some(name) = name else { return decided() };
            *own = *name;
        }
        // All are looked at, which is no call of a function as comparing bytes is.
        let differing =
            |known: &Names| known.iter().zip(&names).fold(0, |any, (own, name)| any | (own ^ name));
        let (hash, is_own) = (self.hasher.hash_one(names), |known: &Names| differing(known) == 0);
        if let Some(known) = self.outcomes.find(hash, is_own) {
            return known;
        }
        // Nobody waits for what takes long.
        let outcome = decided();
        self.outcomes.find_or(hash, is_own, || Some((names, outcome.clone()))).unwrap_or(outcome)
    }
}

const SHELVES: usize = 16;
/// What is remembered on each shelf before the older half of it is forgotten.
const REMEMBERED: usize = 1 << 10;

/// What was asked for lately, and what was before that, by key; told apart by hash, so that threads seldom meet.
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
    fn find(&self, hash: u64, is_own: impl Fn(&K) -> bool) -> Option<T> {
        self.find_or(hash, is_own, || None)
    }

    /// What is remembered, else what is made, which is remembered then.
    fn find_or(
        &self,
        hash: u64,
        is_own: impl Fn(&K) -> bool,
        make: impl FnOnce() -> Option<(K, T)>,
    ) -> Option<T> {
        // The table tells its own places by the lowest and the highest bits.
        let place = (hash >> 32) as usize % SHELVES;
        let mut shelf = self.0[place].lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |(_, key, _): &(u64, K, T)| is_own(key);
        if let Some((_, _, known)) = shelf.late.find(hash, is_own) {
            return Some(known.clone());
        }
        let (key, value) = match shelf.early.find_entry(hash, is_own) {
            Ok(early) => {
                let ((_, key, value), _) = early.remove();
                (key, value)
            }
            Err(_) => make()?,
        };
        if shelf.late.len() >= REMEMBERED {
            shelf.early = std::mem::take(&mut shelf.late);
        }
        let found = value.clone();
        if let Entry::Vacant(free) = shelf.late.entry(hash, is_own, |(hash, _, _)| *hash) {
            free.insert((hash, key, value));
        }
        Some(found)
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
            for (row, result) in results.iter().enumerate().step_by(7) {
                let fresh = decide([result, "", "", "0.2", "", "", "", "", "", "", "", ""], &units);
                let remembered = decisions.of(&spelt, row as u32, &units);
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
            decisions.of(&columns.each_ref().map(|column| decisions.spell(column)), 0, &units)
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
    fn without_names_nothing_is_remembered() {
        let units = Reference::built_in().expect("seeds").units;
        let decisions = Decisions { next: AtomicU32::new(u32::MAX), ..Decisions::default() };
        let columns = DECIDING.map(|name| match name {
            "result_text" => Coded::constant(Value::text("0.3"), 1),
            "limit_text" => Coded::constant(Value::text("0.2"), 1),
            _ => Coded::constant(Value::Missing, 1),
        });
        let spelt = columns.each_ref().map(|column| decisions.spell(column));
        assert_eq!(decisions.of(&spelt, 0, &units).verdict.as_str(), "nonconforming");
        let is_empty = |shelf: &Mutex<Shelf<Arc<Outcome>, Names>>| {
            let shelf = shelf.lock().expect("no other thread");
            shelf.late.is_empty() && shelf.early.is_empty()
        };
        assert!(decisions.outcomes.0.iter().all(is_empty));
    }
}
