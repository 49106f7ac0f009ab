//! The story of one agricultural sample: a product, its residues, and the limits they meet.

use jiff::civil::Date;

use super::analyte::Fixed;
use super::calendar::plus;
use super::dice::{Dice, Stream};
use super::dirt::{AGRI_CELL_FAULTS, Dirt};
use super::establishment::{Establishment, Kind};
use super::township::{TOWNSHIPS, Township, any_township};
use super::truth::Code;
use super::words::{Level, Verdict};
use super::world::{Role, World};

/// The substances of the wide sheet, in mg/kg.
#[rustfmt::skip]
pub const SUBSTANCES: [&str; 20] = [
    "甲胺磷", "氧乐果", "克百威", "毒死蜱", "三唑磷", "腐霉利", "多菌灵", "氯氰菊酯", "啶虫脒", "吡虫啉",
    "阿维菌素", "水胺硫磷", "甲拌磷", "氟虫腈", "恩诺沙星", "氟苯尼考", "磺胺类", "孔雀石绿", "铅", "镉",
];

/// A limit as digits and scale; `None` where the product has none.
type Limits = [Option<(u64, u32)>; 20];

/// A class of products and the limits that its products share.
#[derive(Debug)]
pub struct Class {
    pub name: &'static str,
    weight: u32,
    products: &'static [&'static str],
    limits: Limits,
}

const fn of(digits: u64, scale: u32) -> Option<(u64, u32)> {
    Some((digits, scale))
}
const NONE: Option<(u64, u32)> = None;

/// Maximum residue limits in the order of [`SUBSTANCES`]; zeros at the end are written as the list has them.
#[rustfmt::skip]
pub const CLASSES: [Class; 5] = [
    Class {
        name: "蔬菜",
        weight: 55,
        products: &["韭菜", "芹菜", "普通白菜", "豇豆", "黄瓜", "番茄", "茄子", "辣椒"],
        limits: [
            of(5, 2), of(2, 2), of(2, 2), of(10, 2), of(5, 2), of(20, 2), of(5, 1), of(10, 1), of(10, 1), of(5, 1),
            of(5, 2), of(5, 2), of(1, 2), of(2, 2), NONE, NONE, NONE, NONE, of(3, 1), of(20, 2),
        ],
    },
    Class {
        name: "水果",
        weight: 18,
        products: &["葡萄", "桃", "梨", "西瓜", "草莓"],
        limits: [
            of(5, 2), of(2, 2), of(2, 2), of(10, 1), of(20, 2), of(50, 1), of(30, 1), of(20, 1), of(20, 1), of(5, 1),
            of(2, 2), of(5, 2), of(1, 2), of(2, 2), NONE, NONE, NONE, NONE, of(10, 2), of(5, 2),
        ],
    },
    Class {
        name: "茶叶",
        weight: 3,
        products: &["绿茶"],
        limits: [
            of(5, 2), of(5, 2), of(5, 2), NONE, NONE, NONE, of(50, 1), of(20, 0), of(10, 0), of(5, 1),
            NONE, of(5, 2), of(1, 2), NONE, NONE, NONE, NONE, NONE, of(50, 1), NONE,
        ],
    },
    Class {
        name: "畜禽产品",
        weight: 14,
        products: &["猪肉", "鸡肉", "鸡蛋"],
        limits: [
            NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
            of(100, 3), of(10, 2), of(10, 2), NONE, of(2, 1), of(10, 2),
        ],
    },
    Class {
        name: "水产品",
        weight: 10,
        products: &["鲤鱼", "草鱼", "鲢鱼"],
        limits: [
            NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
            of(10, 2), of(100, 2), of(10, 2), of(1, 3), of(5, 1), of(10, 2),
        ],
    },
];

/// Every product with its limits, in the order of the list.
pub fn products() -> impl Iterator<Item = (&'static str, &'static Limits)> {
    CLASSES.iter().flat_map(|class| class.products.iter().map(move |product| (*product, &class.limits)))
}

#[derive(Debug)]
pub struct Agri<'a> {
    pub index: u64,
    pub code: String,
    pub sampled_on: Date,
    pub reported_on: Date,
    pub level: Level,
    /// 例行监测, else 专项监测.
    pub routine: bool,
    pub class: &'static str,
    pub product: &'static str,
    /// Nothing where the address names no township.
    pub township: Option<&'static Township>,
    pub unit: Option<&'a Establishment>,
    /// One text per substance, empty where it was not looked for.
    pub cells: Vec<String>,
    pub verdict: Verdict,
    /// The cell that cannot be read, if there is one.
    pub unreadable: Option<Code>,
    limits: &'static Limits,
}

/// Samples that exceed a limit, in a hundred thousand.
const EXCEEDING: u32 = 2200;

