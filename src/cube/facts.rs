use hashbrown::HashMap;
use jiff::civil::Date;

use crate::column::{Coded, Frame};
use crate::model::Value;

/// Final verdict of a sample whose report has not been seen on the as-of day.
pub const PENDING: &str = "pending";

/// What a figure counts. Each is one row per thing, with the dimensions that a definition may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A batch, on the day it was sampled.
    Samples,
    /// A determination (a replicate set), on the day of its sample.
    Determinations,
    /// A disposal duty, on the day it was notified.
    Duties,
    /// A batch with all its disposal duties, on the day of the first notification.
    Disposals,
    /// An application, on the day it was accepted.
    Applications,
    /// A figure that an agency reports, on the first day of its period; weighted by the number itself.
    Returns,
    /// A unit that owes a report, on the day it is due, or on the as-of day before that.
    Submissions,
    /// An establishment that is open on the last day of a month.
    Establishments,
}

impl Fact {
    pub const ALL: [Fact; 8] = [
        Fact::Samples,
        Fact::Determinations,
        Fact::Duties,
        Fact::Disposals,
        Fact::Applications,
        Fact::Returns,
        Fact::Submissions,
        Fact::Establishments,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fact::Samples => "samples",
            Fact::Determinations => "determinations",
            Fact::Duties => "duties",
            Fact::Disposals => "disposals",
            Fact::Applications => "applications",
            Fact::Returns => "returns",
            Fact::Submissions => "submissions",
            Fact::Establishments => "establishments",
        }
    }

    pub fn by_name(name: &str) -> Option<Fact> {
        Fact::ALL.into_iter().find(|fact| fact.name() == name)
    }
}

/// The judged tables and the day on which the county looks at them.
#[derive(Debug, Clone, Copy)]
pub struct FactInputs<'a> {
    pub tables: &'a HashMap<String, Frame>,
    /// Nothing dated after this day is seen.
    pub as_of: Date,
    /// Attributes of establishments that the pipeline declares, whether anybody has them or not.
    pub attributes: &'a [String],
}

const SAMPLE: [&str; 15] = [
    "domain",
    "level",
    "purpose",
    "stage",
    "venue",
    "area_type",
    "region",
    "category",
    "subcategory",
    "lab",
    "first_verdict",
    "final_verdict",
    "problem",
    "reinspection",
    "rapid_test",
];
const DETERMINATION: [&str; 6] = ["analyte", "kind", "qualifier", "lab_verdict", "judged_verdict", "verdict"];

/// Dimensions of a fact; `own` are the pipeline's dimensions with their tables, `attributes` those of the
/// establishments.
pub fn fact_dimensions(fact: Fact, own: &[(String, String)], attributes: &[String]) -> Vec<String> {
    let owned = |wanted: &'static str| {
        own.iter().filter(move |(_, table)| table == wanted).map(|(name, _)| name.clone())
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut dimensions = match fact {
        Fact::Samples => names(&SAMPLE),
        Fact::Determinations => names(&[&SAMPLE[..], &DETERMINATION[..]].concat()),
        Fact::Duties => names(&[&SAMPLE[..], &["part", "agency", "cause", "state"]].concat()),
        Fact::Disposals => names(&[&SAMPLE[..], &["disposed"]].concat()),
        Fact::Applications => names(&["kind", "trade", "region", "outcome"]),
        Fact::Returns => names(&["figure", "part", "region", "agency"]),
        Fact::Submissions => names(&["body", "body_kind", "outcome"]),
        Fact::Establishments => {
            let mut all =
                names(&["kind", "school_kind", "size_class", "above_designated_size", "licensed", "region"]);
            for attribute in attributes {
                all.push(attribute.clone());
                all.push(format!("{attribute}_this_year"));
            }
            all
        }
    };
    match fact {
        Fact::Samples | Fact::Duties | Fact::Disposals => dimensions.extend(owned("samples")),
        Fact::Determinations => dimensions.extend(owned("samples").chain(owned("determinations"))),
        Fact::Applications | Fact::Establishments => dimensions.extend(owned(fact.name())),
        Fact::Returns | Fact::Submissions => {}
    }
    dimensions
}

/// Builds a fact as of the day: the frame to tally, with its `day` and, for returns, its `weight`.
pub fn build_fact(fact: Fact, inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    match fact {
        Fact::Samples => samples(inputs),
        Fact::Determinations => determinations(inputs, dimensions),
        Fact::Duties => duties(inputs, dimensions),
        Fact::Disposals => disposals(inputs, dimensions),
        Fact::Applications => applications(inputs),
        Fact::Returns => returns(inputs),
        Fact::Submissions => submissions(inputs),
        Fact::Establishments => establishments(inputs),
    }
}

