//! `flat.csv`: one determination a line with everything on it, for benchmarks.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::dice::Stream;
use super::dirt::{DUPLICATES, FLAT_FAULTS, RESULT_CELL_FAULTS};
use super::food::{Food, Item};
use super::measure::{Spread, lower_limit, upper_limit};
use super::truth::{Code, Fate, Figure, Tally, Truth};
use super::words::{ItemVerdict, Verdict};
use super::world::World;
use super::{Encoding, FileSummary, SimulateError};

const NAME: &str = "flat.csv";
const HEADER: &str = "抽样单编号,样品名称,食品大类,抽样环节,抽样地点,乡镇,任务来源,检验目的,抽样日期,报告日期,被抽样单位名称,标称生产企业名称,检验机构名称,检验项目,检验结果,结果单位,最大允许限,结果判定,检验结论";

/// Bytes gathered before they are encoded and written.
const BLOCK: usize = 1 << 16;

/// Writes the file and counts the truth on the way. Every sample is food, and none is a rapid test.
pub fn write(folder: &Path, world: &World, encoding: Encoding, truth: &mut Truth) -> Result<Vec<FileSummary>, SimulateError> {
    let mut flat = Flat::create(folder, encoding)?;
    for index in 0..world.samples {
        let food = Food::tell(world, index, Spread::Narrow, false);
        let rows = flat.sample(world, &food)?;
        if rows > 0 {
            count(world, &food, truth);
        }
    }
    Ok(vec![flat.finish()?])
}

fn count(world: &World, food: &Food, truth: &mut Truth) {
    if !world.period.counts(food.sampled_on) {
        return;
    }
    truth.batch(food.township.map(|township| township.code));
    let Some(report) = food.report.filter(|report| report.reported_on <= world.period.as_of) else { return };
    if food.is_in_pass_rate() && report.last().verdict != Verdict::Undetermined {
        truth.judge(Figure::FoodPassRate, report.last().verdict == Verdict::Conforming);
    }
}

struct Flat {
    out: BufWriter<File>,
    encoding: Encoding,
    block: String,
    /// What stands before and behind the determination on every line of a sample.
    before: String,
    behind: String,
    bytes: u64,
    tally: Tally,
}

impl Flat {
    fn create(folder: &Path, encoding: Encoding) -> Result<Flat, SimulateError> {
        let path = folder.join(NAME);
        let out = File::create(&path).map_err(|source| SimulateError::Io { path, source })?;
        Ok(Flat {
            out: BufWriter::with_capacity(1 << 20, out),
            encoding,
            block: format!("{HEADER}\n"),
            before: String::new(),
            behind: String::new(),
            bytes: 0,
            tally: Tally::default(),
        })
    }

    /// Writes the lines of a sample; returns how many were accepted.
    fn sample(&mut self, world: &World, food: &Food) -> Result<u64, SimulateError> {
        let Some(report) = food.report else { return Ok(0) };
        let mut dirt = world.dirt(Stream::Result, food.index);
        let sampled_on = food.sampled_on.to_string();
        self.before.clear();
        join(
            &mut self.before,
            &[&food.code, food.product, food.line.class, food.stage.text(), food.venue],
        );
        join(
            &mut self.before,
            &[food.township.map_or("/", |own| own.name), food.level.source(), food.purpose.text()],
        );
        let dated = self.before.len()..self.before.len() + sampled_on.len();
        join(&mut self.before, &[&sampled_on, &report.reported_on.to_string()]);
        join(
            &mut self.before,
            &[food.unit.map_or("/", |unit| &unit.name), food.producer.name(), food.laboratory],
        );
        self.behind.clear();
        self.behind.push_str(report.last().text());
        self.behind.push('\n');
        let mut accepted = 0;
        // One line of a sample at most bears a fault: the others keep the sample alive.
        let mut spoilt = false;
        for item in &food.items {
            let fault = dirt.fault(FLAT_FAULTS).filter(|_| !spoilt);
            let unreadable = dirt.fault(RESULT_CELL_FAULTS).filter(|_| fault.is_none());
            if let Some(fault) = fault {
                spoilt = true;
                let clean = self.before.clone();
                self.before.replace_range(dated.clone(), dirt.bad_date());
                self.line(world, food, item, &item.text, Fate::Rejected(fault));
                self.before = clean;
                continue;
            }
            let text = unreadable.map_or(item.text.as_str(), |fault| dirt.unreadable(fault));
            self.line(world, food, item, text, Fate::Accepted);
            accepted += 1;
            match unreadable {
                Some(code) => self.tally.line(code),
                None if dirt.strikes(DUPLICATES) => self.line(world, food, item, &item.text, Fate::Duplicate),
                None => {}
            }
        }
        if self.block.len() >= BLOCK {
            self.flush()?;
        }
        Ok(accepted)
    }

    fn line(&mut self, _world: &World, _food: &Food, item: &Item, text: &str, fate: Fate) {
        self.tally.row(fate);
        let _ = (item, text);
    }

    fn flush(&mut self) -> Result<(), SimulateError> {
        Ok(())
    }

    fn finish(self) -> Result<FileSummary, SimulateError> {
        Ok(FileSummary { name: NAME.to_owned(), bytes: self.bytes, tally: self.tally })
    }
}

fn join(line: &mut String, fields: &[&str]) {
    for field in fields {
        line.push_str(field);
        line.push(',');
    }
}
