use super::numeral::{Number, compact, is_bare, leading_number, settle_commas, unify_powers, unit_behind};
use super::text::{fold, is_missing};
use crate::model::{Code, Fault};

/// How a measurement relates to its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qualifier {
    /// A quantified value.
    Equal,
    /// Below the number, or below a limit of detection that is not stated.
    BelowLod,
    /// Below the number, or below a limit of quantification that is not stated.
    BelowLoq,
    /// At most the number: `≤0.2`.
    AtMost,
    /// Above the number: `＞3mg/kg`.
    Above,
    /// At least the number.
    AtLeast,
    /// Not found; a number is the limit of the method that says so.
    NotDetected,
    /// Found, without a number.
    Detected,
}

impl Qualifier {
    pub const ALL: [Qualifier; 8] = [
        Qualifier::Equal,
        Qualifier::BelowLod,
        Qualifier::BelowLoq,
        Qualifier::AtMost,
        Qualifier::Above,
        Qualifier::AtLeast,
        Qualifier::NotDetected,
        Qualifier::Detected,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Qualifier::Equal => "=",
            Qualifier::BelowLod => "<lod",
            Qualifier::BelowLoq => "<loq",
            Qualifier::AtMost => "≤",
            Qualifier::Above => ">",
            Qualifier::AtLeast => "≥",
            Qualifier::NotDetected => "not_detected",
            Qualifier::Detected => "detected",
        }
    }

    /// Left-censored: the true value lies somewhere below.
    pub fn is_censored(self) -> bool {
        matches!(self, Qualifier::BelowLod | Qualifier::BelowLoq | Qualifier::AtMost | Qualifier::NotDetected)
    }
}

/// One determination of a replicate set, exactly as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantity {
    pub qualifier: Qualifier,
    /// The number stated: the value itself, or the bound that the qualifier speaks of.
    pub number: Option<Number>,
    /// Unit glued to the value, as written; empty where there is none.
    pub unit: String,
}

/// Words of laboratories, upper case, and what they say. Longer words come before those they begin with.
const WORDS: &[(&str, Qualifier)] = &[
    ("未检出", Qualifier::NotDetected),
    ("未检测出", Qualifier::NotDetected),
    ("未检到", Qualifier::NotDetected),
    ("没有检出", Qualifier::NotDetected),
    ("阴性", Qualifier::NotDetected),
    ("N.D.", Qualifier::NotDetected),
    ("N.D", Qualifier::NotDetected),
    ("ND", Qualifier::NotDetected),
    ("NOTDETECTED", Qualifier::NotDetected),
    ("<LOD", Qualifier::BelowLod),
    ("<LOQ", Qualifier::BelowLoq),
    ("<MDL", Qualifier::BelowLod),
    ("<检出限", Qualifier::BelowLod),
    ("<方法检出限", Qualifier::BelowLod),
    ("<定量限", Qualifier::BelowLoq),
    ("小于检出限", Qualifier::BelowLod),
    ("小于定量限", Qualifier::BelowLoq),
    ("低于方法检出限", Qualifier::BelowLod),
    ("低于检出限", Qualifier::BelowLod),
    ("低于定量限", Qualifier::BelowLoq),
    ("检出", Qualifier::Detected),
    ("阳性", Qualifier::Detected),
];

const SIGNS: &[(&str, Qualifier)] = &[
    ("<", Qualifier::BelowLod),
    ("小于", Qualifier::BelowLod),
    ("低于", Qualifier::BelowLod),
    ("≤", Qualifier::AtMost),
    ("不大于", Qualifier::AtMost),
    ("不超过", Qualifier::AtMost),
    (">", Qualifier::Above),
    ("大于", Qualifier::Above),
    ("≥", Qualifier::AtLeast),
    ("不小于", Qualifier::AtLeast),
];

