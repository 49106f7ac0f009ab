//! `cells.parquet`: the cells of every fact in one file, a row group or more for each fact, so that a reader of one
//! passes over the others.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, Schema};
use bytes::Bytes;
use jiff::civil::Date;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;

use super::ReportError;
use super::parquet::{epoch_days, from_epoch_days};
use crate::column::chunks::{Decompressor, RowCodes, Series};
use crate::column::{Coded, Interner, Narrow, chunks};
use crate::cube::{Cells, Counted, Counts, Days, Told, Totals, count_runs};
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
    let parts = facts.iter().flat_map(|cells| {
        let starts = (0..cells.len()).step_by(chunks::ROW_GROUP);
        starts.map(move |start| (cells, start..cells.len().min(start + chunks::ROW_GROUP)))
    });
    let parts: Vec<(&Cells, Range<usize>)> = parts.collect();
    // Column by column: cells are many, and their codes are held once already.
    let encoded = parts.into_par_iter().with_max_len(1).map(|(cells, rows)| {
        let columns = schema.fields().par_iter().with_max_len(1);
        let chunks = columns.map_init(chunks::Compressor::new, |compressor, field| {
            let compressor = compressor.as_mut();
            let compressor = compressor.map_err(|error| ParquetError::General(error.to_string()))?;
            Ok(series(cells, field.name(), rows.clone()).encode(compressor)?)
        });
        chunks.collect::<Result<Vec<_>, ReportError>>()
    });
    let encoded: Vec<Vec<_>> = encoded.collect::<Result<_, ReportError>>()?;
    let mut bytes = Vec::new();
    chunks::write(&schema, encoded.into_iter().map(Ok), &mut bytes)?;
    Ok(bytes)
}

/// A column of some cells of a fact.
fn series(cells: &Cells, name: &str, rows: Range<usize>) -> Series {
    let same =
        |values: ArrayRef| Series::Coded { values, codes: RowCodes::Same { code: 0, rows: rows.len() } };
    match (name, cells.position(name)) {
        (FACT, _) => same(Arc::new(StringArray::from(vec![cells.fact.as_str()]))),
        (DAY, _) => {
            let (days, own) = cells.days();
            let (used, codes) = as_they_appear(own, rows.clone(), days.len());
            let days: Date32Array = used.iter().map(|day| days[*day].map(epoch_days)).collect();
            Series::Coded { values: Arc::new(days), codes }
        }
        (COUNT, _) => {
            let counts = rows.map(|cell| cells.counts().get(cell));
            Series::Plain(Arc::new(Int64Array::from_iter_values(counts)))
        }
        (_, None) => same(Arc::new(StringArray::new_null(1))),
        (_, Some(position)) => {
            let (_, texts) = &cells.dimensions[position];
            let (used, codes) = as_they_appear(cells.codes(position), rows.clone(), texts.len());
            let used = used.iter().map(|text| Some(texts[*text].as_str()).filter(|text| !text.is_empty()));
            Series::Coded { values: Arc::new(used.collect::<StringArray>()), codes }
        }
    }
}

