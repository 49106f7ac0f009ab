//! How often each result occurs among its like, and what is usual there.

use std::sync::Arc;

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::model::Value;

/// Fewer quantified results than these say nothing about what is usual.
const RESULTS_MIN: u64 = 20;
/// Logarithms are compared in millionths of a decade, as integers; numbers span some sixty decades.
pub(super) const DECADE: i64 = 1_000_000;
pub(super) type Log = i32;
/// What lies nearer to the median than this is never listed.
const DISTANCE_MIN: i64 = 3 * DECADE / 2;
/// Standard deviations, estimated from the median absolute deviation, beyond which a value is far.
const DEVIATIONS: i64 = 7;
/// Likewise, beyond the middle 96 % of the results, for analytes whose values span decades.
const BEYOND: i64 = DECADE;
/// mg against μg.
const SHIFT: i64 = 3 * DECADE;
/// An analyte in a category; in all of them where that is missing.
pub(super) type Group = (Value, Value);

/// How often each result occurs, by group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    places: HashMap<Group, usize>,
    pub(super) results: Vec<Results>,
}

impl Groups {
    /// Where the results of a group are.
    pub(super) fn place(&mut self, group: Group) -> usize {
        let next = self.results.len();
        let place = *self.places.entry(group).or_insert(next);
        if place == next {
            self.results.push(Results::default());
        }
        place
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Group, &Results)> {
        self.places.iter().map(|(group, place)| (group, &self.results[*place]))
    }
}

/// How often each logarithm occurs, by dimension: nearly always there is one.
#[derive(Debug, Default)]
pub(super) struct Results {
    dimensions: Vec<(Arc<str>, HashMap<Log, Met>)>,
}

/// How often a result was met, and the marks of the parts that have it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Met {
    pub(super) times: u64,
    pub(super) marks: u32,
}

impl Results {
    pub(super) fn add(&mut self, dimension: &Arc<str>, log: Log, met: Met) {
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

/// What is usual of an analyte in a category, and in all of them.
pub(super) struct UsualBy {
    category: HashMap<Group, Usual>,
    analyte: HashMap<Group, Usual>,
}

/// Results that lie far from those of some group, by dimension and logarithm, and the marks of the parts that have them.
pub(super) type Far = HashMap<(Arc<str>, Log), u32>;

impl UsualBy {
    pub(super) fn of(by_category: &Groups) -> UsualBy {
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
        UsualBy { category: usual(by_category), analyte: usual(&by_analyte) }
    }

    /// What a result of an analyte in a category is compared with, and whether that is of its category.
    pub(super) fn like(&self, group: (&Value, &Value), dimension: &Arc<str>) -> Option<(&Usual, bool)> {
        let (analyte, category) = (group.0.clone(), group.1.clone());
        let fits = |usual: &&Usual| usual.dimension == *dimension;
        let near = self.category.get(&(analyte.clone(), category)).filter(fits);
        let wide = || self.analyte.get(&(analyte, Value::Missing)).filter(fits);
        let usual = near.or_else(wide)?;
        Some((usual, near.is_some()))
    }

    pub(super) fn far(&self, groups: &Groups) -> Far {
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

/// What is usual in a group of results, of those of its most frequent dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Usual {
    dimension: Arc<str>,
    pub(super) results: u64,
    pub(super) median: i64,
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

    pub(super) fn is_far(&self, log: Log) -> bool {
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
