use std::sync::Arc;

use super::determination::prefer;
use super::items::Items;
use super::verdict::Verdict;
use crate::column::{Coded, Frame, combine_all, first_rows};
use crate::model::{Code, Rejection, Value, vocabulary};

/// Column that says, row by row, what a sample's conclusion rests on.
pub const CONCLUSION: &str = "$conclusion";

/// What the conclusion of a source's samples rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConclusionFrom {
    /// What the laboratory or the system states; without a statement the sample is pending.
    #[default]
    Stated,
    /// The laboratory's verdicts of the items, and ours where it gives none.
    Items,
    /// Our verdicts of the items alone.
    Judged,
}

impl ConclusionFrom {
    pub fn as_str(self) -> &'static str {
        match self {
            ConclusionFrom::Stated => "stated",
            ConclusionFrom::Items => "items",
            ConclusionFrom::Judged => "judged",
        }
    }
}

/// Settles `first_verdict`, `final_verdict`, `conclusion` and `problem` of every sample.
///
/// A stated conclusion of the national system (`conforming+problem`) is split into verdict and problem.
/// Without a final conclusion the outcome of a re-inspection (复检合格, 复检不合格) counts, and without one the
/// first verdict stands; re-inspection has the last word and is never asked for monitored items, so what those
/// gave stays. An objection changes no verdict by itself: one that was upheld over a verdict that still fails the
/// sample is listed. A monitored item never changes a verdict. `conclusion` is one of the nine where the record or
/// its items say which, else the plain verdict.
///
/// Returns a warning for each sample whose items lead to another conclusion than the stated one.
pub fn conclude(samples: &mut Frame, determinations: &Frame) -> Vec<Rejection> {
    let first = samples.column_or_missing("first_verdict");
    let again = samples.column_or_missing("reinspection").map(of_reinspection);
    let stated = prefer(&prefer(&samples.column_or_missing("final_verdict"), &again), &first);
    let basis = samples.column_or_missing(CONCLUSION);
    let rests_on = |word: &str| basis.values().iter().any(|basis| basis.as_text() == Some(word));
    let determined = determinations.column_or_missing("sample_code");
    let verdicts = |word: &str, column: &str| {
        if rests_on(word) { by_sample(determinations, &determined, column) } else { Vec::new() }
    };
    let by_items = verdicts("items", "verdict");
    let by_judgement = verdicts("judged", "judged_verdict");
    let items = Items::by_sample(determinations, &determined);
    let codes = samples.column_or_missing("sample_code");
    let known = codes.over(codes.codes_in(&determined));
    let own = known.map_to_few(|code| code.map(|code| items[code as usize]).unwrap_or_default());
    let verdicts_of = |verdicts: &[Verdict]| {
        known.map_to_few(|code| {
            let verdict = code.and_then(|code| verdicts.get(code as usize));
            verdict.copied().unwrap_or(Verdict::Undetermined)
        })
    };
    let [by_items, by_judgement] = [by_items, by_judgement].map(|verdicts| verdicts_of(&verdicts));
    let objections = samples.column_or_missing("objection");
    let told = [&stated, &first, &basis, &objections].map(Coded::grouping);
    let found = [own.grouping(), by_items.grouping(), by_judgement.grouping()];
    let (combinations, _) = combine_all(told.into_iter().chain(found), samples.rows());
    let mut finals = Vec::new();
    let mut conclusions = Vec::new();
    let mut is_listed = Vec::new();
    for row in first_rows(&combinations) {
        let row = row as usize;
        let own = *own.get(row);
        let from = match basis.get(row).as_text() {
            Some("items") => Some(*by_items.get(row)),
            Some("judged") => Some(*by_judgement.get(row)),
            _ => None,
        };
        let last = match from {
            Some(verdict) if stated.get(row).is_missing() => {
                let verdict = if verdict == Verdict::Unjudged { Verdict::Undetermined } else { verdict };
                Value::text(verdict.as_str())
            }
            _ => stated.get(row).clone(),
        };
        let differs = match (first.get(row).as_text(), last.as_text()) {
            (Some(beginning), Some(ending)) => !own.agrees_with(beginning) && !own.agrees_with(ending),
            _ => false,
        };
        let is_objected =
            objections.get(row).as_text() == Some("upheld") && last.as_text().is_some_and(is_failure);
        is_listed.push((differs, is_objected));
        conclusions.push(whole(&last, first.get(row), own));
        finals.push(last);
    }
    let mut differing = Vec::new();
    for (row, combination) in combinations.iter().enumerate() {
        let (differs, is_objected) = is_listed[*combination as usize];
        if differs {
            differing.push(differing_from(samples, row, &first.get(row).to_string(), *own.get(row)));
        }
        if is_objected {
            differing.push(objected(samples, row));
        }
    }
    let keys = Arc::new(combinations);
    let finals = Coded::from_values(finals).on_keys(&keys);
    let problem = prefer(&samples.column_or_missing("problem"), &finals.map(problem_of));
    samples.set("problem", problem);
    samples.set("final_verdict", finals.map(verdict_of));
    samples.set("first_verdict", prefer(&first, &finals).map(verdict_of));
    samples.set("conclusion", Coded::from_values(conclusions).on_keys(&keys));
    differing
}

