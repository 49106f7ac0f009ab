//! Reshaping of frames: wide to long, attributes to rows, one table onto another.

use hashbrown::HashSet;

use super::load::SOURCE;
use super::source_file::WideFile;
use crate::column::{Coded, Frame, combine, first_rows, rows_where};
use crate::model::{TableSchema, Value};
use crate::validate::wide_name;

/// The rows that a source brought.
pub fn rows_of_source(frame: &Frame, source: usize) -> Frame {
    let Some(sources) = frame.column(SOURCE) else { return Frame::default() };
    let number = i64::try_from(source).unwrap_or_default();
    let is_own = sources.relabel(|value| value.as_integer() == Some(number));
    if !is_own.values().contains(&false) {
        return frame.clone();
    }
    frame.take(&rows_where(&is_own))
}

/// Only the columns of a table, the pipeline's own dimensions of it, and what is needed to judge it.
pub fn only_columns(frame: &Frame, table: &TableSchema, own: &[&str]) -> Frame {
    let mut kept = frame.clone();
    let names: Vec<String> = frame.names().map(str::to_owned).collect();
    for name in names {
        let belongs =
            table.column(&name).is_some() || own.contains(&name.as_str()) || name == crate::judge::CONCLUSION;
        if !belongs {
            kept.drop_column(&name);
        }
    }
    kept
}

/// The first row of each key.
pub fn first_of_each(frame: &Frame, key: &[&str]) -> Frame {
    let columns: Vec<Coded<Value>> = key.iter().map(|name| frame.column_or_missing(name)).collect();
    let (codes, _) = combine(&columns, frame.rows());
    frame.take(&first_rows(&codes))
}

/// One row per non-empty cell of the wide columns: header and cell become two columns.
pub fn melt(frame: &Frame, wide: &WideFile, headers: &[String]) -> Frame {
    let columns: Vec<(usize, Coded<Value>)> = headers
        .iter()
        .enumerate()
        .filter_map(|(index, header)| Some((index, frame.column(&wide_name(header))?.clone())))
        .collect();
    let mut rows = Vec::new();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for row in 0..frame.rows() {
        for (index, column) in &columns {
            let value = column.get(row);
            if !value.is_missing() {
                rows.push(row as u32);
                names.push(*index as u32);
                values.push(value.clone());
            }
        }
    }
    let mut long = frame.take(&rows);
    for header in headers {
        long.drop_column(&wide_name(header));
    }
    let named: Vec<Value> =
        headers.iter().map(|header| Value::text(&crate::normalize::fold(header))).collect();
    long.set(&wide.name, Coded::new(named, names).map(Value::clone));
    long.set(&wide.value, Coded::from_values(values));
    for (rule, text) in &wide.constants {
        long.set(&rule.column, Coded::constant(Value::text(text), long.rows()));
    }
    long
}

/// One row per attribute that an establishment has, with the days from and to which it holds.
pub fn melt_attributes<'a>(
    frame: &Frame,
    attributes: impl Iterator<Item = (&'a str, Coded<Value>, Option<Coded<Value>>)>,
) -> Frame {
    let mut parts = Vec::new();
    for (name, from, to) in attributes {
        let rows: Vec<u32> =
            (0..frame.rows() as u32).filter(|row| !from.get(*row as usize).is_missing()).collect();
        let mut part = frame.take(&rows);
        let names: Vec<String> = part.names().filter(|own| *own != "id").map(str::to_owned).collect();
        for own in names {
            part.drop_column(&own);
        }
        part.set("attribute", Coded::constant(Value::text(name), rows.len()));
        part.set("from", from.take(&rows));
        if let Some(to) = to {
            part.set("to", to.take(&rows));
        }
        parts.push(part);
    }
    Frame::concat(&parts)
}

/// Lays the columns of `other` onto the rows of `base` with the same key; a missing value never hides one
/// that is there. Returns the rows of `other` that found no partner.
pub fn attach(base: &mut Frame, other: &Frame, key: &str) -> Vec<u32> {
    let keys = base.column_or_missing(key);
    let known: HashSet<&Value> = keys.iter().collect();
    let other_keys = other.column_or_missing(key);
    let is_known: Vec<bool> = other_keys.values().iter().map(|key| known.contains(key)).collect();
    let strays = (0..other.rows() as u32)
        .filter(|row| !is_known[other_keys.codes()[*row as usize] as usize])
        .collect();
    let partners = base.partners(other, key);
    let names: Vec<String> =
        other.names().filter(|name| *name != key && !name.starts_with('$')).map(str::to_owned).collect();
    for name in names {
        let (own, laid) = (base.column_or_missing(&name), other.column_or_missing(&name));
        let there: Vec<bool> = laid.values().iter().map(|value| !value.is_missing()).collect();
        let rows: Vec<Option<u32>> = partners
            .iter()
            .map(|partner| partner.filter(|row| there[laid.codes()[*row as usize] as usize]))
            .collect();
        base.set(&name, own.overlay(&laid, &rows));
    }
    strays
}

/// The day of each determination's sample, by which determinations are filed.
pub fn days_of_samples(samples: &Frame, determinations: &Frame) -> Coded<Value> {
    let partners = determinations.partners(samples, "sample_code");
    partners.bring(&samples.column_or_missing("sampled_on"), Value::Missing)
}

/// A bare percentage becomes numerator over denominator: 40.3 % is 403 over 1000, and is flagged. All are
/// over the same power of ten, so that none weighs more for being written with more decimals.
pub fn from_shares(returns: &mut Frame) {
    let (rate, numerator, denominator) = (
        returns.column_or_missing("rate"),
        returns.column_or_missing("numerator"),
        returns.column_or_missing("denominator"),
    );
    let scales = rate.values().iter().map(|rate| match rate {
        Value::Decimal(rate) => rate.0.scale(),
        _ => 0,
    });
    let scale = scales.max().unwrap_or(0).max(1);
    let parts: Vec<(Value, Value, Value)> = (0..returns.rows())
        .map(|row| match (numerator.get(row), rate.get(row)) {
            (Value::Missing, Value::Decimal(rate)) => {
                let mut exact = rate.0;
                exact.rescale(scale);
                let top = i64::try_from(exact.mantissa()).map_or(Value::Missing, Value::Integer);
                (top, Value::Integer(100 * 10i64.pow(scale)), Value::text("yes"))
            }
            (own, _) => (own.clone(), denominator.get(row).clone(), Value::text("no")),
        })
        .collect();
    returns.set("numerator", Coded::from_values(parts.iter().map(|(top, _, _)| top.clone())));
    returns.set("denominator", Coded::from_values(parts.iter().map(|(_, bottom, _)| bottom.clone())));
    returns.set("reported_rate", Coded::from_values(parts.into_iter().map(|(_, _, flag)| flag)));
}
