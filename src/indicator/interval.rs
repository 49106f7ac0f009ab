/// How the uncertainty of a figure is stated; always at 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    None,
    /// Score interval of a proportion (Wilson 1927).
    Wilson,
    /// Byar's approximation to the exact Poisson limits of a rate (Breslow and Day 1987).
    Byar,
}

impl Interval {
    pub fn as_str(self) -> &'static str {
        match self {
            Interval::None => "",
            Interval::Wilson => "wilson95",
            Interval::Byar => "byar95",
        }
    }
}

/// 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Lower and upper bound in the figure's unit, as text with `digits` decimals; nothing without data.
pub fn bounds(
    interval: Interval,
    numerator: i64,
    denominator: i64,
    scale: i64,
    digits: usize,
) -> Option<(String, String)> {
    if denominator <= 0 || numerator < 0 {
        return None;
    }
    let (x, n, scale) = (numerator as f64, denominator as f64, scale as f64);
    let (lower, upper) = match interval {
        Interval::None => return None,
        Interval::Wilson if numerator > denominator => return None,
        Interval::Wilson => wilson(x, n),
        Interval::Byar => byar(x, n),
    };
    Some((fixed(lower * scale, digits), fixed(upper * scale, digits)))
}

/// A number with so many decimals, rounded as `{:.digits$}` does, which works with all digits that a number has.
fn fixed(number: f64, digits: usize) -> String {
    let power = 10u64.checked_pow(digits as u32).unwrap_or(u64::MAX);
    let scaled = number * power as f64;
    // What is lost in scaling is far less than this.
    let is_near_half = (scaled.fract() - 0.5).abs() < 1e-6;
    if !(0.0..1e9).contains(&scaled) || number.is_sign_negative() || digits == 0 || is_near_half {
        return format!("{number:.digits$}");
    }
    let rounded = scaled.round() as u64;
    format!("{}.{:0digits$}", rounded / power, rounded % power)
}

fn wilson(x: f64, n: f64) -> (f64, f64) {
    let p = x / n;
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let width = 1.0 + Z * Z / n;
    let lower = if x == 0.0 { 0.0 } else { (centre - half) / width };
    let upper = if x == n { 1.0 } else { (centre + half) / width };
    (lower.max(0.0), upper.min(1.0))
}

fn byar(x: f64, n: f64) -> (f64, f64) {
    let cube = |value: f64| value * value * value;
    let lower = if x == 0.0 { 0.0 } else { x * cube(1.0 - 1.0 / (9.0 * x) - Z / (3.0 * x.sqrt())) };
    let next = x + 1.0;
    let upper = next * cube(1.0 - 1.0 / (9.0 * next) + Z / (3.0 * next.sqrt()));
    (lower.max(0.0) / n, upper / n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_rounded_as_rust_rounds_them(
            number in prop_oneof![0f64..200.0, (0u32..4000).prop_map(|eighths| f64::from(eighths) / 8.0), any::<f64>()],
            digits in 0usize..7,
        ) {
            prop_assert_eq!(fixed(number, digits), format!("{number:.digits$}"));
        }
    }

    #[test]
    fn intervals_agree_with_published_values() {
        // Wilson: Newcombe 1998, Statistics in Medicine 17:857, table I. Byar: the formula in exact
        // arithmetic.
        for (interval, x, n, scale, lower, upper) in [
            (Interval::Wilson, 81, 263, 1, "0.2553", "0.3662"),
            (Interval::Wilson, 15, 148, 1, "0.0624", "0.1605"),
            (Interval::Wilson, 0, 20, 1, "0.0000", "0.1611"),
            (Interval::Wilson, 1, 29, 1, "0.0061", "0.1718"),
            (Interval::Byar, 10, 1000, 1000, "4.7874", "18.3915"),
        ] {
            let found = bounds(interval, x, n, scale, 4);
            assert_eq!(found, Some((lower.to_owned(), upper.to_owned())), "{x}/{n}");
        }
        assert_eq!(bounds(Interval::Wilson, 0, 0, 100, 2), None);
    }

    #[test]
    fn the_wilson_interval_holds_its_rate() {
        for n in 1..=60 {
            for x in 0..=n {
                let (lower, upper) = wilson(x as f64, n as f64);
                let p = x as f64 / n as f64;
                assert!((0.0..=p).contains(&lower) && (p..=1.0).contains(&upper), "{x}/{n}");
            }
        }
    }
}
