//! Frames as Arrow batches, filed by month: the form in which the lake keeps them.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::column::chunks::{RowCodes, Series};
use crate::column::{Coded, Frame, Interner};
use crate::model::{ColumnKind, Exact, UNKNOWN, Value, table};
use crate::report::epoch_days;

/// Digits behind the point of every stored decimal; the written scale is kept beside it.
pub const DECIMAL_SCALE: u32 = 12;
const DECIMAL_PRECISION: u8 = 38;

/// Ends the name of the column that tells how many decimals another was written with.
pub const SCALE: &str = "_scale";

/// Columns that say where a row came from.
pub const ORIGIN: [&str; 4] = ["origin_input", "origin_file", "origin_sheet", "origin_line"];

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
    codes: RowCodes,
    values: Vec<T>,
}

/// Rows of a frame, ascending.
struct Rows<'a> {
    rows: &'a [u32],
    /// Where they follow each other, as those of a month mostly do, the first of them.
    first: Option<usize>,
}

impl Rows<'_> {
    fn new(rows: &[u32]) -> Rows<'_> {
        let ends = rows.first().zip(rows.last());
        let first = ends.filter(|(first, last)| (**last - **first) as usize + 1 == rows.len());
        Rows { rows, first: first.map(|(first, _)| *first as usize) }
    }

    /// What is made of the code of each row, out of the codes of all rows of the frame.
    fn each(&self, all: &[u32], mut make: impl FnMut(u32) -> u32) -> Vec<u32> {
        let beside = self.first.and_then(|first| all.get(first..)?.get(..self.rows.len()));
        match beside {
            Some(own) => own.iter().map(|code| make(*code)).collect(),
            None => self.rows.iter().map(|row| make(all[*row as usize])).collect(),
        }
    }
}

/// Codes under new numbers, in order of appearance.
struct Renumbered {
    new: Vec<u32>,
    /// The old code of each new one.
    old: Vec<u32>,
}

impl Renumbered {
    /// `count` is more than any code.
    fn new(count: usize) -> Renumbered {
        Renumbered { new: vec![u32::MAX; count], old: Vec::new() }
    }

    fn number(&mut self, code: u32) -> u32 {
        let slot = &mut self.new[code as usize];
        if *slot == u32::MAX {
            *slot = self.old.len() as u32;
            self.old.push(code);
        }
        *slot
    }
}

/// The keys that columns share, those of some rows alone, and the old key of each new one.
struct Keys<'a> {
    shared: &'a Arc<Vec<u32>>,
    own: Arc<Vec<u32>>,
    old: Vec<u32>,
}

/// Keys are gathered once for all columns that share them.
fn keys_of<'a>(columns: impl Iterator<Item = &'a Coded<Value>>, rows: &Rows<'_>) -> Vec<Keys<'a>> {
    let mut all: Vec<Keys<'a>> = Vec::new();
    for (of_keys, shared) in columns.filter_map(Coded::by_keys) {
        if all.iter().all(|known| !Arc::ptr_eq(known.shared, shared)) {
            let mut numbers = Renumbered::new(of_keys.len());
            let own = Arc::new(rows.each(shared, |key| numbers.number(key)));
            all.push(Keys { shared, own, old: numbers.old });
        }
    }
    all
}

impl Own<Value> {
    /// The given rows of a column.
    fn of(column: &Coded<Value>, rows: &Rows<'_>, keys: &[Keys<'_>]) -> Own<Value> {
        if let [only] = column.values() {
            let codes = RowCodes::Same { code: 0, rows: rows.rows.len() };
            return Own { codes, values: vec![only.clone()] };
        }
        let mut numbers = Renumbered::new(column.values().len());
        let shared = column.by_keys().and_then(|(of_keys, shared)| {
            Some((of_keys, keys.iter().find(|known| Arc::ptr_eq(known.shared, shared))?))
        });
        let codes = match shared {
            Some((of_keys, keys)) => {
                let of_keys = keys.old.iter().map(|key| numbers.number(of_keys[*key as usize])).collect();
                RowCodes::ByKey { of_keys, keys: keys.own.clone() }
            }
            None => RowCodes::Each(rows.each(column.codes(), |code| numbers.number(code))),
        };
        let values = numbers.old.iter().map(|code| column.values()[*code as usize].clone());
        Own { codes, values: values.collect() }
    }
}

impl<T> Own<T> {
    /// What is made of each value, once where it is the same.
    fn map<U: Hash + Eq + Clone>(&self, make: impl Fn(&T) -> U) -> Own<U> {
        let mut made = Interner::new();
        let new: Vec<u32> = self.values.iter().map(|value| made.intern(make(value))).collect();
        let codes = self.codes.renamed(|code| new[code as usize]);
        Own { codes, values: made.into_values() }
    }

    /// What is made of each value, and the codes as they are: nothing is looked at row by row.
    fn series<A: Array + FromIterator<Option<U>> + 'static, U>(
        self,
        make: impl Fn(&T) -> Option<U>,
    ) -> Series {
        let values = Arc::new(self.values.iter().map(make).collect::<A>());
        self.over(values)
    }

    fn over(self, values: ArrayRef) -> Series {
        Series::Coded { values, codes: self.codes }
    }
}

impl MonthPart {
    fn new(table: &str, month: String, frame: &Frame, rows: &[u32]) -> MonthPart {
        let named: Vec<(&str, &Coded<Value>)> = stored_names(frame)
            .into_iter()
            .filter_map(|name| frame.column(name).map(|column| (name, column)))
            .collect();
        let own_rows = Rows::new(rows);
        let keys = keys_of(named.iter().map(|(_, column)| *column), &own_rows);
        let own =
            |(name, column): &(&str, &Coded<Value>)| ((*name).to_owned(), Own::of(column, &own_rows, &keys));
        let columns: Vec<(String, Own<Value>)> = named.par_iter().map(own).collect();
        let places = places(frame, rows);
        let lines = frame.lines_of(rows);
        MonthPart { month, table: table.to_owned(), columns, places, lines }
    }

