//! tally: rows → cells, the contingency tables that every figure sums.
//!
//! A cell is a distinct combination of a fact's dimensions and day, with a count. Cells add up: merged in
//! any order, over files, months and counties, they give the same table.

mod cells;
mod facts;
mod filter;
mod totals;
mod words;

pub use cells::{Cells, Columns, Counted};
pub use facts::{
    Fact, FactInputs, JOINING, PENDING, SAMPLE_JOINING, Seen, build_fact, determinations, fact_dimensions,
};
pub use filter::{Filter, FilterError};
pub use totals::Totals;
