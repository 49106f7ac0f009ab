//! Limits that state several values under conditions.
//!
//! Read only where no digit can belong to anything but a value: a condition with digits of its own, a
//! share of something else (占总脂肪酸的3%) or a sum of substances is refused, never guessed.

use super::limit::{Sign, Simple, bad_limit, parse_simple};
use crate::model::Fault;

/// Condition and value of each alternative in a piece that is no simple limit.
///
/// # Errors
/// `bad_limit` where any part cannot be told apart.
pub(super) fn alternatives(piece: &str, bare: Sign) -> Result<Vec<(String, Simple)>, Fault> {
    let piece = piece.replace(")/", ");");
    let mut cases = Vec::new();
    for part in split_outside_brackets(&piece, &[';', ',']) {
        if part.is_empty() {
            continue;
        }
        match parse_simple(part, bare)? {
            // A value without a condition behind those with one belongs to one of them, unsaid to which.
            Some(_) if cases.iter().any(|(condition, _): &(String, Simple)| !condition.is_empty()) => {
                return Err(bad_limit());
            }
            Some(simple) => cases.push((String::new(), simple)),
            None => cases.extend(conditioned(part, bare)?),
        }
    }
    // 5,2,10,100 are the members of a plan without their names.
    let unnamed = cases.iter().filter(|(condition, _)| condition.is_empty()).count();
    if cases.is_empty() || unnamed > 3 { Err(bad_limit()) } else { Ok(cases) }
}

/// One part: `condition:value`, `value(condition)`…, or `condition value`….
fn conditioned(part: &str, bare: Sign) -> Result<Vec<(String, Simple)>, Fault> {
    let colons = split_outside_brackets(part, &[':']);
    if let [conditions @ .., value] = colons.as_slice()
        && !conditions.is_empty()
        && let Some(simple) = parse_simple(value, bare)?
    {
        let condition = conditions.join(":");
        // 180高蛋白:43 glues the value before it to the condition; 6-12月龄 is one.
        let digits_first = condition.starts_with(|c: char| c.is_ascii_digit());
        if digits_first && !condition.ends_with("月龄") || !has_letter(&condition) {
            return Err(bad_limit());
        }
        return Ok(vec![(checked(condition)?, simple)]);
    }
    let mut cases = Vec::new();
    let mut rest = part;
    if rest.starts_with(|c: char| c.is_ascii_digit() || is_sign(c)) {
        while !rest.is_empty() {
            let (value, after) = split_value(rest)?;
            let (condition, after) = match bracket(after)? {
                Some(split) => split,
                // 0.4仅限预调酒: all that follows is the condition.
                None if cases.is_empty() && !after.is_empty() => (after, ""),
                None => return Err(bad_limit()),
            };
            cases.push((without_digits(condition)?, simple_value(value, bare)?));
            rest = after.trim_start_matches(['/', '、']);
        }
    } else {
        while !rest.is_empty() {
            let at =
                first_outside_brackets(rest, |c| c.is_ascii_digit() || is_sign(c)).ok_or_else(bad_limit)?;
            let (condition, tail) = rest.split_at(at);
            let (value, after) = split_value(tail)?;
            let condition = condition.trim_start_matches('、').trim_end_matches([':', '为']);
            cases.push((without_digits(condition)?, simple_value(value, bare)?));
            rest = after;
        }
    }
    Ok(cases)
}

fn is_sign(character: char) -> bool {
    matches!(character, '≤' | '≥' | '<' | '>')
}

