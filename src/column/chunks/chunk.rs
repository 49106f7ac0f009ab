//! Column chunks of a data file, made from coded columns: distinct values become the dictionary page, codes are
//! packed as they are. Nothing is hashed again, which is what costs the general writer most of its time.

use std::io;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array,
    StringArray, UInt32Array, downcast_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt32Type};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::packing::{differences, runs, uleb};
use super::page::{Compressor, Content, Pages, Room};
use super::rows::RowCodes;

/// Rows of a page: what one checksum covers, and what a reader decodes at a time.
const PAGE: usize = 1 << 16;
/// The code of a row without a value.
const EMPTY: u32 = u32::MAX;
/// A value that no row has used so far.
const UNSEEN: u32 = u32::MAX - 1;
/// Texts that are longer have no extremes in the footer.
const EXTREME_MAX: usize = 128;

/// The bytes of a chunk and what there is to say of it.
pub type Chunk = (Bytes, Described);

/// What the footer says of a chunk, in less than what the footer takes while it is written: chunks can be many.
#[derive(Debug, Clone)]
pub struct Described {
    rows: usize,
    /// Bytes without compression.
    uncompressed: usize,
    /// Where data begin; without a dictionary, at once.
    data_begins: Option<usize>,
    statistics: Statistics,
}

/// A column of one row group.
#[derive(Debug, Clone)]
pub enum Series {
    /// Values in order of appearance, all of them used, some of them empty; and the code of each row.
    Coded {
        values: ArrayRef,
        codes: RowCodes,
    },
    Plain(ArrayRef),
}

impl Series {
    pub fn data_type(&self) -> &DataType {
        match self {
            Series::Coded { values, .. } => values.data_type(),
            Series::Plain(array) => array.data_type(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Series::Coded { codes, .. } => codes.len(),
            Series::Plain(array) => array.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column as Arrow has it.
    ///
    /// # Errors
    /// A code beyond the values.
    pub fn into_array(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Series::Coded { values, codes } => {
                let codes = UInt32Array::from(codes.into_rows());
                Arc::new(DictionaryArray::<UInt32Type>::try_new(codes, values)?)
            }
            Series::Plain(array) => array,
        })
    }

    /// The distinct texts of a column of texts, one of them empty where rows have none, and the code of each row.
    ///
    /// # Errors
    /// The column has another type.
    pub fn into_texts(self) -> Result<(StringArray, Vec<u32>), ArrowError> {
        let coded = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
        let array = cast(&self.into_array()?, &coded)?;
        let own = array.as_dictionary::<UInt32Type>();
        let texts: &StringArray = own.values().as_string();
        let empty = texts.len() as u32;
        let codes = own.keys().iter().map(|key| key.unwrap_or(empty)).collect();
        match own.keys().null_count() {
            0 => Ok((texts.clone(), codes)),
            _ => Ok((texts.iter().chain([None]).collect(), codes)),
        }
    }

    /// As [`encode`], without a look at what is known already.
    ///
    /// # Errors
    /// As [`encode`].
    pub fn encode(self, compressor: &mut Compressor) -> Result<Chunk, ParquetError> {
        let (values, codes) = match self {
            Series::Plain(array) => return encode(&array, compressor),
            Series::Coded { values, codes } => (values, codes),
        };
        let mut pages = Pages::new(compressor);
        let mut used: Vec<u32> = Vec::with_capacity(values.len());
        let name = |value| {
            if values.is_null(value) {
                return EMPTY;
            }
            used.push(value as u32);
            used.len() as u32 - 1
        };
        let names: Vec<u32> = (0..values.len()).map(name).collect();
        let has_empty = used.len() < names.len();
        let named = |code| names.get(code as usize).copied().unwrap_or(EMPTY);
        let codes = if has_empty { codes.renamed(named) } else { codes }.into_rows();
        let (statistics, end) = add_codes(&codes, has_empty, &values, &used, &mut pages)?;
        Ok(chunk(pages, codes.len(), statistics, Some(end)))
    }
}

/// Encodes the rows of one row group of one column. Whole numbers that are not coded are stored as differences,
/// everything else by a dictionary.
///
/// # Errors
/// A type that the lake does not store, or a page beyond two gigabytes.
pub fn encode(array: &ArrayRef, compressor: &mut Compressor) -> Result<Chunk, ParquetError> {
    let mut pages = Pages::new(compressor);
    let (statistics, data_begins) = match array.as_primitive_opt::<Int64Type>() {
        Some(numbers) => (add_numbers(numbers, &mut pages)?, None),
        None => {
            let array = coded(array)?;
            let (codes, used) = dense(&array);
            let (statistics, end) = add_codes(&codes, true, array.values(), &used, &mut pages)?;
            (statistics, Some(end))
        }
    };
    Ok(chunk(pages, array.len(), statistics, data_begins))
}

impl Described {
    /// For a chunk of so many bytes of a column.
    ///
    /// # Errors
    /// The general writer's own.
    pub(super) fn close(
        self,
        column: &ColumnDescPtr,
        bytes: usize,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let Described { rows, uncompressed, data_begins, statistics } = self;
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let encodings = match data_begins {
            Some(_) => vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY],
            None => vec![Encoding::RLE, Encoding::DELTA_BINARY_PACKED],
        };
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_encodings(encodings)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_num_values(count(rows))
            .set_total_compressed_size(count(bytes))
            .set_total_uncompressed_size(count(uncompressed))
            .set_dictionary_page_offset(data_begins.map(|_| 0))
            .set_data_page_offset(data_begins.map_or(0, count))
            .set_statistics(statistics)
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: bytes as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        })
    }
}

