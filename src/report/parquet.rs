use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DictionaryArray, Int64Array, RecordBatch, StringArray,
    StringBuilder, UInt32Builder,
};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, Schema, UInt32Type};
use bytes::Bytes;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::ReportError;
use super::table::{Cell, Kind, Table};
use crate::column::{Coded, Frame, chunks};
use crate::cube::Cells;
use crate::model::Value;

/// The table as Parquet: texts as strings, numbers as 64-bit integers, days as dates.
///
/// # Errors
/// None that input can cause: the writer's own.
pub fn table_to_parquet(table: &Table) -> Result<Vec<u8>, ReportError> {
    let mut arrays: Vec<(Field, ArrayRef)> = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        let cells = || table.rows.iter().filter_map(move |row| row.get(index));
        let (kind, array): (DataType, ArrayRef) = match column.kind {
            Kind::Text => {
                let texts = cells().map(|cell| match cell {
                    Cell::Empty => None,
                    other => Some(other.to_string()),
                });
                (DataType::Utf8, Arc::new(texts.collect::<StringArray>()))
            }
            Kind::Integer => {
                let numbers = cells().map(|cell| match cell {
                    Cell::Integer(number) => Some(*number),
                    _ => None,
                });
                (DataType::Int64, Arc::new(numbers.collect::<Int64Array>()))
            }
            Kind::Date => {
                let days = cells().map(|cell| match cell {
                    Cell::Date(day) => Some(epoch_days(*day)),
                    _ => None,
                });
                (DataType::Date32, Arc::new(days.collect::<Date32Array>()))
            }
        };
        arrays.push((Field::new(&column.name, kind, true), array));
    }
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = arrays.into_iter().unzip();
    encode(&Schema::new(fields), arrays)
}

/// All cells in one file: fact, each dimension (empty where the fact has it not), day, n.
///
/// # Errors
/// None that input can cause: the writer's own.
pub fn cells_to_parquet(facts: &[Cells]) -> Result<Vec<u8>, ReportError> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in facts.iter().flat_map(|cells| &cells.dimensions) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    let facts_coded = coded_texts(facts, |cells| {
        (std::slice::from_ref(&cells.fact), Box::new(std::iter::repeat_n(Some(0), cells.len())))
    })?;
    let mut fields = vec![Field::new("fact", DataType::Utf8, true)];
    let mut arrays: Vec<ArrayRef> = vec![facts_coded];
    for name in names {
        fields.push(Field::new(name, DataType::Utf8, true));
        arrays.push(coded_texts(facts, |cells| match cells.position(name) {
            None => (&[], Box::new(std::iter::repeat_n(None, cells.len()))),
            Some(position) => (
                &cells.dimensions[position].1,
                Box::new(cells.codes(position).iter().map(|code| Some(*code))),
            ),
        })?);
    }
    fields.push(Field::new("day", DataType::Date32, true));
    let days = facts.iter().flat_map(|cells| cells.days()).map(|day| day.map(epoch_days));
    arrays.push(Arc::new(days.collect::<Date32Array>()));
    fields.push(Field::new("n", DataType::Int64, true));
    let numbers = facts.iter().flat_map(|cells| cells.counts()).map(|count| Some(*count));
    arrays.push(Arc::new(numbers.collect::<Int64Array>()));
    encode(&Schema::new(fields), arrays)
}

/// The texts of a column, cell by cell, as distinct ones and codes; an empty text is none.
fn coded_texts<'a>(
    facts: &'a [Cells],
    column: impl Fn(&'a Cells) -> (&'a [String], Box<dyn Iterator<Item = Option<u32>> + 'a>),
) -> Result<ArrayRef, ReportError> {
    let (mut values, mut keys) = (StringBuilder::new(), UInt32Builder::new());
    let mut before = 0;
    for cells in facts {
        let (texts, codes) = column(cells);
        texts.iter().for_each(|text| values.append_option(Some(text).filter(|text| !text.is_empty())));
        codes.for_each(|code| keys.append_option(code.map(|code| code + before)));
        before += texts.len() as u32;
    }
    Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(keys.finish(), Arc::new(values.finish()))?))
}

