use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::ReportError;
use super::table::{Cell, Kind, Table};
use crate::column::chunks;

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
                    Cell::Text(text) => Some(Cow::Borrowed(&**text)),
                    other => Some(Cow::Owned(other.to_string())),
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

fn encode(schema: &Schema, arrays: Vec<ArrayRef>) -> Result<Vec<u8>, ReportError> {
    let fields = schema.fields().iter().zip(&arrays);
    let fields =
        fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<Field>>())), arrays)?;
    let mut bytes = Vec::new();
    let groups = chunks::groups(&batch)?.map(|group| Ok(group?.1));
    chunks::write(schema, groups, &mut bytes)?;
    Ok(bytes)
}

/// Days since 1970-01-01, as Arrow counts them.
pub fn epoch_days(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

/// The day that Arrow counts so; the last there is where it counts beyond.
pub(super) fn from_epoch_days(days: i32) -> Date {
    date(1970, 1, 1).saturating_add(days.days())
}
