//! Values so far from their like that their unit or their decimal point is likely wrong.
//!
//! Results of one analyte in one class of food are compared on a logarithmic scale, by median and median
//! absolute deviation, which a few wrong values do not move. A value is listed where it lies far outside and
//! one that is a thousand times smaller or larger, as mg and μg are apart, would lie among the others. The
//! list is an invitation to look: it changes no verdict and no figure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::column::{Coded, Frame, Interner, combine, combine_codes, first_rows, rows_where};
use crate::model::{Code, Rejection, Value};
use crate::reference::Units;

/// Fewer quantified results than these say nothing about what is usual.
const RESULTS_MIN: u64 = 20;
/// Logarithms are compared in millionths of a decade, as integers; numbers span some sixty decades.
const DECADE: i64 = 1_000_000;
type Log = i32;
/// What lies nearer to the median than this is never listed.
const DISTANCE_MIN: i64 = 3 * DECADE / 2;
/// Standard deviations, estimated from the median absolute deviation, beyond which a value is far.
const DEVIATIONS: i64 = 7;
/// Likewise, beyond the middle 96 % of the results, for analytes whose values span decades.
const BEYOND: i64 = DECADE;
/// mg against μg.
const SHIFT: i64 = 3 * DECADE;

/// What is compared: the analyte, the category of the sample, the value and its unit.
const COMPARED: [&str; 4] = ["analyte", "category", "value", "unit"];

/// The quantified results above zero, with what they are compared by.
pub fn measured(determinations: &Frame, samples: &Frame) -> Frame {
    let [values, qualifiers] = ["value", "qualifier"].map(|name| determinations.column_or_missing(name));
    let is_number = |value: &Value| matches!(value, Value::Decimal(number) if number.0.mantissa() > 0);
    let is_measured =
        values.zip_map(&qualifiers, |value, qualifier| is_number(value) && qualifier.as_text() == Some("="));
    let rows = rows_where(&is_measured);
    let mut bare = determinations.clone();
    let names: Vec<String> = determinations.names().map(str::to_owned).collect();
    let unneeded = |name: &&String| !COMPARED.contains(&name.as_str()) && *name != "sample_code";
    names.iter().filter(unneeded).for_each(|name| bare.drop_column(name));
    let mut frame = bare.take(&rows);
    frame.set("category", categories(&frame, samples));
    frame.drop_column("sample_code");
    frame.compact()
}

/// How often each result occurs among its like, added up as parts of the results come, from any thread.
#[derive(Debug, Default)]
pub struct Occurrences {
    groups: Mutex<Groups>,
    /// The mark that the next part gets.
    next: AtomicU32,
}

/// Tells parts apart, though not each from each: of many, some have the same mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u32);

/// What [`measured`] found in a part, and the mark that it was added with.
#[derive(Debug)]
pub struct Marked<T> {
    pub mark: Mark,
    pub part: T,
}

impl Occurrences {
    /// Adds what [`measured`] found.
    pub fn add(&self, measured: &Frame, units: &Units) -> Mark {
        let mark = Mark(1 << (self.next.fetch_add(1, Ordering::Relaxed) % u32::BITS));
        let compared = Compared::of(measured, units);
        let (groups_of_rows, groups) = compared.groups();
        let (pairs, distinct) = combine_codes(
            [(&*groups_of_rows, groups.len()), (compared.logs.codes(), compared.logs.values().len())],
            groups_of_rows.len(),
        );
        let mut times = vec![0; distinct];
        pairs.iter().for_each(|pair| times[*pair as usize] += 1);
        let mut known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let groups: Vec<usize> = groups.into_iter().map(|group| known.place(group)).collect();
        for (row, times) in first_rows(&pairs).into_iter().zip(times) {
            let Some((dimension, log)) = compared.result(row as usize) else { continue };
            let group = groups[groups_of_rows[row as usize] as usize];
            known.results[group].add(dimension, log, Met { times, marks: mark.0 });
        }
        mark
    }

