//! `agri_monitoring.xlsx`: a wide sheet of samples and the sheet of their limits.

use std::path::{Path, PathBuf};

use super::agri::{Agri, SUBSTANCES, products};
use super::analyte::Fixed;
use super::dice::{Dice, Stream};
use super::dirt::{AGRI_FAULTS, DUPLICATES, DUPLICATES_SMALL, Dirt, Targets};
use super::township::nowhere;
use super::truth::{Code, Fate, Figure, Truth};
use super::words::{Level, Verdict};
use super::workbook::{Cell, Sheet, part_name, save};
use super::world::World;
use super::{FileSummary, SimulateError};

const TITLE: &str = "西平县农产品质量安全监测结果汇总表";
#[rustfmt::skip]
const COLUMNS: [&str; 12] = [
    "样品编号", "年度", "季度", "任务级别", "监测类型", "产品类别", "产品名称", "抽样日期", "抽样地点",
    "受检单位", "检测机构", "报告日期",
];
const CODE: usize = 0;
const KIND: usize = 4;
const SAMPLED_ON: usize = 7;

const TARGETS: Targets = Targets {
    code: Some(CODE),
    required: &[CODE, SAMPLED_ON],
    dates: &[SAMPLED_ON],
    words: &[(KIND, "其他监测")],
};

pub struct AgriBook {
    folder: PathBuf,
    part: u32,
    sheet: Sheet,
    /// Goes into the first workbook only.
    limits: Option<Sheet>,
    finished: Vec<FileSummary>,
}

impl AgriBook {
    pub fn create(folder: &Path, world: &World) -> Result<AgriBook, SimulateError> {
        Ok(AgriBook {
            folder: folder.to_owned(),
            part: 1,
            sheet: new_sheet()?,
            limits: Some(limits(world)?),
            finished: Vec::new(),
        })
    }

