//! Comparison and rounding in exact fractions: no digit is lost between a value, its unit and a limit.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign as BigSign};
use rust_decimal::Decimal;

use crate::normalize::Number;
use crate::reference::Unit;

/// A rational number; the denominator is positive.
#[derive(Debug, Clone)]
pub struct Fraction {
    numerator: BigInt,
    denominator: BigInt,
}

impl Fraction {
    pub fn of(value: Decimal) -> Fraction {
        Fraction { numerator: BigInt::from(value.mantissa()), denominator: power_of_ten(value.scale()) }
    }

    /// `digits` over `10^scale`.
    pub fn decimal(digits: BigInt, scale: u32) -> Fraction {
        Fraction { numerator: digits, denominator: power_of_ten(scale) }
    }

    /// The number of `other` that make one of `own`; both measure the same dimension.
    pub fn conversion(own: &Unit, other: &Unit) -> Fraction {
        Fraction {
            numerator: BigInt::from(own.numerator) * BigInt::from(other.denominator),
            denominator: BigInt::from(own.denominator) * BigInt::from(other.numerator),
        }
    }

    pub fn times(&self, other: &Fraction) -> Fraction {
        Fraction {
            numerator: &self.numerator * &other.numerator,
            denominator: &self.denominator * &other.denominator,
        }
    }

    pub fn plus(&self, other: &Fraction) -> Fraction {
        Fraction {
            numerator: &self.numerator * &other.denominator + &other.numerator * &self.denominator,
            denominator: &self.denominator * &other.denominator,
        }
    }

    /// None for a division by zero.
    pub fn divided_by(&self, other: &Fraction) -> Option<Fraction> {
        let (numerator, denominator) =
            (&self.numerator * &other.denominator, &self.denominator * &other.numerator);
        match denominator.sign() {
            BigSign::NoSign => None,
            BigSign::Plus => Some(Fraction { numerator, denominator }),
            BigSign::Minus => Some(Fraction { numerator: -numerator, denominator: -denominator }),
        }
    }

    /// Rounded to a place, half to even (GB/T 8170-2008, 3.2): `0.25` to place -1 is `0.2`.
    pub fn rounded(&self, place: i32) -> Fraction {
        let power = power_of_ten(place.unsigned_abs());
        let (numerator, denominator) = if place >= 0 {
            (self.numerator.clone(), &self.denominator * &power)
        } else {
            (&self.numerator * &power, self.denominator.clone())
        };
        let whole = half_to_even(&numerator, &denominator);
        if place >= 0 {
            Fraction { numerator: whole * power, denominator: BigInt::from(1) }
        } else {
            Fraction { numerator: whole, denominator: power }
        }
    }

    /// As a decimal with this many digits behind the point, rounded half to even; none where it does not
    /// fit 28 digits.
    pub fn to_decimal(&self, scale: u32) -> Option<Decimal> {
        let whole = half_to_even(&(&self.numerator * power_of_ten(scale)), &self.denominator);
        Decimal::try_from_i128_with_scale(i128::try_from(whole).ok()?, scale).ok()
    }

    /// Rounded to this many digits from the first that is not zero, half to even; none where it does not fit
    /// 28 digits.
    pub fn to_significant(&self, digits: u32) -> Option<Decimal> {
        if self.numerator.sign() == BigSign::NoSign {
            return Some(Decimal::ZERO);
        }
        let size = |number: &BigInt| i32::try_from(number.to_string().trim_start_matches('-').len()).ok();
        // The quotient has as many digits before the point as the numbers differ in length, or one more.
        let mut place = size(&self.numerator)? - size(&self.denominator)? + 1 - i32::try_from(digits).ok()?;
        if self.is_below(place + i32::try_from(digits).ok()? - 1) {
            place -= 1;
        }
        self.rounded(place).to_decimal(place.min(0).unsigned_abs())
    }

    /// Whether the amount is below `10^power`.
    fn is_below(&self, power: i32) -> bool {
        let scale = power_of_ten(power.unsigned_abs());
        let amount = BigInt::from(self.numerator.magnitude().clone());
        if power >= 0 { amount < &self.denominator * scale } else { amount * scale < self.denominator }
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Fraction) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Fraction {}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> Ordering {
        (&self.numerator * &other.denominator).cmp(&(&other.numerator * &self.denominator))
    }
}

fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

/// The integer nearest to `numerator / denominator`, the even one of two; the sign changes nothing.
fn half_to_even(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let (sign, amount) = numerator.clone().into_parts();
    let amount = BigInt::from(amount);
    let (whole, rest) = (&amount / denominator, amount % denominator);
    let is_odd = whole.bit(0);
    let nearest = match (rest * 2u32).cmp(denominator) {
        Ordering::Less => whole,
        Ordering::Equal if !is_odd => whole,
        Ordering::Equal | Ordering::Greater => whole + 1,
    };
    if sign == BigSign::Minus { -nearest } else { nearest }
}

