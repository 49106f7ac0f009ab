use std::sync::Arc;

use rust_decimal::Decimal;

use super::amounts::{below, can_be_exceeded, censored_at, exceeds, impossible, maximum, ratio};
use super::exact::{Comparison, Fraction};
use super::verdict::{Doubt, Judgement, Measurement, Verdict, judge};
use crate::model::{Code, Fault};
use crate::normalize::{
    Bound, Limit, Number, Qualifier, Quantity, Sign, fold, is_missing, parse_limit, parse_result,
};
use crate::reference::Units;

/// Columns that together decide a verdict, in the order of [`Texts`].
pub const DECIDING: [&str; 12] = [
    "result_text",
    "result_type",
    "unit",
    "limit_text",
    "limit_low",
    "limit_high",
    "limit_unit",
    "lod",
    "loq",
    "lod_unit",
    "comparison",
    PRODUCT,
];

/// Names of the sample's product where its limit depends on them, joined by `|`.
pub const PRODUCT: &str = "$product";

/// The texts of one distinct combination.
pub type Texts<'a> = [&'a str; 12];

/// Everything about one distinct combination of the deciding columns.
#[derive(Debug)]
pub struct Outcome {
    pub quantities: Vec<Quantity>,
    /// For each quantity that is left-censored, the amount that it is known to lie below, in its own unit;
    /// none where nothing says which.
    pub censored_at: Vec<Option<Decimal>>,
    pub verdict: Verdict,
    /// Whether the limit is one that can be exceeded: a maximum, a range, a plan, or none at all allowed.
    pub has_maximum: bool,
    /// Greatest value over the maximum, six decimals; none without a quantified value and a maximum.
    pub limit_ratio: Option<Decimal>,
    /// Column, text, fault: what could not be read or compared.
    pub faults: Vec<(&'static str, String, Fault)>,
    /// Likewise, of what stands but deserves a look.
    pub warnings: Vec<(&'static str, String, Fault)>,
}

impl Outcome {
    /// Whether any determination found the substance: a value above zero, 检出, `>3`.
    pub fn is_detected(&self) -> bool {
        self.quantities.iter().any(|quantity| match quantity.qualifier {
            Qualifier::Detected => true,
            Qualifier::Equal | Qualifier::Above | Qualifier::AtLeast => {
                quantity.number.is_some_and(|number| number.value > Decimal::ZERO)
            }
            _ => false,
        })
    }

    /// Whether the set found more than is allowed of the substance. A minimum that is missed is no excess.
    pub fn is_exceeded(&self) -> bool {
        let within = self.limit_ratio.is_some_and(|ratio| ratio <= Decimal::ONE);
        self.verdict == Verdict::Nonconforming && self.is_detected() && self.has_maximum && !within
    }
}

/// A text of a limit as it is read.
pub(super) type ReadLimit = Arc<Result<Limit, Fault>>;

/// Reads and judges one distinct combination.
pub fn decide(texts: Texts<'_>, units: &Units) -> Outcome {
    decide_by(texts, units, &|place, bare| Arc::new(parse_limit(texts[place], bare)))
}

/// Places of texts that are limits, and what one without a sign is.
const LIMITS: [(usize, Sign); 3] = [(3, Sign::AtMost), (4, Sign::AtLeast), (5, Sign::AtMost)];

/// Likewise, by whoever reads the limit at a place: of these there are far fewer than combinations.
pub(super) fn decide_by(
    texts: Texts<'_>,
    units: &Units,
    read_limit: &dyn Fn(usize, Sign) -> ReadLimit,
) -> Outcome {
    let [
        result,
        result_type,
        unit,
        limit_text,
        low,
        high,
        limit_unit,
        lod,
        loq,
        lod_unit,
        comparison,
        product,
    ] = texts;
    let mut notes = Notes { units, faults: Vec::new() };
    let quantities = parse_result(result).unwrap_or_else(|fault| {
        notes.add("result_text", result, fault);
        Vec::new()
    });
    let mut quantities = by_type(quantities, &fold(result_type));
    // Outcomes are remembered, and most are of one quantity.
    quantities.shrink_to_fit();
    let unit = notes.unit("unit", unit);
    for quantity in &quantities {
        notes.unit("result_text", &quantity.unit);
    }
    let limit_unit = notes.unit("limit_unit", limit_unit);
    let lod_unit = notes.unit("lod_unit", lod_unit);
    let limit_unit = if limit_unit.is_empty() { unit.clone() } else { limit_unit };
    if let Some(negative) = impossible(&quantities, &unit, units) {
        notes.add("result_text", result, negative);
        quantities.clear();
    }
    let limits = LIMITS.map(|(place, bare)| {
        let limit = read_limit(place, bare);
        if let Err(fault) = &*limit {
            notes.add(DECIDING[place], texts[place], fault.clone());
        }
        limit
    });
    let limits: Vec<&Limit> = limits.iter().filter_map(|limit| limit.as_ref().as_ref().ok()).collect();
    let lod = notes.method_limit("lod", lod, &lod_unit, &unit);
    let loq = notes.method_limit("loq", loq, &lod_unit, &unit);
    name_bounds(&mut quantities, loq);
    let measured = Measurement {
        quantities: &quantities,
        unit: &unit,
        limit_unit: &limit_unit,
        lod,
        loq,
        comparison: match comparison {
            "rounded" => Comparison::Rounded,
            _ => Comparison::Whole,
        },
    };
    let product: Vec<&str> = product.split('|').collect();
    let parts: Vec<Judgement> = limits.iter().map(|limit| judge(measured, limit, &product, units)).collect();
    let judgement = Judgement::all(&parts);
    let stated = [limit_text, low, high].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    match judgement.doubt {
        Some(Doubt::Units) => {
            let fault = Fault::new(Code::UnknownUnit, "result and limit in units of one dimension");
            notes.add("limit_unit", &format!("{result} {unit} / {stated} {limit_unit}"), fault);
        }
        Some(Doubt::Ambiguous) => {
            let fault = Fault::new(Code::AmbiguousLimit, "the one limit that holds for this product");
            notes.add("limit_text", stated, fault);
        }
        Some(Doubt::Result) | None => {}
    }
    let maximum = maximum(&limits, &limit_unit);
    let mut warnings = Vec::new();
    if let Some((column, method)) =
        [("loq", loq), ("lod", lod)].into_iter().find_map(|(name, n)| Some((name, n?)))
        && let Some((bound, bound_unit)) = &maximum
        && exceeds(method, &unit, *bound, bound_unit, units)
    {
        let expected = format!("at most the limit, {}", bound.value);
        let shown = method.value.to_string();
        warnings.push((column, shown, Fault::new(Code::LoqAboveLimit, expected)));
    }
    if let Some(lod) = lod
        && let Some(low) = below(&quantities, lod, &unit, units)
    {
        let expected = format!("not detected, or at least the limit of detection, {}", lod.value);
        warnings.push(("result_text", low.to_string(), Fault::new(Code::SuspiciousValue, expected)));
    }
    let limit_ratio = maximum.and_then(|(bound, bound_unit)| ratio(measured, bound, &bound_unit, units));
    let has_maximum = limits.iter().any(|limit| can_be_exceeded(limit));
    let censored_at = quantities.iter().map(|quantity| censored_at(measured, quantity, units)).collect();
    Outcome {
        verdict: judgement.verdict,
        has_maximum,
        limit_ratio,
        censored_at,
        quantities,
        faults: notes.faults,
        warnings,
    }
}

struct Notes<'a> {
    units: &'a Units,
    faults: Vec<(&'static str, String, Fault)>,
}

impl Notes<'_> {
    fn add(&mut self, column: &'static str, text: &str, fault: Fault) {
        let known = |(_, found, other): &(&str, String, Fault)| found == text && other.code == fault.code;
        if !self.faults.iter().any(known) {
            self.faults.push((column, text.to_owned(), fault));
        }
    }

    /// The unit that a column states, folded; one that nobody has met is a fault.
    fn unit(&mut self, column: &'static str, text: &str) -> String {
        let unit = fold(text);
        if is_missing(&unit) {
            return String::new();
        }
        if self.units.parse(&unit).is_none() && self.units.why_not(&unit).is_none() {
            self.add(column, &unit, Fault::new(Code::UnknownUnit, "a unit such as mg/kg or CFU/g"));
        }
        unit.into_owned()
    }

    /// The method's limit as a number in `unit`: `0.01`, `<10`, `定量限：0.030`. Alternatives by method or an
    /// unknown unit say nothing about this record.
    fn method_limit(&mut self, column: &'static str, text: &str, stated: &str, unit: &str) -> Option<Number> {
        let folded = fold(text);
        let named = folded.split_once(':').filter(|(name, _)| {
            matches!(*name, "定量限" | "检出限" | "方法检出限" | "方法定量限" | "LOD" | "LOQ")
        });
        let limit = match parse_limit(named.map_or(&*folded, |(_, number)| number), Sign::AtMost) {
            Ok(limit) => limit,
            Err(fault) => {
                self.add(column, text, fault);
                return None;
            }
        };
        let Limit::One(Bound::Value { number, unit: glued, .. }) = limit else { return None };
        let own = if glued.is_empty() { stated } else { &glued };
        if own.is_empty() || own == unit || unit.is_empty() {
            return Some(number);
        }
        let (from, to) = (self.units.parse(own)?, self.units.parse(unit)?);
        let converted = Fraction::of(number.value).times(&Fraction::conversion(&from, &to));
        let exact = from.is_comparable_with(&to).then(|| converted.to_decimal(12)).flatten()?;
        Some(Number::plain(exact.normalize()))
    }
}

/// A value means what its type says (EFSA SSD2 resType): next to `LOD` or `LOQ` it is that limit, and the
/// substance was not quantified, whether a value is given or not.
fn by_type(mut quantities: Vec<Quantity>, result_type: &str) -> Vec<Quantity> {
    let qualifier = match result_type {
        "LOD" | "CCA" | "CCB" => Qualifier::BelowLod,
        "LOQ" => Qualifier::BelowLoq,
        _ => return quantities,
    };
    for quantity in &mut quantities {
        quantity.qualifier = qualifier;
    }
    if quantities.is_empty() {
        quantities.push(Quantity { qualifier, number: None, unit: String::new() });
    }
    quantities
}

/// `<0.03` next to a limit of quantification of 0.03 is below that, not below the limit of detection.
fn name_bounds(quantities: &mut [Quantity], loq: Option<Number>) {
    for quantity in quantities.iter_mut().filter(|own| own.qualifier == Qualifier::BelowLod) {
        let is_loq = matches!((quantity.number, loq), (Some(own), Some(loq)) if own.value == loq.value);
        if is_loq {
            quantity.qualifier = Qualifier::BelowLoq;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;

    /// Verdict, then the codes of faults and warnings.
    fn shown(texts: Texts<'_>, units: &Units) -> String {
        let outcome = decide(texts, units);
        let codes = outcome.faults.iter().chain(&outcome.warnings).map(|(_, _, fault)| fault.code.as_str());
        std::iter::once(outcome.verdict.as_str()).chain(codes).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn results_meet_limits() {
        let units = Reference::built_in().expect("seeds").units;
        for (result, unit, limit, limit_unit, expected) in [
            ("0.20", "mg/kg", "0.2", "mg/kg", "conforming"),
            ("0.21", "mg/kg", "0.2", "mg/kg", "nonconforming"),
            ("0.2000000000000000000000001", "mg/kg", "0.2", "mg/kg", "nonconforming"),
            ("210", "μg/kg", "0.2", "mg/kg", "nonconforming"),
            ("200", "µg/kg", "0.2", "mg/kg", "conforming"),
            ("200ug/kg", "", "0.2mg/kg", "", "conforming"),
            ("0.25", "g/100g", "2500", "mg/kg", "conforming"),
            ("0.3", "%", "2.9", "g/kg", "nonconforming"),
            ("0.3", "", "0.3", "", "conforming"),
            ("0.1", "CFU/g", "0.2", "mg/kg", "undetermined unknown_unit"),
            ("0.1", "mg/L", "0.2", "mg/kg", "undetermined unknown_unit"),
            ("0.1", "mg/fortnight", "0.2", "mg/fortnight", "conforming unknown_unit"),
            ("未检出", "mg/kg", "不得检出", "", "conforming"),
            ("未检出", "mg/kg", "不得使用", "", "conforming"),
            ("检出", "mg/kg", "不得使用", "", "nonconforming"),
            ("0.31μg/kg", "", "不得检出", "", "nonconforming"),
            ("0", "mg/kg", "不得检出", "", "nonconforming"),
            ("<0.01", "mg/kg", "不得检出", "", "conforming"),
            ("检出", "mg/kg", "0.1", "mg/kg", "undetermined"),
            ("检出", "/25g", "0", "/25g", "nonconforming"),
            ("<0.01", "mg/kg", "0.2", "mg/kg", "conforming"),
            ("<0.2", "mg/kg", "0.2", "mg/kg", "conforming"),
            ("<0.5", "mg/kg", "0.2", "mg/kg", "undetermined"),
            ("≤0.2", "mg/kg", "0.2", "mg/kg", "conforming"),
            ("≤0.2", "mg/kg", "<0.2", "mg/kg", "undetermined"),
            ("＞3mg/kg", "", "3mg/kg", "", "nonconforming"),
            ("＞2mg/kg", "", "3mg/kg", "", "undetermined"),
            ("≥3mg/kg", "", "3mg/kg", "", "undetermined"),
            ("≥3mg/kg", "", "<3mg/kg", "", "nonconforming"),
            ("3", "mg/kg", "<3mg/kg", "", "nonconforming"),
            ("3", "mg/kg", ">3mg/kg", "", "nonconforming"),
            ("2.28g/100g", "", "≥2.5g/100g", "", "nonconforming"),
            ("2.5g/100g", "", "≥2.5g/100g", "", "conforming"),
            ("未检出", "g/100g", "≥2.5g/100g", "", "undetermined"),
            ("<2.5", "g/100g", "≥2.5g/100g", "", "nonconforming"),
            ("<2.6", "g/100g", "≥2.5g/100g", "", "undetermined"),
            (">2.5", "g/100g", "≥2.5g/100g", "", "conforming"),
            ("0.5", "", "0.5~1.0", "", "conforming"),
            ("1.0", "", "0.5~1.0", "", "conforming"),
            ("1.01", "", "0.5~1.0", "", "nonconforming"),
            ("0.49", "", "0.5~1.0", "", "nonconforming"),
            ("阳性", "", "呈阳性", "", "conforming"),
            ("阴性", "", "呈阳性", "", "nonconforming"),
            ("10;20;30;40;50", "CFU/g", "n=5,c=2,m=30,M=100", "", "conforming"),
            ("10;20;31;40;50", "CFU/g", "n=5,c=2,m=30,M=100", "", "nonconforming"),
            ("10;20;30;30;100", "CFU/g", "n=5,c=2,m=30,M=100", "", "conforming"),
            ("10;20;30;30;101", "CFU/g", "n=5,c=2,m=30,M=100", "", "nonconforming"),
            ("10;20;30", "CFU/g", "n=5,c=2,m=30,M=100", "", "undetermined"),
            ("10;20;101", "CFU/g", "n=5,c=2,m=30,M=100", "", "nonconforming"),
            ("<10;<10;<10;<10;<10", "CFU/g", "n=5,c=2,m=10,M=100", "", "conforming"),
            ("<10;<10;<10;<50;<10", "CFU/g", "n=5,c=2,m=10,M=100", "", "undetermined"),
            ("10;20;30;40;50", "CFU/mL", "n=5,c=2,m=30,M=100CFU/g", "", "undetermined unknown_unit"),
            ("未检出;未检出;检出;未检出;未检出", "/25g", "n=5,c=0,m=0/25g", "", "nonconforming"),
            ("未检出;未检出;未检出;未检出;未检出", "/25g", "n=5,c=0,m=0/25g", "", "conforming"),
            ("0.1;0.3", "mg/kg", "0.2", "mg/kg", "nonconforming"),
            ("0.1", "mg/kg", "/", "", "unjudged"),
            ("0.1", "mg/kg", "产品明示标准", "", "unjudged"),
            ("—", "mg/kg", "0.2", "", "undetermined"),
            ("见附件", "mg/kg", "0.2", "", "undetermined bad_result"),
            ("1.4×10", "CFU/g", "20", "", "undetermined lost_exponent"),
            ("-0.1", "mg/kg", "0.2", "mg/kg", "undetermined bad_result"),
            ("1000001", "mg/kg", "0.2", "mg/kg", "undetermined bad_result"),
            ("120", "g/100g", "0.2", "g/100g", "undetermined bad_result"),
            ("0.1", "mg/kg", "谷物0.2,其他0.05", "mg/kg", "undetermined ambiguous_limit"),
            ("0.04", "mg/kg", "谷物0.2,其他0.05", "mg/kg", "conforming"),
            ("0.3", "mg/kg", "谷物0.2,其他0.05", "mg/kg", "nonconforming"),
            ("0.3", "mg/kg", "加工坚果0.2", "mg/kg", "undetermined ambiguous_limit"),
            ("0.1", "mg/kg", "加工坚果0.2", "mg/kg", "conforming"),
        ] {
            let texts = [result, "", unit, limit, "", "", limit_unit, "", "", "", "", ""];
            assert_eq!(shown(texts, &units), expected, "{result} {unit} against {limit} {limit_unit}");
        }
    }

    #[test]
    fn the_rest_of_the_record_has_its_say() {
        let units = Reference::built_in().expect("seeds").units;
        // result, type, limit, low, high, lod, loq, lod_unit, comparison, product; all in mg/kg
        for (texts, expected) in [
            (["0.204", "", "0.20", "", "", "", "", "", "whole", ""], "nonconforming"),
            (["0.204", "", "0.20", "", "", "", "", "", "rounded", ""], "conforming"),
            (["0.205", "", "0.20", "", "", "", "", "", "rounded", ""], "conforming"),
            (["0.2051", "", "0.20", "", "", "", "", "", "rounded", ""], "nonconforming"),
            (["0.215", "", "0.20", "", "", "", "", "", "rounded", ""], "nonconforming"),
            (["0.5", "", "", "0.5", "1", "", "", "", "", ""], "conforming"),
            (["0.4", "", "", "0.5", "1", "", "", "", "", ""], "nonconforming"),
            (["1.1", "", "", "0.5", "1", "", "", "", "", ""], "nonconforming"),
            (["0.03", "LOQ", "0.1", "", "", "", "", "", "", ""], "conforming"),
            (["0.3", "LOQ", "0.1", "", "", "", "", "", "", ""], "undetermined"),
            (["0.3", "VAL", "0.1", "", "", "", "", "", "", ""], "nonconforming"),
            (["", "LOD", "0.1", "", "", "", "", "", "", ""], "conforming"),
            (["未检出", "", "0.01", "", "", "", "0.0126", "", "", ""], "conforming loq_above_limit"),
            (["<0.0126", "", "0.01", "", "", "", "0.0126", "", "", ""], "conforming loq_above_limit"),
            (["<LOD", "", "0.01", "", "", "0.02", "", "", "", ""], "conforming loq_above_limit"),
            (["未检出", "", "0.01", "", "", "", "12.6", "μg/kg", "", ""], "conforming loq_above_limit"),
            (["未检出", "", "0.01", "", "", "", "0.01", "", "", ""], "conforming"),
            (["0.001", "", "0.2", "", "", "0.005", "0.01", "", "", ""], "conforming suspicious_value"),
            (["0.005", "", "0.2", "", "", "0.005", "0.01", "", "", ""], "conforming"),
            (["0", "", "0.2", "", "", "0.005", "", "", "", ""], "conforming"),
            (["0.1", "", "0.2", "", "", "0.0.3", "", "", "", ""], "conforming bad_limit"),
            (["0.1", "", "谷物0.2,其他0.05", "", "", "", "", "", "", "大米|谷物|粮食加工品"], "conforming"),
            (
                ["0.1", "", "谷物0.2,其他0.05", "", "", "", "", "", "", "韭菜|蔬菜|"],
                "undetermined ambiguous_limit",
            ),
            (["0.1", "", "谷物、豆类0.05,其他0.2", "", "", "", "", "", "", "绿豆|豆类|"], "nonconforming"),
        ] {
            let [result, kind, limit, low, high, lod, loq, lod_unit, comparison, product] = texts;
            let all =
                [result, kind, "mg/kg", limit, low, high, "mg/kg", lod, loq, lod_unit, comparison, product];
            assert_eq!(shown(all, &units), expected, "{texts:?}");
        }
    }

    /// EFSA Journal 2010;8(3):1557: how a non-detect is written is no finding.
    #[test]
    fn a_non_detect_by_any_name_is_judged_alike() {
        let units = Reference::built_in().expect("seeds").units;
        for limit in ["0.2", "<0.2", "≥0.2", "0.001", "不得检出", "0.1~0.5", "n=1,c=0,m=0.2", "/", "谷物0.2"]
        {
            for (lod, loq) in [("0.01", ""), ("", "0.03"), ("0.01", "0.03"), ("0.3", "0.9")] {
                let own = if loq.is_empty() { lod } else { loq };
                let said = |result: &str| {
                    let texts = [result, "", "mg/kg", limit, "", "", "mg/kg", lod, loq, "", "", ""];
                    decide(texts, &units).verdict
                };
                let not_detected = said("未检出");
                for other in
                    ["ND", "<LOD", "<LOQ", "低于检出限", &format!("<{own}"), &format!("未检出({own})")]
                {
                    assert_eq!(said(other), not_detected, "{other} against {limit} with {lod} {loq}");
                }
            }
        }
    }

    #[test]
    fn residues_are_detected_and_exceed() {
        let units = Reference::built_in().expect("seeds").units;
        for (result, limit, detected, exceeded) in [
            ("0.3", "0.2", true, true),
            ("0.2", "0.2", true, false),
            ("0.000", "0.2", false, false),
            ("未检出", "0.2", false, false),
            ("<0.3", "0.2", false, false),
            ("检出", "不得检出", true, true),
            (">0.3", "0.2", true, true),
            ("0.1;0.3", "0.2", true, true),
            ("0.1", "≥0.2", true, false),
            ("0.4", "0.5~1.0", true, false),
            ("1.4", "0.5~1.0", true, true),
            ("0.1", "/", true, false),
            ("1.4×10", "0.2", false, false),
        ] {
            let texts = [result, "", "mg/kg", limit, "", "", "mg/kg", "", "", "", "", ""];
            let outcome = decide(texts, &units);
            assert_eq!(
                (outcome.is_detected(), outcome.is_exceeded()),
                (detected, exceeded),
                "{result} {limit}"
            );
        }
    }

    #[test]
    fn a_non_detect_lies_below_what_the_method_sees() {
        let units = Reference::built_in().expect("seeds").units;
        for (result, unit, lod, loq, lod_unit, expected) in [
            ("未检出", "mg/kg", "0.01", "0.03", "", Some("0.01")),
            ("未检出", "mg/kg", "", "0.03", "", Some("0.03")),
            ("<LOQ", "mg/kg", "0.01", "0.03", "", Some("0.03")),
            ("未检出", "mg/kg", "10", "", "μg/kg", Some("0.01")),
            ("未检出mg/kg", "μg/kg", "10", "", "", Some("0.01")),
            ("<0.05", "mg/kg", "0.01", "", "", Some("0.05")),
            ("≤0.05", "mg/kg", "0.01", "", "", Some("0.05")),
            ("未检出", "mg/kg", "", "", "", None),
            ("0.2", "mg/kg", "0.01", "", "", None),
            ("检出", "mg/kg", "0.01", "", "", None),
            (">3", "mg/kg", "0.01", "", "", None),
        ] {
            let texts = [result, "", unit, "", "", "", "", lod, loq, lod_unit, "", ""];
            let outcome = decide(texts, &units);
            let bounds: Vec<Option<String>> =
                outcome.censored_at.iter().map(|own| own.map(|own| own.to_string())).collect();
            assert_eq!(bounds, [expected.map(str::to_owned)], "{result} {unit} {lod} {loq} {lod_unit}");
        }
    }

    #[test]
    fn values_are_shown_as_a_share_of_their_limit() {
        let units = Reference::built_in().expect("seeds").units;
        for (result, unit, limit, limit_unit, expected) in [
            ("0.25", "mg/kg", "0.2", "mg/kg", Some("1.250000")),
            ("50", "μg/kg", "0.2", "mg/kg", Some("0.250000")),
            ("0.1;0.3", "mg/kg", "0.2", "mg/kg", Some("1.500000")),
            ("0.1", "mg/kg", "0.3", "mg/kg", Some("0.333333")),
            ("0.7", "", "0.5~1.0", "", Some("0.700000")),
            ("未检出", "mg/kg", "0.2", "mg/kg", None),
            ("0.1", "mg/kg", "≥0.2", "mg/kg", None),
            ("0.1", "mg/kg", "不得检出", "", None),
            ("0.1", "mg/kg", "0", "mg/kg", None),
        ] {
            let texts = [result, "", unit, limit, "", "", limit_unit, "", "", "", "", ""];
            let ratio = decide(texts, &units).limit_ratio.map(|ratio| ratio.to_string());
            assert_eq!(ratio.as_deref(), expected, "{result} {unit} over {limit} {limit_unit}");
        }
    }
}
