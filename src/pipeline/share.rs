//! What may leave the house: the report without small numbers, and without what the exports said word for word.

use jiff::civil::Date;
use rayon::prelude::*;

use super::outcome::{Told, draft_common};
use super::{Evaluated, RunError, indicate};
use crate::cube::Cells;
use crate::indicator::{Earlier, kept_back, suppress_cells, suppress_figures};
use crate::report::{CsvOptions, Draft};

/// Numbers from 1 to one less than this are kept back, where a pipeline does not say otherwise.
pub const LEAST: i64 = 5;

/// The report to share. Lists of single records are no part of it: warnings, disagreements, overdue steps, means.
///
/// # Errors
/// None that input can cause: the writers' own.
pub fn draft_share(evaluated: &Evaluated, options: CsvOptions) -> Result<Draft, RunError> {
    let file = &evaluated.file;
    let earlier = earlier(evaluated);
    let hidden = kept_back(
        (&evaluated.figures, evaluated.as_of),
        &earlier,
        &file.indicators,
        &evaluated.cells,
        file.least,
    );
    let figures = suppress_figures(&evaluated.figures, &hidden);
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

/// The reports of the ends of the months before, as they would be told today, each one with those before it in mind: who
/// publishes the year to date every month tells what came in between.
fn earlier(evaluated: &Evaluated) -> Vec<Earlier> {
    let Evaluated { file, cells, assembled, reference, as_of, .. } = evaluated;
    let ends = as_of.first_of_year().series(jiff::Span::new().months(1)).map(Date::last_of_month);
    let mut earlier: Vec<Earlier> = Vec::new();
    for end in ends.take_while(|end| end < as_of) {
        let until = |cells: &Cells| cells.only(|cell| cells.day(cell).is_none_or(|day| day <= end));
        let known: Vec<Cells> = cells.par_iter().map(until).collect();
        let figures = indicate(file, &known, &assembled.tables, reference, end, None);
        let hidden = kept_back((&figures, end), &earlier, &file.indicators, &known, file.least);
        earlier.push(Earlier { as_of: end, figures, hidden });
    }
    earlier
}
