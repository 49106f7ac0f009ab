//! Identifiers: check digits of licences, credit codes and bar codes, and what a sample code says.

/// Characters of a unified social credit code, by value (GB 32100-2015: no I, O, S, V, Z).
const CREDIT_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// Whether the check digit of an identifier fits; none where its form has none that can be tested.
///
/// Tested are production licences (SC and 14 digits, ISO 7064 MOD 11,10), unified social credit codes
/// (18 characters, GB 32100-2015) and EAN-13 bar codes. Trading licences (JY) hold no such digit in practice.
pub fn check_digit(identifier: &str) -> Option<bool> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match identifier.strip_prefix("SC") {
        Some(number) if number.len() == 14 && digits(number) => return Some(mod_11_10(number) == 1),
        _ => {}
    }
    match identifier.len() {
        13 if digits(identifier) => Some(ean_sum(identifier).is_multiple_of(10)),
        18 if !digits(identifier) || identifier.starts_with('9') => credit_code(identifier),
        _ => None,
    }
}

/// ISO 7064 MOD 11,10 over a number with its check digit: 1 where the digit fits.
fn mod_11_10(number: &str) -> u32 {
    let mut product = 10;
    let mut sum = 0;
    for digit in number.bytes().map(|byte| u32::from(byte - b'0')) {
        sum = (digit + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    sum
}

fn ean_sum(number: &str) -> u32 {
    let weights = [1, 3].into_iter().cycle();
    number.bytes().zip(weights).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum()
}

/// None where a character is outside the alphabet: then it is no such code.
fn credit_code(code: &str) -> Option<bool> {
    let values: Vec<usize> = code.chars().map(|own| CREDIT_ALPHABET.find(own)).collect::<Option<_>>()?;
    let (check, body) = values.split_last()?;
    let sum: usize = body.iter().zip(CREDIT_WEIGHTS).map(|(value, weight)| value * weight).sum();
    Some((31 - sum % 31) % 31 == *check)
}

/// What the code of a sample says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampleCode {
    /// Word of the vocabulary `level`; none for prefixes that name none (NCP) or that nobody has met.
    pub level: Option<&'static str>,
    pub year: Option<i16>,
}

/// Prefixes of the national system with their level: two letters to 2020, three from about 2021.
const PREFIXES: [(&str, Option<&str>); 13] = [
    ("GC", Some("national")),
    ("SC", Some("provincial")),
    ("DC", Some("municipal")),
    ("XC", Some("county")),
    ("NCP", None),
    ("GBJ", Some("national")),
    ("GZJ", Some("national")),
    ("SBJ", Some("provincial")),
    ("SZJ", Some("provincial")),
    ("DBJ", Some("municipal")),
    ("DZJ", Some("municipal")),
    ("XBJ", Some("county")),
    ("XZJ", Some("county")),
];

/// Reads level and year off a sample code of the national system, 2016 to now. Other codes say nothing.
///
/// The digits behind the year are a division's code, often one that is long retired (412830, 142400), so they
/// are never read as a place.
pub fn read_sample_code(code: &str) -> SampleCode {
    let letters = code.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(code.len());
    let (prefix, rest) = code.split_at(letters);
    let known = PREFIXES.iter().find(|(own, _)| *own == prefix);
    // Twelve characters in 2016, twenty and a suffix of letters today.
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Some((_, level)) = known.filter(|_| (10..=18).contains(&digits)) else {
        return SampleCode::default();
    };
    let year = rest.get(..2).and_then(|year| year.parse::<i16>().ok()).map(|year| 2000 + year);
    SampleCode { level: *level, year: year.filter(|year| (2013..2050).contains(year)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_fit_or_do_not() {
        for (identifier, expected) in [
            // Seen on real products, then with a digit mistyped and with two swapped.
            ("SC10314012101087", Some(true)),
            ("SC10212011600523", Some(true)),
            ("SC10314012101086", Some(false)),
            ("SC10314021101087", Some(false)),
            // GB 32100-2015 on two real companies.
            ("91350100M000100Y43", Some(true)),
            ("91350100M000100Y44", Some(false)),
            ("91350100M000100I43", None),
            ("6901234567892", Some(true)),
            ("6901234567893", Some(false)),
            ("JY14117210012345", None),
            ("SC1031401210108", None),
            ("411721000012345", None),
            ("110105194912310021", None),
            ("", None),
            ("企业", None),
        ] {
            assert_eq!(check_digit(identifier), expected, "{identifier}");
        }
    }

    #[test]
    fn every_single_slip_is_caught() {
        for identifier in ["SC10314012101087", "91350100M000100Y43", "6901234567892"] {
            for (place, own) in identifier.char_indices().skip(2) {
                for other in ('0'..='9').filter(|other| own.is_ascii_digit() && *other != own) {
                    let mut slipped = identifier.to_owned();
                    slipped.replace_range(place..=place, &other.to_string());
                    assert_eq!(check_digit(&slipped), Some(false), "{slipped}");
                }
            }
        }
    }

    #[test]
    fn sample_codes_say_level_and_year() {
        for (code, level, year) in [
            ("GC20131100120630263", Some("national"), Some(2020)),
            ("DC19130400463233437", Some("municipal"), Some(2019)),
            ("XC20412830465130015", Some("county"), Some(2020)),
            ("NCP20410602463230031", None, Some(2020)),
            ("GC1600410629", Some("national"), Some(2016)),
            ("SC17340626352", Some("provincial"), Some(2017)),
            ("XBJ21411721463930123ZX", Some("county"), Some(2021)),
            ("GZJ22410000120630263", Some("national"), Some(2022)),
            ("QQ20411721463930123", None, None),
            ("NY2020411721-00001", None, None),
            ("XC99411721463930123", Some("county"), None),
            ("XC20", None, None),
            ("S-17", None, None),
            ("样品17", None, None),
            ("", None, None),
        ] {
            assert_eq!(read_sample_code(code), SampleCode { level, year }, "{code}");
        }
    }
}
