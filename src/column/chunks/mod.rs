//! Coded columns as Parquet: distinct values become the dictionary page, codes are packed as they are, and every page
//! has a checksum. Nothing is hashed again, which is what costs the general writer most of its time.

mod chunk;
mod packing;
mod page;
mod read;
mod rows;
mod unpacking;
mod values;

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

pub use chunk::{Chunk, Described, Series, encode};
pub use page::Compressor;
pub use read::Decompressor;
use read::{decode, decode_texts};
pub use rows::RowCodes;
pub use values::Texts;

/// Rows that one task decodes at a time.
pub const ROW_GROUP: usize = 1 << 18;

/// How texts are read: as they are stored, distinct values and codes.
pub fn coded(kind: DataType) -> DataType {
    match kind {
        DataType::Utf8 => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        other => other,
    }
}

/// The footer of a file, for readers that take texts as codes.
///
/// # Errors
/// The bytes are no Parquet file.
pub fn footer(bytes: &Bytes) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain = ArrowReaderMetadata::load(bytes, options.clone())?;
    let fields = plain.schema().fields().iter();
    let fields = fields.map(|field| field.as_ref().clone().with_data_type(coded(field.data_type().clone())));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
    ArrowReaderMetadata::try_new(plain.metadata().clone(), options.with_schema(schema))
}

/// A column of a row group, as it is coded, or as the general reader has it where another writer made it; none if the
/// file has no such column.
///
/// # Errors
/// The chunk is damaged.
pub fn column(
    bytes: &Bytes,
    footer: &ArrowReaderMetadata,
    group: usize,
    (name, kind): (&str, &DataType),
    decompressor: &mut Decompressor,
) -> Result<Option<Series>, ParquetError> {
    let (rows, chunk) = stored(footer, group, name);
    let Some(chunk) = chunk else { return Ok(None) };
    Ok(Some(match decode(bytes, chunk, rows, kind, decompressor)? {
        Some(series) => series,
        None => Series::Plain(array(bytes, footer, group, name)?),
    }))
}

/// A column of texts of a row group: the distinct ones, not unpacked unless another writer made them, and the code of each
/// row; none if the file has no such column.
///
/// # Errors
/// The chunk is damaged, or no text.
pub fn texts(
    bytes: &Bytes,
    footer: &ArrowReaderMetadata,
    group: usize,
    name: &str,
    decompressor: &mut Decompressor,
) -> Result<Option<(Texts, Vec<u32>)>, ParquetError> {
    let (rows, chunk) = stored(footer, group, name);
    let Some(chunk) = chunk else { return Ok(None) };
    Ok(Some(match decode_texts(bytes, chunk, rows, decompressor)? {
        Some((texts, codes)) => (Texts::Stored(texts), codes.into_rows()),
        None => {
            let (texts, codes) = Series::Plain(array(bytes, footer, group, name)?).into_texts()?;
            (Texts::Unpacked(texts), codes)
        }
    }))
}

/// The number of a row group's rows, and where it has a column.
fn stored<'a>(
    footer: &'a ArrowReaderMetadata,
    group: usize,
    name: &str,
) -> (usize, Option<&'a ColumnChunkMetaData>) {
    let group = footer.metadata().row_group(group);
    let chunk = group.columns().iter().find(|own| own.column_descr().name() == name);
    (usize::try_from(group.num_rows()).unwrap_or_default(), chunk)
}

/// A column of a row group as the general reader has it: in one batch, for texts of two would have to be coded anew.
fn array(
    bytes: &Bytes,
    footer: &ArrowReaderMetadata,
    group: usize,
    name: &str,
) -> Result<ArrayRef, ParquetError> {
    let rows = usize::try_from(footer.metadata().row_group(group).num_rows()).unwrap_or_default();
    let mask = ProjectionMask::columns(footer.parquet_schema(), [name]);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), footer.clone());
    let reader = reader.with_projection(mask).with_row_groups(vec![group]).with_batch_size(rows);
    let mut batches = reader.build()?;
    let batch = batches.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(batches.schema())))?;
    let array = batch.column_by_name(name).cloned();
    array.ok_or_else(|| ParquetError::General(format!("there is no column {name}")))
}

/// The rows of a batch in row groups: of each the number of its rows and a chunk of every column, or that it has a type
/// that is not stored.
///
/// # Errors
/// There is no memory to compress with.
pub fn groups(
    batch: &RecordBatch,
) -> Result<impl Iterator<Item = Result<(usize, Vec<Chunk>), ParquetError>> + '_, ParquetError> {
    let mut compressor = Compressor::new()?;
    Ok((0..batch.num_rows()).step_by(ROW_GROUP).map(move |start| {
        let rows = ROW_GROUP.min(batch.num_rows() - start);
        let group = batch.slice(start, rows);
        let chunks = group.columns().iter().map(|array| encode(array, &mut compressor));
        Ok((rows, chunks.collect::<Result<_, _>>()?))
    }))
}

/// Likewise, of columns that are coded already: as long as one group holds them, their codes are taken as they are.
///
/// # Errors
/// As [`groups`].
pub fn series_groups(
    series: Vec<Series>,
    schema: &Schema,
    compressor: &mut Compressor,
) -> Result<Vec<(usize, Vec<Chunk>)>, ParquetError> {
    let rows = series.first().map_or(0, Series::len);
    if rows > ROW_GROUP {
        let arrays = series.into_iter().map(Series::into_array).collect::<Result<Vec<_>, _>>()?;
        let kinds = schema.fields().iter().zip(&arrays);
        let kinds =
            kinds.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(kinds.collect::<Vec<Field>>())), arrays)?;
        return groups(&batch)?.collect();
    }
    if rows == 0 {
        return Ok(Vec::new());
    }
    let chunks = series.into_iter().map(|own| own.encode(compressor));
    Ok(vec![(rows, chunks.collect::<Result<_, _>>()?)])
}

/// Writes row groups of encoded chunks, then the footer.
///
/// # Errors
/// The first group that cannot be had, or the sink's own.
pub fn write(
    schema: &Schema,
    groups: impl Iterator<Item = Result<Vec<Chunk>, ParquetError>>,
    sink: impl Write + Send,
) -> Result<ParquetMetaData, ParquetError> {
    let schema = ArrowSchemaConverter::new().convert(schema)?;
    let properties = WriterProperties::builder().set_created_by("assay".to_owned()).build();
    let mut writer = SerializedFileWriter::new(sink, schema.root_schema_ptr(), Arc::new(properties))?;
    for group in groups {
        let mut row_group = writer.next_row_group()?;
        for ((bytes, described), column) in group?.into_iter().zip(schema.columns()) {
            row_group.append_column(&bytes, described.close(column, bytes.len())?)?;
        }
        row_group.close()?;
    }
    writer.close()
}
