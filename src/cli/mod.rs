//! The command line: one file a command; messages, exit codes, nothing else.

#[cfg(feature = "delta")]
mod annotate;
mod check;
mod exit;
mod explain;
#[cfg(feature = "delta")]
mod history;
#[cfg(feature = "delta")]
mod indicator;
mod metrics;
#[cfg(feature = "delta")]
mod output;
mod progress;
#[cfg(feature = "delta")]
mod published;
#[cfg(all(feature = "query", feature = "delta"))]
mod query;
#[cfg(feature = "delta")]
mod rejections;
mod run;
#[cfg(feature = "delta")]
mod scorecard;
mod simulate;
mod summary;
#[cfg(feature = "delta")]
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Sampling-and-inspection analytics: messy laboratory exports in, defensible published figures out.
#[derive(Debug, Parser)]
#[command(name = "assay", version, max_term_width = 100, infer_subcommands = false)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Folder of the lake.
    #[arg(long, global = true, value_name = "DIR", default_value = "./lake")]
    lake: PathBuf,
    /// Answer from what was published by this run.
    #[arg(long, global = true, value_name = "RUN")]
    as_known_at: Option<u64>,
    /// Language of the summary.
    #[arg(long, global = true, value_enum, default_value = "en")]
    lang: Language,
    /// Say nothing but errors.
    #[arg(long, global = true)]
    quiet: bool,
    /// Log to stderr as JSON lines.
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    log: Option<LogFormat>,
    /// Threads to use; all processors by default.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Zh,
    En,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the exports of a pipeline and publish its figures.
    Run(run::Arguments),
    /// Read, normalize, validate and judge; write nothing.
    Check(check::Arguments),
    /// One indicator, at any grain.
    #[cfg(feature = "delta")]
    Indicator(indicator::Arguments),
    /// The targets of the plan, whole county, and how each stands.
    #[cfg(feature = "delta")]
    Scorecard(scorecard::Arguments),
    /// What was refused by the last run, and why.
    #[cfg(feature = "delta")]
    Rejections(rejections::Arguments),
    /// What a rejection code means and how to mend it.
    Explain(explain::Arguments),
    /// Hand over the rows of an XLS or ODS; the program calls itself so.
    #[command(hide = true)]
    Unpack { file: PathBuf },
    /// Write the exports of a made-up county, with their known truth.
    Simulate(simulate::Arguments),
    /// SQL over the lake.
    #[cfg(all(feature = "query", feature = "delta"))]
    Query(query::Arguments),
    /// A sample with everything that belongs to it, down to file, sheet and line.
    #[cfg(feature = "delta")]
    Trace(trace::Arguments),
    /// Runs published so far.
    #[cfg(feature = "delta")]
    History(history::HistoryArguments),
    /// Check every byte of the lake against its ledger.
    #[cfg(feature = "delta")]
    Verify(history::VerifyArguments),
    /// Publish the figures of an earlier run again.
    #[cfg(feature = "delta")]
    Restore(history::RestoreArguments),
    /// Make a published report once more out of the raw archive, and compare every byte.
    #[cfg(feature = "delta")]
    Reproduce(history::ReproduceArguments),
}

/// Parses the arguments, runs the command, and turns its outcome into an exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            // A closed pipe is no reason to fail.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let global = arguments.global;
    progress::start_log(global.log.is_some());
    report_defects();
    let to_log = global.log.is_some();
    let ended =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run_command(arguments.command, &global)));
    match ended.unwrap_or_else(|_| Err(exit::Failure::new(exit::FAILED, exit::DEFECT))) {
        Ok(()) => ExitCode::from(exit::DONE),
        Err(failure) => {
            failure.print(to_log);
            ExitCode::from(failure.code)
        }
    }
}

/// A defect of the program is said in one line, like any other reason to end.
fn report_defects() {
    std::panic::set_hook(Box::new(|info| {
        let what = info.payload_as_str().unwrap_or("no reason given");
        let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let message = format!("assay itself has a defect: {what}{}", place.unwrap_or_default());
        exit::Failure::new(exit::FAILED, message).with_hint("please report this line").print(false);
    }));
}

fn run_command(command: Command, global: &Global) -> Result<(), exit::Failure> {
    if !matches!(command, Command::Unpack { .. } | Command::Explain(_)) {
        // Zero is as many as there are processors.
        let threads = global.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        #[cfg(feature = "delta")]
        let pool = match &command {
            Command::Indicator(_) => pool.stack_size(indicator::STACK),
            _ => pool,
        };
        pool.build_global()
            .map_err(|error| exit::Failure::new(exit::IO, format!("no threads can be started: {error}")))?;
    }
    match command {
        Command::Run(command) => run::run(&command, global),
        Command::Check(command) => check::run(&command, global),
        #[cfg(feature = "delta")]
        Command::Indicator(command) => indicator::run(&command, global),
        #[cfg(feature = "delta")]
        Command::Scorecard(command) => scorecard::run(&command, global),
        #[cfg(feature = "delta")]
        Command::Rejections(command) => rejections::run(&command, global),
        Command::Unpack { file } => unpack(&file),
        Command::Explain(command) => explain::run(&command, global),
        Command::Simulate(command) => simulate::run(&command, global),
        #[cfg(all(feature = "query", feature = "delta"))]
        Command::Query(command) => query::run(&command, global),
        #[cfg(feature = "delta")]
        Command::Trace(command) => trace::run(&command, global),
        #[cfg(feature = "delta")]
        Command::History(command) => history::history(&command, global),
        #[cfg(feature = "delta")]
        Command::Verify(command) => history::verify(&command, global),
        #[cfg(feature = "delta")]
        Command::Restore(command) => history::restore(&command, global),
        #[cfg(feature = "delta")]
        Command::Reproduce(command) => history::reproduce(&command, global),
    }
}

fn unpack(file: &std::path::Path) -> Result<(), exit::Failure> {
    crate::source::unpack(file, std::io::stdout().lock())
        .map_err(|problem| exit::Failure::new(exit::FAILED, problem.to_string()))
}
