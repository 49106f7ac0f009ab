//! The county's document of the year: who answers for what, by when, and what it sets as targets.

use jiff::civil::Date;

use super::ReferenceError;
use super::record::{Provenance, read};

/// What kind of body answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BodyKind {
    /// 乡镇, 街道, 农场
    Township,
    /// 食安委成员单位
    MemberBody,
    /// 管委会, 食安办
    Committee,
    /// A group that the document addresses as one.
    Collective,
}

impl BodyKind {
    pub fn as_str(self) -> &'static str {
        match self {
            BodyKind::Township => "township",
            BodyKind::MemberBody => "member_body",
            BodyKind::Committee => "committee",
            BodyKind::Collective => "collective",
        }
    }

    fn from_word(word: &str) -> Option<BodyKind> {
        Some(match word {
            "township" => BodyKind::Township,
            "member_body" => BodyKind::MemberBody,
            "committee" => BodyKind::Committee,
            "collective" => BodyKind::Collective,
            _ => return None,
        })
    }
}

const BODY_KINDS: &str = "township, member_body, committee or collective";

/// A body that the document names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub id: String,
    /// As the document names it when it stands alone: 县市场监管局.
    pub name_zh: String,
    /// As it stands in a list: 市场监管局.
    pub short_zh: String,
    pub name_en: String,
    pub kind: BodyKind,
    pub provenance: Provenance,
}

/// A numbered clause, or `closing` for the closing paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    pub number: String,
    pub heading_zh: String,
    pub summary_en: String,
    /// Short names of the bodies that answer, in the document's order.
    pub bodies: Vec<String>,
    pub provenance: Provenance,
}

impl Clause {
    /// The bodies as a scorecard prints them.
    pub fn agency(&self) -> String {
        self.bodies.join("、")
    }
}

/// A unit that owes the annual report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportingUnit {
    pub unit: String,
    pub kind: BodyKind,
    /// Month and day of every year.
    pub due: (i8, i8),
    pub provenance: Provenance,
}

impl ReportingUnit {
    /// The day of a year on which the report is due; none in a year that lacks it.
    pub fn due_in(&self, year: i16) -> Option<Date> {
        Date::new(year, self.due.0, self.due.1).ok()
    }
}

/// How a value is held against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    AtLeast,
    Exactly,
}

/// A target that the document sets. Its indicator is defined by a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub indicator: String,
    pub clause: String,
    pub name_zh: String,
    pub name_en: String,
    pub op: Comparison,
    /// In `unit`; the document sets whole numbers only.
    pub target: u32,
    /// `%`, `per_1000`, `samples` or `points`.
    pub unit: String,
    pub due: Date,
    /// The document's own words.
    pub wording: String,
    pub provenance: Provenance,
}

pub(super) fn read_bodies(file: &str, text: &str) -> Result<Vec<Body>, ReferenceError> {
    read(file, text, |record| {
        Ok(Body {
            id: record.required("id")?.to_owned(),
            name_zh: record.required("name_zh")?.to_owned(),
            short_zh: record.required("short_zh")?.to_owned(),
            name_en: record.required("name_en")?.to_owned(),
            kind: record.parsed("kind", BODY_KINDS, BodyKind::from_word)?,
            provenance: record.provenance()?,
        })
    })
}

pub(super) fn read_clauses(file: &str, text: &str, bodies: &[Body]) -> Result<Vec<Clause>, ReferenceError> {
    read(file, text, |record| {
        let named = record.list("bodies", '、')?;
        let is_known = |name: &String| bodies.iter().any(|body| body.short_zh == *name);
        if let Some(unknown) = named.iter().find(|name| !is_known(name)) {
            return Err(record.fault("bodies", format!("short names of bodies.csv, which lacks `{unknown}`")));
        }
        Ok(Clause {
            number: record.required("number")?.to_owned(),
            heading_zh: record.required("heading_zh")?.to_owned(),
            summary_en: record.required("summary_en")?.to_owned(),
            bodies: named,
            provenance: record.provenance()?,
        })
    })
}

pub(super) fn read_reporting_units(file: &str, text: &str) -> Result<Vec<ReportingUnit>, ReferenceError> {
    read(file, text, |record| {
        Ok(ReportingUnit {
            unit: record.required("unit")?.to_owned(),
            kind: record.parsed("kind", BODY_KINDS, BodyKind::from_word)?,
            due: record.parsed("due_month_day", "month and day such as 12-03", month_day)?,
            provenance: record.provenance()?,
        })
    })
}

pub(super) fn read_targets(
    file: &str,
    text: &str,
    clauses: &[Clause],
) -> Result<Vec<Target>, ReferenceError> {
    read(file, text, |record| {
        let clause = |text: &str| {
            clauses.iter().find(|clause| clause.number == text).map(|clause| clause.number.clone())
        };
        Ok(Target {
            indicator: record.required("indicator")?.to_owned(),
            clause: record.parsed("clause", "a number of clauses.csv", clause)?,
            name_zh: record.required("name_zh")?.to_owned(),
            name_en: record.required("name_en")?.to_owned(),
            op: record.parsed("op", ">= or =", |text| match text {
                ">=" => Some(Comparison::AtLeast),
                "=" => Some(Comparison::Exactly),
                _ => None,
            })?,
            target: record.parsed("target", "a whole number", |text| text.parse().ok())?,
            unit: record.required("unit")?.to_owned(),
            due: record.parsed("due", "a day such as 2020-12-31", |text| text.parse().ok())?,
            wording: record.required("wording")?.to_owned(),
            provenance: record.provenance()?,
        })
    })
}

