//! What offices write down: applications, returns, submissions.

use super::{FactInputs, keep};
use crate::column::{Coded, Frame};
use crate::model::Value;

pub(super) fn applications(inputs: &FactInputs<'_>) -> Frame {
    let all = inputs.table("applications");
    let accepted = all.column_or_missing("accepted_on");
    let mut frame = keep(&all, |row| inputs.seen(accepted.get(row)));
    let (due, decided) = (frame.column_or_missing("due_on"), frame.column_or_missing("decided_on"));
    let outcomes = due.iter().zip(decided.iter()).map(|(due, decided)| {
        let due = due.as_date();
        Value::text(match inputs.happened(decided) {
            _ if due.is_none() => "no_due_date",
            Some(decided) if due.is_some_and(|due| decided > due) => "late",
            Some(_) => "on_time",
            None if due.is_some_and(|due| due < inputs.as_of) => "overdue",
            None => "pending",
        })
    });
    let outcomes = Coded::from_values(outcomes);
    frame.set("outcome", outcomes);
    let day = frame.column_or_missing("accepted_on");
    frame.set("day", day);
    frame
}

/// Two rows for each return, its numerator and its denominator, weighted by the number.
pub(super) fn returns(inputs: &FactInputs<'_>) -> Frame {
    let all = inputs.table("returns");
    let reported = all.column_or_missing("reported_on");
    let seen = keep(&all, |row| inputs.seen(reported.get(row)));
    let mut halves = Vec::new();
    for part in ["numerator", "denominator"] {
        let mut half = seen.clone();
        let figure = half.column_or_missing("indicator");
        let (weight, day) = (half.column_or_missing(part), half.column_or_missing("period_start"));
        half.set("figure", figure);
        half.set("part", Coded::constant(Value::text(part), seen.rows()));
        half.set("weight", weight);
        half.set("day", day);
        halves.push(half);
    }
    Frame::concat(&halves)
}

pub(super) fn submissions(inputs: &FactInputs<'_>) -> Frame {
    let mut frame = inputs.table("submissions");
    let (due, received) = (frame.column_or_missing("due_on"), frame.column_or_missing("received_on"));
    let outcomes = due.iter().zip(received.iter()).map(|(due, received)| {
        Value::text(match (inputs.happened(received), due.as_date()) {
            (Some(received), Some(due)) if received > due => "late",
            (Some(_), _) => "on_time",
            (None, _) => "missing",
        })
    });
    let outcomes = Coded::from_values(outcomes);
    frame.set("outcome", outcomes);
    for (dimension, column) in [("body", "unit"), ("body_kind", "unit_kind")] {
        let named = frame.column_or_missing(column);
        frame.set(dimension, named);
    }
    // A report that is not yet due is owed all the same: it stands on the as-of day.
    let day = due.map(|due| due.as_date().map_or(Value::Missing, |due| Value::Date(due.min(inputs.as_of))));
    frame.set("day", day);
    frame
}
