use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use super::groups::{CutBy, DENOMINATOR, NUMERATOR, Parts, Sums, observed};
use super::{Definition, Denominator, Judgement, Kind, Status, bounds, judge_target, value_text};
use crate::column::Interner;
use crate::cube::{Cells, Fact, Filter};

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
    pub value: Arc<str>,
    pub bounds: Option<(Arc<str>, Arc<str>)>,
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
    let mut by_kind: [Option<Parts>; 2] = [None, None];
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

/// The parts of the cells of the days that are asked for.
fn counted(definition: &Definition, cells: &Cells, by_month: bool, context: &Context<'_>) -> Parts {
    let days = definition.days(context.as_of, context.period);
    let (distinct, day_codes) = cells.days();
    let is_inside = |day: &Option<Date>| is_inside(definition, *day, days, by_month, context);
    let mut is_counted = day_codes.among(&distinct.iter().map(is_inside).collect::<Vec<bool>>());
    if let Some(base) = &definition.base {
        is_counted.iter_mut().zip(base.select(cells)).for_each(|(own, is_base)| *own &= is_base);
    }
    let part =
        |filter: &Filter, part: u8| filter.select(cells).into_iter().map(move |on| u8::from(on) * part);
    let mut parts: Parts = part(&definition.numerator, NUMERATOR).collect();
    if let Denominator::Where(filter) = &definition.denominator {
        parts.iter_mut().zip(part(filter, DENOMINATOR)).for_each(|(own, part)| *own |= part);
    }
    parts.iter_mut().zip(is_counted).for_each(|(own, is_counted)| *own *= u8::from(is_counted));
    parts
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
    told: &Parts,
    cut: &[String],
    context: &Context<'_>,
    figures: &mut Vec<Figure>,
) {
    let days = definition.days(context.as_of, context.period);
    let by: Vec<CutBy<'_>> = cut.iter().map(|name| CutBy::new(cells, name)).collect();
    let observed = observed(cells, told, &by);
    let spelt = |(cell, sums): (u32, Sums)| {
        let group = by.iter().map(|by| by.texts[by.codes.code(cell as usize)].clone());
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
    // Small groups have their numbers in common with many others.
    let mut numbers = Interner::new();
    let coded = groups.into_iter().map(|(group, sums)| {
        let denominator = match &definition.denominator {
            Denominator::None => None,
            Denominator::Where(_) => Some(sums.denominator),
            Denominator::Population => Some(population(cut, &group, context.populations)),
        };
        let observed = sums.observed || definition.fact != Fact::Returns;
        let code = numbers.intern(Numbers { numerator: sums.numerator, denominator, observed });
        (group, code)
    });
    let coded: Vec<(Group, u32)> = coded.collect();
    let told = numbers.values().par_iter().map(|numbers| tell(definition, *numbers, cut, context));
    let told: Vec<ToldNumbers> = told.collect();
    figures.par_extend(
        coded.into_par_iter().map(|(group, code)| {
            figure(definition, &names, group, &told[code as usize], &shown, days, context)
        }),
    );
}

/// What a figure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Numbers {
    numerator: i64,
    denominator: Option<i64>,
    observed: bool,
}

/// What is told of numbers, whatever they are those of.
struct ToldNumbers {
    numbers: Numbers,
    value: Arc<str>,
    bounds: Option<(Arc<str>, Arc<str>)>,
    judgement: Judgement,
}

fn tell(definition: &Definition, numbers: Numbers, cut: &[String], context: &Context<'_>) -> ToldNumbers {
    let Numbers { numerator, denominator, observed } = numbers;
    let is_whole = cut.is_empty() && context.period.is_none();
    let judgement = judge_target(definition, numerator, denominator, observed, is_whole, context.as_of);
    // Of a cut with too few the numbers are shown, not the rate.
    let is_too_few = judgement.status == Status::TooFew && !cut.is_empty();
    let has_value = observed && denominator != Some(0) && !is_too_few;
    let digits = definition.unit.digits() as usize;
    let bounds = denominator.filter(|_| has_value).and_then(|denominator| {
        bounds(definition.interval, numerator, denominator, definition.unit.scale(), digits)
    });
    let value = if has_value { value_text(numerator, denominator, definition.unit) } else { String::new() };
    ToldNumbers {
        numbers,
        value: Arc::from(value),
        bounds: bounds.map(|(lower, upper)| (Arc::from(lower), Arc::from(upper))),
        judgement,
    }
}

fn figure(
    definition: &Definition,
    cut: &[Arc<str>],
    group: Group,
    told: &ToldNumbers,
    shown: &str,
    days: Option<(Date, Date)>,
    context: &Context<'_>,
) -> Figure {
    let Numbers { numerator, denominator, .. } = told.numbers;
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
        value: told.value.clone(),
        denominator: denominator.filter(|_| {
            !(matches!(definition.denominator, Denominator::Population) && denominator == Some(0))
        }),
        numerator,
        bounds: told.bounds.clone(),
        judgement: told.judgement,
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
        let counted = (0..cells.len()).filter(|cell| {
            selected[*cell]
                && base.as_ref().is_none_or(|base| base[*cell])
                && is_inside(definition, cells.day(*cell), days, false, context)
        });
        let n: i64 = counted.map(|cell| cells.counts().get(cell)).sum();
        format!("{label} {n}")
    });
    parts.collect::<Vec<_>>().join(", ")
}
