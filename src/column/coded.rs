use std::hash::Hash;

use super::Interner;

/// A column of `codes.len()` rows over `values.len()` distinct values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded<T> {
    values: Vec<T>,
    codes: Vec<u32>,
}

impl<T> Coded<T> {
    /// `codes` must index `values`; a code beyond them is a defect of the caller.
    pub fn new(values: Vec<T>, codes: Vec<u32>) -> Coded<T> {
        debug_assert!(codes.iter().all(|&code| (code as usize) < values.len()));
        Coded { values, codes }
    }

    /// A column with the same value on every row.
    pub fn constant(value: T, rows: usize) -> Coded<T> {
        Coded { values: vec![value], codes: vec![0; rows] }
    }

    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Distinct values; some may be used by no row after [`Coded::take`].
    pub fn values(&self) -> &[T] {
        &self.values
    }

    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    pub fn get(&self, row: usize) -> &T {
        &self.values[self.codes[row] as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.codes.iter().map(|&code| &self.values[code as usize])
    }

    /// The given rows, in the given order, over the same values.
    pub fn take(&self, rows: &[u32]) -> Coded<T>
    where
        T: Clone,
    {
        let codes = rows.iter().map(|&row| self.codes[row as usize]).collect();
        Coded { values: self.values.clone(), codes }
    }
}

impl<T> Coded<T> {
    /// Applies a careful function once per distinct value. Equal results share a code, so that equality
    /// of codes is equality of values.
    pub fn map<U: Hash + Eq + Clone>(&self, mut function: impl FnMut(&T) -> U) -> Coded<U> {
        let mut interner = Interner::new();
        let remap: Vec<u32> = self.values.iter().map(|value| interner.intern(&function(value))).collect();
        let codes = self.codes.iter().map(|&code| remap[code as usize]).collect();
        Coded { values: interner.into_values(), codes }
    }
}

impl<T: Hash + Eq + Clone> Coded<T> {
    /// Codes a sequence of values.
    pub fn from_values(rows: impl IntoIterator<Item = T>) -> Coded<T> {
        let mut interner = Interner::new();
        let codes = rows.into_iter().map(|value| interner.intern(&value)).collect();
        Coded { values: interner.into_values(), codes }
    }

    /// The rows of all parts, one after the other.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Coded<T>>) -> Coded<T>
    where
        T: 'a,
    {
        let mut interner = Interner::new();
        let mut codes = Vec::new();
        for part in parts {
            let remap: Vec<u32> = part.values.iter().map(|value| interner.intern(value)).collect();
            codes.extend(part.codes.iter().map(|&code| remap[code as usize]));
        }
        Coded { values: interner.into_values(), codes }
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

    proptest! {
        #[test]
        fn concat_keeps_every_row(parts in proptest::collection::vec(proptest::collection::vec(0u8..5, 0..20), 0..5)) {
            let columns: Vec<Coded<u8>> = parts.iter().map(|part| Coded::from_values(part.iter().copied())).collect();
            let joined = Coded::concat(&columns);
            prop_assert_eq!(joined.iter().copied().collect::<Vec<_>>(), parts.concat());
        }
    }
}
