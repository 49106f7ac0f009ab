//! The story of one food sample: where it came from, what was found in it, what followed.

use jiff::civil::Date;

use super::analyte::Analyte;
use super::calendar::plus;
use super::catalogue::{Line, Sold, any_line};
use super::dice::{Dice, Stream};
use super::establishment::{Establishment, Kind};
use super::measure::{Pen, Spread};
use super::township::{TOWNSHIPS, Township, any_township};
use super::words::{Conclusion, ItemVerdict, Level, Monitored, Part, Purpose, Stage, Verdict};
use super::world::{Role, World};

/// Laboratories, by the short names of the exports.
pub const LABORATORIES: [&str; 6] =
    ["西平县食检所", "驻马店市食检所", "河南省食检院", "河南口岸食检所", "中检河南公司", "郑州谱尼测试"];
/// Producers from elsewhere, as packages name them.
#[rustfmt::skip]
const PRODUCERS_ELSEWHERE: [&str; 12] = [
    "漯河双丰食品公司", "郑州三喜食品公司", "安徽古镇酒业公司", "山东花香油脂公司", "湖南辣子食品公司",
    "草原乳业公司", "周口金猴糖果厂", "川味斋食品公司", "福建园丰食品公司", "湖北江城食品公司",
    "河北五丰面粉公司", "珠江调味品公司",
];

/// Who made a packaged product.
#[derive(Debug, Clone, Copy)]
pub enum Producer<'a> {
    Nobody,
    Local(&'a Establishment),
    Elsewhere(&'static str),
}

impl Producer<'_> {
    /// Name, or the system's "nothing entered".
    pub fn name(&self) -> &str {
        match self {
            Producer::Nobody => "/",
            Producer::Local(establishment) => &establishment.name,
            Producer::Elsewhere(name) => name,
        }
    }
}

/// One determination.
#[derive(Debug)]
pub struct Item {
    pub analyte: &'static Analyte,
    pub verdict: ItemVerdict,
    pub text: String,
}

/// The laboratory's first word on a sample, and the last where it was changed.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    pub reported_on: Date,
    pub first: Conclusion,
    /// Conclusion after the re-inspection that the sampled unit asked for.
    pub reinspected: Option<Conclusion>,
}

impl Report {
    pub fn last(&self) -> Conclusion {
        self.reinspected.unwrap_or(self.first)
    }
}

/// A report sent again with another conclusion.
#[derive(Debug, Clone, Copy)]
pub struct Correction {
    pub reported_on: Date,
    pub conclusion: Conclusion,
}

#[derive(Debug)]
pub struct Food<'a> {
    pub index: u64,
    pub code: String,
    pub sampled_on: Date,
    pub level: Level,
    pub purpose: Purpose,
    pub rapid: bool,
    pub stage: Stage,
    pub venue: &'static str,
    pub line: &'static Line,
    pub product: &'static str,
    /// Nothing where the address names no township.
    pub township: Option<&'static Township>,
    pub unit: Option<&'a Establishment>,
    pub producer: Producer<'a>,
    pub laboratory: &'static str,
    /// Nothing for rapid tests.
    pub report: Option<Report>,
    pub correction: Option<Correction>,
    pub items: Vec<Item>,
    /// Whether dirt spares this sample, because a figure rests on it.
    pub spared: bool,
}

