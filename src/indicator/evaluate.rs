use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use super::{Definition, Denominator, Judgement, Kind, Status, bounds, judge_target, value_text};
use crate::column::{combine_codes, first_rows};
use crate::cube::{Cells, Fact};
use crate::model::UNKNOWN;

/// Persons, by region code, on the basis that the pipeline counts by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Populations {
    pub persons: BTreeMap<String, i64>,
    /// The whole: stated for the county itself, or the sum of its townships.
    pub total: Option<i64>,
    /// Basis, year, grade and source, printed with every figure per head.
    pub note: String,
}

/// What an evaluation needs beside cells.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    pub as_of: Date,
    pub populations: &'a Populations,
    /// Codes of the regions that appear in a cut by region even with nothing to count.
    pub regions: &'a [String],
    /// Restricts flows to these days; the indicator's own span where there is none.
    pub period: Option<(Date, Date)>,
}

/// One published number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub indicator: String,
    /// Dimension and value of the cut; empty for the whole.
    pub cut: Vec<(Arc<str>, Arc<str>)>,
    pub period: Option<(Date, Date)>,
    pub numerator: i64,
    /// None for a count, and where the cut has no population.
    pub denominator: Option<i64>,
    pub value: String,
    pub bounds: Option<(String, String)>,
    pub judgement: Judgement,
    /// The definition's note.
    pub note: String,
    /// Numbers shown beside the figure.
    pub shown: String,
    /// The population's basis.
    pub basis: String,
}

