//! `[derive.NAME]`: dimensions of samples that follow from their determinations.

use hashbrown::HashMap;
use toml::Spanned;

use super::document::Section;
use crate::column::{Coded, Frame, combine, first_rows};
use crate::cube::{Cells, Columns, Filter};
use crate::model::{UNKNOWN, Value, table};

pub const DERIVE_KEYS: &[&str] = &["any", "count", "at_least"];

/// Columns of the determinations that are computed and not read.
const COMPUTED: [&str; 7] =
    ["qualifier", "detected", "exceeded", "judged_verdict", "verdict", "kind", "limit_source"];

/// A dimension of samples.
#[derive(Debug, Clone)]
pub struct Derived {
    pub name: String,
    filter: Filter,
    rule: Rule,
}

/// What is said of the analytes of a sample that satisfy the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `yes` where there are this many, `no` where there are fewer.
    AtLeast(u64),
    /// How many there are.
    Count,
}

/// Reads the section; `dimensions` are the pipeline's own with their tables.
pub fn read_derived(section: &Section<'_>, dimensions: &[(String, String)]) -> Vec<Derived> {
    let columns = table("determinations").map(|table| table.columns).unwrap_or_default();
    let own = dimensions.iter().filter(|(_, owner)| owner == "determinations").map(|(name, _)| name.as_str());
    let known = columns.iter().map(|column| column.name).chain(COMPUTED).chain(own);
    let known: Vec<String> = known.map(str::to_owned).collect();
    let entries = section.entries().into_iter();
    entries
        .filter_map(|(name, value)| {
            if !dimensions.iter().any(|(own, owner)| own == name.get_ref() && owner == "samples") {
                let help = format!("add `{} = \"samples\"` to [dimensions]", name.get_ref());
                section.problem(name.span(), "a derived dimension is one of the samples'", Some(help));
            }
            let section = section.section_of(name.get_ref(), value)?;
            read_one(name, &section, &known)
        })
        .collect()
}

fn read_one(name: Spanned<String>, section: &Section<'_>, known: &[String]) -> Option<Derived> {
    section.only(DERIVE_KEYS);
    let at_least = section.integer("at_least").filter(|least| *least > 0);
    let (text, rule) = match (section.text("any"), section.text("count")) {
        (Some(text), None) => (text, Rule::AtLeast(1)),
        (None, Some(text)) => (text, at_least.map_or(Rule::Count, Rule::AtLeast)),
        _ => {
            let message = format!("`{}` takes `any` or `count`, one of them", name.get_ref());
            section.problem(section.span(), message, None);
            return None;
        }
    };
    let parsed = Filter::parse(text.get_ref());
    match parsed.and_then(|own| own.check("determinations", known).map(|()| own)) {
        Ok(filter) => Some(Derived { name: name.into_inner(), filter, rule }),
        Err(error) => {
            section.problem(text.span(), error.to_string(), None);
            None
        }
    }
}

/// Sets the derived dimensions of samples. Expressions are evaluated once per combination of the columns that
/// they mention; an analyte with several determinations counts once.
pub fn derive(samples: &mut Frame, determinations: &Frame, derived: &[Derived]) {
    if derived.is_empty() {
        return;
    }
    let [codes, analytes] = ["sample_code", "analyte"].map(|name| determinations.column_or_missing(name));
    let (pairs, pair_count) = combine([&codes, &analytes], determinations.rows());
    for own in derived {
        let selected = satisfying(determinations, &own.filter);
        let mut counted = vec![false; pair_count];
        let mut counts: HashMap<u32, u64> = HashMap::new();
        for (row, pair) in pairs.iter().enumerate().filter(|(row, _)| selected[*row]) {
            if !std::mem::replace(&mut counted[*pair as usize], true) {
                *counts.entry(codes.codes()[row]).or_default() += 1;
            }
        }
        let by_code: HashMap<&Value, u64> =
            counts.into_iter().map(|(code, count)| (&codes.values()[code as usize], count)).collect();
        let value = |code: &Value| {
            let count = by_code.get(code).copied().unwrap_or_default();
            match own.rule {
                Rule::AtLeast(least) => Value::text(if count >= least { "yes" } else { "no" }),
                Rule::Count => Value::text(&count.to_string()),
            }
        };
        let dimension = samples.column_or_missing("sample_code").map(value);
        samples.set(&own.name, dimension);
    }
}

/// Whether each row satisfies an expression.
fn satisfying(frame: &Frame, filter: &Filter) -> Vec<bool> {
    let names: Vec<String> = filter.dimensions().into_iter().collect();
    let columns: Vec<Coded<Value>> = names.iter().map(|name| frame.column_or_missing(name)).collect();
    let (codes, distinct) = combine(&columns, frame.rows());
    let first = first_rows(&codes);
    let text = |value: &Value| if value.is_missing() { UNKNOWN.to_owned() } else { value.to_string() };
    let texts = columns.iter().map(|column| column.values().iter().map(text).collect());
    let cells = Columns {
        codes: columns
            .iter()
            .map(|column| first.iter().map(|row| column.code(*row as usize).into()).collect())
            .collect(),
        days: std::iter::repeat_n(0, distinct).collect(),
        counts: std::iter::repeat_n(1, distinct).collect(),
    };
    let table = Cells::unsorted("determinations", names.into_iter().zip(texts).collect(), vec![None], cells);
    let selected = filter.select(&table);
    codes.iter().map(|code| selected[*code as usize]).collect()
}
