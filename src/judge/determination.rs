use std::sync::Arc;

use hashbrown::HashMap;

use super::verdict::{Measurement, Verdict, verdict};
use crate::column::{Coded, Frame, combine};
use crate::model::{Code, Exact, Fault, Rejection, Scope, Value};
use crate::normalize::{Limit, Qualifier, Quantity, fold, is_missing, mask, parse_limit, parse_result};
use crate::reference::{Reference, Units};

/// The determinations with value, qualifier and verdicts; one row per replicate.
#[derive(Debug)]
pub struct Judged {
    pub frame: Frame,
    /// Measurements that could not be read: `scope = cell`.
    pub rejections: Vec<Rejection>,
}

/// Columns that together decide a verdict.
const DECIDING: [&str; 7] =
    ["result_text", "result_type", "unit", "limit_text", "limit_low", "limit_high", "limit_unit"];

/// Everything about one distinct combination of the deciding columns.
struct Outcome {
    quantities: Vec<Quantity>,
    verdict: Verdict,
    faults: Vec<(&'static str, String, Fault)>,
}

/// Reads and judges every distinct combination once, then expands replicates.
///
/// The laboratory's verdict is the official one where it is given; `judged_verdict` is ours.
pub fn judge_determinations(frame: &Frame, reference: &Reference) -> Judged {
    let columns = DECIDING.map(|name| frame.column_or_missing(name));
    let (combinations, distinct) = combine(&columns, frame.rows());
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(distinct, || None);
    for (row, combination) in combinations.iter().enumerate() {
        let outcome = &mut outcomes[*combination as usize];
        if outcome.is_none() {
            let texts = columns.each_ref().map(|column| column.get(row).to_string());
            *outcome = Some(decide(texts.each_ref().map(String::as_str), &reference.units));
        }
    }
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    let rejections = list_faults(frame, &combinations, &outcomes);
    Judged { frame: expand(frame, &combinations, &outcomes), rejections }
}

fn decide(
    [result, result_type, unit, limit_text, low, high, limit_unit]: [&str; 7],
    units: &Units,
) -> Outcome {
    let mut faults = Vec::new();
    let mut note =
        |column: &'static str, text: &str, fault: Fault| faults.push((column, text.to_owned(), fault));
    let quantities = parse_result(result).unwrap_or_else(|fault| {
        note("result_text", result, fault);
        Vec::new()
    });
    let quantities = by_type(quantities, &fold(result_type));
    let unit = fold(unit);
    let unit = if is_missing(&unit) { String::new() } else { unit };
    let glued = quantities.iter().map(|quantity| quantity.unit.as_str());
    for stated in std::iter::once(unit.as_str()).chain(glued).filter(|unit| !unit.is_empty()) {
        if units.parse(stated).is_none()
            && units.why_not(stated).is_none()
            && !faults.iter().any(|(_, text, _)| text == stated)
        {
            let column = if stated == unit { "unit" } else { "result_text" };
            faults.push((
                column,
                stated.to_owned(),
                Fault::new(Code::UnknownUnit, "a unit such as mg/kg or CFU/g"),
            ));
        }
    }
    let limit_unit = fold(limit_unit);
    let limit_unit = if is_missing(&limit_unit) { unit.clone() } else { limit_unit };
    if !limit_unit.is_empty() && units.parse(&limit_unit).is_none() && units.why_not(&limit_unit).is_none() {
        let known = faults.iter().any(|(_, text, _)| *text == limit_unit);
        if !known {
            let fault = Fault::new(Code::UnknownUnit, "a unit such as mg/kg or CFU/g");
            faults.push(("limit_unit", limit_unit.clone(), fault));
        }
    }
    let mut parts = Vec::new();
    for (column, text, is_low) in
        [("limit_text", limit_text, false), ("limit_low", low, true), ("limit_high", high, false)]
    {
        let limit = match parse_limit(text) {
            Ok(limit) => limit,
            Err(fault) => {
                faults.push((column, text.to_owned(), fault));
                continue;
            }
        };
        // A bare number in the column of minima is a minimum, whatever its sign says elsewhere.
        let limit = match limit {
            Limit::AtMost(bound, glued) if is_low => Limit::AtLeast(bound, glued),
            other => other,
        };
        parts.push(verdict(Measurement { quantities: &quantities, unit: &unit }, &limit, &limit_unit, units));
    }
    Outcome { verdict: Verdict::all(parts), quantities, faults }
}

/// A value means what its type says (EFSA SSD2 resType): next to `LOD` or `LOQ` it is that limit, and the
/// substance was not quantified, whether a value is given or not.
fn by_type(mut quantities: Vec<Quantity>, result_type: &str) -> Vec<Quantity> {
    let censored = matches!(result_type, "LOD" | "LOQ" | "CCA" | "CCB");
    if !censored {
        return quantities;
    }
    for quantity in &mut quantities {
        quantity.qualifier = Qualifier::Below;
    }
    if quantities.is_empty() {
        quantities.push(Quantity { qualifier: Qualifier::Below, value: None, unit: String::new() });
    }
    quantities
}

fn list_faults(frame: &Frame, combinations: &[u32], outcomes: &[Outcome]) -> Vec<Rejection> {
    let mut rejections = Vec::new();
    if outcomes.iter().all(|outcome| outcome.faults.is_empty()) {
        return rejections;
    }
    let analytes = frame.column_or_missing("analyte");
    for (row, combination) in combinations.iter().enumerate() {
        for (column, found, fault) in &outcomes[*combination as usize].faults {
            rejections.push(Rejection {
                origin: frame.origin(row),
                column: format!("{column} ({})", analytes.get(row)),
                scope: Scope::Cell,
                code: fault.code,
                found: mask(found),
                expected: fault.expected.clone(),
                hint: fault.code.mend().to_owned(),
            });
        }
    }
    rejections
}

/// One row per replicate, with what was read. A set that could not be read keeps one row.
fn expand(frame: &Frame, combinations: &[u32], outcomes: &[Outcome]) -> Frame {
    let mut rows = Vec::with_capacity(frame.rows());
    let mut replicates = Vec::with_capacity(frame.rows());
    for (row, combination) in combinations.iter().enumerate() {
        let count = outcomes[*combination as usize].quantities.len().max(1);
        rows.extend(std::iter::repeat_n(row as u32, count));
        replicates.extend(0..count as u32);
    }
    let mut expanded = frame.take(&rows);
    let highest = replicates.iter().max().map_or(0, |most| most + 1);
    let numbers = (1..=i64::from(highest)).map(Value::Integer).collect();
    // Distinct pairs of combination and replicate: values are made once for each.
    let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
    let mut distinct: Vec<(u32, u32)> = Vec::new();
    let mut codes = Vec::with_capacity(rows.len());
    for (row, replicate) in rows.iter().zip(&replicates) {
        let pair = (combinations[*row as usize], *replicate);
        codes.push(*pairs.entry(pair).or_insert_with(|| {
            distinct.push(pair);
            distinct.len() as u32 - 1
        }));
    }
    let quantity = |(combination, replicate): &(u32, u32)| {
        outcomes[*combination as usize].quantities.get(*replicate as usize)
    };
    let coded = Coded::new(distinct, codes);
    let text = |text: &str| Value::Text(Arc::from(text));
    expanded.set("replicate", Coded::new(numbers, replicates));
    expanded.set(
        "value",
        coded.map(|pair| {
            quantity(pair)
                .and_then(|q| q.value)
                .map_or(Value::Missing, |number| Value::Decimal(Exact(number)))
        }),
    );
    expanded.set(
        "qualifier",
        coded.map(|pair| quantity(pair).map_or(Value::Missing, |q| text(q.qualifier.as_str()))),
    );
    let glued = coded.map(|pair| match quantity(pair) {
        Some(quantity) if !quantity.unit.is_empty() => text(&quantity.unit),
        _ => Value::Missing,
    });
    let stated = expanded.column_or_missing("unit");
    expanded.set("unit", prefer(&glued, &stated));
    let judged = coded.map(|(combination, _)| text(outcomes[*combination as usize].verdict.as_str()));
    expanded.set("judged_verdict", judged);
    expanded.set("kind", kinds(&expanded));
    expanded.set("verdict", official(&expanded));
    expanded
}

/// A determination with a limit is inspected; one without is only monitored.
fn kinds(frame: &Frame) -> Coded<Value> {
    let judged = frame.column_or_missing("judged_verdict");
    let stated = frame.column_or_missing("kind");
    let inspected = judged.map(|verdict| match verdict.as_text() {
        Some("unjudged") => Value::text("monitored"),
        _ => Value::text("inspected"),
    });
    prefer(&stated, &inspected)
}

/// The laboratory's verdict, else ours.
fn official(frame: &Frame) -> Coded<Value> {
    let lab = frame.column_or_missing("lab_verdict").map(|verdict| match verdict.as_text() {
        // 不判定项 and 问题项 are monitored: they decide nothing.
        Some("undetermined+unjudged" | "undetermined+problem") => Value::text("unjudged"),
        Some(conclusion) => Value::text(conclusion.split('+').next().unwrap_or(conclusion)),
        None => Value::Missing,
    });
    prefer(&lab, &frame.column_or_missing("judged_verdict"))
}

/// `first` where it is not missing, else `second`.
pub(super) fn prefer(first: &Coded<Value>, second: &Coded<Value>) -> Coded<Value> {
    Coded::from_values(
        first.iter().zip(second.iter()).map(
            |(first, second)| {
                if first.is_missing() { second.clone() } else { first.clone() }
            },
        ),
    )
}
