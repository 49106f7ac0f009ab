//! Frames as Arrow batches, filed by month, and back: the form in which the lake keeps them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Field, Int32Type, Int64Type, Schema};
use arrow::error::ArrowError;
use jiff::civil::date;
use rust_decimal::Decimal;

use crate::column::{Coded, Frame};
use crate::model::{ColumnKind, Exact, UNKNOWN, Value, table};
use crate::report::epoch_days;

/// Digits behind the point of every stored decimal; the written scale is kept beside it.
pub const DECIMAL_SCALE: u32 = 12;
const DECIMAL_PRECISION: u8 = 38;

/// Columns that say where a row came from.
const ORIGIN: [&str; 4] = ["origin_input", "origin_file", "origin_sheet", "origin_line"];

/// The rows of one month, with a digest of what they hold.
#[derive(Debug)]
pub struct MonthBatch {
    pub month: String,
    /// BLAKE3 over names, types and values; the run that brought the rows is no part of it.
    pub digest: String,
    pub batch: RecordBatch,
}

/// Files a table's rows by the month of its own date; one batch without a month for tables that have none.
///
/// # Errors
/// None that input can cause: Arrow's own.
pub fn to_months(name: &str, frame: &Frame, run: u64) -> Result<Vec<MonthBatch>, ArrowError> {
    let month_of = table(name).and_then(|table| table.month_of);
    let mut months: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    match month_of {
        None => {
            months.insert(String::new(), (0..frame.rows() as u32).collect());
        }
        Some(column) => {
            let days = frame.column_or_missing(column);
            for row in 0..frame.rows() {
                let month = days.get(row).as_date().map(|day| day.to_string().chars().take(7).collect());
                months.entry(month.unwrap_or_else(|| UNKNOWN.to_owned())).or_default().push(row as u32);
            }
        }
    }
    months
        .into_iter()
        .map(|(month, rows)| {
            let part = frame.take(&rows);
            let (fields, arrays) = columns(name, &part);
            let digest = digest(&fields, &arrays);
            let (mut fields, mut arrays) = (fields, arrays);
            fields.push(Field::new("run", DataType::Int64, true));
            let number = i64::try_from(run).unwrap_or(i64::MAX);
            arrays.push(Arc::new(Int64Array::from(vec![number; part.rows()])));
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
            Ok(MonthBatch { month, digest, batch })
        })
        .collect()
}

fn columns(name: &str, frame: &Frame) -> (Vec<Field>, Vec<ArrayRef>) {
    let schema = table(name);
    let mut names: Vec<&str> = frame.names().filter(|name| !name.starts_with('$')).collect();
    // Equal tables are equal bytes, whatever source brought a column first.
    names.sort_unstable();
    let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    let mut push = |name: &str, array: ArrayRef| {
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    };
    for own in names {
        let Some(column) = frame.column(own) else { continue };
        let kind = schema.and_then(|schema| schema.column(own)).map(|column| column.kind);
        match (kind, own) {
            (Some(ColumnKind::Date), _) | (_, "sampled_on") => {
                let days = column.iter().map(|value| value.as_date().map(epoch_days));
                push(own, Arc::new(days.collect::<Date32Array>()));
            }
            (Some(ColumnKind::Integer), _) | (_, "replicate") => {
                let numbers = column.iter().map(Value::as_integer);
                push(own, Arc::new(numbers.collect::<Int64Array>()));
            }
            (Some(ColumnKind::Decimal | ColumnKind::Percent), _) | (_, "value") => {
                let scales = column.iter().map(|value| match value {
                    Value::Decimal(number) => i32::try_from(number.0.scale()).ok(),
                    _ => None,
                });
                let numbers: Decimal128Array = column.iter().map(stored_decimal).collect();
                let typed =
                    numbers.with_data_type(DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE as i8));
                push(own, Arc::new(typed));
                push(&format!("{own}_scale"), Arc::new(scales.collect::<Int32Array>()));
            }
            _ => {
                let texts: Vec<Option<String>> = column
                    .values()
                    .iter()
                    .map(|value| (!value.is_missing()).then(|| value.to_string()))
                    .collect();
                let rows = column.codes().iter().map(|code| texts[*code as usize].as_deref());
                push(own, Arc::new(rows.collect::<StringArray>()));
            }
        }
    }
    let origins: Vec<_> = (0..frame.rows()).map(|row| frame.origin(row)).collect();
    let hashes = (0..frame.rows()).map(|row| Some(&**frame.input_hash(row)));
    push(ORIGIN[0], Arc::new(hashes.collect::<StringArray>()));
    push(ORIGIN[1], Arc::new(origins.iter().map(|origin| Some(&*origin.file)).collect::<StringArray>()));
    push(ORIGIN[2], Arc::new(origins.iter().map(|origin| Some(&*origin.sheet)).collect::<StringArray>()));
    push(
        ORIGIN[3],
        Arc::new(origins.iter().map(|origin| i64::try_from(origin.line).ok()).collect::<Int64Array>()),
    );
    (fields, arrays)
}

/// The number over 10^12, or nothing where it has more decimals; the written text is kept in any case.
fn stored_decimal(value: &Value) -> Option<i128> {
    let Value::Decimal(Exact(number)) = value else { return None };
    let up = DECIMAL_SCALE.checked_sub(number.scale())?;
    number.mantissa().checked_mul(10i128.checked_pow(up)?)
}

