//! Attributes plans of the International Commission on Microbiological Specifications for Foods.

use std::cmp::Ordering;

use super::verdict::{Doubt, Judgement, Measurement, Scaled, Verdict, in_limit_unit, is_non_detect};
use crate::normalize::{Number, Plan, Qualifier, Quantity};
use crate::reference::Units;

/// Nonconforming when more than `c` determinations exceed `m`, or any exceeds `M` (GB 4789.1). With fewer
/// than `n` determinations a set can fail but not pass.
pub(super) fn by_plan(measured: Measurement<'_>, plan: &Plan, units: &Units) -> Judgement {
    let mut comparable = true;
    let mut exceeds = |quantity: &Quantity, bound: Number| match above(measured, quantity, plan, bound, units)
    {
        Answer::Incomparable => {
            comparable = false;
            None
        }
        Answer::Known(answer) => answer,
    };
    let (mut above_m, mut above_big, mut doubts) = (0, 0, 0);
    for quantity in measured.quantities {
        let bounds = [Some(plan.m), plan.big_m];
        for (bound, count) in bounds.into_iter().zip([&mut above_m, &mut above_big]) {
            match bound.map(|bound| exceeds(quantity, bound)) {
                None | Some(Some(false)) => {}
                Some(Some(true)) => *count += 1,
                Some(None) => doubts += 1,
            }
        }
    }
    if above_big > 0 || above_m > plan.c {
        Judgement::of(Verdict::Nonconforming)
    } else if !comparable {
        Judgement::doubtful(Doubt::Units)
    } else if doubts > 0 || measured.quantities.len() < plan.n as usize {
        Judgement::doubtful(Doubt::Result)
    } else {
        Judgement::of(Verdict::Conforming)
    }
}

enum Answer {
    /// None where the determination does not say.
    Known(Option<bool>),
    Incomparable,
}

fn above(
    measured: Measurement<'_>,
    quantity: &Quantity,
    plan: &Plan,
    bound: Number,
    units: &Units,
) -> Answer {
    use Ordering::{Equal, Greater, Less};
    use Qualifier as Q;
    if is_non_detect(measured, quantity) {
        return Answer::Known(Some(false));
    }
    let ordering = match in_limit_unit(measured, quantity, &plan.unit, units) {
        Scaled::Value(value) => Some(measured.comparison.compare(&value, bound)),
        Scaled::NoValue => None,
        Scaled::Incomparable => return Answer::Incomparable,
    };
    Answer::Known(match (quantity.qualifier, ordering) {
        (Q::NotDetected, _) => Some(false),
        (Q::Detected, _) => bound.value.is_zero().then_some(true),
        (Q::Equal, Some(ordering)) => Some(ordering == Greater),
        (Q::BelowLod | Q::BelowLoq | Q::AtMost, Some(ordering)) => (ordering != Greater).then_some(false),
        (Q::Above, Some(Greater | Equal)) | (Q::AtLeast, Some(Greater)) => Some(true),
        (Q::Above, Some(Less)) | (Q::AtLeast, Some(Equal | Less)) => None,
        (_, None) => None,
    })
}
