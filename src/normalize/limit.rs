use super::cases::alternatives;
use super::numeral::{Number, compact, is_bare, leading_number, settle_commas, unify_powers, unit_behind};
use super::text::{fold, is_missing};
use crate::model::{Code, Fault};

/// What a limit cell says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Nothing was entered.
    None,
    /// The text points elsewhere (产品明示标准, 按执行标准): there is nothing to compare with.
    Elsewhere,
    One(Bound),
    /// Several values: 西式火腿70，其他30, or `0.36；1.51` for two units. Which holds, the cell does not say.
    Cases(Vec<Case>),
}

/// One requirement on a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bound {
    Value {
        sign: Sign,
        number: Number,
        /// Unit glued to the number, as written; empty where there is none.
        unit: String,
    },
    /// Both ends are allowed.
    Range {
        low: Number,
        high: Number,
        unit: String,
    },
    /// 不得检出, 不得使用: anything found is too much.
    NotDetected,
    /// 阳性: must be found.
    Detected,
    Plan(Plan),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    AtMost,
    Below,
    AtLeast,
    Above,
}

/// Attributes plan of ICMSF (GB 4789.1): at most `c` of `n` above `m`, none above `big_m`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    pub n: u32,
    pub c: u32,
    pub m: Number,
    /// None in a two-class plan.
    pub big_m: Option<Number>,
    pub unit: String,
}

/// A value that holds under a condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Case {
    /// Product, method or form in the standard's words; empty for "else", or where none is stated.
    pub condition: String,
    /// None where the case has no limit.
    pub bound: Option<Bound>,
}

/// Reads a limit cell. `bare` is what a number without a sign means: a maximum, or a minimum in the column
/// of minima.
///
/// # Errors
/// `bad_limit`, or `lost_exponent` where a power of ten was cut off.
pub fn parse_limit(text: &str, bare: Sign) -> Result<Limit, Fault> {
    if text.is_empty() {
        return Ok(Limit::None);
    }
    // Most are one number, to which nothing of what follows would happen.
    if is_bare(text)
        && let Some(bound) = parse_number(text, bare)?
    {
        return Ok(Limit::One(bound));
    }
    parse_any(text, bare)
}

fn parse_any(text: &str, bare: Sign) -> Result<Limit, Fault> {
    let unified = unify_powers(text);
    let mut text = String::with_capacity(unified.len());
    text.extend(
        unified.chars().filter(|c| *c != '\r').map(|c| if matches!(c, '\n' | '，') { ';' } else { c }),
    );
    let folded = fold(&text);
    let compacted = compact(&folded).map_err(|_| bad_limit())?;
    let compacted = without_notes(compacted.trim_end_matches('。'));
    let mut cases = Vec::new();
    for piece in compacted.split('|') {
        match parse_simple(piece, bare)? {
            Some(simple) => cases.push((String::new(), simple)),
            None => cases.extend(alternatives(piece, bare)?),
        }
    }
    Ok(settle(cases))
}

/// What a piece without conditions says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Simple {
    Nothing,
    Elsewhere,
    Bound(Bound),
}

fn settle(mut cases: Vec<(String, Simple)>) -> Limit {
    cases.dedup();
    if let Some(range) = both_ends(&cases) {
        return Limit::One(range);
    }
    let (first, rest) = match cases.split_first() {
        None => return Limit::None,
        Some(split) => split,
    };
    let agree = rest.iter().all(|(_, other)| *other == first.1);
    // 烘炒类25其他类25: whichever holds, it is 25. A lone condition may not hold at all.
    if agree && (!rest.is_empty() || first.0.is_empty()) {
        return match &first.1 {
            Simple::Nothing => Limit::None,
            Simple::Elsewhere => Limit::Elsewhere,
            Simple::Bound(bound) => Limit::One(bound.clone()),
        };
    }
    let cases = cases.into_iter().map(|(condition, simple)| {
        let bound = match simple {
            Simple::Bound(bound) => Some(bound),
            Simple::Nothing | Simple::Elsewhere => None,
        };
        Case { condition, bound }
    });
    Limit::Cases(cases.collect())
}

/// `≥0.5，≤1.0` are the ends of a range.
fn both_ends(cases: &[(String, Simple)]) -> Option<Bound> {
    let [(first, Simple::Bound(low)), (second, Simple::Bound(high))] = cases else { return None };
    let (
        Bound::Value { sign: Sign::AtLeast, number: low, unit },
        Bound::Value { sign, number: high, unit: other },
    ) = (low, high)
    else {
        return None;
    };
    let fits = *sign == Sign::AtMost && first.is_empty() && second.is_empty() && unit == other;
    (fits && low.value <= high.value).then(|| Bound::Range { low: *low, high: *high, unit: unit.clone() })
}

