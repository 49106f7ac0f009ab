use std::cmp::Ordering;

use jiff::civil::Date;
use rayon::prelude::*;

use crate::column::{Interner, Narrow};

/// The contingency table of one fact: for each cell a value of each dimension, a day, a count.
///
/// Canonical: values, days and cells are sorted, so that equal tables are equal bytes. Cells are kept column by column, in
/// few bytes each: they can be millions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells {
    pub fact: String,
    /// Dimension and its distinct values, sorted.
    pub dimensions: Vec<(String, Vec<String>)>,
    /// Distinct days, sorted.
    days: Vec<Option<Date>>,
    pub(super) columns: Columns,
}

/// Cells column by column, each column as long as the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// By dimension: of each cell, the index into the dimension's values.
    pub codes: Vec<Narrow>,
    /// Of each cell, the index into the days.
    pub days: Narrow,
    pub counts: Narrow,
}

impl Cells {
    /// Cells as they are: in any order, and with alike ones and unused values among them, until they are sorted.
    pub fn unsorted(
        fact: &str,
        dimensions: Vec<(String, Vec<String>)>,
        days: Vec<Option<Date>>,
        columns: Columns,
    ) -> Cells {
        Cells { fact: fact.to_owned(), dimensions, days, columns }
    }

    pub fn len(&self) -> usize {
        self.columns.counts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.columns.counts.is_empty()
    }

    /// Of each cell, the index into the values of the dimension at a position.
    pub fn codes(&self, position: usize) -> &Narrow {
        &self.columns.codes[position]
    }

    /// The distinct days, and of each cell the index into them.
    pub fn days(&self) -> (&[Option<Date>], &Narrow) {
        (&self.days, &self.columns.days)
    }

    pub fn day(&self, cell: usize) -> Option<Date> {
        self.days[self.columns.days.code(cell)]
    }

    pub fn counts(&self) -> &Narrow {
        &self.columns.counts
    }

    /// Builds the canonical table from cells spelt out in text.
    pub fn from_texts(
        fact: &str,
        dimensions: &[String],
        cells: impl IntoIterator<Item = (Vec<String>, Option<Date>, i64)>,
    ) -> Cells {
        let mut interners: Vec<Interner<String>> = dimensions.iter().map(|_| Interner::new()).collect();
        let mut days = Interner::new();
        let mut columns = Columns { codes: vec![Narrow::default(); dimensions.len()], ..Columns::default() };
        for (texts, day, count) in cells {
            for ((interner, codes), text) in interners.iter_mut().zip(&mut columns.codes).zip(texts) {
                codes.push(interner.intern(text).into());
            }
            columns.days.push(days.intern(day).into());
            columns.counts.push(count);
        }
        let texts = interners.into_iter().map(Interner::into_values);
        let dimensions = dimensions.iter().cloned().zip(texts).collect();
        Cells::unsorted(fact, dimensions, days.into_values(), columns).canonical()
    }

    /// Sorts values, days and cells, drops those that no cell has, and adds cells up that are alike.
    pub(super) fn canonical(self) -> Cells {
        let Cells { fact, dimensions, days, columns } = self;
        let (days, day_codes) = sorted(days, &columns.days);
        let named = dimensions.into_par_iter().zip(&columns.codes).map(|((name, texts), codes)| {
            let (texts, codes) = sorted(texts, codes);
            ((name, texts), codes)
        });
        let (dimensions, codes): (Vec<(String, Vec<String>)>, Vec<Narrow>) = named.unzip();
        let columns = Columns { codes, days: day_codes, counts: columns.counts };
        let widths = dimensions.iter().map(|(_, texts)| texts.len()).chain([days.len()]);
        let columns = columns.in_order(&widths.collect::<Vec<usize>>(), By::AllThreads);
        Cells { fact, dimensions, days, columns }
    }

    /// The table over fewer dimensions.
    pub fn roll_up(&self, dimensions: &[String]) -> Cells {
        let kept: Vec<usize> = dimensions.iter().filter_map(|name| self.position(name)).collect();
        let columns = Columns {
            codes: kept.iter().map(|position| self.codes(*position).clone()).collect(),
            days: self.columns.days.clone(),
            counts: self.columns.counts.clone(),
        };
        let dimensions = kept.iter().map(|position| self.dimensions[*position].clone());
        Cells::unsorted(&self.fact, dimensions.collect(), self.days.clone(), columns).canonical()
    }

