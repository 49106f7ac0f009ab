use std::cmp::Ordering;

use super::exact::{Comparison, Fraction};
use super::plan::by_plan;
use crate::normalize::{Bound, Case, Limit, Number, Qualifier, Quantity, Sign};
use crate::reference::Units;

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

/// Why there is no verdict although there is a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Result and limit measure different things.
    Units,
    /// The limit's alternatives lead to different verdicts.
    Ambiguous,
    /// The result says too little: nothing entered, only a bound, too few determinations.
    Result,
}

/// A verdict, and why it is undetermined where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub doubt: Option<Doubt>,
}

impl Judgement {
    pub(super) fn of(verdict: Verdict) -> Judgement {
        Judgement { verdict, doubt: None }
    }

    pub(super) fn doubtful(doubt: Doubt) -> Judgement {
        Judgement { verdict: Verdict::Undetermined, doubt: Some(doubt) }
    }

    pub(super) fn passes(passes: bool) -> Judgement {
        Judgement::of(if passes { Verdict::Conforming } else { Verdict::Nonconforming })
    }

    /// Of a whole from its parts; the first doubt is kept.
    pub fn all(parts: &[Judgement]) -> Judgement {
        let verdict = Verdict::all(parts.iter().map(|part| part.verdict));
        let doubt = parts.iter().find_map(|part| part.doubt);
        Judgement { verdict, doubt: doubt.filter(|_| verdict == Verdict::Undetermined) }
    }
}

/// A replicate set with what its record says beside the values.
#[derive(Debug, Clone, Copy)]
pub struct Measurement<'a> {
    pub quantities: &'a [Quantity],
    /// Unit of the result's column; empty where none is stated.
    pub unit: &'a str,
    /// Unit of the limit's column; empty where none is stated.
    pub limit_unit: &'a str,
    /// Limit of detection of the method, in `unit`.
    pub lod: Option<Number>,
    /// Limit of quantification of the method, in `unit`.
    pub loq: Option<Number>,
    pub comparison: Comparison,
}

/// Judges a replicate set by one limit: every determination must conform.
///
/// Values are compared exactly; units are converted within a dimension and nowhere else (GB/T 8170-2008;
/// GB 4789.1 for plans). Of several conditioned limits the one for `product` is taken, else the verdict on
/// which all of them agree.
pub fn judge(measured: Measurement<'_>, limit: &Limit, product: &[&str], units: &Units) -> Judgement {
    let unjudged = Judgement::of(Verdict::Unjudged);
    match limit {
        Limit::None | Limit::Elsewhere => unjudged,
        Limit::One(bound) => by_bound(measured, bound, units),
        Limit::Cases(cases) => {
            let of = |case: &Case| match &case.bound {
                Some(bound) => by_bound(measured, bound, units),
                None => unjudged,
            };
            let mut named = cases.iter().filter(|case| names(&case.condition, product));
            match (named.next(), named.next()) {
                (Some(only), None) => of(only),
                _ => agreed(cases, &cases.iter().map(of).collect::<Vec<_>>()),
            }
        }
    }
}

/// Whether a condition is one of the product's own names, in so many words.
fn names(condition: &str, product: &[&str]) -> bool {
    let own = |term: &str| product.iter().any(|name| !name.is_empty() && *name == term);
    condition.split(['、', '和', '及']).any(own)
}

/// The verdict that holds whichever case does. Cases that are silent about other products can pass a
/// result, for no limit would too, but not fail it.
fn agreed(cases: &[Case], judgements: &[Judgement]) -> Judgement {
    let is_else = |case: &Case| {
        case.condition.is_empty()
            || ["其他", "其它", "其余"].iter().any(|word| case.condition.starts_with(word))
    };
    let all = |verdict| judgements.iter().all(|own| own.verdict == verdict);
    let passes = judgements.iter().all(|own| matches!(own.verdict, Verdict::Conforming | Verdict::Unjudged));
    let other_doubt = judgements.iter().find(|own| own.verdict == Verdict::Undetermined);
    if all(Verdict::Unjudged) {
        Judgement::of(Verdict::Unjudged)
    } else if passes {
        Judgement::of(Verdict::Conforming)
    } else if all(Verdict::Nonconforming) && cases.iter().any(is_else) {
        Judgement::of(Verdict::Nonconforming)
    } else {
        other_doubt.copied().unwrap_or(Judgement::doubtful(Doubt::Ambiguous))
    }
}

fn by_bound(measured: Measurement<'_>, bound: &Bound, units: &Units) -> Judgement {
    if measured.quantities.is_empty() {
        return Judgement::doubtful(Doubt::Result);
    }
    if let Bound::Plan(plan) = bound {
        return by_plan(measured, plan, units);
    }
    let parts: Vec<Judgement> =
        measured.quantities.iter().map(|quantity| one(measured, quantity, bound, units)).collect();
    Judgement::all(&parts)
}