/// The cells of one fact over the named dimensions, out of what [`cells_to_parquet`] wrote; none if they have no such
/// dimension, or no cells at all.
///
/// # Errors
/// The bytes are no such file.
pub fn read_cells(bytes: &[u8], fact: &str, dimensions: &[String]) -> Result<Option<Cells>, ReportError> {
    let bytes = Bytes::copy_from_slice(bytes);
    let metadata = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new())?;
    let coded = |field: &Arc<Field>| match field.data_type() {
        // Texts come as codes: what repeats in 250,000 cells is looked at once a batch.
        DataType::Utf8 => {
            let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(kind))
        }
        _ => field.clone(),
    };
    let schema = Arc::new(Schema::new(metadata.schema().fields().iter().map(coded).collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema.clone());
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
    if dimensions.iter().any(|name| schema.field_with_name(name).is_err()) {
        return Ok(None);
    }
    let names = dimensions.iter().map(String::as_str).chain(["fact", "day", "n"]);
    let mask = ProjectionMask::columns(metadata.parquet_schema(), names);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata).with_projection(mask);
    let mut parts = Vec::new();
    for batch in reader.with_batch_size(1 << 16).build()? {
        let frame = cells_frame(&batch?);
        let facts = frame.column_or_missing("fact");
        let own = facts.map(|own| own.as_text() == Some(fact));
        let rows: Vec<u32> = (0..frame.rows() as u32).filter(|row| *own.get(*row as usize)).collect();
        parts.push(frame.take(&rows));
    }
    let cells = Frame::concat(&parts);
    // A dimension that another fact has is missing on every cell of this one.
    let lacks = |name: &String| cells.column_or_missing(name).iter().all(Value::is_missing);
    if cells.rows() == 0 || dimensions.iter().any(lacks) {
        return Ok(None);
    }
    Ok(Some(Cells::tally(fact, &cells, dimensions, "day", Some("n"))))
}

fn cells_frame(batch: &RecordBatch) -> Frame {
    let rows = batch.num_rows();
    let nowhere: Arc<str> = Arc::from("");
    let place = (nowhere.clone(), nowhere.clone(), nowhere);
    let mut frame = Frame::new(vec![0; rows], vec![0; rows], vec![place]);
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let column = if let Some(texts) = array.as_dictionary_opt::<Int32Type>() {
            let values = texts.values().as_string::<i32>().iter();
            let values = values.map(|text| text.map_or(Value::Missing, Value::text));
            let missing = texts.values().len() as u32;
            let codes = texts.keys().iter().map(|key| key.map_or(missing, |key| key as u32)).collect();
            Coded::new(values.chain([Value::Missing]).collect(), codes).map(Value::clone)
        } else if let Some(days) = array.as_primitive_opt::<Date32Type>() {
            Coded::from_values(days)
                .map(|day| day.map_or(Value::Missing, |day| Value::Date(from_epoch_days(day))))
        } else if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
            Coded::from_values(numbers).map(|number| number.map_or(Value::Missing, Value::Integer))
        } else {
            continue;
        };
        frame.set(field.name(), column);
    }
    frame
}

fn encode(schema: &Schema, arrays: Vec<ArrayRef>) -> Result<Vec<u8>, ReportError> {
    let fields = schema.fields().iter().zip(&arrays);
    let fields =
        fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<Field>>())), arrays)?;
    let mut bytes = Vec::new();
    let groups = chunks::groups(&batch, schema)?.map(|group| Ok(group?.1));
    chunks::write(schema, groups, &mut bytes)?;
    Ok(bytes)
}

/// Days since 1970-01-01, as Arrow counts them.
pub fn epoch_days(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

/// The day that Arrow counts so; the last there is where it counts beyond.
fn from_epoch_days(days: i32) -> Date {
    date(1970, 1, 1).saturating_add(days.days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_they_were_written() {
        let cell = |texts: [&str; 2], day, n| (texts.map(str::to_owned).to_vec(), day, n);
        let names = ["region", "stage"].map(str::to_owned);
        let (may, june) = (Some(date(2020, 5, 1)), Some(date(2020, 6, 1)));
        let samples = Cells::from_texts(
            "samples",
            &names,
            [cell(["a", "x"], may, 3), cell(["a", "y"], june, 4), cell(["b", "x"], None, 0)],
        );
        let other = Cells::from_texts("duties", &["part".to_owned()], [(vec!["a".to_owned()], may, 9)]);
        let bytes = cells_to_parquet(&[samples.clone(), other]).expect("writes");
        let read = |fact: &str, names: &[String]| read_cells(&bytes, fact, names).expect("reads");
        assert_eq!(read("samples", &names), Some(samples.clone()));
        assert_eq!(read("samples", &names[..1]), Some(samples.roll_up(&names[..1])));
        assert_eq!(read("duties", &names), None, "dimensions of another fact");
        assert_eq!(read("samples", &["lab".to_owned()]), None);
        assert_eq!(read("returns", &[]), None);
        assert!(read_cells(b"no parquet", "samples", &names).is_err());
    }
}
