use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use super::{Definition, Denominator, Judgement, Kind, Status, bounds, judge_target, value_text};
use crate::column::{Interner, Narrow, combine_codes, first_rows};
use crate::cube::{Cells, Fact, Filter};
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

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    numerator: i64,
    denominator: i64,
    /// Whether any cell belongs to the group: a reported zero is not the same as no report.
    observed: bool,
}

/// In which of its parts an indicator counts each cell, if it does.
type Parts = Vec<u8>;

const NUMERATOR: u8 = 1;
const DENOMINATOR: u8 = 2;

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

/// Groups that are given a sum each, whether a cell is in them or not.
const GROUPS_MAX: usize = 1 << 16;

/// The sums of the groups that have cells, each with one of these, in the order of their codes.
fn observed(cells: &Cells, told: &Parts, by: &[CutBy<'_>]) -> Vec<(u32, Sums)> {
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
    let columns: Vec<Vec<u32>> = by.iter().map(|by| by.codes.map(|code| code as u32)).collect();
    let widths = by.iter().map(|by| by.texts.len());
    let (groups, distinct) = combine_codes(columns.iter().map(Vec::as_slice).zip(widths), cells.len());
    let each = first_rows(&groups).into_iter().zip(Sums::of(cells, told, &groups, distinct));
    // The first codes of a group as one number, as many of them as it has bits for; mostly these are all.
    let mut left = u64::BITS;
    let bits = by.iter().map(|by| usize::BITS - by.texts.len().leading_zeros());
    let bits: Vec<u32> = bits
        .take_while(|bits| {
            let rest = left.checked_sub(*bits);
            left = rest.unwrap_or_default();
            rest.is_some()
        })
        .collect();
    let key = |cell: u32| {
        let codes = columns.iter().map(|codes| u64::from(codes[cell as usize])).zip(&bits);
        codes.fold(0u64, |key, (code, bits)| key.unbounded_shl(*bits) | code)
    };
    let observed = each.filter(|(_, sums)| sums.observed).map(|(cell, sums)| (key(cell), cell, sums));
    let mut observed: Vec<(u64, u32, Sums)> = observed.collect();
    observed.par_sort_unstable_by(|(one_key, one, _), (other_key, other, _)| {
        one_key.cmp(other_key).then_with(|| {
            let rest = columns.iter().skip(bits.len());
            rest.map(|codes| codes[*one as usize].cmp(&codes[*other as usize]))
                .fold(Ordering::Equal, Ordering::then)
        })
    });
    observed.into_iter().map(|(_, cell, sums)| (cell, sums)).collect()
}

impl Sums {
    /// The sums of so many groups.
    fn of(cells: &Cells, told: &Parts, groups: &[u32], count: usize) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); count];
        cells.counts().for_each(|cell, count| {
            let part = told[cell];
            if part != 0 {
                let sums = &mut sums[groups[cell] as usize];
                sums.numerator += if part & NUMERATOR != 0 { count } else { 0 };
                sums.denominator += if part & DENOMINATOR != 0 { count } else { 0 };
                sums.observed = true;
            }
        });
        sums
    }
}

/// A dimension that is cut by: of each cell a code, and what the codes stand for, in the order of the texts.
struct CutBy<'a> {
    codes: Cow<'a, Narrow>,
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
