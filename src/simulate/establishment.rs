//! The county's producers, traders, caterers and school canteens.

use jiff::civil::Date;

use super::calendar::{Period, plus};
use super::dice::{Dice, Stream};
use super::identity::{credit_code, production_licence, trading_licence};
use super::township::{TOWNSHIPS, Township, any_township};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Producer,
    Trader,
    Caterer,
    Canteen,
}

impl Kind {
    pub fn text(self) -> &'static str {
        match self {
            Kind::Producer => "食品生产企业",
            Kind::Trader => "食品销售经营者",
            Kind::Caterer => "餐饮服务提供者",
            Kind::Canteen => "学校食堂",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Large,
    Medium,
    Small,
    Micro,
}

impl Size {
    pub fn text(self) -> &'static str {
        match self {
            Size::Large => "大型",
            Size::Medium => "中型",
            Size::Small => "小型",
            Size::Micro => "微型",
        }
    }
}

/// One line of the register. Days after the as-of day occur: the register is exported later.
#[derive(Debug)]
pub struct Establishment {
    pub name: String,
    pub kind: Kind,
    /// 幼儿园 … 职业学校 for canteens, empty for others.
    pub school: &'static str,
    pub size: Size,
    pub above_designated_size: bool,
    /// Empty for producers without one.
    pub licence: String,
    pub credit_code: String,
    pub township: &'static Township,
    pub opened: Option<Date>,
    pub closed: Option<Date>,
    pub self_inspected: Option<Date>,
    pub managers_assessed: Option<Date>,
    pub inspected: Option<Date>,
    pub haccp: Certificate,
    pub iso22000: Certificate,
    pub six_s: Option<Date>,
    pub bright_kitchen: Option<Date>,
}

/// Granted on a day, valid to another or without end.
#[derive(Debug, Default, Clone, Copy)]
pub struct Certificate {
    pub from: Option<Date>,
    pub to: Option<Date>,
}

impl Certificate {
    pub fn holds_on(self, day: Date) -> bool {
        self.from.is_some_and(|from| from <= day) && self.to.is_none_or(|to| to >= day)
    }
}

impl Establishment {
    pub fn is_open_on(&self, day: Date) -> bool {
        self.opened.is_none_or(|opened| opened <= day) && self.closed.is_none_or(|closed| closed > day)
    }

    pub fn is_licensed(&self) -> bool {
        !self.licence.is_empty()
    }
}

/// The whole register, in a fixed order: producers, canteens, traders, caterers. It grows by one
/// establishment for two thousand samples, up to two thousand.
pub fn register(seed: u64, samples: u64, period: &Period) -> Vec<Establishment> {
    let mut dice = Dice::new(seed, Stream::Establishment, u64::MAX);
    let growth = (samples / 2000).min(2000);
    let producers = 62 + dice.below(12) + growth / 5;
    let canteens = 62 + dice.below(10) + growth / 5;
    let traders = 185 + dice.below(30) + growth / 2;
    let caterers = 120 + dice.below(25) + growth / 10;
    let kinds = [
        (Kind::Producer, producers),
        (Kind::Canteen, canteens),
        (Kind::Trader, traders),
        (Kind::Caterer, caterers),
    ];
    let each = kinds.into_iter().flat_map(|(kind, count)| (0..count).map(move |number| (kind, number)));
    each.enumerate().map(|(serial, (kind, number))| one(seed, serial as u64, kind, number, period)).collect()
}

const BRANDS: [&str; 20] = [
    "豫粮", "万家", "福满", "金麦", "恒瑞", "嘉禾", "鑫源", "德信", "永顺", "和美", "丰泽", "宏达", "正阳",
    "康乐", "瑞丰", "天成", "聚福", "祥和", "润民", "佳惠",
];
const SECOND: [&str; 20] = [
    "一品", "源", "兴", "达", "坊", "园", "隆", "盛", "顺", "佳", "泰", "恒", "旺", "宝", "禾", "鲜", "香",
    "家", "众", "诚",
];
const FACTORIES: [&str; 6] =
    ["面业有限公司", "食品有限公司", "粮油有限公司", "酒业有限公司", "豆制品厂", "饮品有限公司"];
