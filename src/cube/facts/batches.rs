//! Samples and determinations.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;

use super::{DETERMINATION, PENDING, word};
use crate::column::{Frame, rows_where};
use crate::model::Value;

/// Whether a sample's report lies behind the as-of day.
const UNSEEN: &str = "$unseen";

/// Samples as they are seen on a day, and where each one's row is.
#[derive(Debug)]
pub struct Seen {
    frame: Frame,
    rows: HashMap<Value, u32>,
}

impl Seen {
    /// Of all samples, those that were drawn by the day; what was reported later is not known yet.
    pub fn of(all: &Frame, as_of: Date) -> Seen {
        let frame = samples(all, as_of);
        let rows = frame.rows_by("sample_code").into_iter().map(|(code, row)| (code.clone(), row)).collect();
        Seen { frame, rows }
    }

    /// A row per sample.
    pub fn rows(&self) -> Frame {
        self.frame.clone()
    }

    /// Adds the sample's attributes to the rows of another table; rows of unknown samples are left out.
    pub(super) fn join(&self, frame: &Frame, dimensions: &[String], keep_own: &[&str]) -> Frame {
        let codes = frame.column_or_missing("sample_code");
        let partners = codes.relabel(|code| self.rows.get(code).copied());
        let known = rows_where(&partners.relabel(Option::is_some));
        let mut joined = frame.take(&known);
        let rows: Arc<Vec<u32>> =
            Arc::new(known.iter().filter_map(|row| *partners.get(*row as usize)).collect());
        let wanted = dimensions.iter().map(String::as_str).chain(["day", "final_verdict", "region", UNSEEN]);
        for name in wanted {
            if let Some(column) = self.frame.column(name) {
                let own = joined.column(name).is_some();
                if !own || !keep_own.contains(&name) {
                    joined.set(name, column.on_keys(&rows));
                }
            }
        }
        joined
    }
}

pub(super) fn samples(all: &Frame, as_of: Date) -> Frame {
    let is_seen = |value: &Value| value.as_date().is_none_or(|day| day <= as_of);
    let sampled = all.column_or_missing("sampled_on").map(is_seen);
    let mut frame = all.take(&rows_where(&sampled));
    let reported = frame.column_or_missing("reported_on");
    for column in ["final_verdict", "first_verdict", "conclusion", "problem"] {
        let stated = frame.column_or_missing(column);
        let seen = stated.zip_map(&reported, |verdict, reported| {
            if is_seen(reported) && !verdict.is_missing() { verdict.clone() } else { Value::text(PENDING) }
        });
        frame.set(column, seen);
    }
    let unseen = reported.map(|reported| word(!is_seen(reported)));
    frame.set(UNSEEN, unseen);
    let rapid = frame.column_or_missing("rapid_test");
    frame.set("rapid_test", rapid.map(|value| word(value.as_text() == Some("yes"))));
    let day = frame.column_or_missing("sampled_on");
    frame.set("day", day);
    frame
}

/// Determinations, a replicate set once, beside what is seen of their samples.
pub fn determinations(all: &Frame, samples: &Seen, dimensions: &[String]) -> Frame {
    let is_first = all
        .column_or_missing("replicate")
        .map(|replicate| replicate.as_integer().is_none_or(|replicate| replicate == 1));
    let first = all.take(&rows_where(&is_first));
    let mut frame = samples.join(&first, dimensions, &DETERMINATION);
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
