use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::ReferenceError;
use super::fold::fold;
use super::record::{Grade, Provenance, Record, is_decimal, read};

/// What a listed limit asks for. Numbers are decimal texts: the written scale decides rounding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    AtMost(String),
    AtLeast(String),
    /// Nothing may be found: not permitted, or not to be detected.
    Nothing,
    /// Attributes plan (GB 4789.1): at most `c` of `n` above `m`, none above `big_m`.
    Plan {
        n: u32,
        c: u32,
        m: String,
        big_m: Option<String>,
    },
}

/// One limit of a national standard, in force for a span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLimit {
    pub category: String,
    folded_category: String,
    /// The products it holds for, in the standard's words.
    pub product: String,
    /// Names of products, subcategories and classes that it surely holds for; empty where the scope cannot
    /// be told from a name (蔬菜（多数）, or a result on another basis).
    pub applies_to: Vec<String>,
    /// Names that it does not hold for although they belong to the former.
    pub except: Vec<String>,
    pub analyte: String,
    pub analyte_en: String,
    pub bound: Bound,
    pub unit: String,
    pub standard: String,
    /// First day in force; none where it lies before 2020, the vintage of the table.
    pub valid_from: Option<Date>,
    /// Last day in force.
    pub valid_to: Option<Date>,
    pub grade: Grade,
    pub note: String,
    pub provenance: Provenance,
}

impl ListedLimit {
    fn is_in_force(&self, on: Date) -> bool {
        self.valid_from.is_none_or(|first| first <= on) && self.valid_to.is_none_or(|last| on <= last)
    }

    /// Position of the most particular of `names` that it holds for.
    fn rank(&self, names: &[String]) -> Option<usize> {
        let is_out = names.iter().any(|name| self.except.contains(name));
        names.iter().position(|name| self.applies_to.contains(name)).filter(|_| !is_out)
    }

    /// Whether a record of a category can meet it: 糕点 sold by a restaurant is 餐饮食品 and has limits of its
    /// own. Words that are no category of the table say nothing.
    fn is_of(&self, category: &str, categories: &[String]) -> bool {
        self.folded_category == category || !categories.iter().any(|own| own == category)
    }

    /// The limit as a limit cell would say it.
    pub fn text(&self) -> String {
        match &self.bound {
            Bound::AtMost(value) => format!("≤{value}{}", self.unit),
            Bound::AtLeast(value) => format!("≥{value}{}", self.unit),
            Bound::Nothing => "不得检出".to_owned(),
            Bound::Plan { n, c, m, big_m } => {
                let big = big_m.as_ref().map(|big| format!(",M={big}")).unwrap_or_default();
                format!("n={n},c={c},m={m}{big}{}", self.unit)
            }
        }
    }
}

/// Names that a record gives to its product, folded, the most particular first: product, subcategory,
/// category.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProductNames(Vec<String>);

impl ProductNames {
    pub fn new(names: [&str; 3]) -> ProductNames {
        ProductNames(names.iter().map(|name| fold(name)).collect())
    }
}

/// Places of the limits of one analyte.
#[derive(Debug, Clone, Copy)]
pub struct OfAnalyte<'a>(&'a [usize]);

/// Limits of the national standards that a county meets most, to check a laboratory's own against.
#[derive(Debug, Clone)]
pub struct Limits {
    limits: Vec<ListedLimit>,
    /// Folded, each once.
    categories: Vec<String>,
    /// Places of the limits by the analyte's folded name, with and without its bracket.
    by_analyte: BTreeMap<String, Vec<usize>>,
}

