use crate::model::{half_width, is_blank};

/// A text as it is compared: half-width, blanks collapsed to one and trimmed at both ends.
///
/// Only the full-width forms of ASCII and the ideographic space change; superscripts and units keep
/// their meaning for the parsers behind.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut blank = false;
    for character in text.chars() {
        if is_blank(character) {
            // Marks of no width vanish; white space separates.
            blank |= character.is_whitespace() && !folded.is_empty();
            continue;
        }
        if blank {
            folded.push(' ');
            blank = false;
        }
        folded.push(half_width(character));
    }
    folded
}

/// The spellings of "nothing was entered" that the exports use.
pub fn is_missing(folded: &str) -> bool {
    matches!(folded, "" | "/" | "-" | "—" | "——" | "--" | "–" | "_" | "\\" | "无" | "null" | "NULL" | "N/A")
}

/// Hides identity numbers and mobile numbers: every run of eleven or more digits.
pub fn mask(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut start = 0;
    while start < characters.len() {
        let digits = characters[start..].iter().take_while(|c| c.is_ascii_digit()).count();
        match digits {
            0 => {
                masked.push(characters[start]);
                start += 1;
            }
            short if short < 11 => {
                masked.extend(&characters[start..start + short]);
                start += short;
            }
            long => {
                masked.push_str("***");
                start += long;
            }
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fold() {
        for (text, expected) in [
            ("  XC2041 ", "XC2041"),
            ("ＸＣ２０", "XC20"),
            ("a\r\n b\u{3000}c", "a b c"),
            ("\u{feff}编号", "编号"),
            ("1.2×10⁴", "1.2×10⁴"),
            ("", ""),
        ] {
            assert_eq!(fold(text), expected, "{text:?}");
        }
    }

    #[test]
    fn seven_spellings_are_missing() {
        for text in ["/", "-", "—", "——", "--", "－", "–", "_", "", " / "] {
            assert!(is_missing(&fold(text)), "{text:?}");
        }
        assert!(!is_missing("0"));
    }

    #[test]
    fn long_digit_runs_are_masked() {
        assert_eq!(mask("电话13800000000转12，20201345"), "电话***转12，20201345");
    }
}
