//! Small numbers that could point at somebody are kept back, and with them as many others as it takes that no published
//! sum gives them away (Hundepool et al., Statistical Disclosure Control, 2012: primary and secondary suppression).

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{Denominator, Figure, Judgement, Status};
use crate::cube::Cells;
use crate::indicator::Definition;

/// Numbers of one place in a table, none of which may be told while it is small: for a rate those that have the
/// property and those that have it not.
type Counts = [i64; 2];

/// Places that add up to a published total; none where the total is known in any case.
#[derive(Debug, Clone)]
struct Sum {
    total: Option<usize>,
    parts: Vec<usize>,
}

/// Which places are kept back: those with a number from 1 to `least - 1`, and what would give them away. Behind every
/// published total either nothing is kept back, or at least two places that together are not small either.
fn suppress(places: &[Counts], sums: &[Sum], least: i64) -> Vec<bool> {
    let is_small = |counts: &Counts| counts.iter().any(|count| (1..least).contains(count));
    let mut hidden: Vec<bool> = places.iter().map(is_small).collect();
    loop {
        let mut is_stable = true;
        for sum in sums {
            while let Some(next) = gives_away(places, sum, &hidden, least) {
                hidden[next] = true;
                is_stable = false;
            }
        }
        if is_stable {
            return hidden;
        }
    }
}

/// The place that has to go next so that a total gives nothing away; none if it gives nothing away.
fn gives_away(places: &[Counts], sum: &Sum, hidden: &[bool], least: i64) -> Option<usize> {
    let kept_back: Vec<usize> = sum.parts.iter().copied().filter(|place| hidden[*place]).collect();
    let is_total_hidden = sum.total.is_some_and(|total| hidden[total]);
    let is_safe = match (is_total_hidden, kept_back.len()) {
        (false, 0) => true,
        (true, count) => count > 0,
        (false, 1) => false,
        (false, _) => [0, 1].into_iter().all(|part| {
            let together: i64 = kept_back.iter().map(|place| places[*place][part]).sum();
            together == 0 || together >= least
        }),
    };
    if is_safe {
        return None;
    }
    let open = sum.parts.iter().copied().filter(|place| !hidden[*place]);
    let size = |place: &usize| (places[*place][0] + places[*place][1], *place);
    let smallest = open.filter(|place| size(place).0 > 0).min_by_key(size);
    smallest.or(sum.total.filter(|total| !hidden[*total]))
}

/// The figures as they may be told: what is kept back has the status `suppressed` and no numbers.
pub fn suppress_figures(figures: &[Figure], definitions: &[Definition], least: i64) -> Vec<Figure> {
    let is_rate = |figure: &Figure| {
        let definition = definitions.iter().find(|definition| definition.id == figure.indicator);
        definition.is_some_and(|definition| matches!(definition.denominator, Denominator::Where(_)))
    };
    let counts = |figure: &Figure| match figure.denominator {
        Some(denominator) if is_rate(figure) => [figure.numerator, denominator - figure.numerator],
        _ => [figure.numerator, 0],
    };
    let places: Vec<Counts> = figures.iter().map(counts).collect();
    let hidden = suppress(&places, &sums_of_figures(figures), least);
    let told = figures.iter().zip(hidden).map(|(figure, hidden)| match hidden {
        false => figure.clone(),
        true => Figure {
            numerator: 0,
            denominator: None,
            value: String::new(),
            bounds: None,
            judgement: Judgement { status: Status::Suppressed, needed: None },
            note: String::new(),
            ..figure.clone()
        },
    });
    told.collect()
}

/// Every cut adds up, over each of its dimensions and over all of them, to a cut with fewer.
fn sums_of_figures(figures: &[Figure]) -> Vec<Sum> {
    type Cut = BTreeSet<(String, String)>;
    let cut = |figure: &Figure| figure.cut.iter().cloned().collect::<Cut>();
    let places: HashMap<(&str, Cut), usize> = figures
        .iter()
        .enumerate()
        .map(|(place, figure)| ((figure.indicator.as_str(), cut(figure)), place))
        .collect();
    let mut sums: BTreeMap<(usize, BTreeSet<String>), Vec<usize>> = BTreeMap::new();
    for (place, figure) in figures.iter().enumerate().filter(|(_, figure)| !figure.cut.is_empty()) {
        let names: BTreeSet<String> = figure.cut.iter().map(|(name, _)| name.clone()).collect();
        let each = names.iter().map(|name| BTreeSet::from([name.clone()]));
        let dropped: BTreeSet<BTreeSet<String>> = each.chain([names.clone()]).collect();
        for dropped in dropped {
            let rest: Cut = cut(figure).into_iter().filter(|(name, _)| !dropped.contains(name)).collect();
            if let Some(total) = places.get(&(figure.indicator.as_str(), rest)) {
                sums.entry((*total, names.clone())).or_default().push(place);
            }
        }
    }
    sums.into_iter().map(|((total, _), parts)| Sum { total: Some(total), parts }).collect()
}