    /// The table by months, each on its first day.
    pub fn by_month(&self) -> Cells {
        let days = self.days.iter().map(|day| day.map(Date::first_of_month)).collect();
        Cells { days, ..self.clone() }.canonical()
    }

    /// Those cells alone that are wanted.
    pub fn only(&self, wanted: impl Fn(usize) -> bool) -> Cells {
        let kept: Vec<u32> = (0..self.len()).filter(|cell| wanted(*cell)).map(|cell| cell as u32).collect();
        let Cells { fact, dimensions, days, columns } = self;
        let columns = columns.take(&kept, By::AllThreads);
        Cells::unsorted(fact, dimensions.clone(), days.clone(), columns).canonical()
    }

    pub fn texts(&self) -> impl Iterator<Item = (Vec<String>, Option<Date>, i64)> {
        (0..self.len()).map(|cell| {
            let dimensions = self.dimensions.iter().zip(&self.columns.codes);
            let texts = dimensions.map(|((_, values), codes)| values[codes.code(cell)].clone());
            (texts.collect(), self.day(cell), self.columns.counts.get(cell))
        })
    }

    pub fn position(&self, dimension: &str) -> Option<usize> {
        self.dimensions.iter().position(|(name, _)| name == dimension)
    }

    pub fn total(&self) -> i64 {
        self.columns.counts.iter().sum()
    }
}

/// The values that are used, sorted, and the codes in them; alike ones are one.
fn sorted<T: Ord + Clone>(values: Vec<T>, codes: &Narrow) -> (Vec<T>, Narrow) {
    let mut is_used = vec![false; values.len()];
    codes.for_each(|_, code| is_used[code as usize] = true);
    let (sorted, ranks) = ranked(&values, &is_used);
    (sorted, codes.renamed(&ranks))
}

/// The values that are used, sorted, and the place of each value among them.
pub(super) fn ranked<T: Ord + Clone>(values: &[T], is_used: &[bool]) -> (Vec<T>, Vec<u32>) {
    let used = values.iter().zip(is_used).filter(|(_, is_used)| **is_used);
    let mut sorted: Vec<T> = used.map(|(value, _)| value.clone()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let rank = |value: &T| sorted.binary_search(value).unwrap_or_default() as u32;
    let ranks = values.iter().map(rank).collect();
    (sorted, ranks)
}

impl Columns {
    /// Without cells, of so many dimensions.
    pub(super) fn new(dimensions: usize) -> Columns {
        Columns { codes: vec![Narrow::default(); dimensions], ..Columns::default() }
    }

    /// Adds a cell: a code for each dimension, that of its day, and its count.
    pub(super) fn push(&mut self, codes: impl IntoIterator<Item = i64>, count: i64) {
        let columns = self.codes.iter_mut().chain([&mut self.days]);
        columns.zip(codes).for_each(|(column, code)| column.push(code));
        self.counts.push(count);
    }

    /// Adds other cells behind these.
    pub(super) fn append(&mut self, others: &Columns) {
        self.codes.iter_mut().zip(&others.codes).for_each(|(own, others)| own.append(others));
        self.days.append(&others.days);
        self.counts.append(&others.counts);
    }

    fn take(&self, places: &[u32], by: By) -> Columns {
        let own = |codes: &Narrow| codes.take(places);
        Columns {
            codes: match by {
                By::ThisThread => self.codes.iter().map(own).collect(),
                By::AllThreads => self.codes.par_iter().map(own).collect(),
            },
            days: self.days.take(places),
            counts: self.counts.take(places),
        }
    }

    /// The cells sorted, those that are alike as one. Codes and days are below these widths.
    pub(super) fn in_order(&self, widths: &[usize], by: By) -> Columns {
        let columns: Vec<&Narrow> = self.codes.iter().chain([&self.days]).collect();
        let order = Order::by(&columns, widths, self.counts.len(), by);
        if order.begins.len() == order.places.len() {
            return self.take(&order.places, by);
        }
        let firsts: Vec<u32> = order.alike().filter_map(|alike| alike.first().copied()).collect();
        let count = |place: &u32| self.counts.get(*place as usize);
        let counts = order.alike().map(|alike| alike.iter().map(count).sum());
        Columns { counts: counts.collect(), ..self.take(&firsts, by) }
    }
}

/// Who sorts. A thread that shares its work with others may be given work of theirs meanwhile: it must hold nothing that
/// others wait for.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    ThisThread,
    AllThreads,
}

