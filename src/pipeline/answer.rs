//! An indicator at a grain of one's own: from the cells of a published run where they hold it, else from its tables.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::scan::scan;
use super::{PipelineFile, RunError, indicate, store, tally};
use crate::cube::{Cells, JOINING, SAMPLE_JOINING, Totals};
use crate::indicator::{Definition, Figure, stand_in};
use crate::lake::{Entry, Lake};
use crate::reference::Reference;
use crate::report::read_cells;

/// Evaluates the pipeline's indicators as one run knew them.
///
/// # Errors
/// What they rest on is missing from the lake, or damaged.
pub fn answer(
    (lake, entry): (&Lake, &Entry),
    file: &PipelineFile,
    reference: &Reference,
    as_of: Date,
    period: Option<(Date, Date)>,
) -> Result<Vec<Figure>, RunError> {
    let is_that_day = entry.draft.as_of == as_of.to_string();
    let day = |day: Option<Date>| stand_in(&file.indicators, day, as_of, period);
    let kept: Option<Vec<Cells>> = if is_that_day { kept_cells(lake, entry, file, day)? } else { None };
    match kept {
        Some(cells) => {
            let tables = store::read_tables(lake, entry, |table, _| table == "population")?;
            Ok(indicate(file, &cells, &tables, reference, as_of, period))
        }
        None => {
            let cells = count((lake, entry), file, reference, as_of, day)?;
            let tables = store::read_tables(lake, entry, |table, _| table == "population")?;
            Ok(indicate(file, &cells, &tables, reference, as_of, period))
        }
    }
}

/// Counts the tables.
fn count(
    (lake, entry): (&Lake, &Entry),
    file: &PipelineFile,
    reference: &Reference,
    as_of: Date,
    day: impl Fn(Option<Date>) -> Option<Date> + Sync,
) -> Result<Vec<Cells>, RunError> {
    let named: BTreeSet<String> = file.indicators.iter().flat_map(Definition::dimensions).collect();
    // Rows are many, and most of their columns count nothing.
    let wanted = |table: &str, column: &str| match table {
        "samples" => SAMPLE_JOINING.contains(&column) || named.contains(column),
        "determinations" => JOINING.contains(&column) || named.contains(column),
        _ => true,
    };
    if file.indicators.iter().all(|own| own.fact.is_of_samples()) {
        return scan((lake, entry), file, as_of, wanted, day);
    }
    let tables = store::read_tables(lake, entry, |table, column| {
        // Facts beside them ask for more of a sample than its dimensions.
        table == "samples" || wanted(table, column)
    })?;
    let totals = Totals::default();
    tally(file, &tables, reference, as_of, |_| true, day).into_iter().for_each(|counts| totals.add(counts));
    Ok(totals.finish())
}

/// The cells of every indicator; none if those that were published lack a dimension.
fn kept_cells(
    lake: &Lake,
    entry: &Entry,
    file: &PipelineFile,
    day: impl Fn(Option<Date>) -> Option<Date> + Sync,
) -> Result<Option<Vec<Cells>>, RunError> {
    let Some(hash) = &entry.draft.cells else { return Ok(None) };
    let bytes = lake.object(hash)?;
    let facts: BTreeSet<&str> = file.indicators.iter().map(|own| own.fact.name()).collect();
    let mut all = Vec::new();
    for fact in facts {
        let dimensions: BTreeSet<String> = file
            .indicators
            .iter()
            .filter(|own| own.fact.name() == fact)
            .flat_map(Definition::dimensions)
            .collect();
        let dimensions: Vec<String> = dimensions.into_iter().collect();
        match read_cells(&bytes, fact, &dimensions, &day)? {
            Some(cells) => all.push(cells),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}
