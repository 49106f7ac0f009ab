use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
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
    let columns: Vec<(&str, Kind)> = std::iter::once(("fact", Kind::Text))
        .chain(names.iter().map(|name| (*name, Kind::Text)))
        .chain([("day", Kind::Date), ("n", Kind::Integer)])
        .collect();
    let mut table = Table::new(&columns);
    for cells in facts {
        let positions: Vec<Option<usize>> = names.iter().map(|name| cells.position(name)).collect();
        for (texts, day, n) in cells.texts() {
            let mut row = vec![Cell::text(cells.fact.as_str())];
            let text_at =
                |position: &Option<usize>| position.and_then(|position| texts.get(position).cloned());
            row.extend(positions.iter().map(|position| Cell::text(text_at(position).unwrap_or_default())));
            row.extend([Cell::date(day), Cell::Integer(n)]);
            table.rows.push(row);
        }
    }
    table_to_parquet(&table)
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
