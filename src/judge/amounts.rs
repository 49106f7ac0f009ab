//! What a replicate set amounts to beside its verdict: what is impossible, the maximum, the ratio to it, the bound
//! of what was not detected.

use rust_decimal::Decimal;

use super::exact::Fraction;
use super::verdict::{Measurement, bound_of};
use crate::model::{Code, Fault};
use crate::normalize::{Bound, Limit, Number, Qualifier, Quantity, Sign};
use crate::reference::{Unit, Units};

/// A concentration below zero, or more of a substance than there is of the food.
pub(super) fn impossible(quantities: &[Quantity], unit: &str, units: &Units) -> Option<Fault> {
    let whole = Decimal::from(1_000_000);
    quantities.iter().find_map(|quantity| {
        let number = quantity.number?;
        let own = units.parse(if quantity.unit.is_empty() { unit } else { &quantity.unit })?;
        let amount = !matches!(&*own.dimension, "angle");
        if amount && number.value.is_sign_negative() && !number.value.is_zero() {
            return Some(Fault::new(Code::BadResult, "an amount, which is never negative"));
        }
        if &*own.dimension != "mass_fraction" {
            return None;
        }
        let part = Fraction::of(number.value).times(&Fraction::conversion(&own, &parts_per_million(units)?));
        (part > Fraction::of(whole))
            .then(|| Fault::new(Code::BadResult, "no more of a substance than there is of the food"))
    })
}

fn parts_per_million(units: &Units) -> Option<Unit> {
    units.parse("mg/kg")
}

/// The lowest maximum that the limits state, with its unit; a ban has none.
pub(super) fn maximum(limits: &[&Limit], limit_unit: &str) -> Option<(Number, String)> {
    let bounds = limits.iter().filter_map(|limit| match limit {
        Limit::One(Bound::Value { sign: Sign::AtMost | Sign::Below, number, unit }) => Some((*number, unit)),
        Limit::One(Bound::Range { high, unit, .. }) => Some((*high, unit)),
        _ => None,
    });
    let stated = bounds
        .filter(|(number, _)| !number.value.is_zero())
        .map(|(number, unit)| (number, if unit.is_empty() { limit_unit.to_owned() } else { unit.clone() }));
    stated.min_by(|(one, _), (other, _)| one.value.cmp(&other.value))
}

pub(super) fn can_be_exceeded(limit: &Limit) -> bool {
    let bounds: Vec<&Bound> = match limit {
        Limit::One(bound) => vec![bound],
        Limit::Cases(cases) => cases.iter().filter_map(|case| case.bound.as_ref()).collect(),
        Limit::None | Limit::Elsewhere => Vec::new(),
    };
    bounds.into_iter().any(|bound| match bound {
        Bound::Value { sign, .. } => matches!(sign, Sign::AtMost | Sign::Below),
        Bound::Range { .. } | Bound::NotDetected | Bound::Plan(_) => true,
        Bound::Detected => false,
    })
}

fn in_unit(value: Decimal, unit: &str, other: &str, units: &Units) -> Option<Fraction> {
    let value = Fraction::of(value);
    if unit == other || unit.is_empty() || other.is_empty() {
        return Some(value);
    }
    let (own, other) = (units.parse(unit)?, units.parse(other)?);
    own.is_comparable_with(&other).then(|| value.times(&Fraction::conversion(&own, &other)))
}

pub(super) fn censored_at(measured: Measurement<'_>, quantity: &Quantity, units: &Units) -> Option<Decimal> {
    if !quantity.qualifier.is_censored() {
        return None;
    }
    let (number, is_methods) = bound_of(measured, quantity)?;
    if !is_methods || quantity.unit.is_empty() {
        return Some(number.value);
    }
    in_unit(number.value, measured.unit, &quantity.unit, units)?.to_decimal(12).map(|value| value.normalize())
}

/// A quantified value that the method cannot see.
pub(super) fn below(quantities: &[Quantity], lod: Number, unit: &str, units: &Units) -> Option<Decimal> {
    let seen = quantities.iter().filter(|own| own.qualifier == Qualifier::Equal);
    seen.filter_map(|quantity| {
        let own = if quantity.unit.is_empty() { unit } else { &quantity.unit };
        let number = quantity.number.filter(|number| !number.value.is_zero())?;
        let value = in_unit(number.value, own, unit, units)?;
        (value < Fraction::of(lod.value)).then_some(number.value)
    })
    .next()
}

pub(super) fn exceeds(method: Number, unit: &str, bound: Number, bound_unit: &str, units: &Units) -> bool {
    in_unit(method.value, unit, bound_unit, units).is_some_and(|method| method > Fraction::of(bound.value))
}

pub(super) fn ratio(
    measured: Measurement<'_>,
    bound: Number,
    bound_unit: &str,
    units: &Units,
) -> Option<Decimal> {
    let quantified = measured.quantities.iter().filter(|own| own.qualifier == Qualifier::Equal);
    let ratios = quantified.filter_map(|quantity| {
        let unit = if quantity.unit.is_empty() { measured.unit } else { &quantity.unit };
        let value = in_unit(quantity.number?.value, unit, bound_unit, units)?;
        value.divided_by(&Fraction::of(bound.value))?.to_decimal(6)
    });
    ratios.max()
}
