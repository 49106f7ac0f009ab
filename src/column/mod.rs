//! Coded columns: a dictionary of distinct values and a code per row.
//!
//! Everything hard runs once per distinct value ([`Coded::map`]); everything big touches codes only.

mod coded;
mod dictionary;
mod frame;

pub use coded::Coded;
pub use dictionary::{Dictionary, Interner};
pub use frame::{Frame, combine, first_rows};
