use rust_decimal::Decimal;

use crate::normalize::{Limit, Qualifier, Quantity};
use crate::reference::{Unit, Units};

/// What a comparison with a limit yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    Conforming,
    Nonconforming,
    /// There is a limit, but the result does not allow to say.
    Undetermined,
    /// There is nothing to compare with.
    Unjudged,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Conforming => "conforming",
            Verdict::Nonconforming => "nonconforming",
            Verdict::Undetermined => "undetermined",
            Verdict::Unjudged => "unjudged",
        }
    }

    /// The verdict of a whole from those of its parts: one failure fails it, one doubt leaves it open.
    pub fn all(parts: impl IntoIterator<Item = Verdict>) -> Verdict {
        let mut whole = Verdict::Unjudged;
        for part in parts {
            whole = match (whole, part) {
                (Verdict::Nonconforming, _) | (_, Verdict::Nonconforming) => Verdict::Nonconforming,
                (Verdict::Undetermined, _) | (_, Verdict::Undetermined) => Verdict::Undetermined,
                (Verdict::Conforming, _) | (_, Verdict::Conforming) => Verdict::Conforming,
                (Verdict::Unjudged, Verdict::Unjudged) => Verdict::Unjudged,
            };
        }
        whole
    }
}

/// A replicate set with the unit its column states, if any.
#[derive(Debug, Clone, Copy)]
pub struct Measurement<'a> {
    pub quantities: &'a [Quantity],
    pub unit: &'a str,
}

/// Judges a replicate set by one limit. `limit_unit` is the unit the limit's column states, if any.
pub fn verdict(measured: Measurement<'_>, limit: &Limit, limit_unit: &str, units: &Units) -> Verdict {
    if matches!(limit, Limit::None | Limit::Elsewhere) {
        return Verdict::Unjudged;
    }
    if measured.quantities.is_empty() {
        return Verdict::Undetermined;
    }
    let one = |quantity: &Quantity| -> Verdict {
        let unit = if quantity.unit.is_empty() { measured.unit } else { &quantity.unit };
        let scaled = |bound: &Decimal, glued: &str| {
            let stated = if glued.is_empty() { limit_unit } else { glued };
            common_scale(quantity.value, unit, *bound, stated, units)
        };
        match limit {
            Limit::AtMost(bound, glued) => at_most(quantity.qualifier, scaled(bound, glued)),
            Limit::AtLeast(bound, glued) => at_least(quantity.qualifier, scaled(bound, glued)),
            Limit::NotDetected => match quantity.qualifier {
                Qualifier::NotDetected | Qualifier::Below => Verdict::Conforming,
                Qualifier::Detected | Qualifier::Equal | Qualifier::Above => Verdict::Nonconforming,
            },
            Limit::Plan { .. } | Limit::None | Limit::Elsewhere => Verdict::Unjudged,
        }
    };
    match limit {
        Limit::Plan { n, c, m, big_m } => plan(measured.quantities, *n, *c, *m, *big_m),
        _ => Verdict::all(measured.quantities.iter().map(one)),
    }
}

/// Value and bound in one unit. Nothing where the dimensions differ or the arithmetic would round.
enum Scaled {
    Pair(Decimal, Decimal),
    NoValue,
    Incomparable,
}

fn common_scale(
    value: Option<Decimal>,
    unit: &str,
    bound: Decimal,
    bound_unit: &str,
    units: &Units,
) -> Scaled {
    let Some(value) = value else { return Scaled::NoValue };
    if unit == bound_unit || unit.is_empty() || bound_unit.is_empty() {
        return Scaled::Pair(value, bound);
    }
    let (Some(own), Some(other)) = (units.parse(unit), units.parse(bound_unit)) else {
        return Scaled::Incomparable;
    };
    if !own.is_comparable_with(&other) {
        return Scaled::Incomparable;
    }
    match (rescale(value, &own, &other), rescale(bound, &other, &own)) {
        (Some(value), Some(bound)) => Scaled::Pair(value, bound),
        _ => Scaled::Incomparable,
    }
}

/// `number × own.numerator × other.denominator`: both sides of a cross-multiplied comparison.
fn rescale(number: Decimal, own: &Unit, other: &Unit) -> Option<Decimal> {
    let factor = Decimal::from(own.numerator).checked_mul(Decimal::from(other.denominator))?;
    let product = number.checked_mul(factor)?;
    // checked_mul rounds when digits run out; the exact product has the sum of both scales.
    (product.scale() == number.scale() || product.is_zero()).then_some(product)
}