impl Limits {
    pub(super) fn read(file: &str, text: &str) -> Result<Limits, ReferenceError> {
        let limits = read(file, text, |record| {
            Ok(ListedLimit {
                category: record.required("category")?.to_owned(),
                folded_category: fold(record.required("category")?),
                product: record.required("product")?.to_owned(),
                applies_to: record.list("applies_to", '|')?.iter().map(|name| fold(name)).collect(),
                except: record.list("except", '|')?.iter().map(|name| fold(name)).collect(),
                analyte: record.required("analyte")?.to_owned(),
                analyte_en: record.required("analyte_en")?.to_owned(),
                bound: bound(record)?,
                unit: record.required("unit")?.to_owned(),
                standard: record.required("standard")?.to_owned(),
                valid_from: record.day("valid_from")?,
                valid_to: record.day("valid_to")?,
                grade: record.grade()?,
                note: record.text("note")?.to_owned(),
                provenance: record.provenance()?,
            })
        })?;
        let mut categories: Vec<String> = limits.iter().map(|limit| fold(&limit.category)).collect();
        categories.sort_unstable();
        categories.dedup();
        let mut by_analyte: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, limit) in limits.iter().enumerate() {
            let name = fold(&limit.analyte);
            let bare = name.split('(').next().unwrap_or_default().to_owned();
            for name in BTreeSet::from([name, bare]) {
                by_analyte.entry(name).or_default().push(place);
            }
        }
        Ok(Limits { limits, categories, by_analyte })
    }

    /// The limits of an analyte, written with or without its bracket: 铅 or 铅（以Pb计）.
    pub fn of_analyte(&self, analyte: &str) -> OfAnalyte<'_> {
        OfAnalyte(self.by_analyte.get(&fold(analyte)).map(Vec::as_slice).unwrap_or_default())
    }

    /// Those limits of an analyte that are in force on a day, with their places.
    fn in_force<'a>(
        &'a self,
        analyte: OfAnalyte<'a>,
        on: Date,
    ) -> impl Iterator<Item = (usize, &'a ListedLimit)> {
        let own = analyte.0.iter().filter_map(|place| Some((*place, self.limits.get(*place)?)));
        own.filter(move |(_, limit)| limit.is_in_force(on))
    }

    /// The place of the one limit of an analyte that holds for a product on a day: that of the most particular of its names.
    /// None where there is none, or where two that are equally particular differ.
    pub fn for_product(&self, names: &ProductNames, analyte: OfAnalyte<'_>, on: Date) -> Option<usize> {
        let ProductNames(names) = names;
        let category = names.last().map(String::as_str).unwrap_or_default();
        let ranked = || {
            let own = self.in_force(analyte, on).filter(|(_, limit)| limit.is_of(category, &self.categories));
            own.filter_map(|(place, limit)| Some((limit.rank(names)?, place, limit)))
        };
        let best = ranked().map(|(rank, ..)| rank).min()?;
        let mut closest = ranked().filter(|(rank, ..)| *rank == best);
        let (_, place, first) = closest.next()?;
        closest.all(|(.., other)| (&other.bound, &other.unit) == (&first.bound, &first.unit)).then_some(place)
    }

    /// The limit at a place.
    pub fn at(&self, place: usize) -> Option<&ListedLimit> {
        self.limits.get(place)
    }

    /// Days on which a limit begins to hold or holds no more, sorted: between two of them nothing changes.
    pub fn changes(&self) -> Vec<Date> {
        let ends = self.limits.iter().filter_map(|limit| limit.valid_to?.tomorrow().ok());
        let mut days: Vec<Date> =
            self.limits.iter().filter_map(|limit| limit.valid_from).chain(ends).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    pub fn iter(&self) -> impl Iterator<Item = &ListedLimit> {
        self.limits.iter()
    }
}

