use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use regex::Regex;

use super::{PseudonymKey, fold, is_missing, normalize};
use crate::column::Coded;
use crate::model::{Code, ColumnKind, Fault, UNKNOWN, Value};
use crate::reference::Reference;

/// What becomes of a text that a column's `values` do not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Other {
    /// It is read as if there were no list.
    #[default]
    Keep,
    /// The record is rejected.
    Reject,
    /// It counts as not entered.
    Missing,
}

/// How a pipeline wants a column read.
#[derive(Debug, Clone)]
pub struct ColumnRule {
    /// Name of the table's column, or of a dimension of the pipeline's own.
    pub column: String,
    pub kind: ColumnKind,
    pub required: bool,
    /// Folded text → what stands in its place.
    pub values: BTreeMap<String, String>,
    pub other: Other,
    /// Only the first group of this pattern is read; no match is missing.
    pub extract: Option<Regex>,
    /// An identifier that does not match is rejected.
    pub form: Option<Regex>,
    /// How a day is written where none of the usual spellings fits: `%d/%m/%Y`.
    pub date_format: Option<String>,
    /// Numbers are written `0,02`.
    pub decimal_comma: bool,
    /// Stands in for a missing text.
    pub default: Option<String>,
    /// `found` never shows the text.
    pub personal: bool,
    /// The value is kept as its stand-in only.
    pub pseudonym: bool,
    /// By which stand-ins are made; the pipeline's, from its key file.
    pub key: Option<PseudonymKey>,
}

impl ColumnRule {
    pub fn new(column: &str, kind: ColumnKind, required: bool) -> ColumnRule {
        ColumnRule {
            column: column.to_owned(),
            kind,
            required,
            values: BTreeMap::new(),
            other: Other::Keep,
            extract: None,
            form: None,
            date_format: None,
            decimal_comma: false,
            default: None,
            personal: false,
            pseudonym: false,
            key: None,
        }
    }

    /// Reads one distinct text.
    fn value(&self, written: &Arc<str>, reference: &Reference) -> Result<Value, Fault> {
        let extracted = match &self.extract {
            Some(pattern) => {
                let captures = pattern.captures(written);
                let group =
                    captures.as_ref().and_then(|captures| captures.get(1).or_else(|| captures.get(0)));
                group.map_or("", |group| group.as_str())
            }
            None => written,
        };
        let text = if self.values.is_empty() { extracted } else { self.listed(extracted)? };
        let mut value = self.read(text, written, reference)?;
        let absent = value.is_missing() || value.as_text() == Some(UNKNOWN);
        if let Some(default) = self.default.as_deref().filter(|_| absent) {
            value = normalize(self.kind, default, written, reference)?;
        }
        if self.required && self.kind == ColumnKind::Region && value.as_text() == Some(UNKNOWN) {
            return Err(Fault::new(Code::UnknownValue, "a township of seeds/regions.csv"));
        }
        if value.is_missing() && self.required {
            return Err(Fault::new(Code::MissingValue, "a value"));
        }
        if let (Some(form), Value::Text(identifier)) = (&self.form, &value)
            && !form.is_match(identifier)
        {
            return Err(Fault::new(Code::BadCode, format!("the form {form}")));
        }
        Ok(match &self.key {
            Some(key) if self.pseudonym => key.stand_in(&value),
            // Without a key nothing is kept: a run that lacks one does not get here.
            None if self.pseudonym => Value::Missing,
            _ => value,
        })
    }
}

impl ColumnRule {
    /// What stands in the place of a text by the column's list.
    fn listed<'a>(&'a self, text: &'a str) -> Result<&'a str, Fault> {
        let folded = fold(text);
        match (self.values.get(&*folded), self.other) {
            (Some(word), _) => Ok(word),
            (None, _) if is_missing(&folded) => Ok(text),
            (None, Other::Keep) => Ok(text),
            (None, Other::Missing) => Ok(""),
            (None, Other::Reject) => {
                let listed: Vec<&str> = self.values.keys().map(String::as_str).collect();
                Err(Fault::new(Code::UnknownValue, listed.join(" / ")))
            }
        }
    }

    fn read(&self, text: &str, written: &Arc<str>, reference: &Reference) -> Result<Value, Fault> {
        let numeric = matches!(
            self.kind,
            ColumnKind::Measured | ColumnKind::Decimal | ColumnKind::Integer | ColumnKind::Percent
        );
        match &self.date_format {
            Some(format) if self.kind == ColumnKind::Date && !is_missing(&fold(text)) => {
                let day = Date::strptime(format, &*fold(text))
                    .ok()
                    .filter(|day| (1950..2100).contains(&day.year()));
                day.map(Value::Date).ok_or_else(|| {
                    Fault::new(Code::BadDate, format!("a day of 1950 to 2099 written {format}"))
                })
            }
            _ if numeric && self.decimal_comma => {
                normalize(self.kind, &text.replace(',', "."), written, reference)
            }
            _ => normalize(self.kind, text, written, reference),
        }
    }
}

/// A column after normalization. Codes equal where values are equal.
#[derive(Debug)]
pub struct Normalized {
    pub values: Coded<Value>,
    /// Raw code → fault, for the texts that could not be read.
    pub faults: BTreeMap<u32, Fault>,
}

/// Normalizes each distinct text once.
pub fn normalize_column(texts: &Coded<Arc<str>>, rule: &ColumnRule, reference: &Reference) -> Normalized {
    let mut faults = BTreeMap::new();
    let mut code = 0;
    let values = texts.map(|text| {
        let value = rule.value(text, reference).unwrap_or_else(|fault| {
            faults.insert(code, fault);
            Value::Missing
        });
        code += 1;
        value
    });
    Normalized { values, faults }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_not_listed_are_kept_refused_or_missing() {
        let reference = Reference::built_in().expect("seeds");
        let mut rule = ColumnRule::new("trade", ColumnKind::Text, false);
        let read = |rule: &ColumnRule, text: &str| match rule.value(&Arc::from(text), &reference) {
            Ok(value) => value.to_string(),
            Err(fault) => fault.code.to_string(),
        };
        assert_eq!(read(&rule, "零售"), "零售", "no list");
        rule.values.insert("销售".to_owned(), "sales".to_owned());
        for (other, unlisted) in
            [(Other::Keep, "零售"), (Other::Reject, "unknown_value"), (Other::Missing, "")]
        {
            rule.other = other;
            assert_eq!(read(&rule, " 销售 "), "sales", "{other:?}");
            assert_eq!(read(&rule, "零售"), unlisted, "{other:?}");
            // Nothing entered is never a word outside the list.
            assert_eq!(read(&rule, "/"), "", "{other:?}");
        }
        rule.default = Some("销售".to_owned());
        assert_eq!(read(&rule, "/"), "销售", "what stands in is read as it is");
        rule.required = true;
        rule.default = None;
        assert_eq!(read(&rule, "/"), "missing_value");
    }
}
