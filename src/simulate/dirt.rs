//! What is wrong with the exports, how often, and how a row comes to bear it.

use jiff::civil::Date;

use super::calendar::{Spelling, spell};
use super::dice::{Dice, Stream};
use super::measure::full_width;
use super::truth::Code;

/// Faults of one file: code and how many rows in a hundred thousand bear it. A row bears one at most.
pub type Rates = &'static [(Code, u32)];

pub const FORM_FAULTS: Rates = &[
    (Code::MissingValue, 120),
    (Code::BadCode, 120),
    (Code::BadDate, 150),
    (Code::UnknownValue, 120),
    (Code::BadRow, 100),
];
pub const HEADER_FAULTS: Rates = &[
    (Code::MissingValue, 100),
    (Code::BadCode, 80),
    (Code::BadDate, 120),
    (Code::UnknownValue, 120),
    (Code::BadRow, 80),
];
pub const RESULT_FAULTS: Rates = &[(Code::MissingValue, 40), (Code::BadCode, 30)];
/// These strike one cell of a result row that is otherwise good.
pub const RESULT_CELL_FAULTS: Rates = &[(Code::LostExponent, 70), (Code::BadResult, 70)];
pub const AGRI_FAULTS: Rates =
    &[(Code::MissingValue, 400), (Code::BadCode, 400), (Code::BadDate, 500), (Code::UnknownValue, 400)];
/// These strike one cell of a wide row; its sample is then undetermined unless another cell fails it.
pub const AGRI_CELL_FAULTS: Rates = &[(Code::LostExponent, 600), (Code::BadResult, 900)];
/// The flat export has one kind of row fault.
pub const FLAT_FAULTS: Rates = &[(Code::BadDate, 100)];
pub const DUTY_FAULTS: Rates = &[
    (Code::MissingValue, 900),
    (Code::BadCode, 600),
    (Code::BadDate, 900),
    (Code::UnknownValue, 600),
    (Code::BadRow, 500),
];
pub const ESTABLISHMENT_FAULTS: Rates =
    &[(Code::MissingValue, 300), (Code::BadDate, 500), (Code::UnknownValue, 300), (Code::BadRow, 200)];
pub const APPLICATION_FAULTS: Rates =
    &[(Code::MissingValue, 500), (Code::BadDate, 500), (Code::UnknownValue, 500), (Code::BadRow, 300)];
pub const REPORT_FAULTS: Rates = &[(Code::BadDate, 2500), (Code::MissingValue, 1500)];

/// Rows that come a second time, in a hundred thousand.
pub const DUPLICATES: u32 = 600;
/// Rows of small files that come a second time.
pub const DUPLICATES_SMALL: u32 = 1500;
/// Samples after which a row of another county's sample strays into headers and results.
pub const FOREIGN_SAMPLES: u32 = 150;
/// Nonconforming samples after which a foreign duty strays into the disposal list.
pub const FOREIGN_DUTIES: u32 = 3000;

const BLANKS: [(&str, u32); 5] = [("/", 82), ("", 8), ("-", 5), ("—", 4), ("--", 1)];
const BAD_CODES: [&str; 4] = ["待补录", "GC20", "见原始抽样单", "XC2041172"];
const BAD_DATES: [&str; 4] = ["2020-13-45", "2020年2月30日", "见抽样单", "2020-00-12"];
const LOST_EXPONENTS: [&str; 3] = ["1.4×10", "1×106", "2.6×10"];
const BAD_RESULTS: [&str; 3] = ["见附件", "0.0.3", "详见备注"];

/// Where the faults of a file can strike: columns by their position.
#[derive(Debug)]
pub struct Targets {
    /// The sample code, which alone has a form that can be broken.
    pub code: Option<usize>,
    /// Columns that a row cannot do without.
    pub required: &'static [usize],
    pub dates: &'static [usize],
    /// Columns of closed vocabularies, each with a text outside its own.
    pub words: &'static [(usize, &'static str)],
}

/// The hand that soils rows, or keeps them clean.
#[derive(Debug)]
pub struct Dirt {
    on: bool,
    dice: Dice,
}

impl Dirt {
    /// The dirt on the `index`-th thing of a stream; none where `on` is false.
    pub fn new(on: bool, seed: u64, of: Stream, index: u64) -> Dirt {
        Dirt { on, dice: Dice::dirt(seed, of, index) }
    }

    /// Happens `parts` times in a hundred thousand, and never to clean exports.
    pub fn strikes(&mut self, parts: u32) -> bool {
        self.on && self.dice.chance(parts)
    }

    /// The fault of a row, if it bears one.
    pub fn fault(&mut self, rates: Rates) -> Option<Code> {
        if !self.on {
            return None;
        }
        let mut left = self.dice.below(100_000);
        for (code, rate) in rates {
            left = match left.checked_sub(u64::from(*rate)) {
                Some(rest) => rest,
                None => return Some(*code),
            };
        }
        None
    }

