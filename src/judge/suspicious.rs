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

use crate::column::{Coded, Frame, Interner, combine_all, first_rows, rows_where};
use crate::model::{Code, Rejection, Value};
use crate::reference::Units;

/// Fewer quantified results than these say nothing about what is usual.
const RESULTS_MIN: u64 = 20;
/// Logarithms are compared in millionths of a decade, as integers.
const DECADE: i64 = 1_000_000;
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
pub struct Mark(u64);

/// What [`measured`] found in a part, and the mark that it was added with.
#[derive(Debug)]
pub struct Marked<T> {
    pub mark: Mark,
    pub part: T,
}

impl Occurrences {
    /// Adds what [`measured`] found.
    pub fn add(&self, measured: &Frame, units: &Units) -> Mark {
        let mark = Mark(1 << (self.next.fetch_add(1, Ordering::Relaxed) % u64::BITS));
        let compared = Compared::of(measured, units);
        let counted = compared.counted();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for group in counted.chunk_by(|(one, _), (other, _)| one.group == other.group) {
            let Some((first, _)) = group.first() else { continue };
            let (analyte, category) = compared.group(*first);
            let own = groups.entry((analyte.clone(), category.clone())).or_default();
            for (key, times) in group {
                if let Some((dimension, log)) = compared.result(*key) {
                    own.add(dimension, log, Met { times: *times, marks: mark.0 });
                }
            }
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
        let mut by_analyte = Groups::new();
        for ((analyte, _), results) in &by_category {
            let wide = by_analyte.entry((analyte.clone(), Value::Missing)).or_default();
            for (dimension, logs) in &results.dimensions {
                logs.iter().for_each(|(log, met)| wide.add(dimension, *log, *met));
            }
        }
        let usual = |groups: &Groups| -> HashMap<(Value, Value), Usual> {
            let groups: Vec<(&(Value, Value), &Results)> = groups.iter().collect();
            let usual = groups
                .into_par_iter()
                .filter_map(|(group, results)| Some((group.clone(), Usual::of(results)?)));
            usual.collect::<Vec<_>>().into_iter().collect()
        };
        let usual = UsualBy { category: usual(&by_category), analyte: usual(&by_analyte) };
        let marks = usual.marks_of_far(&by_category);
        let listed: Vec<Vec<Rejection>> = parts
            .par_iter()
            .filter(|own| own.mark.0 & marks != 0)
            .map(|own| {
                let frame = part(&own.part)?;
                Ok(list(&frame, &Compared::of(&frame, units), &usual))
            })
            .collect::<Result<_, E>>()?;
        Ok(listed.concat())
    }
}

/// How often each result occurs, by analyte and category.
type Groups = HashMap<(Value, Value), Results>;

/// How often each logarithm occurs, by dimension: nearly always there is one.
#[derive(Debug, Default)]
struct Results {
    dimensions: Vec<(Arc<str>, HashMap<i64, Met>)>,
}

/// How often a result was met, and the marks of the parts that have it.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    times: u64,
    marks: u64,
}

impl Results {
    fn add(&mut self, dimension: &Arc<str>, log: i64, met: Met) {
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

/// The analyte in its category, as one number, and the code of the logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    group: u64,
    log: u32,
}

/// Results as they are compared: which analyte in which category, and how much.
struct Compared {
    analytes: Coded<Value>,
    categories: Coded<Value>,
    /// Place of the dimension, and logarithm.
    logs: Coded<Option<(usize, i64)>>,
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

    /// What a row is.
    fn key(&self, row: usize) -> Key {
        let categories = self.categories.values().len() as u64;
        let (analyte, category) = (self.analytes.code(row), self.categories.code(row));
        Key { group: u64::from(analyte) * categories + u64::from(category), log: self.logs.code(row) }
    }

    /// Distinct keys and how many rows have each, those of one analyte in one category together.
    fn counted(&self) -> Vec<(Key, u64)> {
        let columns = [self.analytes.grouping(), self.categories.grouping(), self.logs.grouping()];
        let (numbers, distinct) = combine_all(columns, self.logs.len());
        let mut times = vec![0u64; distinct];
        numbers.iter().for_each(|number| times[*number as usize] += 1);
        let keys = first_rows(&numbers).into_iter().map(|row| self.key(row as usize));
        let mut counted: Vec<(Key, u64)> = keys.zip(times).collect();
        counted.sort_unstable();
        counted
    }