fn at_most(qualifier: Qualifier, scaled: Scaled) -> Verdict {
    match (qualifier, scaled) {
        (Qualifier::NotDetected, _) => Verdict::Conforming,
        (Qualifier::Equal, Scaled::Pair(value, bound)) if value <= bound => Verdict::Conforming,
        (Qualifier::Equal, Scaled::Pair(..)) => Verdict::Nonconforming,
        (Qualifier::Below, Scaled::Pair(value, bound)) if value <= bound => Verdict::Conforming,
        // Below a limit of detection that nobody states: the laboratory vouches for its method.
        (Qualifier::Below, Scaled::NoValue) => Verdict::Conforming,
        (Qualifier::Above, Scaled::Pair(value, bound)) if value >= bound => Verdict::Nonconforming,
        _ => Verdict::Undetermined,
    }
}

fn at_least(qualifier: Qualifier, scaled: Scaled) -> Verdict {
    match (qualifier, scaled) {
        (Qualifier::Equal | Qualifier::Above, Scaled::Pair(value, bound)) if value >= bound => {
            Verdict::Conforming
        }
        (Qualifier::Equal, Scaled::Pair(..)) => Verdict::Nonconforming,
        (Qualifier::Below, Scaled::Pair(value, bound)) if value <= bound => Verdict::Nonconforming,
        _ => Verdict::Undetermined,
    }
}

/// Attributes plan (ICMSF; GB 4789.1): nonconforming when more than `c` values exceed `m` or any exceeds
/// `M`. With fewer than `n` values it can fail but not pass.
fn plan(quantities: &[Quantity], n: u32, c: u32, m: Decimal, big_m: Option<Decimal>) -> Verdict {
    let exceeds = |quantity: &Quantity, bound: Decimal| match (quantity.qualifier, quantity.value) {
        (Qualifier::NotDetected, _) | (Qualifier::Below, None) => Some(false),
        (Qualifier::Detected, _) => bound.is_zero().then_some(true),
        (Qualifier::Equal, Some(value)) => Some(value > bound),
        (Qualifier::Below, Some(value)) => (value <= bound).then_some(false),
        (Qualifier::Above, Some(value)) => (value >= bound).then_some(true),
        (Qualifier::Equal | Qualifier::Above, None) => None,
    };
    let count = |bound: Decimal, answer: Option<bool>| {
        quantities.iter().filter(|quantity| exceeds(quantity, bound) == answer).count()
    };
    let above_big = big_m.is_some_and(|big| count(big, Some(true)) > 0);
    if above_big || count(m, Some(true)) > c as usize {
        return Verdict::Nonconforming;
    }
    let complete = quantities.len() >= n as usize;
    let doubts = count(m, None) + big_m.map_or(0, |big| count(big, None));
    if complete && doubts == 0 { Verdict::Conforming } else { Verdict::Undetermined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::{parse_limit, parse_result};
    use crate::reference::Reference;

    #[test]
    fn results_meet_limits() {
        let reference = Reference::built_in().expect("seeds");
        for (result, unit, limit, limit_unit, expected) in [
            ("0.20", "mg/kg", "0.2", "mg/kg", Verdict::Conforming),
            ("0.21", "mg/kg", "0.2", "mg/kg", Verdict::Nonconforming),
            ("210", "μg/kg", "0.2", "mg/kg", Verdict::Nonconforming),
            ("200", "µg/kg", "0.2", "mg/kg", Verdict::Conforming),
            ("0.3", "", "0.3", "", Verdict::Conforming),
            ("0.1", "CFU/g", "0.2", "mg/kg", Verdict::Undetermined),
            ("未检出", "mg/kg", "不得检出", "", Verdict::Conforming),
            ("0.31μg/kg", "", "不得检出", "", Verdict::Nonconforming),
            ("<0.01", "mg/kg", "0.2", "mg/kg", Verdict::Conforming),
            ("<0.5", "mg/kg", "0.2", "mg/kg", Verdict::Undetermined),
            ("＞3mg/kg", "", "3mg/kg", "", Verdict::Nonconforming),
            ("2.28g/100g", "", "≥2.5g/100g", "", Verdict::Nonconforming),
            ("10;20;30;40;50", "CFU/g", "n=5,c=2,m=30,M=100", "", Verdict::Conforming),
            ("10;20;31;40;50", "CFU/g", "n=5,c=2,m=30,M=100", "", Verdict::Nonconforming),
            ("10;20;30;30;101", "CFU/g", "n=5,c=2,m=30,M=100", "", Verdict::Nonconforming),
            ("10;20;30", "CFU/g", "n=5,c=2,m=30,M=100", "", Verdict::Undetermined),
            ("未检出;未检出;检出;未检出;未检出", "/25g", "n=5,c=0,m=0/25g", "", Verdict::Nonconforming),
            ("0.1", "mg/kg", "/", "", Verdict::Unjudged),
            ("0.1", "mg/kg", "产品明示标准", "", Verdict::Unjudged),
        ] {
            let quantities = parse_result(result).expect(result);
            let limit_read = parse_limit(limit).expect(limit);
            let measured = Measurement { quantities: &quantities, unit };
            assert_eq!(
                verdict(measured, &limit_read, limit_unit, &reference.units),
                expected,
                "{result} {limit}"
            );
        }
    }
}
