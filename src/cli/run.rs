use std::path::PathBuf;

use jiff::civil::Date;

use super::exit::{Failure, TARGET_MISSED};
use super::progress::Progress;
use super::{Global, metrics, summary};
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
    /// Folder for a second report that may leave the house: small numbers are kept back.
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,
    /// Wait for another run to end instead of giving up.
    #[arg(long)]
    wait: bool,
    /// Write CSV without a byte-order mark, for programs.
    #[arg(long)]
    no_bom: bool,
    /// Exit with 4 when a target is missed.
    #[arg(long)]
    fail_on_target: bool,
    /// Publish first, one by one, the month ends since the last run that have none.
    #[arg(long)]
    catch_up: bool,
    /// Write what monitoring needs to this file, in the format of node_exporter.
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
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
        share: None,
        lake: PathBuf::from("./lake"),
        wait: false,
        byte_order_mark,
        unpacker: std::env::current_exe().ok(),
        published_at: now(),
        piece: crate::source::PIECE,
    }
}

/// Seconds since 1970: for the ledger and for monitoring, never for a figure.
pub fn seconds_now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The moment, in UTC and to the second.
fn now() -> String {
    let moment = i64::try_from(seconds_now()).ok().and_then(|now| jiff::Timestamp::from_second(now).ok());
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let request = RunRequest {
        out: arguments.out.clone(),
        share: arguments.share.clone(),
        wait: arguments.wait,
        byte_order_mark: !arguments.no_bom,
        ..arguments.inputs.request(global)
    };
    let mut last = Ok(());
    for request in days(arguments, request)? {
        last = publish(arguments, global, &request);
        // A missed target is said at the end; whatever else went wrong ends it here.
        if last.as_ref().is_err_and(|failure| failure.code != TARGET_MISSED) {
            return last;
        }
    }
    last
}

/// The day that is asked for, and with `--catch-up` before it the month ends without a run.
#[cfg(feature = "delta")]
fn days(arguments: &Arguments, request: RunRequest) -> Result<Vec<RunRequest>, Failure> {
    use crate::lake::LakeError;
    use crate::pipeline::store;
    if !arguments.catch_up {
        return Ok(vec![request]);
    }
    let file = pipeline::open(&request.pipeline)?;
    let wanted = request.as_of.or(file.as_of);
    let lake = match store::published(&request.lake, None) {
        Ok((lake, _)) => lake,
        Err(LakeError::Missing { .. }) => return Ok(vec![request]),
        Err(error) => return Err(error.into()),
    };
    let entries = lake.entries()?;
    let own = entries.iter().filter(|entry| entry.draft.pipeline.name == file.name);
    let last: Option<Date> = own.filter_map(|entry| entry.draft.as_of.parse().ok()).max();
    let (Some(last), Some(wanted)) = (last, wanted) else { return Ok(vec![request]) };
    let ends = std::iter::successors(Some(last.last_of_month()), |end| {
        end.checked_add(jiff::Span::new().days(1)).ok().map(Date::last_of_month)
    });
    let missed = ends.skip_while(|end| *end <= last).take_while(|end| *end < wanted);
    let mut requests: Vec<RunRequest> =
        missed.map(|end| RunRequest { as_of: Some(end), ..request.clone() }).collect();
    requests.push(request);
    Ok(requests)
}

#[cfg(not(feature = "delta"))]
fn days(_: &Arguments, request: RunRequest) -> Result<Vec<RunRequest>, Failure> {
    Ok(vec![request])
}

fn publish(arguments: &Arguments, global: &Global, request: &RunRequest) -> Result<(), Failure> {
    let began = std::time::Instant::now();
    let progress = Progress::new(global.quiet);
    let result = pipeline::run(request, &progress).map_err(Failure::from);
    progress.finish();
    if let Some(path) = &arguments.textfile {
        let stem = request.pipeline.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        metrics::write(path, &stem.unwrap_or_default(), began.elapsed().as_secs_f64(), &result)?;
    }
    let outcome = result.inspect_err(|failure| tracing::error!(exit_code = failure.code, "failed"))?;
    let missed = summary::missed(&outcome.evaluated);
    let rows = outcome.record.rows;
    tracing::info!(
        as_of = outcome.record.as_of,
        lake = ?outcome.stored,
        read = rows.read,
        accepted = rows.accepted,
        rejected = rows.rejected,
        duplicate = rows.duplicate,
        superseded = rows.superseded,
        missed = missed.join(","),
        seconds = began.elapsed().as_secs_f64(),
        "published"
    );
    if !global.quiet {
        // The report is published: a closed stderr is no failure of it.
        let _ = summary::print(&outcome.evaluated, &outcome.record, global);
        let _ = summary::print_stored(&outcome.stored, request);
    }
    let verdict = match missed.as_slice() {
        missed if arguments.fail_on_target && !missed.is_empty() => {
            Err(Failure::new(TARGET_MISSED, format!("target missed: {}", missed.join(", "))))
        }
        _ => Ok(()),
    };
    // The process is about to end, and takes all at once what would be handed back piece by piece.
    std::mem::forget(outcome);
    verdict
}