    /// Writes a sample and counts it where it is accepted.
    pub fn write(&mut self, world: &World, agri: &Agri, truth: &mut Truth) -> Result<(), SimulateError> {
        if self.sheet.is_full() {
            self.save_part()?;
        }
        let mut dirt = world.dirt(Stream::Agri, agri.index | 1 << 63);
        let mut cells = row(world, agri, &mut dirt);
        // A row that is refused holds no unreadable cell besides.
        let fault = dirt.fault(AGRI_FAULTS).filter(|_| agri.unreadable.is_none());
        if let Some(fault) = fault {
            dirt.spoil(&mut cells, fault, &TARGETS);
        }
        self.sheet.row(&cells, Fate::of(fault))?;
        if fault.is_some() {
            return Ok(());
        }
        match agri.unreadable {
            Some(code) => self.sheet.cell(code),
            None if dirt.strikes(DUPLICATES) => self.sheet.repeat(row(world, agri, &mut dirt))?,
            None => {}
        }
        count(world, agri, truth);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Vec<FileSummary>, SimulateError> {
        self.save_part()?;
        Ok(self.finished)
    }

    fn save_part(&mut self) -> Result<(), SimulateError> {
        let sheet = std::mem::replace(&mut self.sheet, new_sheet()?);
        let sheets = [Some(sheet), self.limits.take()].into_iter().flatten().collect();
        self.finished.push(save(&self.folder, &part_name("agri_monitoring", self.part), sheets)?);
        self.part += 1;
        Ok(())
    }
}

fn count(world: &World, agri: &Agri, truth: &mut Truth) {
    if !world.period.counts(agri.sampled_on) {
        return;
    }
    truth.batch(agri.township.map(|township| township.code));
    truth.sampled(None, agri.unit.map(|unit| unit.name.as_str()));
    if agri.routine {
        match agri.level {
            Level::Provincial => truth.add(Figure::ProvincialRoutineSamples, 1, 0),
            Level::Municipal => truth.add(Figure::MunicipalRoutineSamples, 1, 0),
            Level::National | Level::County => {}
        }
    }
    if agri.reported_on <= world.period.as_of {
        match agri.verdict {
            Verdict::Conforming => truth.judge(Figure::AgriPassRate, true),
            Verdict::Nonconforming => truth.judge(Figure::AgriPassRate, false),
            Verdict::Undetermined => {}
        }
        let (detected, exceeding) = agri.residues();
        for (figure, found) in [
            (Figure::AgriDetection, detected >= 1),
            (Figure::AgriExceedance, exceeding >= 1),
            (Figure::AgriMultipleResidue, detected >= 2),
            (Figure::AgriMultipleExceedance, exceeding >= 2),
        ] {
            truth.judge(figure, found);
        }
    }
}

fn new_sheet() -> Result<Sheet, SimulateError> {
    let header: Vec<&str> = COLUMNS.iter().chain(&SUBSTANCES).copied().collect();
    Sheet::new("监测结果", Some(TITLE), &header)
}

/// The cells of a sample. The same sample gives the same content each time; only `dirt` spells it anew.
fn row(world: &World, agri: &Agri, dirt: &mut Dirt) -> Vec<Cell> {
    let mut dice = world.dice(Stream::Agri, agri.index | 1 << 63);
    let address = match agri.township {
        Some(township) => township.address(&mut dice),
        None => nowhere(&mut dice),
    };
    let day = |day, dice: &mut Dice, dirt: &mut Dirt| match dice.percent(45) {
        true => Cell::Date(day),
        false => Cell::from(dirt.date(day)),
    };
    let mut cells = vec![
        Cell::from(dirt.code(&agri.code)),
        Cell::Number(f64::from(agri.sampled_on.year())),
        Cell::from(format!(
            "第{}季度",
            ["一", "二", "三", "四"][(agri.sampled_on.month() as usize - 1) / 3 % 4]
        )),
        Cell::from(match agri.level {
            Level::Provincial => "省级",
            Level::Municipal => "市级",
            Level::National | Level::County => "县级",
        }),
        Cell::from(if agri.routine { "例行监测" } else { "专项监测" }),
        Cell::from(dirt.text(agri.class)),
        Cell::from(agri.product),
        day(agri.sampled_on, &mut dice, dirt),
        Cell::from(address),
        agri.unit.map_or(Cell::Blank, |unit| Cell::from(unit.name.clone())),
        Cell::from("西平县农产品质量安全检测中心"),
        day(agri.reported_on, &mut dice, dirt),
    ];
    cells.extend(agri.cells.iter().map(|text| number_or_text(text, dice.percent(10))));
    cells
}

fn number_or_text(text: &str, as_number: bool) -> Cell {
    let number = text.parse::<f64>().ok().filter(|_| as_number);
    number.map_or_else(|| Cell::from(text), Cell::Number)
}

/// The list of limits, in which even substances with an even place are numbers, and one row is dirty.
fn limits(world: &World) -> Result<Sheet, SimulateError> {
    let header: Vec<&str> = std::iter::once("产品名称").chain(SUBSTANCES).collect();
    let mut sheet = Sheet::new("限量", None, &header)?;
    for (index, (product, limits)) in products().enumerate() {
        let mut dirt = world.dirt(Stream::Agri, u64::MAX - index as u64);
        let row = |name: String| {
            let cells = limits.iter().enumerate().map(|(place, limit)| match limit {
                Some((digits, scale)) => {
                    number_or_text(&Fixed { digits: *digits, scale: *scale }.text(), place % 2 == 0)
                }
                None => Cell::Blank,
            });
            std::iter::once(Cell::from(name)).chain(cells).collect::<Vec<Cell>>()
        };
        sheet.row(&row(product.to_owned()), Fate::Accepted)?;
        if dirt.strikes(DUPLICATES_SMALL) {
            sheet.repeat(row(format!("{product}  ")))?;
        }
        if dirt.strikes(DUPLICATES_SMALL) {
            sheet.row(&row("/".to_owned()), Fate::Rejected(Code::MissingValue))?;
        }
    }
    Ok(sheet)
}
