use std::collections::BTreeSet;

use jiff::civil::Date;
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as SqlValue};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::Cells;
use super::words::dimension_words;
use crate::model::nearest;

/// A boolean expression over dimensions: `level = 'national' and purpose in ('supervisory')`.
///
/// `day` and `month` are dimensions of every fact. Comparisons are of text, which for ISO days and months
/// is chronological.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    expression: Box<Expr>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("this is no boolean expression: {0}")]
    Syntax(String),
    #[error(
        "`{0}` is not understood here; write comparisons of a dimension with text, joined by and, or, not"
    )]
    Unsupported(String),
    #[error("`{text}` is no word of `{dimension}`; {}", hint(.nearest, .known))]
    UnknownWord { dimension: String, text: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{name}` is no dimension of {fact}; {}", hint(.nearest, .known))]
    Unknown { name: String, fact: String, nearest: Option<String>, known: Vec<String> },
}

fn hint(nearest: &Option<String>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("nearest is `{nearest}`"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// Dimensions that every fact has by its day.
pub const DAY_DIMENSIONS: [&str; 2] = ["day", "month"];

impl Filter {
    /// Parses an expression.
    ///
    /// # Errors
    /// It does not parse, or holds something other than comparisons, `in`, `like`-free logic and literals.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        let syntax = |error: sqlparser::parser::ParserError| FilterError::Syntax(error.to_string());
        let tokens = Tokenizer::new(&GenericDialect {}, text)
            .tokenize_with_location()
            .map_err(|error| FilterError::Syntax(error.to_string()))?;
        // SQL has more than is understood here, and some of it makes its parser try every way there is.
        if let Some(foreign) = tokens.iter().find(|token| !is_understood(&token.token)) {
            return Err(FilterError::Unsupported(foreign.token.to_string()));
        }
        let mut parser = Parser::new(&GenericDialect {}).with_tokens_with_locations(tokens);
        let expression = parser.parse_expr().map_err(syntax)?;
        let end = parser.peek_token();
        if end.token != Token::EOF {
            return Err(FilterError::Syntax(format!("unexpected `{end}`")));
        }
        supported(&expression)?;
        Ok(Filter { expression: Box::new(expression), text: text.to_owned() })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names of the dimensions that the expression mentions.
    pub fn dimensions(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        mentioned(&self.expression, &mut names);
        names
    }

    /// Every dimension with the texts that it is compared with.
    pub fn comparisons(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        compared(&self.expression, &mut found);
        found
    }

    /// # Errors
    /// The first dimension that is not among `known`, with the nearest that is.
    pub fn check(&self, fact: &str, known: &[String]) -> Result<(), FilterError> {
        let unknown = self
            .dimensions()
            .into_iter()
            .find(|name| !known.contains(name) && !DAY_DIMENSIONS.contains(&name.as_str()));
        match unknown {
            None => self.check_words(fact),
            Some(name) => Err(FilterError::Unknown {
                nearest: nearest(&name, known.iter().map(String::as_str)).map(str::to_owned),
                fact: fact.to_owned(),
                known: known.to_vec(),
                name,
            }),
        }
    }

    /// A word that a closed vocabulary does not have would select nothing and publish a zero.
    fn check_words(&self, fact: &str) -> Result<(), FilterError> {
        for (dimension, text) in self.comparisons() {
            let Some(words) = dimension_words(fact, &dimension) else { continue };
            if !words.contains(&text.as_str()) {
                let nearest = nearest(&text, words.iter().copied()).map(str::to_owned);
                let known = words.into_iter().map(str::to_owned).collect();
                return Err(FilterError::UnknownWord { dimension, text, nearest, known });
            }
        }
        Ok(())
    }

    /// Which cells satisfy the expression: evaluated once per distinct value, combined per cell.
    pub fn select(&self, cells: &Cells) -> Vec<bool> {
        select(&self.expression, cells)
    }
}

/// Names, texts, numbers, comparisons, brackets and commas.
fn is_understood(token: &Token) -> bool {
    use Token::*;
    matches!(
        token,
        Word(_)
            | Number(..)
            | SingleQuotedString(_)
            | DoubleQuotedString(_)
            | Eq
            | Neq
            | Lt
            | LtEq
            | Gt
            | GtEq
            | LParen
            | RParen
            | Comma
            | Whitespace(_)
            | EOF
    )
}

fn mentioned(expression: &Expr, names: &mut BTreeSet<String>) {
    match expression {
        Expr::Identifier(name) => {
            names.insert(name.value.clone());
        }
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => mentioned(inner, names),
        Expr::InList { expr: inner, .. } | Expr::Between { expr: inner, .. } => mentioned(inner, names),
        Expr::BinaryOp { left, right, .. } => {
            mentioned(left, names);
            mentioned(right, names);
        }
        _ => {}
    }
}

fn compared(expression: &Expr, found: &mut Vec<(String, String)>) {
    match expression {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => compared(inner, found),
        Expr::BinaryOp { left, right, .. } => match (left.as_ref(), literal(right)) {
            (Expr::Identifier(name), Some(text)) => found.push((name.value.clone(), text)),
            _ => {
                compared(left, found);
                compared(right, found);
            }
        },
        Expr::InList { expr, list, .. } => {
            if let Expr::Identifier(name) = expr.as_ref() {
                found.extend(list.iter().filter_map(literal).map(|text| (name.value.clone(), text)));
            }
        }
        _ => {}
    }
}

fn supported(expression: &Expr) -> Result<(), FilterError> {
    let refuse = || Err(FilterError::Unsupported(expression.to_string()));
    match expression {
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => supported(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            supported(left)?;
            supported(right)
        }
        Expr::BinaryOp { left, op, right } => match (comparison(op), left.as_ref(), literal(right)) {
            (Some(_), Expr::Identifier(_), Some(_)) => Ok(()),
            _ => refuse(),
        },
        Expr::InList { expr, list, .. } => match expr.as_ref() {
            Expr::Identifier(_) if list.iter().all(|item| literal(item).is_some()) => Ok(()),
            _ => refuse(),
        },
        Expr::Between { expr, low, high, .. } => match expr.as_ref() {
            Expr::Identifier(_) if literal(low).is_some() && literal(high).is_some() => Ok(()),
            _ => refuse(),
        },
        Expr::Value(value) if matches!(value.value, SqlValue::Boolean(_)) => Ok(()),
        _ => refuse(),
    }
}

fn comparison(op: &BinaryOperator) -> Option<fn(&str, &str) -> bool> {
    Some(match op {
        BinaryOperator::Eq => |a, b| a == b,
        BinaryOperator::NotEq => |a, b| a != b,
        BinaryOperator::Lt => |a, b| a < b,
        BinaryOperator::LtEq => |a, b| a <= b,
        BinaryOperator::Gt => |a, b| a > b,
        BinaryOperator::GtEq => |a, b| a >= b,
        _ => return None,
    })
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            SqlValue::SingleQuotedString(text) | SqlValue::DoubleQuotedString(text) => Some(text.clone()),
            SqlValue::Number(number, _) => Some(number.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn select(expression: &Expr, cells: &Cells) -> Vec<bool> {
    let both = |left: &Expr, right: &Expr, join: fn(bool, bool) -> bool| {
        let (left, right) = (select(left, cells), select(right, cells));
        left.into_iter().zip(right).map(|(left, right)| join(left, right)).collect()
    };
    match expression {
        Expr::Nested(inner) => select(inner, cells),
        Expr::UnaryOp { expr, .. } => select(expr, cells).into_iter().map(|selected| !selected).collect(),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => both(left, right, |a, b| a && b),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => both(left, right, |a, b| a || b),
        Expr::BinaryOp { left, op, right } => {
            let (compare, wanted) = (comparison(op), literal(right).unwrap_or_default());
            each(left, cells, |text| compare.is_some_and(|compare| compare(text, &wanted)))
        }
        Expr::InList { expr, list, negated } => {
            let wanted: Vec<String> = list.iter().filter_map(literal).collect();
            each(expr, cells, |text| wanted.iter().any(|own| own == text) != *negated)
        }
        Expr::Between { expr, negated, low, high } => {
            let (low, high) = (literal(low).unwrap_or_default(), literal(high).unwrap_or_default());
            each(expr, cells, |text| (low.as_str()..=high.as_str()).contains(&text) != *negated)
        }
        Expr::Value(value) => vec![value.value == SqlValue::Boolean(true); cells.len()],
        _ => vec![false; cells.len()],
    }
}

fn each(expression: &Expr, cells: &Cells, test: impl Fn(&str) -> bool) -> Vec<bool> {
    let Expr::Identifier(name) = expression else { return vec![false; cells.len()] };
    let name = name.value.as_str();
    match cells.position(name) {
        Some(position) => {
            let passes: Vec<bool> = cells.dimensions[position].1.iter().map(|text| test(text)).collect();
            cells.codes(position).among(&passes)
        }
        None if DAY_DIMENSIONS.contains(&name) => {
            let text = |day: Option<Date>| {
                let day = day.map(|day| day.to_string()).unwrap_or_default();
                if name == "month" { day.chars().take(7).collect() } else { day }
            };
            let (days, codes) = cells.days();
            codes.among(&days.iter().map(|day| test(&text(*day))).collect::<Vec<bool>>())
        }
        None => vec![false; cells.len()],
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn cells() -> Cells {
        let names = ["level".to_owned(), "stage".to_owned()];
        let spelt =
            [("county", "catering", 1, 1), ("county", "production", 2, 2), ("national", "catering", 3, 4)];
        let cells = spelt.map(|(level, stage, month, n)| {
            (vec![level.to_owned(), stage.to_owned()], Some(date(2020, month, 1)), n)
        });
        Cells::from_texts("samples", &names, cells)
    }

    #[test]
    fn filters_select_cells() {
        let cells = cells();
        for (text, expected) in [
            ("level = 'county'", 3),
            ("level <> 'county'", 4),
            ("level in ('county', 'national')", 7),
            ("level not in ('county')", 4),
            ("level = 'county' and stage = 'catering'", 1),
            ("level = 'national' or stage = 'production'", 6),
            ("not (level = 'county')", 4),
            ("month between '2020-01' and '2020-02'", 3),
            ("day >= '2020-02-01'", 6),
            ("true", 7),
        ] {
            let filter = Filter::parse(text).expect(text);
            assert_eq!(filter.check("samples", &["level".into(), "stage".into()]), Ok(()), "{text}");
            let selected = filter.select(&cells);
            let n: i64 =
                cells.counts().iter().zip(selected).filter(|(_, on)| *on).map(|(count, _)| count).sum();
            assert_eq!(n, expected, "{text}");
        }
    }

    #[test]
    fn faulty_filters_say_what_is_wrong() {
        for (text, expected) in [
            ("level = ", "this is no boolean expression"),
            ("level = 'a' level", "this is no boolean expression"),
            ("length(level) = 3", "is not understood here"),
            ("level = stage", "is not understood here"),
            ("levle = 'county'", "nearest is `level`"),
            ("level = 'nationl'", "nearest is `national`"),
            ("level in ('county', 'x')", "`x` is no word of `level`"),
            ("(select 1) = 'a'", "is not understood here"),
            ("samples.level = 'a'", "`.` is not understood here"),
            ("level || 'a' = 'a'", "`||` is not understood here"),
        ] {
            let known = ["level".to_owned(), "stage".to_owned()];
            let message =
                Filter::parse(text).and_then(|filter| filter.check("samples", &known)).expect_err(text);
            assert!(message.to_string().contains(expected), "{text}: {message}");
        }
    }
}
