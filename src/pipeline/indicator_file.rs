//! `[[indicator]]`: what is counted, over what, against which target.

use rust_decimal::Decimal;
use toml::Spanned;

use super::document::{Placed, Section};
use crate::cube::{Fact, Filter, fact_dimensions};
use crate::indicator::{Definition, Denominator, Interval, Kind, Operator, Span, Target, Unit};
use crate::model::nearest;

pub const INDICATOR_KEYS: &[&str] = &[
    "id",
    "name_zh",
    "name_en",
    "clause",
    "agency",
    "kind",
    "fact",
    "where",
    "numerator",
    "denominator",
    "unit",
    "interval",
    "target",
    "due",
    "min_denominator",
    "period",
    "note",
    "show",
    "cuts",
    "scorecard",
];

/// What an indicator may refer to.
pub struct Known<'a> {
    /// The pipeline's own dimensions with their tables.
    pub dimensions: &'a [(String, String)],
    pub attributes: &'a [String],
    /// Cuts of indicators that name none.
    pub cuts: &'a [Vec<String>],
}

pub fn read_indicator(section: &Section<'_>, known: &Known<'_>) -> Option<Definition> {
    section.only(INDICATOR_KEYS);
    let id = section.required_text("id")?.into_inner();
    let facts = Fact::ALL.map(|fact| (fact.name(), fact));
    if !section.has("fact") {
        section.problem(section.span(), format!("indicator `{id}` lacks `fact`, what it counts"), None);
    }
    let fact = section.word("fact", &facts)?;
    let dimensions = fact_dimensions(fact, known.dimensions, known.attributes);
    let filter = |text: &Placed| read_filter(section, text, fact, &dimensions);
    let kinds = [("flow", Kind::Flow), ("stock", Kind::Stock), ("coverage", Kind::Coverage)];
    let numerator =
        section.text("numerator").unwrap_or_else(|| Spanned::new(section.span(), "true".to_owned()));
    let denominator = match section.text("denominator") {
        None => Denominator::None,
        Some(text) if text.get_ref() == "population" => Denominator::Population,
        Some(text) => Denominator::Where(filter(&text)?),
    };
    let default_unit = match denominator {
        Denominator::None => Unit::Count,
        Denominator::Where(_) => Unit::Percent,
        Denominator::Population => Unit::PerThousand,
    };
    let units = [Unit::Percent, Unit::PerThousand, Unit::Count];
    let default_interval = match (&denominator, fact) {
        (_, Fact::Returns) | (Denominator::None, _) => Interval::None,
        (Denominator::Population, _) => Interval::Byar,
        (Denominator::Where(_), _) => Interval::Wilson,
    };
    let intervals = [("none", Interval::None), ("wilson", Interval::Wilson), ("byar", Interval::Byar)];
    let plain = |key: &str| section.text(key).map(Spanned::into_inner).unwrap_or_default();
    let shown = section.section("show").map(|shown| {
        let entries = shown.entries().into_iter().filter_map(|(label, value)| {
            let text = super::document::text_of(value)?;
            Some((label.into_inner(), filter(&text)?))
        });
        entries.collect()
    });
    Some(Definition {
        name_zh: plain("name_zh"),
        name_en: plain("name_en"),
        clause: plain("clause"),
        agency: section.texts("agency").unwrap_or_default().into_iter().map(Spanned::into_inner).collect(),
        kind: section.word("kind", &kinds).unwrap_or(Kind::Flow),
        base: match section.text("where") {
            Some(text) => Some(filter(&text)?),
            None => None,
        },
        numerator: filter(&numerator)?,
        unit: section.word("unit", &units.map(|unit| (unit.as_str(), unit))).unwrap_or(default_unit),
        interval: section.word("interval", &intervals).unwrap_or(default_interval),
        target: section.text("target").and_then(|text| read_target(section, &text)),
        due: section.date("due"),
        min_denominator: section.integer("min_denominator").and_then(|n| i64::try_from(n).ok()).unwrap_or(1),
        span: section
            .word("period", &[("year", Span::YearToDate), ("all", Span::All)])
            .unwrap_or(Span::YearToDate),
        note: plain("note"),
        shown: shown.unwrap_or_default(),
        cuts: match section.texts("cuts") {
            Some(cuts) => read_cuts(section, &cuts, &dimensions),
            None => known.cuts.to_vec(),
        },
        on_scorecard: section.flag("scorecard").unwrap_or(true),
        denominator,
        fact,
        id,
    })
}

fn read_filter(section: &Section<'_>, text: &Placed, fact: Fact, dimensions: &[String]) -> Option<Filter> {
    match Filter::parse(text.get_ref())
        .and_then(|filter| filter.check(fact.name(), dimensions).map(|()| filter))
    {
        Ok(filter) => Some(filter),
        Err(error) => {
            section.problem(text.span(), error.to_string(), None);
            None
        }
    }
}

/// `region`, or `region+month`: the dimensions of one cut.
pub fn read_cuts(section: &Section<'_>, cuts: &[Placed], known: &[String]) -> Vec<Vec<String>> {
    let mut read = Vec::new();
    for cut in cuts {
        let names: Vec<String> = cut.get_ref().split('+').map(|name| name.trim().to_owned()).collect();
        for name in names.iter().filter(|name| *name != "month" && !known.contains(name)) {
            let help =
                nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            section.problem(cut.span(), format!("`{name}` is no dimension to cut by"), help);
        }
        read.push(names);
    }
    read
}

/// `>= 97`, `≥ 97`, `= 100`, `<= 5`: in the unit of the figure.
fn read_target(section: &Section<'_>, text: &Placed) -> Option<Target> {
    let operators = [
        (">=", Operator::AtLeast),
        ("≥", Operator::AtLeast),
        ("<=", Operator::AtMost),
        ("≤", Operator::AtMost),
        ("=", Operator::Equal),
    ];
    let written = text.get_ref().trim();
    let parsed = operators.into_iter().find_map(|(sign, operator)| {
        let value: Decimal = written.strip_prefix(sign)?.trim().parse().ok()?;
        Some(Target { operator, value })
    });
    if parsed.is_none() {
        section.problem(
            text.span(),
            "a target is `>= 97`, `= 100` or `<= 5`, in the unit of the figure",
            None,
        );
    }
    parsed
}