/// Pages as a chunk.
fn chunk(pages: Pages<'_>, rows: usize, statistics: Statistics, data_begins: Option<usize>) -> Chunk {
    let described = Described { rows, uncompressed: pages.uncompressed, data_begins, statistics };
    (Bytes::from(pages.bytes), described)
}

fn add_numbers(numbers: &Int64Array, pages: &mut Pages<'_>) -> io::Result<Statistics> {
    for start in (0..numbers.len()).step_by(PAGE) {
        let page = numbers.slice(start, PAGE.min(numbers.len() - start));
        let mut body = Vec::new();
        let levels: Option<Vec<u8>> =
            (page.null_count() > 0).then(|| page.iter().map(|number| number.is_some().into()).collect());
        add_levels(levels.as_deref(), page.len(), &mut body);
        if page.null_count() == 0 {
            differences(page.values(), &mut body);
        } else {
            differences(&page.iter().flatten().collect::<Vec<i64>>(), &mut body);
        }
        pages.add(Content::Differences, page.len(), &body)?;
    }
    Ok(match numbers.null_count() {
        0 => whole_numbers(numbers.values().iter().copied(), 0, None),
        empty => whole_numbers(numbers.iter().flatten(), empty, None),
    })
}

/// Returns where the dictionary ends, beside the statistics. The values that are used are those of the codes, in order.
fn add_codes(
    codes: &[u32],
    may_be_empty: bool,
    values: &ArrayRef,
    used: &[u32],
    pages: &mut Pages<'_>,
) -> Result<(Statistics, usize), ParquetError> {
    let empty = if may_be_empty { codes.iter().filter(|code| **code == EMPTY).count() } else { 0 };
    let (plain, statistics) = dictionary(values, used, empty)?;
    pages.add(Content::Dictionary, used.len(), &plain)?;
    let end = pages.bytes.len();
    // Zero bits for one value are allowed, but not every reader takes them.
    let width = (u32::BITS - (used.len().saturating_sub(1) as u32).leading_zeros()).max(1);
    for page in codes.chunks(PAGE) {
        let Room { mut body, mut filled, mut levels } = std::mem::take(&mut pages.compressor.room);
        body.clear();
        let rows = if empty > 0 { split_levels(page, &mut filled, &mut levels) } else { page };
        add_levels(if rows.len() < page.len() { Some(&levels) } else { None }, page.len(), &mut body);
        body.push(width as u8);
        runs(rows, width, &mut body);
        pages.add(Content::Codes, page.len(), &body)?;
        pages.compressor.room = Room { body, filled, levels };
    }
    Ok((statistics, end))
}

/// The codes of those rows that have a value, and of each row whether it has one. Every code is written, and written over
/// where it is none: whether it is cannot be foreseen.
fn split_levels<'a>(codes: &[u32], filled: &'a mut Vec<u32>, levels: &mut Vec<u8>) -> &'a [u32] {
    filled.resize(codes.len(), 0);
    let mut count = 0;
    levels.clear();
    levels.extend(codes.iter().map(|code| {
        let has_value = *code != EMPTY;
        if let Some(next) = filled.get_mut(count) {
            *next = *code;
        }
        count += usize::from(has_value);
        u8::from(has_value)
    }));
    filled.get(..count).unwrap_or_default()
}

