//! `test_headers.csv` and its corrections: one report a sample, and reports of samples that never came.

use std::path::Path;

use jiff::civil::Date;

use super::calendar::plus;
use super::csv_file::{CsvFile, SPREADSHEET};
use super::dice::{Dice, Stream};
use super::dirt::{DUPLICATES, Dirt, HEADER_FAULTS, Targets};
use super::food::{Food, Report};
use super::truth::{Fate, Figure, Truth};
use super::words::{Conclusion, Monitored, Purpose, Verdict};
use super::world::World;
use super::{FileSummary, SimulateError};

#[rustfmt::skip]
const COLUMNS: [&str; 17] = [
    "抽样单编号", "报告书编号", "检验机构名称", "样品到达日期", "接样日期", "联系人", "电话", "邮箱",
    "结论", "报告类别", "检验目的/任务类别", "监督抽检报告备注", "风险监测报告备注", "历史退回原因",
    "复检状态", "检验结论", "报告日期",
];
const CODE: usize = 0;
const CONCLUSION: usize = 8;
const REPORTED_ON: usize = 16;

const TARGETS: Targets = Targets {
    code: Some(CODE),
    required: &[CODE, CONCLUSION, REPORTED_ON],
    dates: &[REPORTED_ON],
    words: &[(CONCLUSION, "详见报告")],
};

#[derive(Debug)]
pub struct Headers {
    first: CsvFile,
    resend: CsvFile,
}

impl Headers {
    pub fn create(folder: &Path) -> Result<Headers, SimulateError> {
        Ok(Headers {
            first: CsvFile::create(folder, "test_headers.csv", SPREADSHEET, &COLUMNS)?,
            resend: CsvFile::create(folder, "test_headers_resend.csv", SPREADSHEET, &COLUMNS)?,
        })
    }

    /// Writes the report of a sample and its correction, and counts the verdict that stands on the as-of
    /// day. `known`: whether the form was accepted.
    pub fn write(
        &mut self,
        world: &World,
        food: &Food,
        known: bool,
        truth: &mut Truth,
    ) -> Result<(), SimulateError> {
        let Some(report) = food.report else { return Ok(()) };
        let mut dirt = world.dirt(Stream::Header, food.index);
        let mut row = row(world, food, report, &mut dirt);
        let fault = dirt.fault(HEADER_FAULTS).filter(|_| !food.spared);
        if let Some(fault) = fault {
            dirt.spoil(&mut row, fault, &TARGETS);
        }
        let fate = match (fault, food.correction) {
            (None, Some(_)) => Fate::Superseded,
            _ => Fate::of(fault),
        };
        self.first.row(&row, fate)?;
        if fate == Fate::Accepted {
            self.first.orphan_unless(known);
            if dirt.strikes(DUPLICATES) {
                self.first.repeat(self::row(world, food, report, &mut dirt))?;
            }
        }
        // The later report stands as soon as it is seen; until then the earlier one does.
        let original = report;
        let standing = match food.correction {
            Some(correction) => {
                let report = Report {
                    reported_on: correction.reported_on,
                    first: correction.conclusion,
                    reinspected: None,
                };
                self.resend.row(&self::row(world, food, report, &mut dirt), Fate::Accepted)?;
                self.resend.orphan_unless(known);
                let unseen = report.reported_on > world.period.as_of && fault.is_none();
                Some(if unseen { original } else { report })
            }
            None if fault.is_none() => Some(report),
            None => None,
        };
        if let Some(report) = standing.filter(|_| known) {
            count(world, food, report, truth);
        }
        Ok(())
    }

