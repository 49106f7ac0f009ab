//! `cells.parquet`: the cells of every fact in one file, a row group or more for each fact, so that a reader of one
//! passes over the others.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DictionaryArray, Int64Array, StringArray, UInt32Array,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, Schema, UInt32Type};
use bytes::Bytes;
use jiff::civil::Date;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;

use super::ReportError;
use super::parquet::{epoch_days, from_epoch_days};
use crate::column::chunks::{Decompressor, Series};
use crate::column::{Coded, chunks};
use crate::cube::{Cells, Counted, Counts, Totals};
use crate::model::UNKNOWN;

const FACT: &str = "fact";
const DAY: &str = "day";
const COUNT: &str = "n";

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
    let texts = std::iter::once(FACT).chain(names.iter().copied());
    let mut fields: Vec<Field> = texts.map(|name| Field::new(name, DataType::Utf8, true)).collect();
    fields.push(Field::new(DAY, DataType::Date32, true));
    fields.push(Field::new(COUNT, DataType::Int64, true));
    let schema = Schema::new(fields);
    let described = chunks::described(&schema)?;
    let parts = facts.iter().flat_map(|cells| {
        let starts = (0..cells.len()).step_by(chunks::ROW_GROUP);
        starts.map(move |start| (cells, start..cells.len().min(start + chunks::ROW_GROUP)))
    });
    let parts: Vec<(&Cells, Range<usize>)> = parts.collect();
    // Column by column: cells are many, and their codes are held once already.
    let encoded = parts.into_par_iter().with_max_len(1).map(|(cells, rows)| {
        let columns = schema.fields().par_iter().zip(&described).with_max_len(1);
        let chunks = columns.map_init(chunks::Compressor::new, |compressor, (field, column)| {
            let compressor = compressor.as_mut();
            let compressor = compressor.map_err(|error| ParquetError::General(error.to_string()))?;
            let array = array(cells, field.name(), rows.clone())?;
            Ok(chunks::encode(&array, column, compressor)?)
        });
        chunks.collect::<Result<Vec<_>, ReportError>>()
    });
    let encoded: Vec<Vec<_>> = encoded.collect::<Result<_, ReportError>>()?;
    let mut bytes = Vec::new();
    chunks::write(&schema, encoded.into_iter().map(Ok), &mut bytes)?;
    Ok(bytes)
}

/// A column of some cells of a fact as Arrow has it, made of values and codes as they are.
fn array(cells: &Cells, name: &str, rows: Range<usize>) -> Result<ArrayRef, ReportError> {
    let coded = |codes: Vec<u32>, values: ArrayRef| -> Result<ArrayRef, ReportError> {
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(codes), values)?))
    };
    match (name, cells.position(name)) {
        (FACT, _) => coded(vec![0; rows.len()], Arc::new(StringArray::from(vec![cells.fact.as_str()]))),
        (DAY, _) => {
            let days = Coded::from_values(cells.days()[rows].iter().copied());
            let values: Date32Array = days.values().iter().map(|day| day.map(epoch_days)).collect();
            coded(days.codes().to_vec(), Arc::new(values))
        }
        (COUNT, _) => Ok(Arc::new(Int64Array::from(cells.counts()[rows].to_vec()))),
        (_, None) => coded(vec![0; rows.len()], Arc::new(StringArray::new_null(1))),
        (_, Some(position)) => {
            let texts = cells.dimensions[position].1.iter().map(String::as_str);
            let texts: StringArray = texts.map(|text| Some(text).filter(|text| !text.is_empty())).collect();
            coded(cells.codes(position)[rows].to_vec(), Arc::new(texts))
        }
    }
}

/// The cells of one fact over the named dimensions, out of what [`cells_to_parquet`] wrote, days told apart as far as
/// `day` does; none if they have no such dimension, or no cells at all.
///
/// # Errors
/// The bytes are no such file.
pub fn read_cells(
    bytes: &[u8],
    fact: &str,
    dimensions: &[String],
    day: impl Fn(Option<Date>) -> Option<Date> + Sync,
) -> Result<Option<Cells>, ReportError> {
    let bytes = Bytes::copy_from_slice(bytes);
    let metadata = chunks::footer(&bytes)?;
    if dimensions.iter().any(|name| metadata.schema().field_with_name(name).is_err()) {
        return Ok(None);
    }
    let groups = metadata.metadata().row_groups().iter().enumerate();
    let groups: Vec<usize> =
        groups.filter(|(_, group)| may_hold(group, fact)).map(|(place, _)| place).collect();
    let read = groups.into_par_iter().with_max_len(1);
    let read = read.map(|group| counted((&bytes, &metadata, group), fact, dimensions, &day));
    let parts: Vec<Part> = read.collect::<Result<_, ReportError>>()?;
    // A dimension that another fact has is missing on every cell of this one.
    let is_told = |place: usize| parts.iter().any(|part| part.told[place]);
    if parts.iter().all(|part| part.counts.counts.is_empty()) || !(0..dimensions.len()).all(is_told) {
        return Ok(None);
    }
    let totals = Totals::default();
    parts.into_iter().for_each(|part| totals.add(part.counts));
    Ok(totals.finish().pop())
}

