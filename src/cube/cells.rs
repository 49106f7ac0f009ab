use jiff::civil::Date;
use rayon::prelude::*;

use crate::column::{Coded, Frame, Interner, combine};
use crate::model::{UNKNOWN, Value};

/// One cell: a value of each dimension, a day, a count.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Index into the values of each dimension.
    pub codes: Vec<u32>,
    pub day: Option<Date>,
    pub n: i64,
}

/// The contingency table of one fact. Canonical: values and cells are sorted, so that equal tables are
/// equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells {
    pub fact: String,
    /// Dimension and its distinct values, sorted.
    pub dimensions: Vec<(String, Vec<String>)>,
    pub cells: Vec<Cell>,
}

impl Cells {
    /// Counts the rows of a frame, each once or by an integer weight.
    pub fn tally(fact: &str, frame: &Frame, dimensions: &[String], day: &str, weight: Option<&str>) -> Cells {
        let columns: Vec<Coded<Value>> =
            dimensions.iter().map(|name| frame.column_or_missing(name)).collect();
        let days = frame.column_or_missing(day);
        let (codes, distinct) = combine(columns.iter().chain([&days]), frame.rows());
        let mut counts = vec![0i64; distinct];
        let mut first_rows = vec![None; distinct];
        let weights = weight.map(|name| frame.column_or_missing(name));
        for (row, code) in codes.iter().enumerate() {
            let weight = match &weights {
                None => 1,
                // What was not reported is no cell; a reported zero is one.
                Some(weights) => match weights.get(row).as_integer() {
                    Some(weight) => weight,
                    None => continue,
                },
            };
            counts[*code as usize] += weight;
            first_rows[*code as usize].get_or_insert(row);
        }
        let cells = first_rows.into_iter().zip(counts).filter_map(|(row, n)| {
            let row = row?;
            let codes = columns.iter().map(|column| column.codes()[row]).collect();
            Some(Cell { codes, day: days.get(row).as_date(), n })
        });
        let texts =
            columns.iter().map(|column| column.values().iter().map(dimension_text).collect::<Vec<_>>());
        Cells::canonical(fact, dimensions.iter().cloned().zip(texts).collect(), cells.collect())
    }

    /// Builds the canonical table from cells spelt out in text.
    pub fn from_texts(
        fact: &str,
        dimensions: &[String],
        cells: impl IntoIterator<Item = (Vec<String>, Option<Date>, i64)>,
    ) -> Cells {
        let mut interners: Vec<Interner<String>> = dimensions.iter().map(|_| Interner::new()).collect();
        let cells = cells.into_iter().map(|(texts, day, n)| {
            let codes =
                interners.iter_mut().zip(texts).map(|(interner, text)| interner.intern(text)).collect();
            Cell { codes, day, n }
        });
        let cells: Vec<Cell> = cells.collect();
        let texts = interners.into_iter().map(Interner::into_values);
        Cells::canonical(fact, dimensions.iter().cloned().zip(texts).collect(), cells)
    }

    /// Sorts values and cells, drops values that no cell has, and adds cells up that are alike.
    fn canonical(fact: &str, dimensions: Vec<(String, Vec<String>)>, mut cells: Vec<Cell>) -> Cells {
        let mut sorted = Vec::with_capacity(dimensions.len());
        for (position, (name, texts)) in dimensions.into_iter().enumerate() {
            let mut used = vec![false; texts.len()];
            for cell in &cells {
                used[cell.codes[position] as usize] = true;
            }
            let mut values: Vec<String> =
                texts.iter().zip(&used).filter(|(_, used)| **used).map(|(text, _)| text.clone()).collect();
            values.sort_unstable();
            values.dedup();
            let rank = |text: &String| values.binary_search(text).unwrap_or_default() as u32;
            let ranks: Vec<u32> = texts.iter().map(rank).collect();
            for cell in &mut cells {
                cell.codes[position] = ranks[cell.codes[position] as usize];
            }
            sorted.push((name, values));
        }
        let mut cells = in_order(cells, &sorted);
        cells.dedup_by(|later, kept| {
            let same = later.codes == kept.codes && later.day == kept.day;
            if same {
                kept.n += later.n;
            }
            same
        });
        Cells { fact: fact.to_owned(), dimensions: sorted, cells }
    }

