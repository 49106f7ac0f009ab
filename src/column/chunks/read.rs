//! Column chunks that [`super::chunk`] made, as coded columns again: the dictionary page becomes the values, packed codes
//! stay codes. Nothing is hashed, and no row's text is looked at. Nor are the checksums of pages: the lake has held the
//! whole file against its hash before.

use std::io;
use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::basic::{Compression, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;

use super::ROW_GROUP;
use super::chunk::Series;
use super::page::{DATA_PAGE, DELTA_BINARY_PACKED, DICTIONARY_PAGE, Header, PLAIN, RLE_DICTIONARY};
use super::rows::RowCodes;
use super::unpacking::{Runs, Unpacked, numbers, summed};
use super::values::{StoredTexts, values};
use crate::column::cursor::Cursor;

/// What takes pages apart; making one takes longer than many a page.
pub struct Decompressor {
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Decompressor {
    /// # Errors
    /// There is no memory for it.
    pub fn new() -> io::Result<Decompressor> {
        Ok(Decompressor { zstd: zstd::bulk::Decompressor::new()? })
    }

    pub(super) fn page(&mut self, compressed: &[u8], plain: usize) -> io::Result<Vec<u8>> {
        self.zstd.decompress(compressed, plain)
    }
}

/// The pages of a chunk, as they lie in its file.
struct Stored<'a> {
    pages: Cursor<'a>,
    /// Bytes of the chunk without compression.
    plain: usize,
    rows: usize,
    has_dictionary: bool,
}

impl<'a> Stored<'a> {
    /// None where the chunk is not of the kinds that [`Series::encode`] makes.
    fn find(
        file: &'a [u8],
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Option<Stored<'a>>, ParquetError> {
        let column = chunk.column_descr();
        let is_own = (column.max_def_level(), column.max_rep_level()) == (1, 0)
            && matches!(chunk.compression(), Compression::ZSTD(_));
        if !is_own {
            return Ok(None);
        }
        if usize::try_from(chunk.num_values()) != Ok(rows) {
            return Err(damaged());
        }
        let (start, length) = chunk.byte_range();
        let bytes = usize::try_from(start).ok().zip(usize::try_from(length).ok());
        let bytes = bytes.and_then(|(start, length)| file.get(start..)?.get(..length));
        let pages = Cursor { bytes: bytes.ok_or_else(damaged)? };
        let plain = usize::try_from(chunk.uncompressed_size()).unwrap_or_default();
        let has_dictionary = chunk.dictionary_page_offset().is_some();
        Ok(Some(Stored { pages, plain, rows, has_dictionary }))
    }

    /// The next page, compressed; none if it is of another kind.
    fn next(&mut self, page: i32, encoding: i32) -> Result<Option<(Header, &'a [u8])>, ParquetError> {
        let head = Header::read(&mut self.pages);
        let Some(head) = head.filter(|head| (head.page, head.encoding) == (page, encoding)) else {
            return Ok(None);
        };
        let compressed = self.pages.take(head.compressed).filter(|_| head.plain <= self.plain);
        Ok(Some((head, compressed.ok_or_else(damaged)?)))
    }

    /// Whole numbers that are stored as differences.
    fn differences(mut self, decompressor: &mut Decompressor) -> Result<Option<Vec<i64>>, ParquetError> {
        let mut all = Vec::with_capacity(self.rows.min(ROW_GROUP));
        while all.len() < self.rows {
            let Some((head, body)) = self.next(DATA_PAGE, DELTA_BINARY_PACKED)? else { return Ok(None) };
            let body = decompressor.page(body, head.plain)?;
            let mut body = Cursor { bytes: &body };
            let is_own = head.values > 0
                && head.values <= self.rows - all.len()
                && levels(&mut body).is_some_and(|levels| is_all_filled(levels, head.values));
            if !is_own || summed(&mut body, head.values, &mut all).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }

    /// A dictionary that is left as it is, and codes of rows.
    fn coded(mut self, decompressor: &mut Decompressor) -> Result<Option<CodedRows<'a>>, ParquetError> {
        let Some((dictionary, values)) = self.next(DICTIONARY_PAGE, PLAIN)? else { return Ok(None) };
        let empty = u32::try_from(dictionary.values).map_err(|_| damaged())?;
        let mut codes = Codes { codes: Runs::default(), has_empty: false };
        while codes.codes.count() < self.rows {
            let Some((head, body)) = self.next(DATA_PAGE, RLE_DICTIONARY)? else { return Ok(None) };
            if head.values == 0 || head.values > self.rows - codes.codes.count() {
                return Err(damaged());
            }
            let body = decompressor.page(body, head.plain)?;
            codes.add(&mut Cursor { bytes: &body }, head.values, empty).ok_or_else(damaged)?;
        }
        let Codes { codes, has_empty } = codes;
        let codes = codes.into_codes();
        // All are looked at, several at a time.
        let beyond = empty.saturating_add(has_empty.into());
        let is_beyond = match &codes {
            RowCodes::Each(codes) => codes.iter().fold(false, |any, code| any | (*code >= beyond)),
            RowCodes::Runs(runs) => runs.iter().any(|(code, _)| *code >= beyond),
            RowCodes::Same { .. } | RowCodes::ByKey { .. } => true,
        };
        if is_beyond {
            return Err(damaged());
        }
        Ok(Some(CodedRows { values, dictionary, has_empty, codes }))
    }
}

/// A chunk whose rows are codes.
struct CodedRows<'a> {
    /// The dictionary page, compressed.
    values: &'a [u8],
    dictionary: Header,
    /// Whether rows have no value: their code is the one behind those of all values.
    has_empty: bool,
    codes: RowCodes,
}