/// Keys that are made at a time: they stay in a processor's own memory.
const BLOCK: usize = if cfg!(test) { 5 } else { 1 << 11 };

/// Rows sorted by their codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// The rows, sorted; those that are alike as they came.
    pub places: Vec<u32>,
    /// Where in this order other codes begin.
    pub begins: Vec<u32>,
}

impl Order {
    /// Rows that are alike, of each kind one after the other.
    pub fn alike(&self) -> impl Iterator<Item = &[u32]> {
        let ends = self.begins.iter().skip(1).copied().chain([self.places.len() as u32]);
        self.begins.iter().zip(ends).map(|(begin, end)| &self.places[*begin as usize..end as usize])
    }

    /// Of so many rows by columns of codes that are below these widths.
    pub fn of(columns: &[&Narrow], widths: &[usize], count: usize) -> Order {
        Order::by(columns, widths, count, By::AllThreads)
    }

    fn by(columns: &[&Narrow], widths: &[usize], count: usize, by: By) -> Order {
        let bits = |count: usize| usize::BITS - count.saturating_sub(1).leading_zeros();
        let widths: Vec<u32> = widths.iter().map(|width| bits(*width)).collect();
        match widths.iter().sum::<u32>() + bits(count) {
            0..=64 => Order::by_key::<u64>(columns, &widths, count, by),
            65..=128 => Order::by_key::<u128>(columns, &widths, count, by),
            _ => {
                let compare = |one: &u32, other: &u32| {
                    let both =
                        columns.iter().map(|own| own.get(*one as usize).cmp(&own.get(*other as usize)));
                    both.fold(Ordering::Equal, Ordering::then)
                };
                let mut places: Vec<u32> = (0..count as u32).collect();
                match by {
                    By::ThisThread => places.sort_by(compare),
                    By::AllThreads => places.par_sort_by(compare),
                }
                let is_other = |one: &u32, other: &u32| compare(one, other).is_ne();
                Order { begins: begins(&places, is_other), places }
            }
        }
    }

    /// Likewise, by numbers that climb with the codes, then with the place.
    fn by_key<T: Key>(columns: &[&Narrow], widths: &[u32], count: usize, by: By) -> Order {
        let mut keys = vec![T::default(); count];
        for (block, keys) in keys.chunks_mut(BLOCK).enumerate() {
            for (codes, width) in columns.iter().zip(widths) {
                codes.bring(block * BLOCK, keys, |key, code| *key = key.with(*width, code as u32));
            }
        }
        let bits = u32::BITS - (count.saturating_sub(1) as u32).leading_zeros();
        keys.iter_mut().zip(0..).for_each(|(key, place)| *key = key.with(bits, place));
        match by {
            By::ThisThread => keys.sort_unstable(),
            By::AllThreads => keys.par_sort_unstable(),
        }
        let begins = begins(&keys, |one, other| one.without(bits) != other.without(bits));
        Order { places: keys.into_iter().map(|key| key.lowest(bits)).collect(), begins }
    }
}

/// Where one differs from the one before.
fn begins<T>(sorted: &[T], is_other: impl Fn(&T, &T) -> bool) -> Vec<u32> {
    let others = (1..).zip(sorted.array_windows()).filter(|(_, [one, other])| is_other(one, other));
    (0..sorted.len().min(1) as u32).chain(others.map(|(place, _)| place)).collect()
}

/// A number that is made of others, the first ones highest.
trait Key: Copy + Ord + Send + Default {
    /// With one more, of so many bits, behind those that are there.
    fn with(self, bits: u32, number: u32) -> Self;

    /// So many of the lowest bits, 32 at most.
    fn lowest(self, bits: u32) -> u32;

    /// All but these.
    fn without(self, bits: u32) -> Self;
}

macro_rules! key {
    ($kind:ty) => {
        impl Key for $kind {
            fn with(self, bits: u32, number: u32) -> Self {
                self << bits | Self::from(number)
            }

            fn lowest(self, bits: u32) -> u32 {
                (self & ((1 << bits) - 1)) as u32
            }

            fn without(self, bits: u32) -> Self {
                self >> bits
            }
        }
    };
}

