use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

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
    #[error("{}: the file changed while it was read", path.display())]
    Changed { path: PathBuf },
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
        source: ParquetError,
    },
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

/// What the Parquet library says of a file; the disk's own faults among it are told as such.
pub(super) fn parquet(path: &Path) -> impl Fn(ParquetError) -> LakeError + use<> {
    let path = path.to_owned();
    move |source| {
        let path = path.clone();
        match source {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(source) => LakeError::Io { path, source: *source },
                Err(inner) => LakeError::Parquet { path, source: ParquetError::External(inner) },
            },
            source => LakeError::Parquet { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_fault_of_parquet() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = parquet(Path::new("tmp"))(ParquetError::from(full));
        assert!(
            matches!(&error, LakeError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull)
        );
        let error = parquet(Path::new("tmp"))(ParquetError::EOF("footer".to_owned()));
        assert!(matches!(error, LakeError::Parquet { .. }));
    }
}
