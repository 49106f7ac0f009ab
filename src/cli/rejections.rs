use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Global;
use super::annotate::{Refusal, annotate};
use super::exit::{FAILED, Failure};
use super::output::{self, OutputOptions};
use crate::lake::{Entry, Lake};
use crate::model::Code;
use crate::pipeline::store;
use crate::report::{Cell, Kind, Table, unguard};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only those of this file.
    #[arg(long = "for", value_name = "FILE")]
    file: Option<String>,
    /// Writes a workbook for each file into this folder: the submitter's own rows, with what was refused marked.
    #[arg(long, value_name = "DIR")]
    xlsx: Option<PathBuf>,
    #[command(flatten)]
    output: OutputOptions,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let (lake, entry) = store::published(&global.lake, global.as_known_at)?;
    let listed = entry.draft.outputs.iter().find(|output| output.name == "rejections.csv");
    let Some(listed) = listed else {
        return Err(Failure::new(FAILED, format!("run {} kept no list of rejections", entry.run)));
    };
    let bytes = lake.object(&listed.blake3)?;
    let text = String::from_utf8_lossy(&bytes);
    let broken =
        |error: csv::Error| Failure::new(FAILED, format!("rejections of run {}: {error}", entry.run));
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let names: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    let columns: Vec<(&str, Kind)> = names.iter().map(|name| (name.as_str(), Kind::Text)).collect();
    let mut table = Table::new(&columns);
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let wanted = arguments.file.as_deref().is_none_or(|file| record.get(0).map(unguard) == Some(file));
        if wanted {
            table.rows.push(record.iter().map(unguard).map(Cell::text).collect());
        }
    }
    match &arguments.xlsx {
        None => output::write(&table, &arguments.output),
        Some(folder) => annotated(&table, (&lake, &entry), folder, global),
    }
}

/// One workbook for each file that has refusals, out of the archived export.
fn annotated(
    table: &Table,
    (lake, entry): (&Lake, &Entry),
    folder: &Path,
    global: &Global,
) -> Result<(), Failure> {
    if folder.join("run.json").exists() {
        let message = format!("{} holds a report, which no later run could replace then", folder.display());
        return Err(Failure::new(FAILED, message).with_hint("name a folder of its own with --xlsx"));
    }
    std::fs::create_dir_all(folder)?;
    let place = |name: &str| table.columns.iter().position(|column| column.name == name);
    let mut by_file: BTreeMap<String, Vec<Refusal>> = BTreeMap::new();
    for row in &table.rows {
        let of = |name: &str| {
            place(name).and_then(|place| row.get(place)).map(Cell::to_string).unwrap_or_default()
        };
        let known = Code::ALL.iter().find(|code| code.as_str() == of("code"));
        let zh = known.map_or_else(|| of("code"), |code| code.zh().to_owned());
        by_file.entry(of("file")).or_default().push(Refusal {
            sheet: of("sheet"),
            line: of("line").parse().unwrap_or_default(),
            column: of("column"),
            reason: format!("{zh} [{}]: {}; {}", of("column"), of("expected"), of("hint")),
        });
    }
    for (name, refusals) in by_file {
        // Two sources may have a file of one name; each is looked through for the lines.
        let own = entry.draft.inputs.iter().filter(|input| input.name == name);
        let hashes: BTreeSet<&String> = own.map(|input| &input.blake3).collect();
        for hash in hashes {
            let Some(export) = lake.archived(hash)? else { continue };
            let written = annotate(&name, &export, &refusals, folder)?;
            if !global.quiet {
                writeln!(anstream::stderr(), "{}", written.display())?;
            }
        }
    }
    Ok(())
}