impl<'a> Food<'a> {
    /// The story of the sample with this index; rapid tests only where `rapid_tests`.
    pub fn tell(world: &'a World, index: u64, spread: Spread, rapid_tests: bool) -> Food<'a> {
        let mut dice = world.dice(Stream::Sample, index);
        let spared = world.role(index) == Some(Role::NationalCase);
        // Drawn in any case, so that a role changes nothing else of the story.
        let level = dice.weighted(&[
            (Level::County, 70),
            (Level::Municipal, 15),
            (Level::Provincial, 10),
            (Level::National, 5),
        ]);
        let level = if spared { Level::National } else { level };
        let purpose = dice.weighted(&[
            (Purpose::Supervisory, 78),
            (Purpose::Evaluative, 9),
            (Purpose::SamplingMonitoring, 7),
            (Purpose::RiskMonitoring, 6),
        ]);
        let purpose = if spared { Purpose::Supervisory } else { purpose };
        let rapid = dice.chance(1500) && !spared && rapid_tests;
        let line = any_line(&mut dice);
        let stage = dice.weighted(match line.sold {
            Sold::Packaged => &[(Stage::Production, 18), (Stage::Distribution, 72), (Stage::Catering, 10)],
            Sold::Fresh => &[(Stage::Production, 0), (Stage::Distribution, 88), (Stage::Catering, 12)],
            Sold::Cooked => &[(Stage::Production, 0), (Stage::Distribution, 0), (Stage::Catering, 100)],
        });
        let venue = stage.any_venue(&mut dice);
        let unit = world.any_establishment(unit_kind(stage, venue), &mut dice);
        let township = unit.map_or_else(|| &TOWNSHIPS[any_township(&mut dice)], |unit| unit.township);
        let named = !dice.percent(2);
        let producer = producer(world, line, stage, unit, &mut dice);
        let sampled_on = world.period.sampled_on(index);
        let report = (!rapid).then(|| report(&mut dice, sampled_on, purpose, spared));
        let correction = report.filter(|_| !spared && dice.chance(CORRECTIONS)).map(|report| Correction {
            reported_on: plus(report.reported_on, dice.between(3, 25)),
            conclusion: corrected(report.last(), &mut dice),
        });
        let items = report.map_or_else(Vec::new, |report| items(&mut dice, line, report.first, spread));
        Food {
            index,
            code: code(&mut dice, level, sampled_on, index),
            sampled_on,
            level,
            purpose,
            rapid,
            stage,
            venue,
            line,
            product: dice.pick(line.products),
            township: named.then_some(township),
            unit,
            producer,
            laboratory: dice.pick(&LABORATORIES),
            report,
            correction,
            items,
            spared,
        }
    }

    /// Day and conclusion of the last report, as the laboratory knows it.
    pub fn last_word(&self) -> Option<(Date, Conclusion)> {
        let report = self.report?;
        let correction = self.correction.map(|correction| (correction.reported_on, correction.conclusion));
        Some(correction.unwrap_or((report.reported_on, report.last())))
    }

    /// Whether 合格率 counts this sample.
    pub fn is_in_pass_rate(&self) -> bool {
        !self.rapid && self.purpose != Purpose::RiskMonitoring
    }

    /// Parts of the disposal of a nonconforming sample: where it was made and where it was found.
    pub fn parts(&self) -> Vec<Part> {
        match self.stage {
            Stage::Production => vec![Part::Production],
            Stage::Catering if self.line.sold == Sold::Packaged => vec![Part::Production, Part::Catering],
            Stage::Catering => vec![Part::Catering],
            Stage::Distribution if self.venue == "网购" => vec![Part::Production, Part::Online],
            Stage::Distribution => vec![Part::Production, Part::Distribution],
        }
    }
}

/// Reports that are sent again, in a hundred thousand.
const CORRECTIONS: u32 = 700;

fn unit_kind(stage: Stage, venue: &str) -> Kind {
    match stage {
        Stage::Production => Kind::Producer,
        Stage::Distribution => Kind::Trader,
        Stage::Catering if venue == "学校/托幼食堂" => Kind::Canteen,
        Stage::Catering => Kind::Caterer,
    }
}

fn producer<'a>(
    world: &'a World,
    line: &Line,
    stage: Stage,
    unit: Option<&'a Establishment>,
    dice: &mut Dice,
) -> Producer<'a> {
    match (line.sold, stage, unit) {
        (Sold::Packaged, Stage::Production, Some(unit)) => Producer::Local(unit),
        (Sold::Packaged, ..) if dice.percent(25) => {
            world.any_establishment(Kind::Producer, dice).map_or(Producer::Nobody, Producer::Local)
        }
        (Sold::Packaged, ..) => Producer::Elsewhere(dice.pick(&PRODUCERS_ELSEWHERE)),
        _ => Producer::Nobody,
    }
}

/// Letters of the level, year, division, agency, serial: never twice. The division is the county's, or one
/// of its retired codes.
fn code(dice: &mut Dice, level: Level, sampled_on: Date, index: u64) -> String {
    const SERIALS: u64 = 10_000_000;
    let division = dice.weighted(&[("411721", 94), ("412824", 4), ("412830", 2)]);
    let agency = 46_300 + index / SERIALS;
    format!("{}{:02}{division}{agency}{:04}", level.prefix(), sampled_on.year() % 100, index % SERIALS)
}

fn report(dice: &mut Dice, sampled_on: Date, purpose: Purpose, spared: bool) -> Report {
    use {Monitored::*, Verdict::*};
    const INSPECTED: &[(Conclusion, u32)] = &[
        (Conclusion::new(Conforming, Nothing), 9085),
        (Conclusion::new(Conforming, Unjudged), 600),
        (Conclusion::new(Conforming, Problem), 130),
        (Conclusion::new(Nonconforming, Nothing), 100),
        (Conclusion::new(Nonconforming, Unjudged), 30),
        (Conclusion::new(Nonconforming, Problem), 15),
        (Conclusion::new(Undetermined, Nothing), 40),
    ];
    const MONITORED: &[(Conclusion, u32)] = &[
        (Conclusion::new(Undetermined, Unjudged), 95),
        (Conclusion::new(Undetermined, Problem), 4),
        (Conclusion::new(Undetermined, Nothing), 1),
    ];
    let first = dice.weighted(if purpose == Purpose::RiskMonitoring { MONITORED } else { INSPECTED });
    let first = if spared { Conclusion::new(Nonconforming, Nothing) } else { first };
    let reinspected = (first.verdict == Nonconforming && dice.percent(14) && !spared)
        .then(|| if dice.percent(50) { Conclusion::new(Conforming, Nothing) } else { first });
    let days = dice.between(8, if spared { 20 } else { 30 });
    Report { reported_on: plus(sampled_on, days), first, reinspected }
}

