//! Dictionary pages: the distinct values of a chunk.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::errors::ParquetError;

use super::read::{Decompressor, damaged};
use crate::column::cursor::Cursor;

/// The distinct texts of a column, one of them empty where rows have none.
#[derive(Debug, Clone)]
pub enum Texts {
    /// As they lie in their file, to be unpacked by whoever has to know them.
    Stored(StoredTexts),
    Unpacked(StringArray),
}

/// A dictionary page of texts, compressed.
#[derive(Debug, Clone)]
pub struct StoredTexts {
    pub(super) page: Bytes,
    /// Its length without compression.
    pub(super) plain: usize,
    pub(super) count: usize,
    pub(super) has_empty: bool,
}

impl Texts {
    /// How many texts both have, without the empty one, if they are told by the same bytes of two files. Those that are not
    /// may be the same all the same.
    pub fn same_page(&self, other: &Texts) -> Option<usize> {
        match (self, other) {
            (Texts::Stored(one), Texts::Stored(other)) => {
                (one.count == other.count && one.page == other.page).then_some(one.count)
            }
            _ => None,
        }
    }

    /// # Errors
    /// The page is damaged.
    pub fn unpack(&self) -> Result<StringArray, ParquetError> {
        match self {
            Texts::Stored(own) => {
                let page = Decompressor::new()?.page(&own.page, own.plain)?;
                texts(&mut Cursor { bytes: &page }, own.count, own.has_empty)
            }
            Texts::Unpacked(texts) => Ok(texts.clone()),
        }
    }
}

/// The values of a dictionary page, an empty one behind them where rows have none; nothing for a type that is not stored.
pub(super) fn values(
    from: &mut Cursor<'_>,
    count: usize,
    has_empty: bool,
    kind: &DataType,
) -> Result<Option<ArrayRef>, ParquetError> {
    /// Numbers of `N` bytes each.
    fn fixed<const N: usize, T>(
        from: &mut Cursor<'_>,
        count: usize,
        read: impl Fn([u8; N]) -> T,
    ) -> Option<Vec<Option<T>>> {
        let bytes = from.take(count.checked_mul(N)?)?;
        Some(bytes.as_chunks().0.iter().map(|bytes| Some(read(*bytes))).collect())
    }
    let nothing = usize::from(has_empty);
    let array: ArrayRef = match kind {
        DataType::Utf8 => Arc::new(texts(from, count, has_empty)?),
        DataType::Int32 | DataType::Date32 => {
            let mut numbers = fixed(from, count, i32::from_le_bytes).ok_or_else(damaged)?;
            numbers.resize(count + nothing, None);
            match kind {
                DataType::Int32 => Arc::new(Int32Array::from(numbers)),
                _ => Arc::new(Date32Array::from(numbers)),
            }
        }
        DataType::Int64 => {
            let mut numbers = fixed(from, count, i64::from_le_bytes).ok_or_else(damaged)?;
            numbers.resize(count + nothing, None);
            Arc::new(Int64Array::from(numbers))
        }
        DataType::Decimal128(38, _) => {
            let mut numbers = fixed(from, count, i128::from_be_bytes).ok_or_else(damaged)?;
            numbers.resize(count + nothing, None);
            Arc::new(Decimal128Array::from(numbers).with_data_type(kind.clone()))
        }
        _ => return Ok(None),
    };
    Ok(Some(array))
}

fn texts(from: &mut Cursor<'_>, count: usize, has_empty: bool) -> Result<StringArray, ParquetError> {
    let mut bytes: Vec<u8> = Vec::with_capacity(from.bytes.len());
    let mut ends: Vec<i32> = vec![0];
    for _ in 0..count {
        let length = from.array().map(u32::from_le_bytes).and_then(|length| usize::try_from(length).ok());
        bytes.extend_from_slice(length.and_then(|length| from.take(length)).ok_or_else(damaged)?);
        ends.push(i32::try_from(bytes.len()).map_err(|_| damaged())?);
    }
    let mut nulls = None;
    if has_empty {
        ends.extend(ends.last().copied());
        nulls = Some(NullBuffer::from_iter((0..=count).map(|place| place < count)));
    }
    let texts = StringArray::try_new(OffsetBuffer::new(ends.into()), Buffer::from_vec(bytes), nulls);
    texts.map_err(|error: ArrowError| error.into())
}
