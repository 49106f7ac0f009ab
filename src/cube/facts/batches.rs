//! Samples and determinations.

use super::{DETERMINATION, FactInputs, PENDING, keep, word};
use crate::column::Frame;
use crate::model::Value;

/// Whether a sample's report lies behind the as-of day.
const UNSEEN: &str = "$unseen";

pub(super) fn samples(inputs: &FactInputs<'_>) -> Frame {
    let all = inputs.table("samples");
    let sampled = all.column_or_missing("sampled_on");
    let mut frame = keep(&all, |row| inputs.seen(sampled.get(row)));
    let reported = frame.column_or_missing("reported_on");
    for column in ["final_verdict", "first_verdict", "conclusion", "problem"] {
        let stated = frame.column_or_missing(column);
        let seen = stated.zip_map(&reported, |verdict, reported| {
            if inputs.seen(reported) && !verdict.is_missing() {
                verdict.clone()
            } else {
                Value::text(PENDING)
            }
        });
        frame.set(column, seen);
    }
    let unseen = reported.map(|reported| word(!inputs.seen(reported)));
    frame.set(UNSEEN, unseen);
    let rapid = frame.column_or_missing("rapid_test");
    frame.set("rapid_test", rapid.map(|value| word(value.as_text() == Some("yes"))));
    let day = frame.column_or_missing("sampled_on");
    frame.set("day", day);
    frame
}

/// Adds the sample's attributes to the rows of another table; rows of unknown samples are left out.
pub(super) fn with_sample(
    frame: &Frame,
    inputs: &FactInputs<'_>,
    dimensions: &[String],
    keep_own: &[&str],
) -> Frame {
    let samples = samples(inputs);
    let partners = frame.partners(&samples, "sample_code");
    let mut joined = keep(frame, |row| partners[row].is_some());
    let rows: Vec<u32> = partners.into_iter().flatten().collect();
    let wanted = dimensions.iter().map(String::as_str).chain(["day", "final_verdict", "region", UNSEEN]);
    for name in wanted {
        if let Some(column) = samples.column(name) {
            let own = joined.column(name).is_some();
            if !own || !keep_own.contains(&name) {
                joined.set(name, column.take(&rows));
            }
        }
    }
    joined
}

pub(super) fn determinations(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let all = inputs.table("determinations");
    let replicate = all.column_or_missing("replicate");
    let first = keep(&all, |row| replicate.get(row).as_integer().is_none_or(|replicate| replicate == 1));
    let mut frame = with_sample(&first, inputs, dimensions, &DETERMINATION);
    let pending = frame.column_or_missing(UNSEEN).map(|unseen| unseen.as_text() == Some("yes"));
    let hidden = ["verdict", "lab_verdict", "judged_verdict", "detected", "exceeded"];
    for column in hidden.into_iter().filter(|column| dimensions.iter().any(|name| name == column)) {
        let own = frame.column_or_missing(column);
        let seen = own.zip_map(
            &pending,
            |verdict, pending| if *pending { Value::text(PENDING) } else { verdict.clone() },
        );
        frame.set(column, seen);
    }
    frame
}
