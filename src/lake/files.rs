//! Data files: a batch becomes a Parquet file named by its own hash, and comes back only if the hash holds.
//!
//! parquet 59.3 checks page checksums when it finds them but cannot write any (`crc: None` in its page
//! writer). So the guard against bit rot is the BLAKE3 of the *whole* file, pinned in the ledger and compared
//! before a byte is decoded: it covers page headers and the footer too, which page checksums do not.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::blobs::fault;
use super::disk::{Readers, Taken, aside, at, settle};
use super::schema::{MONTH, arrow_schema, columns_of, conform, without_month};
use super::stats::stats_of;
use super::{Column, DataFile, LakeError, TablePin};

/// Rows that one task decodes at a time.
const ROW_GROUP: usize = 1 << 18;
/// Rows of a batch that `read` returns.
const BATCH: usize = 1 << 16;

/// A data file just written.
pub(super) struct Written {
    pub(super) file: DataFile,
    pub(super) columns: Vec<Column>,
    /// For Delta's log.
    pub(super) stats: String,
}

/// Passes bytes on to the file and hashes them: what is pinned is what was meant, not what a disk gave back.
struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes one partition below the table's folder. `month` is empty in a table without partitions.
pub(super) fn write(
    folder: &Path,
    tmp: &Path,
    table: &str,
    month: &str,
    digest: &str,
    batch: RecordBatch,
) -> Result<Written, LakeError> {
    let batch =
        without_month(batch).map_err(|source| LakeError::Arrow { table: table.to_owned(), source })?;
    let columns = columns_of(table, &batch.schema())?;
    let failed = |source: ParquetError| LakeError::Parquet { path: folder.to_owned(), source };

    let mut temporary = aside(tmp, Readers::Everyone)?;
    let mut sink = Hashing { inner: temporary.as_file_mut(), hasher: blake3::Hasher::new() };
    let options = ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(&mut sink, batch.schema(), options).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    let metadata = writer.close().map_err(failed)?;
    let (blake3, bytes) = (sink.hasher.finalize().to_hex().to_string(), sink.hasher.count());

    // 128 bits name a file well enough; the whole hash is in the ledger.
    let name = blake3.get(..32).unwrap_or(&blake3);
    let path =
        if month.is_empty() { format!("{name}.parquet") } else { format!("{MONTH}={month}/{name}.parquet") };
    settle(temporary, &folder.join(&path), Taken::Replace)?;
    let stats = stats_of(&metadata, &columns);
    let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
    let file = DataFile { path, month: month.to_owned(), rows, bytes, blake3, digest: digest.to_owned() };
    Ok(Written { file, columns, stats })
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by("assay".to_owned())
        .build()
}

/// Rows of one pinned file, as rows of the table.
pub(super) fn read(folder: &Path, table: &TablePin, file: &DataFile) -> Result<Vec<RecordBatch>, LakeError> {
    let path = folder.join(&file.path);
    if let Some(what) = fault(&path, &file.blake3) {
        return Err(LakeError::Damaged {
            path,
            what: format!("table `{}`, month `{}`: {what}", table.name, file.month),
        });
    }
    let failed = |source: ParquetError| LakeError::Parquet { path: path.clone(), source };
    let schema = arrow_schema(&table.columns, table.partitioned);
    let source = File::open(&path).map_err(at(&path))?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(source, options).map_err(failed)?;
    let reader = reader.with_batch_size(BATCH).build().map_err(failed)?;
    let wrong = |source| LakeError::Arrow { table: table.name.clone(), source };
    reader
        .map(|batch| conform(&batch.map_err(wrong)?, &Arc::clone(&schema), &file.month).map_err(wrong))
        .collect()
}
