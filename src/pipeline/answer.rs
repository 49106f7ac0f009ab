//! An indicator at a grain of one's own: from the cells of a published run where they hold it, else from its tables.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rayon::prelude::*;

use super::outcome::{dimensions_of, is_asked, tally_fact};
use super::{PipelineFile, RunError, indicate, store, tally};
use crate::column::Frame;
use crate::cube::{Cells, Fact, JOINING, SAMPLE_JOINING, Seen, Totals, determinations};
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
    Ok(tally(file, &tables, reference, as_of, |_| true, day))
}

/// Row groups that are counted at a time: enough that tables of cells are few, few enough that rows are.
const COUNTED_GROUPS: usize = 16;

/// Counts samples and determinations. A sample is filed in the same month as its determinations: so months are counted
/// side by side, the samples of one whole, its determinations row group by row group.
fn scan(
    (lake, entry): (&Lake, &Entry),
    file: &PipelineFile,
    as_of: Date,
    wanted: impl Fn(&str, &str) -> bool + Sync,
    day: impl Fn(Option<Date>) -> Option<Date> + Sync,
) -> Result<Vec<Cells>, RunError> {
    let files = ["samples", "determinations"].into_iter().filter_map(|name| entry.table(name));
    let months: BTreeSet<&str> =
        files.flat_map(|table| &table.files).map(|file| file.month.as_str()).collect();
    let months: Vec<&str> = months.into_iter().collect();
    let [of_samples, of_determinations] =
        [Fact::Samples, Fact::Determinations].map(|fact| dimensions_of(file, fact));
    let totals = Totals::default();
    months.into_par_iter().with_max_len(1).try_for_each(|month| {
        let samples = store::read_month(lake, entry, ("samples", month), &wanted, |group| group)?;
        let samples = Seen::of(&Frame::concat(&samples), as_of);
        if is_asked(file, Fact::Samples) {
            totals.add(tally_fact(Fact::Samples, samples.rows(), &of_samples, &day));
        }
        if is_asked(file, Fact::Determinations) {
            let counted = |group: Frame| {
                let mut rows = determinations(&group, &samples, &of_determinations);
                // Codes of samples are many, and count nothing.
                rows.keep_columns(|name| name == "day" || of_determinations.iter().any(|own| own == name));
                rows
            };
            let groups = store::read_month(lake, entry, ("determinations", month), &wanted, counted)?;
            for groups in groups.chunks(COUNTED_GROUPS) {
                let rows = Frame::concat(groups);
                totals.add(tally_fact(Fact::Determinations, rows, &of_determinations, &day));
            }
        }
        Ok::<(), RunError>(())
    })?;
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
