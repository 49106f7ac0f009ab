//! Identifiers with valid check characters: licences, credit codes, identity numbers, bar codes.

use super::dice::Dice;

/// Characters of a unified social credit code, by value (GB 32100-2015: no I, O, S, V, Z).
const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Production licence: SC, 14 digits, the last by ISO 7064 MOD 11,10.
pub fn production_licence(class: u32, serial: u64) -> String {
    let body = format!("{class:03}411721{:04}", serial % 10_000);
    let check = mod_11_10(&body);
    format!("SC{body}{check}")
}

/// Catering or trading licence: JY, 14 digits. Real ones hold no check digit that can be tested.
pub fn trading_licence(kind: u32, serial: u64) -> String {
    format!("JY{kind}411721{:06}{}", serial % 1_000_000, serial % 10)
}

/// Unified social credit code of an enterprise (`91`) or a sole trader (`92`) of the county: the
/// organisation code in it carries its own check character (GB 11714), the whole that of GB 32100.
pub fn credit_code(enterprise: bool, serial: u64) -> String {
    let body = format!("MA4{:05}", serial % 100_000);
    let prefix = if enterprise { "91411721" } else { "92411721" };
    let code = format!("{prefix}{body}{}", mod_11_organisation(&body));
    let check = mod_31(&code);
    format!("{code}{check}")
}

/// A person's identity number (GB 11643) with the county's old division code, 412824.
pub fn identity_number(dice: &mut Dice) -> String {
    let (year, month, day) = (dice.between(1950, 1995), dice.between(1, 12), dice.between(1, 28));
    let body = format!("412824{year}{month:02}{day:02}{}", dice.digits(3));
    let check = mod_11_2(&body);
    format!("{body}{check}")
}

/// EAN-13 of a producer in mainland China.
pub fn bar_code(dice: &mut Dice) -> String {
    let body = format!("69{}", dice.digits(10));
    let sum: u32 = digits(&body).zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn digits(text: &str) -> impl Iterator<Item = u32> {
    text.chars().filter_map(|character| character.to_digit(10))
}

/// ISO 7064 MOD 11,10, hybrid system.
fn mod_11_10(body: &str) -> u32 {
    let product = digits(body).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}

/// ISO 7064 MOD 11-2: the last character of an identity number.
fn mod_11_2(body: &str) -> char {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits(body).zip(weights).map(|(digit, weight)| digit * weight).sum();
    "10X98765432".chars().nth(sum as usize % 11).unwrap_or('0')
}

/// GB 32100-2015: the last character of a credit code.
fn mod_31(body: &str) -> char {
    let weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let values = body.bytes().filter_map(|byte| CREDIT_ALPHABET.iter().position(|own| *own == byte));
    let sum: usize = values.zip(weights).map(|(value, weight)| value * weight).sum();
    CREDIT_ALPHABET.get((31 - sum % 31) % 31).map_or('0', |byte| char::from(*byte))
}

/// GB 11714: the ninth character of an organisation code, whose letters count from A = 10.
fn mod_11_organisation(body: &str) -> char {
    let values = body.chars().filter_map(|character| character.to_digit(36));
    let sum: u32 = values.zip([3, 7, 9, 10, 5, 8, 4, 2]).map(|(value, weight)| value * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::dice::Stream;

    #[test]
    fn check_characters_match_real_identifiers() {
        // Licences seen on real products; the standards' own examples for the others.
        assert_eq!(mod_11_10("1031401210108"), 7);
        assert_eq!(mod_11_10("1021201160052"), 3);
        assert_eq!(mod_11_2("11010519491231002"), 'X');
        assert_eq!(mod_31("91350100M000100Y4"), '3');
        assert_eq!(mod_11_organisation("D2143569"), 'X');
    }

    #[test]
    fn identifiers_have_their_length() {
        let mut dice = Dice::new(1, Stream::Plan, 0);
        for serial in 0..200 {
            assert_eq!(production_licence(101, serial).len(), 16);
            assert_eq!(trading_licence(1, serial).len(), 16);
            assert_eq!(credit_code(serial % 2 == 0, serial).len(), 18);
            assert_eq!(identity_number(&mut dice).len(), 18);
            assert_eq!(bar_code(&mut dice).len(), 13);
        }
    }

    #[test]
    fn serials_make_distinct_identifiers() {
        let codes: std::collections::BTreeSet<String> =
            (0..5000).map(|serial| credit_code(true, serial)).collect();
        assert_eq!(codes.len(), 5000);
    }
}