fn digest(fields: &[Field], arrays: &[ArrayRef]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (field, array) in fields.iter().zip(arrays) {
        hasher.update(field.name().as_bytes()).update(field.data_type().to_string().as_bytes());
        hasher.update(&(array.len() as u64).to_le_bytes());
        let data = array.to_data();
        for buffer in data.buffers() {
            hasher.update(&(buffer.len() as u64).to_le_bytes()).update(buffer.as_slice());
        }
        for row in 0..array.len() {
            hasher.update(&[u8::from(array.is_null(row))]);
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Reads batches of the lake back into a frame; the run column is left behind.
pub fn from_batches(batches: &[RecordBatch]) -> Frame {
    let frames: Vec<Frame> = batches.iter().map(from_batch).collect();
    Frame::concat(&frames)
}

fn from_batch(batch: &RecordBatch) -> Frame {
    let rows = batch.num_rows();
    let text_at = |name: &str, row: usize| -> Arc<str> {
        let column = batch.column_by_name(name).and_then(|array| array.as_string_opt::<i32>());
        column
            .filter(|array| !array.is_null(row))
            .map_or_else(|| Arc::from(""), |array| Arc::from(array.value(row)))
    };
    let mut files: Vec<(Arc<str>, Arc<str>, Arc<str>)> = Vec::new();
    let mut file = Vec::with_capacity(rows);
    for row in 0..rows {
        let own = (text_at(ORIGIN[1], row), text_at(ORIGIN[2], row), text_at(ORIGIN[0], row));
        let known = files.iter().rposition(|other| *other == own);
        file.push(known.unwrap_or_else(|| {
            files.push(own);
            files.len() - 1
        }) as u32);
    }
    let lines = batch.column_by_name(ORIGIN[3]).and_then(|array| array.as_primitive_opt::<Int64Type>());
    let line = (0..rows).map(|row| lines.map_or(0, |lines| u64::try_from(lines.value(row)).unwrap_or(0)));
    let mut frame = Frame::new(file, line.collect(), files);
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name().as_str();
        if ORIGIN.contains(&name) || name == "run" || name == "month" || name.ends_with("_scale") {
            continue;
        }
        let scales = batch
            .column_by_name(&format!("{name}_scale"))
            .and_then(|array| array.as_primitive_opt::<Int32Type>());
        let values = (0..rows)
            .map(|row| if array.is_null(row) { Value::Missing } else { value_at(array, row, scales) });
        frame.set(name, Coded::from_values(values));
    }
    frame
}

fn value_at(array: &ArrayRef, row: usize, scales: Option<&Int32Array>) -> Value {
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Value::text(texts.value(row));
    }
    if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
        return Value::Integer(numbers.value(row));
    }
    if let Some(days) = array.as_primitive_opt::<Date32Type>() {
        let day = date(1970, 1, 1).checked_add(jiff::Span::new().days(i64::from(days.value(row))));
        return day.map_or(Value::Missing, Value::Date);
    }
    if let Some(numbers) = array.as_primitive_opt::<Decimal128Type>() {
        let mut number =
            Decimal::try_from_i128_with_scale(numbers.value(row), DECIMAL_SCALE).unwrap_or_default();
        let scale = scales.filter(|scales| !scales.is_null(row)).map(|scales| scales.value(row));
        if let Some(scale) = scale.and_then(|scale| u32::try_from(scale).ok()) {
            number.rescale(scale);
        }
        return Value::Decimal(Exact(number));
    }
    Value::Missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_lake() {
        let empty: Arc<str> = Arc::from("");
        let mut frame =
            Frame::new(vec![0; 3], vec![2, 3, 4], vec![(Arc::from("a.csv"), empty.clone(), empty)]);
        let days = [date(2020, 1, 31), date(2020, 2, 1), date(2020, 1, 2)].map(Value::Date);
        frame.set("sampled_on", Coded::from_values(days));
        frame.set("sample_code", Coded::from_values(["A", "B", "C"].map(Value::text)));
        let numbers =
            ["0.20", "1", "0.0005"].map(|text| Value::Decimal(Exact(text.parse().expect("a number"))));
        frame.set("value", Coded::from_values(numbers));
        let months = to_months("determinations", &frame, 7).expect("batches");
        assert_eq!(months.iter().map(|part| part.month.as_str()).collect::<Vec<_>>(), ["2020-01", "2020-02"]);
        let again = to_months("determinations", &frame, 8).expect("batches");
        assert_eq!(months[0].digest, again[0].digest, "the run is no part of the content");
        let batches: Vec<RecordBatch> = months.into_iter().map(|part| part.batch).collect();
        let read = from_batches(&batches);
        let sorted = frame.take(&[0, 2, 1]);
        for name in ["sampled_on", "sample_code", "value"] {
            let (read, kept) = (read.column_or_missing(name), sorted.column_or_missing(name));
            assert!(read.iter().map(Value::to_string).eq(kept.iter().map(Value::to_string)), "{name}");
        }
        assert_eq!(read.origin(1), sorted.origin(1));
    }
}
