//! indicate: cells and reference tables → numerator, denominator, value, interval, target, status.

mod decimal;
mod definition;
mod disclosure;
mod evaluate;
mod figure;
mod groups;
mod interval;
mod knots;
mod means;
mod status;
mod suppress;
#[cfg(test)]
pub(crate) mod testing;

pub use decimal::{ratio_text, value_text};
pub use definition::{Definition, Denominator, Kind, Operator, Span, Target, Unit, stand_in};
pub use evaluate::{Context, Populations, evaluate};
pub use figure::{Cut, Dimension, Figure, Told};
pub use interval::{Interval, bounds};
pub use means::{Mean, means};
pub use status::{Judgement, Status, judge_target};
pub use suppress::{Earlier, kept_back, suppress_cells, suppress_figures};
