//! Values so far from their like that their unit or their decimal point is likely wrong.
//!
//! Results of one analyte in one class of food are compared on a logarithmic scale, by median and median
//! absolute deviation, which a few wrong values do not move. A value is listed where it lies far outside and
//! one that is a thousand times smaller or larger, as mg and μg are apart, would lie among the others. The
//! list is an invitation to look: it changes no verdict and no figure.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::column::{Coded, Frame, combine_all, first_rows, rows_where};
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
}

impl Occurrences {
    /// Adds what [`measured`] found.
    pub fn add(&self, measured: &Frame, units: &Units) {
        let more = count(&Compared::of(measured, units));
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for (group, results) in more {
            let own = groups.entry(group).or_default();
            results.into_iter().for_each(|(result, count)| *own.entry(result).or_default() += count);
        }
    }

    /// Lists results that are far from those of the same analyte in the same category, or in all categories where one
    /// has too few. The parts are those that were added.
    ///
    /// # Errors
    /// The first part that cannot be had.
    pub fn list_suspicious<E: Send>(
        self,
        parts: usize,
        part: impl Fn(usize) -> Result<Frame, E> + Sync,
        units: &Units,
    ) -> Result<Vec<Rejection>, E> {
        let by_category = self.groups.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut by_analyte = Groups::new();
        for ((analyte, _), results) in &by_category {
            let wide = by_analyte.entry((analyte.clone(), Value::Missing)).or_default();
            results.iter().for_each(|(result, count)| *wide.entry(result.clone()).or_default() += count);
        }
        let usual = |groups: Groups| -> HashMap<(Value, Value), Usual> {
            let groups: Vec<((Value, Value), Results)> = groups.into_iter().collect();
            let usual =
                groups.into_par_iter().filter_map(|(group, results)| Some((group, Usual::of(&results)?)));
            usual.collect::<Vec<_>>().into_iter().collect()
        };
        let usual = UsualBy { category: usual(by_category), analyte: usual(by_analyte) };
        let listed: Vec<Vec<Rejection>> = (0..parts)
            .into_par_iter()
            .map(|index| {
                let frame = part(index)?;
                Ok(list(&frame, &Compared::of(&frame, units), &usual))
            })
            .collect::<Result<_, E>>()?;
        Ok(listed.concat())
    }
}

/// How often each dimension and logarithm occurs, by analyte and category.
type Groups = HashMap<(Value, Value), Results>;
type Results = HashMap<(Arc<str>, i64), u64>;

/// Results as they are compared: which analyte in which category, and how much.
struct Compared {
    analytes: Coded<Value>,
    categories: Coded<Value>,
    /// Dimension and logarithm.
    logs: Coded<Option<(Arc<str>, i64)>>,
    /// A code for each distinct analyte, category and logarithm, and the first row of each.
    combinations: Vec<u32>,
    first: Vec<u32>,
}

impl Compared {
    fn of(frame: &Frame, units: &Units) -> Compared {
        let [analytes, categories, values, written] = COMPARED.map(|name| frame.column_or_missing(name));
        let mut dimensions: HashMap<String, Arc<str>> = HashMap::new();
        let logs = values.zip_map(&written, |value, unit| {
            let (log, dimension) = logarithm(value, unit, units)?;
            let shared = dimensions.entry(dimension).or_insert_with_key(|name| Arc::from(name.as_str()));
            Some((shared.clone(), log))
        });
        let grouped_by = [analytes.grouping(), categories.grouping(), logs.grouping()];
        let (combinations, _) = combine_all(grouped_by, frame.rows());
        let first = first_rows(&combinations);
        Compared { analytes, categories, logs, combinations, first }
    }
}

fn count(compared: &Compared) -> Groups {
    let mut times = vec![0u64; compared.first.len()];
    compared.combinations.iter().for_each(|combination| times[*combination as usize] += 1);
    let mut groups = Groups::new();
    for (row, times) in compared.first.iter().zip(times) {
        let row = *row as usize;
        if let Some(log) = compared.logs.get(row) {
            let group = (compared.analytes.get(row).clone(), compared.categories.get(row).clone());
            *groups.entry(group).or_default().entry(log.clone()).or_default() += times;
        }
    }
    groups
}

/// What is usual of an analyte in a category, and in all of them.
struct UsualBy {
    category: HashMap<(Value, Value), Usual>,
    analyte: HashMap<(Value, Value), Usual>,
}

fn list(frame: &Frame, compared: &Compared, usual: &UsualBy) -> Vec<Rejection> {
    let Compared { analytes, categories, logs, combinations, first } = compared;
    let expected = first.iter().map(|row| {
        let row = *row as usize;
        let (dimension, log) = logs.get(row).as_ref()?;
        let (analyte, category) = (analytes.get(row), categories.get(row));
        let fits = |usual: &&Usual| usual.dimension == *dimension;
        let near = usual.category.get(&(analyte.clone(), category.clone())).filter(fits);
        let wide = || usual.analyte.get(&(analyte.clone(), Value::Missing)).filter(fits);
        let usual = near.or_else(wide).filter(|usual| usual.is_far(*log))?;
        let among = match (near, category) {
            (Some(_), Value::Text(category)) => format!(" in {category}"),
            _ => String::new(),
        };
        let which = if *log > usual.median { "smaller" } else { "larger" };
        let results = usual.results;
        Some(format!("a value like the {results} results{among}; 1,000 times {which} would be one"))
    });
    let expected: Vec<Option<String>> = expected.collect();
    let shown = ["value", "unit"].map(|name| frame.column_or_missing(name));
    let mut listed = Vec::new();
    for (row, combination) in combinations.iter().enumerate() {
        let Some(expected) = &expected[*combination as usize] else { continue };
        let [value, unit] = shown.each_ref().map(|column| column.get(row).to_string());
        listed.push(Rejection::warning(
            frame.origin(row),
            &format!("result_text ({})", analytes.get(row)),
            Code::SuspiciousValue,
            format!("{value} {unit}").trim_end().to_owned(),
            expected.clone(),
        ));
    }
    listed
}

/// Logarithm of a value in base units of its dimension, and the dimension.
fn logarithm(value: &Value, unit: &Value, units: &Units) -> Option<(i64, String)> {
    let Value::Decimal(number) = value else { return None };
    let written = unit.to_string();
    let (factor, dimension) = match units.parse(&written) {
        Some(unit) => (unit.numerator as f64 / unit.denominator as f64, unit.dimension.to_string()),
        None => (1.0, written),
    };
    let mantissa = number.0.mantissa();
    if mantissa <= 0 {
        return None;
    }
    let log = (mantissa as f64).log10() - f64::from(number.0.scale()) + factor.log10();
    Some(((log * DECADE as f64).round() as i64, dimension))
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
        let mut frequencies: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
        for ((dimension, _), count) in group {
            *frequencies.entry(dimension).or_default() += count;
        }
        let most = |one: &(&Arc<str>, u64), other: &(&Arc<str>, u64)| {
            one.1.cmp(&other.1).then_with(|| other.0.cmp(one.0))
        };
        let (dimension, results) = frequencies.into_iter().max_by(most)?;
        if results < RESULTS_MIN {
            return None;
        }
        let own = group.iter().filter(|((own, _), _)| own == dimension);
        let mut logs: Vec<(i64, u64)> = own.map(|((_, log), count)| (*log, *count)).collect();
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
        let mut results = Results::new();
        logs.for_each(|log| *results.entry((Arc::from(""), log)).or_default() += 1);
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
