//! What may leave the house: the report without small numbers, and without what the exports said word for word.

use rayon::prelude::*;

use super::outcome::{Told, draft_common};
use super::{Evaluated, RunError};
use crate::indicator::{suppress_cells, suppress_figures};
use crate::report::{CsvOptions, Draft};

/// Numbers from 1 to one less than this are kept back, where a pipeline does not say otherwise.
pub const LEAST: i64 = 5;

/// The report to share. Lists of single records are no part of it: warnings, disagreements, overdue steps, means.
///
/// # Errors
/// None that input can cause: the writers' own.
pub fn draft_share(evaluated: &Evaluated, options: CsvOptions) -> Result<Draft, RunError> {
    let file = &evaluated.file;
    let figures = suppress_figures(&evaluated.figures, &file.indicators, file.least);
    let masked: Vec<_> = evaluated
        .assembled
        .rejections
        .iter()
        .cloned()
        .map(|mut rejection| {
            rejection.found = "***".to_owned();
            rejection
        })
        .collect();
    let hidden: Vec<Vec<bool>> = evaluated
        .cells
        .par_iter()
        .map(|cells| {
            let own = file.indicators.iter().filter(|indicator| indicator.fact.name() == cells.fact);
            let cuts: Vec<Vec<String>> = own.flat_map(|indicator| indicator.cuts.clone()).collect();
            suppress_cells(cells, &cuts, file.least)
        })
        .collect();
    draft_common(evaluated, &Told { figures: &figures, rejections: &masked, hidden: &hidden }, options)
}
