//! The whole program, from outside: one binary, so that it links once.

mod architecture;
mod bad_inputs;
mod bad_pipelines;
mod county;
#[cfg(feature = "delta")]
mod cron;
mod documents;
mod domain;
mod exactness;
mod forms;
mod fuzz;
#[cfg(feature = "delta")]
mod lake;
#[cfg(feature = "delta")]
mod parts;
mod real_records;
mod repeatable;
mod scenarios;
mod support;
#[cfg(feature = "delta")]
mod trust;
