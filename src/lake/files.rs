//! Data files: a batch becomes a Parquet file named by its own hash, and comes back only if the hash holds.
//!
//! The guard against bit rot is the BLAKE3 of the *whole* file, pinned in the ledger and compared before a byte is
//! decoded: it covers page headers and the footer too, which the checksums of the pages do not. Those are for
//! readers that know no ledger.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{StringArray, new_null_array};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use rayon::prelude::*;

use super::disk::{Readers, Unsettled, aside, at};
use super::error::parquet;
use super::plan::{Content, Partition};
use super::schema::{MONTH, columns_of, extend, stored_schema, without_month};
use super::stats::stats_of;
use super::{Column, DataFile, LakeError, TablePin};
use crate::column::chunks::{self, Decompressor, RowCodes, Series, Texts};

/// A data file just written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: DataFile,
    pub(super) columns: Vec<Column>,
    /// For Delta's log.
    pub(super) stats: String,
    pub(super) provisional: Provisional,
}

/// A file that nothing refers to yet: it goes with this unless it is kept.
#[derive(Debug)]
pub(super) struct Provisional(Option<PathBuf>);

impl Provisional {
    pub(super) fn keep(&mut self) {
        self.0 = None;
    }
}

impl Drop for Provisional {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // It would do no harm if it stayed.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Bytes that are hashed and written at a time.
const HASHED: usize = 1 << 18;

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

/// Writes one partition, which is to be settled below the table's folder.
pub(super) fn write(
    folder: &Path,
    tmp: &Path,
    table: &str,
    partition: Partition,
) -> Result<(Written, Unsettled), LakeError> {
    let Partition { month, digest, content } = partition;
    let failed = &parquet(folder);
    let mut temporary = aside(tmp, Readers::Everyone)?;
    let hashing = Hashing { inner: temporary.as_file_mut(), hasher: blake3::Hasher::new() };
    // Parts come in by the few kilobytes.
    let mut sink = BufWriter::with_capacity(HASHED, hashing);
    let (columns, metadata) = match content {
        Content::Made(make) => {
            let batch = make()
                .and_then(without_month)
                .map_err(|source| LakeError::Arrow { table: table.to_owned(), source })?;
            let columns = columns_of(table, &batch.schema())?;
            let schema = stored_schema(&columns);
            let groups = chunks::groups(&batch).map_err(failed)?;
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
            let groups = groups.iter().map(|group| staging.chunks(group, &columns));
            let metadata = chunks::write(&schema, groups, &mut sink).map_err(failed)?;
            (columns, metadata)
        }
    };
    let Hashing { hasher, .. } = sink.into_inner().map_err(|error| at(folder)(error.into_error()))?;
    let (blake3, bytes) = (hasher.finalize().to_hex().to_string(), hasher.count());

    // 128 bits name a file well enough; the whole hash is in the ledger.
    let name = blake3.get(..32).unwrap_or(&blake3);
    let path =
        if month.is_empty() { format!("{name}.parquet") } else { format!("{MONTH}={month}/{name}.parquet") };
    let target = folder.join(&path);
    // Equal bytes have an equal name: what is there already may be an earlier run's.
    let provisional = Provisional((!target.exists()).then(|| target.clone()));
    let stats = stats_of(&metadata, &columns);
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    let file = DataFile { path, month, rows, bytes, blake3, digest };
    Ok((Written { file, columns, stats, provisional }, (temporary, target)))
}

/// The texts that rows of a row group are known by in other tables. They can be as many as rows, and are not unpacked as
/// long as nobody has to know them.
#[derive(Debug, Clone)]
pub struct Keys {
    path: PathBuf,
    texts: Texts,
    /// The code of each row.
    pub codes: Vec<u32>,
}

impl Keys {
    /// Of a row group with these texts, which is filed and read again.
    ///
    /// # Errors
    /// A defect: it cannot be read.
    #[cfg(test)]
    pub fn filed(texts: &StringArray) -> Result<Keys, ::parquet::errors::ParquetError> {
        use arrow::array::RecordBatch;
        use arrow::datatypes::{DataType, Field, Schema};
        let schema = Schema::new(vec![Field::new("key", DataType::Utf8, true)]);
        let batch = RecordBatch::try_new(schema.clone().into(), vec![std::sync::Arc::new(texts.clone())])?;
        let mut bytes = Vec::new();
        chunks::write(&schema, chunks::groups(&batch)?.map(|group| Ok(group?.1)), &mut bytes)?;
        let (bytes, mut decompressor) = (Bytes::from(bytes), Decompressor::new()?);
        let read = chunks::texts(&bytes, &chunks::footer(&bytes)?, 0, "key", &mut decompressor)?;
        let (texts, codes) = read.unwrap_or_else(|| (Texts::Unpacked(texts.clone()), Vec::new()));
        Ok(Keys { path: PathBuf::new(), texts, codes })
    }

