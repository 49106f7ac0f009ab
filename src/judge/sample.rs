use hashbrown::HashMap;

use super::determination::prefer;
use super::verdict::Verdict;
use crate::column::{Coded, Frame};
use crate::model::Value;

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

/// Settles `first_verdict`, `final_verdict` and `problem` of every sample.
///
/// A stated conclusion of the national system (`conforming+problem`) is split into verdict and problem.
/// Without a final conclusion the first stands. A monitored item never changes a conclusion.
pub fn conclude(samples: &mut Frame, determinations: &Frame) {
    let first = samples.column_or_missing("first_verdict");
    let stated = prefer(&samples.column_or_missing("final_verdict"), &first);
    let basis = samples.column_or_missing(CONCLUSION);
    let by_items = by_sample(determinations, "verdict");
    let by_judgement = by_sample(determinations, "judged_verdict");
    let codes = samples.column_or_missing("sample_code");
    let finals = (0..samples.rows()).map(|row| {
        let from = match basis.get(row).as_text() {
            Some("items") => Some(&by_items),
            Some("judged") => Some(&by_judgement),
            _ => None,
        };
        match from {
            Some(verdicts) if stated.get(row).is_missing() => {
                let verdict = verdicts.get(codes.get(row)).copied().unwrap_or(Verdict::Undetermined);
                let verdict = if verdict == Verdict::Unjudged { Verdict::Undetermined } else { verdict };
                Value::text(verdict.as_str())
            }
            _ => stated.get(row).clone(),
        }
    });
    let finals = Coded::from_values(finals);
    let problem = prefer(&samples.column_or_missing("problem"), &finals.map(problem_of));
    samples.set("problem", problem);
    samples.set("final_verdict", finals.map(verdict_of));
    samples.set("first_verdict", prefer(&first, &finals).map(verdict_of));
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

/// The verdict of each sample from the named column of its determinations.
fn by_sample(determinations: &Frame, column: &str) -> HashMap<Value, Verdict> {
    let verdicts = determinations.column_or_missing(column);
    let codes = determinations.column_or_missing("sample_code");
    let mut by_code = vec![Verdict::Unjudged; codes.values().len()];
    for (code, verdict) in codes.codes().iter().zip(verdicts.iter()) {
        let verdict = match verdict.as_text() {
            Some("conforming") => Verdict::Conforming,
            Some("nonconforming") => Verdict::Nonconforming,
            Some("undetermined") => Verdict::Undetermined,
            _ => Verdict::Unjudged,
        };
        let own = &mut by_code[*code as usize];
        *own = Verdict::all([*own, verdict]);
    }
    codes.values().iter().cloned().zip(by_code).collect()
}
