use std::ops::Range;
use std::sync::Arc;

use super::decide::{DECIDING, Outcome};
use super::decisions::Decisions;
use crate::column::{Coded, Frame, combine, first_rows};
use crate::model::{Exact, Fault, Rejection, Scope, Value};
use crate::normalize::mask;
use crate::reference::Reference;

/// The determinations with value, qualifier and verdicts; one row per replicate.
#[derive(Debug)]
pub struct Judged {
    pub frame: Frame,
    /// Measurements that could not be read: `scope = cell`.
    pub rejections: Vec<Rejection>,
    /// What stands but deserves a look.
    pub warnings: Vec<Rejection>,
}

/// Whose verdict of a determination counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Official {
    /// The laboratory's where it gives one, else ours.
    #[default]
    Laboratory,
    /// Ours where there is a limit to judge by, else the laboratory's.
    Judged,
}

/// Reads and judges every distinct combination once, then expands replicates.
///
/// `censored_at` is the amount that a non-detect lies below, `limit_ratio` the value over its maximum,
/// `detected` and `exceeded` say whether the set found anything, and whether more than a maximum allows;
/// `lab_verdict` the laboratory's verdict, `judged_verdict` ours, `verdict` the one that counts.
pub fn judge_determinations(
    frame: &Frame,
    official: Official,
    reference: &Reference,
    decisions: &Decisions,
) -> Judged {
    let columns = DECIDING.map(|name| frame.column_or_missing(name));
    let stated = STATED.map(|name| frame.column_or_missing(name));
    let (combinations, _) = combine(columns.iter().chain(&stated), frame.rows());
    let first = first_rows(&combinations);
    let spelt = columns.each_ref().map(|column| decisions.spell(column));
    let outcomes = decisions.of(&spelt, &first, &reference.units);
    let stated = stated.map(|column| column.take(&first));
    Judged {
        rejections: list(frame, &combinations, &outcomes, Scope::Cell, |outcome| &outcome.faults),
        warnings: list(frame, &combinations, &outcomes, Scope::Warning, |outcome| &outcome.warnings),
        frame: expand(frame, combinations, &outcomes, &stated, official),
    }
}

/// What the record says beside what decides: a combination has one value of each.
const STATED: [&str; 3] = ["unit", "lab_verdict", "kind"];

