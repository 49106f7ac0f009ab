//! The code of each row, told row by row or by what several columns share.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

/// Rows below which one thread does it: more than parts of a long export have, which lie side by side already.
const PARALLEL_ROWS: usize = 1 << 18;

/// The codes of a column.
#[derive(Debug, Clone)]
pub(super) enum Codes {
    Plain(Arc<Vec<u32>>),
    Keyed(Arc<Keyed>),
    Same(Arc<Same>),
}

/// Zero on every row, as of a column that a table lacks.
#[derive(Debug)]
pub(super) struct Same {
    len: usize,
    /// Codes of the rows, once somebody has asked for them.
    rows: OnceLock<Vec<u32>>,
}

/// The codes of a column that repeats together with others, as the attributes of a sample do on each of its rows: what is
/// done to them is done once for each key.
#[derive(Debug)]
pub(super) struct Keyed {
    of_keys: Arc<Vec<u32>>,
    /// Key of each row, the same for all columns that repeat together.
    keys: Arc<Vec<u32>>,
    /// Codes of the rows, once somebody has asked for them.
    rows: OnceLock<Vec<u32>>,
}

/// Keys that rows were taken of, and those of the rows: columns that shared the ones share the others.
pub(super) type Taken = Vec<(Arc<Vec<u32>>, Arc<Vec<u32>>)>;

/// Codes by key of two columns, and the keys that they share.
pub(super) type Beside<'a> = (&'a [u32], &'a [u32], &'a Arc<Vec<u32>>);

impl Codes {
    pub(super) fn plain(codes: Vec<u32>) -> Codes {
        Codes::Plain(Arc::new(codes))
    }

    pub(super) fn keyed(of_keys: impl Into<Arc<Vec<u32>>>, keys: Arc<Vec<u32>>) -> Codes {
        let of_keys = of_keys.into();
        debug_assert!(keys.iter().all(|&key| (key as usize) < of_keys.len()));
        Codes::Keyed(Arc::new(Keyed { of_keys, keys, rows: OnceLock::new() }))
    }

    pub(super) fn same(len: usize) -> Codes {
        Codes::Same(Arc::new(Same { len, rows: OnceLock::new() }))
    }

    /// The code that each row of a column has here, on every row that has its number as a key.
    pub(super) fn on_keys(&self, keys: Arc<Vec<u32>>) -> Codes {
        match self {
            Codes::Plain(codes) => Codes::keyed(codes.clone(), keys),
            Codes::Keyed(_) | Codes::Same(_) => Codes::keyed(self.rows().to_vec(), keys),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Codes::Plain(codes) => codes.len(),
            Codes::Keyed(own) => own.keys.len(),
            Codes::Same(own) => own.len,
        }
    }

    /// Codes that are held for rows.
    pub(super) fn held(&self) -> usize {
        match self {
            Codes::Plain(codes) => codes.len(),
            Codes::Keyed(own) => own.rows.get().map_or(0, Vec::len),
            Codes::Same(own) => own.rows.get().map_or(0, Vec::len),
        }
    }

    pub(super) fn get(&self, row: usize) -> u32 {
        match self {
            Codes::Plain(codes) => codes[row],
            Codes::Keyed(own) => own.of_keys[own.keys[row] as usize],
            Codes::Same(_) => 0,
        }
    }

    /// The code of each row.
    pub(super) fn rows(&self) -> &[u32] {
        match self {
            Codes::Plain(codes) => codes,
            // By one thread: one that waits for others could be given work that waits for this.
            Codes::Keyed(own) => own.rows.get_or_init(|| {
                let code = |key: &u32| own.of_keys[*key as usize];
                own.keys.iter().map(code).collect()
            }),
            Codes::Same(own) => own.rows.get_or_init(|| vec![0; own.len]),
        }
    }

    /// The code of each key, and the key of each row; none where the column is told row by row.
    pub(super) fn by_keys(&self) -> Option<(&[u32], &Arc<Vec<u32>>)> {
        match self {
            Codes::Plain(_) | Codes::Same(_) => None,
            Codes::Keyed(own) => Some((&own.of_keys, &own.keys)),
        }
    }

    pub(super) fn key_count(&self) -> usize {
        self.by_keys().map_or(0, |(of_keys, _)| of_keys.len())
    }

    /// Both columns' codes by key and the keys that they share; none if they share none.
    pub(super) fn beside<'a>(&'a self, other: &'a Codes) -> Option<Beside<'a>> {
        let ((own, keys), (theirs, others)) = self.by_keys().zip(other.by_keys())?;
        (Arc::ptr_eq(keys, others) && own.len() == theirs.len()).then_some((own, theirs, keys))
    }

    /// The codes under other names.
    pub(super) fn renamed(&self, names: &[u32]) -> Codes {
        if (0..).zip(names).all(|(code, name)| code == *name) {
            return self.clone();
        }
        match self {
            Codes::Plain(codes) => Codes::plain(gather(names, codes)),
            Codes::Keyed(own) => Codes::keyed(gather(names, &own.of_keys), own.keys.clone()),
            // Of one value there is one name.
            Codes::Same(own) => {
                debug_assert!(names.first().is_none_or(|name| *name == 0));
                Codes::Same(own.clone())
            }
        }
    }

