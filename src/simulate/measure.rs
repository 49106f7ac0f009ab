//! Result texts as laboratories write them, drawn so that they meet or miss a limit exactly.

use super::analyte::{Analyte, Fixed, Limit};
use super::dice::Dice;

/// How many spellings a cell may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// One way to write a power, one separator: the flat export of a benchmark.
    Narrow,
    /// Everything that the real exports show and a careful reader can read.
    Wide,
}

/// Writes one result cell.
pub struct Pen<'a> {
    pub dice: &'a mut Dice,
    pub spread: Spread,
}

/// Separators between the portions of one cell, in the wide spread.
const SEPARATORS: [&str; 4] = ["；", "\n", "、", ";"];
const NOT_DETECTED: &str = "未检出";

impl Pen<'_> {
    /// A result that meets the limit of `analyte`, or one that misses it.
    pub fn result(&mut self, analyte: &Analyte, meets: bool) -> String {
        let text = match (analyte.limit, meets) {
            (Limit::Max(limit), true) => self.at_most(limit, analyte.lod),
            (Limit::Max(limit), false) => Self::part(limit, self.dice.between(110, 400) as u64),
            (Limit::Min(limit), true) => Self::part(limit, self.dice.between(100, 130) as u64),
            (Limit::Min(limit), false) => Self::part(limit, self.dice.between(70, 95) as u64),
            (Limit::Banned(_), true) => NOT_DETECTED.to_owned(),
            (Limit::Banned(_), false) => Fixed { digits: self.dice.between(11, 999) as u64, scale: 3 }.text(),
            (Limit::Counts { c, m, big_m }, meets) => self.counts(c, m, big_m, meets),
            (Limit::Absent, meets) => self.portions(|_, portion| match portion {
                2 if !meets => "检出".to_owned(),
                _ => NOT_DETECTED.to_owned(),
            }),
        };
        match self.spread {
            Spread::Wide if self.dice.percent(1) => full_width(&text),
            _ => text,
        }
    }

    /// Mostly nothing; else up to the limit itself, which still meets it.
    fn at_most(&mut self, limit: Fixed, lod: &str) -> String {
        let quantified = lod.is_empty();
        match self.dice.below(100) {
            0..62 if !quantified => NOT_DETECTED.to_owned(),
            62..70 if !quantified => format!("<{lod}"),
            70..72 => Self::part(limit, 100),
            _ => {
                let text = Self::part(limit, self.dice.between(2, 99) as u64);
                // Nobody quantifies what the method cannot see.
                if quantified || billionths(&text) >= billionths(lod) {
                    text
                } else {
                    NOT_DETECTED.to_owned()
                }
            }
        }
    }

    /// `percent` of a limit, exactly, with one decimal more than the limit where it is small.
    fn part(limit: Fixed, percent: u64) -> String {
        if limit.scale == 0 && limit.digits >= 100 {
            return (limit.digits * percent / 100).to_string();
        }
        Fixed { digits: (limit.digits * percent / 10).max(1), scale: limit.scale + 1 }.text()
    }

    /// Colony counts of five portions. Passing: at most `c` above `m`; failing: one above `big_m` too.
    fn counts(&mut self, c: u32, m: u64, big_m: u64, meets: bool) -> String {
        let above_m = u64::from(if meets { c.min(1) * u32::from(self.dice.percent(20)) } else { c + 1 });
        self.portions(|pen, portion| {
            let steps = pen.dice.between(1, 5) as u64;
            let count = match portion {
                1 if !meets => big_m * (steps + 1),
                portion if portion <= above_m => m + (big_m - m) * (steps + 3) / 10,
                _ => m * steps / 5,
            };
            pen.count(count)
        })
    }

    /// Five portions in one cell.
    fn portions(&mut self, mut one: impl FnMut(&mut Self, u64) -> String) -> String {
        let separator = match self.spread {
            Spread::Narrow => "；",
            Spread::Wide => self.dice.pick(&SEPARATORS),
        };
        // The power is written alike in a cell, as one hand writes it.
        let portions: Vec<String> = (1..=5).map(|portion| one(self, portion)).collect();
        portions.join(separator)
    }

    /// A colony count with two significant digits, cut and never rounded up.
    fn count(&mut self, count: u64) -> String {
        if count < 10 {
            return "<10".to_owned();
        }
        if count < 100 {
            return count.to_string();
        }
        let power = count.ilog10();
        let leading = count / 10u64.pow(power - 1);
        let mantissa = format!("{}.{}", leading / 10, leading % 10);
        match self.spread {
            Spread::Narrow => format!("{mantissa}×10^({power})"),
            Spread::Wide => match self.dice.below(3) {
                0 => format!("{mantissa}×10^({power})"),
                1 => format!("{mantissa}×10<sup>{power}</sup>"),
                _ => format!("{mantissa}×10{}", superscript(power)),
            },
        }
    }
}

