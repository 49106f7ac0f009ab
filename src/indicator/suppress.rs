//! Small numbers that could point at somebody are kept back, and with them as many others as it takes that what is
//! published does not give them away (primary and secondary suppression).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;

use super::knots::{Group, Knots, Part};
use super::{Cut, Denominator, Figure, Status, Told};
use crate::cube::Cells;
use crate::indicator::Definition;

/// A number that is kept back can be anything in a range of this width: nobody knows it to within three.
const WIDTH: i64 = 6;

/// A report that was published before this one.
#[derive(Debug)]
pub struct Earlier {
    /// Its day, by which such reports are in order.
    pub as_of: Date,
    pub figures: Vec<Figure>,
    /// Of each figure, whether it was kept back.
    pub hidden: Vec<bool>,
}

/// Which figures are kept back.
///
/// Known to an outsider is every figure that is told, that cuts add up to cuts with fewer dimensions whether those are
/// published or not, that a rate has a part with the property and one without, which figures count a part of what others
/// count, and what earlier reports told: the year to date of one is that of the one before and what came since.
pub fn kept_back(
    (figures, as_of): (&[Figure], Date),
    earlier: &[Earlier],
    definitions: &[Definition],
    cells: &[Cells],
    least: i64,
) -> Vec<bool> {
    let numbers_of = |figure: &Figure| numbers_of(figure, definitions);
    let is_small = |figure: &Figure| numbers_of(figure).iter().any(|(_, number)| (1..least).contains(number));
    let mut hidden: Vec<bool> = figures.iter().map(is_small).collect();
    // Behind the figures stands a place that is always told.
    let mut knots = Knots::new(definitions, cells, figures.len());
    hidden.push(false);
    for (place, figure) in figures.iter().enumerate() {
        let group: Group = spelt(figure).collect();
        for (part, value) in numbers_of(figure) {
            knots.tell(figure.indicator(), part, &group, value, place);
        }
    }
    for report in earlier {
        for (figure, is_hidden) in report.figures.iter().zip(&report.hidden) {
            let group: Group = spelt(figure).collect();
            for (part, value) in numbers_of(figure) {
                knots.tell_earlier(figure.indicator(), part, &group, value, (report.as_of, !is_hidden));
            }
        }
    }
    let days: Vec<Date> = earlier.iter().map(|report| report.as_of).collect();
    knots.tie(definitions, &days, as_of);
    knots.net.protect(&mut hidden, least, WIDTH);
    hidden.truncate(figures.len());
    hidden
}

/// Dimensions and values of the cut that a figure belongs to.
fn spelt(figure: &Figure) -> impl Iterator<Item = (String, String)> {
    figure.group().map(|(name, value)| (name.to_string(), value.to_string()))
}

/// What a figure tells: a count, or the parts of a share.
fn numbers_of(figure: &Figure, definitions: &[Definition]) -> Vec<(Part, i64)> {
    let definition = definitions.iter().find(|own| own.id == figure.indicator());
    let Told { numerator, denominator, .. } = figure.told();
    match (definition.map(|own| &own.denominator), denominator) {
        (Some(Denominator::Where(_)), Some(all)) => {
            vec![(Part::All, *all), (Part::With, *numerator), (Part::Without, all - numerator)]
        }
        _ => vec![(Part::All, *numerator)],
    }
}

/// The figures as they may be told: what is kept back has the status `suppressed` and no numbers.
pub fn suppress_figures(figures: &[Figure], hidden: &[bool]) -> Vec<Figure> {
    let mut told = Vec::with_capacity(figures.len());
    let all: Vec<(&Figure, &bool)> = figures.iter().zip(hidden).collect();
    for own in all.chunk_by(|(one, _), (other, _)| Arc::ptr_eq(one.cut(), other.cut())) {
        let Some((first, _)) = own.first() else { continue };
        let mut cut = Cut::clone(first.cut());
        // What is counted beside a figure is guarded by nothing.
        cut.shown = String::new();
        let nothing = cut.told.len();
        cut.told.push(Told::suppressed());
        let cut = Arc::new(cut);
        told.extend(own.iter().map(|(figure, hidden)| {
            let told = if **hidden { nothing } else { figure.told_at() };
            Figure::new(&cut, figure.row(), told as u32, figure.period)
        }));
    }
    told
}

