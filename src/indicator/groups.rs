//! Cells summed up by what a figure is cut by.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;

use crate::column::Narrow;
use crate::cube::{Cells, Order};
use crate::model::UNKNOWN;

/// What the cells of a group add up to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) numerator: i64,
    pub(super) denominator: i64,
    /// Whether any cell belongs to the group: a reported zero is not the same as no report.
    pub(super) observed: bool,
}

/// In which of its parts an indicator counts each cell, if it does.
pub(super) type Parts = Vec<u8>;

pub(super) const NUMERATOR: u8 = 1;
pub(super) const DENOMINATOR: u8 = 2;

/// Groups that are given a sum each, whether a cell is in them or not.
const GROUPS_MAX: usize = 1 << 16;

/// The sums of the groups that have cells, each with one of these, in the order of their codes.
pub(super) fn observed(cells: &Cells, told: &Parts, by: &[CutBy<'_>]) -> Vec<(u32, Sums)> {
    let all = by.iter().try_fold(1usize, |all, by| all.checked_mul(by.texts.len()));
    let Some(all) = all.filter(|all| *all <= GROUPS_MAX) else { return observed_of_many(cells, told, by) };
    let mut groups = vec![0u32; cells.len()];
    for by in by {
        let width = by.texts.len() as u32;
        by.codes.for_each(|cell, code| groups[cell] = groups[cell] * width + code as u32);
    }
    let mut member = vec![0; all];
    groups.iter().zip(0..).for_each(|(group, cell)| member[*group as usize] = cell);
    let each = member.into_iter().zip(Sums::of(cells, told, &groups, all));
    each.filter(|(_, sums)| sums.observed).collect()
}

/// Likewise, of groups most of which no cell is in.
fn observed_of_many(cells: &Cells, told: &Parts, by: &[CutBy<'_>]) -> Vec<(u32, Sums)> {
    let columns: Vec<&Narrow> = by.iter().map(|by| &*by.codes).collect();
    let widths: Vec<usize> = by.iter().map(|by| by.texts.len()).collect();
    let order = Order::of(&columns, &widths, cells.len());
    let summed = order.alike().filter_map(|group| {
        let mut sums = Sums::default();
        group.iter().for_each(|cell| sums.add(told[*cell as usize], cells.counts().get(*cell as usize)));
        Some((*group.first()?, sums))
    });
    summed.filter(|(_, sums)| sums.observed).collect()
}

impl Sums {
    /// The sums of so many groups.
    fn of(cells: &Cells, told: &Parts, groups: &[u32], count: usize) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); count];
        cells.counts().for_each(|cell, count| sums[groups[cell] as usize].add(told[cell], count));
        sums
    }

    /// Adds a cell that is counted in these parts.
    fn add(&mut self, part: u8, count: i64) {
        self.numerator += if part & NUMERATOR != 0 { count } else { 0 };
        self.denominator += if part & DENOMINATOR != 0 { count } else { 0 };
        self.observed |= part != 0;
    }
}

/// A dimension that is cut by: of each cell a code, and what the codes stand for, in the order of the texts.
pub(super) struct CutBy<'a> {
    pub(super) codes: Cow<'a, Narrow>,
    pub(super) texts: Vec<Arc<str>>,
}

impl CutBy<'_> {
    /// A dimension of the cells, or else their months.
    pub(super) fn new<'a>(cells: &'a Cells, name: &str) -> CutBy<'a> {
        if let Some(position) = cells.position(name) {
            let texts = cells.dimensions[position].1.iter().map(|text| Arc::from(text.as_str()));
            return CutBy { codes: Cow::Borrowed(cells.codes(position)), texts: texts.collect() };
        }
        // Months are counted from the first; none comes behind the last.
        let month_of = |day: &Date| i32::from(day.year()) * 12 + i32::from(day.month()) - 1;
        let (days, codes) = cells.days();
        let months = || days.iter().flatten().map(month_of);
        let (first, last) = (months().min().unwrap_or(0), months().max().unwrap_or(-1));
        let none = (last - first + 1) as u32;
        let code = |day: &Option<Date>| day.map_or(none, |day| (month_of(&day) - first) as u32);
        let spelt = (first..=last)
            .map(|month| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1));
        CutBy {
            codes: Cow::Owned(codes.renamed(&days.iter().map(code).collect::<Vec<u32>>())),
            texts: spelt.chain([UNKNOWN.to_owned()]).map(Arc::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn few_groups_and_many_are_summed_up_alike(
            rows in proptest::collection::vec((0u8..4, 0u8..3, proptest::option::of(1i8..4), 0i64..9, 0u8..4), 0..40),
            cut in prop::sample::subsequence(vec!["a", "b", "month"], 0..=3),
        ) {
            let names = ["a", "b"].map(str::to_owned);
            let spelt = |row: &(u8, u8, Option<i8>, i64, u8)| {
                let day = row.2.map(|month| jiff::civil::date(2020, month, 1));
                (vec![row.0.to_string(), row.1.to_string()], day, row.3)
            };
            let cells = Cells::from_texts("samples", &names, rows.iter().map(spelt));
            let told: Parts = (0..cells.len()).map(|cell| rows[cell].4).collect();
            let by: Vec<CutBy<'_>> = cut.iter().map(|name| CutBy::new(&cells, name)).collect();
            let shown = |groups: Vec<(u32, Sums)>| -> Vec<(Vec<usize>, i64, i64)> {
                let codes = |cell: u32| by.iter().map(|by| by.codes.code(cell as usize)).collect();
                let each = groups.into_iter();
                each.map(|(cell, sums)| (codes(cell), sums.numerator, sums.denominator)).collect()
            };
            let few = shown(observed(&cells, &told, &by));
            prop_assert!(few.is_sorted_by(|one, other| one.0 < other.0));
            prop_assert_eq!(shown(observed_of_many(&cells, &told, &by)), few.clone());
            let (mut numerator, mut denominator) = (0, 0);
            for (cell, part) in told.iter().enumerate() {
                let count = cells.counts().get(cell);
                numerator += if part & NUMERATOR != 0 { count } else { 0 };
                denominator += if part & DENOMINATOR != 0 { count } else { 0 };
            }
            prop_assert_eq!(few.iter().map(|own| own.1).sum::<i64>(), numerator);
            prop_assert_eq!(few.iter().map(|own| own.2).sum::<i64>(), denominator);
        }
    }

    #[test]
    fn groups_beyond_one_number_are_in_order_too() {
        // Twenty dimensions of eleven texts each take eighty bits.
        let names: Vec<String> = (0..20).map(|place| format!("d{place:02}")).collect();
        let text = |row: usize, place: usize| format!("{:02}", (row * (place * 7 + 3) + place) % 11);
        let rows = (0..60).map(|row| ((0..20).map(|place| text(row, place)).collect(), None, 1));
        let cells = Cells::from_texts("samples", &names, rows);
        let by: Vec<CutBy<'_>> = names.iter().rev().map(|name| CutBy::new(&cells, name)).collect();
        let groups = observed(&cells, &vec![NUMERATOR; cells.len()], &by);
        let codes = |cell: u32| by.iter().map(|by| by.codes.code(cell as usize)).collect::<Vec<usize>>();
        assert_eq!(groups.len(), cells.len());
        assert!(groups.is_sorted_by(|one, other| codes(one.0) < codes(other.0)));
    }
}
