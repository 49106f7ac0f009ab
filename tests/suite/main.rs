//! The whole program, from outside: one binary, so that it links once.

mod architecture;
mod bad_inputs;
mod bad_pipelines;
mod county;
mod documents;
#[cfg(feature = "delta")]
mod lake;
mod real_records;
mod repeatable;
mod scenarios;
mod support;
