//! Restatements: which published figures a later run changed, by how much, and because of which records.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::store;
use crate::lake::{Entry, Lake, LakeError};
use crate::model::{TABLES, Value};

/// Numerator, denominator and value, as they were published.
pub type Said = [String; 3];

/// A figure that two runs published for the same cut and the same period, and not alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restatement {
    pub indicator: String,
    /// `region=411721101, category=蔬菜制品`; empty for the whole.
    pub cut: String,
    pub period_start: String,
    pub period_end: String,
    pub was: Said,
    pub is: Said,
    /// Records that came, went or changed in the months of the period.
    pub because: String,
}

/// Cut and period of a figure.
type Name = (String, String, String, String);

/// What the later run says otherwise. What only one of them says is no restatement.
///
/// # Errors
/// Something that either published is missing or damaged.
pub fn restatements(lake: &Lake, before: &Entry, after: &Entry) -> Result<Vec<Restatement>, RunError> {
    let (was, is) = (figures(lake, before)?, figures(lake, after)?);
    let changed: Vec<(&Name, &Said, &Said)> = was
        .iter()
        .filter_map(|(name, was)| Some((name, was, is.get(name)?)))
        .filter(|(_, was, is)| was != is)
        .collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let records = changes(lake, before, after)?;
    // Another day may be the whole reason.
    let day = match (&before.draft.as_of, &after.draft.as_of) {
        (was, is) if was == is => String::new(),
        (was, is) => format!("looked at on {is} instead of {was}; "),
    };
    let restated = changed.into_iter().map(|((indicator, cut, start, end), was, is)| Restatement {
        indicator: indicator.clone(),
        cut: cut.clone(),
        period_start: start.clone(),
        period_end: end.clone(),
        was: was.clone(),
        is: is.clone(),
        because: format!("{day}{}", because(&records, start, end)),
    });
    Ok(restated.collect())
}

/// How many figures the later run says otherwise.
///
/// # Errors
/// As [`restatements`].
pub fn restated(lake: &Lake, before: &Entry, after: &Entry) -> Result<usize, RunError> {
    let (was, is) = (figures(lake, before)?, figures(lake, after)?);
    Ok(was.iter().filter(|(name, was)| is.get(*name).is_some_and(|is| is != *was)).count())
}

fn figures(lake: &Lake, entry: &Entry) -> Result<BTreeMap<Name, Said>, RunError> {
    let mut figures = BTreeMap::new();
    let Some(published) = entry.draft.outputs.iter().find(|output| output.name == "indicators.csv") else {
        return Ok(figures);
    };
    let bytes = lake.object(&published.blake3)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let unreadable = |error: csv::Error| RunError::Usage(format!("figures of run {}: {error}", entry.run));
    let header = reader.headers().map_err(unreadable)?.clone();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let of = |name: &str| -> String {
            let place = header.iter().position(|own| own == name);
            place.and_then(|place| record.get(place)).unwrap_or_default().to_owned()
        };
        let by = of("by");
        let cut: Vec<String> = by
            .split('+')
            .filter(|name| !name.is_empty())
            .map(|name| format!("{name}={}", of(name)))
            .collect();
        let name = (of("indicator"), cut.join(", "), of("period_start"), of("period_end"));
        figures.insert(name, [of("numerator"), of("denominator"), of("value")]);
    }
    Ok(figures)
}

/// Keys of records that differ between two runs, by table and month.
type Changes = BTreeMap<(String, String), Difference>;

#[derive(Debug, Default)]
struct Difference {
    came: Vec<String>,
    went: Vec<String>,
    changed: Vec<String>,
}

fn changes(lake: &Lake, before: &Entry, after: &Entry) -> Result<Changes, LakeError> {
    let mut changes = Changes::new();
    for schema in TABLES {
        let digest = |entry: &Entry| -> BTreeMap<String, String> {
            let files = entry.table(schema.name).map(|table| table.files.clone()).unwrap_or_default();
            files.into_iter().map(|file| (file.month, file.digest)).collect()
        };
        let (was, is) = (digest(before), digest(after));
        let months: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        for month in months.into_iter().filter(|month| was.get(*month) != is.get(*month)) {
            let [was, is] = [before, after].map(|entry| rows(lake, entry, schema.name, schema.key, month));
            let (was, is) = (was?, is?);
            let mut difference = Difference::default();
            for (key, content) in &is {
                match was.get(key) {
                    None => difference.came.push(key.clone()),
                    Some(other) if other != content => difference.changed.push(key.clone()),
                    Some(_) => {}
                }
            }
            difference.went.extend(was.into_keys().filter(|key| !is.contains_key(key)));
            changes.insert((schema.name.to_owned(), month.clone()), difference);
        }
    }
    Ok(changes)
}

/// The records of one month by their keys, each spelt out whole; where they came from is no part of them.
fn rows(
    lake: &Lake,
    entry: &Entry,
    table: &str,
    key: &[&str],
    month: &str,
) -> Result<BTreeMap<String, String>, LakeError> {
    let Some(table) = entry.table(table) else { return Ok(BTreeMap::new()) };
    let frame = store::read_month(lake, table, month)?;
    let mut names: Vec<&str> = frame.names().collect();
    names.sort_unstable();
    let text = |row: usize, names: &[&str], glue: &str| {
        let values = names.iter().map(|name| frame.column(name).map_or(&Value::Missing, |own| own.get(row)));
        values.map(Value::to_string).collect::<Vec<_>>().join(glue)
    };
    let each = (0..frame.rows()).map(|row| (text(row, key, "/"), text(row, &names, "\u{1f}")));
    Ok(each.collect())
}

/// Keys that are spelt out of each kind of change.
const SHOWN: usize = 3;

fn because(changes: &Changes, start: &str, end: &str) -> String {
    let inside = |month: &str| {
        let (start, end) = (start.get(..7).unwrap_or(""), end.get(..7).unwrap_or("9999-99"));
        month.len() != 7 || (start <= month && month <= end)
    };
    let mut parts = Vec::new();
    for ((table, month), difference) in changes.iter().filter(|((_, month), _)| inside(month)) {
        let kinds =
            [("came", &difference.came), ("went", &difference.went), ("changed", &difference.changed)];
        for (what, keys) in kinds.into_iter().filter(|(_, keys)| !keys.is_empty()) {
            let more = if keys.len() > SHOWN { " …" } else { "" };
            let shown = keys.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" ");
            parts.push(format!("{table} {month}: {} {what} ({shown}{more})", keys.len()));
        }
    }
    parts.join("; ")
}
