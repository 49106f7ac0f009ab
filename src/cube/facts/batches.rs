//! Samples and determinations.

use std::sync::Arc;

use jiff::civil::Date;

use super::{DETERMINATION, PENDING, word};
use crate::column::{Coded, Frame, rows_where};
use crate::model::Value;

/// Whether a sample's report lies behind the as-of day.
pub(super) const UNSEEN: &str = "$unseen";

/// Samples as they are seen on a day.
#[derive(Debug)]
pub struct Seen {
    frame: Frame,
    /// Rows among all samples.
    rows: Vec<u32>,
}

/// The row of its sample for each row of another table; none of a sample that is not known.
pub(super) type SampleRows = Coded<Option<u32>>;

impl Seen {
    /// Of all samples, those that were drawn by the day; what was reported later is not known yet.
    pub fn of(all: &Frame, as_of: Date) -> Seen {
        let sampled = all.column_or_missing("sampled_on").map(|day| is_seen(day, as_of));
        let rows = rows_where(&sampled);
        Seen { frame: seen(all.take(&rows), as_of), rows }
    }

    /// A row per sample.
    pub fn rows(&self) -> Frame {
        self.frame.clone()
    }

    /// Rows by sample code.
    pub fn by_code(&self, codes: &Coded<Value>) -> SampleRows {
        codes.over(self.frame.rows_of("sample_code", codes))
    }

    /// The row here of a row among all samples.
    pub fn place(&self, among_all: u32) -> Option<u32> {
        // Mostly all are seen.
        match self.rows.get(among_all as usize) {
            Some(row) if *row == among_all => Some(among_all),
            _ => self.rows.binary_search(&among_all).ok().map(|place| place as u32),
        }
    }

    /// Adds the sample's attributes to the rows of another table; rows of unknown samples are left out.
    pub(super) fn join(
        &self,
        frame: &Frame,
        samples: &SampleRows,
        dimensions: &[String],
        keep_own: &[&str],
    ) -> Frame {
        let known = rows_where(&samples.relabel(Option::is_some));
        let mut joined = frame.take(&known);
        let rows: Arc<Vec<u32>> =
            Arc::new(known.iter().filter_map(|row| *samples.get(*row as usize)).collect());
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

fn is_seen(day: &Value, as_of: Date) -> bool {
    day.as_date().is_none_or(|day| day <= as_of)
}

/// Samples with what is known of them on the day.
fn seen(mut frame: Frame, as_of: Date) -> Frame {
    let reported = frame.column_or_missing("reported_on");
    for column in ["final_verdict", "first_verdict", "conclusion", "problem"] {
        let stated = frame.column_or_missing(column);
        let seen = stated.zip_map(&reported, |verdict, reported| {
            if is_seen(reported, as_of) && !verdict.is_missing() {
                verdict.clone()
            } else {
                Value::text(PENDING)
            }
        });
        frame.set(column, seen);
    }
    let unseen = reported.map(|reported| word(!is_seen(reported, as_of)));
    frame.set(UNSEEN, unseen);
    let rapid = frame.column_or_missing("rapid_test");
    frame.set("rapid_test", rapid.map(|value| word(value.as_text() == Some("yes"))));
    let day = frame.column_or_missing("sampled_on");
    frame.set("day", day);
    frame
}

/// Determinations, a replicate set once, beside what is seen of their samples.
pub fn determinations(all: &Frame, seen: &Seen, samples: &SampleRows, dimensions: &[String]) -> Frame {
    let first = rows_where(&all.column_or_missing("replicate").relabel(is_first));
    let mut own = all.clone();
    own.keep_columns(|name| dimensions.iter().any(|dimension| dimension == name));
    let mut frame = seen.join(&own.take(&first), &samples.take(&first), dimensions, &DETERMINATION);
    let is_unseen = frame.column_or_missing(UNSEEN);
    for column in hidden_among(dimensions) {
        frame.set(column, hide(&frame.column_or_missing(column), &is_unseen));
    }
    frame
}

/// Columns of determinations that are not known before their sample's report is.
const HIDDEN: [&str; 5] = ["verdict", "lab_verdict", "judged_verdict", "detected", "exceeded"];

/// Those of them that are counted by, whether there are any such columns or not.
pub(super) fn hidden_among(dimensions: &[String]) -> impl Iterator<Item = &'static str> {
    HIDDEN.into_iter().filter(|column| dimensions.iter().any(|name| name == column))
}

/// Such a column as it is seen beside whether its samples' reports are not.
pub(super) fn hide(column: &Coded<Value>, is_unseen: &Coded<Value>) -> Coded<Value> {
    column.zip_map(is_unseen, |own, unseen| if is_yes(unseen) { Value::text(PENDING) } else { own.clone() })
}

pub(super) fn is_yes(word: &Value) -> bool {
    word.as_text() == Some("yes")
}

/// Whether a determination stands for its replicate set.
pub(super) fn is_first(replicate: &Value) -> bool {
    replicate.as_integer().is_none_or(|replicate| replicate == 1)
}