    /// The sum of two tables of the same fact and dimensions.
    pub fn merge(&self, other: &Cells) -> Cells {
        let shifts: Vec<u32> = self.dimensions.iter().map(|(_, values)| values.len() as u32).collect();
        let theirs = other.cells.iter().map(|cell| Cell {
            codes: cell.codes.iter().zip(&shifts).map(|(code, shift)| code + shift).collect(),
            ..cell.clone()
        });
        let cells = self.cells.iter().cloned().chain(theirs).collect();
        let dimensions =
            self.dimensions.iter().zip(&other.dimensions).map(|((name, own), (_, theirs))| {
                (name.clone(), own.iter().chain(theirs).cloned().collect())
            });
        Cells::canonical(&self.fact, dimensions.collect(), cells)
    }

    /// The table over fewer dimensions.
    pub fn roll_up(&self, dimensions: &[String]) -> Cells {
        let kept: Vec<usize> = dimensions.iter().filter_map(|name| self.position(name)).collect();
        let cells = self.cells.iter().map(|cell| Cell {
            codes: kept.iter().map(|position| cell.codes[*position]).collect(),
            ..cell.clone()
        });
        let dimensions = kept.iter().map(|position| self.dimensions[*position].clone());
        Cells::canonical(&self.fact, dimensions.collect(), cells.collect())
    }

    pub fn texts(&self) -> impl Iterator<Item = (Vec<String>, Option<Date>, i64)> {
        self.cells.iter().map(|cell| {
            let texts = self
                .dimensions
                .iter()
                .zip(&cell.codes)
                .map(|((_, values), code)| values[*code as usize].clone());
            (texts.collect(), cell.day, cell.n)
        })
    }

    pub fn position(&self, dimension: &str) -> Option<usize> {
        self.dimensions.iter().position(|(name, _)| name == dimension)
    }

    pub fn total(&self) -> i64 {
        self.cells.iter().map(|cell| cell.n).sum()
    }
}

/// Cells by their codes, then by day. Where all of that fits into one number, numbers are sorted.
fn in_order(mut cells: Vec<Cell>, dimensions: &[(String, Vec<String>)]) -> Vec<Cell> {
    // A number that climbs with the day; none comes first.
    let day_number = |day: Option<Date>| {
        day.map_or(0, |day| {
            (i32::from(day.year()) + 10_000) * 400 + i32::from(day.month()) * 32 + i32::from(day.day())
        })
    };
    let days = cells.iter().map(|cell| day_number(cell.day));
    let (first, last) = (days.clone().min().unwrap_or(0), days.max().unwrap_or(0));
    let widths = dimensions.iter().map(|(_, values)| values.len() as u64);
    let widths: Vec<u64> = widths.chain([u64::from(last.abs_diff(first)) + 1]).collect();
    if widths.iter().try_fold(1u64, |product, width| product.checked_mul((*width).max(1))).is_none() {
        cells.par_sort_unstable();
        return cells;
    }
    let number = |cell: &Cell| {
        let day = u64::from(day_number(cell.day).abs_diff(first));
        let parts = cell.codes.iter().map(|code| u64::from(*code)).chain([day]);
        parts.zip(&widths).fold(0, |number, (part, width)| number * width + part)
    };
    let mut order: Vec<(u64, usize)> =
        cells.par_iter().map(number).collect::<Vec<u64>>().into_iter().zip(0..).collect();
    order.par_sort_unstable();
    order.into_iter().map(|(_, place)| std::mem::take(&mut cells[place])).collect()
}

fn dimension_text(value: &Value) -> String {
    if value.is_missing() { UNKNOWN.to_owned() } else { value.to_string() }
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
            let kept = files.iter().fold(table(&Vec::new()), |sum, (_, cells)| sum.merge(cells));
            let all: Spelt = files.iter().flat_map(|(rows, _)| rows.clone()).collect();
            assert_eq!(kept, table(&all), "step {step}");
        }
    }

    proptest! {
        #[test]
        fn merging_is_a_commutative_monoid(a in cells(), b in cells(), c in cells()) {
            let (ta, tb, tc) = (table(&a), table(&b), table(&c));
            prop_assert_eq!(ta.merge(&table(&Vec::new())), ta.clone());
            prop_assert_eq!(ta.merge(&tb), tb.merge(&ta));
            prop_assert_eq!(ta.merge(&tb).merge(&tc), ta.merge(&tb.merge(&tc)));
            prop_assert_eq!(ta.merge(&tb), table(&[a, b].concat()));
        }

        #[test]
        fn cells_are_sorted_alike_by_number_and_by_comparison(a in cells()) {
            let sorted = table(&a).cells;
            let mut compared = sorted.clone();
            compared.sort();
            prop_assert_eq!(sorted, compared);
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