    /// Lists results that are far from those of the same analyte in the same category, or in all categories where one
    /// has too few. The parts are those that were added; only those that may have such results are asked for.
    ///
    /// # Errors
    /// The first part that cannot be had.
    pub fn list_suspicious<T: Sync, E: Send>(
        self,
        parts: &[Marked<T>],
        part: impl Fn(&T) -> Result<Frame, E> + Sync,
        units: &Units,
    ) -> Result<Vec<Rejection>, E> {
        let by_category = self.groups.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut by_analyte = Groups::default();
        for ((analyte, _), results) in by_category.iter() {
            let place = by_analyte.place((analyte.clone(), Value::Missing));
            for (dimension, logs) in &results.dimensions {
                logs.iter().for_each(|(log, met)| by_analyte.results[place].add(dimension, *log, *met));
            }
        }
        let usual = |groups: &Groups| -> HashMap<Group, Usual> {
            let groups: Vec<(&Group, &Results)> = groups.iter().collect();
            let usual = groups
                .into_par_iter()
                .filter_map(|(group, results)| Some((group.clone(), Usual::of(results)?)));
            usual.collect::<Vec<_>>().into_iter().collect()
        };
        let usual = UsualBy { category: usual(&by_category), analyte: usual(&by_analyte) };
        let far = usual.far(&by_category);
        let marks = far.values().fold(0, |all, marks| all | marks);
        let listed: Vec<Vec<Rejection>> = parts
            .par_iter()
            .filter(|own| own.mark.0 & marks != 0)
            .map(|own| {
                let frame = part(&own.part)?;
                Ok(list(&frame, &Compared::of(&frame, units), &usual, &far))
            })
            .collect::<Result<_, E>>()?;
        Ok(listed.concat())
    }
}

/// An analyte in a category; in all of them where that is missing.
type Group = (Value, Value);

/// How often each result occurs, by group.
#[derive(Debug, Default)]
struct Groups {
    places: HashMap<Group, usize>,
    results: Vec<Results>,
}

impl Groups {
    /// Where the results of a group are.
    fn place(&mut self, group: Group) -> usize {
        let next = self.results.len();
        let place = *self.places.entry(group).or_insert(next);
        if place == next {
            self.results.push(Results::default());
        }
        place
    }

    fn iter(&self) -> impl Iterator<Item = (&Group, &Results)> {
        self.places.iter().map(|(group, place)| (group, &self.results[*place]))
    }
}

/// How often each logarithm occurs, by dimension: nearly always there is one.
#[derive(Debug, Default)]
struct Results {
    dimensions: Vec<(Arc<str>, HashMap<Log, Met>)>,
}

/// How often a result was met, and the marks of the parts that have it.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    times: u64,
    marks: u32,
}

impl Results {
    fn add(&mut self, dimension: &Arc<str>, log: Log, met: Met) {
        let place = self.dimensions.iter().position(|(own, _)| own == dimension);
        let place = place.unwrap_or_else(|| {
            self.dimensions.push((dimension.clone(), HashMap::new()));
            self.dimensions.len() - 1
        });
        let own = self.dimensions[place].1.entry(log).or_default();
        own.times += met.times;
        own.marks |= met.marks;
    }
}

/// Results as they are compared: which analyte in which category, and how much.
struct Compared {
    analytes: Coded<Value>,
    categories: Coded<Value>,
    /// Place of the dimension, and logarithm.
    logs: Coded<Option<(usize, Log)>>,
    dimensions: Vec<Arc<str>>,
}

impl Compared {
    fn of(frame: &Frame, units: &Units) -> Compared {
        let [analytes, categories, values, written] = COMPARED.map(|name| frame.column_or_missing(name));
        let mut dimensions: Interner<Arc<str>> = Interner::new();
        let scales = written.relabel(|unit| {
            let (dimension, factor) = scale(unit, units);
            (dimensions.intern(dimension) as usize, factor)
        });
        let logs = values
            .zip_map(&scales, |value, (dimension, factor)| Some((*dimension, logarithm(value, *factor)?)));
        Compared { analytes, categories, logs, dimensions: dimensions.into_values() }
    }

