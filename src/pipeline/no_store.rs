//! In place of the lake, where the program is built without it.

use std::sync::Arc;

use hashbrown::HashMap;

use super::file::PipelineFile;
use super::inputs::Input;
use super::source_file::SourceFile;
use super::{Evaluated, Found, RunError, RunRequest, Stored};
use crate::column::Frame;
use crate::reference::Reference;
use crate::report::{Draft, RunRecord};
use crate::source::Keeper;

/// No lake.
#[derive(Debug)]
pub struct Store {
    sources: Vec<(SourceFile, Vec<Input>)>,
}

/// Nothing.
#[derive(Debug)]
pub struct Filed;

/// Nothing.
#[derive(Debug)]
pub struct Ready;

/// Nothing.
#[derive(Debug)]
pub struct Outputs;

/// Nothing.
#[derive(Debug)]
pub struct Own;

impl Own {
    pub fn of(_: &PipelineFile, _: &Reference) -> Own {
        Own
    }
}

impl Store {
    /// # Errors
    /// None.
    pub fn open(_: &RunRequest, found: &Found) -> Result<Store, RunError> {
        Ok(Store { sources: found.sources.clone() })
    }

    /// # Errors
    /// A file cannot be read.
    pub fn hashes(&self) -> Result<Vec<Arc<str>>, RunError> {
        super::inputs::hash_all(&self.sources)
    }

    /// Nobody.
    pub fn keeper(&self, _: &std::path::Path) -> Option<&dyn Keeper> {
        None
    }

    /// Where rows may wait.
    pub fn scratch(&self) -> Option<std::path::PathBuf> {
        None
    }

    /// # Errors
    /// None.
    pub fn file(&self, _: &HashMap<String, Frame>, _: bool) -> Result<Filed, RunError> {
        Ok(Filed)
    }

    /// # Errors
    /// None.
    pub fn prepare(&self, _: Vec<Filed>, _: Own, _: &RunRequest) -> Result<Ready, RunError> {
        Ok(Ready)
    }

    /// # Errors
    /// None.
    pub fn keep(&self, _: &Draft) -> Result<Outputs, RunError> {
        Ok(Outputs)
    }

    /// # Errors
    /// None.
    pub fn commit(
        &self,
        _: Ready,
        _: &Evaluated,
        _: &RunRequest,
        _: &RunRecord,
        _: Outputs,
    ) -> Result<Stored, RunError> {
        Ok(Stored::NoLake)
    }
}