    /// The analyte and the category of a key.
    fn group(&self, key: Key) -> (&Value, &Value) {
        let categories = self.categories.values().len() as u64;
        let (analyte, category) = ((key.group / categories) as usize, (key.group % categories) as usize);
        (&self.analytes.values()[analyte], &self.categories.values()[category])
    }

    fn result(&self, key: Key) -> Option<(&Arc<str>, i64)> {
        let (dimension, log) = self.logs.values()[key.log as usize]?;
        Some((&self.dimensions[dimension], log))
    }
}

/// What is usual of an analyte in a category, and in all of them.
struct UsualBy {
    category: HashMap<(Value, Value), Usual>,
    analyte: HashMap<(Value, Value), Usual>,
}

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

    /// The marks of the parts that have results which lie far.
    fn marks_of_far(&self, groups: &Groups) -> u64 {
        let mut marks = 0;
        for ((analyte, category), results) in groups {
            for (dimension, logs) in &results.dimensions {
                let Some((usual, _)) = self.like((analyte, category), dimension) else { continue };
                let far = logs.iter().filter(|(log, _)| usual.is_far(**log));
                marks = far.fold(marks, |marks, (_, met)| marks | met.marks);
            }
        }
        marks
    }
}

fn list(frame: &Frame, compared: &Compared, usual: &UsualBy) -> Vec<Rejection> {
    let mut expected: HashMap<Key, String> = HashMap::new();
    let mut like = None;
    for (key, _) in compared.counted() {
        let Some((dimension, log)) = compared.result(key) else { continue };
        let group = compared.group(key);
        // Keys of a group follow each other, and nearly always have one dimension.
        let found = match like {
            Some((above, of, found)) if above == key.group && of == dimension => found,
            _ => usual.like(group, dimension),
        };
        like = Some((key.group, dimension, found));
        let Some((usual, is_near)) = found.filter(|(usual, _)| usual.is_far(log)) else { continue };
        let among = match group.1 {
            Value::Text(category) if is_near => format!(" in {category}"),
            _ => String::new(),
        };
        let which = if log > usual.median { "smaller" } else { "larger" };
        let results = usual.results;
        let like = format!("a value like the {results} results{among}; 1,000 times {which} would be one");
        expected.insert(key, like);
    }
    if expected.is_empty() {
        return Vec::new();
    }
    let shown = ["value", "unit"].map(|name| frame.column_or_missing(name));
    let mut listed = Vec::new();
    for row in 0..frame.rows() {
        let Some(expected) = expected.get(&compared.key(row)) else { continue };
        let [value, unit] = shown.each_ref().map(|column| column.get(row).to_string());
        listed.push(Rejection::warning(
            frame.origin(row),
            &format!("result_text ({})", compared.analytes.get(row)),
            Code::SuspiciousValue,
            format!("{value} {unit}").trim_end().to_owned(),
            expected.clone(),
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
fn logarithm(value: &Value, factor: f64) -> Option<i64> {
    let Value::Decimal(number) = value else { return None };
    let mantissa = number.0.mantissa();
    if mantissa <= 0 {
        return None;
    }
    let log = (mantissa as f64).log10() - f64::from(number.0.scale()) + factor;
    Some((log * DECADE as f64).round() as i64)
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
        let mut logs: Vec<(i64, u64)> = logs.iter().map(|(log, met)| (*log, met.times)).collect();
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

    fn is_far(&self, log: i64) -> bool {
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

    fn results(logs: impl Iterator<Item = i64>) -> Results {
        let mut results = Results::default();
        logs.for_each(|log| results.add(&Arc::from(""), log, Met { times: 1, marks: 0 }));
        results
    }

    fn usual_of(values: &[f64]) -> Usual {
        let logs = values.iter().map(|value| (value.log10() * DECADE as f64).round() as i64);
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
            let log = (f64::log10(value) * DECADE as f64).round() as i64;
            assert_eq!(usual_of(values).is_far(log), expected, "{value} among {}…", values[0]);
        }
        assert_eq!(Usual::of(&results(1..RESULTS_MIN as i64)), None, "too few to know what is usual");
    }
}
