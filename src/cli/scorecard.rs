use jiff::civil::Date;

use super::Global;
use super::exit::Failure;
use super::output::{self, OutputOptions};
use super::published::{self, Published};
use crate::pipeline::answer;
use crate::report::scorecard_table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Nothing dated after this day is seen; the run's own day by default.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    #[command(flatten)]
    output: OutputOptions,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let Published { lake, entry, mut file, reference, as_of } = published::open(global, arguments.as_of)?;
    file.indicators.retain(|indicator| indicator.on_scorecard);
    file.indicators.iter_mut().for_each(|indicator| indicator.cuts.clear());
    let figures = answer::answer((&lake, &entry), &file, &reference, as_of, None)?;
    output::write(&scorecard_table(&file.indicators, &figures, &file.region), &arguments.output)
}
