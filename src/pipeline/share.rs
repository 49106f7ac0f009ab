//! What may leave the house: the report without small numbers, and without what the exports said word for word.

use rayon::prelude::*;

use super::outcome::{Told, draft_common};
use super::{Evaluated, RunError};
use crate::cube::Cells;
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
    let figures = suppress_figures(&evaluated.figures, &file.indicators, &evaluated.cells, file.least);
    let masked: Vec<_> = evaluated
        .assembled
        .rejections
        .iter()
        .cloned()
        .map(|mut rejection| {
            rejection.found = "***".to_owned();
            // An analyte behind the name of a column is the export's own word.
            rejection.column = rejection.column.split(" (").next().unwrap_or_default().to_owned();
            rejection
        })
        .collect();
    let cells: Vec<Cells> = evaluated
        .cells
        .par_iter()
        .map(|cells| suppress_cells(cells, &figures, &file.indicators, file.least))
        .collect();
    draft_common(evaluated, &Told { figures: &figures, rejections: &masked, cells: &cells }, options)
}