    /// The given rows, in the given order; keys are looked for among those that are taken already.
    pub(super) fn take(&self, rows: &[u32], taken: &Taken) -> Codes {
        match self {
            Codes::Plain(codes) => Codes::plain(gather(codes, rows)),
            Codes::Keyed(own) => {
                let known = taken.iter().find(|(keys, _)| Arc::ptr_eq(keys, &own.keys));
                let keys = known.map_or_else(|| Arc::new(gather(&own.keys, rows)), |(_, keys)| keys.clone());
                Codes::keyed(own.of_keys.clone(), keys)
            }
            Codes::Same(_) => Codes::same(rows.len()),
        }
    }
}

/// Takes rows of the keys of several columns, so that those that share them go on sharing them.
pub(super) fn taken<'a>(columns: impl Iterator<Item = &'a Codes>, rows: &[u32]) -> Taken {
    let mut taken = Taken::new();
    for (_, keys) in columns.filter_map(Codes::by_keys) {
        if !taken.iter().any(|(known, _)| Arc::ptr_eq(known, keys)) {
            taken.push((keys.clone(), Arc::new(gather(keys, rows))));
        }
    }
    taken
}

/// `table[index]` for each index.
pub(super) fn gather(table: &[u32], indices: &[u32]) -> Vec<u32> {
    let one = |index: &u32| table[*index as usize];
    if indices.len() < PARALLEL_ROWS {
        indices.iter().map(one).collect()
    } else {
        indices.par_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Coded, Frame, combine, first_rows};
    use super::*;
    use crate::model::Value;

    proptest! {
        /// Whatever is done to columns that share their keys is what is done to the same columns row by row.
        #[test]
        fn keys_are_told_by_nothing(
            of_keys in prop::collection::vec((0u32..3, 0u32..4), 1..9),
            keys in prop::collection::vec((any::<prop::sample::Index>(), 0u32..3), 0..40),
            taken in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let shared = Arc::new(keys.iter().map(|(at, _)| at.index(of_keys.len()) as u32).collect::<Vec<u32>>());
            let values = |count: i64| (0..count).map(Value::Integer).collect::<Vec<Value>>();
            let [one, two]: [Vec<u32>; 2] = [of_keys.iter().map(|pair| pair.0).collect(), of_keys.iter().map(|pair| pair.1).collect()];
            let keyed = [Coded::keyed(values(3), one, shared.clone()), Coded::keyed(values(4), two, shared.clone())];
            let plain = keyed.each_ref().map(|column| Coded::new(column.values().to_vec(), column.codes().to_vec()));
            let third = Coded::new(values(3), keys.iter().map(|(_, code)| *code).collect());
            let constant = Value::Integer(7);
            let mut same = [Coded::constant(constant.clone(), keys.len()), Coded::new(vec![constant], vec![0; keys.len()])].into_iter();
            let frames = [keyed, plain].map(|[one, two]| {
                let mut frame = Frame::new(vec![0; keys.len()], vec![0; keys.len()], vec![Default::default()]);
                frame.set("sum", one.zip_map(&two, |one, two| one.as_integer().zip(two.as_integer()).map(|(a, b)| a + b)).relabel(|sum| sum.map_or(Value::Missing, Value::Integer)));
                frame.set("half", two.map(|own| own.as_integer().map_or(Value::Missing, |own| Value::Integer(own / 2))));
                frame.set("same", same.next().expect("one for each"));
                frame.set("eight", frame.column_or_missing("same").map(|own| own.as_integer().map_or(Value::Missing, |own| Value::Integer(own + 1))));
                [("one", one), ("two", two), ("three", third.clone())].into_iter().for_each(|(name, column)| frame.set(name, column));
                frame
            });
            let rows: Vec<u32> = if keys.is_empty() { Vec::new() } else { taken.iter().map(|at| at.index(keys.len()) as u32).collect() };
            let [by_key, by_row] = frames.each_ref().map(|frame| [frame.clone(), frame.take(&rows)]);
            for (by_key, by_row) in by_key.iter().zip(&by_row) {
                let spelt = |frame: &Frame| {
                    let columns: Vec<Coded<Value>> = frame.names().map(|name| frame.column_or_missing(name)).collect();
                    let (combined, distinct) = combine(&columns, frame.rows());
                    let texts: Vec<Vec<Value>> = columns.iter().map(|column| column.iter().cloned().collect()).collect();
                    (texts, first_rows(&combined), combined, distinct)
                };
                prop_assert_eq!(spelt(by_key), spelt(by_row));
                prop_assert_eq!(spelt(&by_key.compact()), spelt(by_row));
                prop_assert_eq!(spelt(&Frame::concat(&[by_key.clone(), by_row.clone()])), spelt(&Frame::concat(&[by_row.clone(), by_row.clone()])));
            }
        }
    }
}