const SHOPS: [&str; 5] = ["超市", "生活超市", "粮油店", "副食商店", "果蔬店"];
const RESTAURANTS: [&str; 5] = ["饭店", "快餐店", "面馆", "早餐店", "酒楼"];
const SCHOOLS: [(&str, u32); 5] = [("幼儿园", 30), ("小学", 35), ("初中", 20), ("高中", 8), ("职业学校", 7)];

fn one(seed: u64, serial: u64, kind: Kind, number: u64, period: &Period) -> Establishment {
    let mut dice = Dice::new(seed, Stream::Establishment, serial);
    let township = &TOWNSHIPS[any_township(&mut dice)];
    let school = if kind == Kind::Canteen { dice.weighted(&SCHOOLS) } else { "" };
    let size = dice.weighted(match kind {
        Kind::Producer => &[(Size::Large, 12), (Size::Medium, 28), (Size::Small, 40), (Size::Micro, 20)],
        _ => &[(Size::Large, 2), (Size::Medium, 13), (Size::Small, 50), (Size::Micro, 35)],
    });
    let above_designated_size = match size {
        Size::Large | Size::Medium => true,
        Size::Small => kind == Kind::Producer && dice.percent(35),
        Size::Micro => false,
    };
    let producer = kind == Kind::Producer;
    let licence = match kind {
        Kind::Producer if number > 0 && dice.percent(10) => String::new(),
        Kind::Producer => production_licence(101 + dice.below(28) as u32, number),
        Kind::Trader => trading_licence(1, serial),
        Kind::Caterer => trading_licence(2, serial),
        Kind::Canteen => trading_licence(3, serial),
    };
    let mut calendar = Days { dice: &mut dice, period };
    let opened = calendar.opening();
    let closed = calendar.closing();
    let haccp = calendar.certificate(match size {
        Size::Large | Size::Medium => 82,
        _ => 15,
    });
    let iso22000 = calendar.certificate(if size == Size::Large { 92 } else { 8 });
    let certificate = |certificate: Certificate| if producer { certificate } else { Certificate::default() };
    let within = |day: Option<Date>| day.filter(|_| producer);
    Establishment {
        name: name(kind, number, school, township),
        kind,
        school,
        size,
        above_designated_size,
        licence,
        credit_code: credit_code(producer, serial),
        township,
        opened,
        closed,
        self_inspected: within(calendar.this_year(92)),
        managers_assessed: within(calendar.this_year(94)),
        inspected: within(calendar.this_year(96)),
        haccp: certificate(haccp),
        iso22000: certificate(iso22000),
        six_s: within(calendar.since_long(90)),
        bright_kitchen: calendar
            .since_long(if school == "幼儿园" || school == "小学" { 95 } else { 78 })
            .filter(|_| matches!(kind, Kind::Canteen | Kind::Caterer)),
    }
}