/// Which of so many rows have a value, all of them if nothing is said: runs of one bit, their length in front.
fn add_levels(levels: Option<&[u8]>, rows: usize, body: &mut Vec<u8>) {
    let start = body.len();
    body.extend_from_slice(&[0; size_of::<u32>()]);
    match levels {
        Some(levels) => runs(levels, 1, body),
        None => {
            uleb(rows as u64 * 2, body);
            body.push(1);
        }
    }
    let length = body.len() - start - size_of::<u32>();
    if let Some(place) = body.get_mut(start..start + size_of::<u32>()) {
        place.copy_from_slice(&(length as u32).to_le_bytes());
    }
}

/// The column as codes and values; one that is not coded yet is coded here.
fn coded(array: &ArrayRef) -> Result<DictionaryArray<UInt32Type>, ArrowError> {
    let values = match array.data_type() {
        DataType::Dictionary(_, values) => values.clone(),
        other => Box::new(other.clone()),
    };
    let wanted = DataType::Dictionary(Box::new(DataType::UInt32), values);
    let array = if *array.data_type() == wanted { array.clone() } else { cast(array, &wanted)? };
    Ok(downcast_array(&array))
}

/// Codes over those values alone that these rows use, in order of appearance, and which values those are.
fn dense(array: &DictionaryArray<UInt32Type>) -> (Vec<u32>, Vec<u32>) {
    let values = array.values();
    let new = |value| if values.is_valid(value) { UNSEEN } else { EMPTY };
    let mut new: Vec<u32> = (0..values.len()).map(new).collect();
    let mut used = Vec::new();
    let keys = array.keys();
    let mut code_of = |key: u32| {
        let Some(slot) = new.get_mut(key as usize) else { return EMPTY };
        if *slot == UNSEEN {
            *slot = used.len() as u32;
            used.push(key);
        }
        *slot
    };
    let codes = match keys.null_count() {
        0 => keys.values().iter().map(|key| code_of(*key)).collect(),
        _ => keys.iter().map(|key| key.map_or(EMPTY, &mut code_of)).collect(),
    };
    (codes, used)
}

/// The values that are used, written plainly, and their extremes.
fn dictionary(values: &ArrayRef, used: &[u32], empty: usize) -> Result<(Vec<u8>, Statistics), ParquetError> {
    let mut plain = Vec::new();
    let each = || used.iter().map(|code| *code as usize);
    let nulls = Some(empty as u64);
    let distinct = Some(used.len() as u64);
    let statistics = match values.data_type() {
        DataType::Utf8 => {
            let texts: StringArray = downcast_array(values);
            plain.reserve(texts.value_data().len() + size_of_val(used));
            for code in each() {
                let text = texts.value(code);
                plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
                plain.extend_from_slice(text.as_bytes());
            }
            let extreme =
                |text: Option<&str>| text.filter(|text| text.len() <= EXTREME_MAX).map(|text| text.into());
            let least = extreme(each().map(|code| texts.value(code)).min());
            let most = extreme(each().map(|code| texts.value(code)).max());
            let both = least.zip(most).unzip();
            Statistics::byte_array(both.0, both.1, distinct, nulls, false)
        }
        DataType::Int32 | DataType::Date32 => {
            let number = |code| match values.data_type() {
                DataType::Int32 => downcast_array::<Int32Array>(values).value(code),
                _ => downcast_array::<Date32Array>(values).value(code),
            };
            let numbers: Vec<i32> = each().map(number).collect();
            numbers.iter().for_each(|number| plain.extend_from_slice(&number.to_le_bytes()));
            let (least, most) = (numbers.iter().min().copied(), numbers.iter().max().copied());
            Statistics::int32(least, most, distinct, nulls, false)
        }
        DataType::Int64 => {
            let numbers: Int64Array = downcast_array(values);
            each().for_each(|code| plain.extend_from_slice(&numbers.value(code).to_le_bytes()));
            whole_numbers(each().map(|code| numbers.value(code)), empty, distinct)
        }
        DataType::Decimal128(38, _) => {
            let numbers: Decimal128Array = downcast_array(values);
            each().for_each(|code| plain.extend_from_slice(&numbers.value(code).to_be_bytes()));
            Statistics::fixed_len_byte_array(None, None, distinct, nulls, false)
        }
        other => return Err(ParquetError::NYI(format!("the lake stores no {other}"))),
    };
    Ok((plain, statistics))
}

fn whole_numbers(
    numbers: impl Iterator<Item = i64> + Clone,
    empty: usize,
    distinct: Option<u64>,
) -> Statistics {
    let (least, most) = (numbers.clone().min(), numbers.max());
    Statistics::int64(least, most, distinct, Some(empty as u64), false)
}
