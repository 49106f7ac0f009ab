use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{Definition, Denominator, Kind, Operator, Target};

/// Where a figure stands against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    NoData,
    TooFew,
    TooEarly,
    Met,
    NotMet,
    /// Kept back from those outside: the number is small, or would give a small one away.
    Suppressed,
    /// No target applies.
    None,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::NoData => "no_data",
            Status::TooFew => "too_few",
            Status::TooEarly => "too_early",
            Status::Met => "met",
            Status::NotMet => "not_met",
            Status::Suppressed => "suppressed",
            Status::None => "",
        }
    }
}

/// A figure's status, and how many more per remaining month would get there by the due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    pub status: Status,
    pub needed: Option<i64>,
}

/// Judges by integers alone: the interval informs and never decides.
///
/// `observed` is false where nothing at all was recorded, so that "nobody reported" is not read as zero.
pub fn judge_target(
    definition: &Definition,
    numerator: i64,
    denominator: Option<i64>,
    observed: bool,
    is_whole: bool,
    as_of: Date,
) -> Judgement {
    let plain = |status| Judgement { status, needed: None };
    let counted = !matches!(definition.denominator, Denominator::Where(_));
    match denominator {
        _ if !observed => return plain(Status::NoData),
        Some(denominator) if denominator <= 0 => return plain(Status::NoData),
        Some(denominator) if !counted && denominator < definition.min_denominator => {
            return plain(Status::TooFew);
        }
        _ => {}
    }
    // A target is set for the whole and its year, not for a township or a month.
    let Some(target) = definition.target.filter(|_| is_whole) else { return plain(Status::None) };
    let reached = reaches(numerator, denominator, definition.unit.scale(), target);
    if reached && counted && target.operator == Operator::AtLeast {
        return plain(Status::Met);
    }
    let needed = if reached { None } else { shortfall(definition, numerator, denominator, target) };
    match definition.due {
        Some(due) if as_of < due => {
            let months = months_left(as_of, due);
            Judgement { status: Status::TooEarly, needed: needed.map(|more| (more + months - 1) / months) }
        }
        _ if reached => plain(Status::Met),
        _ => Judgement { status: Status::NotMet, needed },
    }
}

/// `scale × numerator ⋛ target × denominator`, exactly.
fn reaches(numerator: i64, denominator: Option<i64>, scale: i64, target: Target) -> bool {
    let (value, power) = integers(target.value);
    let left = i128::from(numerator) * i128::from(scale) * power;
    let right = value * i128::from(denominator.unwrap_or(1));
    match target.operator {
        Operator::AtLeast => left >= right,
        Operator::AtMost => left <= right,
        Operator::Equal => left == right,
    }
}

/// A decimal as mantissa and power of ten.
fn integers(value: Decimal) -> (i128, i128) {
    (value.mantissa(), 10i128.pow(value.scale()))
}

/// How many more are missing: units where the denominator is fixed, conforming ones where it grows too.
fn shortfall(
    definition: &Definition,
    numerator: i64,
    denominator: Option<i64>,
    target: Target,
) -> Option<i64> {
    if target.operator == Operator::AtMost {
        return None;
    }
    let (value, power) = integers(target.value);
    let whole = i128::from(definition.unit.scale()) * power;
    let (x, n) = (i128::from(numerator), i128::from(denominator.unwrap_or(1)));
    let missing = value * n - x * whole;
    let grows = definition.kind == Kind::Flow && matches!(definition.denominator, Denominator::Where(_));
    let each = if grows && value < whole { whole - value } else { whole };
    i64::try_from((missing + each - 1).div_euclid(each)).ok().filter(|more| *more > 0)
}

/// Months that remain, the present one included unless its last day has come.
fn months_left(as_of: Date, due: Date) -> i64 {
    let months = |day: Date| i64::from(day.year()) * 12 + i64::from(day.month());
    let ended = as_of == as_of.last_of_month();
    (months(due) - months(as_of) + i64::from(!ended)).max(1)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::indicator::{Unit, testing};

    fn definition(unit: Unit, target: &str, counted: bool, kind: Kind) -> Definition {
        let (operator, value) = target.split_at(target.find(' ').expect("operator"));
        let operator = match operator {
            "≥" => Operator::AtLeast,
            "≤" => Operator::AtMost,
            _ => Operator::Equal,
        };
        Definition {
            kind,
            unit,
            target: Some(Target { operator, value: value.trim().parse().expect("number") }),
            due: Some(date(2020, 12, 31)),
            min_denominator: 5,
            ..testing::definition("x", "true", (!counted).then_some("true"))
        }
    }

    #[test]
    fn statuses_follow_the_stated_order() {
        let (june, end) = (date(2020, 6, 30), date(2020, 12, 31));
        let rate = || definition(Unit::Percent, "≥ 98", false, Kind::Flow);
        let all = || definition(Unit::Percent, "= 100", false, Kind::Stock);
        let count = || definition(Unit::Count, "≥ 40", true, Kind::Flow);
        for (name, definition, x, n, day, status, needed) in [
            ("0/0", rate(), 0, Some(0), end, Status::NoData, None),
            ("few", rate(), 4, Some(4), end, Status::TooFew, None),
            ("early", rate(), 99, Some(100), june, Status::TooEarly, None),
            ("early and behind", rate(), 97, Some(100), june, Status::TooEarly, Some(9)),
            ("met", rate(), 98, Some(100), end, Status::Met, None),
            ("2351/2400 prints 98.0 %", rate(), 2351, Some(2400), end, Status::NotMet, Some(50)),
            ("2352/2400", rate(), 2352, Some(2400), end, Status::Met, None),
            ("all but one", all(), 19, Some(20), end, Status::NotMet, Some(1)),
            ("all", all(), 20, Some(20), end, Status::Met, None),
            ("count reached early", count(), 40, None, june, Status::Met, None),
            ("count on its way", count(), 10, None, june, Status::TooEarly, Some(5)),
            ("count missed", count(), 39, None, end, Status::NotMet, Some(1)),
        ] {
            let found = judge_target(&definition, x, n, true, true, day);
            assert_eq!(found, Judgement { status, needed }, "{name}");
        }
        assert_eq!(judge_target(&count(), 0, None, false, true, end).status, Status::NoData);
        assert_eq!(judge_target(&count(), 2, None, true, false, end).status, Status::None, "a township");
    }

    #[test]
    fn words_and_targets_with_decimals() {
        use Status::{Met, NoData, None, NotMet, TooEarly, TooFew};
        let words = [NoData, TooFew, TooEarly, Met, NotMet, None].map(Status::as_str);
        assert_eq!(words, ["no_data", "too_few", "too_early", "met", "not_met", ""]);
        let target =
            |text: &str| Target { operator: Operator::AtLeast, value: text.parse().expect("number") };
        for (x, n, text, expected) in [
            (975, 1000, "97.5", true),
            (974, 1000, "97.5", false),
            (975, 1000, "97.50", true),
            (3, 4, "75.001", false),
        ] {
            assert_eq!(reaches(x, Some(n), 100, target(text)), expected, "{x}/{n} ≥ {text}");
        }
    }

    #[test]
    fn targets_are_exact_for_every_small_denominator() {
        let target = Target { operator: Operator::AtLeast, value: "98".parse().expect("number") };
        for n in 1i64..=20_000 {
            let least = (98 * n + 99) / 100;
            assert!(reaches(least, Some(n), 100, target), "{least}/{n}");
            assert!(!reaches(least - 1, Some(n), 100, target), "{}/{n}", least - 1);
        }
    }
}
