//! Delta's log: what it says, and how a commit is added to it.
//!
//! Reading is deltalake's. Writing is ours, because its local store links a commit into the log without
//! syncing it first, and a power cut then leaves a commit of zero length that no reader forgives. The
//! protocol asks for little: one JSON action a line, under the next number, and only if nobody was faster.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake_core::kernel::{Action, Add, CommitInfo, Metadata, Protocol, Remove, Transaction};
use deltalake_core::{DeltaTableBuilder, DeltaTableError};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::disk::{Readers, Taken, aside, at, names, settle};
use super::schema::{MONTH, delta_schema};
use super::{Column, DataFile, LakeError};

/// A file as Delta knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Active {
    pub(super) month: String,
    pub(super) bytes: i64,
    pub(super) modified: i64,
    pub(super) stats: Option<String>,
}

/// A version of a Delta table.
#[derive(Debug)]
pub(super) struct State {
    pub(super) version: u64,
    pub(super) files: BTreeMap<String, Active>,
    pub(super) metadata: Metadata,
}

impl State {
    /// Whether the table consists of exactly these files.
    pub(super) fn equals(&self, files: &[DataFile]) -> bool {
        let same = |file: &DataFile| {
            let active = self.files.get(&file.path);
            active.is_some_and(|it| it.month == file.month && u64::try_from(it.bytes) == Ok(file.bytes))
        };
        self.files.len() == files.len() && files.iter().all(same)
    }
}

/// Reads Delta's logs. deltalake is asynchronous; the threads that needs stay in here.
#[derive(Debug)]
pub(super) struct Logs {
    runtime: Arc<Runtime>,
}

impl Logs {
    pub(super) fn new(root: &Path) -> Result<Logs, LakeError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("assay-lake").enable_time().build();
        Ok(Logs { runtime: Arc::new(runtime.map_err(at(root))?) })
    }

    /// The table at a version, or its newest; none if there is no table.
    pub(super) fn state(&self, folder: &Path, version: Option<u64>) -> Result<Option<State>, LakeError> {
        if newest(folder)?.is_none() {
            return Ok(None);
        }
        let table = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failed =
            |source: DeltaTableError| LakeError::Delta { table: table.clone(), source: Box::new(source) };
        let url = Url::from_directory_path(folder).map_err(|()| LakeError::Name {
            what: "folder",
            name: folder.display().to_string(),
            reason: "it is no absolute path",
        })?;
        let loaded = self.runtime.block_on(async {
            let builder = DeltaTableBuilder::from_url(url)?;
            match version {
                Some(version) => builder.with_version(version).load().await,
                None => builder.load().await,
            }
        });
        let loaded = loaded.map_err(failed)?;
        let snapshot = loaded.snapshot().map_err(failed)?;
        let mut files = BTreeMap::new();
        for file in snapshot.log_data() {
            let month = file.partition_values_map().remove(MONTH).flatten().unwrap_or_default();
            let (bytes, modified) = (file.size(), file.modification_time());
            files.insert(file.path().into_owned(), Active { month, bytes, modified, stats: file.stats() });
        }
        Ok(Some(State { version: snapshot.version(), files, metadata: snapshot.metadata().clone() }))
    }
}

const LOG: &str = "_delta_log";

pub(super) fn log_path(folder: &Path, version: u64) -> PathBuf {
    folder.join(LOG).join(format!("{version:020}.json"))
}

/// Number of the newest version, without reading the log; none if there is no table.
pub(super) fn newest(folder: &Path) -> Result<Option<u64>, LakeError> {
    let numbers =
        names(&folder.join(LOG))?.into_iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok());
    Ok(numbers.max())
}

/// Adds a version to the table and returns the BLAKE3 of the commit.
pub(super) fn append(
    folder: &Path,
    tmp: &Path,
    version: u64,
    actions: &[Action],
) -> Result<String, LakeError> {
    let mut text = String::new();
    for action in actions {
        text.push_str(&serde_json::to_string(action)?);
        text.push('\n');
    }
    let path = log_path(folder, version);
    let mut file = aside(tmp, Readers::Everyone)?;
    file.write_all(text.as_bytes()).map_err(at(&path))?;
    settle(file, &path, Taken::Refuse)?;
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// What stands first in a commit: why and by whom it was made. `time` in milliseconds since 1970.
pub(super) fn preamble(operation: &str, run: u64, time: i64, partitioned: bool) -> Vec<Action> {
    // Spark wants texts in here, also where they look like lists.
    let partition_by = if partitioned { json!([MONTH]) } else { json!([]) };
    let parameters = [("mode", json!("Overwrite")), ("partitionBy", json!(partition_by.to_string()))];
    let info = CommitInfo {
        timestamp: Some(time),
        operation: Some(operation.to_owned()),
        operation_parameters: Some(parameters.map(|(name, value)| (name.to_owned(), value)).into()),
        is_blind_append: Some(false),
        engine_info: Some(concat!("assay/", env!("CARGO_PKG_VERSION")).to_owned()),
        ..CommitInfo::default()
    };
    // Delta's own way to say which transaction of an application a version belongs to.
    let transaction = Transaction::new("assay", i64::try_from(run).unwrap_or(i64::MAX));
    vec![Action::CommitInfo(info), Action::Txn(transaction)]
}

/// The plainest protocol there is, so that every reader can follow.
pub(super) fn protocol() -> Result<Action, LakeError> {
    let protocol: Protocol = serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))?;
    Ok(Action::Protocol(protocol))
}

/// Describes the table. `id` stays the same when its columns change.
pub(super) fn metadata(
    table: &str,
    id: &str,
    columns: &[Column],
    partitioned: bool,
) -> Result<Action, LakeError> {
    // History answers `--as-known-at`: no foreign vacuum or log clean-up may take it.
    let configuration = json!({
        "delta.deletedFileRetentionDuration": "interval 36500 days",
        "delta.logRetentionDuration": "interval 36500 days",
        "delta.enableExpiredLogCleanup": "false",
    });
    let metadata: Metadata = serde_json::from_value(json!({
        "id": id,
        "name": table,
        "description": Value::Null,
        "format": { "provider": "parquet", "options": {} },
        "schemaString": delta_schema(columns, partitioned).to_string(),
        "partitionColumns": if partitioned { vec![MONTH] } else { Vec::new() },
        "configuration": configuration,
    }))?;
    Ok(Action::Metadata(metadata))
}

/// A UUID made from what is already known, so that nothing here depends on chance.
pub(super) fn identity(table: &str, time: i64) -> String {
    let hash = blake3::hash(format!("{table} {time}").as_bytes()).to_hex();
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

pub(super) fn add(path: &str, file: &Active) -> Action {
    Action::Add(Add {
        path: path.to_owned(),
        partition_values: partition_values(&file.month),
        size: file.bytes,
        modification_time: file.modified,
        data_change: true,
        stats: file.stats.clone(),
        ..Add::default()
    })
}

/// Takes a file out of the table. It stays on disk: older runs still read it.
pub(super) fn remove(path: &str, month: &str, bytes: i64, time: i64) -> Action {
    Action::Remove(Remove {
        path: path.to_owned(),
        data_change: true,
        deletion_timestamp: Some(time),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(month)),
        size: Some(bytes),
        ..Remove::default()
    })
}

fn partition_values(month: &str) -> std::collections::HashMap<String, Option<String>> {
    let value = (!month.is_empty()).then(|| (MONTH.to_owned(), Some(month.to_owned())));
    value.into_iter().collect()
}