    /// How many distinct texts both have, the same ones with the same codes, as far as the bytes of their files tell. An
    /// empty text is none of them.
    pub fn same_page(&self, other: &Keys) -> Option<usize> {
        self.texts.same_page(&other.texts)
    }

    /// The distinct texts, one of them empty where rows have none.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn texts(&self) -> Result<StringArray, LakeError> {
        self.texts.unpack().map_err(parquet(&self.path))
    }
}

/// A pinned file, held against its hash, with those columns that are wanted.
struct Checked {
    path: PathBuf,
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
    columns: Vec<Column>,
}

impl Checked {
    fn open(
        folder: &Path,
        table: &TablePin,
        file: &DataFile,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Checked, LakeError> {
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
        let metadata = chunks::footer(&bytes).map_err(parquet(&path))?;
        let columns = table.columns.iter().filter(|column| wanted(&column.name)).cloned().collect();
        Ok(Checked { path, bytes, metadata, columns })
    }

    fn rows(&self, group: usize) -> usize {
        usize::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or_default()
    }

    /// The rows of a row group as rows of the table, column by column, as they are coded. What another writer may have
    /// made is read by the general reader.
    fn series(
        &self,
        group: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Vec<(String, Series)>, LakeError> {
        let mut all = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let kind = column.kind.arrow();
            let stored = (column.name.as_str(), &kind);
            let series = chunks::column(&self.bytes, &self.metadata, group, stored, decompressor);
            // Columns that came later are empty.
            let series = series.map_err(parquet(&self.path))?.unwrap_or_else(|| Series::Coded {
                values: new_null_array(&kind, 1),
                codes: RowCodes::Same { code: 0, rows: self.rows(group) },
            });
            all.push((column.name.clone(), series));
        }
        Ok(all)
    }

    /// A column of texts that other rows are known by, which are not unpacked.
    fn keys(&self, group: usize, name: &str, decompressor: &mut Decompressor) -> Result<Keys, LakeError> {
        let stored = chunks::texts(&self.bytes, &self.metadata, group, name, decompressor);
        let (texts, codes) = stored
            .map_err(parquet(&self.path))?
            .unwrap_or_else(|| (Texts::Unpacked(StringArray::new_null(1)), vec![0; self.rows(group)]));
        Ok(Keys { path: self.path.clone(), texts, codes })
    }

    /// What is read of each row group, side by side.
    fn each_group<T: Send>(
        &self,
        read: impl Fn(usize, &mut Decompressor) -> Result<T, LakeError> + Sync,
    ) -> Result<Vec<T>, LakeError> {
        let groups = (0..self.metadata.metadata().num_row_groups()).into_par_iter().with_max_len(1);
        let group = |group| read(group, &mut Decompressor::new().map_err(at(&self.path))?);
        groups.map(group).collect()
    }
}

/// Rows of one pinned file, as rows of the table, only those columns that are wanted, as values and codes: each row group
/// is handed to `take` as soon as it is decoded, with the number of its rows.
pub(super) fn read_coded<T: Send>(
    folder: &Path,
    table: &TablePin,
    file: &DataFile,
    wanted: impl Fn(&str) -> bool,
    take: impl Fn(usize, Vec<(String, Series)>) -> T + Sync,
) -> Result<Vec<T>, LakeError> {
    let checked = Checked::open(folder, table, file, wanted)?;
    checked
        .each_group(|group, decompressor| Ok(take(checked.rows(group), checked.series(group, decompressor)?)))
}

/// Likewise, with the column that rows of other tables are known by, which is not among the others.
pub(super) fn read_keyed<T: Send>(
    folder: &Path,
    table: &TablePin,
    file: &DataFile,
    (key, wanted): (&str, impl Fn(&str) -> bool),
    take: impl Fn(Keys, Vec<(String, Series)>) -> Result<T, LakeError> + Sync,
) -> Result<Vec<T>, LakeError> {
    let checked = Checked::open(folder, table, file, |column| column != key && wanted(column))?;
    checked.each_group(|group, decompressor| {
        let keys = checked.keys(group, key, decompressor)?;
        take(keys, checked.series(group, decompressor)?)
    })
}
