use rust_decimal::Decimal;

use super::number::{parse_decimal, power_of_ten};
use super::text::{fold, is_missing};
use crate::model::{Code, Fault};

/// How a measurement relates to its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qualifier {
    /// A quantified value.
    Equal,
    /// Below the number, or below a limit of detection that is not stated.
    Below,
    /// Above the number: `＞3mg/kg`.
    Above,
    NotDetected,
    /// Detected, without a number.
    Detected,
}

impl Qualifier {
    pub fn as_str(self) -> &'static str {
        match self {
            Qualifier::Equal => "=",
            Qualifier::Below => "<lod",
            Qualifier::Above => ">",
            Qualifier::NotDetected => "not_detected",
            Qualifier::Detected => "detected",
        }
    }
}

/// One determination of a replicate set, exactly as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantity {
    pub qualifier: Qualifier,
    pub value: Option<Decimal>,
    /// Unit glued to the value, as written; empty where there is none.
    pub unit: String,
}

/// What a limit says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Limit {
    None,
    AtMost(Decimal, String),
    AtLeast(Decimal, String),
    /// 不得检出, 不得使用: anything found is too much.
    NotDetected,
    /// Attributes plan of ICMSF: at most `c` of `n` above `m`, none above `big_m`.
    Plan {
        n: u32,
        c: u32,
        m: Decimal,
        big_m: Option<Decimal>,
    },
    /// The text points elsewhere (产品明示标准, 按执行标准): there is nothing to compare with.
    Elsewhere,
}

/// Reads a result cell, which may hold several determinations.
///
/// # Errors
/// `lost_exponent` where a power of ten was cut off, `bad_result` for anything else that is no
/// measurement. One bad determination spoils the set: a plan over four of five values means nothing.
pub fn parse_result(text: &str) -> Result<Vec<Quantity>, Fault> {
    let text = unify_powers(text);
    let text =
        text.rsplit_once("复检结果").map_or(text.as_str(), |(_, last)| last.trim_start_matches([':', '：']));
    let folded = fold(&text.replace('\n', ";").replace('\r', ""));
    if is_missing(&folded) {
        return Ok(Vec::new());
    }
    let mut quantities = Vec::new();
    for piece in pieces(&folded) {
        quantities.push(parse_one(piece)?);
    }
    // 120,130,320CFU/g states the unit once, at the end.
    if let Some(unit) = quantities.last().map(|last| last.unit.clone()).filter(|unit| !unit.is_empty()) {
        for quantity in quantities.iter_mut().filter(|quantity| quantity.unit.is_empty()) {
            quantity.unit.clone_from(&unit);
        }
    }
    Ok(quantities)
}

/// Reads a limit cell.
///
/// # Errors
/// `bad_limit`, or `lost_exponent` where a power of ten was cut off.
pub fn parse_limit(text: &str) -> Result<Limit, Fault> {
    let folded = fold(&unify_powers(text));
    let compact: String = folded.chars().filter(|c| !c.is_whitespace()).collect();
    if is_missing(&compact) {
        return Ok(Limit::None);
    }
    if ["不得检出", "不得使用", "不得添加", "禁止", "阴性"].iter().any(|word| compact.starts_with(word))
    {
        return Ok(Limit::NotDetected);
    }
    if ["产品明示", "按执行标准", "明示值", "符合", "按"].iter().any(|word| compact.starts_with(word))
    {
        return Ok(Limit::Elsewhere);
    }
    if compact.contains("c=") || compact.contains("c:") {
        return parse_plan(&compact)
            .ok_or_else(|| Fault::new(Code::BadLimit, "a plan such as n=5,c=2,m=10,M=100CFU/g"));
    }
    let (at_least, rest) = match compact.strip_prefix(['≥', '>']) {
        Some(rest) => (true, rest),
        None => (false, compact.strip_prefix(['≤', '<']).unwrap_or(&compact)),
    };
    let bad_limit = |fault: Fault| match fault.code {
        Code::LostExponent => fault,
        _ => Fault::new(Code::BadLimit, "a number with its unit, or 不得检出"),
    };
    let (number, unit) = leading_number(rest.trim_start_matches('=')).map_err(bad_limit)?;
    match number {
        Some(number) if at_least => Ok(Limit::AtLeast(number, unit.to_owned())),
        Some(number) => Ok(Limit::AtMost(number, unit.to_owned())),
        None => Err(Fault::new(Code::BadLimit, "a number with its unit, or 不得检出")),
    }
}

