//! Rows of the lake as frames again: values and codes stay what they were.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use jiff::ToSpan;
use jiff::civil::date;
use rust_decimal::Decimal;

use super::batches::{DECIMAL_SCALE, ORIGIN, SCALE};
use crate::column::chunks::Series;
use crate::column::{Coded, Frame, combine, first_rows};
use crate::model::{Exact, Value};

/// The rows of one row group; the run that brought them is left behind.
pub fn from_series(rows: usize, mut columns: Vec<(String, Series)>) -> Frame {
    let mut taken = |name: &str| {
        let place = columns.iter().position(|(own, _)| own == name);
        place.map(|place| columns.remove(place).1)
    };
    let missing = || Coded::constant(Value::Missing, rows);
    let [hashes, names, sheets, lines] =
        ORIGIN.map(|name| taken(name).map_or_else(missing, |own| values_of(own, None)));
    let (file, _) = combine([&names, &sheets, &hashes], rows);
    let text = |column: &Coded<Value>, row: u32| Arc::from(column.get(row as usize).as_text().unwrap_or(""));
    let files = first_rows(&file).into_iter();
    let files = files.map(|row| (text(&names, row), text(&sheets, row), text(&hashes, row))).collect();
    let line = lines.iter().map(|line| line.as_integer().and_then(|line| u64::try_from(line).ok()));
    let mut frame = Frame::new(file, line.map(Option::unwrap_or_default).collect(), files);
    for (name, column) in to_values(columns) {
        frame.set(&name, column);
    }
    frame
}

/// The columns of rows whose origin does not matter.
pub fn to_values(columns: Vec<(String, Series)>) -> Vec<(String, Coded<Value>)> {
    let (scales, columns): (Vec<_>, Vec<_>) =
        columns.into_iter().partition(|(name, _)| name.ends_with(SCALE));
    let own = columns.into_iter().filter(|(name, _)| name != "run" && name != "month");
    let values = own.map(|(name, series)| {
        let scale = scales.iter().find(|(own, _)| own.strip_suffix(SCALE) == Some(&name));
        let values = values_of(series, scale.map(|(_, scale)| scale));
        (name, values)
    });
    values.collect()
}

/// A column's values, made once for each that is distinct. The scales are those that decimals were written in.
fn values_of(series: Series, scales: Option<&Series>) -> Coded<Value> {
    let kind = match series.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    };
    match kind {
        DataType::Utf8 => coded(series, |texts, at| Value::text(texts.as_string::<i32>().value(at)))
            .relabel(|text| text.clone().unwrap_or_default()),
        DataType::Int64 => coded(series, |numbers, at| numbers.as_primitive::<Int64Type>().value(at))
            .relabel(|number| number.map_or(Value::Missing, Value::Integer)),
        DataType::Date32 => {
            coded(series, |days, at| days.as_primitive::<Date32Type>().value(at)).relabel(|days| {
                let day = days.and_then(|days| date(1970, 1, 1).checked_add(days.days()).ok());
                day.map_or(Value::Missing, Value::Date)
            })
        }
        DataType::Decimal128(_, _) => {
            let rows = series.len();
            let numbers = coded(series, |numbers, at| numbers.as_primitive::<Decimal128Type>().value(at));
            let scales = scales.filter(|scales| *scales.data_type() == DataType::Int32);
            let scales = match scales {
                Some(scales) => {
                    coded(scales.clone(), |scales, at| scales.as_primitive::<Int32Type>().value(at))
                }
                None => Coded::constant(None, rows),
            };
            numbers.zip_map(&scales, decimal)
        }
        _ => Coded::constant(Value::Missing, series.len()),
    }
}

/// What `read` makes of each distinct value; nothing of an empty one.
fn coded<T: Hash + Eq + Clone>(series: Series, read: impl Fn(&ArrayRef, usize) -> T) -> Coded<Option<T>> {
    let each = |values: &ArrayRef| -> Vec<Option<T>> {
        (0..values.len()).map(|at| values.is_valid(at).then(|| read(values, at))).collect()
    };
    match series {
        Series::Coded { values, codes } => Coded::new(each(&values), codes.into_rows()),
        Series::Plain(array) => match array.as_dictionary_opt::<Int32Type>() {
            Some(own) => {
                let empty = own.values().len() as u32;
                let code = |key: Option<i32>| key.and_then(|key| u32::try_from(key).ok()).unwrap_or(empty);
                let codes = own.keys().iter().map(code).collect();
                Coded::new(each(own.values()).into_iter().chain([None]).collect(), codes)
            }
            None => Coded::from_values(each(&array)),
        },
    }
}

fn decimal(number: &Option<i128>, scale: &Option<i32>) -> Value {
    let Some(number) = number else { return Value::Missing };
    let mut number = Decimal::try_from_i128_with_scale(*number, DECIMAL_SCALE).unwrap_or_default();
    if let Some(scale) = scale.and_then(|scale| u32::try_from(scale).ok()) {
        number.rescale(scale);
    }
    Value::Decimal(Exact(number))
}
