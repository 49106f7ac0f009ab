use crate::model::{half_width, is_blank};

/// A text as the look-ups compare it: half-width and without any blanks.
///
/// Names, headers and addresses are typed by hand and wrapped by spreadsheets; a blank inside one never
/// tells two of them apart.
pub(super) fn fold(text: &str) -> String {
    text.chars().filter(|c| !is_blank(*c)).map(half_width).collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn width_and_blanks_disappear() {
        for (text, expected) in [
            (" 西平县 \u{3000}盆尧镇\n", "西平县盆尧镇"),
            ("（ＣＦＵ／ｇ）", "(CFU/g)"),
            ("\u{feff}编号\u{200b}", "编号"),
            ("", ""),
        ] {
            assert_eq!(fold(text), expected, "{text:?}");
        }
    }
}
