use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use jiff::civil::{Date, date};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::ReportError;
use super::table::{Cell, Kind, Table};
use crate::cube::Cells;

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
    encode(&RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
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
    let rows = facts.iter().map(|cells| cells.cells.len()).sum();
    let each = || facts.iter().flat_map(|cells| cells.cells.iter().map(move |cell| (cells, cell)));
    let mut fields = vec![Field::new("fact", DataType::Utf8, true)];
    let mut arrays: Vec<ArrayRef> =
        vec![Arc::new(each().map(|(cells, _)| Some(cells.fact.as_str())).collect::<StringArray>())];
    for name in names {
        let mut texts = StringBuilder::with_capacity(rows, rows * 8);
        for cells in facts {
            match cells.position(name) {
                None => (0..cells.cells.len()).for_each(|_| texts.append_null()),
                Some(position) => {
                    let values = &cells.dimensions[position].1;
                    for cell in &cells.cells {
                        texts.append_option(
                            values.get(cell.codes[position] as usize).filter(|text| !text.is_empty()),
                        );
                    }
                }
            }
        }
        fields.push(Field::new(name, DataType::Utf8, true));
        arrays.push(Arc::new(texts.finish()));
    }
    fields.push(Field::new("day", DataType::Date32, true));
    arrays.push(Arc::new(each().map(|(_, cell)| cell.day.map(epoch_days)).collect::<Date32Array>()));
    fields.push(Field::new("n", DataType::Int64, true));
    arrays.push(Arc::new(each().map(|(_, cell)| Some(cell.n)).collect::<Int64Array>()));
    encode(&RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ReportError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_write_page_header_statistics(false)
        .set_created_by("assay".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

/// Days since 1970-01-01, as Arrow counts them.
pub fn epoch_days(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}