    /// Writes the report of another county's sample.
    pub fn write_foreign(
        &mut self,
        world: &World,
        index: u64,
        code: &str,
        reported_on: Date,
    ) -> Result<(), SimulateError> {
        let mut dice = world.dice(Stream::Foreign, index);
        let mut row =
            vec![code.to_owned(), format!("WX{}", dice.digits(8)), "驻马店市食品药品检验所".to_owned()];
        row.extend([plus(reported_on, -9), plus(reported_on, -8)].map(|day| day.to_string()));
        row.resize(COLUMNS.len(), "/".to_owned());
        for (column, text) in [(CONCLUSION, "纯抽检合格样品"), (10, "监督抽检")] {
            if let Some(cell) = row.get_mut(column) {
                *cell = text.to_owned();
            }
        }
        if let Some(cell) = row.last_mut() {
            *cell = reported_on.to_string();
        }
        self.first.row(&row, Fate::Accepted)?;
        self.first.orphan_unless(false);
        Ok(())
    }

    pub fn finish(self) -> Result<[FileSummary; 2], SimulateError> {
        Ok([self.first.finish()?, self.resend.finish()?])
    }
}

/// 合格率: batches of the year with a verdict that is seen, either way; and the rate in which problem samples
/// count as failures.
fn count(world: &World, food: &Food, report: Report, truth: &mut Truth) {
    let seen = report.reported_on <= world.period.as_of && world.period.counts(food.sampled_on);
    if !seen {
        return;
    }
    let last = report.last();
    let is_problem = last.monitored == Monitored::Problem;
    if last != Conclusion::new(Verdict::Undetermined, Monitored::Nothing) {
        let passes = last.verdict != Verdict::Nonconforming && !is_problem;
        truth.judge(Figure::FoodPassRateMixed, passes);
        if food.purpose == Purpose::RiskMonitoring {
            truth.judge(Figure::RiskProblemRate, is_problem);
        }
    }
    if !food.is_in_pass_rate() {
        return;
    }
    match report.last().verdict {
        Verdict::Conforming => truth.judge(Figure::FoodPassRate, true),
        Verdict::Nonconforming => truth.judge(Figure::FoodPassRate, false),
        Verdict::Undetermined => {}
    }
}

fn row(world: &World, food: &Food, report: Report, dirt: &mut Dirt) -> Vec<String> {
    let mut dice: Dice = world.dice(Stream::Header, food.index);
    let person = world.people.anyone(&mut dice);
    let arrived = plus(food.sampled_on, dice.between(0, 3));
    let number = format!("SP{}{:06}", food.sampled_on.year(), food.index);
    let (status, last) = match report.reinspected {
        Some(last) if last.verdict == Verdict::Conforming => ("复检合格", last.text().to_owned()),
        Some(last) => ("复检不合格", last.text().to_owned()),
        // Where nothing changed, the final conclusion is often left empty.
        None if dice.percent(40) => ("/", dirt.blank().to_owned()),
        None => ("/", report.first.text().to_owned()),
    };
    vec![
        dirt.code(&food.code),
        number,
        food.laboratory.to_owned(),
        dirt.date(arrived),
        dirt.date(plus(arrived, 1)),
        person.name.clone(),
        person.phone.clone(),
        dirt.blank().to_owned(),
        dirt.text(report.first.text()),
        report_kind(report.first).to_owned(),
        food.purpose.text().to_owned(),
        if dice.percent(3) {
            "样品标签信息不全，以抽样单为准".to_owned()
        } else {
            dirt.blank().to_owned()
        },
        dirt.blank().to_owned(),
        if dice.percent(2) { "单位地址有误,已更正".to_owned() } else { dirt.blank().to_owned() },
        status.to_owned(),
        last,
        dirt.date(report.reported_on),
    ]
}

fn report_kind(conclusion: Conclusion) -> &'static str {
    match (conclusion.verdict, conclusion.monitored) {
        (Verdict::Nonconforming, Monitored::Problem) => "一般不合格（问题）报告",
        (Verdict::Nonconforming, _) => "一般不合格报告",
        (_, Monitored::Problem) => "一般问题报告",
        _ => "合格报告",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        for (column, name) in
            [(CODE, "抽样单编号"), (CONCLUSION, "结论"), (10, "检验目的/任务类别"), (REPORTED_ON, "报告日期")]
        {
            assert_eq!(COLUMNS[column], name);
        }
    }
}
