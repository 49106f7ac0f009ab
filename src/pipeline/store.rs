//! A run into the lake, and what the lake published back out of it.

use std::path::Path;

use hashbrown::HashMap;

use super::batches::{from_batches, to_months};
use super::{Evaluated, RunError, RunRequest, Stored};
use crate::column::Frame;
use crate::lake::{Committed, Draft, Entry, Lake, LakeError, LedgerInput, OutputFile, Partition, TableWrite};
use crate::model::TABLES;
use crate::report::{self, RunRecord};

/// Archives the exports, writes what changed of each table, and commits the run.
pub fn store(
    evaluated: &Evaluated,
    request: &RunRequest,
    record: &RunRecord,
    report: &report::Draft,
) -> Result<Stored, RunError> {
    let lake = Lake::open_or_create(&request.lake)?;
    let lock = lake.lock(request.wait)?;
    for input in &evaluated.inputs {
        lake.archive(&input.path, &input.blake3)?;
    }
    let mut outputs = Vec::new();
    for (name, bytes) in &report.files {
        outputs.push(OutputFile { file: name.clone(), blake3: lake.put_object(bytes)? });
    }
    let mut seeds = serde_json::Map::new();
    for (name, text) in evaluated.reference.texts() {
        seeds.insert(name.to_owned(), lake.put_object(text.as_bytes())?.into());
    }
    let run = lake.latest()?.map_or(1, |entry| entry.run + 1);
    let mut tables = Vec::new();
    for schema in TABLES {
        let Some(frame) = evaluated.assembled.tables.get(schema.name) else { continue };
        let months = to_months(schema.name, frame, run).map_err(report::ReportError::from)?;
        let partitions = months.into_iter().map(|part| Partition {
            month: part.month,
            digest: part.digest,
            batch: part.batch,
        });
        tables.push(TableWrite {
            name: schema.name.to_owned(),
            partitioned: schema.month_of.is_some(),
            partitions: partitions.collect(),
        });
    }
    let inputs = record.inputs.iter().zip(&evaluated.inputs).map(|(input, found)| LedgerInput {
        name: found.name.clone(),
        path: input.path.clone(),
        blake3: input.blake3.clone(),
        rows: input.rows,
    });
    let draft = Draft {
        published_at: request.published_at.clone(),
        program_version: record.version.clone(),
        pipeline_name: evaluated.file.name.clone(),
        pipeline_hash: lake.put_object(evaluated.file.text.as_bytes())?,
        params: evaluated.params.clone(),
        as_of: evaluated.as_of.to_string(),
        inputs: inputs.collect(),
        rows: serde_json::to_value(record)
            .map(|record| record["rows"].clone())
            .map_err(report::ReportError::from)?,
        seeds_digest: record.seeds_blake3.clone(),
        outputs,
        cells: None,
        extra: serde_json::json!({ "rejections": record.rejections, "seeds": seeds }),
    };
    Ok(match lake.commit(&lock, draft, tables)? {
        Committed::Published(run) => Stored::Published(run),
        Committed::Unchanged(run) => Stored::Unchanged(run),
    })
}

/// The run that answers: the latest, or the one that is asked for.
///
/// # Errors
/// There is no lake, or no such run in it.
pub fn published(folder: &Path, run: Option<u64>) -> Result<(Lake, Entry), LakeError> {
    let lake = Lake::open(folder)?;
    let entry = match run {
        Some(run) => lake.entry(run)?,
        None => lake.latest()?.ok_or_else(|| LakeError::Missing { path: folder.to_owned() })?,
    };
    Ok((lake, entry))
}

/// All tables of a run.
///
/// # Errors
/// A file is missing, damaged, or not the one that the ledger pins.
pub fn tables(lake: &Lake, entry: &Entry) -> Result<HashMap<String, Frame>, LakeError> {
    let mut tables = HashMap::new();
    for schema in TABLES.iter().filter(|schema| entry.tables.contains_key(schema.name)) {
        tables.insert(schema.name.to_owned(), from_batches(&lake.read(entry, schema.name, None)?));
    }
    Ok(tables)
}
