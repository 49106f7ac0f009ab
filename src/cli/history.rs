use std::io::Write;
use std::path::PathBuf;

use super::Global;
use super::exit::{Failure, USAGE, VERIFICATION_FAILED};
use super::output::{self, OutputOptions};
use super::progress::Progress;
use crate::lake::{Entry, Lake};
use crate::pipeline::rebuild::{Recipe, rebuild, rebuild_into};
use crate::pipeline::{RunRequest, restate, store};
use crate::report::{self, Cell, Kind, RunRecord, Table};

#[derive(Debug, clap::Args)]
pub struct HistoryArguments {
    /// Lists the figures that this run restated, by how much, and because of which records.
    run: Option<u64>,
    #[command(flatten)]
    output: OutputOptions,
}

#[derive(Debug, clap::Args)]
pub struct VerifyArguments {
    /// Check only this share of the files, chosen by their hashes: `5%`.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    subset: Option<f64>,
}

#[derive(Debug, clap::Args)]
pub struct ReproduceArguments {
    /// Number of a run, or the `run.json` of a report.
    #[arg(value_name = "RUN|run.json")]
    run: String,
    /// Folder of the report.
    #[arg(long, value_name = "DIR", default_value = "./out")]
    out: PathBuf,
    /// Builds a new lake as well, from nothing but the raw archive of this one.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArguments {
    /// The run whose report to publish again.
    run: u64,
    /// Folder of the report.
    #[arg(long, value_name = "DIR", default_value = "./out")]
    out: PathBuf,
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').parse().map_err(|_| "write it as 5%".to_owned())?;
    if number > 0.0 && number <= 100.0 {
        Ok(number / 100.0)
    } else {
        Err("more than 0%, at most 100%".to_owned())
    }
}

pub fn history(arguments: &HistoryArguments, global: &Global) -> Result<(), Failure> {
    let lake = Lake::open(&global.lake)?;
    if let Some(run) = arguments.run {
        return output::write(&restated_by(&lake, run)?, &arguments.output);
    }
    let mut table = Table::new(&[
        ("run", Kind::Integer),
        ("published_at", Kind::Text),
        ("pipeline", Kind::Text),
        ("as_of", Kind::Text),
        ("inputs", Kind::Integer),
        ("read", Kind::Integer),
        ("accepted", Kind::Integer),
        ("rejected", Kind::Integer),
        ("duplicate", Kind::Integer),
        ("superseded", Kind::Integer),
        ("restated", Kind::Integer),
    ]);
    let entries = lake.entries()?;
    for (position, entry) in entries.iter().enumerate() {
        let count = |number: u64| Cell::integer(i64::try_from(number).ok());
        let draft = &entry.draft;
        table.rows.push(vec![
            Cell::integer(i64::try_from(entry.run).ok()),
            Cell::text(draft.published_at.as_str()),
            Cell::text(draft.pipeline.name.as_str()),
            Cell::text(draft.as_of.as_str()),
            count(draft.inputs.len() as u64),
            count(draft.rows.read),
            count(draft.rows.accepted),
            count(draft.rows.rejected),
            count(draft.rows.duplicate),
            count(draft.rows.superseded),
            match earlier(&entries, position) {
                Some(before) => count(restate::restated(&lake, before, entry)? as u64),
                None => Cell::Empty,
            },
        ]);
    }
    output::write(&table, &arguments.output)
}

/// The run of the same pipeline before this one.
fn earlier(entries: &[Entry], position: usize) -> Option<&Entry> {
    let (before, from) = entries.split_at_checked(position)?;
    let name = &from.first()?.draft.pipeline.name;
    before.iter().rev().find(|entry| entry.draft.pipeline.name == *name)
}

fn restated_by(lake: &Lake, run: u64) -> Result<Table, Failure> {
    let after = lake.entry(run)?;
    let mut table = Table::new(&[
        ("indicator", Kind::Text),
        ("cut", Kind::Text),
        ("period_start", Kind::Text),
        ("period_end", Kind::Text),
        ("numerator_was", Kind::Text),
        ("denominator_was", Kind::Text),
        ("value_was", Kind::Text),
        ("numerator", Kind::Text),
        ("denominator", Kind::Text),
        ("value", Kind::Text),
        ("because", Kind::Text),
    ]);
    let entries = lake.entries()?;
    let position = entries.iter().position(|entry| entry.run == run).unwrap_or_default();
    let Some(before) = earlier(&entries, position) else { return Ok(table) };
    for own in restate::restatements(lake, before, &after)? {
        let place = [own.indicator, own.cut, own.period_start, own.period_end];
        let cells = place.into_iter().chain(own.was).chain(own.is).chain([own.because]);
        table.rows.push(cells.map(Cell::text).collect());
    }
    Ok(table)
}