/// Names do not repeat: the number decides both halves of the brand.
fn name(kind: Kind, number: u64, school: &str, township: &Township) -> String {
    let brand = |table: &[&'static str; 20], index: u64| table[index as usize % 20];
    let (first, second) = (brand(&BRANDS, number), brand(&SECOND, number / 20));
    let branch = match number / 400 {
        0 => String::new(),
        branch => format!("{}分店", branch + 1),
    };
    let ending = |table: &[&'static str]| table[number as usize % table.len()];
    match kind {
        Kind::Producer => format!("西平{first}{second}{branch}{}", ending(&FACTORIES)),
        Kind::Trader => format!("西平县{first}{second}{}{branch}", ending(&SHOPS)),
        Kind::Caterer => format!("西平县{first}{second}{}{branch}", ending(&RESTAURANTS)),
        Kind::Canteen => format!("西平县{}第{}{school}食堂", township.name, number + 1),
    }
}

/// Draws days around the period.
struct Days<'a> {
    dice: &'a mut Dice,
    period: &'a Period,
}

impl Days<'_> {
    /// Mostly years ago, a few within the period, a few after it.
    fn opening(&mut self) -> Option<Date> {
        let as_of = self.period.as_of;
        match self.dice.below(100) {
            0..4 => None,
            4..90 => Some(plus(as_of, -self.dice.between(370, 2500))),
            90..97 => Some(plus(as_of, -self.dice.between(0, 200))),
            _ => Some(plus(as_of, self.dice.between(1, 40))),
        }
    }

    fn closing(&mut self) -> Option<Date> {
        let as_of = self.period.as_of;
        match self.dice.below(100) {
            0..5 => Some(plus(as_of, -self.dice.between(0, 150))),
            5..8 => Some(plus(as_of, self.dice.between(1, 60))),
            _ => None,
        }
    }

    /// Done in the counted year in `percent` of a hundred cases; else last year, later, or never.
    fn this_year(&mut self, percent: u32) -> Option<Date> {
        let (start, as_of) = (self.period.year_start(), self.period.as_of);
        let length = i64::from(as_of.day_of_year()) - 1;
        match self.dice.percent(percent) {
            true => Some(plus(start, self.dice.between(0, length))),
            false => match self.dice.below(3) {
                0 => Some(plus(start, -self.dice.between(1, 300))),
                1 => Some(plus(as_of, self.dice.between(1, 30))),
                _ => None,
            },
        }
    }

    /// Reached some time ago in `percent` of a hundred cases; else after the period, or never.
    fn since_long(&mut self, percent: u32) -> Option<Date> {
        let as_of = self.period.as_of;
        match self.dice.percent(percent) {
            true => Some(plus(as_of, -self.dice.between(0, 900))),
            false if self.dice.percent(40) => Some(plus(as_of, self.dice.between(1, 45))),
            false => None,
        }
    }

    /// Held in `percent` of a hundred cases, of which one in twelve has run out.
    fn certificate(&mut self, percent: u32) -> Certificate {
        let Some(from) = self.since_long(percent) else { return Certificate::default() };
        let as_of = self.period.as_of;
        let to = match self.dice.below(12) {
            0 if from < as_of => Some(plus(as_of, -self.dice.between(1, 100)).max(from)),
            1..4 => None,
            // Runs out on the as-of day itself: it still holds.
            4 if from < as_of => Some(as_of),
            _ => Some(plus(from, 1095).max(plus(as_of, 10))),
        };
        Certificate { from: Some(from), to }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_register_has_its_kinds_and_no_name_twice() {
        for samples in [50, 2760, 3_000_000] {
            let register = register(2020, samples, &Period::new(12, samples));
            let count = |kind| register.iter().filter(|establishment| establishment.kind == kind).count();
            assert!(count(Kind::Producer) >= 60 && count(Kind::Canteen) >= 60);
            assert!(count(Kind::Trader) + count(Kind::Caterer) >= 300);
            let names: BTreeSet<&str> = register.iter().map(|own| own.name.as_str()).collect();
            let licences: BTreeSet<&str> =
                register.iter().filter(|own| own.is_licensed()).map(|own| own.licence.as_str()).collect();
            let credits: BTreeSet<&str> = register.iter().map(|own| own.credit_code.as_str()).collect();
            assert_eq!((names.len(), credits.len()), (register.len(), register.len()));
            assert_eq!(licences.len(), register.iter().filter(|own| own.is_licensed()).count());
        }
    }

    #[test]
    fn the_as_of_day_matters() {
        let period = Period::new(12, 2760);
        let register = register(2020, 2760, &period);
        let producers: Vec<&Establishment> =
            register.iter().filter(|own| own.kind == Kind::Producer).collect();
        assert!(producers.iter().any(|own| !own.is_licensed()));
        assert!(register.iter().any(|own| own.opened.is_some_and(|day| day > period.as_of)));
        assert!(register.iter().any(|own| own.closed.is_some_and(|day| day <= period.as_of)));
        assert!(producers.iter().any(|own| own.haccp.to.is_some_and(|day| day < period.as_of)));
    }
}
