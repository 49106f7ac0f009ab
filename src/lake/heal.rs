//! Takes back what a run committed to Delta tables but never published in the ledger.
//!
//! A table that is ahead of its pin gets one more Delta commit that removes what the pin has not and adds
//! again what it has. Nothing is deleted: a foreign reader that saw the unpublished version can still read
//! it, its numbers only go up, and to us it never existed.

use std::collections::BTreeSet;
use std::path::Path;

use deltalake_core::kernel::Action;

use super::blobs::fault;
use super::delta::{Logs, State, add, append, log_path, newest, preamble, remove};
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
    let pins = latest.map(|entry| entry.tables.as_slice()).unwrap_or_default();
    let all: BTreeSet<String> =
        names(tables)?.into_iter().chain(pins.iter().map(|pin| pin.name.clone())).collect();
    for name in all {
        let folder = tables.join(&name);
        let pin = latest.and_then(|entry| entry.table(&name));
        if let Some(pin) = pin
            && is_at(&folder, pin)?
        {
            continue;
        }
        let Some(newest) = logs.state(&folder, None)? else { continue };
        let pinned = match pin {
            Some(pin) => Some(pinned_state(&folder, logs, pin)?),
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

/// Whether the newest version is the pinned one, by number and hash: all that an undisturbed run has to ask.
fn is_at(folder: &Path, pin: &TablePin) -> Result<bool, LakeError> {
    let newest = newest(folder)?;
    if newest.is_none_or(|newest| newest < pin.version) {
        return Err(damaged(folder, pin, "is missing"));
    }
    if let Some(what) = fault(&log_path(folder, pin.version), &pin.log) {
        return Err(damaged(folder, pin, &format!("is not the one that was published: {what}")));
    }
    Ok(newest == Some(pin.version))
}

/// The table as it was pinned, checked against the pin.
fn pinned_state(folder: &Path, logs: &Logs, pin: &TablePin) -> Result<State, LakeError> {
    match logs.state(folder, Some(pin.version))? {
        Some(state) if state.equals(&pin.files) => Ok(state),
        _ => Err(damaged(folder, pin, "does not list the files that the ledger pins")),
    }
}

fn damaged(folder: &Path, pin: &TablePin, what: &str) -> LakeError {
    let what = format!("table `{}`: version {} in Delta's log {what}", pin.name, pin.version);
    LakeError::Damaged { path: folder.to_owned(), what }
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
