//! An indicator at a grain of one's own: from the cells of a published run where they hold it, else from its tables.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{PipelineFile, RunError, indicate, store, tally};
use crate::cube::{Cells, JOINING};
use crate::indicator::{Definition, Figure};
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
    let kept: Option<Vec<Cells>> = if is_that_day { kept_cells(lake, entry, file)? } else { None };
    match kept {
        Some(cells) => {
            let tables = store::read_tables(lake, entry, |table, _| table == "population")?;
            Ok(indicate(file, &cells, &tables, reference, as_of, period))
        }
        None => {
            let named: BTreeSet<String> = file.indicators.iter().flat_map(Definition::dimensions).collect();
            // Determinations are many, and most of their columns count nothing.
            let tables = store::read_tables(lake, entry, |table, column| {
                table != "determinations" || JOINING.contains(&column) || named.contains(column)
            })?;
            let cells = tally(file, &tables, reference, as_of, |_| true);
            Ok(indicate(file, &cells, &tables, reference, as_of, period))
        }
    }
}

/// The cells of every indicator; none if those that were published lack a dimension.
fn kept_cells(lake: &Lake, entry: &Entry, file: &PipelineFile) -> Result<Option<Vec<Cells>>, RunError> {
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
        match read_cells(&bytes, fact, &dimensions)? {
            Some(cells) => all.push(cells),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}