/// Reads a result cell, which may hold several determinations.
///
/// # Errors
/// `lost_exponent` where a power of ten was cut off, `bad_result` for anything else that is no
/// measurement. One bad determination spoils the set: a plan over four of five values means nothing.
pub fn parse_result(text: &str) -> Result<Vec<Quantity>, Fault> {
    // Most are one bare number, to which nothing of what follows would happen.
    if is_bare(text) {
        return Ok(vec![parse_one(text)?]);
    }
    let text = unify_powers(text);
    // The last word of 初检结果：…；复检结果：… is final (Food Safety Law, Art. 88).
    let text = text.rsplit_once("复检结果").map_or(&*text, |(_, last)| last.trim_start_matches([':', '：']));
    let mut separated = String::with_capacity(text.len());
    separated.extend(text.chars().filter(|c| *c != '\r').map(|c| match c {
        // A full-width comma never groups digits.
        '\n' | '，' | '、' => ';',
        '\u{2212}' => '-',
        other => other,
    }));
    let folded = fold(&separated);
    if is_missing(&folded) {
        return Ok(Vec::new());
    }
    let compacted = compact(&folded)?;
    let (compacted, common_unit) = stated_unit(&compacted);
    let mut quantities = Vec::new();
    for piece in pieces(compacted.trim_end_matches('。'))? {
        quantities.push(parse_one(&piece)?);
    }
    // 阳性，0.4μg/kg is one determination said twice, or two: nobody knows.
    let has = |qualifier| quantities.iter().any(|own| own.qualifier == qualifier);
    if has(Qualifier::Detected) && has(Qualifier::Equal) {
        return Err(bad_result());
    }
    // 120,130,320CFU/g states the unit once, at the end.
    let last = quantities.last().map(|last| last.unit.clone()).unwrap_or_default();
    let unit = if last.is_empty() { common_unit.to_owned() } else { last };
    for quantity in quantities.iter_mut().filter(|quantity| quantity.unit.is_empty()) {
        quantity.unit.clone_from(&unit);
    }
    Ok(quantities)
}

/// `…(单位:CFU/g)` states the unit of all determinations.
fn stated_unit(text: &str) -> (&str, &str) {
    let Some((values, unit)) = text.split_once("(单位:") else { return (text, "") };
    match unit.strip_suffix(')') {
        Some(unit) => (values, unit),
        None => (text, ""),
    }
}

/// The determinations of a cell: separated by `;`, line breaks, circled numbers, or commas and slashes
/// where these do not group digits or belong to a unit.
fn pieces(text: &str) -> Result<Vec<String>, Fault> {
    let mut pieces = Vec::new();
    for part in text.split(|c: char| matches!(c, ';' | '①'..='⑳')) {
        let part = without_label(part);
        // The laboratory's remark on its own values: 结果均大于M.
        if part.is_empty() || part.starts_with("结果均") {
            continue;
        }
        let settled = settle_commas(part)?;
        for piece in settled.split(',').filter(|piece| !piece.is_empty()) {
            pieces.extend(slashed(piece)?.into_iter().map(str::to_owned));
        }
    }
    Ok(pieces)
}

/// `n₁:530000`, `样品1:…`, `检验结果:…` without what stands before the colon.
fn without_label(piece: &str) -> &str {
    let Some((label, rest)) = piece.split_once(':') else { return piece };
    let numbered = label
        .trim_start_matches(['n', 'N'])
        .trim_start_matches("样品")
        .trim_start_matches("第")
        .trim_end_matches(['次', '份', '号']);
    let is_number =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || ('₀'..='₉').contains(&c));
    let named = matches!(label, "结果" | "检验结果" | "检测结果" | "初检结果" | "测定值");
    if named || numbered.len() < label.len() && is_number(numbered) { rest } else { piece }
}