impl Figure {
    /// All that is printed in `note`.
    pub fn whole_note(&self) -> String {
        let notes = [&self.note, &self.shown, &self.basis].map(String::as_str);
        notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// What a figure is told for: a value of each dimension of its cut.
type Group = Vec<Arc<str>>;

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    numerator: i64,
    denominator: i64,
    /// Whether any cell belongs to the group: a reported zero is not the same as no report.
    observed: bool,
}

/// A cell that an indicator counts, and in which of its parts.
struct CountedCell {
    cell: u32,
    in_numerator: bool,
    in_denominator: bool,
}

/// Evaluates an indicator for the whole, then for each of `cuts` that its fact has the dimensions for.
pub fn evaluate(
    definition: &Definition,
    cells: &Cells,
    cuts: &[Vec<String>],
    context: &Context<'_>,
) -> Vec<Figure> {
    let mut figures = Vec::new();
    let whole = std::slice::from_ref(const { &Vec::new() });
    // What is there on one day is told of that day, unless it is told by months.
    let is_of_a_day = matches!(definition.kind, Kind::Stock | Kind::Coverage);
    let mut by_kind: [Option<Vec<CountedCell>>; 2] = [None, None];
    for cut in whole.iter().chain(cuts) {
        let by_month = cut.iter().any(|name| name == "month");
        let known = cut.iter().all(|name| name == "month" || cells.position(name).is_some());
        if known {
            let told = &mut by_kind[usize::from(is_of_a_day && by_month)];
            let told = told.get_or_insert_with(|| counted(definition, cells, by_month, context));
            evaluate_cut(definition, cells, told, cut, context, &mut figures);
        }
    }
    figures
}

/// The cells of the days that are asked for, as far as they are counted.
fn counted(
    definition: &Definition,
    cells: &Cells,
    by_month: bool,
    context: &Context<'_>,
) -> Vec<CountedCell> {
    let base = definition.base.as_ref().map(|filter| filter.select(cells));
    let numerator = definition.numerator.select(cells);
    let denominator = match &definition.denominator {
        Denominator::Where(filter) => Some(filter.select(cells)),
        Denominator::None | Denominator::Population => None,
    };
    let days = definition.days(context.as_of, context.period);
    let mut told = Vec::new();
    for (cell, day) in cells.days().iter().enumerate() {
        let in_numerator = numerator[cell];
        let in_denominator = denominator.as_ref().is_some_and(|selected| selected[cell]);
        let is_counted = (in_numerator || in_denominator) && base.as_ref().is_none_or(|base| base[cell]);
        if is_counted && is_inside(definition, *day, days, by_month, context) {
            told.push(CountedCell { cell: cell as u32, in_numerator, in_denominator });
        }
    }
    told
}

fn is_inside(
    definition: &Definition,
    day: Option<Date>,
    days: Option<(Date, Date)>,
    by_month: bool,
    context: &Context<'_>,
) -> bool {
    match (definition.kind, day, days) {
        (Kind::Stock | Kind::Coverage, day, _) if !by_month => day == Some(context.as_of),
        (_, Some(day), Some((start, end))) => start <= day && day <= end,
        (_, None, Some(_)) => false,
        (_, _, None) => true,
    }
}

fn evaluate_cut(
    definition: &Definition,
    cells: &Cells,
    told: &[CountedCell],
    cut: &[String],
    context: &Context<'_>,
    figures: &mut Vec<Figure>,
) {
    let days = definition.days(context.as_of, context.period);
    let parts: Vec<CutBy<'_>> = cut.iter().map(|name| CutBy::new(cells, name)).collect();
    // A group is its codes first; it is spelt out once.
    let columns = parts.iter().map(|part| (&*part.codes, part.texts.len()));
    let (group_of, distinct) = combine_codes(columns, cells.len());
    let mut sums = vec![Sums::default(); distinct];
    for CountedCell { cell, in_numerator, in_denominator } in told {
        let count = cells.counts()[*cell as usize];
        let sums = &mut sums[group_of[*cell as usize] as usize];
        sums.numerator += if *in_numerator { count } else { 0 };
        sums.denominator += if *in_denominator { count } else { 0 };
        sums.observed = true;
    }
    let observed = first_rows(&group_of).into_iter().zip(sums).filter(|(_, sums)| sums.observed);
    let mut observed: Vec<(u32, Sums)> = observed.collect();
    observed.par_sort_unstable_by(|(one, _), (other, _)| {
        let by = parts.iter().map(|part| part.codes[*one as usize].cmp(&part.codes[*other as usize]));
        by.fold(Ordering::Equal, Ordering::then)
    });
    let spelt = |(cell, sums): (u32, Sums)| {
        let group = parts.iter().map(|part| part.texts[part.codes[cell as usize] as usize].clone());
        (group.collect::<Group>(), sums)
    };
    let mut groups: Vec<(Group, Sums)> = observed.into_par_iter().map(spelt).collect();
    let is_known = |group: &Group| groups.binary_search_by(|(own, _)| own.cmp(group)).is_ok();
    let mut expected = expected_groups(cut, days, context);
    expected.retain(|group| !is_known(group));
    if !expected.is_empty() {
        groups.extend(expected.into_iter().map(|group| (group, Sums::default())));
        groups.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    let shown = if cut.is_empty() { shown(definition, cells, days, context) } else { String::new() };
    let names: Vec<Arc<str>> = cut.iter().map(|name| Arc::from(name.as_str())).collect();
    figures.par_extend(groups.into_par_iter().map(|(group, sums)| {
        let denominator = match &definition.denominator {
            Denominator::None => None,
            Denominator::Where(_) => Some(sums.denominator),
            Denominator::Population => Some(population(cut, &group, context.populations)),
        };
        let observed = sums.observed || definition.fact != Fact::Returns;
        figure(definition, &names, group, sums.numerator, denominator, observed, &shown, days, context)
    }));
}

/// A dimension that is cut by: of each cell a code, and what the codes stand for, in the order of the texts.
struct CutBy<'a> {
    codes: Cow<'a, [u32]>,
    texts: Vec<Arc<str>>,
}

impl CutBy<'_> {
    /// A dimension of the cells, or else their months.
    fn new<'a>(cells: &'a Cells, name: &str) -> CutBy<'a> {
        if let Some(position) = cells.position(name) {
            let texts = cells.dimensions[position].1.iter().map(|text| Arc::from(text.as_str()));
            return CutBy { codes: Cow::Borrowed(cells.codes(position)), texts: texts.collect() };
        }
        // Months are counted from the first; none comes behind the last.
        let month_of = |day: &Date| i32::from(day.year()) * 12 + i32::from(day.month()) - 1;
        let months = || cells.days().iter().flatten().map(month_of);
        let (first, last) = (months().min().unwrap_or(0), months().max().unwrap_or(-1));
        let none = (last - first + 1) as u32;
        let code = |day: &Option<Date>| day.map_or(none, |day| (month_of(&day) - first) as u32);
        let spelt = (first..=last)
            .map(|month| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1));
        CutBy {
            codes: cells.days().iter().map(code).collect(),
            texts: spelt.chain([UNKNOWN.to_owned()]).map(Arc::from).collect(),
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "one figure is made of all of these")]
fn figure(
    definition: &Definition,
    cut: &[Arc<str>],
    group: Group,
    numerator: i64,
    denominator: Option<i64>,
    observed: bool,
    shown: &str,
    days: Option<(Date, Date)>,
    context: &Context<'_>,
) -> Figure {
    let is_whole = cut.is_empty() && context.period.is_none();
    let judgement = judge_target(definition, numerator, denominator, observed, is_whole, context.as_of);
    // Of a cut with too few the numbers are shown, not the rate.
    let is_too_few = judgement.status == Status::TooFew && !cut.is_empty();
    let has_value = observed && denominator != Some(0) && !is_too_few;
    let digits = definition.unit.digits() as usize;
    let interval = denominator.filter(|_| has_value).and_then(|denominator| {
        bounds(definition.interval, numerator, denominator, definition.unit.scale(), digits)
    });
    let month = cut.iter().position(|name| &**name == "month").and_then(|index| group.get(index));
    let period = match (month, days) {
        (Some(month), _) => {
            format!("{month}-01").parse::<Date>().ok().map(|first| (first, first.last_of_month()))
        }
        (None, Some((_, end))) if definition.kind == Kind::Stock => Some((end, end)),
        (None, days) => days,
    };
    let basis = match definition.denominator {
        Denominator::Population => context.populations.note.as_str(),
        _ => "",
    };
    Figure {
        indicator: definition.id.clone(),
        cut: cut.iter().cloned().zip(group).collect(),
        period: period.map(|(start, end)| (start, end.min(context.as_of))),
        value: if has_value { value_text(numerator, denominator, definition.unit) } else { String::new() },
        denominator: denominator.filter(|_| {
            !(matches!(definition.denominator, Denominator::Population) && denominator == Some(0))
        }),
        numerator,
        bounds: interval,
        judgement,
        note: definition.note.clone(),
        shown: shown.to_owned(),
        basis: basis.to_owned(),
    }
}

