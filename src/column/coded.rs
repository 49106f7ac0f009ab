use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;

use super::Interner;
use super::codes::{Codes, gather, taken};
use super::pairs::pair_codes;

/// A column of rows over `values.len()` distinct values. A clone shares all.
#[derive(Debug, Clone)]
pub struct Coded<T> {
    values: Arc<Vec<T>>,
    codes: Codes,
}

impl<T: PartialEq> PartialEq for Coded<T> {
    fn eq(&self, other: &Coded<T>) -> bool {
        self.values == other.values && self.codes() == other.codes()
    }
}

impl<T: Eq> Eq for Coded<T> {}

impl<T> Coded<T> {
    /// `codes` must index `values`; a code beyond them is a defect of the caller.
    pub fn new(values: Vec<T>, codes: Vec<u32>) -> Coded<T> {
        debug_assert!(codes.iter().all(|&code| (code as usize) < values.len()));
        Coded { values: Arc::new(values), codes: Codes::plain(codes) }
    }

    /// Columns that repeat together share their keys: a code for each key, and a key for each row.
    pub fn keyed(values: Vec<T>, of_keys: Vec<u32>, keys: Arc<Vec<u32>>) -> Coded<T> {
        debug_assert!(of_keys.iter().all(|&code| (code as usize) < values.len()));
        Coded { values: Arc::new(values), codes: Codes::keyed(of_keys, keys) }
    }

    /// A column with the same value on every row.
    pub fn constant(value: T, rows: usize) -> Coded<T> {
        Coded { values: Arc::new(vec![value]), codes: Codes::same(rows) }
    }

    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Distinct values; some may be used by no row after [`Coded::take`].
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The code of each row.
    pub fn codes(&self) -> &[u32] {
        self.codes.rows()
    }

