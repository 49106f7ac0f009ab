//! Disposal duties, and batches with all their duties.

use hashbrown::HashMap;

use super::{FactInputs, keep, word};
use crate::column::{Coded, Frame};
use crate::judge::{Clocks, Standing, Step};
use crate::model::{UNKNOWN, Value};

/// Where a duty is answered for, until the sample's place is laid over it.
const OWN_REGION: &str = "$region";

/// One row per duty. Its township is where it is answered for; where that names none, that of the sample.
pub(super) fn duties(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let mut frame = with_clocks(inputs, dimensions);
    let [own, sampled] = [OWN_REGION, "region"].map(|name| frame.column_or_missing(name));
    let places = own.iter().zip(sampled.iter()).map(|(own, sampled)| {
        let is_known = own.as_text().is_some_and(|region| region != UNKNOWN);
        if is_known { own.clone() } else { sampled.clone() }
    });
    let places = Coded::from_values(places);
    frame.set("region", places);
    frame
}

/// One row per batch: its place and attributes are those of the sample, its day that of the first notice.
/// A step of a batch stands as that duty does which stands worst.
pub(super) fn disposals(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let duties = with_clocks(inputs, dimensions);
    let (codes, days) = (duties.column_or_missing("sample_code"), duties.column_or_missing("day"));
    let clocks = Clocks::of(&duties, inputs.as_of, inputs.reference);
    let mut by_sample: HashMap<u32, Batch> = HashMap::new();
    let mut order = Vec::new();
    for row in 0..duties.rows() {
        let code = codes.codes()[row];
        let own = Step::ALL.map(|step| clocks.standing(row, step));
        let batch = by_sample.entry(code).or_insert_with(|| {
            order.push(code);
            Batch { first: row as u32, worst: own, all_done: [true; 2] }
        });
        for (step, standing) in own.into_iter().enumerate() {
            batch.worst[step] = batch.worst[step].max(standing);
            batch.all_done[step] &= standing.is_done();
        }
        if days.get(row) < days.get(batch.first as usize) {
            batch.first = row as u32;
        }
    }
    let batches: Vec<Batch> = order.iter().filter_map(|code| by_sample.remove(code)).collect();
    let rows: Vec<u32> = batches.iter().map(|batch| batch.first).collect();
    let mut frame = duties.take(&rows);
    let [start, finish] = [0, 1].map(|step| {
        (
            Coded::from_values(batches.iter().map(|batch| batch.worst[step])),
            Coded::from_values(batches.iter().map(|batch| word(batch.all_done[step]))),
        )
    });
    frame.set("start", start.0.map(|standing| start_word(*standing)));
    frame.set("started", start.1);
    frame.set("state", finish.0.map(|standing| state_word(*standing)));
    frame.set("disposed", finish.1);
    frame
}

struct Batch {
    first: u32,
    worst: [Standing; 2],
    all_done: [bool; 2],
}

/// Duties whose notice has been seen and whose sample is known, with the sample's attributes and with how
/// they stand.
fn with_clocks(inputs: &FactInputs<'_>, dimensions: &[String]) -> Frame {
    let all = inputs.table("duties");
    let notified = all.column_or_missing("notified_on");
    let mut seen = keep(&all, |row| inputs.seen(notified.get(row)));
    let region = seen.column_or_missing("region");
    seen.set(OWN_REGION, region);
    let samples = inputs.samples();
    let rows = samples.by_code(&seen.column_or_missing("sample_code"));
    let mut frame = samples.join(&seen, &rows, dimensions, &[]);
    let clocks = Clocks::of(&frame, inputs.as_of, inputs.reference);
    let [start, finish] =
        Step::ALL.map(|step| Coded::from_values((0..frame.rows()).map(|row| clocks.standing(row, step))));
    frame.set("start", start.map(|standing| start_word(*standing)));
    frame.set("started", start.map(|standing| word(standing.is_done())));
    frame.set("state", finish.map(|standing| state_word(*standing)));
    let day = frame.column_or_missing("notified_on");
    frame.set("day", day);
    frame
}

fn start_word(standing: Standing) -> Value {
    Value::text(match standing {
        Standing::OnTime => "on_time",
        Standing::Late => "late",
        Standing::Overdue => "overdue",
        Standing::Open => "open",
    })
}

fn state_word(standing: Standing) -> Value {
    Value::text(match standing {
        Standing::OnTime => "closed",
        Standing::Late => "closed_late",
        Standing::Overdue => "overdue",
        Standing::Open => "open",
    })
}