/// Another conclusion than the one it corrects.
fn corrected(was: Conclusion, dice: &mut Dice) -> Conclusion {
    use {Monitored::*, Verdict::*};
    match was.verdict {
        Conforming if dice.percent(25) => Conclusion::new(Nonconforming, Nothing),
        Conforming if was.monitored == Problem => Conclusion::new(Conforming, Nothing),
        Conforming => Conclusion::new(Conforming, Problem),
        Nonconforming => Conclusion::new(Conforming, Nothing),
        Undetermined if was.monitored == Unjudged => Conclusion::new(Undetermined, Problem),
        Undetermined => Conclusion::new(Undetermined, Unjudged),
    }
}

/// Between three and fourteen different analytes whose verdicts add up to the conclusion.
fn items(dice: &mut Dice, line: &Line, conclusion: Conclusion, spread: Spread) -> Vec<Item> {
    if conclusion == Conclusion::new(Verdict::Undetermined, Monitored::Nothing) {
        return Vec::new();
    }
    let wanted = dice.between(3, 14) as usize;
    let start = dice.below(line.panel_size() as u64) as usize;
    let mut analytes: Vec<&'static Analyte> = Vec::with_capacity(wanted);
    for offset in 0..line.panel_size() {
        let analyte = line.analyte(start + offset);
        if analytes.len() < wanted && analytes.iter().all(|chosen| chosen.name != analyte.name) {
            analytes.push(analyte);
        }
    }
    let last = analytes.len() - 1;
    let failing = dice.below(last as u64) as usize;
    let mut item = |(place, analyte): (usize, &'static Analyte)| {
        let verdict = match conclusion.verdict {
            // The last item is the monitored one, where there is one.
            _ if place == last && conclusion.monitored == Monitored::Problem => ItemVerdict::Problem,
            _ if place == last && conclusion.monitored == Monitored::Unjudged => ItemVerdict::Unjudged,
            Verdict::Undetermined => ItemVerdict::Unjudged,
            Verdict::Nonconforming if place == failing => ItemVerdict::Fails,
            _ => ItemVerdict::Passes,
        };
        let meets = match verdict {
            // Now and then the laboratory passes what its own figure fails.
            ItemVerdict::Passes => !dice.chance(250),
            ItemVerdict::Fails | ItemVerdict::Problem => false,
            ItemVerdict::Unjudged => true,
        };
        Item { analyte, verdict, text: Pen { dice, spread }.result(analyte, meets) }
    };
    analytes.into_iter().enumerate().map(&mut item).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::simulate::{Layout, Options};

    fn world(samples: u64) -> World {
        World::new(&Options { samples, ..Options::new(2020, Layout::County, "unused".into()) })
    }

    #[test]
    fn codes_are_unique_and_in_form() {
        let world = world(20_000);
        let codes: BTreeSet<String> =
            (0..20_000).map(|index| Food::tell(&world, index, Spread::Narrow, true).code).collect();
        assert_eq!(codes.len(), 20_000);
        for code in &codes {
            let (prefix, digits) = code.split_at(2);
            assert!(["GC", "SC", "DC", "XC"].contains(&prefix) && digits.bytes().all(|b| b.is_ascii_digit()));
            assert!((17..=20).contains(&digits.len()), "{code}");
        }
    }

    #[test]
    fn verdicts_of_items_add_up_to_the_conclusion() {
        let world = world(5000);
        for index in 0..5000 {
            let food = Food::tell(&world, index, Spread::Wide, true);
            let Some(report) = food.report else {
                assert!(food.rapid && food.items.is_empty());
                continue;
            };
            let has = |verdict| food.items.iter().any(|item| item.verdict == verdict);
            assert_eq!(has(ItemVerdict::Fails), report.first.verdict == Verdict::Nonconforming);
            assert_eq!(has(ItemVerdict::Problem), report.first.monitored == Monitored::Problem);
            assert!(food.items.is_empty() || (3..=14).contains(&food.items.len()));
            let names: BTreeSet<&str> = food.items.iter().map(|item| item.analyte.name).collect();
            assert_eq!(names.len(), food.items.len());
        }
    }

    #[test]
    fn a_case_is_seen_in_time() {
        let world = world(2760);
        let cases: Vec<Food> = (0..2760)
            .filter(|index| world.role(*index) == Some(Role::NationalCase))
            .map(|index| Food::tell(&world, index, Spread::Wide, true))
            .collect();
        assert!((3..=6).contains(&cases.len()));
        for case in cases {
            assert_eq!((case.level, case.purpose), (Level::National, Purpose::Supervisory));
            assert!(case.last_word().is_some_and(|(day, last)| {
                last.verdict == Verdict::Nonconforming && plus(day, 10) <= world.period.as_of
            }));
        }
    }
}
