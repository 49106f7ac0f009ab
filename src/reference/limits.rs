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
    /// The products it holds for, in the standard's words.
    pub product: String,
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
}

/// Limits of the national standards that a county meets most, to check a laboratory's own against.
#[derive(Debug, Clone)]
pub struct Limits {
    limits: Vec<ListedLimit>,
}

impl Limits {
    pub(super) fn read(file: &str, text: &str) -> Result<Limits, ReferenceError> {
        let limits = read(file, text, |record| {
            Ok(ListedLimit {
                category: record.required("category")?.to_owned(),
                product: record.required("product")?.to_owned(),
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
        Ok(Limits { limits })
    }

    /// The limits in force on a day for an analyte, written with or without its bracket: 铅 or 铅（以Pb计）.
    pub fn of_analyte(&self, analyte: &str, on: Date) -> impl Iterator<Item = &ListedLimit> {
        let wanted = fold(analyte);
        self.limits.iter().filter(move |limit| {
            let name = fold(&limit.analyte);
            let bare = name.split('(').next().unwrap_or_default();
            (name == wanted || bare == wanted) && limit.is_in_force(on)
        })
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
            let found: Vec<String> =
                limits.of_analyte(analyte, on).filter(|limit| limit.product == product).map(shown).collect();
            assert_eq!(found, [expected], "{product} {analyte} on {on}");
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
        let head = "category,product,analyte,analyte_en,kind,value,unit,n,c,m,big_m,standard,valid_from,valid_to,grade,note,source,as_of\n";
        for (row, expected) in [
            ("a,b,c,d,most,1,mg/kg,,,,,GB,,,H,,s,2020", "column `kind`: found `most`"),
            (
                "a,b,c,d,max,1e3,mg/kg,,,,,GB,,,H,,s,2020",
                "column `value`: found `1e3`, expected a decimal number",
            ),
            ("a,b,c,d,plan,,CFU/g,5,,0,,GB,,,H,,s,2020", "column `c`: found ``, expected a value"),
        ] {
            let error = Limits::read("limits.csv", &format!("{head}{row}\n")).expect_err(row).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
