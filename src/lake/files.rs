//! Data files: a batch becomes a Parquet file named by its own hash, and comes back only if the hash holds.
//!
//! The guard against bit rot is the BLAKE3 of the *whole* file, pinned in the ledger and compared before a byte is
//! decoded: it covers page headers and the footer too, which the checksums of the pages do not. Those are for
//! readers that know no ledger.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;

use super::disk::{Readers, Taken, aside, settle};
use super::error::parquet;
use super::plan::{Content, Partition};
use super::schema::{MONTH, columns_of, conform, extend, read_schema, stored_schema, without_month};
use super::stats::stats_of;
use super::{Column, DataFile, LakeError, TablePin};
use crate::column::chunks::{self, ROW_GROUP};

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

/// Writes one partition below the table's folder.
pub(super) fn write(
    folder: &Path,
    tmp: &Path,
    table: &str,
    partition: Partition,
) -> Result<Written, LakeError> {
    let Partition { month, digest, content } = partition;
    let failed = &parquet(folder);
    let mut temporary = aside(tmp, Readers::Everyone)?;
    let mut sink = Hashing { inner: temporary.as_file_mut(), hasher: blake3::Hasher::new() };
    let (columns, metadata) = match content {
        Content::Made(make) => {
            let batch = make()
                .and_then(without_month)
                .map_err(|source| LakeError::Arrow { table: table.to_owned(), source })?;
            let columns = columns_of(table, &batch.schema())?;
            let schema = stored_schema(&columns);
            let groups = chunks::groups(&batch, &schema).map_err(failed)?;
            let groups = groups.map(|group| Ok(group?.1));
            let metadata = chunks::write(&schema, groups, &mut sink).map_err(failed)?;
            (columns, metadata)
        }
        Content::Staged(groups, staging) => {
            let mut columns: Vec<Column> = Vec::new();
            for group in &groups {
                extend(table, &mut columns, &group.columns)?;
            }
            let schema = stored_schema(&columns);
            let described = chunks::described(&schema).map_err(failed)?;
            let described: Vec<_> = columns.iter().cloned().zip(described).collect();
            let groups = groups.iter().map(|group| staging.chunks(group, &described));
            let metadata = chunks::write(&schema, groups, &mut sink).map_err(failed)?;
            (columns, metadata)
        }
    };
    let (blake3, bytes) = (sink.hasher.finalize().to_hex().to_string(), sink.hasher.count());

    // 128 bits name a file well enough; the whole hash is in the ledger.
    let name = blake3.get(..32).unwrap_or(&blake3);
    let path =
        if month.is_empty() { format!("{name}.parquet") } else { format!("{MONTH}={month}/{name}.parquet") };
    settle(temporary, &folder.join(&path), Taken::Replace)?;
    let stats = stats_of(&metadata, &columns);
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    let file = DataFile { path, month, rows, bytes, blake3, digest };
    Ok(Written { file, columns, stats })
}

/// Rows of one pinned file, as rows of the table, only those columns that are wanted: row group by row group, each
/// handed to `take` as soon as it is decoded.
pub(super) fn read<T: Send>(
    folder: &Path,
    table: &TablePin,
    file: &DataFile,
    wanted: impl Fn(&str) -> bool,
    take: impl Fn(RecordBatch) -> T + Sync,
) -> Result<Vec<T>, LakeError> {
    let path = folder.join(&file.path);
    let damaged = |what: String| LakeError::Damaged {
        path: path.clone(),
        what: format!("table `{}`, month `{}`: {what}", table.name, file.month),
    };
    // What is decoded is what was hashed.
    let bytes = std::fs::read(&path).map(Bytes::from).map_err(|error| damaged(error.to_string()))?;
    let found = blake3::hash(&bytes).to_hex();
    if found.as_str() != file.blake3 {
        return Err(damaged(format!("BLAKE3 is {found}, not {}", file.blake3)));
    }
    let failed = &parquet(&path);
    let columns: Vec<Column> = table.columns.iter().filter(|column| wanted(&column.name)).cloned().collect();
    let schema = read_schema(&columns, table.partitioned && wanted(MONTH));
    let metadata = chunks::footer(&bytes).map_err(failed)?;
    let names = columns.iter().map(|column| column.name.as_str());
    let mask = ProjectionMask::columns(metadata.parquet_schema(), names);
    let wrong = |source| LakeError::Arrow { table: table.name.clone(), source };
    let groups = 0..metadata.metadata().num_row_groups();
    // One after the other: texts of two groups in one batch would have to be coded anew.
    let taken = groups.into_par_iter().with_max_len(1).map(|group| {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata.clone());
        let reader =
            reader.with_projection(mask.clone()).with_row_groups(vec![group]).with_batch_size(ROW_GROUP);
        let batches = reader.build().map_err(failed)?;
        batches
            .map(|batch| conform(&batch.map_err(wrong)?, &Arc::clone(&schema), &file.month).map_err(wrong))
            .map(|batch| batch.map(&take))
            .collect::<Result<Vec<T>, LakeError>>()
    });
    Ok(taken.collect::<Result<Vec<_>, LakeError>>()?.into_iter().flatten().collect())
}