/// `1/2/3CFU/g`: a slash separates only behind a bare number; in `2.28g/100g` and `0/25g` it belongs to the unit.
///
/// # Errors
/// `bad_result` for a day of the calendar.
fn slashed(text: &str) -> Result<Vec<&str>, Fault> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('/') {
        let bare = head.trim_start_matches(['<', '>', '≤', '≥']);
        let amount = tail.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_amount = matches!(amount, "g" | "G" | "mL" | "ml" | "ML");
        let next = tail.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '<' | '>' | '≤' | '≥'));
        if !matches!(leading_number(bare), Ok(Some((_, "")))) || !next || is_amount {
            break;
        }
        parts.push(head);
        rest = tail;
    }
    parts.push(rest);
    let is_year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let is_day = matches!(parts.as_slice(), [year, month, day] if is_year(year)
        && [month, day].iter().all(|part| part.len() <= 2));
    if is_day { Err(bad_result()) } else { Ok(parts) }
}

fn parse_one(piece: &str) -> Result<Quantity, Fault> {
    let is_number = piece.starts_with(|c: char| c.is_ascii_digit());
    let upper = if is_number { String::new() } else { piece.to_ascii_uppercase() };
    for (word, qualifier) in WORDS {
        if upper.starts_with(word) {
            return behind_word(*qualifier, &piece[word.len()..]);
        }
    }
    let signed = SIGNS.iter().find_map(|(sign, qualifier)| Some((*qualifier, piece.strip_prefix(sign)?)));
    let (qualifier, rest) = signed.unwrap_or((Qualifier::Equal, piece));
    let (number, behind) = leading_number(rest)?.ok_or_else(bad_result)?;
    let unit = unit_behind(behind).ok_or_else(bad_result)?;
    Ok(Quantity { qualifier, number: Some(number), unit: unit.to_owned() })
}

/// What may stand behind 未检出 and its like: nothing, a unit, or the limit of the method, as in
/// 未检出/25g, 未检出(检出限:0.02mg/kg), 未检出(<0.01).
fn behind_word(qualifier: Qualifier, rest: &str) -> Result<Quantity, Fault> {
    let bare = |unit: &str| Quantity { qualifier, number: None, unit: unit.to_owned() };
    let bracketed = rest.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
    let limit = match (bracketed, rest.strip_prefix('<')) {
        (Some(inside), _) => {
            inside.trim_start_matches(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '(' | ')')))
        }
        (None, Some(number)) => number,
        (None, None) if rest.is_empty() => return Ok(bare("")),
        (None, None) => {
            // A digit here would be a result behind the word.
            let unit = unit_behind(rest).filter(|_| !rest.starts_with(|c: char| c.is_ascii_digit()));
            return unit.map(bare).ok_or_else(bad_result);
        }
    };
    match leading_number(limit)? {
        Some((number, behind)) if qualifier != Qualifier::Detected => {
            let unit = unit_behind(behind).ok_or_else(bad_result)?;
            Ok(Quantity { qualifier, number: Some(number), unit: unit.to_owned() })
        }
        // 阴性(-), 未检出(阴性): the bracket repeats the word.
        None if bracketed.is_some_and(|inside| !inside.contains(|c: char| c.is_ascii_digit())) => {
            Ok(bare(""))
        }
        _ => Err(bad_result()),
    }
}

