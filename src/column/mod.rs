//! Coded columns: a dictionary of distinct values and a code per row.
//!
//! Everything hard runs once per distinct value ([`Coded::map`]); everything big touches codes only.

pub mod chunks;
mod coded;
mod dictionary;
mod frame;
mod packing;
mod shelf;

pub use coded::Coded;
pub use dictionary::{Dictionary, Interner};
pub use frame::{Frame, combine, combine_codes, first_rows};
pub use shelf::{Held, Shelf};