    /// The group of each row as a number, and the groups by their numbers.
    fn groups(&self) -> (Vec<u32>, Vec<Group>) {
        let (numbers, _) = combine([&self.analytes, &self.categories], self.logs.len());
        let groups = first_rows(&numbers).into_iter().map(|row| self.group(row as usize));
        let groups = groups.map(|(analyte, category)| (analyte.clone(), category.clone())).collect();
        (numbers, groups)
    }

    fn group(&self, row: usize) -> (&Value, &Value) {
        (self.analytes.get(row), self.categories.get(row))
    }

    fn result(&self, row: usize) -> Option<(&Arc<str>, Log)> {
        self.logs.get(row).map(|(dimension, log)| (&self.dimensions[dimension], log))
    }
}

/// What is usual of an analyte in a category, and in all of them.
struct UsualBy {
    category: HashMap<Group, Usual>,
    analyte: HashMap<Group, Usual>,
}

/// Results that lie far from those of some group, by dimension and logarithm, and the marks of the parts that have them.
type Far = HashMap<(Arc<str>, Log), u32>;

impl UsualBy {
    /// What a result of an analyte in a category is compared with, and whether that is of its category.
    fn like(&self, group: (&Value, &Value), dimension: &Arc<str>) -> Option<(&Usual, bool)> {
        let (analyte, category) = (group.0.clone(), group.1.clone());
        let fits = |usual: &&Usual| usual.dimension == *dimension;
        let near = self.category.get(&(analyte.clone(), category)).filter(fits);
        let wide = || self.analyte.get(&(analyte, Value::Missing)).filter(fits);
        let usual = near.or_else(wide)?;
        Some((usual, near.is_some()))
    }

    fn far(&self, groups: &Groups) -> Far {
        let mut far = Far::new();
        for ((analyte, category), results) in groups.iter() {
            for (dimension, logs) in &results.dimensions {
                let Some((usual, _)) = self.like((analyte, category), dimension) else { continue };
                for (log, met) in logs.iter().filter(|(log, _)| usual.is_far(**log)) {
                    *far.entry((dimension.clone(), *log)).or_default() |= met.marks;
                }
            }
        }
        far
    }
}

fn list(frame: &Frame, compared: &Compared, usual: &UsualBy, far: &Far) -> Vec<Rejection> {
    let may_be_far = compared.logs.map_to_few(|log| {
        log.is_some_and(|(dimension, log)| far.contains_key(&(compared.dimensions[dimension].clone(), log)))
    });
    let shown = ["value", "unit"].map(|name| frame.column_or_missing(name));
    let mut listed = Vec::new();
    for row in rows_where(&may_be_far) {
        let row = row as usize;
        let (group, Some((dimension, log))) = (compared.group(row), compared.result(row)) else { continue };
        let Some((usual, is_near)) = usual.like(group, dimension).filter(|(usual, _)| usual.is_far(log))
        else {
            continue;
        };
        let among = match group.1 {
            Value::Text(category) if is_near => format!(" in {category}"),
            _ => String::new(),
        };
        let which = if i64::from(log) > usual.median { "smaller" } else { "larger" };
        let results = usual.results;
        let [value, unit] = shown.each_ref().map(|column| column.get(row).to_string());
        listed.push(Rejection::warning(
            frame.origin(row),
            &format!("result_text ({})", group.0),
            Code::SuspiciousValue,
            format!("{value} {unit}").trim_end().to_owned(),
            format!("a value like the {results} results{among}; 1,000 times {which} would be one"),
        ));
    }
    listed
}

/// The dimension of a unit, and the logarithm of what it is in base units of that.
fn scale(unit: &Value, units: &Units) -> (Arc<str>, f64) {
    let written = unit.to_string();
    match units.parse(&written) {
        Some(unit) => (unit.dimension, (unit.numerator as f64 / unit.denominator as f64).log10()),
        None => (Arc::from(written), 0.0),
    }
}

/// Logarithm of a value in base units of its dimension; `factor` is that of its unit.
fn logarithm(value: &Value, factor: f64) -> Option<Log> {
    let Value::Decimal(number) = value else { return None };
    let mantissa = number.0.mantissa();
    if mantissa <= 0 {
        return None;
    }
    let log = (mantissa as f64).log10() - f64::from(number.0.scale()) + factor;
    Some((log * DECADE as f64).round() as Log)
}

