//! validate: typed columns → accepted rows and rejections; every row is accounted for exactly once.

mod key;
mod row;

use serde::{Deserialize, Serialize};

pub use key::{Resolution, resolve};
pub use row::{CheckSpec, Checked, VERSION, check, cut_off, rank, wide_name};

/// What became of the rows of a source or a run. `read` is always the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicate: u64,
    pub superseded: u64,
}

impl RowCounts {
    pub fn add(&mut self, other: &RowCounts) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
        self.superseded += other.superseded;
    }
}
