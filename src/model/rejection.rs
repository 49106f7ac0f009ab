use super::Origin;
use std::fmt;

/// What a rejection concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The record is left out of every table.
    Row,
    /// The record stays; one measurement of it is undetermined.
    Cell,
    /// The record is kept but belongs to nothing, and counts in no figure.
    Orphan,
    /// The record stands and counts; somebody should look at it.
    Warning,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Row => "row",
            Scope::Cell => "cell",
            Scope::Orphan => "orphan",
            Scope::Warning => "warning",
        })
    }
}

macro_rules! codes {
    ($($variant:ident $text:literal $zh:literal $meaning:literal $mend:literal)*) => {
        /// Why a record or a cell was refused. The texts are part of the contract with users.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),* }
            }

            /// Short Chinese name, for people who read the rejection list in the centre.
            pub fn zh(self) -> &'static str {
                match self { $(Code::$variant => $zh),* }
            }

            /// What the code means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning),* }
            }

            /// What to do about it: the `hint` of a rejection.
            pub fn mend(self) -> &'static str {
                match self { $(Code::$variant => $mend),* }
            }
        }
    };
}

codes! {
    BadRow "bad_row" "列数不符"
        "The record has more or fewer fields than the header, or a quote is never closed."
        "compare the record with the header row; look for a stray quote or a missing comma before it"
    BadEncoding "bad_encoding" "编码错误"
        "The bytes are not text in the encoding of the file."
        "export the file again, or declare its encoding in the pipeline"
    MissingValue "missing_value" "必填项为空"
        "A column that the record cannot do without is empty."
        "fill in the cell in the system of origin and export again"
    BadCode "bad_code" "编号格式错误"
        "An identifier does not have the form that the pipeline expects."
        "correct the identifier in the system of origin and export again"
    BadDate "bad_date" "日期无法识别"
        "A date cannot be read, or is no day of the calendar."
        "write the date as 2020-03-05, 2020/3/5 or 2020年3月5日"
    BadNumber "bad_number" "数字无法识别"
        "A number that counts something cannot be read."
        "write a plain number, without words"
    UnknownValue "unknown_value" "值不在词表中"
        "The text is outside the vocabulary of its column."
        "correct the cell, or add the text to the column's `values` in the pipeline"
    LostExponent "lost_exponent" "指数丢失"
        "A power of ten was cut off (1.4×10, 1×106); it is never guessed."
        "look the value up in the laboratory's report and enter the exponent"
    BadResult "bad_result" "结果无法识别"
        "A measurement cannot be read as a quantity or a qualifier."
        "enter a number, 未检出 or <LOD"
    UnknownUnit "unknown_unit" "单位无法识别"
        "The unit is not known, or measures something else than the limit's."
        "correct the unit, or add it to units.csv in the pipeline's seeds"
    BadLimit "bad_limit" "限量无法识别"
        "A limit cannot be read; the determination is not judged by it."
        "enter the limit as a number with its unit, or 不得检出"
    AmbiguousLimit "ambiguous_limit" "限量有多个取值"
        "A limit states several values, for different products, methods or units, that lead to different verdicts."
        "enter the one limit that holds for this product, in the unit of the result"
    Orphan "orphan" "无对应样品"
        "The record belongs to a sample that never came, or was refused."
        "send the sampling form, or mend its rejection; the record is kept and joins it then"
    LoqAboveLimit "loq_above_limit" "定量限高于限量"
        "The method cannot quantify at the limit: its limit of quantification (or detection) lies above it."
        "ask the laboratory whether the method is adequate; the verdict stands"
    SuspiciousValue "suspicious_value" "数值可疑"
        "A value lies so far from its like that its unit, its decimal point or a digit is likely wrong."
        "compare with the laboratory's report: mg/kg and μg/kg are a thousandfold apart; the value stands"
    ConclusionDiffers "conclusion_differs" "结论与项目判定不一致"
        "The stated conclusion of a sample is not the one that its items' verdicts lead to."
        "compare the report with its items; the stated conclusion stands"
    CheckDigit "check_digit" "校验码不符"
        "An identifier has the right form, and a check digit that does not fit the others."
        "compare the identifier with the licence: a digit is mistyped or two are swapped"
    NearMiss "near_miss" "疑似同一企业"
        "An enterprise of a sample is one of the register by one of its marks and not by another, or only almost."
        "compare both spellings, and correct the one that is wrong"
    CodeDiffers "code_differs" "编号与内容不一致"
        "A sample code says another level or year than the record does."
        "compare the code with the sampling form; the record's own columns stand"
    RetiredRegion "retired_region" "区划代码已撤销"
        "A division code is retired and has no successor here; it is never joined to the division that now covers the place."
        "enter the township's name, or its code of the day"
    RowLimit "row_limit" "恰好达到行数上限"
        "A sheet or file ends exactly on the last row that a spreadsheet program can hold: what came after it is likely lost."
        "compare the number of rows with the system of origin, and export in parts or as CSV"
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that could not become a value: what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub expected: String,
}

impl Fault {
    pub fn new(code: Code, expected: impl Into<String>) -> Fault {
        Fault { code, expected: expected.into() }
    }
}

/// One line of `rejections.csv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    pub origin: Origin,
    /// Header of the column in the export; empty where the whole record is meant.
    pub column: String,
    pub scope: Scope,
    pub code: Code,
    /// The offending text, masked where the column is personal.
    pub found: String,
    pub expected: String,
    pub hint: String,
}

impl Rejection {
    /// A line of `warnings.csv`.
    pub fn warning(origin: Origin, column: &str, code: Code, found: String, expected: String) -> Rejection {
        let hint = code.mend().to_owned();
        Rejection { origin, column: column.to_owned(), scope: Scope::Warning, code, found, expected, hint }
    }
}