/// `10⁵`, `10^(5)`, `10<sup>5</sup>` all become `10^5`.
fn unify_powers(text: &str) -> String {
    let text = text.replace("<=", "≤").replace(">=", "≥");
    let text = text.replace("<sup>", "^").replace("</sup>", " ").replace("^(", "^").replace("^（", "^");
    let mut unified = String::with_capacity(text.len());
    let mut in_power = false;
    for character in text.chars() {
        let digit = match character {
            '⁰' => '0',
            '¹' => '1',
            '²' => '2',
            '³' => '3',
            '⁴'..='⁹' => char::from(b'4' + (character as u32 - '⁴' as u32) as u8),
            _ => {
                if in_power && !character.is_ascii_digit() && character != '^' {
                    in_power = false;
                    // The closing bracket of ^(5) has done its work.
                    if matches!(character, ')' | '）') {
                        continue;
                    }
                }
                in_power |= character == '^';
                unified.push(character);
                continue;
            }
        };
        if !in_power {
            unified.push('^');
            in_power = true;
        }
        unified.push(digit);
    }
    unified
}

/// The determinations of a cell: separated by `;`, `、`, line breaks, circled numbers, or commas and
/// slashes where these do not group digits or belong to a unit.
fn pieces(folded: &str) -> Vec<&str> {
    let strong = |c: char| matches!(c, ';' | '、' | '①'..='⑳');
    let pieces: Vec<&str> = folded.split(strong).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    if let [only] = pieces[..] {
        let number = |text: &str| matches!(leading_number(text), Ok((Some(_), _)));
        let commas: Vec<&str> = only.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let slashes = slashed(only);
        for parts in [commas, slashes] {
            if parts.len() > 1 && parts.iter().all(|part| number(part)) && parse_decimal(only).is_none() {
                return parts;
            }
        }
    }
    pieces
}

/// `1/2/3CFU/g`: a slash separates only behind a bare number; in `2.28g/100g` it belongs to the unit.
fn slashed(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('/') {
        if !matches!(leading_number(head.trim()), Ok((Some(_), ""))) {
            break;
        }
        parts.push(head.trim());
        rest = tail;
    }
    parts.push(rest.trim());
    parts
}

fn parse_one(piece: &str) -> Result<Quantity, Fault> {
    let compact: String = piece.chars().filter(|c| !c.is_whitespace()).collect();
    let unqualified = |qualifier, unit: &str| Ok(Quantity { qualifier, value: None, unit: unit.to_owned() });
    for (word, qualifier) in [
        ("未检出", Qualifier::NotDetected),
        ("阴性", Qualifier::NotDetected),
        ("N.D.", Qualifier::NotDetected),
        ("ND", Qualifier::NotDetected),
        ("nd", Qualifier::NotDetected),
        ("<LOD", Qualifier::Below),
        ("<LOQ", Qualifier::Below),
        ("低于检出限", Qualifier::Below),
        ("低于定量限", Qualifier::Below),
        ("检出", Qualifier::Detected),
        ("阳性", Qualifier::Detected),
    ] {
        if let Some(rest) = compact.strip_prefix(word) {
            // 未检出(检出限:0.02mg/kg) and 未检出/25g; anything else behind the word is not understood.
            if rest.is_empty() || rest.starts_with(['(', '/', '<']) {
                return unqualified(qualifier, rest.strip_prefix('/').map_or("", |_| rest));
            }
            return Err(bad_result());
        }
    }
    let (qualifier, rest) = match compact.strip_prefix(['<', '≤']) {
        Some(rest) => (Qualifier::Below, rest),
        None => match compact.strip_prefix(['>', '≥']) {
            Some(rest) => (Qualifier::Above, rest),
            None => (Qualifier::Equal, compact.as_str()),
        },
    };
    match leading_number(rest)? {
        (Some(value), unit) => Ok(Quantity { qualifier, value: Some(value), unit: unit.to_owned() }),
        (None, _) => Err(bad_result()),
    }
}

