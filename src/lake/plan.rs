use std::fs;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::{DataFile, Entry, Group, Lake, LakeError, Staging};

/// The whole new content of a table. No partitions: the table becomes empty.
#[derive(Debug)]
pub struct TableWrite {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// By month; otherwise there is at most one partition, of month "".
    pub partitioned: bool,
    pub partitions: Vec<Partition>,
}

/// The rows of one month.
pub struct Partition {
    /// `2020-06`, or `unknown`.
    pub month: String,
    /// Of the content, columns included: a partition of the same digest is not written again.
    pub digest: String,
    pub(super) content: Content,
}

/// How a partition comes by its rows.
pub(super) enum Content {
    Made(Make),
    Staged(Vec<Group>, Arc<Staging>),
}

type Make = Box<dyn FnOnce() -> Result<RecordBatch, ArrowError> + Send>;

impl Partition {
    /// Rows that are made only if they have to be written; on any thread.
    pub fn new(
        month: impl Into<String>,
        digest: impl Into<String>,
        make: impl FnOnce() -> Result<RecordBatch, ArrowError> + Send + 'static,
    ) -> Partition {
        Partition { month: month.into(), digest: digest.into(), content: Content::Made(Box::new(make)) }
    }

    /// Rows that are encoded already; a column that a group lacks is empty on its rows.
    pub fn staged(
        month: impl Into<String>,
        digest: impl Into<String>,
        groups: Vec<Group>,
        staging: Arc<Staging>,
    ) -> Partition {
        Partition { month: month.into(), digest: digest.into(), content: Content::Staged(groups, staging) }
    }
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Partition")
            .field("month", &self.month)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A table's way from what is pinned to what is wanted.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) partitioned: bool,
    pub(super) kept: Vec<DataFile>,
    pub(super) fresh: Vec<Partition>,
    pub(super) gone: Vec<DataFile>,
}

impl Plan {
    /// The plan, and the partitions that it has written.
    pub(super) fn apart(mut self) -> (Plan, Vec<Partition>) {
        let fresh = std::mem::take(&mut self.fresh);
        (self, fresh)
    }
}

/// The tables that change, with what changes in them.
pub(super) fn plan(
    lake: &Lake,
    latest: Option<&Entry>,
    tables: Vec<TableWrite>,
) -> Result<Vec<Plan>, LakeError> {
    let mut plans: Vec<Plan> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for table in tables {
        check_names(&table)?;
        if seen.contains(&table.name) {
            return Err(LakeError::Name { what: "table", name: table.name, reason: "it is given twice" });
        }
        seen.push(table.name.clone());
        let pin = latest.and_then(|entry| entry.table(&table.name));
        let folder = lake.tables().join(&table.name);
        // Files of a table that is now cut otherwise are of no use.
        let same_cut = pin.is_some_and(|pin| pin.partitioned == table.partitioned);
        let (mut kept, mut fresh) = (Vec::new(), Vec::new());
        let mut gone: Vec<DataFile> = pin.map(|pin| pin.files.clone()).unwrap_or_default();
        for partition in table.partitions {
            let reusable = |file: &DataFile| {
                let same = same_cut && file.month == partition.month && file.digest == partition.digest;
                // A file that is lost or cut short is written anew rather than trusted.
                same && fs::metadata(folder.join(&file.path)).is_ok_and(|found| found.len() == file.bytes)
            };
            match gone.iter().position(reusable) {
                Some(index) => kept.push(gone.swap_remove(index)),
                None => fresh.push(partition),
            }
        }
        if !(fresh.is_empty() && gone.is_empty()) {
            plans.push(Plan { name: table.name, partitioned: table.partitioned, kept, fresh, gone });
        }
    }
    Ok(plans)
}

fn check_names(table: &TableWrite) -> Result<(), LakeError> {
    let wrong = |what, name: &str, reason| Err(LakeError::Name { what, name: name.to_owned(), reason });
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if table.name.is_empty() || !table.name.bytes().all(plain) {
        return wrong("table", &table.name, "only lower-case letters, digits and _ are allowed");
    }
    let mut seen: Vec<&str> = Vec::new();
    for Partition { month, .. } in &table.partitions {
        if !(if table.partitioned { is_month(month) } else { month.is_empty() }) {
            return wrong(
                "month",
                month,
                "expected 2020-06 or `unknown`; nothing in a table without partitions",
            );
        }
        if seen.contains(&month.as_str()) {
            return wrong("month", month, "it is given twice");
        }
        seen.push(month);
    }
    Ok(())
}

fn is_month(text: &str) -> bool {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let dated = text.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2));
    dated || text == "unknown"
}