pub fn verify(arguments: &VerifyArguments, global: &Global) -> Result<(), Failure> {
    let lake = Lake::open(&global.lake)?;
    let report = lake.verify(arguments.subset)?;
    let damaged: Vec<String> = report
        .damage
        .iter()
        .map(|damage| {
            let table = damage.table.as_deref().map(|table| format!(" (table {table})")).unwrap_or_default();
            format!("  {}{table}: {}", damage.path.display(), damage.what)
        })
        .collect();
    if damaged.is_empty() {
        if !global.quiet {
            writeln!(
                anstream::stderr(),
                "{} files and {} runs checked, none damaged",
                report.read,
                report.entries
            )?;
        }
        return if arguments.subset.is_none() { recompute(&lake, global) } else { Ok(()) };
    }
    let message = format!("{} of {} files are damaged\n{}", damaged.len(), report.files, damaged.join("\n"));
    Err(Failure::new(VERIFICATION_FAILED, message).with_hint(
        "the exports rebuild everything else: `assay reproduce RUN --into NEW` makes a new lake out of this one's archive",
    ))
}

/// Makes the report of the last run once more out of the raw archive, and compares every byte.
fn recompute(lake: &Lake, global: &Global) -> Result<(), Failure> {
    let Some(entry) = lake.latest()? else { return Ok(()) };
    let recipe = Recipe::of_entry(&entry);
    let is_ours = recipe.program == env!("CARGO_PKG_VERSION");
    let names_sources = recipe.inputs.iter().all(|(source, _, _)| !source.is_empty());
    if !(is_ours && names_sources) {
        if !global.quiet {
            let message = format!(
                "run {} was published by version {}: its figures are not computed again",
                entry.run, recipe.program
            );
            writeln!(anstream::stderr(), "{message}")?;
        }
        return Ok(());
    }
    let progress = Progress::new(global.quiet);
    let rebuilt = rebuild(lake, &recipe, std::env::current_exe().ok().as_deref(), &progress);
    progress.finish();
    let differing = rebuilt?.differing;
    if differing.is_empty() {
        if !global.quiet {
            let count = recipe.outputs.len();
            writeln!(
                anstream::stderr(),
                "run {} computed again: {count} files alike to the byte",
                entry.run
            )?;
        }
        return Ok(());
    }
    let message =
        format!("run {} computed again from its exports gives other {}", entry.run, differing.join(", "));
    Err(Failure::new(VERIFICATION_FAILED, message))
}

/// A run by its number, or by the `run.json` that lies beside its report.
pub fn reproduce(arguments: &ReproduceArguments, global: &Global) -> Result<(), Failure> {
    let lake = Lake::open(&global.lake)?;
    let recipe = match arguments.run.parse::<u64>() {
        Ok(run) => Recipe::of_entry(&lake.entry(run)?),
        Err(_) => {
            let path = PathBuf::from(&arguments.run);
            let bytes = std::fs::read(&path)
                .map_err(|error| Failure::new(super::exit::IO, format!("{}: {error}", path.display())))?;
            let record: RunRecord = serde_json::from_slice(&bytes).map_err(|error| {
                Failure::new(USAGE, format!("{} is no record of a run: {error}", path.display()))
            })?;
            Recipe::of_record(&record)
        }
    };
    let progress = Progress::new(global.quiet);
    let rebuilt = match &arguments.into {
        Some(new) => {
            let request = RunRequest {
                lake: new.clone(),
                out: arguments.out.clone(),
                ..super::run::bare_request(recipe.byte_order_mark)
            };
            rebuild_into(&lake, &recipe, &request, &progress)
        }
        None => rebuild(&lake, &recipe, std::env::current_exe().ok().as_deref(), &progress),
    };
    progress.finish();
    let mut rebuilt = rebuilt?;
    if arguments.into.is_none() {
        let record = serde_json::to_vec_pretty(&rebuilt.record).map_err(report::ReportError::from);
        rebuilt.draft.add("run.json", record.map_err(crate::pipeline::RunError::from)?);
        report::publish(&arguments.out, &rebuilt.draft).map_err(crate::pipeline::RunError::from)?;
    }
    if !rebuilt.differing.is_empty() {
        let message = format!("not alike to the byte: {}", rebuilt.differing.join(", "));
        let failure = Failure::new(VERIFICATION_FAILED, message);
        return Err(failure.with_hint(format!("the report was made by version {}", recipe.program)));
    }
    if !global.quiet {
        let out = arguments.out.display();
        writeln!(anstream::stderr(), "report in {out}: {} files alike to the byte", recipe.outputs.len())?;
    }
    Ok(())
}

pub fn restore(arguments: &RestoreArguments, global: &Global) -> Result<(), Failure> {
    let (lake, entry) = store::published(&global.lake, Some(arguments.run))?;
    let mut draft = report::Draft::default();
    for output in &entry.draft.outputs {
        draft.add(&output.name, lake.object(&output.blake3)?);
    }
    // The record of that run, as the ledger keeps it: without the seconds, which are not kept.
    let record = serde_json::to_vec_pretty(&entry).map_err(report::ReportError::from);
    draft.add("run.json", record.map_err(crate::pipeline::RunError::from)?);
    report::publish(&arguments.out, &draft).map_err(crate::pipeline::RunError::from)?;
    Ok(())
}
