//! Means of results that are partly not detected: only as a lower and an upper bound.
//!
//! EFSA Journal 2010;8(3):1557: for the lower bound a non-detect counts as nothing, for the upper bound as
//! the amount that it lies below. No single number is put in its place.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use jiff::civil::Date;
use num_bigint::BigInt;
use rust_decimal::Decimal;

use crate::column::{Coded, Frame, combine};
use crate::judge::Fraction;
use crate::model::Value;
use crate::reference::{Unit, Units};

/// Digits of a published mean.
const SIGNIFICANT: u32 = 6;
/// Decimals that amounts are summed with, all that a decimal can have.
const SCALE: u32 = 28;

/// Mean of the results of one analyte, in one group, that share a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mean {
    pub analyte: String,
    /// One value per column that the pipeline asks for.
    pub group: Vec<String>,
    /// Unit of both bounds: that of most results.
    pub unit: String,
    pub results: u64,
    /// Of them those not detected or not quantified.
    pub censored: u64,
    /// Of them those that nothing bounds from above: 未检出 without a limit of detection, 检出, `>3`.
    pub unbounded: u64,
    pub lower: String,
    /// None where a result is unbounded.
    pub upper: Option<String>,
}

/// Means of what was sampled from `period.0` to `period.1` and reported by then. Each replicate is a result.
///
/// `by` names columns of determinations or of their samples.
pub fn means(
    determinations: &Frame,
    samples: &Frame,
    by: &[String],
    period: (Date, Date),
    units: &Units,
) -> Vec<Mean> {
    let rows = rows_within(determinations, samples, period);
    let frame = determinations.take(&rows);
    let partners = frame.partners(samples, "sample_code");
    let nothing = Coded::constant(Value::Missing, frame.rows());
    let names: Vec<Coded<Value>> = by
        .iter()
        .map(|name| match (frame.column(name), samples.column(name)) {
            (Some(own), _) => own.clone(),
            (None, Some(column)) => partners.bring(column, Value::Missing),
            (None, None) => nothing.clone(),
        })
        .collect();
    let analytes = frame.column_or_missing("analyte");
    let parts = ["value", "qualifier", "censored_at", "unit"].map(|name| frame.column_or_missing(name));
    let columns = std::iter::once(&analytes).chain(&names).chain(&parts);
    let (codes, count) = combine(columns, frame.rows());
    let mut first: Vec<Option<usize>> = vec![None; count];
    let mut repeats = vec![0u64; count];
    for (row, code) in codes.iter().enumerate() {
        first[*code as usize].get_or_insert(row);
        repeats[*code as usize] += 1;
    }
    let mut sums: HashMap<Key, BTreeMap<String, Sum>> = HashMap::new();
    for (row, repeats) in first.into_iter().zip(repeats).filter_map(|(row, repeats)| Some((row?, repeats))) {
        let [value, qualifier, censored_at, unit] = parts.each_ref().map(|column| column.get(row));
        let Some(result) = Amount::of(value, qualifier, censored_at) else { continue };
        let unit = unit.to_string();
        let known = units.parse(&unit);
        let key = Key {
            analyte: analytes.get(row).to_string(),
            group: names.iter().map(|name| name.get(row).to_string()).collect(),
            dimension: known.as_ref().map_or_else(|| unit.clone(), |unit| unit.dimension.to_string()),
        };
        let name = known.as_ref().map_or_else(|| unit.clone(), |unit| unit.name.to_string());
        let sum = sums.entry(key).or_default().entry(name).or_insert_with(|| Sum::new(known));
        sum.add(&result, repeats);
    }
    let mut means: Vec<(Key, Mean)> = sums
        .into_iter()
        .filter_map(|(key, by_unit)| {
            let mean = mean_of(&key, by_unit)?;
            Some((key, mean))
        })
        .collect();
    means.sort_by(|(one, _), (other, _)| one.cmp(other));
    means.into_iter().map(|(_, mean)| mean).collect()
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    analyte: String,
    group: Vec<String>,
    dimension: String,
}

