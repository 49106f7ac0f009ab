//! `results_YYYY-MM.xlsx`: the laboratories' upload sheets, one row a determination.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::calendar::{month_name, month_start};
use super::dice::{Dice, Stream};
use super::dirt::{DUPLICATES, Dirt, RESULT_CELL_FAULTS, RESULT_FAULTS, Targets};
use super::food::{Food, Item};
use super::measure::{Pen, Spread, full_width, lower_limit, unit_text, upper_limit};
use super::truth::Fate;
use super::words::ItemVerdict;
use super::workbook::{Cell, Sheet, part_name, save};
use super::world::World;
use super::{FileSummary, SimulateError};

#[rustfmt::skip]
const COLUMNS: [&str; 18] = [
    "抽样单号", "报告书编号", "检验项目", "检验结果", "结果单位", "结果判定", "检验依据", "判定依据",
    "最小允许限", "最大允许限", "允许限单位", "方法检出限", "检出限单位", "说明", "监督抽检报告备注",
    "风险监测报告备注", "样品名称", "委托单位",
];
const CODE: usize = 0;
const ANALYTE: usize = 2;
const RESULT: usize = 3;

const TARGETS: Targets = Targets { code: Some(CODE), required: &[CODE, ANALYTE], dates: &[], words: &[] };

/// Samples of the middle month that have a determination sent again. One in seven is agricultural, a rapid
/// test or without a good row, so about twenty come.
const RESENT: u64 = 24;

/// The workbooks, month by month.
pub struct Results {
    folder: PathBuf,
    month: String,
    part: u32,
    sheet: Sheet,
    resent: Resent,
    finished: Vec<FileSummary>,
}

/// The second workbook of the middle month.
struct Resent {
    month: String,
    /// First sample of the month, and how many there are.
    first: u64,
    samples: u64,
    rows: Vec<(Vec<Cell>, bool)>,
}

impl Resent {
    fn plan(world: &World) -> Resent {
        let middle = world.period.months / 2;
        let first = world.period.first_from(month_start(middle));
        let samples = world.period.first_from(month_start(middle + 1)) - first;
        Resent { month: month_name(month_start(middle)), first, samples, rows: Vec::new() }
    }

    /// Whether the first good determination of this sample is sent again.
    fn picks(&self, index: u64) -> bool {
        let Some(place) = index.checked_sub(self.first).filter(|place| *place < self.samples) else {
            return false;
        };
        let chosen = |place: u64| place * RESENT / self.samples;
        self.samples < RESENT || place == 0 || chosen(place) != chosen(place - 1)
    }
}

impl Results {
    pub fn create(folder: &Path, world: &World) -> Result<Results, SimulateError> {
        Ok(Results {
            folder: folder.to_owned(),
            month: month_name(world.period.sampled_on(0)),
            part: 1,
            sheet: new_sheet()?,
            resent: Resent::plan(world),
            finished: Vec::new(),
        })
    }

