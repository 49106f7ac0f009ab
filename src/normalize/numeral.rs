//! Numerals inside free text: powers of ten, grouping commas, and the unit that is glued behind.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::number::{parse_decimal, power_of_ten};
use crate::model::{Code, Fault};

/// A number as written: its exact value, and the place of its last written digit, which decides
/// rounding (GB/T 8170-2008). `0.20` has place -2, `2.5×10⁴` has place 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    pub value: Decimal,
    pub place: i32,
}

impl Number {
    /// A plain decimal, its place read off its scale.
    pub fn plain(value: Decimal) -> Number {
        Number { value, place: -(value.scale() as i32) }
    }
}

fn no_number() -> Fault {
    Fault::new(Code::BadResult, "a number with its unit, 未检出, or <LOD")
}

fn lost_exponent() -> Fault {
    Fault::new(Code::LostExponent, "a power of ten with its exponent, such as 1.4×10^4")
}

/// Ways to write a sign or a power, and the one that is read. Signs of two characters come first.
const FORMS: [(&str, &str); 16] = [
    ("<=", "≤"),
    (">=", "≥"),
    ("＜＝", "≤"),
    ("＞＝", "≥"),
    ("≦", "≤"),
    ("≧", "≥"),
    ("⩽", "≤"),
    ("⩾", "≥"),
    ("<sup>", "^"),
    ("</sup>", " "),
    ("<SUP>", "^"),
    ("</SUP>", " "),
    ("^(", "^"),
    ("^（", "^"),
    ("^{", "^"),
    ("＾", "^"),
];

/// Whether one of the forms begins with a character, or it belongs to a power.
fn is_part(c: char) -> bool {
    let is_superscript = matches!(c, '⁰' | '¹' | '²' | '³' | '⁻' | '⁴'..='⁹');
    is_superscript || matches!(c, '<' | '>' | '^' | '＜' | '＞' | '≦' | '≧' | '⩽' | '⩾' | '＾')
}

/// Whether a byte of UTF-8 may begin a character of [`is_part`].
fn may_begin_part(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'^' | 0xc2 | 0xe2 | 0xef)
}

/// Whether two bytes may begin one of the forms: most signs stand before a number.
fn may_begin_form(pair: &[u8]) -> bool {
    matches!(pair, [b'<' | b'>', b'=' | b's' | b'S' | b'/'] | [b'^', b'(' | b'{' | 0xef] | [0xe2 | 0xef, _])
}