/// What one result adds to each bound.
struct Amount {
    lower: Decimal,
    upper: Option<Decimal>,
    censored: bool,
}

impl Amount {
    /// None for what was not measured.
    fn of(value: &Value, qualifier: &Value, censored_at: &Value) -> Option<Amount> {
        let number = |value: &Value| match value {
            Value::Decimal(exact) => Some(exact.0),
            _ => None,
        };
        match qualifier.as_text()? {
            "=" => {
                let value = number(value)?;
                Some(Amount { lower: value, upper: Some(value), censored: false })
            }
            ">" | "≥" => Some(Amount { lower: number(value)?, upper: None, censored: false }),
            "detected" => Some(Amount { lower: Decimal::ZERO, upper: None, censored: false }),
            _ => Some(Amount { lower: Decimal::ZERO, upper: number(censored_at), censored: true }),
        }
    }
}

/// Sums of one unit, in `10^-SCALE` of it.
struct Sum {
    unit: Option<Unit>,
    results: u64,
    censored: u64,
    unbounded: u64,
    lower: BigInt,
    upper: BigInt,
}

impl Sum {
    fn new(unit: Option<Unit>) -> Sum {
        let zero = || BigInt::from(0);
        Sum { unit, results: 0, censored: 0, unbounded: 0, lower: zero(), upper: zero() }
    }

    fn add(&mut self, result: &Amount, repeats: u64) {
        let scaled = |number: Decimal| {
            BigInt::from(number.mantissa())
                * BigInt::from(10).pow(SCALE - number.scale())
                * BigInt::from(repeats)
        };
        self.results += repeats;
        self.censored += if result.censored { repeats } else { 0 };
        self.lower += scaled(result.lower);
        match result.upper {
            Some(upper) => self.upper += scaled(upper),
            None => self.unbounded += repeats,
        }
    }
}

/// Adds the units of a group up in the one that most results are in.
fn mean_of(key: &Key, by_unit: BTreeMap<String, Sum>) -> Option<Mean> {
    let (name, common) =
        by_unit.iter().max_by_key(|(name, sum)| (sum.results, std::cmp::Reverse((*name).clone())))?;
    let mut lower = Fraction::of(Decimal::ZERO);
    let mut upper = Fraction::of(Decimal::ZERO);
    let (mut results, mut censored, mut unbounded) = (0, 0, 0);
    for sum in by_unit.values() {
        let in_common = |total: &BigInt| {
            let own = Fraction::decimal(total.clone(), SCALE);
            match (&sum.unit, &common.unit) {
                (Some(unit), Some(common)) => own.times(&Fraction::conversion(unit, common)),
                _ => own,
            }
        };
        lower = lower.plus(&in_common(&sum.lower));
        upper = upper.plus(&in_common(&sum.upper));
        results += sum.results;
        censored += sum.censored;
        unbounded += sum.unbounded;
    }
    let count = Fraction::of(Decimal::from(results));
    let shown = |sum: Fraction| Some(sum.divided_by(&count)?.to_significant(SIGNIFICANT)?.to_string());
    Some(Mean {
        analyte: key.analyte.clone(),
        group: key.group.clone(),
        unit: name.clone(),
        results,
        censored,
        unbounded,
        lower: shown(lower)?,
        upper: if unbounded == 0 { shown(upper) } else { None },
    })
}

