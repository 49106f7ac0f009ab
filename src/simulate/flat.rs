//! `flat.csv`: one determination a line with everything on it, for benchmarks.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use super::analyte::{Analyte, Limit};
use super::dice::Stream;
use super::dirt::{DUPLICATES, FLAT_FAULTS, RESULT_CELL_FAULTS};
use super::food::{Food, Item};
use super::gb18030::Gb18030;
use super::measure::Spread;
use super::truth::{Fate, Figure, Tally, Truth};
use super::words::{ItemVerdict, Verdict};
use super::world::World;
use super::{Encoding, FileSummary, SimulateError};

const NAME: &str = "flat.csv";
const HEADER: &str = "抽样单编号,样品名称,食品大类,抽样环节,抽样地点,乡镇,任务来源,检验目的,抽样日期,报告日期,被抽样单位名称,标称生产企业名称,检验机构名称,检验项目,检验结果,结果单位,最大允许限,结果判定,检验结论";

/// Bytes gathered before they are encoded and written.
const BLOCK: usize = 1 << 16;

/// Writes the file and counts the truth on the way. Every sample is food, and none is a rapid test.
pub fn write(
    folder: &Path,
    world: &World,
    encoding: Encoding,
    truth: &mut Truth,
) -> Result<Vec<FileSummary>, SimulateError> {
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
    /// Lines that are not yet encoded and written.
    block: String,
    /// None for UTF-8.
    encoder: Option<Gb18030>,
    encoded: Vec<u8>,
    /// What stands before and behind the determination on every line of a sample.
    before: String,
    behind: &'static str,
    bytes: u64,
    tally: Tally,
}

impl Flat {
    fn create(folder: &Path, encoding: Encoding) -> Result<Flat, SimulateError> {
        let path = folder.join(NAME);
        let out = File::create(&path).map_err(|source| SimulateError::Io { path, source })?;
        Ok(Flat {
            out: BufWriter::with_capacity(1 << 20, out),
            block: format!("{HEADER}\n"),
            encoder: (encoding == Encoding::Gb18030).then(Gb18030::new),
            encoded: Vec::new(),
            before: String::new(),
            behind: "",
            bytes: 0,
            tally: Tally::default(),
        })
    }

    /// Writes the lines of a sample; returns how many were accepted.
    fn sample(&mut self, world: &World, food: &Food) -> Result<u64, SimulateError> {
        let Some(report) = food.report else { return Ok(0) };
        let mut dirt = world.dirt(Stream::Result, food.index);
        let sampled_on = food.sampled_on.to_string();
        let dated = self.head(food, &sampled_on, &report.reported_on.to_string());
        self.behind = report.last().text();
        let mut accepted = 0;
        // One line of a sample at most bears a fault: the others keep the sample alive.
        let mut spoilt = false;
        for item in &food.items {
            if let Some(fault) = dirt.fault(FLAT_FAULTS).filter(|_| !spoilt) {
                spoilt = true;
                let clean = self.before.clone();
                self.before.replace_range(dated.clone(), dirt.bad_date());
                self.line(item, &item.text, Fate::Rejected(fault));
                self.before = clean;
                continue;
            }
            let unreadable = dirt.fault(RESULT_CELL_FAULTS);
            self.line(item, unreadable.map_or(&item.text, |fault| dirt.unreadable(fault)), Fate::Accepted);
            accepted += 1;
            match unreadable {
                Some(code) => self.tally.line(code),
                None if dirt.strikes(DUPLICATES) => self.line(item, &item.text, Fate::Duplicate),
                None => {}
            }
        }
        if self.block.len() >= BLOCK {
            self.flush()?;
        }
        Ok(accepted)
    }

    /// Composes what is the same on every line of a sample; returns where the sampling date stands in it.
    fn head(&mut self, food: &Food, sampled_on: &str, reported_on: &str) -> Range<usize> {
        let township = food.township.map_or("/", |own| own.name);
        let unit = food.unit.map_or("/", |unit| &unit.name);
        self.before.clear();
        let [code, class, stage] = [&food.code, food.line.class, food.stage.text()];
        put(&mut self.before, &[code, food.product, class, stage, food.venue, township]);
        put(&mut self.before, &[food.level.source(), food.purpose.text()]);
        let dated = self.before.len()..self.before.len() + sampled_on.len();
        put(&mut self.before, &[sampled_on, reported_on, unit, food.producer.name(), food.laboratory]);
        dated
    }

    fn line(&mut self, item: &Item, text: &str, fate: Fate) {
        self.tally.row(fate);
        let judged = matches!(item.verdict, ItemVerdict::Passes | ItemVerdict::Fails);
        let limit = if judged { limit(item.analyte) } else { "/".to_owned() };
        let analyte = item.analyte;
        self.block.push_str(&self.before);
        for field in [analyte.name, text, analyte.unit, &limit, item.verdict.text(false)] {
            self.block.push_str(field);
            self.block.push(',');
        }
        self.block.push_str(self.behind);
        self.block.push('\n');
    }

    fn flush(&mut self) -> Result<(), SimulateError> {
        let bytes = match &mut self.encoder {
            None => self.block.as_bytes(),
            Some(encoder) => {
                self.encoded.clear();
                encoder.encode(&self.block, &mut self.encoded);
                &self.encoded
            }
        };
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| SimulateError::Io { path: NAME.into(), source })?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<FileSummary, SimulateError> {
        self.flush()?;
        self.out.flush().map_err(|source| SimulateError::Io { path: NAME.into(), source })?;
        Ok(FileSummary { name: NAME.to_owned(), bytes: self.bytes, tally: self.tally })
    }
}

/// The one limit column of this layout; commas would split the field, so plans are separated otherwise.
fn limit(analyte: &Analyte) -> String {
    match analyte.limit {
        Limit::Max(limit) => limit.text(),
        Limit::Min(limit) => format!("≥{}", limit.text()),
        Limit::Banned(words) => words.to_owned(),
        Limit::Counts { c, m, big_m } => format!("n=5;c={c};m={m};M={big_m}"),
        Limit::Absent => "n=5;c=0;m=0/25g".to_owned(),
    }
}

fn put(line: &mut String, fields: &[&str]) {
    for field in fields {
        line.push_str(field);
        line.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Layout, Options};

    #[test]
    fn every_line_has_nineteen_fields() -> Result<(), SimulateError> {
        assert_eq!(HEADER.split(',').count(), 19);
        let world = World::new(&Options::new(2020, Layout::Flat, "unused".into()));
        let folder = tempfile::tempdir().map_err(|source| SimulateError::Io { path: "".into(), source })?;
        let mut flat = Flat::create(folder.path(), Encoding::Utf8)?;
        for index in 0..200 {
            flat.sample(&world, &Food::tell(&world, index, Spread::Narrow, false))?;
        }
        assert!(flat.block.lines().all(|line| line.split(',').count() == 19 && !line.contains('"')));
        Ok(())
    }
}
