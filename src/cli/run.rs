use std::path::PathBuf;

use jiff::civil::Date;

use super::exit::{Failure, TARGET_MISSED};
use super::progress::Progress;
use super::{Global, summary};
use crate::pipeline::{self, RunRequest};

/// Options that say which exports to read, shared by `run` and `check`.
#[derive(Debug, clap::Args)]
pub struct Inputs {
    /// The pipeline file.
    #[arg(value_name = "PIPELINE.toml")]
    pub pipeline: PathBuf,
    /// Nothing dated after this day is seen; the pipeline's own `as_of` by default.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// Sets a parameter of the pipeline; a folder starts where you stand.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_param)]
    pub params: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Folder of the report, swapped in whole.
    #[arg(long, value_name = "DIR", default_value = "./out")]
    out: PathBuf,
    /// Wait for another run to end instead of giving up.
    #[arg(long)]
    wait: bool,
    /// Write CSV without a byte-order mark, for programs.
    #[arg(long)]
    no_bom: bool,
    /// Exit with 4 when a target is missed.
    #[arg(long)]
    fail_on_target: bool,
}

fn parse_param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

impl Inputs {
    pub fn request(&self, global: &Global) -> RunRequest {
        RunRequest {
            pipeline: self.pipeline.clone(),
            as_of: self.as_of,
            params: self.params.clone(),
            lake: global.lake.clone(),
            ..bare_request(true)
        }
    }
}

/// A request without a pipeline.
pub fn bare_request(byte_order_mark: bool) -> RunRequest {
    RunRequest {
        pipeline: PathBuf::new(),
        as_of: None,
        params: Vec::new(),
        out: PathBuf::from("./out"),
        lake: PathBuf::from("./lake"),
        wait: false,
        byte_order_mark,
        published_at: now(),
    }
}

/// The moment, in UTC and to the second: for the ledger alone, never for a figure.
fn now() -> String {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let moment = i64::try_from(since).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let request = RunRequest {
        out: arguments.out.clone(),
        wait: arguments.wait,
        byte_order_mark: !arguments.no_bom,
        ..arguments.inputs.request(global)
    };
    let progress = Progress::new(global.quiet);
    let outcome = pipeline::run(&request, &progress);
    progress.finish();
    let outcome = outcome?;
    if !global.quiet {
        // The report is published: a closed stderr is no failure of it.
        let _ = summary::print(&outcome.evaluated, &outcome.record, global);
        let _ = summary::print_stored(&outcome.stored, &request);
    }
    let missed = summary::missed(&outcome.evaluated);
    let verdict = match missed.as_slice() {
        missed if arguments.fail_on_target && !missed.is_empty() => {
            Err(Failure::new(TARGET_MISSED, format!("target missed: {}", missed.join(", "))))
        }
        _ => Ok(()),
    };
    // The process ends here, and takes all at once what would be handed back piece by piece.
    std::mem::forget(outcome);
    verdict
}
