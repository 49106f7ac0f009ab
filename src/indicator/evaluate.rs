use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use super::groups::{CutBy, DENOMINATOR, NUMERATOR, Parts, Sums, observed};
use super::{
    Cut, Definition, Denominator, Dimension, Figure, Kind, Status, Told, bounds, judge_target, value_text,
};
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
    let (dimensions, sums) = groups(cells, told, cut, days, context);
    let persons = |row: usize| match dimensions.as_slice() {
        [] => context.populations.total,
        [only] if &*only.name == "region" => context.populations.persons.get(&**only.text(row)).copied(),
        _ => None,
    };
    // Small groups have their numbers in common with many others.
    let mut numbers = Interner::new();
    let coded = sums.iter().enumerate().map(|(row, sums)| {
        let denominator = match &definition.denominator {
            Denominator::None => None,
            Denominator::Where(_) => Some(sums.denominator),
            // Zero where no list says how many persons there are.
            Denominator::Population => Some(persons(row).unwrap_or(0)),
        };
        let observed = sums.observed || definition.fact != Fact::Returns;
        numbers.intern(Numbers { numerator: sums.numerator, denominator, observed })
    });
    let coded: Vec<u32> = coded.collect();
    let told = numbers.values().par_iter().map(|numbers| tell(definition, *numbers, cut, context)).collect();
    let period = |period: Option<(Date, Date)>| period.map(|(start, end)| (start, end.min(context.as_of)));
    let month = dimensions.iter().position(|own| &*own.name == "month");
    let months: Vec<Option<(Date, Date)>> = month.map_or_else(Vec::new, |month| {
        let first = |text: &Arc<str>| format!("{text}-01").parse::<Date>().ok();
        let texts = dimensions[month].texts.iter();
        texts.map(|text| period(first(text).map(|first| (first, first.last_of_month())))).collect()
    });
    let whole = match days {
        Some((_, end)) if definition.kind == Kind::Stock => period(Some((end, end))),
        days => period(days),
    };
    let is_of_persons = matches!(definition.denominator, Denominator::Population);
    let of = Arc::new(Cut {
        indicator: definition.id.clone(),
        dimensions,
        told,
        note: definition.note.clone(),
        shown: if cut.is_empty() { shown(definition, cells, days, context) } else { String::new() },
        basis: if is_of_persons { context.populations.note.clone() } else { String::new() },
    });
    figures.extend(coded.into_iter().enumerate().map(|(row, told)| {
        let period = month.map_or(whole, |month| months[of.dimensions[month].codes.code(row)]);
        Figure::new(&of, row, told, period)
    }));
}

/// The groups of a cut, in the order of their texts, and what their cells add up to.
fn groups(
    cells: &Cells,
    told: &Parts,
    cut: &[String],
    days: Option<(Date, Date)>,
    context: &Context<'_>,
) -> (Vec<Dimension>, Vec<Sums>) {
    let by: Vec<CutBy<'_>> = cut.iter().map(|name| CutBy::new(cells, name)).collect();
    let (places, mut sums): (Vec<u32>, Vec<Sums>) = observed(cells, told, &by).into_iter().unzip();
    let dimensions = cut.par_iter().zip(by).map(|(name, by)| Dimension {
        name: Arc::from(name.as_str()),
        codes: by.codes.take(&places),
        texts: by.texts,
    });
    let mut dimensions: Vec<Dimension> = dimensions.collect();
    match dimensions.as_mut_slice() {
        [] if sums.is_empty() => sums.push(Sums::default()),
        [only] => {
            let mut expected = expected_texts(&only.name, days, context);
            expected.retain(|text| (0..sums.len()).all(|row| only.text(row) != text));
            if !expected.is_empty() {
                let known = sums.iter().enumerate().map(|(row, sums)| (only.text(row).clone(), *sums));
                let others = expected.into_iter().map(|text| (text, Sums::default()));
                let mut rows: Vec<(Arc<str>, Sums)> = known.chain(others).collect();
                rows.sort_by(|(one, _), (other, _)| one.cmp(other));
                only.codes = (0..rows.len() as i64).collect();
                (only.texts, sums) = rows.into_iter().unzip();
            }
        }
        _ => {}
    }
    (dimensions, sums)
}

/// What a figure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Numbers {
    numerator: i64,
    denominator: Option<i64>,
    observed: bool,
}

fn tell(definition: &Definition, numbers: Numbers, cut: &[String], context: &Context<'_>) -> Told {
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
    let is_unknown = matches!(definition.denominator, Denominator::Population) && denominator == Some(0);
    Told {
        numerator,
        denominator: denominator.filter(|_| !is_unknown),
        value: Arc::from(value),
        bounds: bounds.map(|(lower, upper)| (Arc::from(lower), Arc::from(upper))),
        judgement,
    }
}

/// Values of a dimension that are printed even when nothing falls into them: every region, every month so far.
fn expected_texts(dimension: &str, days: Option<(Date, Date)>, context: &Context<'_>) -> Vec<Arc<str>> {
    match (dimension, days) {
        ("region", _) => context.regions.iter().map(|region| Arc::from(region.as_str())).collect(),
        ("month", Some((start, end))) => {
            let months =
                start.first_of_month().series(jiff::Span::new().months(1)).take_while(|day| *day <= end);
            months.map(|day| Arc::from(format!("{:04}-{:02}", day.year(), day.month()))).collect()
        }
        _ => Vec::new(),
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