fn has_letter(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

fn simple_value(value: &str, bare: Sign) -> Result<Simple, Fault> {
    parse_simple(value, bare)?.ok_or_else(bad_limit)
}

/// A value with the unit glued to it, and what follows: the next Chinese character or bracket ends it.
fn split_value(text: &str) -> Result<(&str, &str), Fault> {
    let end = text.find(|c: char| c == '(' || c == '【' || c == '[' || is_word(c)).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    // 100(以干基计): a basis belongs to the value.
    if let Some((basis, after)) = bracket(rest)?
        && basis.ends_with('计')
    {
        return Ok((value, after));
    }
    Ok((value, rest))
}

fn is_word(character: char) -> bool {
    character >= '\u{3400}' && character.is_alphabetic() || character == '、'
}

/// The inside of the bracket that a text begins with, and what follows it.
fn bracket(text: &str) -> Result<Option<(&str, &str)>, Fault> {
    let Some(first) = text.chars().next().filter(|c| matches!(c, '(' | '【' | '[')) else { return Ok(None) };
    let mut depth = 0;
    for (index, character) in text.char_indices() {
        match character {
            '(' | '【' | '[' => depth += 1,
            ')' | '】' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(Some((&text[first.len_utf8()..index], &text[index + character.len_utf8()..])));
        }
    }
    Err(bad_limit())
}

fn without_digits(condition: &str) -> Result<String, Fault> {
    let plain = !condition.contains(|c: char| c.is_ascii_digit() || is_sign(c)) && has_letter(condition);
    if plain { checked(condition.to_owned()) } else { Err(bad_limit()) }
}

/// Refuses what turns the number into something else than a limit of this substance.
fn checked(condition: String) -> Result<String, Fault> {
    let relative = ["占", "之和", "折算", "换算", "总量", "比例"].iter().any(|word| condition.contains(word));
    // Words of a limit that nobody here understands are no condition.
    let limits = ["不得", "不应", "不超", "不大", "不小", "不低", "不高", "以下", "以上", "检出"];
    if relative || condition.ends_with('的') || limits.iter().any(|word| condition.contains(word)) {
        Err(bad_limit())
    } else {
        Ok(condition)
    }
}

fn split_outside_brackets<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0i32, 0);
    for (index, character) in text.char_indices() {
        match character {
            '(' | '【' | '[' => depth += 1,
            ')' | '】' | ']' => depth -= 1,
            _ if depth == 0 && separators.contains(&character) => {
                parts.push(&text[start..index]);
                start = index + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn first_outside_brackets(text: &str, test: impl Fn(char) -> bool) -> Option<usize> {
    let mut depth = 0i32;
    for (index, character) in text.char_indices() {
        match character {
            '(' | '【' | '[' => depth += 1,
            ')' | '】' | ']' => depth -= 1,
            _ if depth == 0 && test(character) => return Some(index),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::normalize::{Bound, Limit, Sign, parse_limit};

    /// A limit in one line: `condition→bound` for each case, `?` where the case has none.
    fn shown(text: &str, bare: Sign) -> String {
        let bound = |bound: &Bound| match bound {
            Bound::Value { sign, number, unit } => {
                let sign = match sign {
                    Sign::AtMost => "≤",
                    Sign::Below => "<",
                    Sign::AtLeast => "≥",
                    Sign::Above => ">",
                };
                format!("{sign}{}{unit}", number.value)
            }
            Bound::Range { low, high, unit } => format!("{}~{}{unit}", low.value, high.value),
            Bound::NotDetected => "none".to_owned(),
            Bound::Detected => "some".to_owned(),
            Bound::Plan(plan) => {
                let big = plan.big_m.map_or("-".to_owned(), |big| big.value.to_string());
                format!("n={},c={},m={},M={big}{}", plan.n, plan.c, plan.m.value, plan.unit)
            }
        };
        match parse_limit(text, bare) {
            Err(fault) => fault.code.to_string(),
            Ok(Limit::None) => String::new(),
            Ok(Limit::Elsewhere) => "elsewhere".to_owned(),
            Ok(Limit::One(one)) => bound(&one),
            Ok(Limit::Cases(cases)) => {
                let cases = cases.iter().map(|case| {
                    format!("{}→{}", case.condition, case.bound.as_ref().map_or("?".to_owned(), bound))
                });
                cases.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn limits_are_read_or_named() {
        for (text, expected) in [
            ("≤200mg/kg", "≤200mg/kg"),
            ("<200mg/kg", "<200mg/kg"),
            ("0.20", "≤0.20"),
            ("≥2.5g/100g", "≥2.5g/100g"),
            ("≥1000.0 µ/g", "≥1000.0µ/g"),
            ("不得检出μg/kg", "none"),
            ("不得检出（＜0.3）", "none"),
            ("不得使用", "none"),
            ("阴性", "none"),
            ("呈阳性", "some"),
            ("/", ""),
            ("---", ""),
            ("-|-|-", ""),
            ("----------", ""),
            ("产品明示标准", "elsewhere"),
            ("符合GB 29924规定要求", "elsewhere"),
            ("应符合商业无菌要求", "elsewhere"),
            ("按GB 2760执行，≤5", "→? →≤5"),
            ("0.5~1.0", "0.5~1.0"),
            ("6.0-9.0", "6.0~9.0"),
            ("1.0-0.5", "bad_limit"),
            ("100（以干基计）", "≤100"),
            ("0.5（注：此为可选择性成分，如果添加，则必须满足此限量范围）", "≤0.5"),
            ("n=5,c=2,m=10,M=10²CFU/g", "n=5,c=2,m=10,M=100CFU/g"),
            ("n=5,c=2,m=10²CFU/g,\nM=10³CFU/g", "n=5,c=2,m=100,M=1000CFU/g"),
            ("n:5,c:0,m:0/25g", "n=5,c=0,m=0,M=-/25g"),
            ("N:5;c:1;m:100；M：1000", "n=5,c=1,m=100,M=1000"),
            ("n=5,c=0,0/25g", "n=5,c=0,m=0,M=-/25g"),
            ("n=5,c=2,m=2.5×10⁴,M=10⁵（单位：CFU/g）", "n=5,c=2,m=25000,M=100000CFU/g"),
            ("n=5，c=2，m=2.5×10", "lost_exponent"),
            ("N=5，c=2，m=104，M=105", "lost_exponent"),
            ("n=5,c=5,m=10,M=100", "bad_limit"),
            ("n=5,c=2,m=100,M=10", "bad_limit"),
            ("n=5,c=2", "bad_limit"),
            ("200≤mg/kg", "bad_limit"),
            ("西式火腿70，其他30", "西式火腿→≤70 其他→≤30"),
            ("2.9(牛乳）/2.8（羊乳）", "牛乳→≤2.9 羊乳→≤2.8"),
            ("90（散装）30（瓶、袋装）", "散装→≤90 瓶、袋装→≤30"),
            ("肉类罐头：0；|其它：3.0", "肉类罐头→≤0 其它→≤3.0"),
            (
                "肉制品（肝脏制品、肾脏制品除外）：0.1；肝脏制品：0.5",
                "肉制品(肝脏制品、肾脏制品除外)→≤0.1 肝脏制品→≤0.5",
            ),
            ("烘炒类25其他类25", "≤25"),
            ("加工坚果与籽类0.1", "加工坚果与籽类→≤0.1"),
            ("0.025(食用冰除外）", "食用冰除外→≤0.025"),
            ("0.4仅限预调酒", "仅限预调酒→≤0.4"),
            ("0，月饼馅料0.3", "→≤0 月饼馅料→≤0.3"),
            ("0.36；1.51", "→≤0.36 →≤1.51"),
            ("0.0|0.0", "≤0.0"),
            ("0.0|n=5,c=0,m=0", "→≤0.0 →n=5,c=0,m=0,M=-"),
            ("300.0|产品明示标准及质量要求", "→≤300.0 →?"),
            ("饼干或其他：-；谷物辅食：43", "饼干或其他→? 谷物辅食→≤43"),
            ("6-12月龄：9.0；13-36月龄：10.8", "6-12月龄→≤9.0 13-36月龄→≤10.8"),
            ("GB2762：1.0；GB10144：0.5", "GB2762→≤1.0 GB10144→≤0.5"),
            ("第一法为0.01|第二法为0.2", "第一法→≤0.01 第二法→≤0.2"),
            ("白、桃红葡萄酒250mg/L；红葡萄酒400mg/L", "白、桃红葡萄酒→≤250mg/L 红葡萄酒→≤400mg/L"),
            ("谷物辅食：43；180高蛋白：43；180生制类：43；180", "bad_limit"),
            ("即食：0；1000；非即食：0", "bad_limit"),
            ("占总脂肪酸的3%", "bad_limit"),
            ("氨基酸态氮的30%（酿造酱油）", "bad_limit"),
            ("与黄曲霉毒素B1之和为20μg/kg", "bad_limit"),
            ("黄曲霉毒素之和为20μg/kg", "bad_limit"),
            ("2:1", "bad_limit"),
            ("15:1", "bad_limit"),
            ("1500或10000", "bad_limit"),
            ("0.650.15(可乐型)", "bad_limit"),
            ("0.2(桃:0.1)", "bad_limit"),
            ("熟制品（N:5;c:1;m:100；M：1000）生制品（N:5;c:1;m:1000；M：10000）", "bad_limit"),
            ("≥0.5，≤1.0", "0.5~1.0"),
            ("20mg/kg～50mg/kg", "20~50mg/kg"),
            ("18 mg/kg - 33 mg/kg", "18~33mg/kg"),
            ("不得超过0.5mg/kg", "≤0.5mg/kg"),
            ("不得低于3.0", "≥3.0"),
            ("大于等于0.8", "≥0.8"),
            ("≦0.5", "≤0.5"),
            ("0.5以下", "≤0.5"),
            ("0.5mg/kg以上", "≥0.5mg/kg"),
            ("≤200㎎/㎏", "≤200㎎/㎏"),
            ("不允许使用", "none"),
            ("不得检出。", "none"),
            ("0/25g不得检出", "bad_limit"),
            ("5,2,10,100", "bad_limit"),
            ("n=5,c=2,m=10,M=10", "bad_limit"),
            ("n=5,c=2,m=10CFU/g,M=100CFU/mL", "bad_limit"),
            ("n=5,c=2,m=10³,M=10⁴或n=5,c=1,m=10,M=100", "bad_limit"),
            ("c,", "bad_limit"),
            ("°T", "bad_limit"),
        ] {
            assert_eq!(shown(text, Sign::AtMost), expected, "{text}");
        }
        for (text, expected) in
            [("2.5", "≥2.5"), ("≤2.5", "≤2.5"), ("12(牛乳)/6（羊乳）", "牛乳→≥12 羊乳→≥6")]
        {
            assert_eq!(shown(text, Sign::AtLeast), expected, "{text}");
        }
    }
}