/// Which cells are kept back. Totals by any one dimension, by the given cuts and over all are taken for known.
pub fn suppress_cells(cells: &Cells, cuts: &[Vec<String>], least: i64) -> Vec<bool> {
    let places: Vec<Counts> = cells.counts().iter().map(|count| [*count, 0]).collect();
    let single = cells.dimensions.iter().map(|(name, _)| vec![name.clone()]);
    let groups: BTreeSet<Vec<String>> = single.chain(cuts.iter().cloned()).chain([Vec::new()]).collect();
    let mut sums = Vec::new();
    for group in groups {
        let positions: Vec<Option<usize>> = group.iter().map(|name| cells.position(name)).collect();
        let mut parts: BTreeMap<Vec<i64>, Vec<usize>> = BTreeMap::new();
        for (place, day) in cells.days().iter().enumerate() {
            // What is no dimension of these cells is the month.
            let month = day.map_or(0, |day| i64::from(day.year()) * 12 + i64::from(day.month()));
            let key = positions.iter().map(|position| match position {
                Some(position) => i64::from(cells.codes(*position)[place]),
                None => month,
            });
            parts.entry(key.collect()).or_default().push(place);
        }
        sums.extend(parts.into_values().map(|parts| Sum { total: None, parts }));
    }
    suppress(&places, &sums, least)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table of `rows` by three with its margins: inner places first, then rows, columns, the whole.
    fn table(inner: &[i64]) -> (Vec<Counts>, Vec<Sum>) {
        let rows = inner.len() / 3;
        let mut counts: Vec<i64> = inner.to_vec();
        let row = |row: usize| (0..3).map(move |column| row * 3 + column).collect::<Vec<_>>();
        let column = |column: usize| (0..rows).map(move |row| row * 3 + column).collect::<Vec<_>>();
        let mut sums = Vec::new();
        for parts in (0..rows).map(row).chain((0..3).map(column)) {
            counts.push(parts.iter().map(|place| inner[*place]).sum());
            sums.push(Sum { total: Some(counts.len() - 1), parts });
        }
        let margins = inner.len();
        counts.push(inner.iter().sum());
        let whole = Some(counts.len() - 1);
        sums.push(Sum { total: whole, parts: (margins..margins + rows).collect() });
        sums.push(Sum { total: whole, parts: (margins + rows..margins + rows + 3).collect() });
        (counts.into_iter().map(|count| [count, 0]).collect(), sums)
    }

    #[test]
    fn one_small_number_takes_others_with_it() {
        let (places, sums) = table(&[2, 20, 30, 40, 50, 60, 70, 80, 90]);
        let hidden = suppress(&places, &sums, 5);
        // Its neighbours in row and column, and the place where those two cross.
        assert_eq!(hidden[..9], [true, true, false, true, true, false, false, false, false]);
        assert!(hidden[9..].iter().all(|hidden| !hidden), "the margins stay");
        let (places, sums) = table(&[10, 20, 30]);
        assert_eq!(suppress(&places, &sums, 5), vec![false; places.len()], "nothing is small");
    }

    proptest! {
        #[test]
        fn no_total_gives_a_hidden_number_away(inner in proptest::collection::vec(0i64..40, 4).prop_map(|rows| {
            rows.iter().flat_map(|seed| [seed % 7, seed / 2, *seed]).collect::<Vec<i64>>()
        })) {
            let (places, sums) = table(&inner);
            let hidden = suppress(&places, &sums, 5);
            for (place, hidden) in places.iter().zip(&hidden) {
                prop_assert!(*hidden || !(1..5).contains(&place[0]));
            }
            for sum in &sums {
                let kept_back = sum.parts.iter().filter(|place| hidden[**place]);
                let unknown = kept_back.clone().count() + usize::from(sum.total.is_some_and(|total| hidden[total]));
                let rest: i64 = kept_back.map(|place| places[*place][0]).sum();
                let is_empty_rest = rest == 0;
                prop_assert!(unknown != 1 || is_empty_rest, "{inner:?} {hidden:?}");
            }
        }
    }
}