/// A line for each row of a combination that has something to say.
fn list(
    frame: &Frame,
    combinations: &[u32],
    outcomes: &[Arc<Outcome>],
    scope: Scope,
    of: impl Fn(&Outcome) -> &Vec<(&'static str, String, Fault)>,
) -> Vec<Rejection> {
    let mut lines = Vec::new();
    let tells: Vec<bool> = outcomes.iter().map(|outcome| !of(outcome).is_empty()).collect();
    if !tells.contains(&true) {
        return lines;
    }
    let analytes = frame.column_or_missing("analyte");
    let told = combinations.iter().enumerate().filter(|(_, combination)| tells[**combination as usize]);
    for (row, combination) in told {
        for (column, found, fault) in of(&outcomes[*combination as usize]) {
            lines.push(Rejection {
                origin: frame.origin(row),
                column: format!("{column} ({})", analytes.get(row)),
                scope,
                code: fault.code,
                found: mask(found),
                expected: fault.expected.clone(),
                hint: fault.code.mend().to_owned(),
            });
        }
    }
    lines
}

/// One row per replicate, with what was read. A set that could not be read keeps one row.
///
/// What is said of a row follows from its combination and its replicate, so that all new columns share these as keys.
fn expand(
    frame: &Frame,
    combinations: Vec<u32>,
    outcomes: &[Arc<Outcome>],
    stated: &[Coded<Value>; 3],
    official: Official,
) -> Frame {
    let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(outcomes.len());
    let mut pairs_of: Vec<Range<u32>> = Vec::with_capacity(outcomes.len());
    for (combination, outcome) in outcomes.iter().enumerate() {
        let first = pairs.len() as u32;
        pairs.extend((0..outcome.quantities.len().max(1)).map(|count| (combination as u32, count as u32)));
        pairs_of.push(first..pairs.len() as u32);
    }
    let (mut expanded, keys) = if pairs.len() == outcomes.len() {
        (frame.clone(), combinations)
    } else {
        let all = combinations.iter().map(|combination| pairs_of[*combination as usize].len()).sum();
        let (mut rows, mut keys) = (Vec::with_capacity(all), Vec::with_capacity(all));
        for (row, combination) in combinations.iter().enumerate() {
            let own = pairs_of[*combination as usize].clone();
            rows.extend(std::iter::repeat_n(row as u32, own.len()));
            keys.extend(own);
        }
        (frame.take(&rows), keys)
    };
    let keys = Arc::new(keys);
    let of_pairs: Vec<u32> = pairs.iter().map(|(combination, _)| *combination).collect();
    let coded = Coded::keyed(pairs, (0..of_pairs.len() as u32).collect(), keys.clone());
    let [unit, lab, kind] = stated.each_ref().map(|column| column.take(&of_pairs).on_keys(&keys));
    let quantity = |(combination, replicate): &(u32, u32)| {
        outcomes[*combination as usize].quantities.get(*replicate as usize)
    };
    let outcome = |(combination, _): &(u32, u32)| &outcomes[*combination as usize];
    let word = |word: &Option<&str>| word.map_or(Value::Missing, Value::text);
    let number = |number: &Option<Exact>| number.map_or(Value::Missing, Value::Decimal);
    let number_of = |pair: &(u32, u32)| quantity(pair)?.number.map(|number| Exact(number.value));
    let censored_at = |pair: &(u32, u32)| {
        let bound = outcome(pair).censored_at.get(pair.1 as usize).copied().flatten();
        bound.map(Exact)
    };
    let glued = |pair: &(u32, u32)| Some(quantity(pair)?.unit.as_str()).filter(|unit| !unit.is_empty());
    // Words are made of what is distinct among the answers.
    let yes_or_no = |yes: &bool| Value::text(if *yes { "yes" } else { "no" });
    let flag = |of: fn(&Outcome) -> bool| coded.map_to_few(|pair| of(outcome(pair))).relabel(yes_or_no);
    let judged = coded.map_to_few(|pair| outcome(pair).verdict);
    let judged = judged.relabel(|verdict| Value::text(verdict.as_str()));
    let qualifier = coded.map_to_few(|pair| quantity(pair).map(|own| own.qualifier));
    let qualifier = qualifier.relabel(|own| own.map_or(Value::Missing, |own| Value::text(own.as_str())));
    let ratio = coded.map(|pair| outcome(pair).limit_ratio.map(Exact)).relabel(number);
    let replicate = coded.map_to_few(|(_, replicate)| *replicate);
    expanded.set("replicate", replicate.relabel(|replicate| Value::Integer(i64::from(*replicate) + 1)));
    expanded.set("value", coded.map(number_of).relabel(number));
    expanded.set("qualifier", qualifier);
    expanded.set("censored_at", coded.map(censored_at).relabel(number));
    expanded.set("unit", prefer(&coded.map(glued).relabel(word), &unit));
    expanded.set("kind", kinds(&kind, &lab, &judged));
    expanded.set("verdict", counted(&lab, &judged, official));
    expanded.set("judged_verdict", judged);
    expanded.set("limit_ratio", ratio);
    expanded.set("detected", flag(Outcome::is_detected));
    expanded.set("exceeded", flag(Outcome::is_exceeded));
    expanded.drop_column(super::decide::PRODUCT);
    expanded
}

/// What the laboratory only monitors (不判定项, 问题项) and what has no limit is monitored, all else inspected.
fn kinds(stated: &Coded<Value>, lab: &Coded<Value>, judged: &Coded<Value>) -> Coded<Value> {
    let known = lab.map(|verdict| match verdict.as_text() {
        Some("undetermined+unjudged" | "undetermined+problem") => Value::text("monitored"),
        Some("conforming" | "nonconforming") => Value::text("inspected"),
        _ => Value::Missing,
    });
    let inspected = judged.map(|verdict| match verdict.as_text() {
        Some("unjudged") => Value::text("monitored"),
        _ => Value::text("inspected"),
    });
    prefer(stated, &prefer(&known, &inspected))
}

/// The verdict that counts.
fn counted(lab: &Coded<Value>, judged: &Coded<Value>, official: Official) -> Coded<Value> {
    let lab = lab.map(|verdict| match verdict.as_text() {
        // 不判定项 and 问题项 are monitored: they decide nothing.
        Some("undetermined+unjudged" | "undetermined+problem") => Value::text("unjudged"),
        Some(conclusion) => Value::text(conclusion.split('+').next().unwrap_or(conclusion)),
        None => Value::Missing,
    });
    match official {
        Official::Laboratory => prefer(&lab, judged),
        Official::Judged => {
            let ours = judged.map(|verdict| match verdict.as_text() {
                Some("unjudged") => Value::Missing,
                _ => verdict.clone(),
            });
            prefer(&prefer(&ours, &lab), judged)
        }
    }
}

/// `first` where it is not missing, else `second`.
pub(super) fn prefer(first: &Coded<Value>, second: &Coded<Value>) -> Coded<Value> {
    first.zip_map(second, |first, second| if first.is_missing() { second.clone() } else { first.clone() })
}