key!(u64);
key!(u128);

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    type Spelt = Vec<(Vec<String>, Option<Date>, i64)>;

    fn table(cells: &Spelt) -> Cells {
        Cells::from_texts("samples", &["region".to_owned(), "stage".to_owned()], cells.clone())
    }

    fn cells() -> impl Strategy<Value = Spelt> {
        let cell = ("[ab]", "[xyz]", proptest::option::of(1i8..5), 0i64..4)
            .prop_map(|(region, stage, day, n)| (vec![region, stage], day.map(|day| date(2020, 1, day)), n));
        proptest::collection::vec(cell, 0..12)
    }

    /// Files come, go and are corrected; their kept cells, merged in any order, are those of all rows at once.
    #[test]
    fn ten_thousand_steps_of_kept_cells_equal_a_rebuild() {
        use rand::{RngExt, SeedableRng, seq::SliceRandom};
        let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut files: Vec<(Spelt, Cells)> = Vec::new();
        for step in 0..10_000 {
            let rows: Spelt = (0..dice.random_range(0..6))
                .map(|_| {
                    let texts =
                        [dice.random_range(0..3), dice.random_range(0..4)].map(|text: u8| text.to_string());
                    let day = dice.random_bool(0.9).then(|| date(2020, dice.random_range(1..4), 1));
                    (texts.to_vec(), day, dice.random_range(0..5))
                })
                .collect();
            match (dice.random_range(0..3), files.len()) {
                (0, count) if count > 0 => drop(files.swap_remove(dice.random_range(0..count))),
                (1, count) if count > 0 => files[dice.random_range(0..count)] = (rows.clone(), table(&rows)),
                (_, count) if count < 8 => files.push((rows.clone(), table(&rows))),
                _ => files.shuffle(&mut dice),
            }
            let kept = files.iter().fold(table(&Vec::new()), |sum, (_, cells)| sum.merge(cells.clone()));
            let all: Spelt = files.iter().flat_map(|(rows, _)| rows.clone()).collect();
            assert_eq!(kept, table(&all), "step {step}");
        }
    }

    proptest! {
        #[test]
        fn merging_is_a_commutative_monoid(a in cells(), b in cells(), c in cells()) {
            let (ta, tb, tc) = (|| table(&a), || table(&b), || table(&c));
            prop_assert_eq!(ta().merge(table(&Vec::new())), ta());
            prop_assert_eq!(ta().merge(tb()), tb().merge(ta()));
            prop_assert_eq!(ta().merge(tb()).merge(tc()), ta().merge(tb().merge(tc())));
            prop_assert_eq!(ta().merge(tb()), table(&[a.clone(), b.clone()].concat()));
        }

        #[test]
        fn cells_are_sorted_alike_by_number_and_by_comparison(a in cells()) {
            let sorted = table(&a);
            let all = || 0..sorted.len();
            let spelt: Vec<_> = sorted.texts().map(|(texts, day, _)| (texts, day)).collect();
            prop_assert!(spelt.is_sorted_by(|one, other| one < other));
            // Each of them twice, backwards.
            let places: Vec<u32> = all().rev().flat_map(|cell| [cell as u32; 2]).collect();
            let twice = sorted.columns.take(&places, By::ThisThread);
            let columns: Vec<&Narrow> = twice.codes.iter().chain([&twice.days]).collect();
            let expected = || Order {
                places: all().rev().flat_map(|cell| [cell as u32 * 2, cell as u32 * 2 + 1]).collect(),
                begins: all().map(|cell| cell as u32 * 2).collect(),
            };
            let widths = [2, 2, 3];
            prop_assert_eq!(Order::by_key::<u64>(&columns, &widths, places.len(), By::ThisThread), expected());
            prop_assert_eq!(Order::by_key::<u128>(&columns, &widths, places.len(), By::ThisThread), expected());
            prop_assert_eq!(Order::of(&columns, &[1 << 60; 3], places.len()), expected());
        }

        #[test]
        fn rolling_up_keeps_the_total(a in cells()) {
            let whole = table(&a);
            let rolled = whole.roll_up(&["stage".to_owned()]);
            prop_assert_eq!(rolled.total(), whole.total());
            prop_assert_eq!(rolled.roll_up(&[]).total(), whole.total());
        }
    }
}
