use std::cmp::Ordering;

use jiff::civil::Date;
use rayon::prelude::*;

use crate::column::Interner;

/// The contingency table of one fact: for each cell a value of each dimension, a day, a count.
///
/// Canonical: values and cells are sorted, so that equal tables are equal bytes. Cells are kept column by column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells {
    pub fact: String,
    /// Dimension and its distinct values, sorted.
    pub dimensions: Vec<(String, Vec<String>)>,
    pub(super) columns: Columns,
}

/// Cells column by column, each column as long as the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// By dimension: of each cell, the index into the dimension's values.
    pub codes: Vec<Vec<u32>>,
    pub days: Vec<Option<Date>>,
    pub counts: Vec<i64>,
}

impl Cells {
    /// Cells in any order, alike ones and unused values among them.
    pub fn unsorted(fact: &str, dimensions: Vec<(String, Vec<String>)>, columns: Columns) -> Cells {
        Cells { fact: fact.to_owned(), dimensions, columns }
    }

    pub fn len(&self) -> usize {
        self.columns.counts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.columns.counts.is_empty()
    }

    /// Of each cell, the index into the values of the dimension at a position.
    pub fn codes(&self, position: usize) -> &[u32] {
        &self.columns.codes[position]
    }

    pub fn days(&self) -> &[Option<Date>] {
        &self.columns.days
    }

    pub fn counts(&self) -> &[i64] {
        &self.columns.counts
    }

    /// Builds the canonical table from cells spelt out in text.
    pub fn from_texts(
        fact: &str,
        dimensions: &[String],
        cells: impl IntoIterator<Item = (Vec<String>, Option<Date>, i64)>,
    ) -> Cells {
        let mut interners: Vec<Interner<String>> = dimensions.iter().map(|_| Interner::new()).collect();
        let mut columns = Columns { codes: vec![Vec::new(); dimensions.len()], ..Columns::default() };
        for (texts, day, count) in cells {
            for ((interner, codes), text) in interners.iter_mut().zip(&mut columns.codes).zip(texts) {
                codes.push(interner.intern(text));
            }
            columns.days.push(day);
            columns.counts.push(count);
        }
        let texts = interners.into_iter().map(Interner::into_values);
        Cells::unsorted(fact, dimensions.iter().cloned().zip(texts).collect(), columns).canonical()
    }

    /// Sorts values and cells, drops values that no cell has, and adds cells up that are alike.
    pub(super) fn canonical(self) -> Cells {
        let Cells { fact, dimensions, mut columns } = self;
        let sort = |((name, texts), codes): ((String, Vec<String>), &mut Vec<u32>)| {
            let mut used = vec![false; texts.len()];
            codes.iter().for_each(|code| used[*code as usize] = true);
            let mut values: Vec<String> =
                texts.iter().zip(&used).filter(|(_, used)| **used).map(|(text, _)| text.clone()).collect();
            values.sort_unstable();
            values.dedup();
            let ranks = ranks(&texts, &values);
            codes.iter_mut().for_each(|code| *code = ranks[*code as usize]);
            (name, values)
        };
        let dimensions: Vec<(String, Vec<String>)> =
            dimensions.into_par_iter().zip(&mut columns.codes).map(sort).collect();
        let order = columns.in_order(&dimensions);
        Cells { fact, dimensions, columns: columns.added_up(order) }
    }

    /// The table over fewer dimensions.
    pub fn roll_up(&self, dimensions: &[String]) -> Cells {
        let kept: Vec<usize> = dimensions.iter().filter_map(|name| self.position(name)).collect();
        let columns = Columns {
            codes: kept.iter().map(|position| self.codes(*position).to_vec()).collect(),
            days: self.columns.days.clone(),
            counts: self.columns.counts.clone(),
        };
        let dimensions = kept.iter().map(|position| self.dimensions[*position].clone());
        Cells::unsorted(&self.fact, dimensions.collect(), columns).canonical()
    }

    /// The table by months, each on its first day.
    pub fn by_month(&self) -> Cells {
        let days = self.columns.days.iter().map(|day| day.map(Date::first_of_month));
        let columns = Columns { days: days.collect(), ..self.columns.clone() };
        Cells::unsorted(&self.fact, self.dimensions.clone(), columns).canonical()
    }

    /// Those cells alone that are wanted.
    pub fn only(&self, wanted: impl Fn(usize) -> bool) -> Cells {
        let kept: Vec<usize> = (0..self.len()).filter(|cell| wanted(*cell)).collect();
        let columns = Columns {
            codes: self
                .columns
                .codes
                .iter()
                .map(|codes| kept.iter().map(|cell| codes[*cell]).collect())
                .collect(),
            days: kept.iter().map(|cell| self.columns.days[*cell]).collect(),
            counts: kept.iter().map(|cell| self.columns.counts[*cell]).collect(),
        };
        Cells::unsorted(&self.fact, self.dimensions.clone(), columns).canonical()
    }