/// The column of a row group of so many rows out of the bytes of its file: values, one of them empty where a row has
/// none, and codes; or whole numbers as they are. None where the chunk is not of the kinds that [`Series::encode`] makes:
/// other readers take those. Who asks has held the file against a hash: no checksum is looked at.
///
/// # Errors
/// The chunk is damaged.
pub fn decode(
    file: &[u8],
    chunk: &ColumnChunkMetaData,
    rows: usize,
    kind: &DataType,
    decompressor: &mut Decompressor,
) -> Result<Option<Series>, ParquetError> {
    let Some(stored) = Stored::find(file, chunk, rows)? else { return Ok(None) };
    if !stored.has_dictionary {
        // Those of 32 bits may be wrapped otherwise than these.
        if *kind != DataType::Int64 || chunk.column_descr().physical_type() != Type::INT64 {
            return Ok(None);
        }
        let numbers = stored.differences(decompressor)?;
        return Ok(numbers.map(|numbers| Series::Plain(Arc::new(Int64Array::from(numbers)))));
    }
    let Some(own) = stored.coded(decompressor)? else { return Ok(None) };
    let dictionary = decompressor.page(own.values, own.dictionary.plain)?;
    let values = values(&mut Cursor { bytes: &dictionary }, own.dictionary.values, own.has_empty, kind);
    Ok(values?.map(|values| Series::Coded { values, codes: own.codes }))
}

/// As [`decode`], of a column of texts, which are left as they are stored.
///
/// # Errors
/// As [`decode`].
pub fn decode_texts(
    file: &Bytes,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    decompressor: &mut Decompressor,
) -> Result<Option<(StoredTexts, RowCodes)>, ParquetError> {
    let stored = Stored::find(file, chunk, rows)?.filter(|stored| stored.has_dictionary);
    let own = stored.map_or(Ok(None), |stored| stored.coded(decompressor))?;
    Ok(own.filter(|_| chunk.column_descr().physical_type() == Type::BYTE_ARRAY).map(|own| {
        let CodedRows { values, dictionary, has_empty, codes } = own;
        let page = file.slice_ref(values);
        (StoredTexts { page, plain: dictionary.plain, count: dictionary.values, has_empty }, codes)
    }))
}

pub(super) fn damaged() -> ParquetError {
    ParquetError::General("a column chunk is damaged".to_owned())
}

/// Codes of rows, those without a value beyond all values.
struct Codes {
    codes: Runs,
    has_empty: bool,
}

impl Codes {
    /// Adds the rows of a page.
    fn add(&mut self, body: &mut Cursor<'_>, rows: usize, empty: u32) -> Option<()> {
        let mut levels = Cursor { bytes: levels(body)? };
        let [width] = body.array()?;
        if is_all_filled(levels.bytes, rows) {
            return numbers(body, width.into(), rows, &mut self.codes);
        }
        let mut is_filled = Vec::with_capacity(rows);
        numbers(&mut levels, 1, rows, &mut is_filled)?;
        let filled = is_filled.iter().filter(|level| **level == 1).count();
        let mut codes = Vec::with_capacity(filled);
        numbers(body, width.into(), filled, &mut codes)?;
        let mut codes = codes.into_iter();
        self.codes.each().extend(is_filled.iter().map(|level| {
            let code = if *level == 1 { codes.next() } else { None };
            code.unwrap_or(empty)
        }));
        self.has_empty = true;
        Some(())
    }
}

