//! normalize: distinct texts → typed values, or a fault that says what was expected.
//!
//! Each function here is pure and runs once per distinct text, so it can afford to be careful.

mod cases;
mod column;
mod date;
mod identifier;
mod limit;
mod number;
mod numeral;
mod packed;
mod pseudonym;
mod result;
mod text;

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::model::{Code, ColumnKind, Exact, Fault, UNKNOWN, Value, vocabulary};
use crate::reference::Reference;

pub use column::{ColumnRule, Normalized, Other, normalize_column};
pub use date::parse_date;
pub use identifier::{SampleCode, check_digit, read_sample_code};
pub use limit::{Bound, Case, Limit, Plan, Sign, parse_limit};
pub use number::parse_decimal;
pub use numeral::Number;
pub use packed::{PackedItem, unpack};
pub use pseudonym::{KEY_MIN, PseudonymKey};
pub use result::{Qualifier, Quantity, parse_result};
use text::is_plain;
pub use text::{fold, is_missing, mask};

/// Decimal digits kept of a share; `40.25%` is 4025 over 10000.
const SHARE_DIGITS: u32 = 12;

/// No count of persons, batches or kilograms is greater; sums of a million of them fit 64 bits.
const COUNT_LIMIT: i64 = 1_000_000_000_000;

/// The value of a text in a column of the given kind. What stays as it was written shares its memory with `written`, if it
/// is the whole of that.
///
/// # Errors
/// The code and what was expected instead; an empty text is never a fault here.
pub fn normalize(
    kind: ColumnKind,
    text: &str,
    written: &Arc<str>,
    reference: &Reference,
) -> Result<Value, Fault> {
    let as_written =
        |text: &str| if **written == *text { Value::Text(written.clone()) } else { Value::text(text) };
    let folded = fold(text);
    if is_missing(&folded) {
        return Ok(match kind {
            ColumnKind::Region => Value::text(UNKNOWN),
            _ => Value::Missing,
        });
    }
    match kind {
        ColumnKind::Text => Ok(as_written(&folded)),
        ColumnKind::Measured => Ok(as_written(text.trim())),
        ColumnKind::Identifier if is_plain(&folded) => {
            Ok(match folded.bytes().any(|b| b.is_ascii_lowercase()) {
                true => Value::text(&folded.to_ascii_uppercase()),
                false => as_written(&folded),
            })
        }
        ColumnKind::Identifier => {
            let identifier: String = folded.chars().filter(|c| !c.is_whitespace()).collect();
            Ok(Value::text(&identifier.to_uppercase()))
        }
        ColumnKind::Date => parse_date(&folded)
            .map(Value::Date)
            .ok_or_else(|| Fault::new(Code::BadDate, "a day such as 2020-03-05, 2020/3/5 or 2020年3月5日")),
        ColumnKind::Integer => {
            let number = parse_decimal(&folded).filter(|number| number.fract().is_zero());
            number
                .and_then(|number| i64::try_from(number.trunc()).ok())
                .filter(|number| (0..=COUNT_LIMIT).contains(number))
                .map(Value::Integer)
                .ok_or_else(|| Fault::new(Code::BadNumber, "a whole number that counts something"))
        }
        ColumnKind::Decimal => parse_decimal(&folded)
            .map(|number| Value::Decimal(Exact(number)))
            .ok_or_else(|| Fault::new(Code::BadNumber, "a number")),
        ColumnKind::Percent => share(&folded)
            .map(|number| Value::Decimal(Exact(number)))
            .ok_or_else(|| Fault::new(Code::BadNumber, "a percentage such as 40.3%")),
        ColumnKind::Word(name) => match vocabulary(name) {
            Some(words) => words
                .canonical(&folded)
                .map(Value::text)
                .ok_or_else(|| Fault::new(Code::UnknownValue, words.expected())),
            None => Ok(Value::text(&folded)),
        },
        ColumnKind::Region => Ok(Value::text(&region(&folded, reference))),
    }
}

/// The code of the township that a code, a name or an address names; `unknown` where none does.
fn region(text: &str, reference: &Reference) -> String {
    let regions = &reference.regions;
    let found = regions
        .of_code(text, None)
        .or_else(|| regions.of_name(text, None))
        .or_else(|| regions.of_address(text));
    found.map_or_else(|| UNKNOWN.to_owned(), |region| region.code.clone())
}

/// `40.3%` and `40.3` are the decimal 40.3: a column of shares holds percentages.
fn share(text: &str) -> Option<Decimal> {
    let number = parse_decimal(text.trim_end_matches('%'))?;
    let plausible =
        number >= Decimal::ZERO && number <= Decimal::ONE_HUNDRED && number.scale() <= SHARE_DIGITS;
    plausible.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lie_between_nothing_and_all() {
        for (text, expected) in [
            ("40.3%", Some("40.3")),
            ("40.3", Some("40.3")),
            ("0", Some("0")),
            ("100%", Some("100")),
            ("100.1%", None),
            ("-1%", None),
            ("1.1234567890123", None),
            ("四成", None),
        ] {
            assert_eq!(share(text).map(|share| share.to_string()).as_deref(), expected, "{text}");
        }
    }
}