fn bad_result() -> Fault {
    Fault::new(Code::BadResult, "a number with its unit, 未检出, or <LOD")
}

/// The number at the start of a text and what follows it: `4.8×10^2CFU/g` is 480 and `CFU/g`.
fn leading_number(text: &str) -> Result<(Option<Decimal>, &str), Fault> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',' || c == '-')).unwrap_or(text.len());
    let (digits, mut rest) = text.split_at(end);
    let exponent = rest.strip_prefix(['e', 'E']).and_then(|tail| {
        let length = tail.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '+')).unwrap_or(tail.len());
        let (power, after) = tail.split_at(length);
        power.parse::<i32>().ok().map(|power| (power, after))
    });
    let Some(mut number) = parse_decimal(digits) else { return Ok((None, text)) };
    if let Some((power, after)) = exponent {
        let scaled = power_of_ten(number, power).ok_or_else(bad_result)?;
        return Ok((Some(scaled), after));
    }
    if let Some(power) = rest.strip_prefix(['×', 'x', 'X', '*', '·', '✕']) {
        let lost = || Fault::new(Code::LostExponent, "a power of ten with its exponent, such as 1.4×10^4");
        let exponent = power.strip_prefix("10").ok_or_else(bad_result)?.strip_prefix('^').ok_or_else(lost)?;
        let length = exponent.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(exponent.len());
        let (digits, after) = exponent.split_at(length);
        let exponent: i32 = digits.parse().map_err(|_| lost())?;
        number = power_of_ten(number, exponent).ok_or_else(bad_result)?;
        rest = after;
    } else if number == Decimal::TEN && rest.starts_with('^') {
        // M=10^2 leaves the factor one unsaid.
        let length = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end + 1);
        let exponent: i32 = rest[1..length].parse().map_err(|_| bad_result())?;
        number = power_of_ten(Decimal::ONE, exponent).ok_or_else(bad_result)?;
        rest = &rest[length..];
    }
    if is_unit(rest) { Ok((Some(number), rest)) } else { Err(bad_result()) }
}

/// Whether what follows a number can be its unit, so that `3.0|0.5`, `2.9(牛乳)/2.8(羊乳)` and `30,其他70`
/// are not taken for their first number.
fn is_unit(rest: &str) -> bool {
    let condition = rest.contains('(') && rest.chars().any(|c| c > '\u{2e7f}') && !rest.contains('计');
    let begins_badly = rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '^' | '×'));
    let separates =
        |c: char| matches!(c, '|' | ';' | ',' | ':' | '<' | '>' | '≤' | '≥' | '=' | '.' | '║' | '‖');
    !begins_badly && !condition && !rest.contains(separates)
}

