//! Takes back what a run committed to Delta tables but never published in the ledger.
//!
//! A table that is ahead of its pin gets one more Delta commit that removes what the pin has not and adds
//! again what it has. Nothing is deleted: a foreign reader that saw the unpublished version can still read
//! it, its numbers only go up, and to us it never existed.

use std::path::Path;

use deltalake_core::kernel::Action;

use super::delta::{Logs, State, add, append, preamble, remove};
use super::disk::names;
use super::{Entry, LakeError, TablePin};

/// Makes every table below `tables` say what the entry pins. `run` is the run that is about to begin.
pub(super) fn take_back(
    tables: &Path,
    tmp: &Path,
    logs: &Logs,
    latest: Option<&Entry>,
    run: u64,
    time: i64,
) -> Result<(), LakeError> {
    for name in names(tables)? {
        let folder = tables.join(&name);
        let Some(newest) = logs.state(&folder, None)? else { continue };
        let pin = latest.and_then(|entry| entry.table(&name));
        let pinned = match pin {
            Some(pin) if newest.version == pin.version && newest.equals(&pin.files) => continue,
            Some(pin) => Some(pinned_state(&folder, logs, pin, &newest)?),
            None => None,
        };
        let actions = difference(&newest, pinned.as_ref(), time);
        if !actions.is_empty() {
            let mut commit = preamble("RESTORE", run, time, pin.is_some_and(|pin| pin.partitioned));
            commit.extend(actions);
            append(&folder, tmp, newest.version.saturating_add(1), &commit)?;
        }
    }
    Ok(())
}

/// The table as it was pinned, checked against the pin.
fn pinned_state(folder: &Path, logs: &Logs, pin: &TablePin, newest: &State) -> Result<State, LakeError> {
    let damaged = |what: &str| {
        let what = format!("table `{}`: version {} in Delta's log {what}", pin.name, pin.version);
        LakeError::Damaged { path: folder.to_owned(), what }
    };
    if newest.version < pin.version {
        return Err(damaged("is missing"));
    }
    match logs.state(folder, Some(pin.version))? {
        Some(state) if state.equals(&pin.files) => Ok(state),
        _ => Err(damaged("does not list the files that the ledger pins")),
    }
}

/// What turns the newest state into the pinned one. A table that was never pinned becomes empty.
fn difference(newest: &State, pinned: Option<&State>, time: i64) -> Vec<Action> {
    let mut actions = Vec::new();
    if let Some(pinned) = pinned
        && pinned.metadata != newest.metadata
    {
        actions.push(Action::Metadata(pinned.metadata.clone()));
    }
    for (path, file) in &newest.files {
        if !pinned.is_some_and(|pinned| pinned.files.contains_key(path)) {
            actions.push(remove(path, &file.month, file.bytes, time));
        }
    }
    for (path, file) in pinned.iter().flat_map(|pinned| &pinned.files) {
        if !newest.files.contains_key(path) {
            actions.push(add(path, file));
        }
    }
    actions
}
