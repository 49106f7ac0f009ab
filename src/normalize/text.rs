use std::borrow::Cow;

use crate::model::{half_width, is_blank};

/// A text as it is compared: half-width, blanks collapsed to one and trimmed at both ends.
///
/// Only the full-width forms of ASCII and the ideographic space change; superscripts and units keep
/// their meaning for the parsers behind.
pub fn fold(text: &str) -> Cow<'_, str> {
    if folds_nothing(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
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
    Cow::Owned(folded)
}

/// Whether no byte begins anything that folds. All of a few bytes are looked at, together, which is sooner done than to stop
/// at one of them.
fn folds_nothing(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let all = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & begins_nothing_that_folds(*byte));
    chunks.iter().all(|chunk| all(chunk)) && all(rest)
}

/// Whether a byte of UTF-8 is visible ASCII, goes on with a character, or begins one of a block that has neither
/// blanks nor full-width forms, as nearly all of Chinese.
fn begins_nothing_that_folds(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0x80..=0xc1 | 0xc3..=0xe0 | 0xe4..=0xee | 0xf0..=0xff)
}

/// Whether a text is ASCII without blanks, as most codes and numbers are.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The spellings of "nothing was entered" that the exports use.
pub fn is_missing(folded: &str) -> bool {
    matches!(folded, "" | "/" | "//" | "\\" | "无" | "null" | "NULL" | "N/A") || is_dashes(folded)
}

/// Strokes of any length, four at most: hyphens, dashes, minus signs, underscores, box lines.
fn is_dashes(folded: &str) -> bool {
    let stroke =
        |c: char| matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '─' | '━' | '﹣' | '﹘');
    folded.chars().all(stroke) && folded.chars().count() <= 4
}

/// Hides identity numbers and mobile numbers: every run of eleven or more digits, of any width, a single
/// blank or hyphen between two of them being no end of the run. Words stay as they are.
pub fn mask(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is_digit = |index: usize| characters.get(index).is_some_and(|c| half_width(*c).is_ascii_digit());
    let mut masked = String::with_capacity(text.len());
    let mut start = 0;
    while let Some(character) = characters.get(start) {
        let (mut end, mut digits) = (start, 0);
        while is_digit(end) {
            digits += 1;
            let separated = characters.get(end + 1).is_some_and(|c| matches!(half_width(*c), ' ' | '-'));
            end += if separated && is_digit(end + 2) { 2 } else { 1 };
        }
        if digits >= 11 {
            masked.push_str("***");
            start = end;
        } else if digits > 0 {
            masked.extend(&characters[start..end]);
            start = end;
        } else {
            masked.push(*character);
            start += 1;
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
    fn what_is_passed_over_does_not_fold() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            let folds = is_blank(character) || half_width(character) != character;
            assert_eq!(fold(&text) != text, folds, "{character:?}");
        }
    }

    #[test]
    fn seven_spellings_are_missing() {
        for text in ["/", "-", "—", "——", "--", "－", "–", "_", "", " / ", "---", "———", "−", "─", "‑", "―"]
        {
            assert!(is_missing(&fold(text)), "{text:?}");
        }
        assert!(!is_missing("0"));
    }

    #[test]
    fn long_digit_runs_are_masked() {
        for (text, expected) in [
            ("电话13800000000转12，20201345", "电话***转12，20201345"),
            ("张三 138 1234 5678", "张三 ***"),
            ("138-1234-5678", "***"),
            ("１３８００００００００", "***"),
            ("41172119800101123X", "***X"),
            ("2020-13-45", "2020-13-45"),
            ("", ""),
        ] {
            assert_eq!(mask(text), expected, "{text}");
        }
    }
}
