//! tally: rows → cells, the contingency tables that every figure sums.
//!
//! A cell is a distinct combination of a fact's dimensions and day, with a count. Cells add up: merged in
//! any order, over files, months and counties, they give the same table.

mod cells;
mod counts;
mod facts;
mod filter;
mod runs;
mod totals;
mod words;

pub use cells::{Cells, Columns, Order};
pub use counts::{Counted, Counts};
pub use facts::{
    Condensed, Fact, FactInputs, JOINING, PENDING, Part, SAMPLE_JOINING, SampleNumbers, Seen, build_fact,
    fact_dimensions,
};
pub use filter::{Filter, FilterError};
pub use runs::{Days, Told, count_runs};
pub use totals::Totals;