/// `10⁵`, `10^(5)`, `10<sup>5</sup>` all become `10^5`.
pub fn unify_powers(text: &str) -> Cow<'_, str> {
    // Most have no sign and no power, and many no byte that one could begin with.
    if !text.bytes().any(may_begin_part) || !text.contains(is_part) {
        return Cow::Borrowed(text);
    }
    let mut text = text.to_owned();
    if text.as_bytes().windows(2).any(may_begin_form) {
        for (form, unified) in FORMS {
            if text.contains(form) {
                text = text.replace(form, unified);
            }
        }
    }
    let mut unified = String::with_capacity(text.len());
    let mut in_power = false;
    for character in text.chars() {
        let digit = match character {
            '⁰' => '0',
            '¹' => '1',
            '²' => '2',
            '³' => '3',
            '⁻' => '-',
            '⁴'..='⁹' => char::from(b'4' + (character as u32 - '⁴' as u32) as u8),
            _ => {
                if in_power && !matches!(character, '0'..='9' | '^' | '-' | '+') {
                    in_power = false;
                    // The closing bracket of ^(5) has done its work.
                    if matches!(character, ')' | '）' | '}') {
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
    Cow::Owned(unified)
}

/// Half-width text without blanks.
///
/// # Errors
/// `bad_result` where a blank stands between two digits: `1 234` may be one number or two.
pub fn compact(folded: &str) -> Result<String, Fault> {
    let mut compacted = String::with_capacity(folded.len());
    let mut blank = false;
    for character in folded.chars() {
        if character.is_whitespace() {
            blank = true;
            continue;
        }
        let between = blank && (character.is_ascii_digit() || character == '.');
        if between && compacted.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(Fault::new(Code::BadResult, "one number, without blanks inside"));
        }
        compacted.push(character);
        blank = false;
    }
    Ok(compacted)
}

/// Takes grouping commas out of the numerals of a text and leaves those that separate numerals.
///
/// # Errors
/// `bad_result` where a comma could be either, or a decimal comma: `110,120`, `12,5`, `0,05`.
pub fn settle_commas(text: &str) -> Result<String, Fault> {
    if !text.contains(',') {
        return Ok(text.to_owned());
    }
    let mut settled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, numerals) = rest.split_at(start);
        settled.push_str(before);
        let is_numeral = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
        let end = numerals.find(|c| !is_numeral(c)).unwrap_or(numerals.len());
        let (run, after) = numerals.split_at(end);
        let inside = run.trim_end_matches(',');
        if commas_group(inside)? {
            settled.extend(inside.chars().filter(|c| *c != ','));
        } else {
            settled.push_str(inside);
        }
        settled.push_str(&run[inside.len()..]);
        rest = after;
    }
    settled.push_str(rest);
    Ok(settled)
}

/// Whether the commas of a run of digits group thousands (true) or separate numerals (false).
fn commas_group(run: &str) -> Result<bool, Fault> {
    let parts: Vec<&str> = run.split(',').collect();
    let [first, others @ ..] = parts.as_slice() else { return Ok(false) };
    let Some((last, middle)) = others.split_last() else { return Ok(false) };
    let ambiguous =
        || Fault::new(Code::BadResult, "one number without commas, or determinations separated by ；");
    let is_group = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_of_last = last.split('.').next().unwrap_or(last);
    let leads = (1..=3).contains(&first.len()) && !first.starts_with('0') && !first.contains('.');
    if leads && middle.iter().all(|part| is_group(part)) && is_group(whole_of_last) {
        // No numeral begins with 0: 12,050 is one number. Nor are 1 and 234 values of one batch.
        let certain = others.iter().any(|part| part.starts_with('0')) || parts.len() == 2 && first.len() == 1;
        return if certain { Ok(true) } else { Err(ambiguous()) };
    }
    let is_integer = |part: &&str| !part.contains('.');
    let decimal_comma = others.iter().any(|part| part.len() > 1 && part.starts_with('0') && is_integer(part));
    // 1.234,56 may be written as elsewhere in the world.
    let foreign = matches!(parts.as_slice(), [first, last] if is_integer(last) && last.len() < 3
        && first.split_once('.').is_some_and(|(_, part)| part.len() == 3));
    if decimal_comma || foreign || parts.len() == 2 && parts.iter().all(is_integer) {
        return Err(ambiguous());
    }
    Ok(false)
}

/// The number at the start of a text without blanks, and what follows it: `4.8×10^2CFU/g` is 480 and
/// `CFU/g`. None where the text does not begin with a number.
///
/// # Errors
/// `lost_exponent` where a power of ten has no exponent, `bad_result` where it needs too many digits.
pub fn leading_number(text: &str) -> Result<Option<(Number, &str)>, Fault> {
    let signed = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = signed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(signed.len());
    let (digits, rest) = text.split_at(text.len() - signed.len() + length);
    let Some(mantissa) = parse_decimal(digits) else { return Ok(None) };
    let number = Number::plain(mantissa);
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        if let Some((power, after)) = leading_integer(exponent) {
            return scaled(number, power).map(|number| Some((number, after)));
        }
        // 1.7E: nothing is measured in E.
        return if exponent.is_empty() { Err(lost_exponent()) } else { Ok(Some((number, rest))) };
    }
    if let Some(power) = rest.strip_prefix(['×', 'x', 'X', '*', '·', '✕']) {
        let Some(tail) = power.strip_prefix("10") else { return Ok(Some((number, rest))) };
        let exponent = tail.strip_prefix('^').ok_or_else(lost_exponent)?;
        let (power, after) = leading_integer(exponent).ok_or_else(lost_exponent)?;
        return scaled(number, power).map(|number| Some((number, after)));
    }
    // M=10^2 leaves the factor one unsaid.
    match rest.strip_prefix('^').filter(|_| digits == "10").map(leading_integer) {
        Some(Some((power, after))) => {
            scaled(Number::plain(Decimal::ONE), power).map(|number| Some((number, after)))
        }
        Some(None) => Err(lost_exponent()),
        None => Ok(Some((number, rest))),
    }
}

fn leading_integer(text: &str) -> Option<(i32, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, rest) = text.split_at(text.len() - unsigned.len() + length);
    Some((digits.parse().ok()?, rest))
}

fn scaled(number: Number, power: i32) -> Result<Number, Fault> {
    let value = power_of_ten(number.value, power).ok_or_else(no_number)?;
    let place = number.place.checked_add(power).ok_or_else(no_number)?;
    Ok(Number { value, place })
}

