//! A run into the lake, and what the lake published back out of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use hashbrown::HashMap;
use rayon::prelude::*;

use super::batches::{MonthPart, to_months};
use super::read_back::from_series;
use super::{Evaluated, Found, RunError, RunRequest, Stored};
use crate::column::Frame;
use crate::column::chunks::Series;
use crate::lake::{
    Committed, DataFile, Draft, Entry, Group, Input, Keys, Lake, LakeError, Lock, MONTH, Named, Partition,
    Prepared, Rows, Staging, TablePin, TableWrite,
};
use crate::model::TABLES;
use crate::report::{self, RunRecord};

/// The lake of a run, locked from before the first export is read.
#[derive(Debug)]
pub struct Store {
    lake: Arc<Lake>,
    lock: Arc<Lock>,
    /// Archives the exports while they are read and judged.
    archive: Mutex<Option<JoinHandle<Result<(), LakeError>>>>,
    /// Hashes of the exports as they become known, and how many there will be.
    told: Mutex<(Receiver<Arc<str>>, usize)>,
    staging: Arc<Staging>,
    /// Number that this run will have.
    run: u64,
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
        let (tell, told) = mpsc::channel();
        let exports_told = exports.len();
        let archive = thread::Builder::new().spawn(move || {
            exports.iter().try_for_each(|(path, known)| {
                let known = Some(&**known).filter(|known| !known.is_empty());
                // Nobody may be listening any more.
                own_lake.archive(&own_lock, path, known, |hash| drop(tell.send(Arc::from(hash))))
            })
        });
        let archive = archive.map_err(|source| RunError::Io { path: request.lake.clone(), source })?;
        let staging = Arc::new(lake.staging()?);
        let run = lake.latest()?.map_or(1, |entry| entry.run.saturating_add(1));
        let told = Mutex::new((told, exports_told));
        Ok(Store { lake, lock, archive: Mutex::new(Some(archive)), told, staging, run })
    }

    /// Hashes of the exports in their order, known as soon as they are copied.
    ///
    /// # Errors
    /// An export cannot be archived.
    pub fn hashes(&self) -> Result<Vec<Arc<str>>, RunError> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let hashes: Vec<Arc<str>> = told.0.iter().take(told.1).collect();
        if hashes.len() < told.1 {
            self.archived()?;
        }
        Ok(hashes)
    }

    /// Waits until every export is archived.
    fn archived(&self) -> Result<(), LakeError> {
        match self.archive.lock().unwrap_or_else(PoisonError::into_inner).take().map(JoinHandle::join) {
            Some(Ok(archived)) => archived,
            Some(Err(defect)) => std::panic::resume_unwind(defect),
            None => Ok(()),
        }
    }

    /// Where rows may wait: on the lake's own disk.
    pub fn scratch(&self) -> Option<PathBuf> {
        Some(self.lake.scratch())
    }

    /// Files the rows of tables by month. Those of a part are encoded at once, so that the tables can go; those of
    /// whole tables only if they have to be written.
    ///
    /// # Errors
    /// They cannot be kept on disk.
    pub fn file(&self, tables: &HashMap<String, Frame>, is_part: bool) -> Result<Filed, RunError> {
        let present = TABLES.iter().filter_map(|schema| Some((schema, tables.get(schema.name)?)));
        let mut filed = Filed::default();
        for (schema, frame) in present {
            let months = to_months(schema.name, frame).into_par_iter();
            let parts = months.map(|month| {
                let name = month.month.clone();
                let (digest, rows) = match is_part {
                    false => (month.digest(), FiledRows::Made(month)),
                    true => {
                        let encoded = self.staging.put(schema.name, month.series(self.run))?;
                        (encoded.digest, FiledRows::Staged(encoded.groups))
                    }
                };
                Ok(FiledMonth { table: schema.name, month: name, digest, rows })
            });
            filed.tables.push(schema.name);
            filed.months.extend(parts.collect::<Result<Vec<_>, LakeError>>()?);
        }
        Ok(filed)
    }

    /// Writes what changed of each table; nothing is published yet.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn prepare(&self, filed: Vec<Filed>, request: &RunRequest) -> Result<Prepared<'_>, RunError> {
        Ok(self.lake.prepare(&self.lock, &request.published_at, self.writes(filed))?)
    }

    /// Commits the run. The lock is held until the store is dropped.
    ///
    /// # Errors
    /// Whatever stops it; nothing is published then.
    pub fn commit(
        &self,
        prepared: Prepared<'_>,
        evaluated: &Evaluated,
        request: &RunRequest,
        record: &RunRecord,
        report: &report::Draft,
    ) -> Result<Stored, RunError> {
        self.archived()?;
        let draft = draft(&self.lake, &self.lock, evaluated, request, record, report)?;
        Ok(match self.lake.commit_prepared(&self.lock, draft, prepared)? {
            Committed::Published(entry) => Stored::Published(entry.run),
            Committed::Unchanged(run) => Stored::Unchanged(run),
        })
    }

    /// The tables as this run would write them: months of one part as they are, of several in their order.
    fn writes(&self, filed: Vec<Filed>) -> Vec<TableWrite> {
        let mut months: BTreeMap<(&str, String), Vec<FiledMonth>> = BTreeMap::new();
        let mut known: Vec<&str> = Vec::new();
        for part in filed {
            known.extend(part.tables);
            for month in part.months {
                months.entry((month.table, month.month.clone())).or_default().push(month);
            }
        }
        let mut writes = Vec::new();
        for schema in TABLES.iter().filter(|schema| known.contains(&schema.name)) {
            let own = months.extract_if(.., |(table, _), _| *table == schema.name);
            let partitions = own.map(|((_, month), parts)| self.partition(month, parts));
            let partitions = partitions.collect();
            let (name, partitioned) = (schema.name.to_owned(), schema.month_of.is_some());
            writes.push(TableWrite { name, partitioned, partitions });
        }
        writes
    }

    fn partition(&self, month: String, mut parts: Vec<FiledMonth>) -> Partition {
        let run = self.run;
        let digest = match parts.as_slice() {
            [only] => only.digest.clone(),
            several => {
                let mut hasher = blake3::Hasher::new();
                for part in several {
                    hasher.update(part.digest.as_bytes());
                }
                hasher.finalize().to_hex().to_string()
            }
        };
        if let [FiledMonth { rows: FiledRows::Made(_), .. }] = parts.as_slice()
            && let Some(FiledMonth { rows: FiledRows::Made(part), .. }) = parts.pop()
        {
            return Partition::new(month, digest, move || part.batch(run));
        }
        let groups = parts.into_iter().flat_map(|part| match part.rows {
            FiledRows::Staged(groups) => groups,
            FiledRows::Made(_) => Vec::new(),
        });
        Partition::staged(month, digest, groups.collect(), self.staging.clone())
    }
}

