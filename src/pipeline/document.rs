//! A TOML document read key by key, collecting every problem with the place it points at.

use std::cell::RefCell;
use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::nearest;

/// Something wrong in a pipeline file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the document.
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

/// Problems in the order in which they were found.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub fn add(&self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.0.borrow_mut().push(Problem { span, message: message.into(), help });
    }

    pub fn into_inner(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by_key(|problem| problem.span.start);
        problems
    }
}

/// A text with the place where it stands.
pub type Placed = Spanned<String>;

/// A table of the document and the keys that may be in it.
pub struct Section<'d> {
    table: &'d DeTable<'d>,
    span: Range<usize>,
    /// How the table is called in messages: `[source.samples]`.
    name: String,
    problems: &'d Problems,
}

impl<'d> Section<'d> {
    pub fn root(table: &'d Spanned<DeTable<'d>>, problems: &'d Problems) -> Section<'d> {
        Section { table: table.get_ref(), span: table.span(), name: "the pipeline file".to_owned(), problems }
    }

    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub fn problem(&self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.add(span, message, help);
    }

    /// Reports every key that is not among `known`.
    pub fn only(&self, known: &[&str]) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let help = match nearest(name, known.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("it takes {}", known.join(", ")),
                };
                self.problem(key.span(), format!("{} has no key `{name}`", self.name), Some(help));
            }
        }
    }

    /// Keys with their values, in the order of the document.
    pub fn entries(&self) -> Vec<(Placed, &'d Spanned<DeValue<'d>>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| (Spanned::new(key.span(), key.get_ref().to_string()), value))
            .collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    pub fn get(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table.iter().find(|(own, _)| own.get_ref() == key).map(|(_, value)| value)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn expected(&self, value: &Spanned<DeValue<'_>>, key: &str, what: &str) {
        self.problem(value.span(), format!("`{key}` is {what}"), None);
    }

    pub fn text(&self, key: &str) -> Option<Placed> {
        let value = self.get(key)?;
        let text = text_of(value);
        if text.is_none() {
            self.expected(value, key, "a text in quotes");
        }
        text
    }

    pub fn required_text(&self, key: &str) -> Option<Placed> {
        if !self.has(key) {
            self.problem(self.span(), format!("{} lacks `{key}`", self.name), None);
        }
        self.text(key)
    }

    /// A text, or a list of texts.
    pub fn texts(&self, key: &str) -> Option<Vec<Placed>> {
        let value = self.get(key)?;
        let texts = texts_of(value);
        if texts.is_none() {
            self.expected(value, key, "a text or a list of texts");
        }
        texts
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.expected(value, key, "true or false");
                None
            }
        }
    }

    pub fn integer(&self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.expected(value, key, "a whole number");
        }
        number
    }

    /// A day, as TOML date or as text.
    pub fn date(&self, key: &str) -> Option<Date> {
        let value = self.get(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(day) => Some(day.to_string()),
            _ => text_of(value).map(Spanned::into_inner),
        };
        let date = text.and_then(|text| text.parse().ok());
        if date.is_none() {
            self.expected(value, key, "a day such as 2020-12-31");
        }
        date
    }

    /// A word out of a few.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let help =
                nearest(text.get_ref(), known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.problem(text.span(), format!("`{key}` is one of {}", known.join(", ")), help);
        }
        found
    }

    pub fn section(&self, key: &str) -> Option<Section<'d>> {
        let value = self.get(key)?;
        self.section_of(key, value)
    }

    pub fn section_of(&self, key: &str, value: &'d Spanned<DeValue<'d>>) -> Option<Section<'d>> {
        match value.get_ref() {
            DeValue::Table(table) => {
                let name = match self.name.strip_suffix(']').filter(|_| self.name.starts_with('[')) {
                    Some(parent) => format!("{parent}.{key}]"),
                    None => format!("[{key}]"),
                };
                Some(Section { table, span: value.span(), name, problems: self.problems })
            }
            _ => {
                self.expected(value, key, "a table");
                None
            }
        }
    }

    /// The elements of `[[key]]`.
    pub fn sections(&self, key: &str) -> Vec<Section<'d>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(array) => array.iter().filter_map(|item| self.section_of(key, item)).collect(),
            _ => {
                self.expected(value, key, "a list of tables");
                Vec::new()
            }
        }
    }
}

pub fn text_of(value: &Spanned<DeValue<'_>>) -> Option<Placed> {
    match value.get_ref() {
        DeValue::String(text) => Some(Spanned::new(value.span(), text.to_string())),
        _ => None,
    }
}

pub fn texts_of(value: &Spanned<DeValue<'_>>) -> Option<Vec<Placed>> {
    match value.get_ref() {
        DeValue::Array(array) => array.iter().map(text_of).collect(),
        _ => text_of(value).map(|text| vec![text]),
    }
}

/// A scalar written in any way, as text: constants may be numbers, days or flags.
pub fn scalar_of(value: &Spanned<DeValue<'_>>) -> Option<Placed> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        DeValue::Datetime(day) => day.to_string(),
        DeValue::Array(_) | DeValue::Table(_) => return None,
    };
    Some(Spanned::new(value.span(), text))
}
