use super::exit::Failure;
use super::progress::Progress;
use super::run::Inputs;
use super::{Global, summary};
use crate::pipeline;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let request = arguments.inputs.request(global)?;
    let progress = Progress::new(global.quiet);
    let evaluated = pipeline::check(&request, &progress);
    progress.finish();
    let evaluated = evaluated?;
    if !global.quiet {
        let record = pipeline::record(&evaluated);
        summary::print(&evaluated, &record, global)?;
        summary::print_unknown_columns(&record)?;
    }
    pipeline::check_rejections(&evaluated)?;
    Ok(())
}
