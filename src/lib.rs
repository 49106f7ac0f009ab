#![doc = include_str!("ARCHITECTURE.md")]
#![forbid(unsafe_code)]

pub mod cli;
pub mod column;
pub mod cube;
pub mod indicator;
pub mod judge;
#[cfg(feature = "delta")]
pub mod lake;
mod lanes;
pub mod model;
pub mod normalize;
pub mod pipeline;
#[cfg(all(feature = "query", feature = "delta"))]
pub mod query;
pub mod reference;
pub mod report;
pub mod simulate;
pub mod source;
pub mod validate;