pub(super) fn bad_limit() -> Fault {
    Fault::new(Code::BadLimit, "a number with its unit, a plan such as n=5,c=2,m=10,M=100CFU/g, or 不得检出")
}

/// Drops (注:…): a remark on when the substance is looked for at all.
fn without_notes(text: &str) -> String {
    let mut kept = text.to_owned();
    while let Some(start) = kept.find("(注") {
        let end = kept[start..].find(')').map_or(kept.len(), |end| start + end + 1);
        kept.replace_range(start..end, "");
    }
    kept
}

/// Words that allow nothing; longer ones come before those they begin with.
const BANS: [&str; 15] = [
    "不得检出",
    "不应检出",
    "不得使用",
    "不准使用",
    "不应使用",
    "不得添加",
    "不应添加",
    "不得加入",
    "不得含有",
    "不允许使用",
    "不允许添加",
    "不允许",
    "禁止使用",
    "禁用",
    "阴性",
];

/// A piece that states one requirement without a condition; none where it is no such piece.
pub(super) fn parse_simple(piece: &str, bare: Sign) -> Result<Option<Simple>, Fault> {
    if is_missing(piece) || !piece.is_empty() && piece.chars().all(|c| matches!(c, '-' | '—' | '–')) {
        return Ok(Some(Simple::Nothing));
    }
    if let Some(rest) = BANS.iter().find_map(|word| piece.strip_prefix(word)) {
        let qualified = rest.starts_with('(') || unit_behind(rest).is_some();
        return Ok(qualified.then_some(Simple::Bound(Bound::NotDetected)));
    }
    if matches!(piece, "阳性" | "呈阳性" | "应检出") {
        return Ok(Some(Simple::Bound(Bound::Detected)));
    }
    if points_elsewhere(piece) {
        return Ok(Some(Simple::Elsewhere));
    }
    if let Some(plan) = parse_plan(piece)? {
        return Ok(Some(Simple::Bound(Bound::Plan(plan))));
    }
    let settled = settle_commas(piece).map_err(|_| bad_limit())?;
    Ok(parse_number(&settled, bare)?.map(Simple::Bound))
}

/// Words that name another document or a property without a number. The numbers of standards (GB 29924)
/// are names; any other digit is a limit that must not be skipped.
fn points_elsewhere(piece: &str) -> bool {
    let named =
        ["产品明示", "明示", "按", "符合", "应符合", "参照", "依据", "商业无菌", "通过试验", "无要求", "见"];
    if !named.iter().any(|word| piece.starts_with(word)) {
        return false;
    }
    let mut previous = ' ';
    let mut in_name = false;
    piece.chars().all(|character| {
        let digit = character.is_ascii_digit();
        in_name = match character {
            'A'..='Z' => true,
            '0'..='9' | '.' | '-' | '/' | '—' => in_name || previous.is_ascii_uppercase(),
            _ => false,
        };
        previous = character;
        !digit || in_name
    })
}

/// Signs and their words; longer ones come before those they begin with.
const SIGNS: [(&str, Sign); 26] = [
    ("≤", Sign::AtMost),
    ("不大于", Sign::AtMost),
    ("不得大于", Sign::AtMost),
    ("不高于", Sign::AtMost),
    ("不得高于", Sign::AtMost),
    ("不超过", Sign::AtMost),
    ("不得超过", Sign::AtMost),
    ("不应超过", Sign::AtMost),
    ("小于等于", Sign::AtMost),
    ("小于或等于", Sign::AtMost),
    ("最大", Sign::AtMost),
    ("<", Sign::Below),
    ("小于", Sign::Below),
    ("≥", Sign::AtLeast),
    ("不小于", Sign::AtLeast),
    ("不得小于", Sign::AtLeast),
    ("不低于", Sign::AtLeast),
    ("不得低于", Sign::AtLeast),
    ("不少于", Sign::AtLeast),
    ("不得少于", Sign::AtLeast),
    ("大于等于", Sign::AtLeast),
    ("大于或等于", Sign::AtLeast),
    ("至少", Sign::AtLeast),
    ("最小", Sign::AtLeast),
    (">", Sign::Above),
    ("大于", Sign::Above),
];

