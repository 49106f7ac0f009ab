//! judge: result, limit, unit, plan → verdict of each determination, conclusion of each sample.
//!
//! Verdicts are made once per distinct combination of result, unit and limits ([`decide`]). Values are
//! compared exactly, as written or rounded as the standard says (GB/T 8170-2008), and converted only
//! within a dimension.

mod amounts;
mod decide;
mod decisions;
mod determination;
mod duty;
mod enterprise;
mod exact;
mod items;
mod plan;
mod sample;
mod suspicious;
mod usual;
mod verdict;

pub use decide::{DECIDING, Outcome, PRODUCT, Texts, decide};
pub use decisions::Decisions;
pub use determination::{Judged, Official, judge_determinations};
pub use duty::{Clocks, Overdue, Standing, Step, overdue};
pub use enterprise::{Match, Register, Stated};
pub use exact::{Comparison, Fraction, round_half_even};
pub use sample::{CONCLUSION, ConclusionFrom, conclude};
pub use suspicious::{Mark, Marked, Occurrences, measured};
pub use verdict::{Doubt, Judgement, Measurement, Verdict, judge};
