use jiff::civil::Date;

use super::{Cells, Columns};
use crate::column::{Coded, Frame, Narrow, combine_all, first_rows};
use crate::model::{UNKNOWN, Value};

/// A dimension of rows that are counted.
#[derive(Debug)]
pub struct Counted {
    pub name: String,
    pub texts: Coded<String>,
}

/// Rows of one fact counted by their dimensions and days, in the order in which the combinations appeared: what
/// [`super::Totals`] adds up.
#[derive(Debug)]
pub struct Counts {
    pub fact: String,
    /// Of each dimension a value per cell.
    pub dimensions: Vec<Counted>,
    pub days: Coded<Option<Date>>,
    pub counts: Vec<i64>,
}

impl Counts {
    /// Counts the rows of a frame, each once or by an integer weight.
    pub fn tally(
        fact: &str,
        frame: &Frame,
        dimensions: &[String],
        day: &str,
        weight: Option<&str>,
    ) -> Counts {
        match weight.map(|name| frame.column_or_missing(name).relabel(Value::as_integer)) {
            None => Counts::tally_by(fact, frame, dimensions, day, |_| Some(1)),
            Some(weights) => Counts::tally_by(fact, frame, dimensions, day, |row| *weights.get(row)),
        }
    }

    /// Likewise, each row as often as `count` says.
    fn tally_by(
        fact: &str,
        frame: &Frame,
        dimensions: &[String],
        day: &str,
        count: impl Fn(usize) -> Option<i64>,
    ) -> Counts {
        let texts = |name: &String| frame.column_or_missing(name).relabel(dimension_text);
        let columns =
            dimensions.iter().map(|name| Counted { name: name.clone(), texts: texts(name) }).collect();
        Counts::of(fact, columns, &frame.column_or_missing(day).relabel(Value::as_date), count)
    }

    /// Counts rows by the columns of their dimensions and their days, each as often as `count` says. A row for which it
    /// says nothing is no cell; one of which there are none is.
    pub fn of(
        fact: &str,
        columns: Vec<Counted>,
        days: &Coded<Option<Date>>,
        count: impl Fn(usize) -> Option<i64>,
    ) -> Counts {
        let grouped_by = columns.iter().map(|column| column.texts.grouping()).chain([days.grouping()]);
        let (codes, distinct) = combine_all(grouped_by, days.len());
        let mut counts: Vec<Option<i64>> = vec![None; distinct];
        for (row, code) in codes.iter().enumerate() {
            if let Some(count) = count(row) {
                *counts[*code as usize].get_or_insert(0) += count;
            }
        }
        let first = first_rows(&codes);
        let counted = || first.iter().zip(&counts).filter(|(_, count)| count.is_some());
        let rows: Vec<u32> = counted().map(|(row, _)| *row).collect();
        let taken = |column: Counted| Counted { texts: column.texts.take(&rows), ..column };
        Counts {
            fact: fact.to_owned(),
            dimensions: columns.into_iter().map(taken).collect(),
            days: days.take(&rows),
            counts: counts.into_iter().flatten().collect(),
        }
    }
}

impl From<Counts> for Cells {
    fn from(counts: Counts) -> Cells {
        let columns = Columns {
            codes: counts.dimensions.iter().map(|own| Narrow::from(own.texts.codes())).collect(),
            days: Narrow::from(counts.days.codes()),
            counts: counts.counts.into_iter().collect(),
        };
        let dimensions = counts.dimensions.into_iter().map(|own| (own.name, own.texts.values().to_vec()));
        Cells::unsorted(&counts.fact, dimensions.collect(), counts.days.values().to_vec(), columns)
            .canonical()
    }
}

impl From<Cells> for Counts {
    fn from(cells: Cells) -> Counts {
        let codes = |codes: &Narrow| codes.map(|code| code as u32);
        let (days, day_codes) = cells.days();
        let days = Coded::new(days.to_vec(), codes(day_codes));
        let Cells { fact, dimensions, columns, .. } = cells;
        let dimensions = dimensions.into_iter().zip(&columns.codes);
        let dimensions =
            dimensions.map(|((name, texts), own)| Counted { name, texts: Coded::new(texts, codes(own)) });
        Counts { fact, dimensions: dimensions.collect(), days, counts: columns.counts.iter().collect() }
    }
}

pub(super) fn dimension_text(value: &Value) -> String {
    if value.is_missing() { UNKNOWN.to_owned() } else { value.to_string() }
}
