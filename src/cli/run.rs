use std::path::PathBuf;
use std::time::Instant;

use jiff::civil::Date;

use super::exit::{DEFECT, DONE, FAILED, Failure, TARGET_MISSED, USAGE};
use super::progress::Progress;
use super::{Global, metrics, summary};
use crate::pipeline::{self, Outcome, RunRequest};

/// Options that say which exports to read, shared by `run` and `check`.
#[derive(Debug, clap::Args)]
pub struct Inputs {
    /// The pipeline file.
    #[arg(value_name = "PIPELINE.toml")]
    pub pipeline: PathBuf,
    /// Nothing dated after this day is seen; the pipeline's own `as_of` by default.
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
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
    /// # Errors
    /// The day is none: said only now, so that monitoring hears of it.
    pub fn request(&self, global: &Global) -> Result<RunRequest, Failure> {
        let day = |text: &String| {
            text.parse::<Date>().map_err(|error| {
                Failure::new(USAGE, format!("`--as-of {text}` is no day: {error}"))
                    .with_hint("write it as 2020-12-31")
            })
        };
        Ok(RunRequest {
            pipeline: self.pipeline.clone(),
            as_of: self.as_of.as_ref().map(day).transpose()?,
            params: self.params.clone(),
            lake: global.lake.clone(),
            ..bare_request(true)
        })
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
    let began = Instant::now();
    let requests = match requests(arguments, global) {
        Ok(requests) => requests,
        Err(failure) => {
            // What keeps a run from beginning is a failure like any other: monitoring must see it.
            let _ = tell(arguments, began, None, failure.code);
            return Err(failure);
        }
    };
    let mut last = Ok(());
    let mut requests = requests.iter().peekable();
    while let Some(request) = requests.next() {
        last = publish(arguments, global, request, requests.peek().is_none());
        // A missed target is said at the end; whatever else went wrong ends it here.
        if last.as_ref().is_err_and(|failure| failure.code != TARGET_MISSED) {
            return last;
        }
    }
    last
}

fn requests(arguments: &Arguments, global: &Global) -> Result<Vec<RunRequest>, Failure> {
    let request = RunRequest {
        out: arguments.out.clone(),
        share: arguments.share.clone(),
        wait: arguments.wait,
        byte_order_mark: !arguments.no_bom,
        ..arguments.inputs.request(global)?
    };
    days(arguments, request)
}

/// Writes the textfile, if there is to be one.
fn tell(arguments: &Arguments, began: Instant, outcome: Option<&Outcome>, code: u8) -> Result<(), Failure> {
    let Some(path) = &arguments.textfile else { return Ok(()) };
    let stem = arguments.inputs.pipeline.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    metrics::write(path, &stem.unwrap_or_default(), began.elapsed().as_secs_f64(), outcome, code)
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

fn publish(
    arguments: &Arguments,
    global: &Global,
    request: &RunRequest,
    is_last: bool,
) -> Result<(), Failure> {
    let began = Instant::now();
    let progress = Progress::new(global.quiet);
    // A defect of ours is a failed run too; the panic hook has spoken of it.
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pipeline::run(request, &progress)));
    progress.finish();
    let result = match ran {
        Ok(result) => result.map_err(Failure::from),
        Err(_) => Err(Failure::new(FAILED, DEFECT)),
    };
    let missed = |outcome: &Outcome| -> Vec<String> {
        summary::missed(&outcome.evaluated).into_iter().map(str::to_owned).collect()
    };
    let missed = result.as_ref().map(missed).unwrap_or_default();
    let is_missed = arguments.fail_on_target && !missed.is_empty();
    let code = match &result {
        Ok(_) => {
            if is_missed {
                TARGET_MISSED
            } else {
                DONE
            }
        }
        Err(failure) => failure.code,
    };
    let told = tell(arguments, began, result.as_ref().ok(), code);
    let outcome = result?;
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
    if is_last {
        // The process is about to end, and takes all at once what would be handed back piece by piece.
        std::mem::forget(outcome);
    }
    match is_missed {
        true => Err(Failure::new(TARGET_MISSED, format!("target missed: {}", missed.join(", ")))),
        false => told,
    }
}
