//! What a published run knew: its pipeline, its seeds, its day.

use std::path::Path;

use jiff::civil::Date;

use super::Global;
use super::exit::{Failure, USAGE};
use crate::lake::{Entry, Lake};
use crate::pipeline::{self, PipelineFile, RunError, rebuild, store};
use crate::reference::Reference;

/// The run that answers a question.
pub struct Published {
    pub lake: Lake,
    pub entry: Entry,
    pub file: PipelineFile,
    pub reference: Reference,
    /// The day that is asked about.
    pub as_of: Date,
}

/// The last run, or the one that is asked for, on its own day or another.
///
/// # Errors
/// There is none, or it cannot be seen from that day.
pub fn open(global: &Global, as_of: Option<Date>) -> Result<Published, Failure> {
    let (lake, entry) = store::published(&global.lake, global.as_known_at)?;
    let text = String::from_utf8_lossy(&lake.object(&entry.draft.pipeline.blake3)?).into_owned();
    let file = pipeline::parse(Path::new(&entry.draft.pipeline.name), &text).map_err(RunError::from)?;
    let reference = rebuild::seeds(&lake, &entry.draft.objects)?;
    let recorded: Option<Date> = entry.draft.as_of.parse().ok();
    let as_of = as_of.or(recorded).ok_or_else(|| Failure::new(USAGE, "give a day with --as-of"))?;
    if Some(as_of) != recorded && entry.draft.rows.superseded > 0 {
        let message = format!("run {} settled its corrections as of {}", entry.run, entry.draft.as_of);
        return Err(
            Failure::new(USAGE, message).with_hint("run the pipeline with this --as-of, then ask again")
        );
    }
    Ok(Published { lake, entry, file, reference, as_of })
}
