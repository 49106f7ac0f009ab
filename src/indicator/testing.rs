//! Definitions for the tests of this room.

use super::{Definition, Denominator, Interval, Kind, Span, Unit};
use crate::cube::{Fact, Filter};

pub fn filter(text: &str) -> Filter {
    Filter::parse(text).expect("parses")
}

pub fn cut(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Of samples, over the year to date: a share where there is a denominator, else a count.
pub fn definition(id: &str, numerator: &str, denominator: Option<&str>) -> Definition {
    Definition {
        id: id.to_owned(),
        name_zh: String::new(),
        name_en: String::new(),
        clause: String::new(),
        agency: Vec::new(),
        kind: Kind::Flow,
        fact: Fact::Samples,
        base: None,
        numerator: filter(numerator),
        denominator: denominator.map_or(Denominator::None, |text| Denominator::Where(filter(text))),
        unit: if denominator.is_some() { Unit::Percent } else { Unit::Count },
        interval: Interval::Wilson,
        target: None,
        due: None,
        min_denominator: 0,
        span: Span::YearToDate,
        note: String::new(),
        shown: Vec::new(),
        cuts: Vec::new(),
        on_scorecard: true,
    }
}