fn parse_plan(compact: &str) -> Option<Limit> {
    let (mut n, mut c, mut m, mut big_m) = (None, None, None, None);
    for part in compact.split([',', ';', '、']).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once(['=', ':'])?;
        let value = value.split_once("(单位").map_or(value, |(value, _)| value);
        let (number, _) = leading_number(value.trim_start_matches(['≤', '='])).ok()?;
        match name {
            "n" => n = value.parse().ok(),
            "c" => c = value.parse().ok(),
            "m" => m = number,
            "M" => big_m = number,
            _ => return None,
        }
    }
    Some(Limit::Plan { n: n?, c: c?, m: m?, big_m })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_result(text) {
            Err(fault) => fault.code.to_string(),
            Ok(quantities) => {
                let shown = quantities.iter().map(|quantity| {
                    let value = quantity.value.map(|value| value.to_string()).unwrap_or_default();
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
            ("未检出（检出限: 0.02 mg/kg）", "not_detected"),
            ("ND", "not_detected"),
            ("检出/25g", "detected/25g"),
            ("<10", "<lod10"),
            ("＜0.01mg/kg", "<lod0.01mg/kg"),
            ("＞3mg/kg", ">3mg/kg"),
            ("<=0.2", "<lod0.2"),
            (".5", "=0.5"),
            ("4.8×10^(2)", "=480"),
            ("4.8×10^(2)\n5.3×10^(2)\n3.1", "=480 =530 =3.1"),
            ("2.9×10⁵CFU/g", "=290000CFU/g"),
            ("1.7×10<sup>4</sup>CFU/g", "=17000CFU/g"),
            ("①1.7×10<sup>4</sup>4CFU/g;②1.5×10<sup>4</sup>CFU/g", "bad_result"),
            ("8.2×10²/8.6×10²CFU/g", "=820CFU/g =860CFU/g"),
            ("120，130，320CFU/g", "=120CFU/g =130CFU/g =320CFU/g"),
            ("10；20；<10；30；<10", "=10 =20 <lod10 =30 <lod10"),
            ("未检出；未检出；检出", "not_detected not_detected detected"),
            ("1,234", "=1234"),
            ("8e-05", "=0.00008"),
            ("1.4×10", "lost_exponent"),
            ("1×106", "lost_exponent"),
            ("①1.2×10", "lost_exponent"),
            ("初检结果：231mg/kg复检结果：236mg/kg", "=236mg/kg"),
            ("见附件", "bad_result"),
            ("0.0.3", "bad_result"),
            ("未检出见备注", "bad_result"),
            ("1.49w/%", "=1.49w/%"),
            ("/", ""),
            ("—", ""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_are_read_or_named() {
        let number = |text: &str| parse_decimal(text).expect("a number");
        for (text, expected) in [
            ("≤200mg/kg", Ok(Limit::AtMost(number("200"), "mg/kg".into()))),
            ("0.20", Ok(Limit::AtMost(number("0.20"), String::new()))),
            ("≥2.5g/100g", Ok(Limit::AtLeast(number("2.5"), "g/100g".into()))),
            ("不得检出μg/kg", Ok(Limit::NotDetected)),
            ("不得使用", Ok(Limit::NotDetected)),
            ("/", Ok(Limit::None)),
            ("产品明示标准", Ok(Limit::Elsewhere)),
            (
                "n=5,c=2,m=10,M=10²CFU/g",
                Ok(Limit::Plan { n: 5, c: 2, m: number("10"), big_m: Some(number("100")) }),
            ),
            ("n:5,c:0,m:0/25g", Ok(Limit::Plan { n: 5, c: 0, m: number("0"), big_m: None })),
            ("n=5，c=2，m=2.5×10", Err(Code::BadLimit)),
            ("西式火腿70，其他30", Err(Code::BadLimit)),
            ("2.9(牛乳）/2.8（羊乳）", Err(Code::BadLimit)),
            ("3.0|0.5", Err(Code::BadLimit)),
            ("n=5,c=2,m=100,M=1000|40.0|150.0", Err(Code::BadLimit)),
            (
                "n=5,c=2,m=2.5×10⁴,M=10⁵（单位：CFU/g）",
                Ok(Limit::Plan { n: 5, c: 2, m: number("25000"), big_m: Some(number("100000")) }),
            ),
        ] {
            assert_eq!(parse_limit(text).map_err(|fault| fault.code), expected, "{text}");
        }
    }
}