/// A number rounded to a place, half to even (GB/T 8170-2008, 3.2).
pub fn round_half_even(value: Decimal, place: i32) -> Option<Decimal> {
    Fraction::of(value).rounded(place).to_decimal(place.min(0).unsigned_abs())
}

/// How a value meets a limit (GB/T 8170-2008, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Comparison {
    /// 全数值比较法: the value as it is. What holds unless a standard says otherwise.
    #[default]
    Whole,
    /// 修约值比较法: the value rounded to the last place of the limit.
    Rounded,
}

impl Comparison {
    /// `value` against `limit`, both in the limit's unit.
    pub fn compare(self, value: &Fraction, limit: Number) -> Ordering {
        let bound = Fraction::of(limit.value);
        match self {
            Comparison::Whole => value.cmp(&bound),
            Comparison::Rounded => value.rounded(limit.place).cmp(&bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of GB/T 8170-2008 and their likes.
    #[test]
    fn numbers_round_half_to_even() {
        for (value, place, expected) in [
            ("12.1498", -1, "12.1"),
            ("12.1498", 0, "12"),
            ("1268", 2, "1300"),
            ("10.502", 0, "11"),
            ("1.050", -1, "1.0"),
            ("0.35", -1, "0.4"),
            ("2500", 3, "2000"),
            ("3500", 3, "4000"),
            ("-355", 1, "-360"),
            ("-325", 1, "-320"),
            ("-0.0365", -3, "-0.036"),
            ("0.25", -1, "0.2"),
            ("0.2500000000000000000000001", -1, "0.3"),
            ("0.05", 0, "0"),
            ("0", -2, "0.00"),
        ] {
            let rounded = round_half_even(value.parse().expect("number"), place).expect("fits");
            assert_eq!(rounded.to_string(), expected, "{value} to 10^{place}");
        }
    }

    #[test]
    fn significant_digits() {
        for (numerator, denominator, expected) in [
            ("1", "3", "0.333333"),
            ("2", "3", "0.666667"),
            ("1", "1", "1.00000"),
            ("10", "1", "10.0000"),
            ("9999995", "1", "10000000"),
            ("123456789", "1", "123457000"),
            ("1", "300000", "0.00000333333"),
            ("0.0999999951", "1", "0.1000000"),
            ("-2", "3", "-0.666667"),
        ] {
            let of = |text: &str| Fraction::of(text.parse().expect("number"));
            let quotient = of(numerator).divided_by(&of(denominator)).expect("no zero");
            let shown = quotient.to_significant(6).map(|value| value.to_string());
            assert_eq!(shown.as_deref(), Some(expected), "{numerator}/{denominator}");
        }
        let of = |number: i64| Fraction::of(Decimal::from(number));
        for (one, other, expected) in [(1, -2, "-0.5"), (-1, -2, "0.5"), (-1, 2, "-0.5"), (0, -3, "0.0")] {
            let quotient = of(one).divided_by(&of(other)).and_then(|own| own.to_decimal(1));
            assert_eq!(quotient.map(|own| own.to_string()).as_deref(), Some(expected), "{one}/{other}");
        }
        assert_eq!(of(1).divided_by(&of(0)), None);
        for scale in [0, 28] {
            let nothing = Fraction::decimal(BigInt::from(0), scale);
            assert_eq!(nothing.to_significant(6), Some(Decimal::ZERO), "{scale}");
        }
    }

    #[test]
    fn a_limit_says_how_it_is_met() {
        for (value, limit, place, whole, rounded) in [
            ("0.204", "0.20", -2, Ordering::Greater, Ordering::Equal),
            ("0.205", "0.20", -2, Ordering::Greater, Ordering::Equal),
            ("0.2051", "0.20", -2, Ordering::Greater, Ordering::Greater),
            ("0.195", "0.20", -2, Ordering::Less, Ordering::Equal),
            ("97.46", "97.5", -1, Ordering::Less, Ordering::Equal),
            ("10499", "10000", 4, Ordering::Greater, Ordering::Equal),
        ] {
            let limit = Number { value: limit.parse().expect("number"), place };
            let value = Fraction::of(value.parse().expect("number"));
            assert_eq!(Comparison::Whole.compare(&value, limit), whole, "{value:?}");
            assert_eq!(Comparison::Rounded.compare(&value, limit), rounded, "{value:?}");
        }
    }
}
