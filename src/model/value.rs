use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;

/// A normalized cell. Equal texts after normalization are equal values, so that a re-typed date or a
/// full-width digit never makes two records differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    #[default]
    Missing,
    Text(Arc<str>),
    Date(Date),
    Integer(i64),
    Decimal(Exact),
}

/// A decimal with the scale it was written in: 0.10 is not the same text as 0.1.
#[derive(Debug, Clone, Copy)]
pub struct Exact(pub Decimal);

impl Exact {
    /// By value, then by scale.
    fn key(self) -> (Decimal, u32) {
        (self.0, self.0.scale())
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Exact {}

impl std::hash::Hash for Exact {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // Equal numbers of one scale have one mantissa; a number's own hash would look for its shortest form.
        (self.0.mantissa(), self.0.scale()).hash(state);
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Exact) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Value {
    pub fn text(text: &str) -> Value {
        Value::Text(Arc::from(text))
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_date(&self) -> Option<Date> {
        match self {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
}

/// Missing prints as nothing, dates as ISO 8601, decimals with the scale they were written in.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Date(date) => write!(f, "{date}"),
            Value::Integer(integer) => write!(f, "{integer}"),
            Value::Decimal(decimal) => write!(f, "{}", decimal.0),
        }
    }
}
