//! `annual_reports.csv`: who handed in the year's report, and when.

use std::path::Path;

use jiff::civil::date;

use super::calendar::plus;
use super::csv_file::{CsvFile, PLATFORM};
use super::dice::Stream;
use super::dirt::{DUPLICATES_SMALL, REPORT_FAULTS, Targets};
use super::township::TOWNSHIPS;
use super::truth::{Fate, Figure, Truth};
use super::world::World;
use super::{FileSummary, SimulateError};

/// Bodies that owe the report besides the twenty townships.
#[rustfmt::skip]
const BODIES: [&str; 21] = [
    "产业集聚区管委会", "市生态环境局西平分局", "县自然资源局", "县农业农村局", "县发改委", "县市场监管局",
    "县教育局", "县民政局", "县住建局", "县文广旅局", "县卫健委", "县委统战部", "西平火车站", "县科工局",
    "县商务局", "县公安局", "县司法局", "县财政局", "县检察院", "县法院", "县委政法委",
];

const TARGETS: Targets = Targets { code: None, required: &[1], dates: &[1], words: &[] };

/// Writes the reports of the counted year. Nobody reports before November; every body owes all the same.
pub fn write(folder: &Path, world: &World, truth: &mut Truth) -> Result<FileSummary, SimulateError> {
    let mut file = CsvFile::create(folder, "annual_reports.csv", PLATFORM, &["单位", "收到日期"])?;
    let year = world.period.year();
    let (opens, due) = (date(year, 11, 1), date(year, 12, 3));
    let units = TOWNSHIPS.iter().map(|township| township.name).chain(BODIES);
    for (index, unit) in units.enumerate() {
        let index = index as u64;
        let mut dice = world.dice(Stream::Report, index);
        let received_on = match dice.below(100) {
            0..86 => Some(plus(opens, dice.between(10, 32))),
            86..94 => Some(plus(due, dice.between(1, 20))),
            _ => None,
        };
        let Some(received_on) = received_on.filter(|_| world.period.as_of >= opens) else {
            truth.judge(Figure::AnnualReportOnTime, false);
            continue;
        };
        let mut dirt = world.dirt(Stream::Report, index);
        let mut cells = vec![dirt.text(unit), dirt.date(received_on)];
        let fault = dirt.fault(REPORT_FAULTS);
        if let Some(fault) = fault {
            dirt.spoil(&mut cells, fault, &TARGETS);
        }
        file.row(&cells, Fate::of(fault))?;
        if fault.is_none() && dirt.strikes(DUPLICATES_SMALL) {
            file.repeat(vec![format!("{unit} "), dirt.date(received_on)])?;
        }
        let on_time = fault.is_none() && received_on <= due && received_on <= world.period.as_of;
        truth.judge(Figure::AnnualReportOnTime, on_time);
    }
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_one_units_owe_a_report() {
        assert_eq!(TOWNSHIPS.len() + BODIES.len(), 41);
    }
}