    /// What [`super::combine_all`] needs to know of a column.
    pub fn grouping(&self) -> Grouping<'_> {
        Grouping { codes: &self.codes, width: self.values.len() }
    }

    /// The code of each key, and the key of each row; none where the column is told row by row.
    pub fn by_keys(&self) -> Option<(&[u32], &Arc<Vec<u32>>)> {
        self.codes.by_keys()
    }

    pub fn get(&self, row: usize) -> &T {
        &self.values[self.code(row) as usize]
    }

    pub fn code(&self, row: usize) -> u32 {
        self.codes.get(row)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.codes().iter().map(|&code| &self.values[code as usize])
    }

    /// The column over those values alone that its rows use, in order of appearance.
    pub fn compact(&self) -> Coded<T>
    where
        T: Clone,
    {
        let mut new = vec![u32::MAX; self.values.len()];
        let mut values = Vec::new();
        let codes = self.codes().iter().map(|code| {
            let slot = &mut new[*code as usize];
            if *slot == u32::MAX {
                *slot = values.len() as u32;
                values.push(self.values[*code as usize].clone());
            }
            *slot
        });
        let codes = codes.collect();
        Coded::new(values, codes)
    }

    /// The given rows, in the given order, over the same values.
    pub fn take(&self, rows: &[u32]) -> Coded<T> {
        self.with(self.codes.take(rows, &Vec::new()))
    }

    /// Each row of this column on every row that has its number as a key.
    pub fn on_keys(&self, keys: &Arc<Vec<u32>>) -> Coded<T> {
        self.with(self.codes.on_keys(keys.clone()))
    }

    pub(super) fn with(&self, codes: Codes) -> Coded<T> {
        Coded { values: self.values.clone(), codes }
    }

    pub(super) fn own_codes(&self) -> &Codes {
        &self.codes
    }

    /// Applies a careful function once per distinct value. Equal results share a code, so that equality
    /// of codes is equality of values.
    pub fn map<U: Hash + Eq + Clone>(&self, mut function: impl FnMut(&T) -> U) -> Coded<U> {
        let mut interner = Interner::new();
        let new: Vec<u32> = self.values.iter().map(|value| interner.intern(function(value))).collect();
        let codes = if interner.len() == new.len() { self.codes.clone() } else { self.codes.renamed(&new) };
        Coded { values: Arc::new(interner.into_values()), codes }
    }

    /// As [`Coded::map`], of a function with few results: they are compared, not hashed.
    pub fn map_to_few<U: PartialEq>(&self, function: impl Fn(&T) -> U) -> Coded<U> {
        let mut results: Vec<U> = Vec::new();
        let mut code_of = |value: &T| {
            let result = function(value);
            let known = results.iter().position(|known| *known == result);
            known.unwrap_or_else(|| {
                results.push(result);
                results.len() - 1
            }) as u32
        };
        let new: Vec<u32> = self.values.iter().map(&mut code_of).collect();
        let codes = self.codes.renamed(&new);
        Coded { values: Arc::new(results), codes }
    }

    /// Applies a function once per distinct value, and leaves every code as it is: values that become equal stay apart.
    pub fn relabel<U>(&self, function: impl FnMut(&T) -> U) -> Coded<U> {
        Coded { values: Arc::new(self.values.iter().map(function).collect()), codes: self.codes.clone() }
    }

    /// The same codes over other values, one for each value of this column.
    pub fn over<U>(&self, values: Vec<U>) -> Coded<U> {
        debug_assert_eq!(values.len(), self.values.len());
        Coded { values: Arc::new(values), codes: self.codes.clone() }
    }

    /// The rows of this column at the given places among so many, and `nothing` on all others.
    pub fn spread(&self, places: &[u32], rows: usize, nothing: T) -> Coded<T>
    where
        T: Clone + PartialEq,
    {
        let mut values = self.values().to_vec();
        let other = values.iter().position(|value| *value == nothing).unwrap_or_else(|| {
            values.push(nothing);
            values.len() - 1
        });
        let mut codes = vec![other as u32; rows];
        for (place, code) in places.iter().zip(self.codes()) {
            codes[*place as usize] = *code;
        }
        Coded::new(values, codes)
    }

    /// The code in another column of each value of this one, if the value is there; values must be distinct in either.
    /// Columns that were taken out of one share their values, and no value is looked at.
    pub fn codes_in(&self, other: &Coded<T>) -> Vec<Option<u32>>
    where
        T: Hash + Eq,
    {
        let codes = 0..other.values.len() as u32;
        if Arc::ptr_eq(&self.values, &other.values) {
            return codes.map(Some).collect();
        }
        let by_value: HashMap<&T, u32> = other.values.iter().zip(codes).rev().collect();
        self.values.iter().map(|value| by_value.get(value).copied()).collect()
    }

    /// Applies a function once per distinct pair of values of two columns.
    pub fn zip_map<U, V: Hash + Eq + Clone>(
        &self,
        other: &Coded<U>,
        mut function: impl FnMut(&T, &U) -> V,
    ) -> Coded<V> {
        // What is the same on every row is no reason to look at rows.
        match (self.values.as_slice(), other.values.as_slice()) {
            (_, [only]) => return self.map(|own| function(own, only)),
            ([only], _) => return other.map(|theirs| function(only, theirs)),
            _ => {}
        }
        let mut interner = Interner::new();
        let mut named = |pairs: &[(u32, u32)]| -> Vec<u32> {
            let name = |(own, theirs): &(u32, u32)| {
                interner.intern(function(&self.values[*own as usize], &other.values[*theirs as usize]))
            };
            pairs.iter().map(name).collect()
        };
        let codes = match self.codes.beside(&other.codes) {
            Some((own, theirs, keys)) => {
                let (codes, pairs) = pair_codes(own, theirs, other.values.len());
                Codes::keyed(gather(&named(&pairs), &codes), keys.clone())
            }
            None => {
                let (codes, pairs) = pair_codes(self.codes(), other.codes(), other.values.len());
                Codes::plain(gather(&named(&pairs), &codes))
            }
        };
        Coded { values: Arc::new(interner.into_values()), codes }
    }
}

/// The rows on which a column says yes.
pub fn rows_where(column: &Coded<bool>) -> Vec<u32> {
    match column.values() {
        values if !values.contains(&false) => (0..column.len() as u32).collect(),
        values if !values.contains(&true) => Vec::new(),
        values => match column.by_keys() {
            Some((of_keys, keys)) => {
                let of_keys: Vec<bool> = of_keys.iter().map(|code| values[*code as usize]).collect();
                places_of(&of_keys, keys)
            }
            None => places_of(values, column.codes()),
        },
    }
}

/// Where a code is one that says yes. Every place is written, and passed by if it is one: whether it is cannot be foreseen.
fn places_of(says_yes: &[bool], codes: &[u32]) -> Vec<u32> {
    let mut places = vec![0; codes.len()];
    let mut count = 0;
    for (place, code) in (0..).zip(codes) {
        places[count] = place;
        count += usize::from(says_yes[*code as usize]);
    }
    places.truncate(count);
    places
}