    /// BLAKE3 over names and values; the run that brought the rows is no part of it.
    pub fn digest(&self) -> String {
        digest(&self.columns, &self.places, &self.lines)
    }

    /// # Errors
    /// None that input can cause: Arrow's own.
    pub fn batch(self, run: u64) -> Result<RecordBatch, ArrowError> {
        let mut arrays = Vec::new();
        for (name, series) in self.series(run) {
            arrays.push((name, series.into_array()?, true));
        }
        RecordBatch::try_from_iter_with_nullable(arrays)
    }

    /// The columns as the lake stores them.
    pub fn series(self, run: u64) -> Vec<(String, Series)> {
        let mut all: Vec<(String, Series)> = Vec::new();
        let mut push = |name: &str, series: Series| all.push((name.to_owned(), series));
        let schema = table(&self.table);
        for (name, column) in self.columns {
            let kind = schema.and_then(|schema| schema.column(&name)).map(|column| column.kind);
            let name = name.as_str();
            match (kind, name) {
                (Some(ColumnKind::Date), _) | (_, "sampled_on") => {
                    push(name, column.series::<Date32Array, _>(|value| value.as_date().map(epoch_days)));
                }
                (Some(ColumnKind::Integer), _) | (_, "replicate") => {
                    push(name, column.series::<Int64Array, _>(Value::as_integer));
                }
                (Some(ColumnKind::Decimal | ColumnKind::Percent), _) | (_, "value") => {
                    let numbers: Decimal128Array = column.values.iter().map(stored_decimal).collect();
                    let typed =
                        numbers.with_data_type(DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE as i8));
                    let scales = column.map(written_scale);
                    push(name, column.over(Arc::new(typed)));
                    push(&format!("{name}{SCALE}"), scales.series::<Int32Array, _>(|scale| *scale));
                }
                _ => push(name, column.series::<StringArray, _>(written)),
            }
        }
        for (name, part) in ORIGIN.into_iter().zip([2, 0, 1]) {
            let part = self.places.map(|place| place[part].clone());
            push(name, part.series::<StringArray, _>(|text| Some(text.clone())));
        }
        let rows = self.lines.len();
        let lines = self.lines.iter().map(|line| i64::try_from(*line).unwrap_or(i64::MAX));
        push(ORIGIN[3], Series::Plain(Arc::new(Int64Array::from(lines.collect::<Vec<i64>>()))));
        let run = Own { codes: RowCodes::Same { code: 0, rows }, values: vec![run] };
        push("run", run.series::<Int64Array, _>(|run| Some(i64::try_from(*run).unwrap_or(i64::MAX))));
        all
    }
}

/// Where rows came from. A file that was concatenated twice is one file.
fn places(frame: &Frame, rows: &[u32]) -> Own<[Arc<str>; 3]> {
    let mut known: HashMap<u32, u32> = HashMap::new();
    let mut places: Interner<[Arc<str>; 3]> = Interner::new();
    let mut last = None;
    let codes = rows.iter().map(|row| {
        let (row, file) = (*row as usize, frame.file_of(*row as usize));
        match last {
            Some((above, code)) if above == file => code,
            _ => {
                let code = *known.entry(file).or_insert_with(|| {
                    let origin = frame.origin(row);
                    places.intern([origin.file, origin.sheet, frame.input_hash(row).clone()])
                });
                last = Some((file, code));
                code
            }
        }
    });
    let codes: Vec<u32> = codes.collect();
    let values = places.into_values();
    match values.len() {
        1 => Own { codes: RowCodes::Same { code: 0, rows: codes.len() }, values },
        _ => Own { codes: codes.into(), values },
    }
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
            let mut next = 0;
            for run in named.codes().chunk_by(u32::eq) {
                let start = next;
                next += run.len() as u32;
                if let Some(own) = run.first().and_then(|month| rows.get_mut(*month as usize)) {
                    own.extend(start..next);
                }
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

fn written(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Missing => None,
        Value::Text(text) => Some(text.clone()),
        other => Some(Arc::from(other.to_string())),
    }
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
        let mut bytes = vec![0; codes.len() * 4];
        bytes.as_chunks_mut().0.iter_mut().zip(codes).for_each(|(bytes, code)| *bytes = code.to_le_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    };
    for (name, column) in columns {
        // A date and the text that spells it are different values.
        let codes = column.codes.clone().into_rows();
        part(name, &mut column.values.iter().map(|value| format!("{value:?}")), &codes);
    }
    let codes = places.codes.clone().into_rows();
    part("$origin", &mut places.values.iter().map(|place| place.join("\0")), &codes);
    let lines: Vec<u8> = lines.iter().flat_map(|line| line.to_le_bytes()).collect();
    hasher.update(&lines);
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::read_back::from_series;
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
        let read = |part: MonthPart| from_series(part.lines.len(), part.series(7));
        let read: Vec<Frame> = to_months("determinations", &frame).into_iter().map(read).collect();
        let read = Frame::concat(&read);
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
        let sorted = frame.take(&[0, 2, 1]);
        for name in ["sampled_on", "sample_code", "value"] {
            let (read, kept) = (read.column_or_missing(name), sorted.column_or_missing(name));
            assert!(read.iter().map(Value::to_string).eq(kept.iter().map(Value::to_string)), "{name}");
        }
        assert_eq!(read.origin(1), sorted.origin(1));
    }
}
