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
    started_on: Date,
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
        if known {
            count(world, &accepted, truth);
            if food.level == Level::National && food.purpose == Purpose::Supervisory {
                count_national(world, &accepted, truth);
            }
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

/// How a step stands on the as-of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    InTime,
    Late,
    Overdue,
    NotDue,
}

fn stands(due: Date, done: Option<Date>, as_of: Date) -> Stands {
    match done.filter(|day| *day <= as_of) {
        Some(day) if day <= due => Stands::InTime,
        Some(_) => Stands::Late,
        None if due < as_of => Stands::Overdue,
        None => Stands::NotDue,
    }
}

impl Duty {
    /// Five days to start with it.
    fn start(&self, as_of: Date) -> Stands {
        stands(plus(self.notified_on, 5), Some(self.started_on), as_of)
    }

    /// Ninety days to finish it, or as many as were granted.
    fn finish(&self, as_of: Date) -> Stands {
        stands(self.extended_to().unwrap_or(plus(self.notified_on, 90)), self.closed_on, as_of)
    }

    /// More time is granted to those who will need it.
    fn extended_to(&self) -> Option<Date> {
        let late = self.closed_on.filter(|closed| *closed > plus(self.notified_on, 90));
        late.map(|_| plus(self.notified_on, 120))
    }
}

/// Duties count in the year of their notice, batches in that of the first.
fn count(world: &World, duties: &[Duty], truth: &mut Truth) {
    use Stands::{InTime, Late, NotDue, Overdue};
    let as_of = world.period.as_of;
    for duty in duties.iter().filter(|duty| world.period.counts(duty.notified_on)) {
        let (start, finish) = (duty.start(as_of), duty.finish(as_of));
        truth.judge(Figure::DisposalStarted, matches!(start, InTime | Late));
        truth.judge(Figure::DisposalFinished, matches!(finish, InTime | Late));
        if start != NotDue {
            truth.judge(Figure::DisposalStartedOnTime, start == InTime);
        }
        if finish != NotDue {
            truth.judge(Figure::DisposalFinishedOnTime, finish == InTime);
        }
    }
    let first = duties.iter().map(|duty| duty.notified_on).min();
    if first.is_some_and(|first| world.period.counts(first)) {
        let any = |wanted: &[Stands]| duties.iter().any(|duty| wanted.contains(&duty.finish(as_of)));
        truth.judge(Figure::BatchesDisposed, !any(&[Overdue, NotDue]));
        // One duty that failed its term settles it, whatever becomes of the other.
        if any(&[Overdue, Late]) {
            truth.judge(Figure::BatchesDisposedOnTime, false);
        } else if !any(&[NotDue]) {
            truth.judge(Figure::BatchesDisposedOnTime, true);
        }
    }
}

/// A batch counts in the year of its first notice, and is disposed of when its every duty is closed.
fn count_national(world: &World, duties: &[Duty], truth: &mut Truth) {
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
    let started_on = plus(notified_on, dice.between(0, 9));
    Duty { part, notified_on, started_on, closed_on }
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
    let fined = duty.closed_on.is_some() && dice.percent(70);
    let or_blank = |text: String, dirt: &mut Dirt| if fined { text } else { dirt.blank().to_owned() };
    let decision = format!("西市监处罚〔{}〕{}号", duty.started_on.year(), dice.between(1, 400));
    let fine = (dice.between(2, 50) * 1000).to_string();
    vec![
        dirt.code(&food.code),
        dirt.text(duty.part.text()),
        agency,
        place,
        dirt.date(duty.notified_on),
        dirt.date(duty.started_on),
        dirt.date_or_blank(duty.closed_on),
        dirt.date_or_blank(duty.extended_to()),
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
