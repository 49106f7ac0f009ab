use std::path::PathBuf;

use super::Global;
use super::exit::{Failure, VERIFICATION_FAILED};
use super::output::{self, OutputOptions};
use crate::lake::Lake;
use crate::pipeline::store;
use crate::report::{self, Cell, Kind, Table};

#[derive(Debug, clap::Args)]
pub struct HistoryArguments {
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
    ]);
    for entry in lake.entries()? {
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
        ]);
    }
    output::write(&table, &arguments.output)
}

pub fn verify(arguments: &VerifyArguments, global: &Global) -> Result<(), Failure> {
    let report = Lake::open(&global.lake)?.verify(arguments.subset)?;
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
            use std::io::Write;
            writeln!(
                anstream::stderr(),
                "{} files and {} runs checked, none damaged",
                report.read,
                report.entries
            )?;
        }
        return Ok(());
    }
    let message = format!("{} of {} files are damaged\n{}", damaged.len(), report.files, damaged.join("\n"));
    Err(Failure::new(VERIFICATION_FAILED, message).with_hint(
        "the exports rebuild everything else: run the pipeline into a new lake with --lake, and keep this one",
    ))
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
