//! judge: result, limit, unit, plan → verdict of each determination, conclusion of each sample.
//!
//! Verdicts are made once per distinct combination of result, unit and limits. Values are compared as
//! written and exactly (GB/T 8170-2008, whole-value comparison).

mod determination;
mod sample;
mod verdict;

pub use determination::{Judged, judge_determinations};
pub use sample::{CONCLUSION, ConclusionFrom, conclude};
pub use verdict::{Measurement, Verdict, verdict};