/// A column to group rows by, whatever its values are.
#[derive(Clone, Copy)]
pub struct Grouping<'a> {
    pub(super) codes: &'a Codes,
    pub(super) width: usize,
}

/// The given rows of several columns; those that share their keys go on sharing them.
pub fn take_rows<T>(columns: &[Coded<T>], rows: &[u32]) -> Vec<Coded<T>> {
    let taken = taken(columns.iter().map(Coded::own_codes), rows);
    columns.iter().map(|column| column.with(column.codes.take(rows, &taken))).collect()
}

impl<T: Hash + Eq + Clone> Coded<T> {
    /// Lays rows of another column over this one where `rows` names any.
    pub fn overlay(&self, other: &Coded<T>, rows: &[Option<u32>]) -> Coded<T> {
        let mut interner = Interner::new();
        let [own, laid] = [self, other].map(|part| interner.intern_all(&part.values));
        let others = other.codes();
        let codes = self.codes().iter().zip(rows).map(|(code, row)| match row {
            Some(row) => laid[others[*row as usize] as usize],
            None => own[*code as usize],
        });
        let codes = codes.collect();
        Coded::new(interner.into_values(), codes)
    }

    /// Codes a sequence of values.
    pub fn from_values(rows: impl IntoIterator<Item = T>) -> Coded<T> {
        let mut interner = Interner::new();
        let codes = rows.into_iter().map(|value| interner.intern(value)).collect();
        Coded::new(interner.into_values(), codes)
    }

    /// The rows of all parts, one after the other.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Coded<T>>) -> Coded<T>
    where
        T: 'a,
    {
        let parts: Vec<&Coded<T>> = parts.into_iter().collect();
        if let [only] = parts.as_slice() {
            return (*only).clone();
        }
        let mut interner = Interner::new();
        let mut codes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            let new = interner.intern_all(&part.values);
            codes.extend(part.codes().iter().map(|&code| new[code as usize]));
        }
        Coded::new(interner.into_values(), codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn map_runs_once_per_distinct_value_and_merges_equal_results() {
        let column = Coded::from_values(["1", " 1", "2", "1"]);
        let mut calls = 0;
        let mapped = column.map(|text| {
            calls += 1;
            text.trim().to_owned()
        });
        assert_eq!(calls, 3);
        assert_eq!(mapped.values(), ["1", "2"]);
        assert_eq!(mapped.codes(), [0, 0, 1, 0]);
    }

    #[test]
    fn few_results_are_told_apart_as_many_are() {
        let column = Coded::from_values([3, 1, 4, 1, 5]);
        let (few, many) = (column.map_to_few(|number| number % 2), column.map(|number| number % 2));
        assert_eq!((few.values(), few.codes()), (many.values(), many.codes()));
    }

    #[test]
    fn rows_are_spread_among_others() {
        let column = Coded::from_values(["a", "b", "a"]);
        for (nothing, values) in [("c", vec!["a", "b", "c"]), ("b", vec!["a", "b"])] {
            let spread = column.spread(&[0, 3, 4], 6, nothing);
            assert_eq!(spread.values(), values);
            let rows: Vec<&str> = spread.iter().copied().collect();
            assert_eq!(rows, ["a", nothing, nothing, "b", "a", nothing]);
        }
    }

    #[test]
    fn pairs_are_mapped_once_each() {
        let left = Coded::from_values([1, 1, 2, 1]);
        let right = Coded::from_values(["a", "b", "a", "a"]);
        let mut calls = 0;
        let zipped = left.zip_map(&right, |number, text| {
            calls += 1;
            format!("{number}{text}")
        });
        assert_eq!(calls, 3);
        assert_eq!(zipped.iter().map(String::as_str).collect::<Vec<_>>(), ["1a", "1b", "2a", "1a"]);
    }

    proptest! {
        #[test]
        fn concat_keeps_every_row(parts in proptest::collection::vec(proptest::collection::vec(0u8..5, 0..20), 0..5)) {
            let columns: Vec<Coded<u8>> = parts.iter().map(|part| Coded::from_values(part.iter().copied())).collect();
            let joined = Coded::concat(&columns);
            prop_assert_eq!(joined.iter().copied().collect::<Vec<_>>(), parts.concat());
        }
    }
}
