//! Comparison, rounding and targets, each against an oracle that shares no code with the program: integers only.

use assay::indicator::{
    Definition, Denominator, Interval, Kind, Operator, Span, Status, Target, Unit, judge_target,
};
use assay::judge::{Texts, decide, round_half_even};
use assay::reference::Reference;
use jiff::civil::date;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rust_decimal::Decimal;

/// Numerator and denominator of each unit in mg/kg; the texts are spellings that exports use.
const UNITS: [(&[&str], i128, i128); 5] = [
    (&["mg/kg", "㎎/㎏", "毫克/千克"], 1, 1),
    (&["μg/kg", "µg/kg", "ug/kg"], 1, 1000),
    (&["g/kg"], 1000, 1),
    (&["g/100g"], 10_000, 1),
    (&["%", "％"], 10_000, 1),
];

/// A decimal that is `digits` over `10^scale`, with `zeros` more behind.
fn text(digits: i128, scale: u32, zeros: u32) -> String {
    let power = 10i128.pow(scale);
    let (whole, part) = (digits / power, digits % power);
    let zeros = "0".repeat(zeros as usize);
    if scale == 0 {
        let point = if zeros.is_empty() { "" } else { "." };
        return format!("{whole}{point}{zeros}");
    }
    format!("{whole}.{part:0width$}{zeros}", width = scale as usize)
}

/// The integer nearest to a fraction, the even one of two.
fn nearest_even(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let up = 2 * rest > denominator || 2 * rest == denominator && whole % 2 != 0;
    whole + i128::from(up)
}

#[test]
fn a_million_values_on_and_around_their_limits() {
    let units = Reference::built_in().expect("seeds").units;
    let wrong: Vec<String> = (0..1_000_000u64)
        .into_par_iter()
        .filter_map(|seed| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let (limit_forms, limit_up, limit_down) = UNITS[dice.random_range(0..UNITS.len())];
            let (value_forms, value_up, value_down) = UNITS[dice.random_range(0..UNITS.len())];
            let (limit_scale, deeper) = (dice.random_range(0..4u32), dice.random_range(0..4u32));
            let most = 10i128.pow(limit_scale) * 90 / (limit_up / limit_down).max(1);
            let limit = dice.random_range(1..most.max(2));
            // The limit in the unit of the value, over 10^scale: an integer when the scale is deep enough.
            let scale = limit_scale + deeper + 7;
            let exact =
                limit * limit_up * value_down * 10i128.pow(scale - limit_scale) / (limit_down * value_up);
            let step =
                [0, 0, 1, -1, 5, -5, 50, -50, 500, -500, 5_000_000, -5_000_000][dice.random_range(0..12)];
            let digits = (exact + step).max(0);
            let zeros = dice.random_range(0..3);
            let rounded = dice.random_range(0..3) == 0;
            let signs = [("", 0), ("≤", 0), ("<", 1), ("≥", 2), (">", 3)];
            let (sign, kind) = signs[dice.random_range(0..signs.len())];
            let value_text = text(digits, scale, zeros);
            let limit_text = format!("{sign}{}", text(limit, limit_scale, 0));
            let value_unit = value_forms[dice.random_range(0..value_forms.len())];
            let limit_unit = limit_forms[dice.random_range(0..limit_forms.len())];
            let comparison = if rounded { "rounded" } else { "whole" };
            let texts: Texts<'_> =
                [&value_text, "", value_unit, &limit_text, "", "", limit_unit, "", "", "", comparison, ""];
            let found = decide(texts, &units).verdict.as_str();

            // value × 10^limit_scale in the limit's unit, over one denominator, against the limit's digits.
            let numerator = digits * value_up * limit_down * 10i128.pow(limit_scale);
            let denominator = 10i128.pow(scale) * value_down * limit_up;
            let ordering = if rounded {
                nearest_even(numerator, denominator).cmp(&limit)
            } else {
                numerator.cmp(&(limit * denominator))
            };
            let passes = match kind {
                0 => ordering.is_le(),
                1 => ordering.is_lt(),
                2 => ordering.is_ge(),
                _ => ordering.is_gt(),
            };
            let expected = if passes { "conforming" } else { "nonconforming" };
            // More of a substance than of the food is refused before it is judged.
            let possible = digits * value_up <= 1_000_000 * value_down * 10i128.pow(scale);
            (possible && found != expected).then(|| {
                format!("{value_text} {value_unit} against {limit_text} {limit_unit} {comparison}: {found}")
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong, such as {}", wrong.len(), wrong[0]);
}

#[test]
fn five_million_roundings() {
    let wrong = (0..1_000_000i64).into_par_iter().find_any(|digits| {
        (-2..=2i32).any(|place| {
            let unit = 10i128.pow((place + 3) as u32);
            let expected = nearest_even(i128::from(*digits), unit) * unit;
            let rounded = round_half_even(Decimal::new(*digits, 3), place);
            rounded.is_none_or(|own| own != Decimal::from_i128_with_scale(expected, 3))
        })
    });
    assert_eq!(wrong, None, "thousandths");
}

#[test]
fn targets_are_met_on_integers_for_every_count_to_twenty_thousand() {
    let definition = |target: Target| Definition {
        id: "rate".to_owned(),
        name_zh: String::new(),
        name_en: String::new(),
        clause: String::new(),
        agency: Vec::new(),
        kind: Kind::Flow,
        fact: assay::cube::Fact::Samples,
        base: None,
        numerator: assay::cube::Filter::parse("true").expect("parses"),
        denominator: Denominator::Where(assay::cube::Filter::parse("true").expect("parses")),
        unit: Unit::Percent,
        interval: Interval::None,
        target: Some(target),
        due: Some(date(2020, 12, 31)),
        min_denominator: 1,
        span: Span::YearToDate,
        note: String::new(),
        shown: Vec::new(),
        cuts: Vec::new(),
        on_scorecard: true,
    };
    // Target in hundredths of a per cent.
    for (hundredths, operator) in [
        (9800, Operator::AtLeast),
        (9700, Operator::AtLeast),
        (9500, Operator::AtLeast),
        (9999, Operator::AtLeast),
        (10_000, Operator::Equal),
        (250, Operator::AtMost),
    ] {
        let own = definition(Target { operator, value: Decimal::new(hundredths, 2) });
        let wrong = (1..=20_000i64).into_par_iter().find_any(|n| {
            let near = n * hundredths / 10_000;
            ((near - 2).max(0)..=(near + 2).min(*n)).any(|x| {
                let reached = match operator {
                    Operator::AtLeast => x * 10_000 >= n * hundredths,
                    Operator::AtMost => x * 10_000 <= n * hundredths,
                    Operator::Equal => x * 10_000 == n * hundredths,
                };
                let judgement = judge_target(&own, x, Some(*n), true, true, date(2020, 12, 31));
                let needed = judgement.needed;
                // `needed` successes in a row reach the target, and one fewer does not.
                let suffices = |more: i64| (x + more) * 10_000 >= (n + more) * hundredths;
                let fair = match (reached, operator, needed) {
                    (true, _, needed) => needed.is_none(),
                    (false, Operator::AtLeast, Some(more)) => suffices(more) && !suffices(more - 1),
                    (false, ..) => true,
                };
                (judgement.status == Status::Met) != reached || !fair
            })
        });
        assert_eq!(wrong, None, "{hundredths} {operator:?}");
    }
}
