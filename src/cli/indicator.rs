use std::borrow::Cow;
use std::io::Write;

use jiff::civil::Date;

use super::Global;
use super::exit::{Failure, USAGE};
use super::output::{self, OutputOptions};
use super::published::{self, Published};
use crate::cube::Filter;
use crate::indicator::{Definition, Kind};
use crate::model::nearest;
use crate::pipeline::{PipelineFile, answer};
use crate::report::{indicators_csv, indicators_table};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Identifier of the indicator.
    id: String,
    /// Dimensions to cut by.
    #[arg(long, value_name = "DIM,DIM", value_delimiter = ',')]
    by: Vec<String>,
    /// Only what satisfies this expression.
    #[arg(long = "where", value_name = "EXPR")]
    filter: Option<String>,
    /// A month, a quarter or a year: 2020-06, 2020-Q2, 2020.
    #[arg(long, value_name = "PERIOD", value_parser = parse_period)]
    period: Option<(Date, Date)>,
    /// Nothing dated after this day is seen; the run's own day by default.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    #[command(flatten)]
    output: OutputOptions,
}

/// First and last day of a period.
fn parse_period(text: &str) -> Result<(Date, Date), String> {
    let expected = || "write it as 2020-06, 2020-Q2 or 2020".to_owned();
    let day = |year: &str, month: i8| -> Result<Date, String> {
        Date::new(year.parse().map_err(|_| expected())?, month, 1).map_err(|_| expected())
    };
    match text.split_once('-') {
        None => Ok((day(text, 1)?, day(text, 12)?.last_of_month())),
        Some((year, quarter)) if quarter.starts_with('Q') => {
            let quarter: i8 =
                quarter[1..].parse().ok().filter(|q| (1..=4).contains(q)).ok_or_else(expected)?;
            Ok((day(year, quarter * 3 - 2)?, day(year, quarter * 3)?.last_of_month()))
        }
        Some((year, month)) => {
            let first = day(year, month.parse().map_err(|_| expected())?)?;
            Ok((first, first.last_of_month()))
        }
    }
}

const MIB: usize = 1 << 20;

/// Bytes of a stack that takes expressions as long as a system lets an argument be (128 KiB under Linux): what is joined by
/// `and` is taken apart term by term, each inside the one before.
pub const STACK: usize = 16 * MIB;

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let Published { lake, entry, mut file, reference, as_of } = published::open(global, arguments.as_of)?;
    let definition = definition(&file, arguments)?;
    // A stock is counted on a day: the last of the period.
    let as_of = match (definition.kind, arguments.period) {
        (Kind::Stock | Kind::Coverage, Some((_, end))) => as_of.min(end),
        _ => as_of,
    };
    file.indicators = vec![definition];
    // Among the threads that count, so that none has to wait for being told what they have done.
    let figures =
        rayon::scope(|_| answer::answer((&lake, &entry), &file, &reference, as_of, arguments.period))?;
    let table = || Cow::Owned(indicators_table(&file.indicators, &figures));
    let csv = |options, out: &mut dyn Write| indicators_csv(&file.indicators, &figures, options, out);
    let written = output::write_either(table, csv, &arguments.output);
    // The process is about to end, and takes all at once what would be handed back piece by piece.
    std::mem::forget(figures);
    written
}

/// The indicator as the pipeline defines it, cut and filtered as asked.
fn definition(file: &PipelineFile, arguments: &Arguments) -> Result<Definition, Failure> {
    let known = || file.indicators.iter().map(|own| own.id.as_str());
    let found = file.indicators.iter().find(|own| own.id == arguments.id);
    let Some(mut definition) = found.cloned() else {
        let failure = Failure::new(USAGE, format!("the pipeline has no indicator `{}`", arguments.id));
        return Err(match nearest(&arguments.id, known()) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint(format!("it has {}", known().collect::<Vec<_>>().join(", "))),
        });
    };
    let dimensions = file.dimensions_of(definition.fact);
    let unknown = arguments.by.iter().find(|name| *name != "month" && !dimensions.contains(name));
    if let Some(name) = unknown {
        let failure = Failure::new(USAGE, format!("`{name}` is no dimension of {}", definition.fact.name()));
        return Err(match nearest(name, dimensions.iter().map(String::as_str)) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint(format!("its dimensions are month, {}", dimensions.join(", "))),
        });
    }
    if let Some(text) = &arguments.filter {
        let joined = match &definition.base {
            Some(base) => format!("({}) and ({text})", base.text()),
            None => text.clone(),
        };
        let usage = |error: crate::cube::FilterError| Failure::new(USAGE, error.to_string());
        let filter = Filter::parse(&joined).map_err(usage)?;
        filter.check(definition.fact.name(), &dimensions).map_err(usage)?;
        definition.base = Some(filter);
    }
    definition.cuts = if arguments.by.is_empty() { Vec::new() } else { vec![arguments.by.clone()] };
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn periods_are_months_quarters_and_years() {
        for (text, expected) in [
            ("2020-02", Some((date(2020, 2, 1), date(2020, 2, 29)))),
            ("2020-Q2", Some((date(2020, 4, 1), date(2020, 6, 30)))),
            ("2020", Some((date(2020, 1, 1), date(2020, 12, 31)))),
            ("2020-13", None),
            ("2020-Q5", None),
            ("June", None),
        ] {
            assert_eq!(parse_period(text).ok(), expected, "{text}");
        }
    }
}
