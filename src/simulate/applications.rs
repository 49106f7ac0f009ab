//! `applications.csv`: licences, registrations and filings asked for, and when they were decided.

use std::path::Path;

use jiff::civil::Date;

use super::calendar::{START, plus};
use super::csv_file::{CsvFile, PLATFORM};
use super::dice::Stream;
use super::dirt::{APPLICATION_FAULTS, DUPLICATES_SMALL, Dirt, Targets};
use super::township::{TOWNSHIPS, any_township};
use super::truth::{Fate, Figure, Truth};
use super::world::World;
use super::{FileSummary, SimulateError};

const COLUMNS: [&str; 8] =
    ["受理编号", "业务类型", "业态", "申请人", "经营地址", "受理日期", "应办结日期", "办结日期"];
const ID: usize = 0;
const KIND: usize = 1;
const ACCEPTED_ON: usize = 5;
const DUE_ON: usize = 6;

const TARGETS: Targets = Targets {
    code: None,
    required: &[ID, ACCEPTED_ON],
    dates: &[ACCEPTED_ON, DUE_ON],
    words: &[(KIND, "其他业务")],
};

#[derive(Debug, Clone, Copy)]
struct Application {
    index: u64,
    sales: bool,
    accepted_on: Date,
    due_on: Date,
    /// Nothing while it is pending.
    decided_on: Option<Date>,
}

/// Writes the applications of the whole period and counts those of the year that had to be decided.
pub fn write(folder: &Path, world: &World, truth: &mut Truth) -> Result<FileSummary, SimulateError> {
    let mut file = CsvFile::create(folder, "applications.csv", PLATFORM, &COLUMNS)?;
    let number = u64::from(world.period.months) * 14 + world.samples / 50;
    for index in 0..number {
        let application = tell(world, index, number);
        let mut dirt = world.dirt(Stream::Application, index);
        let mut cells = row(world, application, &mut dirt);
        let fault = dirt.fault(APPLICATION_FAULTS);
        if let Some(fault) = fault {
            dirt.spoil(&mut cells, fault, &TARGETS);
        }
        file.row(&cells, Fate::of(fault))?;
        if fault.is_none() {
            if dirt.strikes(DUPLICATES_SMALL) {
                file.repeat(row(world, application, &mut dirt))?;
            }
            count(world, application, truth);
        }
    }
    file.finish()
}

fn tell(world: &World, index: u64, number: u64) -> Application {
    let mut dice = world.dice(Stream::Application, index);
    let day = u128::from(index) * u128::from(world.period.days()) / u128::from(number.max(1));
    let accepted_on = plus(START, day as i64);
    let due_on = plus(accepted_on, dice.weighted(&[(20, 60), (10, 25), (30, 15)]));
    let decided_on = match dice.below(1000) {
        0..960 => Some(plus(accepted_on, dice.between(0, 9))),
        960..975 => Some(due_on),
        975..988 => Some(plus(due_on, dice.between(1, 25))),
        _ => None,
    };
    Application { index, sales: dice.percent(60), accepted_on, due_on, decided_on }
}

/// 按期办结率 of sales: what is pending and not yet due is left out; what is overdue fails.
fn count(world: &World, application: Application, truth: &mut Truth) {
    let as_of = world.period.as_of;
    if !application.sales || !world.period.counts(application.accepted_on) {
        return;
    }
    match application.decided_on.filter(|day| *day <= as_of) {
        Some(decided_on) => truth.judge(Figure::LicensingOnTime, decided_on <= application.due_on),
        None if application.due_on < as_of => truth.judge(Figure::LicensingOnTime, false),
        None => {}
    }
}

fn row(world: &World, application: Application, dirt: &mut Dirt) -> Vec<String> {
    let Application { index, sales, accepted_on, due_on, decided_on } = application;
    let mut dice = world.dice(Stream::Application, index | 1 << 63);
    let township = &TOWNSHIPS[any_township(&mut dice)];
    let applicant = match dice.percent(45) {
        true => world.people.anyone(&mut dice).name.clone(),
        false => format!(
            "西平县{}食品店（第{}家）",
            dice.pick(&["顺达", "福源", "百合", "万顺", "金桥"]),
            index + 1
        ),
    };
    vec![
        dirt.text(&format!("XPSL{}{index:06}", accepted_on.year())),
        dice.weighted(&[("许可", 70), ("登记", 18), ("备案", 12)]).to_owned(),
        if sales { "销售" } else { dice.weighted(&[("餐饮服务", 80), ("单位食堂", 20)]) }.to_owned(),
        applicant,
        township.address(&mut dice),
        dirt.date(accepted_on),
        dirt.date(due_on),
        decided_on.map_or_else(String::new, |day| dirt.date(day)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        for (column, name) in
            [(ID, "受理编号"), (KIND, "业务类型"), (ACCEPTED_ON, "受理日期"), (DUE_ON, "应办结日期")]
        {
            assert_eq!(COLUMNS[column], name);
        }
    }
}