fn one(measured: Measurement<'_>, quantity: &Quantity, bound: &Bound, units: &Units) -> Judgement {
    let against = |sign: Sign, limit: Number, unit: &str| -> Judgement {
        match in_limit_unit(measured, quantity, unit, units) {
            Scaled::Value(value) => {
                let ordering = measured.comparison.compare(&value, limit);
                by_sign(sign, quantity.qualifier, Some(ordering), measured, quantity, limit)
            }
            Scaled::NoValue => by_sign(sign, quantity.qualifier, None, measured, quantity, limit),
            Scaled::Incomparable => Judgement::doubtful(Doubt::Units),
        }
    };
    match bound {
        Bound::Value { sign, number, unit } => against(*sign, *number, unit),
        Bound::Range { low, high, unit } => {
            Judgement::all(&[against(Sign::AtLeast, *low, unit), against(Sign::AtMost, *high, unit)])
        }
        Bound::NotDetected => Judgement::passes(quantity.qualifier.is_censored()),
        Bound::Detected => match quantity.qualifier {
            Qualifier::NotDetected => Judgement::of(Verdict::Nonconforming),
            qualifier if qualifier.is_censored() => Judgement::doubtful(Doubt::Result),
            _ => Judgement::of(Verdict::Conforming),
        },
        // Plans are judged as a set.
        Bound::Plan(_) => Judgement::of(Verdict::Unjudged),
    }
}

/// `ordering` is the stated number against the limit; what it says depends on the qualifier.
fn by_sign(
    sign: Sign,
    qualifier: Qualifier,
    ordering: Option<Ordering>,
    measured: Measurement<'_>,
    quantity: &Quantity,
    limit: Number,
) -> Judgement {
    use Ordering::{Equal, Greater, Less};
    use Qualifier as Q;
    let open = Judgement::doubtful(Doubt::Result);
    let is_maximum = matches!(sign, Sign::AtMost | Sign::Below);
    match (qualifier, ordering) {
        (Q::Equal, Some(ordering)) => Judgement::passes(match sign {
            Sign::AtMost => ordering != Greater,
            Sign::Below => ordering == Less,
            Sign::AtLeast => ordering != Less,
            Sign::Above => ordering == Greater,
        }),
        // The laboratory vouches that its method sees what is not allowed; where it does not, a warning
        // says so. 未检出 and below the method's own limit are the same statement.
        _ if is_maximum && is_non_detect(measured, quantity) => Judgement::passes(true),
        (Q::BelowLod | Q::BelowLoq, Some(Less | Equal)) if is_maximum => Judgement::passes(true),
        (Q::AtMost, Some(Less)) if is_maximum => Judgement::passes(true),
        (Q::AtMost, Some(Equal)) if sign == Sign::AtMost => Judgement::passes(true),
        (Q::Above, Some(Greater | Equal)) if is_maximum => Judgement::passes(false),
        (Q::AtLeast, Some(Greater)) if is_maximum => Judgement::passes(false),
        (Q::AtLeast, Some(Equal)) if sign == Sign::Below => Judgement::passes(false),
        (Q::Detected, _) if is_maximum && limit.value.is_zero() => Judgement::passes(false),
        (Q::Above, Some(Greater | Equal)) => Judgement::passes(true),
        (Q::AtLeast, Some(Greater)) => Judgement::passes(true),
        (Q::AtLeast, Some(Equal)) if sign == Sign::AtLeast => Judgement::passes(true),
        (Q::BelowLod | Q::BelowLoq | Q::NotDetected, Some(Less | Equal)) if !is_maximum => {
            Judgement::passes(false)
        }
        (Q::AtMost, Some(Less)) => Judgement::passes(false),
        (Q::AtMost, Some(Equal)) if sign == Sign::Above => Judgement::passes(false),
        _ => open,
    }
}

/// Whether a quantity says no more than that the method saw nothing: 未检出, `<LOD`, or `<0.01` where 0.01 is
/// the record's own limit of detection or quantification.
pub(super) fn is_non_detect(measured: Measurement<'_>, quantity: &Quantity) -> bool {
    let own = [measured.lod, measured.loq].into_iter().flatten();
    match (quantity.qualifier, quantity.number) {
        (Qualifier::NotDetected, _) | (Qualifier::BelowLod | Qualifier::BelowLoq, None) => true,
        (Qualifier::BelowLod | Qualifier::BelowLoq, Some(stated)) => {
            own.into_iter().any(|number| number.value == stated.value)
        }
        _ => false,
    }
}

/// The number that a quantity is bounded by: its own, or the method's where it only says 未检出 or `<LOD`.
pub(super) fn bound_of(measured: Measurement<'_>, quantity: &Quantity) -> Option<(Number, bool)> {
    let of_method = match quantity.qualifier {
        Qualifier::NotDetected | Qualifier::BelowLod => measured.lod.or(measured.loq),
        Qualifier::BelowLoq => measured.loq.or(measured.lod),
        _ => None,
    };
    quantity.number.map(|number| (number, false)).or_else(|| of_method.map(|number| (number, true)))
}

/// A stated number in the unit of the limit.
pub(super) enum Scaled {
    Value(Fraction),
    NoValue,
    /// The dimensions differ, or a unit is unknown.
    Incomparable,
}

/// `glued` is the unit written behind the limit. A unit that only one of the two states holds for both.
pub(super) fn in_limit_unit(
    measured: Measurement<'_>,
    quantity: &Quantity,
    glued: &str,
    units: &Units,
) -> Scaled {
    let Some((number, is_methods)) = bound_of(measured, quantity) else { return Scaled::NoValue };
    let value = Fraction::of(number.value);
    let unit = if quantity.unit.is_empty() || is_methods { measured.unit } else { &quantity.unit };
    let limit_unit = if glued.is_empty() { measured.limit_unit } else { glued };
    if unit == limit_unit || unit.is_empty() || limit_unit.is_empty() {
        return Scaled::Value(value);
    }
    match (units.parse(unit), units.parse(limit_unit)) {
        (Some(own), Some(other)) if own.is_comparable_with(&other) => {
            Scaled::Value(value.times(&Fraction::conversion(&own, &other)))
        }
        _ => Scaled::Incomparable,
    }
}