/// The cells as they may be told: by month, those alone that are not small, lie in no figure that is kept back, and are
/// not given away by a total by any one dimension or by one of the cuts.
pub fn suppress_cells(cells: &Cells, figures: &[Figure], definitions: &[Definition], least: i64) -> Cells {
    let own = || definitions.iter().filter(|definition| definition.fact.name() == cells.fact);
    let cells = cells.by_month();
    let kept_back = figures.iter().filter(|figure| figure.status() == Status::Suppressed);
    let kept_back: HashMap<Vec<String>, BTreeSet<Vec<String>>> = kept_back
        .filter(|figure| own().any(|definition| definition.id == figure.indicator()))
        .fold(HashMap::new(), |mut cuts, figure| {
            let (names, values) = spelt(figure).unzip();
            cuts.entry(names).or_insert_with(BTreeSet::new).insert(values);
            cuts
        });
    let text = |name: &str, cell: usize| match cells.position(name) {
        Some(position) => cells.dimensions[position].1[cells.codes(position).code(cell)].clone(),
        None => {
            cells.day(cell).map_or_else(String::new, |day| format!("{:04}-{:02}", day.year(), day.month()))
        }
    };
    let counts: Vec<i64> = cells.counts().iter().collect();
    let mut hidden: Vec<bool> = counts.iter().map(|count| (1..least).contains(count)).collect();
    for (names, groups) in &kept_back {
        for (cell, hidden) in hidden.iter_mut().enumerate() {
            *hidden =
                *hidden || groups.contains(&names.iter().map(|name| text(name, cell)).collect::<Vec<_>>());
        }
    }
    let single = cells.dimensions.iter().map(|(name, _)| vec![name.clone()]);
    let cuts = own().flat_map(|definition| definition.cuts.clone());
    let groups: BTreeSet<Vec<String>> = single.chain(cuts).chain([Vec::new()]).collect();
    let groups: Vec<Vec<Vec<usize>>> = groups
        .iter()
        .map(|names| {
            let mut parts: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
            for cell in 0..cells.len() {
                parts.entry(names.iter().map(|name| text(name, cell)).collect()).or_default().push(cell);
            }
            parts.into_values().collect()
        })
        .collect();
    // What is missing of a total is nothing, or no small number either.
    loop {
        let mut is_stable = true;
        for parts in groups.iter().flatten() {
            let missing: i64 = parts.iter().filter(|cell| hidden[**cell]).map(|cell| counts[*cell]).sum();
            if (1..2 * least).contains(&missing) {
                let told = parts.iter().filter(|cell| !hidden[**cell] && counts[**cell] > 0);
                if let Some(next) = told.min_by_key(|cell| (counts[**cell], **cell)) {
                    hidden[*next] = true;
                    is_stable = false;
                }
            }
        }
        if is_stable {
            return cells.only(|cell| !hidden[cell]);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::indicator::testing::{cut, definition};
    use crate::indicator::{Context, Populations, evaluate};

    /// Batches by region, stage and verdict, all in one month.
    fn told(batches: &[(&str, &str, &str, i64)], definitions: &[Definition]) -> Vec<Figure> {
        let names = ["region", "stage", "final_verdict"].map(str::to_owned);
        let spelt = batches.iter().map(|(region, stage, verdict, n)| {
            let texts = [region, stage, verdict].map(|text| (*text).to_owned());
            (texts.to_vec(), Some(date(2020, 5, 7)), *n)
        });
        let cells = vec![Cells::from_texts("samples", &names, spelt)];
        let (as_of, populations) = (date(2020, 12, 31), Populations::default());
        let context = Context { as_of, populations: &populations, regions: &[], period: None };
        let figures: Vec<Figure> =
            definitions.iter().flat_map(|own| evaluate(own, &cells[0], &own.cuts, &context)).collect();
        suppress_figures(&figures, &super::kept_back((&figures, as_of), &[], definitions, &cells, 5))
    }

    fn kept_back(figures: &[Figure], indicator: &str) -> Vec<String> {
        let own = figures.iter().filter(|own| own.indicator() == indicator);
        let hidden = own.filter(|own| own.status() == Status::Suppressed);
        let spell = |figure: &Figure| figure.group().map(|(_, value)| &**value).collect::<Vec<_>>().join(" ");
        hidden.map(spell).collect()
    }

    #[test]
    fn a_part_cannot_be_had_from_its_total_and_the_others() {
        let cuts = [&["region"][..], &["month"], &["region", "month"], &["region", "stage"]].map(cut);
        let all = [Definition { cuts: cuts.to_vec(), ..definition("all", "true", None) }];
        let figures = told(
            &[("a", "x", "conforming", 2), ("a", "y", "conforming", 30), ("b", "x", "conforming", 40)],
            &all,
        );
        assert_eq!(
            kept_back(&figures, "all"),
            ["a x", "a y"],
            "the region is told, so two of its parts are not"
        );
    }

    /// Year to date of a region as of the end of May, which had 30 batches by the end of April.
    fn told_in_may(came: i64) -> Vec<bool> {
        let all = [Definition { cuts: vec![cut(&["region"])], ..definition("all", "true", None) }];
        let report = |end: Date, batches: i64| {
            let spelt = [("a", 7, 30), ("a", 31, batches - 30), ("b", 7, 40)];
            let spelt = spelt.map(|(region, day, n)| {
                let month = if day == 31 { 5 } else { 4 };
                (vec![region.to_owned()], Some(date(2020, month, day)), n)
            });
            let cells = vec![Cells::from_texts("samples", &["region".to_owned()], spelt)];
            let populations = Populations::default();
            let context = Context { as_of: end, populations: &populations, regions: &[], period: None };
            (evaluate(&all[0], &cells[0], &all[0].cuts, &context), cells)
        };
        let (april, may) = (date(2020, 4, 30), date(2020, 5, 31));
        let (figures, cells) = report(april, 30);
        let hidden = super::kept_back((&figures, april), &[], &all, &cells, 5);
        assert!(!hidden.contains(&true));
        let earlier = [Earlier { as_of: april, figures, hidden }];
        let (figures, cells) = report(may, 30 + came);
        super::kept_back((&figures, may), &earlier, &all, &cells, 5)
    }

    #[test]
    fn what_came_since_the_last_report_is_no_small_number_either() {
        assert_eq!(told_in_may(0), [false, false, false], "the whole, a, b");
        assert_eq!(told_in_may(20), [false, false, false]);
        let few = told_in_may(2);
        assert!(few[0] && few[1], "30 last month and 32 now are two in between: {few:?}");
    }
}