fn categories(determinations: &Frame, samples: &Frame) -> Coded<Value> {
    let partners = determinations.partners(samples, "sample_code");
    partners.bring(&samples.column_or_missing("category"), Value::Missing)
}

/// What is usual in a group of results, of those of its most frequent dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Usual {
    dimension: Arc<str>,
    results: u64,
    median: i64,
    deviation: i64,
    low: i64,
    high: i64,
}

impl Usual {
    fn of(group: &Results) -> Option<Usual> {
        let frequencies =
            group.dimensions.iter().map(|own| (own, own.1.values().map(|met| met.times).sum::<u64>()));
        let ((dimension, logs), results) = frequencies
            .max_by(|((one, _), count), ((other, _), more)| count.cmp(more).then_with(|| other.cmp(one)))?;
        if results < RESULTS_MIN {
            return None;
        }
        let mut logs: Vec<(i64, u64)> = logs.iter().map(|(log, met)| (i64::from(*log), met.times)).collect();
        logs.sort_unstable();
        let at = |part: u64, of: u64| nth(&logs, (results - 1) * part / of);
        let median = at(1, 2);
        let mut distances: Vec<(i64, u64)> =
            logs.iter().map(|(log, count)| ((log - median).abs(), *count)).collect();
        distances.sort_unstable();
        let deviation = nth(&distances, (results - 1) / 2);
        let dimension = dimension.clone();
        Some(Usual { dimension, results, median, deviation, low: at(1, 50), high: at(49, 50) })
    }

    fn is_far(&self, log: Log) -> bool {
        let log = i64::from(log);
        let distance = (log - self.median).abs();
        // 1.4826 estimates the standard deviation from the median absolute deviation.
        let spread = self.deviation.saturating_mul(DEVIATIONS * 14_826) / 20_000;
        let outside = log > self.high + BEYOND || log < self.low - BEYOND;
        (distance >= DISTANCE_MIN.max(spread) || outside) && (distance - SHIFT).abs() < distance
    }
}

/// The value at a place, counted from zero, of a sorted list with how often each value occurs.
fn nth(sorted: &[(i64, u64)], place: u64) -> i64 {
    let mut before = 0;
    let found = sorted.iter().find(|(_, count)| {
        before += count;
        before > place
    });
    found.map_or(0, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(logs: impl Iterator<Item = Log>) -> Results {
        let mut results = Results::default();
        logs.for_each(|log| results.add(&Arc::from(""), log, Met { times: 1, marks: 0 }));
        results
    }

    fn usual_of(values: &[f64]) -> Usual {
        let logs = values.iter().map(|value| (value.log10() * DECADE as f64).round() as Log);
        Usual::of(&results(logs)).expect("enough results")
    }

    #[test]
    fn far_is_far_from_its_like() {
        // Two decades of values, evenly spread on the logarithmic scale.
        let spread: Vec<f64> = (0..200).map(|step| 0.01 * 10f64.powf(f64::from(step) / 100.0)).collect();
        // Nearly all alike.
        let narrow: Vec<f64> = (0..200).map(|step| 0.10 + 0.0001 * f64::from(step)).collect();
        for (values, value, expected) in [
            (&narrow, 0.11, false),
            (&narrow, 0.9, false),
            (&narrow, 110.0, true),
            (&narrow, 0.00011, true),
            // Far off, but no thousandfold would bring it nearer.
            (&narrow, 0.11 * 31.0, false),
            (&spread, 0.5, false),
            (&spread, 5.0, false),
            (&spread, 20.0, true),
            (&spread, 100.0, true),
            (&spread, 0.0009, true),
        ] {
            let log = (f64::log10(value) * DECADE as f64).round() as Log;
            assert_eq!(usual_of(values).is_far(log), expected, "{value} among {}…", values[0]);
        }
        assert_eq!(Usual::of(&results(1..RESULTS_MIN as Log)), None, "too few to know what is usual");
    }
}