/// Whether a text is digits and points alone, a digit first.
pub fn is_bare(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Chinese characters that units are written with.
const UNIT_WORDS: &str = "毫微克千公斤升每个倍度日份视野当量";

/// What follows a number as its unit, without the basis it is counted on (以Pb计); none where it can be no unit,
/// so that `3.0|0.5`, `2.9(牛乳)/2.8(羊乳)`, `30,其他70`, `0.5~1.0` and `0.5*` are not taken for their first number.
pub fn unit_behind(rest: &str) -> Option<&str> {
    let unit = match rest.rfind('(') {
        Some(start) if rest.ends_with("计)") => &rest[..start],
        _ => rest,
    };
    let plain = |c: char| match c {
        '/' | '%' | '‰' | '.' | '·' | '(' | ')' | '^' | 'μ' | 'µ' | '\u{f06d}' | '°' | '℃' | '²' | '³' => {
            true
        }
        // Square forms: ㎎, ㎏, ㏄.
        '\u{3380}'..='\u{33df}' => true,
        _ => c.is_ascii_alphanumeric() || UNIT_WORDS.contains(c),
    };
    let says =
        |c: char| c.is_alphabetic() || matches!(c, '%' | '‰' | '°' | '℃' | '\u{f06d}') || c > '\u{3000}';
    let named = unit.is_empty() || unit.contains(says) && !unit.contains("()");
    (named && unit.chars().all(plain) && digits_belong(unit)).then_some(unit)
}

/// `/100g`, `cm2`: a digit anywhere else begins another number.
fn digits_belong(unit: &str) -> bool {
    let mut before = None;
    unit.chars().all(|character| {
        let starts_run = character.is_ascii_digit() && !before.is_some_and(|c: char| c.is_ascii_digit());
        let belongs = !starts_run || matches!(before, Some('/' | 'm' | '^'));
        before = Some(character);
        belongs
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_begins_otherwise() {
        let mut bytes = [0; 4];
        for character in ('\0'..=char::MAX).filter(|character| is_part(*character)) {
            assert!(may_begin_part(character.encode_utf8(&mut bytes).as_bytes()[0]), "{character:?}");
        }
    }

    #[test]
    fn every_form_is_met() {
        for (form, _) in FORMS {
            assert!(form.starts_with(is_part), "{form}");
            assert!(form.as_bytes().windows(2).take(1).all(may_begin_form), "{form}");
        }
    }

    #[test]
    fn commas_group_separate_or_are_refused() {
        for (text, expected) in [
            ("1,234", Some("1234")),
            ("12,000CFU/g", Some("12000CFU/g")),
            ("1,050,200", Some("1050200")),
            ("1,234.5", Some("1234.5")),
            ("55,70,110,50,10CFU/g", Some("55,70,110,50,10CFU/g")),
            ("0.05,0.1", Some("0.05,0.1")),
            ("2.4×10^5,2.3×10^5", Some("2.4×10^5,2.3×10^5")),
            ("n=5,c=2,m=10,M=100", Some("n=5,c=2,m=10,M=100")),
            ("0,月饼馅料0.3", Some("0,月饼馅料0.3")),
            ("110,120", None),
            ("110,120,130", None),
            ("12,345", None),
            ("12,5", None),
            ("0,05", None),
        ] {
            assert_eq!(settle_commas(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_know_their_last_place() {
        for (text, value, place, rest) in [
            ("0.20mg/kg", "0.20", -2, "mg/kg"),
            ("200", "200", 0, ""),
            ("4.8×10^2CFU/g", "480", 1, "CFU/g"),
            ("2.5×10^4", "25000", 3, ""),
            ("10^5", "100000", 5, ""),
            ("8e-05", "0.00008", -5, ""),
            ("1.2E+4g", "12000", 3, "g"),
            ("1.1858×10^-3", "0.0011858", -7, ""),
            ("-0.5℃", "-0.5", -1, "℃"),
        ] {
            let (number, after) = leading_number(text).expect(text).expect(text);
            assert_eq!(
                (number.value.to_string().as_str(), number.place, after),
                (value, place, rest),
                "{text}"
            );
        }
    }

    #[test]
    fn a_lost_exponent_is_never_evaluated() {
        for text in ["1.4×10", "1×106", "1.4×10CFU/g", "2.5x104", "5×10-3", "0.12×10-11", "1.4×10^", "10^CFU"]
        {
            let code = leading_number(text).expect_err(text).code;
            assert_eq!(code, Code::LostExponent, "{text}");
        }
    }

    #[test]
    fn units_hold_no_second_number() {
        for (rest, expected) in [
            ("", Some("")),
            ("mg/kg", Some("mg/kg")),
            ("g/100g", Some("g/100g")),
            ("mg/100cm2", Some("mg/100cm2")),
            ("/25g", Some("/25g")),
            ("㎎/㎏", Some("㎎/㎏")),
            ("(以干基计)", Some("")),
            ("mg/kg(以Pb计)", Some("mg/kg")),
            ("CFU/g(mL)", Some("CFU/g(mL)")),
            ("%", Some("%")),
            ("µ/g", Some("µ/g")),
            ("毫克/千克", Some("毫克/千克")),
            ("mg/kg(0.02)", None),
            ("(牛乳)/2.8(羊乳)", None),
            ("~1.0", None),
            ("±0.1mg/kg", None),
            ("-1.0", None),
            ("n9", None),
            ("*", None),
            ("?", None),
            ("↑", None),
            ("()", None),
            ("万", None),
            ("号", None),
            ("/", None),
            ("(估计值)", None),
            ("&nbsp", None),
            ("mg/kg或不得检出", None),
        ] {
            assert_eq!(unit_behind(rest), expected, "{rest}");
        }
    }
}
