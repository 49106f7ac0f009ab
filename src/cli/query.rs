use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::Command;

use super::Global;
use super::exit::{FAILED, Failure, USAGE, VERIFICATION_FAILED};
use super::output::{self, OutputOptions};
use crate::lake::{DataFile, Entry, Lake};
use crate::pipeline::store;
use crate::query::{Answer, QueryError, Rows, answer};
use crate::report::{Cell, Kind, Table};
use crate::source::confine;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One SELECT; without it, a shell that reads one after the other, each ended by `;`.
    sql: Option<String>,
    #[command(flatten)]
    output: OutputOptions,
    /// Memory that a query may take, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(256..))]
    memory: u64,
    /// Processor time that it may take, in seconds over all threads.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// This is the process that the bounds hold for.
    #[arg(long, hide = true)]
    confined: bool,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    if arguments.confined {
        confine(arguments.memory << 20, arguments.seconds)?;
        return evaluate(arguments, global);
    }
    confined(arguments)
}

/// Asks a process of its own, which may end at its bounds without taking this one along.
fn confined(arguments: &Arguments) -> Result<(), Failure> {
    let mut process = Command::new(std::env::current_exe()?);
    let ended = process.args(std::env::args_os().skip(1)).arg("--confined").status()?;
    match ended.code() {
        Some(0) => Ok(()),
        // It has said why.
        Some(code) => Err(Failure::silent(u8::try_from(code).unwrap_or(FAILED))),
        None => {
            let (memory, seconds) = (arguments.memory, arguments.seconds);
            let message = format!("the query took more than {memory} MiB or {seconds} seconds");
            let hint = "aggregate earlier, or raise --memory or --seconds";
            Err(Failure::new(FAILED, message).with_hint(hint))
        }
    }
}

fn evaluate(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let (lake, entry) = store::published(&global.lake, global.as_known_at)?;
    let tables = tables(&lake, &entry)?;
    // What the engine cannot do is said once, by us, and not by a backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    match &arguments.sql {
        Some(sql) => {
            let answer = answer(sql.trim_end().trim_end_matches(';'), &tables).map_err(failure)?;
            output::write(&table_of(answer), &arguments.output)
        }
        None => shell(&tables, &arguments.output),
    }
}

/// Every table of the run, and what it published.
fn tables(lake: &Lake, entry: &Entry) -> Result<Vec<(String, Rows)>, Failure> {
    let mut tables = Vec::new();
    for table in &entry.tables {
        let files: Vec<_> = lake.files(entry, &table.name)?;
        let files = files.iter().map(|file| checked(lake, &table.name, file)).collect::<Result<_, _>>()?;
        let folder = lake.table_path(&table.name);
        tables.push((table.name.clone(), Rows::Files { folder, files }));
    }
    for output in &entry.draft.outputs {
        if let Some(name) = output.name.strip_suffix(".parquet") {
            tables.push((name.to_owned(), Rows::Bytes(lake.object(&output.blake3)?)));
        }
    }
    Ok(tables)
}

/// polars has no page checksums: the file is held against the ledger's hash before it is opened.
fn checked(lake: &Lake, table: &str, file: &DataFile) -> Result<PathBuf, Failure> {
    let path = lake.data_path(table, file);
    let found = crate::source::hash_file(&path)?;
    if found == file.blake3 {
        return Ok(path);
    }
    let message = format!("{} is not the file that was published", path.display());
    Err(Failure::new(VERIFICATION_FAILED, message)
        .with_hint("`assay verify` lists everything that is damaged"))
}

fn failure(error: QueryError) -> Failure {
    let code = match error {
        QueryError::Engine(_) | QueryError::TooManyRows(_) => FAILED,
        _ => USAGE,
    };
    Failure::new(code, error.to_string())
}

fn table_of(answer: Answer) -> Table {
    let columns: Vec<(&str, Kind)> = answer
        .columns
        .iter()
        .map(|(name, whole)| (name.as_str(), if *whole { Kind::Integer } else { Kind::Text }))
        .collect();
    let mut table = Table::new(&columns);
    table.rows = answer
        .rows
        .into_iter()
        .map(|row| {
            let cells = row.into_iter().zip(&answer.columns).map(|(cell, (_, whole))| match cell {
                None => Cell::Empty,
                Some(text) => match text.parse() {
                    Ok(number) if *whole => Cell::Integer(number),
                    _ => Cell::text(text),
                },
            });
            cells.collect()
        })
        .collect();
    table
}

fn shell(tables: &[(String, Rows)], options: &OutputOptions) -> Result<(), Failure> {
    let asks = std::io::stdin().is_terminal();
    let names: Vec<&str> = tables.iter().map(|(name, _)| name.as_str()).collect();
    let mut stderr = anstream::stderr();
    if asks {
        writeln!(stderr, "tables: {}\nend a query with ; and the shell with Ctrl-D", names.join(", "))?;
    }
    let mut sql = String::new();
    for line in std::io::stdin().lock().lines() {
        sql.push_str(&line?);
        sql.push('\n');
        while let Some((query, rest)) = sql.split_once(';') {
            let result =
                answer(query, tables).map_err(failure).and_then(|own| output::write(&table_of(own), options));
            match result {
                // A slip of the pen ends a script, not a conversation.
                Err(failure) if asks => failure.print(false),
                other => other?,
            }
            sql = rest.to_owned();
        }
    }
    if sql.trim().is_empty() {
        return Ok(());
    }
    output::write(&table_of(answer(&sql, tables).map_err(failure)?), options)
}
