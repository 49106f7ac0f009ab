//! Facts: what a figure counts, one row per thing, as it is seen on the as-of day.

mod batches;
mod condensed;
mod disposals;
mod establishments;
mod notices;
mod numbered_pairs;

pub use batches::Seen;
pub use condensed::{Condensed, Part, SampleNumbers};
use hashbrown::HashMap;
use jiff::civil::Date;

use crate::column::Frame;
use crate::model::Value;
use crate::reference::Reference;

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

    /// Whether it follows from samples and their determinations alone.
    pub fn is_of_samples(self) -> bool {
        matches!(self, Fact::Samples | Fact::Determinations)
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
    /// Time limits and the calendar of working days.
    pub reference: &'a Reference,
}

const SAMPLE: [&str; 17] = [
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
    "conclusion",
    "problem",
    "reinspection",
    "objection",
    "rapid_test",
];
const DETERMINATION: [&str; 8] =
    ["analyte", "kind", "qualifier", "detected", "exceeded", "lab_verdict", "judged_verdict", "verdict"];

/// Columns by which determinations become a fact, whatever they are counted by.
pub const JOINING: [&str; 2] = ["sample_code", "replicate"];

/// Columns by which samples become a fact, and are joined with others, whatever they are counted by.
pub const SAMPLE_JOINING: [&str; 6] =
    ["sample_code", "sampled_on", "reported_on", "final_verdict", "region", "rapid_test"];

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
        Fact::Duties => {
            names(&[&SAMPLE[..], &["part", "agency", "cause", "started", "start", "state"]].concat())
        }
        Fact::Disposals => names(&[&SAMPLE[..], &["started", "start", "state", "disposed"]].concat()),
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
        Fact::Samples => inputs.samples().rows(),
        Fact::Determinations => {
            let (own, samples) = (inputs.table("determinations"), inputs.samples());
            let rows = samples.by_code(&own.column_or_missing("sample_code"));
            batches::determinations(&own, &samples, &rows, dimensions)
        }
        Fact::Duties => disposals::duties(inputs, dimensions),
        Fact::Disposals => disposals::disposals(inputs, dimensions),
        Fact::Applications => notices::applications(inputs),
        Fact::Returns => notices::returns(inputs),
        Fact::Submissions => notices::submissions(inputs),
        Fact::Establishments => establishments::establishments(inputs),
    }
}

impl FactInputs<'_> {
    fn table(&self, name: &str) -> Frame {
        self.tables.get(name).cloned().unwrap_or_default()
    }

    fn samples(&self) -> Seen {
        Seen::of(&self.table("samples"), self.as_of)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table;

    #[test]
    fn dimensions_are_columns_or_derived() {
        for name in SAMPLE.into_iter().filter(|name| *name != "conclusion") {
            assert!(table("samples").is_some_and(|table| table.column(name).is_some()), "{name}");
        }
    }
}
