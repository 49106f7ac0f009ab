use std::io::Write;
use std::path::PathBuf;

use super::Global;
use super::exit::{FAILED, Failure, IO, USAGE};
use crate::simulate::{self, Encoding, Layout, Options, SimulateError};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Equal seeds give equal files, for all time.
    #[arg(long, default_value_t = 2020)]
    seed: u64,
    #[arg(long, default_value_t = 2760)]
    samples: u64,
    /// Months from January 2020 on.
    #[arg(long, default_value_t = 12)]
    months: u32,
    /// `county`: a folder of exports as they arrive. `flat`: one file, a determination a row.
    #[arg(long, value_enum, default_value = "county")]
    layout: LayoutName,
    /// Encoding of the flat file.
    #[arg(long, value_enum, default_value = "utf8")]
    encoding: EncodingName,
    /// Plants faults and repeats into the flat file too; the county has them always.
    #[arg(long)]
    dirt: bool,
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LayoutName {
    County,
    Flat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EncodingName {
    Utf8,
    Gb18030,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let options = Options {
        seed: arguments.seed,
        samples: arguments.samples,
        months: arguments.months,
        layout: match arguments.layout {
            LayoutName::County => Layout::County,
            LayoutName::Flat => Layout::Flat,
        },
        encoding: match arguments.encoding {
            EncodingName::Utf8 => Encoding::Utf8,
            EncodingName::Gb18030 => Encoding::Gb18030,
        },
        out: arguments.out.clone(),
        dirt: arguments.dirt || arguments.layout == LayoutName::County,
    };
    let summary = simulate::simulate(&options).map_err(|error| {
        let code = match error {
            SimulateError::OutOfRange { .. } => USAGE,
            SimulateError::Io { .. } => IO,
            _ => FAILED,
        };
        Failure::new(code, error.to_string())
    })?;
    if !global.quiet {
        let mut stderr = anstream::stderr().lock();
        for file in &summary.files {
            writeln!(stderr, "{:>9} rows  {:>11} bytes  {}", file.tally.rows.read, file.bytes, file.name)?;
        }
        writeln!(stderr, "exports and truth.json in {}", arguments.out.display())?;
    }
    Ok(())
}
