//! In place of the lake, where the program is built without it.

use super::{Evaluated, Found, RunError, RunRequest, Stored};
use crate::report::{Draft, RunRecord};

/// No lake.
#[derive(Debug)]
pub struct Store;

impl Store {
    /// # Errors
    /// None.
    pub fn open(_: &RunRequest, _: &Found) -> Result<Store, RunError> {
        Ok(Store)
    }

    /// # Errors
    /// None.
    pub fn months(&self, _: &Evaluated) -> Result<(), RunError> {
        Ok(())
    }

    /// # Errors
    /// None.
    pub fn commit(
        &mut self,
        (): (),
        _: &Evaluated,
        _: &RunRequest,
        _: &RunRecord,
        _: &Draft,
    ) -> Result<Stored, RunError> {
        Ok(Stored::NoLake)
    }
}
