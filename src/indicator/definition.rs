use std::collections::BTreeSet;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::Interval;
use crate::cube::{Fact, Filter};

/// An indicator, as a pipeline defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub id: String,
    pub name_zh: String,
    pub name_en: String,
    /// Where the document sets it, with its wording.
    pub clause: String,
    /// Bodies that answer for it.
    pub agency: Vec<String>,
    pub kind: Kind,
    pub fact: Fact,
    /// What belongs to the figure at all.
    pub base: Option<Filter>,
    pub numerator: Filter,
    pub denominator: Denominator,
    pub unit: Unit,
    pub interval: Interval,
    pub target: Option<Target>,
    pub due: Option<Date>,
    /// A rate over fewer is not judged.
    pub min_denominator: i64,
    pub span: Span,
    /// The reading where the document leaves a choice.
    pub note: String,
    /// Numbers printed beside the figure, in `note`.
    pub shown: Vec<(String, Filter)>,
    pub cuts: Vec<Vec<String>>,
    /// Whether it has a row on the scorecard; in `indicators.csv` it stands in any case.
    pub on_scorecard: bool,
}

impl Definition {
    /// Dimensions that it names anywhere. A month is none: it is told by the day.
    pub fn dimensions(&self) -> BTreeSet<String> {
        let denominator = match &self.denominator {
            Denominator::Where(filter) => Some(filter),
            Denominator::None | Denominator::Population => None,
        };
        let filters = self.base.iter().chain([&self.numerator]).chain(denominator);
        let named = filters.chain(self.shown.iter().map(|(_, filter)| filter)).flat_map(Filter::dimensions);
        named.chain(self.cuts.iter().flatten().filter(|name| *name != "month").cloned()).collect()
    }

    /// First and last day of what the figure counts, over `period` where one is given; none where it takes everything.
    pub fn days(&self, as_of: Date, period: Option<(Date, Date)>) -> Option<(Date, Date)> {
        match (period, self.span) {
            (Some(period), _) => Some(period),
            (None, Span::All) => None,
            (None, Span::YearToDate) => Some((as_of.first_of_year(), as_of)),
        }
    }

    /// The earliest day that this figure does not tell from another in any of its counts. None stands for those that it
    /// does not count.
    fn stand_in(&self, day: Option<Date>, as_of: Date, period: Option<(Date, Date)>) -> Option<Date> {
        // What is counted on a day differs from one to the next.
        if self.kind != Kind::Flow {
            return day;
        }
        let by_month = self.cuts.iter().flatten().any(|name| name == "month");
        match self.days(as_of, period) {
            None if by_month => day.map(Date::first_of_month),
            None => None,
            Some((first, last)) => {
                let inside = day.filter(|day| (first..=last).contains(day))?;
                Some(if by_month { inside.first_of_month().max(first) } else { first })
            }
        }
    }
}

/// The day that stands for another in every count of these figures: days that none of them tells apart are one.
pub fn stand_in(
    definitions: &[Definition],
    day: Option<Date>,
    as_of: Date,
    period: Option<(Date, Date)>,
) -> Option<Date> {
    let latest = definitions.iter().filter_map(|own| own.stand_in(day, as_of, period)).max();
    let is_same = |own: &Definition| own.stand_in(latest, as_of, period) == own.stand_in(day, as_of, period);
    if definitions.iter().all(is_same) { latest } else { day }
}

/// How a figure relates to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sums what happened in a period.
    Flow,
    /// Counts what stands on the last day.
    Stock,
    /// Counts what was covered since the beginning of the year.
    Coverage,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Denominator {
    /// The figure is a count.
    None,
    Where(Filter),
    /// Persons, on the basis that the pipeline sets.
    Population,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Percent,
    PerThousand,
    Count,
}

impl Unit {
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Percent => "%",
            Unit::PerThousand => "per_1000",
            Unit::Count => "count",
        }
    }

    /// Decimals printed of a value and its bounds.
    pub fn digits(self) -> u32 {
        match self {
            Unit::PerThousand => 3,
            Unit::Percent | Unit::Count => 2,
        }
    }

    /// What the ratio is multiplied by.
    pub fn scale(self) -> i64 {
        match self {
            Unit::Percent => 100,
            Unit::PerThousand => 1000,
            Unit::Count => 1,
        }
    }
}

/// Which days a figure of the whole covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// From the first of January to the as-of day.
    YearToDate,
    /// Everything there is, dated or not.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    AtLeast,
    AtMost,
    Equal,
}

impl Operator {
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::AtLeast => "≥",
            Operator::AtMost => "≤",
            Operator::Equal => "=",
        }
    }
}

/// A target in the unit of its figure: `≥ 97` per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub operator: Operator,
    pub value: Decimal,
}

impl Target {
    pub fn text(&self, unit: Unit) -> String {
        let suffix = match unit {
            Unit::Percent => " %",
            Unit::PerThousand => " / 1000",
            Unit::Count => "",
        };
        // A cell that begins with `=` would be taken for a formula.
        match self.operator {
            Operator::Equal => format!("{}{suffix}", self.value),
            other => format!("{} {}{suffix}", other.as_str(), self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::cube::Cells;
    use crate::indicator::testing::{cut, definition};
    use crate::indicator::{Context, Populations, evaluate};

    fn definitions() -> impl Strategy<Value = Definition> {
        let kind = prop_oneof![3 => Just(Kind::Flow), 1 => Just(Kind::Stock)];
        let span = prop_oneof![Just(Span::YearToDate), Just(Span::All)];
        let cuts = proptest::sample::subsequence(
            vec![cut(&["region"]), cut(&["month"]), cut(&["month", "region"])],
            0..3,
        );
        (kind, span, cuts).prop_map(|(kind, span, cuts)| Definition {
            kind,
            span,
            cuts,
            ..definition("x", "region = 'a'", Some("true"))
        })
    }

    fn days() -> impl Strategy<Value = Option<Date>> {
        let day = (2019i16..=2020, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| date(year, month, day));
        proptest::option::weighted(0.9, prop_oneof![4 => day, 1 => Just(date(2020, 9, 30))])
    }

    proptest! {
        /// Whatever is counted, it is counted alike when days stand for others.
        #[test]
        fn days_that_stand_for_others_change_no_figure(
            asked in proptest::collection::vec(definitions(), 1..4),
            rows in proptest::collection::vec(("[ab]", days()), 0..30),
            period in proptest::option::of(Just((date(2020, 4, 1), date(2020, 6, 30)))))
        {
            let as_of = date(2020, 9, 30);
            let names = ["region".to_owned()];
            let cells = |day: &dyn Fn(Option<Date>) -> Option<Date>| {
                Cells::from_texts("samples", &names, rows.iter().map(|(region, own)| (vec![region.clone()], day(*own), 1)))
            };
            let daily = cells(&|day| day);
            let told = cells(&|day| stand_in(&asked, day, as_of, period));
            let populations = Populations::default();
            let context = Context { as_of, populations: &populations, regions: &[], period };
            for own in &asked {
                prop_assert_eq!(evaluate(own, &daily, &own.cuts, &context), evaluate(own, &told, &own.cuts, &context));
            }
        }
    }
}