/// A plain decimal of this module's making as an integer, for comparison.
fn billionths(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<9}").parse().unwrap_or(u64::MAX)
}

/// The limit as the sheet's 最大允许限 shows it; empty for a lower limit.
pub fn upper_limit(analyte: &Analyte, dice: &mut Dice) -> String {
    match analyte.limit {
        Limit::Max(limit) if dice.percent(15) => format!("≤{}", limit.text()),
        Limit::Max(limit) => limit.text(),
        Limit::Min(_) => String::new(),
        Limit::Banned(words) => words.to_owned(),
        Limit::Counts { c, m, big_m } if dice.percent(30) => format!("n=5，c={c}，m={m}，M={big_m}"),
        Limit::Counts { c, m, big_m } => format!("n=5,c={c},m={m},M={big_m}"),
        Limit::Absent => "n=5,c=0,m=0/25g".to_owned(),
    }
}

/// The limit as the sheet's 最小允许限 shows it; empty for an upper limit.
pub fn lower_limit(analyte: &Analyte) -> String {
    match analyte.limit {
        Limit::Min(limit) => limit.text(),
        _ => String::new(),
    }
}

/// One of the spellings of a unit; all of them mean the same.
pub fn unit_text(unit: &'static str, dice: &mut Dice) -> &'static str {
    let spellings: &[(&'static str, u32)] = match unit {
        "mg/kg" => &[("mg/kg", 95), ("㎎/㎏", 4), ("ｍｇ/ｋｇ", 1)],
        "μg/kg" => &[("μg/kg", 60), ("µg/kg", 30), ("ug/kg", 10)],
        "CFU/g" => &[("CFU/g", 75), ("cfu/g", 25)],
        "%" => &[("%", 60), ("％", 40)],
        _ => return unit,
    };
    dice.weighted(spellings)
}

fn superscript(power: u32) -> char {
    match power {
        1 => '¹',
        2 => '²',
        3 => '³',
        higher => char::from_u32(0x2070 + higher).unwrap_or('⁴'),
    }
}

/// Full-width digits and points, as some input methods leave them. Superscripts and words stay.
pub fn full_width(text: &str) -> String {
    let widen = |character: char| match character {
        '0'..='9' | '.' => char::from_u32(character as u32 + 0xfee0).unwrap_or(character),
        other => other,
    };
    // A power must stay readable: only plain numbers are widened.
    if text.contains('×') { text.to_owned() } else { text.chars().map(widen).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::analyte;
    use crate::simulate::dice::Stream;

    fn texts(analyte: &Analyte, meets: bool, spread: Spread) -> Vec<String> {
        let mut dice = Dice::new(5, Stream::Plan, 0);
        (0..400).map(|_| Pen { dice: &mut dice, spread }.result(analyte, meets)).collect()
    }

    #[test]
    fn numbers_meet_or_miss_their_limit() {
        let analyte = &analyte::PESTICIDES[0];
        for (meets, spread) in [(true, Spread::Narrow), (false, Spread::Narrow)] {
            for text in texts(analyte, meets, spread) {
                match text.parse::<f64>() {
                    Ok(value) => assert_eq!(value <= 0.1, meets, "{text}"),
                    Err(_) => assert!(meets && (text == NOT_DETECTED || text == "<0.02"), "{text}"),
                }
            }
        }
        assert!(texts(analyte, true, Spread::Narrow).contains(&"0.100".to_owned()), "the limit itself");
    }

    #[test]
    fn counts_fill_five_portions() {
        let counts = &analyte::HYGIENE[0];
        for text in texts(counts, false, Spread::Narrow) {
            assert_eq!(text.split('；').count(), 5, "{text}");
            assert!(text.contains("×10^(5)"), "{text}");
        }
        let wide = texts(counts, true, Spread::Wide).concat();
        for form in ["×10^(3)", "×10³", "×10<sup>3</sup>", "；", "\n", "、", ";"] {
            assert!(wide.contains(form), "{form}");
        }
    }

    #[test]
    fn lost_or_foreign_forms_never_occur() {
        for group in [analyte::MEAT, analyte::DAIRY, analyte::HONEY, analyte::OIL, analyte::VETERINARY] {
            for analyte in group {
                for text in texts(analyte, true, Spread::Wide) {
                    assert!(
                        !text.ends_with("×10")
                            && !text.contains(',')
                            && !text.replace("</", "").contains('/'),
                        "{text}"
                    );
                }
            }
        }
    }
}