    pub fn texts(&self) -> impl Iterator<Item = (Vec<String>, Option<Date>, i64)> {
        (0..self.len()).map(|cell| {
            let dimensions = self.dimensions.iter().zip(&self.columns.codes);
            let texts = dimensions.map(|((_, values), codes)| values[codes[cell] as usize].clone());
            (texts.collect(), self.columns.days[cell], self.columns.counts[cell])
        })
    }

    pub fn position(&self, dimension: &str) -> Option<usize> {
        self.dimensions.iter().position(|(name, _)| name == dimension)
    }

    pub fn total(&self) -> i64 {
        self.columns.counts.iter().sum()
    }
}

/// Where each text lies among sorted values.
fn ranks(texts: &[String], values: &[String]) -> Vec<u32> {
    texts.iter().map(|text| values.binary_search(text).unwrap_or_default() as u32).collect()
}

impl Columns {
    fn compare(&self, one: usize, other: usize) -> Ordering {
        let codes = self.codes.iter().map(|codes| codes[one].cmp(&codes[other]));
        codes.fold(Ordering::Equal, Ordering::then).then_with(|| self.days[one].cmp(&self.days[other]))
    }

    /// The cells sorted, as places.
    fn in_order(&self, dimensions: &[(String, Vec<String>)]) -> Vec<u32> {
        match Keys::new(dimensions, self.days.iter()) {
            Some(keys) => {
                let mut order: Vec<(u64, u32)> = keys.of(self).into_iter().zip(0..).collect();
                order.par_sort_unstable();
                order.into_iter().map(|(_, place)| place).collect()
            }
            None => {
                let mut order: Vec<u32> = (0..self.counts.len() as u32).collect();
                order.par_sort_by(|one, other| self.compare(*one as usize, *other as usize));
                order
            }
        }
    }

    /// The cells in this order, neighbours that are alike as one. Of each column there is one form at a time.
    fn added_up(self, order: Vec<u32>) -> Columns {
        let mut firsts: Vec<u32> = Vec::with_capacity(order.len());
        let mut counts: Vec<i64> = Vec::with_capacity(order.len());
        for place in &order {
            let is_like = firsts.last().is_some_and(|first| {
                let (first, place) = (*first as usize, *place as usize);
                self.days[first] == self.days[place]
                    && self.codes.iter().all(|codes| codes[first] == codes[place])
            });
            match counts.last_mut() {
                Some(count) if is_like => *count += self.counts[*place as usize],
                _ => {
                    firsts.push(*place);
                    counts.push(self.counts[*place as usize]);
                }
            }
        }
        drop(order);
        let gather = |codes: Vec<u32>| firsts.iter().map(|first| codes[*first as usize]).collect();
        Columns {
            codes: self.codes.into_par_iter().map(gather).collect(),
            days: firsts.iter().map(|first| self.days[*first as usize]).collect(),
            counts,
        }
    }
}

/// Numbers for cells that climb with their codes, then with their day.
struct Keys {
    widths: Vec<u64>,
    first_day: i32,
    span: u64,
}

impl Keys {
    /// None if codes and days do not fit into one number.
    fn new<'a>(
        dimensions: &[(String, Vec<String>)],
        days: impl Iterator<Item = &'a Option<Date>> + Clone,
    ) -> Option<Keys> {
        let days = days.map(day_number);
        let (first_day, last) = (days.clone().min().unwrap_or(0), days.max().unwrap_or(0));
        let span = u64::from(last.abs_diff(first_day)) + 1;
        let widths: Vec<u64> = dimensions.iter().map(|(_, values)| values.len().max(1) as u64).collect();
        widths.iter().try_fold(span, |product, width| product.checked_mul(*width))?;
        Some(Keys { widths, first_day, span })
    }

    fn of(&self, columns: &Columns) -> Vec<u64> {
        let mut keys = vec![0u64; columns.counts.len()];
        for (codes, width) in columns.codes.iter().zip(&self.widths) {
            keys.iter_mut().zip(codes).for_each(|(key, code)| *key = *key * width + u64::from(*code));
        }
        for (key, day) in keys.iter_mut().zip(&columns.days) {
            *key = *key * self.span + u64::from(day_number(day).abs_diff(self.first_day));
        }
        keys
    }
}

/// A number that climbs with the day; none comes first.
fn day_number(day: &Option<Date>) -> i32 {
    day.map_or(0, |day| {
        (i32::from(day.year()) + 10_000) * 400 + i32::from(day.month()) * 32 + i32::from(day.day())
    })
}

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
            prop_assert!(all().skip(1).all(|cell| sorted.columns.compare(cell - 1, cell) == Ordering::Less));
            let keys = Keys::new(&sorted.dimensions, sorted.days().iter()).expect("few");
            prop_assert!(keys.of(&sorted.columns).is_sorted());
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