fn bad_result() -> Fault {
    Fault::new(Code::BadResult, "a number with its unit, 未检出, or <LOD")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_result(text) {
            Err(fault) => fault.code.to_string(),
            Ok(quantities) => {
                let shown = quantities.iter().map(|quantity| {
                    let value = quantity.number.map(|number| number.value.to_string()).unwrap_or_default();
                    format!("{}{}{}", quantity.qualifier.as_str(), value, quantity.unit)
                });
                shown.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn results_are_read_or_named() {
        for (text, expected) in [
            ("0.161g/kg", "=0.161g/kg"),
            ("0.0100", "=0.0100"),
            ("０．０２３", "=0.023"),
            ("未检出", "not_detected"),
            ("未检出/25g", "not_detected/25g"),
            ("未检出μg/kg", "not_detectedμg/kg"),
            ("未检出（检出限: 0.02 mg/kg）", "not_detected0.02mg/kg"),
            ("未检出（定量限：0.030）", "not_detected0.030"),
            ("未检出(<0.01)", "not_detected0.01"),
            ("阴性（-）", "not_detected"),
            ("ND", "not_detected"),
            ("n.d.", "not_detected"),
            ("检出/25g", "detected/25g"),
            ("阳性", "detected"),
            ("<10", "<lod10"),
            ("<LOD", "<lod"),
            ("＜LOQ", "<loq"),
            ("<lod", "<lod"),
            ("低于定量限", "<loq"),
            ("＜0.01mg/kg", "<lod0.01mg/kg"),
            ("小于0.01mg/kg", "<lod0.01mg/kg"),
            ("＞3mg/kg", ">3mg/kg"),
            ("≥3", "≥3"),
            ("<=0.2", "≤0.2"),
            (".5", "=0.5"),
            ("-0.5", "=-0.5"),
            ("4.8×10^(2)", "=480"),
            ("4.8×10^(2)\n5.3×10^(2)\n3.1", "=480 =530 =3.1"),
            ("2.9×10⁵CFU/g", "=290000CFU/g"),
            ("1.5×10⁻³", "=0.0015"),
            ("1.7×10<sup>4</sup>CFU/g", "=17000CFU/g"),
            ("①1.7×10<sup>4</sup>4CFU/g;②1.5×10<sup>4</sup>CFU/g", "bad_result"),
            ("8.2×10²/8.6×10²CFU/g", "=820CFU/g =860CFU/g"),
            ("120，130，320CFU/g", "=120CFU/g =130CFU/g =320CFU/g"),
            ("120，130，320", "=120 =130 =320"),
            ("120,130,320CFU/g", "bad_result"),
            ("12,000CFU/g", "=12000CFU/g"),
            ("10；20；<10；30；<10", "=10 =20 <lod10 =30 <lod10"),
            ("未检出；未检出；检出", "not_detected not_detected detected"),
            ("n₁：530000；n₂：340000；结果均大于M（单位：CFU/g）", "=530000CFU/g =340000CFU/g"),
            ("1,234", "=1234"),
            ("0,05", "bad_result"),
            ("12 13 14", "bad_result"),
            ("8e-05", "=0.00008"),
            ("1.4×10", "lost_exponent"),
            ("1×106", "lost_exponent"),
            ("1×10 6", "bad_result"),
            ("①1.2×10", "lost_exponent"),
            ("初检结果：231mg/kg复检结果：236mg/kg", "=236mg/kg"),
            ("初检结果：2.9mg/kg；复检结果：2.7mg/kg", "=2.7mg/kg"),
            ("见附件", "bad_result"),
            ("0.0.3", "bad_result"),
            ("0.05±0.01", "bad_result"),
            ("0.01-0.03", "bad_result"),
            ("2:1", "bad_result"),
            ("未检出见备注", "bad_result"),
            ("检出0.5", "bad_result"),
            ("1.49w/%", "=1.49w/%"),
            ("/", ""),
            ("—", ""),
            ("---", ""),
            ("0/25g", "=0/25g"),
            ("1.7E", "lost_exponent"),
            ("1.7×10<SUP>4</SUP>", "=17000"),
            ("未检出。", "not_detected"),
            ("Not Detected", "not_detected"),
            ("≦10", "≤10"),
            ("＜＝10", "≤10"),
            ("<10,<10,<10,20,<10", "bad_result"),
            ("<10/<10/20", "<lod10 <lod10 =20"),
            ("1.234,56", "bad_result"),
            ("0.5mg/kg(以Pb计)", "=0.5mg/kg"),
            ("2021/3/5", "bad_result"),
            ("13812345678号", "bad_result"),
            ("3.5万", "bad_result"),
            ("0.5*", "bad_result"),
            ("阳性，0.4μg/kg", "bad_result"),
            ("≤200mg/kg或不得检出", "bad_result"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
