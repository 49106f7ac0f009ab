use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::validate::RowCounts;

/// One input of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    pub source: String,
    /// Name of the file.
    pub name: String,
    /// Path as it was given.
    pub path: String,
    pub blake3: String,
    pub encoding: String,
    /// Rows over all sheets.
    pub rows: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicate: u64,
    pub superseded: u64,
    pub unknown_columns: Vec<String>,
}

/// Wall-clock seconds of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSeconds {
    pub stage: String,
    pub seconds: f64,
}

/// Everything that `run.json` says about a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    pub program: String,
    pub version: String,
    pub pipeline: String,
    pub pipeline_blake3: String,
    pub seeds_blake3: String,
    /// Reference table → BLAKE3.
    pub seeds: BTreeMap<String, String>,
    pub params: BTreeMap<String, String>,
    pub as_of: String,
    /// Whether CSV files begin with a byte-order mark.
    pub byte_order_mark: bool,
    pub inputs: Vec<InputRecord>,
    pub rows: RowCounts,
    /// Lines of `rejections.csv` by code.
    pub rejections: BTreeMap<String, u64>,
    pub stages: Vec<StageSeconds>,
    /// File name → BLAKE3.
    pub outputs: BTreeMap<String, String>,
}