/// `12-03`, in a leap year so that any day of any year passes.
fn month_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    let day = Date::new(2020, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some((day.month(), day.day()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::reference::Reference;

    #[test]
    fn clauses_name_who_answers() {
        let clauses = Reference::built_in().expect("seeds").clauses;
        for (number, expected) in [
            ("8", "市生态环境局西平分局、自然资源局、农业农村局、发改委"),
            ("9", "市场监管局"),
            ("10", "市场监管局、农业农村局、自然资源局"),
            ("11", "教育局、民政局、住建局、文广旅局、卫健委、市场监管局、县委统战部、西平火车站"),
            ("14", "市场监管局、农业农村局、发改委、自然资源局"),
            ("17", "科工局、农业农村局、商务局、市场监管局"),
            ("closing", "各乡镇、各办事处、各管委会、县政府食安委各成员单位"),
        ] {
            let clause = clauses.iter().find(|clause| clause.number == number);
            assert_eq!(clause.map(Clause::agency).as_deref(), Some(expected), "{number}");
        }
    }

    #[test]
    fn forty_one_units_owe_the_annual_report() {
        let reference = Reference::built_in().expect("seeds");
        let units = &reference.reporting_units;
        assert_eq!(units.len(), 41);
        let townships: Vec<&str> =
            reference.regions.townships(date(2020, 12, 3)).map(|region| region.name.as_str()).collect();
        let of_kind =
            |kind| units.iter().filter(move |unit| unit.kind == kind).map(|unit| unit.unit.as_str());
        assert_eq!(of_kind(BodyKind::Township).collect::<Vec<_>>(), townships);
        assert_eq!(of_kind(BodyKind::Committee).collect::<Vec<_>>(), ["产业集聚区管委会"]);
        assert_eq!(of_kind(BodyKind::MemberBody).count(), 20);
        for unit in units {
            assert_eq!(unit.due_in(2020), Some(date(2020, 12, 3)), "{}", unit.unit);
            assert!(reference.bodies.iter().any(|body| body.name_zh == unit.unit), "{}", unit.unit);
        }
    }

    #[test]
    fn nineteen_targets() {
        let targets = Reference::built_in().expect("seeds").targets;
        let shown = |target: &Target| {
            let op = if target.op == Comparison::AtLeast { "≥" } else { "=" };
            format!(
                "{} §{} {op} {} {} {}",
                target.indicator, target.clause, target.target, target.unit, target.due
            )
        };
        let found: Vec<String> = targets.iter().map(shown).collect();
        assert_eq!(
            found,
            [
                "batches_per_thousand §14 ≥ 4 per_1000 2020-12-31",
                "agri_pass_rate §14 ≥ 97 % 2020-12-31",
                "food_pass_rate §14 ≥ 98 % 2020-12-31",
                "national_disposal_rate §14 = 100 % 2020-12-31",
                "provincial_routine_samples §14 ≥ 40 samples 2020-12-31",
                "municipal_routine_samples §14 ≥ 15 samples 2020-12-31",
                "pesticide_use_efficiency §8 ≥ 40 % 2020-12-31",
                "fertilizer_use_efficiency §8 ≥ 40 % 2020-12-31",
                "producer_self_inspection §9 = 100 % 2020-12-31",
                "safety_manager_assessment §9 ≥ 95 % 2020-12-31",
                "licensed_producer_inspection §9 = 100 % 2020-12-31",
                "haccp_adoption §9 ≥ 70 % 2020-12-31",
                "iso22000_adoption §9 = 100 % 2020-12-31",
                "six_s_adoption §9 ≥ 90 % 2020-12-31",
                "licensing_on_time §10 = 100 % 2020-12-31",
                "bright_kitchen_schools §11 ≥ 80 % 2020-12-31",
                "bright_kitchen_primary §11 = 100 % 2020-12-31",
                "traceability_points §17 ≥ 6 points 2020-12-31",
                "annual_report_on_time §closing = 100 % 2020-12-03",
            ]
        );
    }

    #[test]
    fn bad_tables_are_refused() {
        let bodies = "id,name_zh,short_zh,name_en,kind,source,as_of\na,甲局,甲,A,bureau,s,2020\n";
        let clauses = "number,heading_zh,summary_en,bodies,source,as_of\n1,题,s,甲、乙,s,2020\n";
        let units = "unit,kind,due_month_day,source,as_of\n甲局,member_body,13-03,s,2020\n";
        for (error, expected) in [
            (
                read_bodies("bodies.csv", bodies).err(),
                "column `kind`: found `bureau`, expected township, member_body",
            ),
            (
                read_clauses("clauses.csv", clauses, &[]).err(),
                "found `甲、乙`, expected short names of bodies.csv, which lacks `甲`",
            ),
            (
                read_reporting_units("reporting_units.csv", units).err(),
                "column `due_month_day`: found `13-03`",
            ),
        ] {
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        }
    }
}