/// Groups that are printed even when nothing falls into them: every region, every month so far.
fn expected_groups(cut: &[String], days: Option<(Date, Date)>, context: &Context<'_>) -> Vec<Group> {
    match (cut, days) {
        ([], _) => vec![Vec::new()],
        ([only], _) if only == "region" => {
            context.regions.iter().map(|region| vec![Arc::from(region.as_str())]).collect()
        }
        ([only], Some((start, end))) if only == "month" => {
            let months =
                start.first_of_month().series(jiff::Span::new().months(1)).take_while(|day| *day <= end);
            months.map(|day| vec![Arc::from(format!("{:04}-{:02}", day.year(), day.month()))]).collect()
        }
        _ => Vec::new(),
    }
}

/// Persons for a cut: of the whole, or of a region; zero where no list says.
fn population(cut: &[String], group: &[Arc<str>], populations: &Populations) -> i64 {
    match (cut, group) {
        ([], _) => populations.total.unwrap_or(0),
        ([only], [region]) if only == "region" => populations.persons.get(&**region).copied().unwrap_or(0),
        _ => 0,
    }
}

/// The numbers that the definition prints beside its figure, over the same cells.
fn shown(
    definition: &Definition,
    cells: &Cells,
    days: Option<(Date, Date)>,
    context: &Context<'_>,
) -> String {
    let base = definition.base.as_ref().filter(|_| !definition.shown.is_empty());
    let base = base.map(|filter| filter.select(cells));
    let parts = definition.shown.iter().map(|(label, filter)| {
        let selected = filter.select(cells);
        let counted = cells.days().iter().zip(cells.counts()).enumerate().filter(|(cell, (day, _))| {
            selected[*cell]
                && base.as_ref().is_none_or(|base| base[*cell])
                && is_inside(definition, **day, days, false, context)
        });
        let n: i64 = counted.map(|(_, (_, count))| count).sum();
        format!("{label} {n}")
    });
    parts.collect::<Vec<_>>().join(", ")
}
