//! Values so far from their like that their unit or their decimal point is likely wrong.
//!
//! Results of one analyte in one class of food are compared on a logarithmic scale, by median and median
//! absolute deviation, which a few wrong values do not move. A value is listed where it lies far outside and
//! one that is a thousand times smaller or larger, as mg and μg are apart, would lie among the others. The
//! list is an invitation to look: it changes no verdict and no figure.

use hashbrown::HashMap;

use crate::column::{Coded, Frame, combine};
use crate::model::{Code, Rejection, Value};
use crate::reference::Units;

/// Fewer quantified results than these say nothing about what is usual.
const RESULTS_MIN: usize = 20;
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

/// Lists quantified results that are far from those of the same analyte in the same category, or in all
/// categories where one has too few.
pub fn list_suspicious(determinations: &Frame, samples: &Frame, units: &Units) -> Vec<Rejection> {
    let logs = logarithms(determinations, units);
    let analytes = determinations.column_or_missing("analyte");
    let categories = categories(determinations, samples);
    let (fine, _) = combine([&analytes, &categories], determinations.rows());
    let by_category = usual(&fine, &logs);
    let by_analyte = usual(analytes.codes(), &logs);
    let shown = ["value", "unit"].map(|name| determinations.column_or_missing(name));
    let mut listed = Vec::new();
    for (row, measured) in logs.iter().enumerate() {
        let Some((dimension, log)) = *measured else { continue };
        let fits = |usual: &&Usual| usual.dimension == dimension;
        let near = by_category.get(&fine[row]).filter(fits);
        let wide = || by_analyte.get(&analytes.codes()[row]).filter(fits);
        let Some(usual) = near.or_else(wide).filter(|usual| usual.is_far(log)) else { continue };
        let among = match (near, categories.get(row)) {
            (Some(_), Value::Text(category)) => format!(" in {category}"),
            _ => String::new(),
        };
        let which = if log > usual.median { "smaller" } else { "larger" };
        let [value, unit] = shown.each_ref().map(|column| column.get(row).to_string());
        let expected =
            format!("a value like the {} results{among}; 1,000 times {which} would be one", usual.results);
        listed.push(Rejection::warning(
            determinations.origin(row),
            &format!("result_text ({})", analytes.get(row)),
            Code::SuspiciousValue,
            format!("{value} {unit}").trim_end().to_owned(),
            expected,
        ));
    }
    listed
}

/// Dimension and logarithm of each quantified value above zero, in base units of its dimension.
fn logarithms(frame: &Frame, units: &Units) -> Vec<Option<(u32, i64)>> {
    let columns = ["value", "qualifier", "unit"].map(|name| frame.column_or_missing(name));
    let (combinations, count) = combine(&columns, frame.rows());
    let mut dimensions: HashMap<String, u32> = HashMap::new();
    let mut known: Vec<Option<Option<(u32, i64)>>> = vec![None; count];
    let each = combinations.iter().enumerate().map(|(row, combination)| {
        *known[*combination as usize].get_or_insert_with(|| {
            let [value, qualifier, unit] = columns.each_ref().map(|column| column.get(row));
            let (log, dimension) = logarithm(value, qualifier, unit, units)?;
            let next = dimensions.len() as u32;
            Some((*dimensions.entry(dimension).or_insert(next), log))
        })
    });
    each.collect()
}

fn logarithm(value: &Value, qualifier: &Value, unit: &Value, units: &Units) -> Option<(i64, String)> {
    let Value::Decimal(number) = value else { return None };
    if qualifier.as_text() != Some("=") {
        return None;
    }
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
    let unknown = Coded::constant(Value::Missing, determinations.rows());
    unknown.overlay(&samples.column_or_missing("category"), &determinations.partners(samples, "sample_code"))
}

/// What is usual in a group of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usual {
    dimension: u32,
    results: usize,
    median: i64,
    deviation: i64,
    low: i64,
    high: i64,
}

impl Usual {
    fn of(dimension: u32, mut logs: Vec<i64>) -> Option<Usual> {
        let results = logs.len();
        if results < RESULTS_MIN {
            return None;
        }
        logs.sort_unstable();
        let at = |part: usize, of: usize| logs[(results - 1) * part / of];
        let median = at(1, 2);
        let mut distances: Vec<i64> = logs.iter().map(|log| (log - median).abs()).collect();
        distances.sort_unstable();
        let deviation = distances[(results - 1) / 2];
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

/// By group, what is usual of its most frequent dimension.
fn usual(groups: &[u32], logs: &[Option<(u32, i64)>]) -> HashMap<u32, Usual> {
    let mut of_group: HashMap<(u32, u32), Vec<i64>> = HashMap::new();
    for (group, log) in groups.iter().zip(logs) {
        if let Some((dimension, log)) = log {
            of_group.entry((*group, *dimension)).or_default().push(*log);
        }
    }
    let mut largest: HashMap<u32, ((u32, u32), usize)> = HashMap::new();
    for (key, logs) in &of_group {
        let best = largest.entry(key.0).or_insert((*key, logs.len()));
        if (logs.len(), std::cmp::Reverse(key.1)) > (best.1, std::cmp::Reverse(best.0.1)) {
            *best = (*key, logs.len());
        }
    }
    let kept = largest.into_iter().filter_map(|(group, (key, _))| {
        let logs = of_group.get(&key)?.clone();
        Some((group, Usual::of(key.1, logs)?))
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual_of(values: &[f64]) -> Usual {
        let logs = values.iter().map(|value| (value.log10() * DECADE as f64).round() as i64);
        Usual::of(0, logs.collect()).expect("enough results")
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
        assert_eq!(Usual::of(0, vec![0; RESULTS_MIN - 1]), None, "too few to know what is usual");
    }
}
