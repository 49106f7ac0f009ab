use std::path::PathBuf;

/// Why the lake refused. Nothing was published in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("{}: no lake here", dir.display())]
    Missing { dir: PathBuf },
    #[error("{} is neither empty nor a lake (it holds {found}); name another folder with --lake", dir.display())]
    Foreign { dir: PathBuf, found: String },
    #[error("the lake is locked by another run (process {by})")]
    Locked { by: String },
    #[error("this lock belongs to another lake: {}", root.display())]
    WrongLock { root: PathBuf },
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// What lies on disk is not what was published.
    #[error("{}: damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    /// A newer program wrote it; an older one must not guess.
    #[error("{}: written by a newer assay (format {format}, this one knows up to {known})", path.display())]
    Newer { path: PathBuf, format: u32, known: u32 },
    #[error("there is no run {run}; the last one is {last}")]
    NoRun { run: u64, last: u64 },
    #[error("run {run} has no table `{table}`")]
    NoTable { run: u64, table: String },
    #[error("{}: BLAKE3 is {found}, not {expected}: the file changed while it was read", path.display())]
    WrongHash { path: PathBuf, expected: String, found: String },
    #[error(
        "{what} {blake3} is not in the lake: it must be stored before the run that names it is published"
    )]
    NotStored { what: String, blake3: String },
    #[error("{what} `{name}`: {reason}")]
    Name { what: &'static str, name: String, reason: &'static str },
    #[error("`{text}` is not a point in time (expected 2020-12-31T08:00:00Z)")]
    Time { text: String },
    #[error("table `{table}`: column `{column}` is {found}, which a lake does not store")]
    Type { table: String, column: String, found: String },
    #[error(
        "table `{table}`: column `{column}` was {was} and is now {now}, while unchanged months keep the old type"
    )]
    Schema { table: String, column: String, was: String, now: String },
    /// Somebody who does not hold our lock wrote between our reading and our writing.
    #[error("{}: another program wrote this first", path.display())]
    Conflict { path: PathBuf },
    #[error("table `{table}`: {source}")]
    Delta {
        table: String,
        #[source]
        source: Box<deltalake_core::DeltaTableError>,
    },
    #[error("table `{table}`: {source}")]
    Arrow {
        table: String,
        #[source]
        source: arrow::error::ArrowError,
    },
    #[error("{}: {source}", path.display())]
    Parquet {
        path: PathBuf,
        #[source]
        source: parquet::errors::ParquetError,
    },
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}