impl<'a> Agri<'a> {
    pub fn tell(world: &'a World, index: u64) -> Agri<'a> {
        let mut dice = world.dice(Stream::Agri, index);
        let (level, routine) = match world.role(index) {
            Some(Role::ProvincialRoutine) => (Level::Provincial, true),
            Some(Role::MunicipalRoutine) => (Level::Municipal, true),
            _ => (Level::County, dice.percent(60)),
        };
        let mut left = dice.below(CLASSES.iter().map(|class| u64::from(class.weight)).sum());
        let found = CLASSES.iter().find(|class| match left.checked_sub(u64::from(class.weight)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        let class = found.unwrap_or(&CLASSES[0]);
        let township = &TOWNSHIPS[any_township(&mut dice)];
        let sampled_on = world.period.sampled_on(index);
        let mut cells: Vec<String> = class.limits.iter().map(|limit| cell(*limit, &mut dice)).collect();
        let limited: Vec<usize> = (0..cells.len()).filter(|place| class.limits[*place].is_some()).collect();
        let mut verdict = Verdict::Conforming;
        if dice.chance(EXCEEDING) {
            let place = dice.pick(&limited);
            if let (Some((digits, scale)), Some(cell)) = (class.limits[place], cells.get_mut(place)) {
                let percent = dice.between(103, 380) as u64;
                *cell = Fixed { digits: digits * percent, scale: scale + 2 }.text();
                verdict = Verdict::Nonconforming;
            }
        }
        let mut dirt: Dirt = world.dirt(Stream::Agri, index);
        let unreadable = dirt.fault(AGRI_CELL_FAULTS);
        if let Some(fault) = unreadable {
            // Any cell that has a limit, so the one that exceeds it as well: then nothing is left to fail.
            let place = dirt.pick(&limited);
            if let Some(cell) = cells.get_mut(place) {
                let exceeded = verdict == Verdict::Nonconforming && exceeds(cell, class.limits[place]);
                *cell = dirt.unreadable(fault).to_owned();
                if exceeded || verdict == Verdict::Conforming {
                    verdict = Verdict::Undetermined;
                }
            }
        }
        Agri {
            index,
            code: format!("NY{}411721-{index:05}", sampled_on.year()),
            sampled_on,
            reported_on: plus(sampled_on, dice.between(8, 30)),
            level,
            routine,
            class: class.name,
            product: dice.pick(class.products),
            township: (!dice.percent(2)).then_some(township),
            unit: world.any_establishment(Kind::Trader, &mut dice),
            cells,
            verdict,
            unreadable,
            limits: &class.limits,
        }
    }

    /// How many substances were found, and how many above their limits.
    pub fn residues(&self) -> (usize, usize) {
        // Numbers are written with a point and are above zero; whatever else has one cannot be read.
        let number = |cell: &str| {
            cell.split_once('.').is_some_and(|(whole, part)| {
                [whole, part].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            })
        };
        let detected = self.cells.iter().filter(|cell| number(cell)).count();
        let exceeding =
            self.cells.iter().zip(self.limits).filter(|(cell, limit)| exceeds(cell, **limit)).count();
        (detected, exceeding)
    }
}

/// A reading within its limit, or nothing where there is no limit and nobody looked.
fn cell(limit: Option<(u64, u32)>, dice: &mut Dice) -> String {
    let Some((digits, scale)) = limit else {
        // Looked for all the same: it has no limit to exceed.
        return if dice.percent(4) { "未检出".to_owned() } else { String::new() };
    };
    // <0.01 says something only where the limit is not lower.
    let coarse = digits * 100 >= 10u64.pow(scale);
    match dice.below(100) {
        0..68 => "未检出".to_owned(),
        68..76 => "ND".to_owned(),
        76..84 if coarse => "<0.01".to_owned(),
        // The limit itself, with another number of zeros behind it: it conforms.
        84..86 => Fixed { digits: digits * 10, scale: scale + 1 }.text(),
        _ => Fixed { digits: digits * dice.between(3, 98) as u64, scale: scale + 2 }.text(),
    }
}

/// Whether a cell that this file wrote is above its limit.
fn exceeds(cell: &str, limit: Option<(u64, u32)>) -> bool {
    let (Some((digits, scale)), Some((whole, decimals))) = (limit, cell.split_once('.')) else {
        return false;
    };
    let value: Option<u64> = format!("{whole}{decimals}").parse().ok();
    let missing = (decimals.len() as u32).saturating_sub(scale);
    value.is_some_and(|value| value > digits * 10u64.saturating_pow(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Layout, Options};

    #[test]
    fn verdicts_follow_from_the_cells() {
        let world =
            World::new(&Options { samples: 4000, ..Options::new(7, Layout::County, "unused".into()) });
        let mut seen = [0; 3];
        for index in 0..4000 {
            let agri = Agri::tell(&world, index);
            let class = CLASSES.iter().find(|class| class.name == agri.class).unwrap_or(&CLASSES[0]);
            let above =
                agri.cells.iter().zip(class.limits).filter(|(cell, limit)| exceeds(cell, *limit)).count();
            let expected = match (above, agri.unreadable) {
                (1.., _) => Verdict::Nonconforming,
                (0, Some(_)) => Verdict::Undetermined,
                (0, None) => Verdict::Conforming,
            };
            assert_eq!(agri.verdict, expected, "{agri:?}");
            seen[agri.verdict as usize] += 1;
            for (cell, limit) in agri.cells.iter().zip(class.limits) {
                assert!(limit.is_none() || !cell.is_empty(), "what has a limit is tested");
            }
        }
        assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
    }

    #[test]
    fn a_limit_is_not_exceeded_by_itself() {
        assert!(!exceeds("0.200", of(2, 1)));
        assert!(exceeds("0.201", of(2, 1)));
        assert!(!exceeds("未检出", of(2, 1)));
    }
}
