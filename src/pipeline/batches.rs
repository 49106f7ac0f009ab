//! Frames as Arrow batches, filed by month, and back: the form in which the lake keeps them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Int32Type, Int64Type, Schema, UInt32Type,
};
use arrow::error::ArrowError;
use hashbrown::HashMap;
use jiff::ToSpan;
use jiff::civil::date;
use rayon::prelude::*;
use rust_decimal::Decimal;

use crate::column::{Coded, Frame, Interner, combine, first_rows};
use crate::model::{ColumnKind, Exact, UNKNOWN, Value, table};
use crate::report::epoch_days;

/// Digits behind the point of every stored decimal; the written scale is kept beside it.
pub const DECIMAL_SCALE: u32 = 12;
const DECIMAL_PRECISION: u8 = 38;

/// Columns that say where a row came from.
const ORIGIN: [&str; 4] = ["origin_input", "origin_file", "origin_sheet", "origin_line"];

/// The rows of one month; digest and batch are made when they are asked for.
#[derive(Debug)]
pub struct MonthPart {
    pub month: String,
    table: String,
    columns: Vec<(String, Own<Value>)>,
    /// File, sheet and input hash of each row.
    places: Own<[Arc<str>; 3]>,
    lines: Vec<u64>,
}

/// A column over those values alone that its rows use, in order of appearance: equal rows are coded equally.
#[derive(Debug)]
struct Own<T> {
    codes: Vec<u32>,
    values: Vec<T>,
}

impl<T> Own<T> {
    /// The given rows of a column, `value` being that of a code.
    fn new(all: &[u32], width: usize, rows: &[u32], value: impl Fn(u32) -> T) -> Own<T> {
        let mut new = vec![u32::MAX; width];
        let mut values = Vec::new();
        let codes = rows.iter().map(|row| {
            let code = all[*row as usize];
            let slot = &mut new[code as usize];
            if *slot == u32::MAX {
                *slot = values.len() as u32;
                values.push(value(code));
            }
            *slot
        });
        Own { codes: codes.collect(), values }
    }

    /// The column as Arrow has it, from what is made of each value: nothing is looked at row by row.
    fn array<A: Array + FromIterator<Option<U>> + 'static, U>(
        &self,
        make: impl Fn(&T) -> Option<U>,
    ) -> Result<ArrayRef, ArrowError> {
        self.over(Arc::new(self.values.iter().map(make).collect::<A>()))
    }

    fn over(&self, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
        let keys = UInt32Array::from(self.codes.clone());
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, values)?))
    }
}

impl MonthPart {
    fn new(table: &str, month: String, frame: &Frame, rows: &[u32]) -> MonthPart {
        let columns: Vec<(String, Own<Value>)> = stored_names(frame)
            .into_par_iter()
            .filter_map(|name| {
                let column = frame.column(name)?;
                let value = |code: u32| column.values()[code as usize].clone();
                Some((name.to_owned(), Own::new(column.codes(), column.values().len(), rows, value)))
            })
            .collect();
        let places = places(frame, rows);
        let lines: Vec<u64> = rows.iter().map(|row| frame.line(*row as usize)).collect();
        MonthPart { month, table: table.to_owned(), columns, places, lines }
    }

    /// BLAKE3 over names and values; the run that brought the rows is no part of it.
    pub fn digest(&self) -> String {
        digest(&self.columns, &self.places, &self.lines)
    }