impl FactInputs<'_> {
    fn table(&self, name: &str) -> Frame {
        self.tables.get(name).cloned().unwrap_or_default()
    }

    fn seen(&self, value: &Value) -> bool {
        value.as_date().is_none_or(|day| day <= self.as_of)
    }

    /// A date that has passed on the as-of day; one that has not is as good as missing.
    fn happened(&self, value: &Value) -> Option<Date> {
        value.as_date().filter(|day| *day <= self.as_of)
    }
}

fn keep(frame: &Frame, test: impl Fn(usize) -> bool) -> Frame {
    let rows: Vec<u32> = (0..frame.rows()).filter(|row| test(*row)).map(|row| row as u32).collect();
    if rows.len() == frame.rows() { frame.clone() } else { frame.take(&rows) }
}

fn word(yes: bool) -> Value {
    Value::text(if yes { "yes" } else { "no" })
}

fn samples(inputs: &FactInputs<'_>) -> Frame {
    let all = inputs.table("samples");
    let sampled = all.column_or_missing("sampled_on");
    let mut frame = keep(&all, |row| inputs.seen(sampled.get(row)));
    let reported = frame.column_or_missing("reported_on");
    for column in ["final_verdict", "first_verdict", "problem"] {
        let stated = frame.column_or_missing(column);
        let seen = stated.iter().zip(reported.iter()).map(|(verdict, reported)| {
            if inputs.seen(reported) && !verdict.is_missing() {
                verdict.clone()
            } else {
                Value::text(PENDING)
            }
        });
        frame.set(column, Coded::from_values(seen));
    }
    let rapid = frame.column_or_missing("rapid_test");
    frame.set("rapid_test", rapid.map(|value| word(value.as_text() == Some("yes"))));
    let day = frame.column_or_missing("sampled_on");
    frame.set("day", day);
    frame
}