/// `≤200mg/kg`, `0.5~1.0`, `20mg/kg~50mg/kg`, `100(以干基计)`, `0.5以下`.
fn parse_number(text: &str, bare: Sign) -> Result<Option<Bound>, Fault> {
    // In standards 以下 and 以上 include the number itself.
    for (word, sign) in [("以下", Sign::AtMost), ("以内", Sign::AtMost), ("以上", Sign::AtLeast)] {
        if let Some(number) = text.strip_suffix(word) {
            return parse_number(number, sign);
        }
    }
    let signed = SIGNS.iter().find_map(|(word, sign)| Some((*sign, text.strip_prefix(word)?)));
    let (sign, rest) = signed.unwrap_or((bare, text));
    let Some((number, after)) = leading_number(rest)? else { return Ok(None) };
    if signed.is_none()
        && let Some((first, end)) = after.split_once(TO)
        && let Some(first) = unit_behind(first)
        && let Some((high, unit)) = leading_number(end.trim_start_matches(TO))?
        && let Some(unit) = unit_behind(unit)
        && (first.is_empty() || first == unit)
    {
        let in_order = number.value <= high.value && !number.value.is_sign_negative();
        let range = Bound::Range { low: number, high, unit: unit.to_owned() };
        return if in_order { Ok(Some(range)) } else { Err(bad_limit()) };
    }
    Ok(unit_behind(after).map(|unit| Bound::Value { sign, number, unit: unit.to_owned() }))
}

/// Between the ends of a range.
const TO: [char; 5] = ['~', '-', '—', '–', '至'];

/// `n=5,c=2,m=10,M=100CFU/g`, `N:5;c:0;m:0/25g`, `n=5,c=0,0/25g`. None where the text is no plan.
fn parse_plan(text: &str) -> Result<Option<Plan>, Fault> {
    let begins = |index: usize, name: char| {
        let tail = &text[index + name.len_utf8()..];
        tail.starts_with(['=', ':']) && matches!(name, 'n' | 'N' | 'c' | 'C' | 'm' | 'M')
    };
    let starts: Vec<(usize, char)> =
        text.char_indices().filter(|(index, name)| begins(*index, *name)).collect();
    if starts.len() < 2 || starts.first().is_none_or(|(index, _)| *index > 0) {
        return Ok(None);
    }
    let ends = starts.iter().skip(1).map(|(index, _)| *index).chain([text.len()]);
    let (mut n, mut c, mut m, mut big_m, mut unit) = (None, None, None, None, String::new());
    let mut units_differ = false;
    for ((start, name), end) in starts.iter().zip(ends) {
        let value = text[start + 2..end].trim_end_matches([',', ';', '、', '.']);
        let (value, stated) = value.split_once("(单位:").unwrap_or((value, ""));
        let slot = match name {
            'n' | 'N' => {
                n = value.parse::<u32>().ok();
                continue;
            }
            // The third member sometimes lacks its name: c=0,0/25g.
            'c' | 'C' => {
                let (count, third) = value.split_once([',', ';']).unwrap_or((value, ""));
                c = count.parse::<u32>().ok();
                if third.is_empty() {
                    continue;
                }
                m = Some(plan_number(third)?);
                unit = plan_unit(third)?;
                continue;
            }
            'm' => &mut m,
            _ => &mut big_m,
        };
        *slot = Some(plan_number(value)?);
        let own = if stated.is_empty() { plan_unit(value)? } else { stated.trim_end_matches(')').to_owned() };
        units_differ |= !own.is_empty() && !unit.is_empty() && own != unit;
        unit = if own.is_empty() { unit } else { own };
    }
    let (Some(n), Some(c), Some(m)) = (n, c, m) else { return Err(bad_limit()) };
    let ordered = big_m.is_none_or(|big: Number| big.value > m.value);
    if n == 0 || c >= n || !ordered || m.value.is_sign_negative() || units_differ {
        return Err(bad_limit());
    }
    Ok(Some(Plan { n, c, m, big_m, unit }))
}

/// # Errors
/// `lost_exponent` for 102 to 109: no plan has such a limit, 10² to 10⁹ are what was printed.
fn plan_number(text: &str) -> Result<Number, Fault> {
    let (number, unit) = leading_number(text.trim_start_matches(['≤', '<', '=']))?.ok_or_else(bad_limit)?;
    let whole = number.place == 0 && (102..=109).any(|cut| number.value == rust_decimal::Decimal::from(cut));
    if whole {
        return Err(Fault::new(Code::LostExponent, "a plan with its exponents, such as m=10^4,M=10^5"));
    }
    if unit_behind(unit).is_some() { Ok(number) } else { Err(bad_limit()) }
}

fn plan_unit(text: &str) -> Result<String, Fault> {
    let number = leading_number(text.trim_start_matches(['≤', '<', '=']))?;
    Ok(number.and_then(|(_, unit)| unit_behind(unit)).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bare_number_is_read_as_any_other_text(text in r"[0-9.]{1,6}|[0-9]{1,40}(\.[0-9]{0,40})?") {
            for bare in [Sign::AtMost, Sign::AtLeast] {
                prop_assert_eq!(parse_limit(&text, bare), parse_any(&text, bare));
            }
        }
    }
}
