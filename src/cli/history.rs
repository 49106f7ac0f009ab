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
        let count = |name: &str| Cell::integer(entry.rows[name].as_i64());
        table.rows.push(vec![
            Cell::integer(i64::try_from(entry.run).ok()),
            Cell::text(entry.published_at.as_str()),
            Cell::text(entry.pipeline_name.as_str()),
            Cell::text(entry.as_of.as_str()),
            Cell::integer(i64::try_from(entry.inputs.len()).ok()),
            count("read"),
            count("accepted"),
            count("rejected"),
            count("duplicate"),
            count("superseded"),
        ]);
    }
    output::write(&table, &arguments.output)
}

pub fn verify(arguments: &VerifyArguments, global: &Global) -> Result<(), Failure> {
    let report = Lake::open(&global.lake)?.verify(arguments.subset)?;
    let damaged: Vec<String> = report.damaged.iter().map(|damage| format!("  {damage}")).collect();
    if damaged.is_empty() {
        if !global.quiet {
            use std::io::Write;
            writeln!(anstream::stderr(), "{} files checked, none damaged", report.checked)?;
        }
        return Ok(());
    }
    let message =
        format!("{} of {} files are damaged\n{}", damaged.len(), report.checked, damaged.join("\n"));
    Err(Failure::new(VERIFICATION_FAILED, message).with_hint(
        "the raw exports rebuild everything else: remove the lake's tables and run the pipeline again",
    ))
}

pub fn restore(arguments: &RestoreArguments, global: &Global) -> Result<(), Failure> {
    let (lake, entry) = store::published(&global.lake, Some(arguments.run))?;
    let mut draft = report::Draft::default();
    for file in &entry.outputs {
        draft.add(&file.file, lake.object(&file.blake3)?);
    }
    report::publish(&arguments.out, &draft).map_err(crate::pipeline::RunError::from)?;
    Ok(())
}