    /// Works a fault into a row.
    pub fn spoil<T: From<String>>(&mut self, row: &mut Vec<T>, fault: Code, targets: &Targets) {
        let (column, text) = match fault {
            Code::BadRow if self.dice.percent(50) => return row.truncate(row.len() / 2),
            Code::BadRow => return row.push(T::from("多出一列".to_owned())),
            Code::MissingValue => (self.one_of(targets.required), self.blank()),
            Code::BadDate => (self.one_of(targets.dates), self.bad_date()),
            Code::BadCode => (targets.code, self.dice.pick(&BAD_CODES)),
            Code::UnknownValue => match self.one_of(targets.words) {
                Some((column, text)) => (Some(column), text),
                None => return,
            },
            // These are no faults of whole rows.
            Code::BadNumber | Code::LostExponent | Code::BadResult | Code::Orphan => return,
        };
        if let Some(cell) = column.and_then(|column| row.get_mut(column)) {
            *cell = T::from(text.to_owned());
        }
    }

    fn one_of<T: Copy>(&mut self, columns: &[T]) -> Option<T> {
        columns.get(self.dice.below(columns.len() as u64) as usize).copied()
    }

    /// A text that is no day of the calendar.
    pub fn bad_date(&mut self) -> &'static str {
        self.dice.pick(&BAD_DATES)
    }

    /// One of a table that is not empty, drawn apart from the story.
    pub fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        self.dice.pick(table)
    }

    /// A measurement that cannot be read.
    pub fn unreadable(&mut self, fault: Code) -> &'static str {
        match fault {
            Code::LostExponent => self.dice.pick(&LOST_EXPONENTS),
            _ => self.dice.pick(&BAD_RESULTS),
        }
    }

    /// A sample code that means the same: blanks around or in it, full-width digits and letters.
    pub fn code(&mut self, code: &str) -> String {
        if !self.on {
            return code.to_owned();
        }
        match self.dice.below(50) {
            0 => format!(" {code}"),
            1 => format!("{code} "),
            2 => code
                .chars()
                .map(|c| char::from_u32(c as u32 + 0xfee0).filter(|_| c.is_ascii_alphanumeric()).unwrap_or(c))
                .collect(),
            3 => full_width(code),
            4 => format!("{} {}", code.get(..4).unwrap_or(code), code.get(4..).unwrap_or_default()),
            _ => code.to_owned(),
        }
    }

    /// A day in one of its spellings.
    pub fn date(&mut self, day: Date) -> String {
        let spelling = match self.on {
            true => {
                self.dice.weighted(&[(Spelling::Iso, 80), (Spelling::Slashed, 12), (Spelling::Chinese, 8)])
            }
            false => Spelling::Iso,
        };
        spell(day, spelling)
    }

    /// A day, or what stands where there is none.
    pub fn date_or_blank(&mut self, day: Option<Date>) -> String {
        match day {
            Some(day) => self.date(day),
            None => self.blank().to_owned(),
        }
    }

    /// One of the ways to say that nothing was entered.
    pub fn blank(&mut self) -> &'static str {
        if self.on { self.dice.weighted(&BLANKS) } else { "/" }
    }

    /// A text, now and then with blanks behind it.
    pub fn text(&mut self, text: &str) -> String {
        match self.on && self.dice.percent(1) {
            true => format!("{text}  "),
            false => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::calendar::START;

    #[test]
    fn clean_exports_stay_clean() {
        let mut dirt = Dirt::new(false, 1, Stream::Form, 0);
        for _ in 0..2000 {
            assert_eq!(dirt.fault(FORM_FAULTS), None);
            assert_eq!(dirt.code("XC20411721000000001"), "XC20411721000000001");
            assert_eq!(dirt.date(START), "2020-01-01");
            assert!(!dirt.strikes(100_000));
        }
    }

    #[test]
    fn a_fault_changes_one_cell_or_the_number_of_cells() {
        const TARGETS: Targets =
            Targets { code: Some(0), required: &[0, 1], dates: &[1], words: &[(2, "其他")] };
        let clean: Vec<String> =
            ["GC2041172100000001", "2020-01-01", "流通", "备注"].map(str::to_owned).to_vec();
        let mut dirt = Dirt::new(true, 1, Stream::Form, 0);
        for (fault, _) in FORM_FAULTS.iter().cycle().take(200) {
            let mut row = clean.clone();
            dirt.spoil(&mut row, *fault, &TARGETS);
            let changed = row.iter().zip(&clean).filter(|(new, old)| new != old).count();
            match fault {
                Code::BadRow => assert!(row.len() != clean.len() && changed == 0),
                _ => assert!(row.len() == clean.len() && changed == 1, "{fault:?} {row:?}"),
            }
        }
    }
}
