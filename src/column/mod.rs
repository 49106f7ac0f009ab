//! Coded columns: a dictionary of distinct values and a code per row.
//!
//! Everything hard runs once per distinct value ([`Coded::map`]); everything big touches codes only.

pub mod chunks;
mod coded;
mod codes;
mod combinations;
mod cursor;
mod dictionary;
mod frame;
mod narrow;
mod packing;
mod pairs;
mod runs;
mod shelf;
mod sorted_rows;

pub use coded::{Coded, Grouping, rows_where, take_rows};
pub use combinations::Combinations;
pub use dictionary::{Dictionary, Interner, Unmet};
pub use frame::{Frame, Partners, combine, combine_all, combine_codes, first_rows};
pub use narrow::Narrow;
pub use shelf::{Held, Shelf};
pub use sorted_rows::SortedRows;
