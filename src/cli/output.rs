//! Tables to stdout: drawn on a terminal, CSV in a pipe, or as asked.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use unicode_width::UnicodeWidthStr;

use super::exit::Failure;
use crate::report::{CsvOptions, Table, table_to_parquet, write_csv};

#[derive(Debug, Clone, clap::Args)]
pub struct OutputOptions {
    /// How to write the result; a table on a terminal, CSV in a pipe.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    Markdown,
    Parquet,
}

/// Writes a table as the options ask.
pub fn write(table: &Table, options: &OutputOptions) -> Result<(), Failure> {
    write_either(|| Cow::Borrowed(table), |csv, out| out.write_all(&write_csv(table, csv)), options)
}

/// Writes a table as the options ask; what is written as CSV need not be a table first.
pub fn write_either<'a>(
    table: impl FnOnce() -> Cow<'a, Table>,
    csv: impl FnOnce(CsvOptions, &mut dyn Write) -> io::Result<()>,
    options: &OutputOptions,
) -> Result<(), Failure> {
    let on_terminal = options.output.is_none() && io::stdout().is_terminal();
    let format = options.format.unwrap_or(if on_terminal { Format::Table } else { Format::Csv });
    let bytes = match format {
        Format::Table => drawn(&table(), false).into_bytes(),
        Format::Markdown => drawn(&table(), true).into_bytes(),
        Format::Csv => {
            let unmarked = CsvOptions { byte_order_mark: false };
            return said(open(options).and_then(|mut out| csv(unmarked, &mut *out)));
        }
        Format::Json => {
            let mut bytes = serde_json::to_vec_pretty(&table())
                .map_err(|error| Failure::new(super::exit::FAILED, error.to_string()))?;
            bytes.push(b'\n');
            bytes
        }
        Format::Parquet if on_terminal => {
            return Err(Failure::new(super::exit::USAGE, "Parquet is no text; name a file with -o"));
        }
        Format::Parquet => table_to_parquet(&table())
            .map_err(|error| Failure::new(super::exit::FAILED, error.to_string()))?,
    };
    said(open(options).and_then(|mut out| out.write_all(&bytes)))
}

fn open(options: &OutputOptions) -> io::Result<Box<dyn Write>> {
    Ok(match &options.output {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::stdout().lock()),
    })
}

fn said(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        // The reader of a pipe may have seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

fn drawn(table: &Table, markdown: bool) -> String {
    let header: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let clean =
        |text: String| text.replace(['\r', '\n'], " ").replace('|', if markdown { "\\|" } else { "|" });
    let rows: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(|cell| clean(cell.to_string())).collect()).collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = std::iter::once(&header).chain(&rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        })
        .collect();
    let (left, between, right) = if markdown { ("| ", " | ", " |") } else { ("", "  ", "") };
    let line = |row: &[String]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        format!("{left}{}{right}", cells.collect::<Vec<_>>().join(between)).trim_end().to_owned() + "\n"
    };
    let rule: Vec<String> = widths
        .iter()
        .map(|width| if markdown { "-".repeat((*width).max(3)) } else { "─".repeat(*width) })
        .collect();
    let mut text = line(&header);
    text.push_str(&format!("{left}{}{right}\n", rule.join(between)));
    for row in &rows {
        text.push_str(&line(row));
    }
    text
}