/// Judged rows by table and month.
#[derive(Debug, Default)]
pub struct Filed {
    /// Also those that have no rows.
    tables: Vec<&'static str>,
    months: Vec<FiledMonth>,
}

#[derive(Debug)]
struct FiledMonth {
    table: &'static str,
    month: String,
    digest: String,
    rows: FiledRows,
}

#[derive(Debug)]
enum FiledRows {
    Made(MonthPart),
    Staged(Vec<Group>),
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
    let pipeline = (evaluated.file.name.as_str(), evaluated.file.text.as_bytes());
    let seeds = evaluated.reference.texts().map(|(name, text)| (name, text.as_bytes()));
    let outputs = report.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let (names, contents): (Vec<&str>, Vec<&[u8]>) =
        std::iter::once(pipeline).chain(outputs).chain(seeds).unzip();
    let hashes = lake.put_objects(lock, &contents)?;
    let mut named =
        names.into_iter().zip(hashes).map(|(name, blake3)| Named { name: name.to_owned(), blake3 });
    let pipeline = named.next();
    let outputs: Vec<Named> = named.by_ref().take(report.files.len()).collect();
    let seeds: Vec<Named> = named.collect();
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
        pipeline: pipeline.unwrap_or_default(),
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
    let whole = |table: &TablePin| {
        let wanted = |column: &str| wanted(&table.name, column);
        in_files(table, |_| true, |file| lake.read_coded(table, file, but_month(wanted), from_series))
    };
    there.map(|table| Ok((table.name.clone(), Frame::concat(&whole(table)?)))).collect()
}

/// The rows of one month of a table.
///
/// # Errors
/// As [`tables`].
pub fn read_month(lake: &Lake, table: &TablePin, month: &str) -> Result<Frame, LakeError> {
    let read = |file: &DataFile| lake.read_coded(table, file, but_month(|_| true), from_series);
    Ok(Frame::concat(&in_files(table, |file| file.month == month, read)?))
}

/// What `take` makes of those columns of one month of a table that are wanted, row group by row group, as they are coded,
/// with the sample codes of the rows, which are not unpacked.
///
/// # Errors
/// As [`tables`], or `take`'s own.
pub fn scan_month<T: Send>(
    lake: &Lake,
    entry: &Entry,
    (table, month): (&str, &str),
    wanted: impl Fn(&str, &str) -> bool + Sync,
    take: impl Fn(Keys, Vec<(String, Series)>) -> Result<T, LakeError> + Sync,
) -> Result<Vec<T>, LakeError> {
    let Some(table) = entry.table(table) else { return Ok(Vec::new()) };
    let wanted = |column: &str| wanted(&table.name, column);
    let read = |file: &DataFile| lake.read_keyed(table, file, ("sample_code", but_month(wanted)), &take);
    in_files(table, |file| file.month == month, read)
}

/// A month is told by its rows' days.
fn but_month(wanted: impl Fn(&str) -> bool) -> impl Fn(&str) -> bool {
    move |column| column != MONTH && wanted(column)
}

/// What is read of those files of a table that are wanted, in their order.
fn in_files<T: Send>(
    table: &TablePin,
    of: impl Fn(&DataFile) -> bool,
    read: impl Fn(&DataFile) -> Result<Vec<T>, LakeError> + Sync,
) -> Result<Vec<T>, LakeError> {
    let files: Vec<&DataFile> = table.files.iter().filter(|file| of(file)).collect();
    let taken = files.into_par_iter().map(&read).collect::<Result<Vec<_>, _>>()?;
    Ok(taken.into_iter().flatten().collect())
}