/// The conclusion that counts: the last verdict, with what the monitored items gave.
fn whole(last: &Value, first: &Value, items: Items) -> Value {
    let Some(last) = last.as_text() else { return Value::Missing };
    if last.contains('+') || last == "undetermined" {
        return Value::text(last);
    }
    let stated = first.as_text().and_then(|first| first.split_once('+')).map(|(_, monitored)| monitored);
    match stated.or_else(|| items.monitored()) {
        Some(monitored) => Value::text(&format!("{last}+{monitored}")),
        None => Value::text(last),
    }
}

fn differing_from(samples: &Frame, row: usize, stated: &str, items: Items) -> Rejection {
    let zh = |word: &str| {
        let words = vocabulary("conclusion").map(|own| own.words).unwrap_or_default();
        words.iter().find(|(own, _, _)| *own == word).map_or(word, |(_, zh, _)| zh).to_owned()
    };
    let (found, expected) = (zh(stated), zh(items.conclusion()));
    Rejection::warning(samples.origin(row), "first_verdict", Code::ConclusionDiffers, found, expected)
}

/// The verdict that the state of a re-inspection speaks of; none while it runs or where there is none.
fn of_reinspection(state: &Value) -> Value {
    match state.as_text() {
        Some(state) if state.contains("复检不合格") => Value::text("nonconforming"),
        Some(state) if state.contains("复检合格") => Value::text("conforming"),
        _ => Value::Missing,
    }
}

fn is_failure(conclusion: &str) -> bool {
    conclusion.starts_with("nonconforming")
}

fn objected(samples: &Frame, row: usize) -> Rejection {
    let (found, expected) =
        ("省局认可异议".to_owned(), "a conclusion that was changed, or withdrawn".to_owned());
    Rejection::warning(samples.origin(row), "objection", Code::ConclusionDiffers, found, expected)
}

fn verdict_of(conclusion: &Value) -> Value {
    match conclusion.as_text() {
        Some(text) => Value::text(text.split('+').next().unwrap_or(text)),
        None => Value::Missing,
    }
}

fn problem_of(conclusion: &Value) -> Value {
    match conclusion.as_text() {
        Some(text) if text.ends_with("+problem") => Value::text("yes"),
        Some(_) => Value::text("no"),
        None => Value::Missing,
    }
}

/// The verdict of each sample from the named column of its determinations, by the code of these.
fn by_sample(determinations: &Frame, codes: &Coded<Value>, column: &str) -> Vec<Verdict> {
    let verdicts = determinations.column_or_missing(column);
    let mut by_code = vec![Verdict::Unjudged; codes.values().len()];
    let meant = verdicts.values().iter().map(|verdict| match verdict.as_text() {
        Some("conforming") => Verdict::Conforming,
        Some("nonconforming") => Verdict::Nonconforming,
        Some("undetermined") => Verdict::Undetermined,
        _ => Verdict::Unjudged,
    });
    let meant: Vec<Verdict> = meant.collect();
    for (code, verdict) in codes.codes().iter().zip(verdicts.codes()) {
        let own = &mut by_code[*code as usize];
        *own = Verdict::all([*own, meant[*verdict as usize]]);
    }
    by_code
}