/// Whether a row group can have cells of a fact, by what the footer says of it.
fn may_hold(group: &RowGroupMetaData, fact: &str) -> bool {
    let column = group.columns().iter().find(|column| column.column_descr().name() == FACT);
    match column.and_then(|column| column.statistics()) {
        Some(Statistics::ByteArray(texts)) => match (texts.min_opt(), texts.max_opt()) {
            (Some(least), Some(most)) => (least.data()..=most.data()).contains(&fact.as_bytes()),
            _ => true,
        },
        _ => true,
    }
}

/// The cells of a fact in some rows.
struct Part {
    counts: Counts,
    /// Of each dimension, whether any of them has it.
    told: Vec<bool>,
}

fn counted(
    (bytes, footer, group): (&Bytes, &ArrowReaderMetadata, usize),
    fact: &str,
    dimensions: &[String],
    day: impl Fn(Option<Date>) -> Option<Date>,
) -> Result<Part, ReportError> {
    let rows = usize::try_from(footer.metadata().row_group(group).num_rows()).unwrap_or_default();
    let mut decompressor = Decompressor::new().map_err(ParquetError::from)?;
    let mut column = |name: &str, kind: DataType| {
        let series = chunks::column(bytes, footer, group, (name, &kind), &mut decompressor)?;
        Ok::<_, ReportError>(series.unwrap_or_else(|| Series::Plain(new_null_array(&kind, rows))))
    };
    let facts = texts(column(FACT, DataType::Utf8)?);
    let is_own: Vec<bool> = facts.values().iter().map(|own| own == fact).collect();
    let columns = dimensions.iter().map(|name| Ok(texts(column(name, DataType::Utf8)?)));
    let columns: Vec<Coded<String>> = columns.collect::<Result<_, ReportError>>()?;
    let days = days(column(DAY, DataType::Date32)?).map(|own| day(*own));
    let numbers = cast(&column(COUNT, DataType::Int64)?.into_array()?, &DataType::Int64)?;
    let numbers = numbers.as_primitive_opt::<Int64Type>();
    let number =
        |row: usize| numbers.filter(|numbers| numbers.is_valid(row)).map(|numbers| numbers.value(row));
    let told = columns.iter().map(|column| column.iter().any(|text| text != UNKNOWN)).collect();
    let counted = dimensions.iter().zip(columns).map(|(name, texts)| Counted { name: name.clone(), texts });
    let counts = Counts::of(fact, counted.collect(), &days, |row| {
        number(row).filter(|_| is_own[facts.codes()[row] as usize])
    });
    Ok(Part { counts, told })
}

fn days(series: Series) -> Coded<Option<Date>> {
    let of = |days: &ArrayRef| -> Vec<Option<Date>> {
        let nothing = || vec![None; days.len()];
        let days = days.as_primitive_opt::<Date32Type>();
        days.map_or_else(nothing, |days| days.iter().map(|day| day.map(from_epoch_days)).collect())
    };
    match series {
        Series::Coded { values, codes } => Coded::new(of(&values), codes.into_rows()),
        Series::Plain(array) => Coded::from_values(of(&array)),
    }
}

/// A column of texts; what is missing is unknown.
fn texts(series: Series) -> Coded<String> {
    let spelt = |texts: &StringArray| -> Vec<String> {
        texts.iter().map(|text| text.unwrap_or(UNKNOWN).to_owned()).collect()
    };
    match series {
        Series::Coded { values, codes } => match values.as_string_opt::<i32>() {
            Some(texts) => Coded::new(spelt(texts), codes.into_rows()),
            None => Coded::constant(UNKNOWN.to_owned(), codes.len()),
        },
        Series::Plain(array) => {
            let own = array.as_dictionary_opt::<Int32Type>();
            let own = own.and_then(|own| Some((own.keys(), own.values().as_string_opt::<i32>()?)));
            let Some((keys, texts)) = own else { return Coded::constant(UNKNOWN.to_owned(), array.len()) };
            let unknown = texts.len() as u32;
            let codes = keys.iter().map(|key| key.map_or(unknown, |key| key as u32)).collect();
            Coded::new(spelt(texts).into_iter().chain([UNKNOWN.to_owned()]).collect(), codes)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

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
        let read = |fact: &str, names: &[String]| read_cells(&bytes, fact, names, |day| day).expect("reads");
        assert_eq!(read("samples", &names), Some(samples.clone()));
        assert_eq!(read("samples", &names[..1]), Some(samples.roll_up(&names[..1])));
        let monthless = read_cells(&bytes, "samples", &names[..1], |_| None).expect("reads");
        let spelt = |region: &str, n| (vec![region.to_owned()], None, n);
        assert_eq!(
            monthless,
            Some(Cells::from_texts("samples", &names[..1], [spelt("a", 7), spelt("b", 0)]))
        );
        assert_eq!(read("duties", &names), None, "dimensions of another fact");
        assert_eq!(read("samples", &["lab".to_owned()]), None);
        assert_eq!(read("returns", &[]), None);
        assert!(read_cells(b"no parquet", "samples", &names, |day| day).is_err());
    }
}
