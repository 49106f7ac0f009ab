use super::Unit;

/// `scale × numerator / denominator` with `digits` decimals, rounded half to even (GB/T 8170-2008) from
/// the exact integers.
pub fn ratio_text(numerator: i64, denominator: i64, scale: i64, digits: u32) -> String {
    if denominator == 0 {
        return String::new();
    }
    let power = 10i128.pow(digits);
    let top = i128::from(numerator) * i128::from(scale) * power;
    let bottom = i128::from(denominator);
    let (quotient, rest) = (top.div_euclid(bottom), top.rem_euclid(bottom));
    let up = match (2 * rest).cmp(&bottom) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Less => false,
    };
    let rounded = quotient + i128::from(up);
    let (sign, size) = (if rounded < 0 { "-" } else { "" }, rounded.unsigned_abs());
    let power = power.unsigned_abs();
    if digits == 0 {
        return format!("{sign}{size}");
    }
    format!("{sign}{}.{:0width$}", size / power, size % power, width = digits as usize)
}

/// The value of a figure as text, in its unit.
pub fn value_text(numerator: i64, denominator: Option<i64>, unit: Unit) -> String {
    match (unit, denominator) {
        (Unit::Count, _) | (_, None) => numerator.to_string(),
        (_, Some(denominator)) => ratio_text(numerator, denominator, unit.scale(), unit.digits()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_round_half_to_even_from_integers() {
        for (numerator, denominator, scale, digits, expected) in [
            (2351, 2400, 100, 1, "98.0"),
            (2351, 2400, 100, 2, "97.96"),
            (1, 8, 100, 0, "12"),
            (3, 8, 100, 0, "38"),
            (1, 3, 100, 2, "33.33"),
            (0, 7, 100, 2, "0.00"),
            (1, 0, 100, 2, ""),
            (2760, 690_000, 1000, 3, "4.000"),
            (i64::MAX, 1, 1000, 2, "9223372036854775807000.00"),
        ] {
            assert_eq!(ratio_text(numerator, denominator, scale, digits), expected);
        }
    }
}