fn bound(record: &Record<'_>) -> Result<Bound, ReferenceError> {
    let decimal = |text: &str| is_decimal(text).then(|| text.to_owned());
    let number = |column: &str| record.parsed(column, "a decimal number", decimal);
    let count = |column: &str| record.parsed(column, "a whole number", |text| text.parse().ok());
    match record.required("kind")? {
        "max" => Ok(Bound::AtMost(number("value")?)),
        "min" => Ok(Bound::AtLeast(number("value")?)),
        "not_permitted" | "not_detected" => Ok(Bound::Nothing),
        "plan" => Ok(Bound::Plan {
            n: count("n")?,
            c: count("c")?,
            m: number("m")?,
            big_m: record.parsed_optional("big_m", "a decimal number", decimal)?,
        }),
        _ => Err(record.fault("kind", "max, min, plan, not_permitted or not_detected")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::reference::Reference;

    fn shown(limit: &ListedLimit) -> String {
        let bound = match &limit.bound {
            Bound::AtMost(value) => format!("≤{value}"),
            Bound::AtLeast(value) => format!("≥{value}"),
            Bound::Nothing => "none".to_owned(),
            Bound::Plan { n, c, m, big_m } => {
                format!("n={n},c={c},m={m},M={}", big_m.as_deref().unwrap_or("-"))
            }
        };
        format!("{bound} {} {}", limit.unit, limit.standard)
    }

    #[test]
    fn the_limit_of_the_day() {
        let limits = Reference::built_in().expect("seeds").limits;
        for (product, analyte, on, expected) in [
            ("韭菜", "腐霉利", date(2020, 6, 1), "≤0.2 mg/kg GB 2763-2019"),
            ("韭菜", "腐霉利", date(2021, 9, 2), "≤0.2 mg/kg GB 2763-2019"),
            ("韭菜", "腐霉利", date(2021, 9, 3), "≤5 mg/kg GB 2763-2021"),
            ("韭菜", "毒死蜱", date(2022, 1, 1), "≤0.02 mg/kg GB 2763-2021"),
            ("鸡蛋（产蛋期禁用）", "恩诺沙星", date(2020, 6, 1), "none μg/kg GB 31650-2019"),
            ("鸡蛋（产蛋期禁用）", "恩诺沙星", date(2023, 6, 1), "≤10 μg/kg GB 31650.1-2022"),
            ("灭菌乳（牛乳）", "蛋白质", date(2020, 6, 1), "≥2.9 g/100g GB 25190-2010"),
            ("熟肉制品", "金黄色葡萄球菌", date(2020, 6, 1), "n=5,c=1,m=100,M=1000 CFU/g GB 29921-2013"),
            ("熟肉制品", "沙门氏菌", date(2021, 11, 22), "n=5,c=0,m=0,M=- /25g GB 29921-2021"),
            ("叶菜蔬菜", "铅", date(2020, 6, 1), "≤0.3 mg/kg GB 2762-2017"),
            ("叶菜蔬菜", "铅(以Pb计)", date(2020, 6, 1), "≤0.3 mg/kg GB 2762-2017"),
        ] {
            let in_force = limits.in_force(limits.of_analyte(analyte), on).map(|(_, limit)| limit);
            let found: Vec<String> = in_force.filter(|limit| limit.product == product).map(shown).collect();
            assert_eq!(found, [expected], "{product} {analyte} on {on}");
        }
    }

    #[test]
    fn the_limit_for_a_product() {
        let limits = Reference::built_in().expect("seeds").limits;
        let (then, now) = (date(2019, 6, 1), date(2022, 1, 1));
        for (names, analyte, on, expected) in [
            (["韭菜", "蔬菜", "食用农产品"], "腐霉利", then, "≤0.2mg/kg GB 2763-2019"),
            (["韭菜", "蔬菜", "食用农产品"], "腐霉利", now, "≤5mg/kg GB 2763-2021"),
            (["芹菜", "蔬菜", "食用农产品"], "腐霉利", now, ""),
            (["芹菜", "蔬菜", "食用农产品"], "克百威", now, "≤0.02mg/kg GB 2763-2019"),
            (["芹菜", "蔬菜", "食用农产品"], "氟虫腈", now, ""),
            (["大米", "大米", "粮食加工品"], "镉(以Cd计)", then, "≤0.2mg/kg GB 2762-2017"),
            (["麦片", "谷物加工品", "粮食加工品"], "铅", then, ""),
            (["挂面", "挂面", "粮食加工品"], "铅", then, "≤0.2mg/kg GB 2762-2017"),
            (["花生油", "食用植物油", "食用油、油脂及其制品"], "黄曲霉毒素B1", then, "≤20μg/kg GB 2761-2017"),
            (["大豆油", "食用植物油", "食用油、油脂及其制品"], "黄曲霉毒素B1", then, "≤10μg/kg GB 2761-2017"),
            (["发酵肉制品", "熟肉制品", "肉制品"], "菌落总数", then, ""),
            (["白酒", "白酒", "酒类"], "甲醇", then, ""),
            (["鸡蛋", "鲜蛋", "食用农产品"], "恩诺沙星", then, "不得检出 GB 31650-2019"),
            (["", "", ""], "铅", then, ""),
            (["糕点", "", ""], "霉菌", then, "≤150CFU/g GB 7099-2015"),
            (["糕点", "", "餐饮食品"], "霉菌", then, ""),
        ] {
            let found = limits.for_product(&ProductNames::new(names), limits.of_analyte(analyte), on);
            let found = found.and_then(|place| limits.at(place));
            let shown = found.map(|limit| format!("{} {}", limit.text(), limit.standard)).unwrap_or_default();
            assert_eq!(shown, expected, "{names:?} {analyte} on {on}");
        }
    }

    #[test]
    fn no_two_limits_for_one_product_and_day() {
        let limits = Reference::built_in().expect("seeds").limits;
        for day in [date(2020, 6, 1), date(2021, 12, 1), date(2024, 1, 1), date(2025, 6, 1)] {
            for limit in limits.iter().filter(|limit| limit.is_in_force(day)) {
                let same = |other: &&ListedLimit| {
                    (&other.category, &other.product) == (&limit.category, &limit.product)
                        && other.analyte == limit.analyte
                };
                assert_eq!(
                    limits.iter().filter(same).filter(|other| other.is_in_force(day)).count(),
                    1,
                    "{limit:?}"
                );
            }
        }
    }

    #[test]
    fn every_limit_has_a_known_unit() {
        let reference = Reference::built_in().expect("seeds");
        for limit in reference.limits.iter() {
            assert!(reference.units.parse(&limit.unit).is_some(), "{limit:?}");
        }
    }

    #[test]
    fn bad_tables_are_refused() {
        let head = "category,product,applies_to,except,analyte,analyte_en,kind,value,unit,n,c,m,big_m,standard,valid_from,valid_to,grade,note,source,as_of\n";
        for (row, expected) in [
            ("a,b,b,,c,d,most,1,mg/kg,,,,,GB,,,H,,s,2020", "column `kind`: found `most`"),
            (
                "a,b,b,,c,d,max,1e3,mg/kg,,,,,GB,,,H,,s,2020",
                "column `value`: found `1e3`, expected a decimal number",
            ),
            ("a,b,b,,c,d,plan,,CFU/g,5,,0,,GB,,,H,,s,2020", "column `c`: found ``, expected a value"),
        ] {
            let error = Limits::read("limits.csv", &format!("{head}{row}\n")).expect_err(row).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
