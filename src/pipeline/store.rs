//! A run into the lake, and what the lake published back out of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::archive::Archive;
use super::batches::{MonthPart, to_months};
use super::file::PipelineFile;
use super::read_back::from_series;
use super::{Evaluated, Found, RunError, RunRequest, Stored};
use crate::column::Frame;
use crate::column::chunks::Series;
use crate::lake::{
    Committed, DataFile, Draft, Entry, Group, Input, Keys, Lake, LakeError, Lock, MONTH, Named, Partition,
    Prepared, Rows, Staging, TablePin, TableWrite,
};
use crate::model::TABLES;
use crate::reference::Reference;
use crate::report::{self, RunRecord};
use crate::source::Keeper;

/// The lake of a run, locked from before the first export is read.
#[derive(Debug)]
pub struct Store {
    lake: Arc<Lake>,
    lock: Arc<Lock>,
    archive: Archive,
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
        let archive = Archive::begin(&lake, &lock, found)?;
        let staging = Arc::new(lake.staging()?);
        let run = lake.latest()?.map_or(1, |entry| entry.run.saturating_add(1));
        Ok(Store { lake, lock, archive, staging, run })
    }

    /// Hashes of the exports in their order, once they are read: known before the copies are durable.
    ///
    /// # Errors
    /// An export cannot be archived.
    pub fn hashes(&self) -> Result<Vec<Arc<str>>, RunError> {
        Ok(self.archive.hashes()?)
    }

    /// Who is to be handed the bytes of an export while it is read.
    pub fn keeper(&self, path: &Path) -> Option<&dyn Keeper> {
        self.archive.keeper(path)
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
        let mut months: BTreeMap<String, Vec<(&'static str, MonthPart)>> = BTreeMap::new();
        for (schema, frame) in present {
            filed.tables.push(schema.name);
            for own in to_months(schema.name, frame) {
                months.entry(own.month.clone()).or_default().push((schema.name, own));
            }
        }
        let months: Vec<(String, Vec<(&str, MonthPart)>)> = months.into_iter().collect();
        let file = |(month, tables)| self.file_month(month, tables, is_part);
        let months: Vec<Vec<FiledMonth>> =
            months.into_par_iter().map(file).collect::<Result<_, LakeError>>()?;
        filed.months = months.into_iter().flatten().collect();
        Ok(filed)
    }

    /// One table after the other: those of a month have texts in common.
    fn file_month(
        &self,
        month: String,
        tables: Vec<(&'static str, MonthPart)>,
        is_part: bool,
    ) -> Result<Vec<FiledMonth>, LakeError> {
        let filed = |table, (digest, rows)| FiledMonth { table, month: month.clone(), digest, rows };
        if !is_part {
            let whole = |(table, own): (_, MonthPart)| filed(table, (own.digest(), FiledRows::Made(own)));
            return Ok(tables.into_iter().map(whole).collect());
        }
        self.staging.compressing(|compressor| {
            let encode = |(table, own): (_, MonthPart)| {
                let encoded = self.staging.put(table, own.series(self.run), compressor)?;
                Ok(filed(table, (encoded.digest, FiledRows::Staged(encoded.groups))))
            };
            tables.into_iter().map(encode).collect()
        })
    }

    /// Writes what changed of each table, and what the run was made by; nothing is published yet.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn prepare(&self, filed: Vec<Filed>, own: Own, request: &RunRequest) -> Result<Ready<'_>, RunError> {
        let (tables, stored) = rayon::join(
            || self.lake.prepare(&self.lock, &request.published_at, self.writes(filed)),
            || own.stored(&self.lake, &self.lock),
        );
        Ok(Ready { tables: tables?, own: stored? })
    }

    /// Stores what the report tells; nothing refers to it yet.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn keep(&self, report: &report::Draft) -> Result<Outputs, RunError> {
        let outputs = report.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        Ok(Outputs(put(&self.lake, &self.lock, outputs)?))
    }

    /// Commits the run. The lock is held until the store is dropped.
    ///
    /// # Errors
    /// Whatever stops it; nothing is published then.
    pub fn commit(
        &self,
        ready: Ready<'_>,
        evaluated: &Evaluated,
        request: &RunRequest,
        record: &RunRecord,
        Outputs(outputs): Outputs,
    ) -> Result<Stored, RunError> {
        let Ready { tables, own } = ready;
        self.archive.wait()?;
        let draft = draft(evaluated, request, record, own, outputs);
        Ok(match self.lake.commit_prepared(&self.lock, draft, tables)? {
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

/// What a run is made by, word for word: its pipeline, then its seeds.
#[derive(Debug)]
pub struct Own(Vec<(String, String)>);

impl Own {
    pub fn of(file: &PipelineFile, reference: &Reference) -> Own {
        let seeds = reference.texts().map(|(name, text)| (name.to_owned(), text.to_owned()));
        Own(std::iter::once((file.name.clone(), file.text.clone())).chain(seeds).collect())
    }

    fn stored(&self, lake: &Lake, lock: &Lock) -> Result<Vec<Named>, LakeError> {
        put(lake, lock, self.0.iter().map(|(name, text)| (name.as_str(), text.as_bytes())))
    }
}

/// The files of a report, stored by their hashes.
#[derive(Debug)]
pub struct Outputs(Vec<Named>);

/// Everything of a run that is on disk before its figures are known.
#[derive(Debug)]
pub struct Ready<'l> {
    tables: Prepared<'l>,
    own: Vec<Named>,
}

/// Stores contents, and names them.
fn put<'a>(
    lake: &Lake,
    lock: &Lock,
    all: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Vec<Named>, LakeError> {
    let (names, contents): (Vec<&str>, Vec<&[u8]>) = all.unzip();
    let hashes = lake.put_objects(lock, &contents)?;
    let named = |(name, blake3): (&str, String)| Named { name: name.to_owned(), blake3 };
    Ok(names.into_iter().zip(hashes).map(named).collect())
}

/// What the ledger will say of the run.
fn draft(
    evaluated: &Evaluated,
    request: &RunRequest,
    record: &RunRecord,
    own: Vec<Named>,
    outputs: Vec<Named>,
) -> Draft {
    let mut own = own.into_iter();
    let cells =
        outputs.iter().find(|output| output.name == "cells.parquet").map(|output| output.blake3.clone());
    let inputs = record.inputs.iter().zip(&evaluated.inputs).map(|(input, found)| Input {
        source: found.source.clone(),
        name: found.name.clone(),
        path: input.path.clone(),
        blake3: input.blake3.clone(),
        rows: input.rows,
    });
    Draft {
        published_at: request.published_at.clone(),
        pipeline: own.next().unwrap_or_default(),
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
        objects: own.collect(),
        extra: serde_json::Value::Null,
    }
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