    /// # Errors
    /// None that input can cause: Arrow's own.
    pub fn batch(&self, run: u64) -> Result<RecordBatch, ArrowError> {
        let mut arrays: Vec<(Field, ArrayRef)> = Vec::new();
        let mut push = |name: &str, array: ArrayRef| {
            arrays.push((Field::new(name, array.data_type().clone(), true), array));
        };
        let schema = table(&self.table);
        for (name, column) in &self.columns {
            let kind = schema.and_then(|schema| schema.column(name)).map(|column| column.kind);
            match (kind, name.as_str()) {
                (Some(ColumnKind::Date), _) | (_, "sampled_on") => {
                    push(name, column.array::<Date32Array, _>(|value| value.as_date().map(epoch_days))?);
                }
                (Some(ColumnKind::Integer), _) | (_, "replicate") => {
                    push(name, column.array::<Int64Array, _>(Value::as_integer)?);
                }
                (Some(ColumnKind::Decimal | ColumnKind::Percent), _) | (_, "value") => {
                    let numbers: Decimal128Array = column.values.iter().map(stored_decimal).collect();
                    let typed =
                        numbers.with_data_type(DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE as i8));
                    push(name, column.over(Arc::new(typed))?);
                    push(&format!("{name}_scale"), column.array::<Int32Array, _>(written_scale)?);
                }
                _ => push(name, column.array::<StringArray, _>(written)?),
            }
        }
        for (name, part) in ORIGIN.into_iter().zip([2, 0, 1]) {
            push(name, self.places.array::<StringArray, _>(|place| Some(place[part].to_string()))?);
        }
        let lines = self.lines.iter().map(|line| i64::try_from(*line).ok());
        push(ORIGIN[3], Arc::new(lines.collect::<Int64Array>()));
        let number = i64::try_from(run).unwrap_or(i64::MAX);
        push("run", Arc::new(Int64Array::from(vec![number; self.lines.len()])));
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = arrays.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

/// Where rows came from. A file that was concatenated twice is one file.
fn places(frame: &Frame, rows: &[u32]) -> Own<[Arc<str>; 3]> {
    let mut known: HashMap<u32, u32> = HashMap::new();
    let mut places: Interner<[Arc<str>; 3]> = Interner::new();
    let codes = rows.iter().map(|row| {
        let row = *row as usize;
        *known.entry(frame.file_of(row)).or_insert_with(|| {
            let origin = frame.origin(row);
            places.intern([origin.file, origin.sheet, frame.input_hash(row).clone()])
        })
    });
    Own { codes: codes.collect(), values: places.into_values() }
}

/// Files a table's rows by the month of its own date; one part without a month for tables that have none.
pub fn to_months(name: &str, frame: &Frame) -> Vec<MonthPart> {
    let month_of = table(name).and_then(|table| table.month_of);
    let mut months: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    match month_of {
        None => {
            months.insert(String::new(), (0..frame.rows() as u32).collect());
        }
        Some(column) => {
            let named = frame.column_or_missing(column).map(|day| {
                let month = day.as_date().map(|day| day.to_string().chars().take(7).collect::<String>());
                month.unwrap_or_else(|| UNKNOWN.to_owned())
            });
            let mut rows: Vec<Vec<u32>> = vec![Vec::new(); named.values().len()];
            for (row, month) in named.codes().iter().enumerate() {
                rows[*month as usize].push(row as u32);
            }
            let filled = named.values().iter().cloned().zip(rows).filter(|(_, rows)| !rows.is_empty());
            months.extend(filled);
        }
    }
    let parts: Vec<(String, Vec<u32>)> = months.into_iter().collect();
    parts.into_par_iter().map(|(month, rows)| MonthPart::new(name, month, frame, &rows)).collect()
}

/// Names of the stored columns. Equal tables are equal bytes, whatever source brought a column first.
fn stored_names(frame: &Frame) -> Vec<&str> {
    let mut names: Vec<&str> = frame.names().filter(|name| !name.starts_with('$')).collect();
    names.sort_unstable();
    names
}

fn written(value: &Value) -> Option<String> {
    (!value.is_missing()).then(|| value.to_string())
}

fn written_scale(value: &Value) -> Option<i32> {
    match value {
        Value::Decimal(number) => i32::try_from(number.0.scale()).ok(),
        _ => None,
    }
}

/// The number over 10^12, or nothing where it has more decimals; the written text is kept in any case.
fn stored_decimal(value: &Value) -> Option<i128> {
    let Value::Decimal(Exact(number)) = value else { return None };
    let up = DECIMAL_SCALE.checked_sub(number.scale())?;
    number.mantissa().checked_mul(10i128.checked_pow(up)?)
}

/// BLAKE3 over what a month holds: its columns by name, each as its values in order of appearance and the code of
/// every row, and likewise where each row came from.
fn digest(columns: &[(String, Own<Value>)], places: &Own<[Arc<str>; 3]>, lines: &[u64]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |name: &str, texts: &mut dyn Iterator<Item = String>, codes: &[u32]| {
        for text in std::iter::once(name.to_owned()).chain(texts) {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    };
    for (name, column) in columns {
        // A date and the text that spells it are different values.
        part(name, &mut column.values.iter().map(|value| format!("{value:?}")), &column.codes);
    }
    part("$origin", &mut places.values.iter().map(|place| place.join("\0")), &places.codes);
    let lines: Vec<u8> = lines.iter().flat_map(|line| line.to_le_bytes()).collect();
    hasher.update(&lines);
    hasher.finalize().to_hex().to_string()
}

/// Reads batches of the lake back into a frame; the run column is left behind.
pub fn from_batches(batches: &[RecordBatch]) -> Frame {
    let frames: Vec<Frame> = batches.par_iter().map(from_batch).collect();
    Frame::concat(&frames)
}

/// Reads one batch of the lake back into a frame; the run column is left behind.
pub fn from_batch(batch: &RecordBatch) -> Frame {
    let rows = batch.num_rows();
    let column = |name: &str| {
        let column = batch.column_by_name(name).map(|array| values_of(array, None));
        column.unwrap_or_else(|| Coded::constant(Value::Missing, rows))
    };
    let [hashes, names, sheets, lines] = ORIGIN.map(column);
    let (file, _) = combine([&names, &sheets, &hashes], rows);
    let text = |column: &Coded<Value>, row: u32| Arc::from(column.get(row as usize).as_text().unwrap_or(""));
    let files = first_rows(&file).into_iter();
    let files = files.map(|row| (text(&names, row), text(&sheets, row), text(&hashes, row))).collect();
    let line = lines.iter().map(|line| line.as_integer().and_then(|line| u64::try_from(line).ok()));
    let mut frame = Frame::new(file, line.map(Option::unwrap_or_default).collect(), files);
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name().as_str();
        if ORIGIN.contains(&name) || name == "run" || name == "month" || name.ends_with("_scale") {
            continue;
        }
        frame.set(name, values_of(array, batch.column_by_name(&format!("{name}_scale"))));
    }
    frame
}

/// A column's values, made once for each that is distinct. The scales are those that decimals were written in.
fn values_of(array: &ArrayRef, scales: Option<&ArrayRef>) -> Coded<Value> {
    let missing = |rows| Coded::constant(Value::Missing, rows);
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let Some(coded) = array.as_dictionary_opt::<Int32Type>() else { return missing(array.len()) };
            let Some(texts) = coded.values().as_string_opt::<i32>() else { return missing(array.len()) };
            let values = texts.iter().map(|text| text.map_or(Value::Missing, Value::text));
            let empty = texts.len() as u32;
            let code = |key: Option<i32>| key.and_then(|key| u32::try_from(key).ok()).unwrap_or(empty);
            let codes = coded.keys().iter().map(code).collect();
            // A dictionary holds no value twice.
            Coded::new(values.chain([Value::Missing]).collect(), codes)
        }
        DataType::Utf8 => Coded::from_values(array.as_string::<i32>().iter())
            .map(|text| text.map_or(Value::Missing, Value::text)),
        DataType::Int64 => Coded::from_values(array.as_primitive::<Int64Type>())
            .map(|number| number.map_or(Value::Missing, Value::Integer)),
        DataType::Date32 => Coded::from_values(array.as_primitive::<Date32Type>()).map(|days| {
            let day = days.and_then(|days| date(1970, 1, 1).checked_add(days.days()).ok());
            day.map_or(Value::Missing, Value::Date)
        }),
        DataType::Decimal128(_, _) => {
            let scale = |row: usize| {
                let scales = scales.and_then(|scales| scales.as_primitive_opt::<Int32Type>())?;
                scales.is_valid(row).then(|| scales.value(row))
            };
            let numbers = array.as_primitive::<Decimal128Type>();
            Coded::from_values(numbers.iter().enumerate().map(|(row, number)| (number, scale(row))))
                .map(decimal)
        }
        _ => missing(array.len()),
    }
}