/// The levels in front of the values of a page.
fn levels<'a>(body: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(body.array()?);
    body.take(usize::try_from(length).ok()?)
}

/// Whether levels are one run of as many ones as there are rows.
fn is_all_filled(levels: &[u8], rows: usize) -> bool {
    let mut levels = Cursor { bytes: levels };
    levels.number() == Some(rows as u64 * 2) && levels.bytes == [1]
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};
    use arrow::compute::concat;
    use arrow::datatypes::{Field, Schema};
    use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
    use parquet::basic::{Encoding, ZstdLevel};
    use parquet::file::properties::WriterProperties;
    use parquet::schema::types::ColumnDescPtr;
    use proptest::prelude::*;

    use super::super::Compressor;
    use super::*;

    fn described(schema: &Schema) -> Vec<ColumnDescPtr> {
        ArrowSchemaConverter::new().convert(schema).expect("stored").columns().to_vec()
    }

    fn arrays() -> impl Strategy<Value = ArrayRef> {
        fn each<T: Clone + std::fmt::Debug>(
            value: impl Strategy<Value = T>,
        ) -> impl Strategy<Value = Vec<Option<T>>> {
            proptest::collection::vec(proptest::option::weighted(0.8, value), 0..60)
        }
        prop_oneof![
            each("[a-c甲]{0,2}").prop_map(|texts| Arc::new(StringArray::from(texts)) as ArrayRef),
            each(0..9i32).prop_map(|numbers| Arc::new(Int32Array::from(numbers)) as ArrayRef),
            each(0..9i32).prop_map(|days| Arc::new(Date32Array::from(days)) as ArrayRef),
            proptest::collection::vec(-9..9_000i64, 0..60)
                .prop_map(|numbers| Arc::new(Int64Array::from(numbers)) as ArrayRef),
            each(-4..4i128).prop_map(|numbers| {
                let typed = Decimal128Array::from(numbers).with_precision_and_scale(38, 12);
                Arc::new(typed.expect("fits")) as ArrayRef
            }),
        ]
    }

    #[test]
    fn chunks_of_other_kinds_are_left_to_other_readers() {
        let mut compressor = Compressor::new().expect("zstd");
        let mut decompressor = Decompressor::new().expect("zstd");
        let lines: ArrayRef = Arc::new(Int64Array::from_iter_values(0..9));
        let gaps: ArrayRef = Arc::new((0..9).map(|line| (line > 0).then_some(line)).collect::<Int64Array>());
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(["a"; 9]));
        for (array, is_nullable, is_own) in [
            (&lines, true, true),
            (&gaps, true, false),
            (&lines, false, false),
            (&texts, false, false),
            (&texts, true, true),
        ] {
            let kind = array.data_type().clone();
            let schema = Schema::new(vec![Field::new("a", kind.clone(), is_nullable)]);
            let columns = described(&schema);
            let (bytes, described) = super::super::encode(array, &mut compressor).expect("encodes");
            let close = described.close(&columns[0], bytes.len()).expect("a footer");
            let decoded = decode(&bytes, &close.metadata, 9, &kind, &mut decompressor);
            assert_eq!(decoded.expect("whole").is_some(), is_own, "{kind} {is_nullable}");
        }
    }

    proptest! {
        #[test]
        fn differences_of_other_writers_are_read_as_these_write_them(
            numbers in proptest::collection::vec(prop_oneof![5 => -9i64..3_000, 1 => any::<i64>()], 1..700),
            is_short: bool,
        ) {
            let array: ArrayRef = match is_short {
                true => Arc::new(Int32Array::from_iter_values(numbers.iter().map(|number| *number as i32))),
                false => Arc::new(Int64Array::from(numbers)),
            };
            let schema = Arc::new(Schema::new(vec![Field::new("a", array.data_type().clone(), true)]));
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(false)
                .set_encoding(Encoding::DELTA_BINARY_PACKED)
                .set_compression(Compression::ZSTD(ZstdLevel::default()));
            let mut bytes = Vec::new();
            let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties.build())).expect("a writer");
            writer.write(&RecordBatch::try_new(schema, vec![array.clone()]).expect("a batch")).expect("writes");
            writer.close().expect("closes");
            let bytes = Bytes::from(bytes);
            let footer = super::super::footer(&bytes).expect("a footer");
            let mut decompressor = Decompressor::new().expect("zstd");
            let wanted = ("a", &DataType::Int64);
            let series = super::super::column(&bytes, &footer, 0, wanted, &mut decompressor).expect("reads").expect("is there");
            prop_assert_eq!(&series.into_array().expect("an array"), &array);
        }

        /// Texts are the same whoever wrote them, and however they are read.
        #[test]
        fn texts_are_left_as_they_are_stored(
            texts in proptest::collection::vec(proptest::option::weighted(0.9, "[a-c甲]{0,2}"), 1..60),
            other in proptest::collection::vec(proptest::option::weighted(0.9, "[a-c甲]{0,2}"), 1..60),
        ) {
            let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
            let batch = |texts: &[Option<String>]| {
                let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
                RecordBatch::try_new(schema.clone(), vec![array]).expect("a batch")
            };
            let filed = |texts: &[Option<String>]| {
                let (mut bytes, batch) = (Vec::new(), batch(texts));
                let groups = super::super::groups(&batch).expect("groups").map(|group| Ok(group?.1));
                super::super::write(&schema, groups, &mut bytes).expect("writes");
                bytes
            };
            let by_another = {
                let mut bytes = Vec::new();
                let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), None).expect("a writer");
                writer.write(&batch(&texts)).expect("writes");
                writer.close().expect("closes");
                bytes
            };
            let read = |bytes: Vec<u8>| {
                let bytes = Bytes::from(bytes);
                let footer = super::super::footer(&bytes).expect("a footer");
                let mut decompressor = Decompressor::new().expect("zstd");
                super::super::texts(&bytes, &footer, 0, "a", &mut decompressor).expect("reads").expect("is there")
            };
            let [own, again, others, foreign] =
                [filed(&texts), filed(&texts), filed(&other), by_another].map(read);
            for (stored, codes) in [&own, &foreign] {
                let unpacked = stored.unpack().expect("whole");
                let rows: Vec<Option<String>> = codes.iter()
                    .map(|code| unpacked.is_valid(*code as usize).then(|| unpacked.value(*code as usize).to_owned()))
                    .collect();
                prop_assert_eq!(&rows, &texts);
            }
            let distinct = |texts: &[Option<String>]| {
                let mut known: Vec<String> = Vec::new();
                for text in texts.iter().flatten() {
                    if !known.contains(text) {
                        known.push(text.clone());
                    }
                }
                known
            };
            prop_assert_eq!(own.0.same_page(&again.0), Some(distinct(&texts).len()));
            prop_assert_eq!(own.0.same_page(&others.0).is_some(), distinct(&texts) == distinct(&other));
            prop_assert_eq!(own.0.same_page(&foreign.0), None);
        }

        #[test]
        fn what_is_encoded_is_decoded(array in arrays(), repeat in prop_oneof![Just(1usize), Just(3000)]) {
            let whole: Vec<&dyn Array> = std::iter::repeat_n(&*array, repeat).collect();
            let array = concat(&whole).expect("one type");
            let kind = array.data_type().clone();
            let columns = described(&Schema::new(vec![Field::new("a", kind.clone(), true)]));
            let mut compressor = Compressor::new().expect("zstd");
            let (bytes, described) = super::super::encode(&array, &mut compressor).expect("encodes");
            let close = described.close(&columns[0], bytes.len()).expect("a footer");
            let mut decompressor = Decompressor::new().expect("zstd");
            let rows = array.len();
            prop_assert!(decode(&bytes, &close.metadata, rows + 1, &kind, &mut decompressor).is_err());
            let mut read = |bytes: &[u8]| decode(bytes, &close.metadata, rows, &kind, &mut decompressor);
            let series = read(&bytes).expect("whole").expect("coded");
            let back = arrow::compute::cast(&series.into_array().expect("an array"), &kind).expect("casts");
            prop_assert_eq!(&back, &array);
            for place in (0..bytes.len()).step_by(7) {
                let mut other = bytes.to_vec();
                other[place] ^= 0x55;
                let _ = read(&other);
                prop_assert!(read(&bytes[..place]).is_err());
            }
        }
    }
}
