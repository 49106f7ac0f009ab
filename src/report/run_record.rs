use serde::Serialize;

use crate::validate::RowCounts;

/// One input of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputRecord {
    pub source: String,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageSeconds {
    pub stage: String,
    pub seconds: f64,
}

/// Everything that `run.json` says about a run.
#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    pub program: String,
    pub version: String,
    pub pipeline: String,
    pub pipeline_blake3: String,
    pub seeds_blake3: String,
    pub params: std::collections::BTreeMap<String, String>,
    pub as_of: String,
    pub inputs: Vec<InputRecord>,
    #[serde(serialize_with = "row_counts")]
    pub rows: RowCounts,
    /// Lines of `rejections.csv` by code.
    pub rejections: std::collections::BTreeMap<String, u64>,
    pub stages: Vec<StageSeconds>,
    /// File name → BLAKE3.
    pub outputs: std::collections::BTreeMap<String, String>,
}

fn row_counts<S: serde::Serializer>(counts: &RowCounts, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeStruct;
    let mut rows = serializer.serialize_struct("rows", 5)?;
    rows.serialize_field("read", &counts.read)?;
    rows.serialize_field("accepted", &counts.accepted)?;
    rows.serialize_field("rejected", &counts.rejected)?;
    rows.serialize_field("duplicate", &counts.duplicate)?;
    rows.serialize_field("superseded", &counts.superseded)?;
    rows.end()
}