/// The codes of some cells numbered as they appear, and what each number stands for.
fn as_they_appear(codes: &Narrow, rows: Range<usize>, width: usize) -> (Vec<usize>, RowCodes) {
    let (mut used, mut numbers) = (Vec::new(), vec![u32::MAX; width]);
    let codes: Vec<u32> = rows
        .map(|cell| {
            let code = codes.code(cell);
            if numbers[code] == u32::MAX {
                numbers[code] = used.len() as u32;
                used.push(code);
            }
            numbers[code]
        })
        .collect();
    (used, codes.into())
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
    let (facts, of_facts) = texts(column(FACT, DataType::Utf8)?);
    let is_own: Vec<bool> = facts.iter().map(|own| own == fact).collect();
    let columns = dimensions.iter().map(|name| {
        let (texts, codes) = texts(column(name, DataType::Utf8)?);
        Ok(Told { name: name.clone(), texts, codes })
    });
    let columns: Vec<Told> = columns.collect::<Result<_, ReportError>>()?;
    let days = days(column(DAY, DataType::Date32)?);
    let (distinct, of_codes) = told_apart(days.values(), &day);
    let told_days = Days { distinct: &distinct, of_codes: &of_codes, codes: days.codes() };
    let numbers = cast(&column(COUNT, DataType::Int64)?.into_array()?, &DataType::Int64)?;
    let told = columns.iter().map(Told::is_told).collect();
    let numbers = numbers.as_primitive_opt::<Int64Type>();
    if let Some(numbers) = numbers.filter(|numbers| numbers.null_count() == 0)
        && let Some(counts) = count_runs(fact, &columns, &told_days, numbers.values(), (&of_facts, &is_own))
    {
        return Ok(Part { counts, told });
    }
    let number =
        |row: usize| numbers.filter(|numbers| numbers.is_valid(row)).map(|numbers| numbers.value(row));
    let facts = of_facts.into_rows();
    let counted = columns
        .into_iter()
        .map(|own| Counted { name: own.name, texts: Coded::new(own.texts, own.codes.into_rows()) });
    let counts = Counts::of(fact, counted.collect(), &days.map(|own| day(*own)), |row| {
        number(row).filter(|_| is_own[facts[row] as usize])
    });
    Ok(Part { counts, told })
}

/// Days as far as they are told apart, and which of these each day is.
fn told_apart(
    days: &[Option<Date>],
    day: impl Fn(Option<Date>) -> Option<Date>,
) -> (Vec<Option<Date>>, Vec<u32>) {
    let mut distinct = Interner::new();
    let of_days = days.iter().map(|own| distinct.intern(day(*own))).collect();
    (distinct.into_values(), of_days)
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

/// A column of texts, the distinct ones and the code of each row; what is missing is unknown.
fn texts(series: Series) -> (Vec<String>, RowCodes) {
    let spelt = |texts: &StringArray| -> Vec<String> {
        texts.iter().map(|text| text.unwrap_or(UNKNOWN).to_owned()).collect()
    };
    let unknown = |rows: usize| (vec![UNKNOWN.to_owned()], RowCodes::Same { code: 0, rows });
    match series {
        Series::Coded { values, codes } => match values.as_string_opt::<i32>() {
            Some(texts) => (spelt(texts), codes),
            None => unknown(codes.len()),
        },
        Series::Plain(array) => {
            let own = array.as_dictionary_opt::<Int32Type>();
            let own = own.and_then(|own| Some((own.keys(), own.values().as_string_opt::<i32>()?)));
            let Some((keys, texts)) = own else { return unknown(array.len()) };
            let nothing = texts.len() as u32;
            let codes = keys.iter().map(|key| key.map_or(nothing, |key| key as u32)).collect();
            (spelt(texts).into_iter().chain([UNKNOWN.to_owned()]).collect(), RowCodes::Each(codes))
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
        // Too scattered for runs, and some of it missing.
        let stage = |at: usize| ["x", "", "y", "z", "y"][at * at % 5];
        let many = (0..2000).map(|at| {
            cell([["a", "b"][at / 1000], stage(at)], Some(date(2020, 1, 1 + (at % 28) as i8)), at as i64)
        });
        let scattered = Cells::from_texts(
            "samples",
            &["stage".to_owned(), "region".to_owned()],
            many.map(|(mut texts, day, n)| {
                texts.reverse();
                (texts, day, n)
            }),
        );
        let bytes = cells_to_parquet(std::slice::from_ref(&scattered)).expect("writes");
        let spelt = |cells: &Cells| {
            let known = |text: &String| if text.is_empty() { UNKNOWN.to_owned() } else { text.clone() };
            cells
                .texts()
                .map(|(texts, day, n)| (texts.iter().map(known).collect::<Vec<String>>(), day, n))
                .collect::<Vec<_>>()
        };
        for names in [&names[..], &names[..1], &names[1..]] {
            let found = read_cells(&bytes, "samples", names, |day| day).expect("reads").expect("has them");
            let expected = Cells::from_texts("samples", names, spelt(&scattered.roll_up(names)));
            assert_eq!(found, expected, "{names:?}");
        }
        assert!(read_cells(b"no parquet", "samples", &names, |day| day).is_err());
    }
}