fn decimal((number, scale): &(Option<i128>, Option<i32>)) -> Value {
    let Some(number) = number else { return Value::Missing };
    let mut number = Decimal::try_from_i128_with_scale(*number, DECIMAL_SCALE).unwrap_or_default();
    if let Some(scale) = scale.and_then(|scale| u32::try_from(scale).ok()) {
        number.rescale(scale);
    }
    Value::Decimal(Exact(number))
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
        let months = to_months("determinations", &frame);
        assert_eq!(months.iter().map(|part| part.month.as_str()).collect::<Vec<_>>(), ["2020-01", "2020-02"]);
        // As the lake hands them back: only texts are coded.
        let plain = |batch: RecordBatch| {
            let columns = batch.columns().iter().map(|array| match array.data_type() {
                DataType::Dictionary(_, values) => arrow::compute::cast(array, values).expect("casts"),
                _ => array.clone(),
            });
            let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
            let named = names.into_iter().zip(columns).map(|(name, array)| (name, array, true));
            RecordBatch::try_from_iter_with_nullable(named).expect("a batch")
        };
        let batches: Vec<RecordBatch> =
            months.iter().map(|part| plain(part.batch(7).expect("a batch"))).collect();
        // The same rows, coded otherwise.
        let again = to_months("determinations", &Frame::concat(&[frame.take(&[0, 1]), frame.take(&[2])]));
        assert_eq!(months[0].digest(), again[0].digest());
        let shuffled = to_months("determinations", &frame.take(&[2, 1, 0]));
        assert_ne!(months[0].digest(), shuffled[0].digest(), "order is content");
        let mut other = frame.clone();
        other.set("sample_code", Coded::from_values(["A", "B", "D"].map(Value::text)));
        let other = to_months("determinations", &other);
        assert_ne!(months[0].digest(), other[0].digest());
        assert_eq!(months[1].digest(), other[1].digest(), "another month is another part");
        let read = from_batches(&batches);
        let sorted = frame.take(&[0, 2, 1]);
        for name in ["sampled_on", "sample_code", "value"] {
            let (read, kept) = (read.column_or_missing(name), sorted.column_or_missing(name));
            assert!(read.iter().map(Value::to_string).eq(kept.iter().map(Value::to_string)), "{name}");
        }
        assert_eq!(read.origin(1), sorted.origin(1));
    }
}
