//! Counting rows that lie in runs, as sorted cells do: what is the same along a run is looked at once for all of it.

use jiff::civil::Date;

use super::counts::{Counted, Counts};
use crate::column::chunks::RowCodes;
use crate::column::{Coded, Combinations};
use crate::model::UNKNOWN;

/// A dimension of rows: its values, and the value of each row.
#[derive(Debug)]
pub struct Told {
    pub name: String,
    pub texts: Vec<String>,
    pub codes: RowCodes,
}

impl Told {
    /// Whether any row has a value.
    pub fn is_told(&self) -> bool {
        let is_value = |code: u32| self.texts.get(code as usize).is_some_and(|text| text != UNKNOWN);
        match &self.codes {
            RowCodes::Each(codes) => codes.iter().any(|code| is_value(*code)),
            RowCodes::ByKey { of_keys, keys } => {
                keys.iter().any(|key| of_keys.get(*key as usize).is_some_and(|code| is_value(*code)))
            }
            RowCodes::Same { code, rows } => *rows > 0 && is_value(*code),
            RowCodes::Runs(runs) => runs.iter().any(|(code, _)| is_value(*code)),
        }
    }
}

/// The days of rows: those that are told apart, and which of them each code stands for.
#[derive(Debug)]
pub struct Days<'a> {
    pub distinct: &'a [Option<Date>],
    pub of_codes: &'a [u32],
    pub codes: &'a [u32],
}

/// Sums that are held at a time: one for each combination of dimensions and each day.
const SUMS_MAX: usize = 1 << 20;

/// Counts rows by dimensions and days, each as often as `counts` says; those are left out for which `is_wanted`, which has
/// a code for each row too, says no. None where dimensions do not lie in runs, or have too many combinations.
pub fn count_runs(
    fact: &str,
    dimensions: &[Told],
    days: &Days<'_>,
    counts: &[i64],
    (wanted, is_wanted): (&RowCodes, &[bool]),
) -> Option<Counts> {
    let mut runs: Vec<Runs<'_>> = dimensions.iter().map(|own| Runs::of(&own.codes)).collect::<Option<_>>()?;
    let mut wanted = Runs::of(wanted)?;
    let width = days.distinct.len();
    let mut combinations = Combinations::new(dimensions.len());
    let mut sums: Vec<Option<i64>> = Vec::new();
    let mut codes = vec![0; dimensions.len()];
    let (mut start, all) = (0, days.codes.len().min(counts.len()));
    while start < all {
        let mut end = all;
        for (code, run) in codes.iter_mut().zip(&mut runs) {
            let (own, own_end) = run.at(start)?;
            *code = own;
            end = end.min(own_end);
        }
        let (kind, kind_end) = wanted.at(start)?;
        end = end.min(kind_end);
        if is_wanted.get(kind as usize) == Some(&true) {
            let first = combinations.number(&codes) as usize * width;
            if first + width > sums.len() {
                if first + width > SUMS_MAX {
                    return None;
                }
                sums.resize(first + width, None);
            }
            let own = sums.get_mut(first..first + width)?;
            for (code, count) in days.codes.get(start..end)?.iter().zip(counts.get(start..end)?) {
                let day = *days.of_codes.get(*code as usize)?;
                *own.get_mut(day as usize)?.get_or_insert(0) += count;
            }
        }
        start = end;
    }
    let told: Vec<(u32, u32, i64)> = sums
        .iter()
        .enumerate()
        .filter_map(|(place, sum)| Some(((place / width) as u32, (place % width) as u32, (*sum)?)))
        .collect();
    let columns = dimensions.iter().enumerate().map(|(place, own)| {
        let codes: Vec<u32> = combinations.column(place).collect();
        let codes = told.iter().map(|(number, _, _)| codes[*number as usize]).collect();
        Counted { name: own.name.clone(), texts: Coded::new(own.texts.clone(), codes) }
    });
    Some(Counts {
        fact: fact.to_owned(),
        dimensions: columns.collect(),
        days: Coded::new(days.distinct.to_vec(), told.iter().map(|(_, day, _)| *day).collect()),
        counts: told.iter().map(|(_, _, sum)| *sum).collect(),
    })
}

/// Codes as runs, of which one is looked at.
struct Runs<'a> {
    runs: &'a [(u32, u32)],
    same: Option<u32>,
}

impl Runs<'_> {
    fn of(codes: &RowCodes) -> Option<Runs<'_>> {
        match codes {
            RowCodes::Runs(runs) => Some(Runs { runs, same: None }),
            RowCodes::Same { code, .. } => Some(Runs { runs: &[], same: Some(*code) }),
            RowCodes::Each(_) | RowCodes::ByKey { .. } => None,
        }
    }

    /// The code of a row, which lies not before those that were asked for, and the row behind its run.
    fn at(&mut self, row: usize) -> Option<(u32, usize)> {
        if let Some(code) = self.same {
            return Some((code, usize::MAX));
        }
        while let Some(((code, end), rest)) = self.runs.split_first() {
            if row < *end as usize {
                return Some((*code, *end as usize));
            }
            self.runs = rest;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::super::Cells;
    use super::*;

    /// Codes as runs.
    fn runs(codes: &[u32]) -> RowCodes {
        let mut end = 0;
        let run = |run: &[u32]| {
            end += run.len() as u32;
            (run[0], end)
        };
        RowCodes::Runs(codes.chunk_by(u32::eq).map(run).collect())
    }

    proptest! {
        #[test]
        fn rows_in_runs_are_counted_like_any_others(
            rows in proptest::collection::vec((0u32..3, 0u32..2, 0u32..4, -3i64..9, 0u32..2), 0..40),
            is_same: bool,
        ) {
            let column = |of: fn(&(u32, u32, u32, i64, u32)) -> u32| rows.iter().map(of).collect::<Vec<u32>>();
            let names = ["a", "b"].map(str::to_owned);
            let texts = |count: u32| (0..count).map(|code| code.to_string()).collect::<Vec<String>>();
            let second = if is_same { vec![1; rows.len()] } else { column(|row| row.1) };
            let second_codes = if is_same { RowCodes::Same { code: 1, rows: rows.len() } } else { runs(&second) };
            let told = [
                Told { name: names[0].clone(), texts: texts(3), codes: runs(&column(|row| row.0)) },
                Told { name: names[1].clone(), texts: texts(2), codes: second_codes },
            ];
            let days: Vec<Option<Date>> = vec![None, Some(date(2020, 1, 1)), Some(date(2020, 1, 2)), Some(date(2020, 1, 3))];
            let codes = column(|row| row.2 * 2);
            let coded = Days { distinct: &days, of_codes: &[0, 9, 1, 9, 2, 9, 3], codes: &codes };
            let counts: Vec<i64> = rows.iter().map(|row| row.3).collect();
            let is_wanted = [true, false];
            let counted = count_runs("samples", &told, &coded, &counts, (&runs(&column(|row| row.4)), &is_wanted));
            let expected = rows.iter().zip(&second).filter(|(row, _)| row.4 == 0).map(|(row, second)| {
                (vec![row.0.to_string(), second.to_string()], days[row.2 as usize], row.3)
            });
            let expected = Cells::from_texts("samples", &names, expected);
            prop_assert_eq!(counted.map(Cells::from), Some(expected));
            let each = [Told { name: names[0].clone(), texts: texts(3), codes: RowCodes::Each(column(|row| row.0)) }];
            prop_assert!(count_runs("samples", &each, &coded, &counts, (&runs(&column(|row| row.4)), &is_wanted)).is_none());
        }
    }
}
