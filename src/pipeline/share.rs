//! What may leave the house: the report without small numbers, and without what the exports said word for word.

use rayon::prelude::*;

use super::outcome::{by_code, by_region};
use super::{Evaluated, RunError};
use crate::indicator::{suppress_cells, suppress_figures};
use crate::report::{
    CsvOptions, Draft, cells_to_parquet_without, indicators_table, rejections_table, scorecard_table,
    scorecard_workbook, table_to_parquet, write_csv,
};

/// Numbers from 1 to one less than this are kept back, where a pipeline does not say otherwise.
pub const LEAST: i64 = 5;

/// The report to share. Lists of single records are no part of it: warnings, disagreements, overdue steps, means.
///
/// # Errors
/// None that input can cause: the writers' own.
pub fn draft_share(evaluated: &Evaluated, options: CsvOptions) -> Result<Draft, RunError> {
    let file = &evaluated.file;
    let figures = suppress_figures(&evaluated.figures, &file.indicators, file.least);
    let scorecard = scorecard_table(&file.indicators, &figures, &file.region);
    let indicators = indicators_table(&file.indicators, &figures);
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
    let counts: Vec<(String, String, u64)> = by_code(&masked)
        .into_iter()
        .map(|(code, count)| (code.as_str().to_owned(), code.zh().to_owned(), count))
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
    let title = format!("{}（截至 {}）", file.title_zh, evaluated.as_of);
    let json = |table: &crate::report::Table| {
        serde_json::to_vec_pretty(&table.to_json()).map_err(crate::report::ReportError::from)
    };
    let mut draft = Draft::default();
    draft.add("scorecard.csv", write_csv(&scorecard, options));
    draft.add("scorecard.parquet", table_to_parquet(&scorecard)?);
    draft.add("scorecard.json", json(&scorecard)?);
    let townships = by_region(evaluated, &figures);
    draft.add("scorecard.xlsx", scorecard_workbook(&title, &scorecard, &townships, &counts)?);
    draft.add("indicators.csv", write_csv(&indicators, options));
    draft.add("indicators.parquet", table_to_parquet(&indicators)?);
    draft.add("indicators.json", json(&indicators)?);
    draft.add("cells.parquet", cells_to_parquet_without(&evaluated.cells, &hidden)?);
    draft.add("rejections.csv", write_csv(&rejections_table(&masked), options));
    Ok(draft)
}
