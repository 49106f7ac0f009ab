use std::path::PathBuf;

use super::file::InvalidPipeline;
use crate::reference::ReferenceError;
use crate::source::SourceError;

/// Why a run published nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Pipeline(#[from] InvalidPipeline),
    #[error("{0}")]
    Usage(String),
    #[error("source `{source_name}`: no file {}", pattern.display())]
    NoFile { source_name: String, pattern: PathBuf },
    #[error("source `{source_name}`: {} is a folder or a device, no file", path.display())]
    NotAFile { source_name: String, path: PathBuf },
    #[error("source `{source_name}`: {} changed while it was read", path.display())]
    Changed { source_name: String, path: PathBuf },
    #[error("source `{source_name}`: {error}")]
    Source { source_name: String, error: Box<SourceError> },
    #[error("seeds: {0}")]
    Seeds(#[from] ReferenceError),
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("rows that wait to be judged cannot be set aside: {0}")]
    Scratch(#[source] std::io::Error),
    #[error(
        "{rejected} of {read} rows were rejected or belong to no sample, more than the {limit} % that the pipeline allows{examples}"
    )]
    TooManyRejections {
        rejected: u64,
        read: u64,
        limit: String,
        /// The first of them, a line each.
        examples: String,
    },
    #[error("{0}")]
    Report(#[from] crate::report::ReportError),
    #[cfg(feature = "delta")]
    #[error("lake: {0}")]
    Lake(#[from] crate::lake::LakeError),
}

impl RunError {
    /// What the user can do about it, in one sentence.
    pub fn hint(&self) -> Option<String> {
        match self {
            RunError::NoFile { .. } => Some(
                "put the export there, name its folder with --param, or give the source `optional = true`"
                    .to_owned(),
            ),
            RunError::Source { error, .. } => error.hint().map(str::to_owned),
            RunError::Changed { .. } => Some("run again when the export is written to its end".to_owned()),
            RunError::Scratch(_) => Some(
                "see to it that the disk of the lake has room for as much as the exports take".to_owned(),
            ),
            RunError::TooManyRejections { .. } => Some("mend the export, or raise `max_rejected`".to_owned()),
            #[cfg(feature = "delta")]
            RunError::Lake(crate::lake::LakeError::Locked { .. }) => {
                Some("try again when it has ended, or give --wait".to_owned())
            }
            _ => None,
        }
    }
}