fn rows_within(determinations: &Frame, samples: &Frame, (start, end): (Date, Date)) -> Vec<u32> {
    let sampled = samples.column_or_missing("sampled_on");
    let reported = samples.column_or_missing("reported_on");
    let codes = determinations.column_or_missing("sample_code");
    let within: Vec<bool> = samples
        .rows_of("sample_code", &codes)
        .into_iter()
        .map(|row| {
            let Some(row) = row.map(|row| row as usize) else { return false };
            sampled.get(row).as_date().is_some_and(|day| (start..=end).contains(&day))
                && reported.get(row).as_date().is_none_or(|day| day <= end)
        })
        .collect();
    let rows = codes.codes().iter().enumerate().filter(|(_, code)| within[**code as usize]);
    rows.map(|(row, _)| row as u32).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;

    use super::*;
    use crate::model::Exact;
    use crate::reference::Reference;

    fn frame(columns: &[(&str, Vec<Value>)]) -> Frame {
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        let empty: Arc<str> = Arc::from("");
        let mut frame = Frame::new(vec![0; rows], vec![1; rows], vec![(empty.clone(), empty.clone(), empty)]);
        for (name, values) in columns {
            frame.set(name, Coded::from_values(values.clone()));
        }
        frame
    }

    fn decimal(text: &str) -> Value {
        text.parse().map_or(Value::Missing, |number| Value::Decimal(Exact(number)))
    }

    fn texts(texts: &[&str]) -> Vec<Value> {
        texts.iter().map(|text| if text.is_empty() { Value::Missing } else { Value::text(text) }).collect()
    }

    #[test]
    fn bounds_enclose_every_substitution() {
        let units = Reference::built_in().expect("seeds").units;
        let samples = frame(&[
            ("sample_code", texts(&["A", "B", "C"])),
            ("category", texts(&["肉", "肉", "菜"])),
            (
                "sampled_on",
                vec![date(2020, 3, 1), date(2020, 4, 1), date(2019, 4, 1)]
                    .into_iter()
                    .map(Value::Date)
                    .collect(),
            ),
        ]);
        // analyte, code, value, qualifier, censored at, unit
        let rows = [
            ["铅", "A", "0.3", "=", "", "mg/kg"],
            ["铅", "A", "", "not_detected", "0.01", "mg/kg"],
            ["铅", "B", "100", "=", "", "μg/kg"],
            ["铅", "B", "0.02", "<loq", "0.02", "mg/kg"],
            ["铅", "C", "9", "=", "", "mg/kg"],
            ["镉", "A", "", "not_detected", "", "mg/kg"],
            ["镉", "A", "0.1", "=", "", "mg/kg"],
            ["砷", "A", "3", ">", "", "mg/kg"],
            ["砷", "A", "1", "=", "", "CFU/g"],
            ["砷", "Z", "1", "=", "", "CFU/g"],
        ];
        let column = |place: usize| rows.iter().map(|row| row[place]).collect::<Vec<&str>>();
        let numbers = |texts: Vec<&str>| texts.into_iter().map(decimal).collect::<Vec<_>>();
        let determinations = frame(&[
            ("analyte", texts(&column(0))),
            ("sample_code", texts(&column(1))),
            ("value", numbers(column(2))),
            ("qualifier", texts(&column(3))),
            ("censored_at", numbers(column(4))),
            ("unit", texts(&column(5))),
        ]);
        let period = (date(2020, 1, 1), date(2020, 12, 31));
        let shown = means(&determinations, &samples, &["category".to_owned()], period, &units);
        let shown: Vec<String> = shown
            .iter()
            .map(|mean| {
                let upper = mean.upper.as_deref().unwrap_or("-");
                let counts = format!("{}/{}/{}", mean.results, mean.censored, mean.unbounded);
                format!(
                    "{} {} {counts} {}..{upper} {}",
                    mean.analyte,
                    mean.group.join(" "),
                    mean.lower,
                    mean.unit
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "砷 肉 1/0/0 1.00000..1.00000 CFU/g",
                "砷 肉 1/0/1 3.00000..- mg/kg",
                "铅 肉 4/2/0 0.100000..0.107500 mg/kg",
                "镉 肉 2/1/1 0.0500000..- mg/kg",
            ]
        );
    }
}