    /// Writes the determinations of a sample. `known`: whether its form was accepted.
    pub fn write(&mut self, world: &World, food: &Food, known: bool) -> Result<(), SimulateError> {
        self.turn_to(food.sampled_on)?;
        let mut dirt = world.dirt(Stream::Result, food.index);
        let mut resend = self.resent.picks(food.index);
        for (place, item) in food.items.iter().enumerate() {
            self.make_room()?;
            let mut cells = row(world, food, place, item, &item.text, &mut dirt);
            let fault = dirt.fault(RESULT_FAULTS);
            if let Some(fault) = fault {
                dirt.spoil(&mut cells, fault, &TARGETS);
                self.sheet.row(&cells, Fate::Rejected(fault))?;
                continue;
            }
            if resend {
                resend = false;
                self.sheet.row(&cells, Fate::Superseded)?;
                let text = another_result(world, food, item);
                self.resent.rows.push((row(world, food, place, item, &text, &mut dirt), known));
                continue;
            }
            // Struck in known samples only: an orphan has its one line already.
            let unreadable = dirt.fault(RESULT_CELL_FAULTS).filter(|_| known);
            if let (Some(fault), Some(cell)) = (unreadable, cells.get_mut(RESULT)) {
                *cell = dirt.unreadable(fault).into();
            }
            self.sheet.row(&cells, Fate::Accepted)?;
            self.sheet.orphan_unless(known);
            match unreadable {
                Some(fault) => self.sheet.cell(fault),
                None if dirt.strikes(DUPLICATES) => {
                    let again = row(world, food, place, item, &item.text, &mut dirt);
                    self.sheet.repeat(again)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Writes three determinations of another county's sample.
    pub fn write_foreign(&mut self, code: &str, sampled_on: Date) -> Result<(), SimulateError> {
        self.turn_to(sampled_on)?;
        for analyte in ["毒死蜱", "克百威", "氧乐果"] {
            self.make_room()?;
            let mut cells = vec![Cell::Blank; COLUMNS.len()];
            for (cell, text) in
                cells.iter_mut().zip([code, "WX0000", analyte, "未检出", "mg/kg", "合格", "/", "/"])
            {
                *cell = text.into();
            }
            self.sheet.row(&cells, Fate::Accepted)?;
            self.sheet.orphan_unless(false);
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Vec<FileSummary>, SimulateError> {
        self.close()?;
        Ok(self.finished)
    }

    /// Closes the workbook of an earlier month.
    fn turn_to(&mut self, day: Date) -> Result<(), SimulateError> {
        let month = month_name(day);
        if month != self.month {
            self.close()?;
            self.month = month;
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), SimulateError> {
        if self.sheet.is_full() {
            self.save_part()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), SimulateError> {
        self.save_part()?;
        self.part = 1;
        if self.month == self.resent.month && !self.resent.rows.is_empty() {
            let mut sheet = new_sheet()?;
            for (cells, known) in self.resent.rows.drain(..) {
                sheet.row(&cells, Fate::Accepted)?;
                sheet.orphan_unless(known);
            }
            let name = format!("results_{}_v2.xlsx", self.month);
            self.finished.push(save(&self.folder, &name, vec![sheet])?);
        }
        Ok(())
    }

    fn save_part(&mut self) -> Result<(), SimulateError> {
        let sheet = std::mem::replace(&mut self.sheet, new_sheet()?);
        let name = part_name(&format!("results_{}", self.month), self.part);
        self.finished.push(save(&self.folder, &name, vec![sheet])?);
        self.part += 1;
        Ok(())
    }
}

fn new_sheet() -> Result<Sheet, SimulateError> {
    Sheet::new("Sheet1", None, &COLUMNS)
}

/// The sequence for the content of one row: a sample has fewer items than this.
const ITEMS: u64 = 16;

fn row(world: &World, food: &Food, place: usize, item: &Item, text: &str, dirt: &mut Dirt) -> Vec<Cell> {
    let mut dice = world.dice(Stream::Result, food.index.wrapping_mul(ITEMS) + place as u64);
    let analyte = item.analyte;
    let judged = matches!(item.verdict, ItemVerdict::Passes | ItemVerdict::Fails);
    let or_blank = |limit: String, dirt: &mut Dirt| match judged && !limit.is_empty() {
        true => Cell::from(limit),
        false => Cell::from(dirt.blank()),
    };
    let (lower, upper) = (lower_limit(analyte), upper_limit(analyte, &mut dice));
    let unit = unit_text(analyte.unit, &mut dice);
    let code = dirt.code(&food.code);
    vec![
        // The upload sheet of the time puts a blank before many codes.
        Cell::from(if dice.percent(30) { format!(" {code}") } else { code }),
        Cell::from(format!("SP{}{:06}", food.sampled_on.year(), food.index)),
        Cell::from(dirt.text(analyte.name)),
        result_cell(text, &mut dice),
        Cell::from(unit),
        Cell::from(item.verdict.text(dice.percent(8))),
        Cell::from(analyte.method),
        Cell::from(analyte.basis),
        or_blank(lower, dirt),
        or_blank(upper, dirt),
        Cell::from(if judged { analyte.unit } else { "/" }),
        Cell::from(if analyte.lod.is_empty() { "/" } else { analyte.lod }),
        Cell::from(if analyte.lod.is_empty() { "/" } else { analyte.unit }),
        Cell::Blank,
        Cell::Blank,
        Cell::Blank,
        Cell::from(food.product),
        Cell::from(food.level.source()),
    ]
}

/// A plain number is sometimes a number and mostly a text.
fn result_cell(text: &str, dice: &mut Dice) -> Cell {
    let number = text.parse::<f64>().ok().filter(|_| text.is_ascii() && dice.percent(15));
    number.map_or_else(|| Cell::from(text), Cell::Number)
}

/// A result that differs from the first one and leads to the same verdict.
fn another_result(world: &World, food: &Food, item: &Item) -> String {
    let mut dice = world.dice(Stream::Result, u64::MAX - food.index);
    let mut pen = Pen { dice: &mut dice, spread: Spread::Wide };
    let meets = item.verdict != ItemVerdict::Fails;
    let drawn = (0..8)
        .map(|_| pen.result(item.analyte, meets))
        .find(|text| full_width(text) != full_width(&item.text));
    // What is never found gives no second result: the laboratory states its limit instead.
    drawn.unwrap_or_else(|| match item.analyte.lod {
        "" => "ND".to_owned(),
        lod => format!("<{lod}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Code, Layout, Options};

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        for (column, name) in [(CODE, "抽样单号"), (ANALYTE, "检验项目"), (RESULT, "检验结果")] {
            assert_eq!(COLUMNS[column], name);
        }
        assert!(RESULT_FAULTS.iter().all(|(code, _)| matches!(code, Code::MissingValue | Code::BadCode)));
    }

    #[test]
    fn samples_of_the_middle_month_are_resent() {
        let world = World::new(&Options::new(2020, Layout::County, "unused".into()));
        let resent = Resent::plan(&world);
        assert_eq!(resent.month, "2020-07");
        let picked: Vec<u64> = (0..world.samples).filter(|index| resent.picks(*index)).collect();
        assert_eq!(picked.len() as u64, RESENT);
        assert!(picked.iter().all(|index| month_name(world.period.sampled_on(*index)) == "2020-07"));
    }

    #[test]
    fn a_second_result_is_another_one() {
        let world = World::new(&Options::new(2020, Layout::County, "unused".into()));
        for index in 0..300 {
            let food = Food::tell(&world, index, Spread::Wide, true);
            for item in &food.items {
                assert_ne!(another_result(&world, &food, item), item.text);
            }
        }
    }
}
