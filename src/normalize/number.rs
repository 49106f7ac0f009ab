use rust_decimal::Decimal;

/// A plain decimal number, exactly and with the scale it was written in: `0.050`, `1,234`, `5e-3`.
///
/// Grouping commas are taken only where they group threes. Nothing is rounded: a number that does not
/// fit 28 digits is refused.
pub fn parse_decimal(folded: &str) -> Option<Decimal> {
    let text = folded.trim();
    let ungrouped;
    let text = if text.contains(',') {
        ungrouped = ungroup(text)?;
        ungrouped.as_str()
    } else {
        text
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let well_formed = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.ends_with(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && unsigned.bytes().filter(|byte| *byte == b'.').count() <= 1;
    if !well_formed {
        return None;
    }
    let number = Decimal::from_str_exact(mantissa.strip_prefix('+').unwrap_or(mantissa)).ok()?;
    match exponent {
        None => Some(number),
        Some(exponent) => power_of_ten(number, exponent.parse().ok()?),
    }
}

/// `number × 10^exponent`, exactly, or nothing where that needs more digits than there are.
pub fn power_of_ten(number: Decimal, exponent: i32) -> Option<Decimal> {
    let scale = i64::from(number.scale()) - i64::from(exponent);
    if scale >= 0 {
        return Decimal::try_from_i128_with_scale(number.mantissa(), u32::try_from(scale).ok()?).ok();
    }
    let factor = 10i128.checked_pow(u32::try_from(-scale).ok()?)?;
    Decimal::try_from_i128_with_scale(number.mantissa().checked_mul(factor)?, 0).ok()
}

fn ungroup(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut groups = whole.split(',');
    let first = groups.next()?.trim_start_matches(['-', '+']);
    let grouped = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    if !grouped || fraction.is_some_and(|fraction| fraction.contains(',')) {
        return None;
    }
    Some(text.replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        for (text, expected) in [
            ("0.050", Some("0.050")),
            ("12", Some("12")),
            ("-1.5", Some("-1.5")),
            ("+3", Some("3")),
            ("1,234,567", Some("1234567")),
            ("8e-05", Some("0.00008")),
            ("4.8E2", Some("480")),
            ("1.20e1", Some("12.0")),
            ("12,34", None),
            ("0.0.3", None),
            (".5", Some("0.5")),
            (".", None),
            ("5.", None),
            ("1e999", None),
            ("0.00000000000000000000000000000001", None),
            ("约3万", None),
            ("", None),
        ] {
            assert_eq!(parse_decimal(text).map(|n| n.to_string()).as_deref(), expected, "{text}");
        }
    }
}