/// Adds the sample's attributes to the rows of another table; rows of unknown samples are left out.
fn with_sample(frame: &Frame, inputs: &FactInputs<'_>, dimensions: &[String], keep_own: &[&str]) -> Frame {
    let samples = samples(inputs);
    let index = samples.rows_by("sample_code");
    let codes = frame.column_or_missing("sample_code");
    let row_of_code: Vec<Option<u32>> = codes.values().iter().map(|code| index.get(code).copied()).collect();
    let sample_of = |row: usize| row_of_code[codes.codes()[row] as usize];
    let mut joined = keep(frame, |row| sample_of(row).is_some());
    let codes = joined.column_or_missing("sample_code");
    let rows: Vec<u32> = codes.codes().iter().filter_map(|code| row_of_code[*code as usize]).collect();
    let wanted = dimensions.iter().map(String::as_str).chain(["day", "final_verdict", "region"]);
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

fn determinations(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let all = inputs.table("determinations");
    let replicate = all.column_or_missing("replicate");
    let first = keep(&all, |row| replicate.get(row).as_integer().is_none_or(|replicate| replicate == 1));
    let mut frame = with_sample(&first, inputs, dimensions, &DETERMINATION);
    let pending = frame.column_or_missing("final_verdict").map(|verdict| verdict.as_text() == Some(PENDING));
    for column in ["verdict", "lab_verdict", "judged_verdict"] {
        let own = frame.column_or_missing(column);
        let seen = own
            .iter()
            .zip(pending.iter())
            .map(|(verdict, pending)| if *pending { Value::text(PENDING) } else { verdict.clone() });
        let seen = Coded::from_values(seen);
        frame.set(column, seen);
    }
    frame
}

/// Days allowed for a disposal, counted from notification (SAMR Order 15 (2019)).
const DISPOSAL_DAYS: i64 = 90;

fn duties(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let all = inputs.table("duties");
    let notified = all.column_or_missing("notified_on");
    let seen = keep(&all, |row| inputs.seen(notified.get(row)));
    let mut frame = with_sample(&seen, inputs, dimensions, &[]);
    let column = |name: &str| frame.column_or_missing(name);
    let (notified, closed, extended) = (column("notified_on"), column("closed_on"), column("extended_to"));
    let states = (0..frame.rows()).map(|row| {
        let deadline = extended
            .get(row)
            .as_date()
            .or_else(|| notified.get(row).as_date()?.checked_add(jiff::Span::new().days(DISPOSAL_DAYS)).ok());
        Value::text(match (inputs.happened(closed.get(row)), deadline) {
            (Some(closed), Some(deadline)) if closed > deadline => "closed_late",
            (Some(_), _) => "closed",
            (None, Some(deadline)) if deadline < inputs.as_of => "overdue",
            (None, _) => "open",
        })
    });
    let states = Coded::from_values(states);
    frame.set("state", states);
    frame.set("day", notified);
    frame
}

fn disposals(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let duties = duties(inputs, dimensions);
    let (codes, states, days) = (
        duties.column_or_missing("sample_code"),
        duties.column_or_missing("state"),
        duties.column_or_missing("day"),
    );
    let mut by_sample: HashMap<u32, (u32, bool)> = HashMap::new();
    let mut order = Vec::new();
    for row in 0..duties.rows() as u32 {
        let code = codes.codes()[row as usize];
        let closed = states.get(row as usize).as_text().is_some_and(|state| state.starts_with("closed"));
        let (first, all_closed) = by_sample.entry(code).or_insert_with(|| {
            order.push(code);
            (row, true)
        });
        *all_closed &= closed;
        if days.get(row as usize) < days.get(*first as usize) {
            *first = row;
        }
    }
    let settled: Vec<(u32, bool)> = order.iter().filter_map(|code| by_sample.get(code).copied()).collect();
    let rows: Vec<u32> = settled.iter().map(|(row, _)| *row).collect();
    let mut frame = duties.take(&rows);
    frame.set("disposed", Coded::from_values(settled.iter().map(|(_, closed)| word(*closed))));
    frame
}

fn applications(inputs: &FactInputs<'_>) -> Frame {
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
fn returns(inputs: &FactInputs<'_>) -> Frame {
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

fn submissions(inputs: &FactInputs<'_>) -> Frame {
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

/// The last days of the months of the as-of year, up to the as-of day itself.
pub fn stock_days(as_of: Date) -> Vec<Date> {
    let ends = (1..as_of.month())
        .filter_map(|month| Date::new(as_of.year(), month, 1).ok())
        .map(Date::last_of_month);
    ends.chain([as_of]).collect()
}

/// First day, and last day where there is one.
type Validity = (Date, Option<Date>);

/// Establishments open on each stock day, with the attributes of that day: `yes` while a certificate
/// runs (its last day included), and `_this_year` once the thing has happened in the calendar year.
fn establishments(inputs: &FactInputs<'_>) -> Frame {
    let all = inputs.table("establishments");
    let attributes = inputs.table("establishment_attributes");
    let (ids, names) = (attributes.column_or_missing("id"), attributes.column_or_missing("attribute"));
    let (from, to) = (attributes.column_or_missing("from"), attributes.column_or_missing("to"));
    let mut spans: HashMap<&str, HashMap<&Value, Vec<Validity>>> = HashMap::new();
    for row in 0..attributes.rows() {
        if let (Some(name), Some(day)) = (names.get(row).as_text(), from.get(row).as_date()) {
            spans
                .entry(name)
                .or_default()
                .entry(ids.get(row))
                .or_default()
                .push((day, to.get(row).as_date()));
        }
    }
    let kinds: Vec<&str> = inputs.attributes.iter().map(String::as_str).collect();
    let (open_from, open_to) = (all.column_or_missing("open_from"), all.column_or_missing("open_to"));
    let mut months = Vec::new();
    for day in stock_days(inputs.as_of) {
        let is_open = |row: usize| {
            open_from.get(row).as_date().is_none_or(|from| from <= day)
                && open_to.get(row).as_date().is_none_or(|to| to > day)
        };
        let mut frame = keep(&all, is_open);
        let own_ids = frame.column_or_missing("id");
        for kind in &kinds {
            let own_spans = spans.get(kind);
            let any = |id: &Value, test: &dyn Fn(Date, Option<Date>) -> bool| {
                let spans = own_spans.and_then(|spans| spans.get(id)).map(Vec::as_slice).unwrap_or_default();
                word(spans.iter().any(|(from, to)| *from <= day && test(*from, *to)))
            };
            let holds = own_ids.map(|id| any(id, &|_, to| to.is_none_or(|to| to >= day)));
            let this_year = own_ids.map(|id| any(id, &|from, _| from.year() == day.year()));
            frame.set(kind, holds);
            frame.set(&format!("{kind}_this_year"), this_year);
        }
        let licensed = frame.column_or_missing("licence").map(|licence| word(!licence.is_missing()));
        frame.set("licensed", licensed);
        frame.set("day", Coded::constant(Value::Date(day), frame.rows()));
        months.push(frame);
    }
    Frame::concat(&months)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::table;

    #[test]
    fn dimensions_are_columns_or_derived() {
        for name in SAMPLE {
            assert!(table("samples").is_some_and(|table| table.column(name).is_some()), "{name}");
        }
    }

    #[test]
    fn stock_days_are_month_ends_up_to_the_day() {
        assert_eq!(stock_days(date(2020, 3, 15)), [date(2020, 1, 31), date(2020, 2, 29), date(2020, 3, 15)]);
        assert_eq!(stock_days(date(2020, 12, 31)).len(), 12);
    }
}
