use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::Column;

/// What a caller says about a run. The ledger keeps it word for word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// `2021-01-04T08:00:00Z`, by the caller's clock: the lake has none.
    pub published_at: String,
    /// Name and hash of the pipeline file.
    pub pipeline: Named,
    pub params: BTreeMap<String, String>,
    pub as_of: String,
    /// Version of the program.
    pub program: String,
    /// Every one of them must be archived first.
    pub inputs: Vec<Input>,
    pub rows: Rows,
    /// Digest over all seeds in use.
    pub seeds: String,
    /// How many rejections of each code.
    pub rejections: BTreeMap<String, u64>,
    /// Whether CSV files begin with a byte-order mark.
    #[serde(default = "yes")]
    pub byte_order_mark: bool,
    /// Published files that a repeated run reproduces to the byte (so not `run.json`, which holds seconds).
    pub outputs: Vec<Named>,
    /// Object that holds the cells.
    pub cells: Option<String>,
    /// Objects that this run needs later (pipeline, seeds, outputs …); they must be stored first.
    pub objects: Vec<Named>,
    /// Whatever else; does not count when a run is compared with the last one.
    pub extra: Value,
}

fn yes() -> bool {
    true
}

impl Draft {
    /// Whether both say the same, but for the hour and `extra`.
    pub(super) fn says_the_same(&self, other: &Draft) -> bool {
        let other =
            Draft { published_at: self.published_at.clone(), extra: self.extra.clone(), ..other.clone() };
        *self == other
    }
}

/// A name and the BLAKE3 of what it names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub blake3: String,
}

/// An export that a run read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Name of the source in the pipeline; empty in the ledgers of early versions.
    #[serde(default)]
    pub source: String,
    /// Name of the file.
    pub name: String,
    /// Path as it was given.
    pub path: String,
    pub blake3: String,
    pub rows: u64,
}

/// read = accepted + rejected + duplicate + superseded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicate: u64,
    pub superseded: u64,
}

/// One published run: what was said about it and exactly which files it consists of. Immutable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Format of the lake.
    pub format: u32,
    /// Runs are counted from 1.
    pub run: u64,
    /// BLAKE3 of the bytes of the entry before.
    pub previous: Option<String>,
    #[serde(flatten)]
    pub draft: Draft,
    /// Sorted by name.
    pub tables: Vec<TablePin>,
}

impl Entry {
    pub fn table(&self, name: &str) -> Option<&TablePin> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// A table as one run published it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePin {
    pub name: String,
    /// Delta's own name for the table.
    pub id: String,
    /// By `month`; the column is not in the files, readers add it.
    pub partitioned: bool,
    /// Version of the Delta table.
    pub version: u64,
    /// BLAKE3 of the Delta commit that made this version.
    pub log: String,
    pub columns: Vec<Column>,
    /// Sorted by month.
    pub files: Vec<DataFile>,
}

/// One Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Relative to the table's folder.
    pub path: String,
    /// Empty in a table without partitions.
    pub month: String,
    pub rows: u64,
    pub bytes: u64,
    pub blake3: String,
    /// The caller's digest of the content, by which the next run knows that nothing changed.
    pub digest: String,
}
