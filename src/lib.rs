#![doc = include_str!("ARCHITECTURE.md")]
#![forbid(unsafe_code)]

pub mod column;
pub mod model;
pub mod source;
