//! A run into the lake, and what the lake published back out of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::batches::{from_batches, to_months};
use super::{Evaluated, Found, RunError, RunRequest, Stored};
use crate::column::Frame;
use crate::lake::{
    Committed, Draft, Entry, Input, Lake, LakeError, Lock, Named, Partition, Rows, TablePin, TableWrite,
};
use crate::model::TABLES;
use crate::report::{self, RunRecord};

/// The lake of a run, locked from before the first export is read.
#[derive(Debug)]
pub struct Store {
    lake: Arc<Lake>,
    lock: Arc<Lock>,
    /// Archives the exports while they are read and judged.
    archive: Option<JoinHandle<Result<(), LakeError>>>,
}

impl Store {
    /// Takes the lock, and begins to archive the exports.
    ///
    /// # Errors
    /// There can be no lake there, or another run holds its lock.
    pub fn open(request: &RunRequest, found: &Found) -> Result<Store, RunError> {
        let lake = Arc::new(Lake::open_or_create(&request.lake)?);
        let lock = Arc::new(lake.lock(request.wait)?);
        let inputs = found.sources.iter().flat_map(|(_, inputs)| inputs);
        let exports: Vec<(PathBuf, Arc<str>)> =
            inputs.map(|input| (input.path.clone(), input.file.blake3.clone())).collect();
        let (own_lake, own_lock) = (lake.clone(), lock.clone());
        let archive = thread::spawn(move || {
            exports.iter().try_for_each(|(path, blake3)| own_lake.archive(&own_lock, path, blake3))
        });
        Ok(Store { lake, lock, archive: Some(archive) })
    }

    /// The tables filed by month, as this run would write them.
    ///
    /// # Errors
    /// The ledger is damaged.
    pub fn months(&self, evaluated: &Evaluated) -> Result<Vec<TableWrite>, RunError> {
        Ok(writes(evaluated, self.lake.latest()?.map_or(1, |entry| entry.run + 1)))
    }

    /// Writes what changed of each table, and commits the run. The lock is held until the store is dropped.
    ///
    /// # Errors
    /// Whatever stops it; nothing is published then.
    pub fn commit(
        &mut self,
        months: Vec<TableWrite>,
        evaluated: &Evaluated,
        request: &RunRequest,
        record: &RunRecord,
        report: &report::Draft,
    ) -> Result<Stored, RunError> {
        match self.archive.take().map(JoinHandle::join) {
            Some(Ok(archived)) => archived?,
            Some(Err(defect)) => std::panic::resume_unwind(defect),
            None => {}
        }
        let draft = draft(&self.lake, &self.lock, evaluated, request, record, report)?;
        Ok(match self.lake.commit(&self.lock, draft, months)? {
            Committed::Published(entry) => Stored::Published(entry.run),
            Committed::Unchanged(run) => Stored::Unchanged(run),
        })
    }
}

/// What the ledger will say of the run; the objects that it names are stored on the way.
fn draft(
    lake: &Lake,
    lock: &Lock,
    evaluated: &Evaluated,
    request: &RunRequest,
    record: &RunRecord,
    report: &report::Draft,
) -> Result<Draft, LakeError> {
    let put = |name: &str, bytes: &[u8]| -> Result<Named, LakeError> {
        Ok(Named { name: name.to_owned(), blake3: lake.put_object(lock, bytes)? })
    };
    let outputs =
        report.files.par_iter().map(|(name, bytes)| put(name, bytes)).collect::<Result<Vec<_>, _>>()?;
    let seeds: Vec<(&str, &str)> = evaluated.reference.texts().collect();
    let seeds = seeds.into_par_iter().map(|(name, text)| put(name, text.as_bytes()));
    let seeds = seeds.collect::<Result<Vec<_>, _>>()?;
    let cells =
        outputs.iter().find(|output| output.name == "cells.parquet").map(|output| output.blake3.clone());
    let inputs = record.inputs.iter().zip(&evaluated.inputs).map(|(input, found)| Input {
        source: found.source.clone(),
        name: found.name.clone(),
        path: input.path.clone(),
        blake3: input.blake3.clone(),
        rows: input.rows,
    });
    Ok(Draft {
        published_at: request.published_at.clone(),
        pipeline: put(&evaluated.file.name, evaluated.file.text.as_bytes())?,
        params: evaluated.params.clone(),
        as_of: evaluated.as_of.to_string(),
        program: record.version.clone(),
        inputs: inputs.collect(),
        rows: Rows {
            read: record.rows.read,
            accepted: record.rows.accepted,
            rejected: record.rows.rejected,
            duplicate: record.rows.duplicate,
            superseded: record.rows.superseded,
        },
        seeds: record.seeds_blake3.clone(),
        rejections: record.rejections.clone(),
        byte_order_mark: record.byte_order_mark,
        outputs,
        cells,
        objects: seeds,
        extra: serde_json::Value::Null,
    })
}

fn writes(evaluated: &Evaluated, run: u64) -> Vec<TableWrite> {
    let mut tables = Vec::new();
    for schema in TABLES {
        let Some(frame) = evaluated.assembled.tables.get(schema.name) else { continue };
        let partitions = to_months(schema.name, frame)
            .into_iter()
            .map(|part| Partition::new(part.month.clone(), part.digest.clone(), move || part.batch(run)));
        tables.push(TableWrite {
            name: schema.name.to_owned(),
            partitioned: schema.month_of.is_some(),
            partitions: partitions.collect(),
        });
    }
    tables
}

/// The run that answers: the latest, or the one that is asked for.
///
/// # Errors
/// There is no lake, or no such run in it.
pub fn published(folder: &Path, run: Option<u64>) -> Result<(Lake, Entry), LakeError> {
    let lake = Lake::open(folder)?;
    let entry = match run {
        Some(run) => lake.entry(run)?,
        None => lake.latest()?.ok_or_else(|| LakeError::Missing { dir: folder.to_owned() })?,
    };
    Ok((lake, entry))
}

/// All tables of a run.
///
/// # Errors
/// A file is missing, damaged, or not the one that the ledger pins.
pub fn tables(lake: &Lake, entry: &Entry) -> Result<HashMap<String, Frame>, LakeError> {
    read_tables(lake, entry, |_, _| true)
}

/// Those columns of a run's tables that are wanted, by table and name; tables without any are left out.
///
/// # Errors
/// As [`tables`].
pub fn read_tables(
    lake: &Lake,
    entry: &Entry,
    wanted: impl Fn(&str, &str) -> bool + Sync,
) -> Result<HashMap<String, Frame>, LakeError> {
    let has_any = |table: &&TablePin| table.columns.iter().any(|column| wanted(&table.name, &column.name));
    let there = TABLES.iter().filter_map(|schema| entry.table(schema.name)).filter(has_any);
    there
        .map(|table| {
            let read = |file| lake.read_file(table, file, |column| wanted(&table.name, column));
            let months: Vec<Vec<RecordBatch>> = table.files.par_iter().map(read).collect::<Result<_, _>>()?;
            Ok((table.name.clone(), from_batches(&months.concat())))
        })
        .collect()
}
