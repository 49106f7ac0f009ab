//! `disposal.csv`: the duties that follow a nonconforming sample.

use std::path::Path;

use jiff::civil::Date;

use super::calendar::plus;
use super::csv_file::{CsvFile, PLATFORM};
use super::dice::Stream;
use super::dirt::{DUPLICATES_SMALL, DUTY_FAULTS, Dirt, FOREIGN_DUTIES, Targets};
use super::food::Food;
use super::township::nowhere;
use super::truth::{Fate, Figure, Truth};
use super::words::{Level, Part, Purpose, Verdict};
use super::world::World;
use super::{FileSummary, SimulateError};

#[rustfmt::skip]
const COLUMNS: [&str; 12] = [
    "抽样单编号", "处置环节", "承办部门", "承办地", "检验报告上传日期", "启动核查处置日期", "处置完成日期",
    "延期至", "原因类别", "处罚决定书编号", "罚款元", "当事人电话",
];
const CODE: usize = 0;
const PART: usize = 1;
const NOTIFIED_ON: usize = 4;
const CLOSED_ON: usize = 6;

const TARGETS: Targets = Targets {
    code: Some(CODE),
    required: &[CODE, PART, NOTIFIED_ON],
    dates: &[NOTIFIED_ON, CLOSED_ON],
    words: &[(PART, "仓储")],
};

/// One duty of one sample.
#[derive(Debug, Clone, Copy)]
struct Duty {
    part: Part,
    notified_on: Date,
    /// Nothing where it stays open.
    closed_on: Option<Date>,
}

#[derive(Debug)]
pub struct Disposal(CsvFile);

impl Disposal {
    pub fn create(folder: &Path) -> Result<Disposal, SimulateError> {
        Ok(Disposal(CsvFile::create(folder, "disposal.csv", PLATFORM, &COLUMNS)?))
    }

    /// Writes the duties of a sample whose last word is nonconforming, as far as they are notified on the
    /// as-of day. `known`: whether its form was accepted.
    pub fn write(
        &mut self,
        world: &World,
        food: &Food,
        known: bool,
        truth: &mut Truth,
    ) -> Result<(), SimulateError> {
        let Some((reported_on, last)) = food.last_word() else { return Ok(()) };
        if last.verdict != Verdict::Nonconforming || reported_on > world.period.as_of {
            return Ok(());
        }
        let mut dirt = world.dirt(Stream::Duty, food.index);
        let mut accepted: Vec<Duty> = Vec::new();
        for (place, part) in food.parts().into_iter().enumerate() {
            let duty = duty(world, food, place, part, reported_on);
            if duty.notified_on > world.period.as_of {
                continue;
            }
            let mut cells = row(world, food, place, duty, &mut dirt);
            let fault = dirt.fault(DUTY_FAULTS).filter(|_| !food.spared);
            if let Some(fault) = fault {
                dirt.spoil(&mut cells, fault, &TARGETS);
            }
            self.0.row(&cells, Fate::of(fault))?;
            if fault.is_none() {
                accepted.push(duty);
                self.0.orphan_unless(known);
                if dirt.strikes(DUPLICATES_SMALL) {
                    self.0.repeat(row(world, food, place, duty, &mut dirt))?;
                }
            }
        }
        if known && food.level == Level::National && food.purpose == Purpose::Supervisory {
            count(world, &accepted, truth);
        }
        if dirt.strikes(FOREIGN_DUTIES) {
            let code = format!("GC20412829{:05}{:04}", 46_398, food.index % 10_000_000);
            let mut cells =
                [code.as_str(), "流通", "驿城区市场监督管理局", "驿城区"].map(str::to_owned).to_vec();
            cells.push(reported_on.to_string());
            cells.resize(COLUMNS.len(), "/".to_owned());
            self.0.row(&cells, Fate::Accepted)?;
            self.0.orphan_unless(false);
        }
        Ok(())
    }

    pub fn finish(self) -> Result<FileSummary, SimulateError> {
        self.0.finish()
    }
}

/// A batch counts in the year of its first notice, and is disposed of when its every duty is closed.
fn count(world: &World, duties: &[Duty], truth: &mut Truth) {
    let first = duties.iter().map(|duty| duty.notified_on).min();
    if first.is_some_and(|first| world.period.counts(first)) {
        let closed = |duty: &Duty| duty.closed_on.is_some_and(|day| day <= world.period.as_of);
        truth.judge(Figure::NationalDisposalRate, duties.iter().all(closed));
    }
}

/// The sequence for one duty: a sample has two at most.
const DUTIES: u64 = 4;

fn duty(world: &World, food: &Food, place: usize, part: Part, reported_on: Date) -> Duty {
    let mut dice = world.dice(Stream::Duty, food.index.wrapping_mul(DUTIES) + place as u64);
    let notified_on = plus(reported_on, dice.between(1, 5));
    // Most within the ninety days, some late, some never: the as-of day cuts through all of them.
    let closed_on = match dice.below(100) {
        0..88 => Some(plus(notified_on, dice.between(10, 88))),
        88..94 => Some(plus(notified_on, dice.between(91, 140))),
        _ => None,
    };
    Duty { part, notified_on, closed_on }
}

const CAUSES: [&str; 7] =
    ["原料问题", "生产工艺", "过程控制不严", "储运不当", "包装迁移", "标签标识问题", "其他"];

fn row(world: &World, food: &Food, place: usize, duty: Duty, dirt: &mut Dirt) -> Vec<String> {
    let mut dice = world.dice(Stream::Duty, !(food.index.wrapping_mul(DUTIES) + place as u64));
    let person = world.people.anyone(&mut dice);
    let (agency, place) = match food.township {
        Some(township) if dice.percent(60) => ("县市场监管局".to_owned(), township.name.to_owned()),
        Some(township) => (format!("{}市场监管所", township.name), township.plain_address(&mut dice)),
        None => ("县市场监管局".to_owned(), nowhere(&mut dice)),
    };
    let started_on = plus(duty.notified_on, dice.between(0, 9));
    let late = duty.closed_on.filter(|closed| *closed > plus(duty.notified_on, 90));
    let fined = duty.closed_on.is_some() && dice.percent(70);
    let or_blank = |text: String, dirt: &mut Dirt| if fined { text } else { dirt.blank().to_owned() };
    let decision = format!("西市监处罚〔{}〕{}号", started_on.year(), dice.between(1, 400));
    let fine = (dice.between(2, 50) * 1000).to_string();
    vec![
        dirt.code(&food.code),
        dirt.text(duty.part.text()),
        agency,
        place,
        dirt.date(duty.notified_on),
        dirt.date(started_on),
        dirt.date_or_blank(duty.closed_on),
        dirt.date_or_blank(late.map(|_| plus(duty.notified_on, 120))),
        dice.pick(&CAUSES).to_owned(),
        or_blank(decision, dirt),
        or_blank(fine, dirt),
        person.phone.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        for (column, name) in [
            (CODE, "抽样单编号"),
            (PART, "处置环节"),
            (NOTIFIED_ON, "检验报告上传日期"),
            (CLOSED_ON, "处置完成日期"),
        ] {
            assert_eq!(COLUMNS[column], name);
        }
    }
}
