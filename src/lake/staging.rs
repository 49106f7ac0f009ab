//! Row groups encoded before it is known whether, and into which file, they will be written.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::new_null_array;
use arrow::datatypes::{Field, Schema};
use bytes::Bytes;
use parquet::errors::ParquetError;

use super::disk::at;
use super::error::parquet;
use super::schema::{MONTH, columns_of, stored_schema};
use super::{Column, LakeError};
use crate::column::chunks::{self, Chunk, Compressor, Described, Series};

/// A file without a name in the lake's own folder: it vanishes with the run.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    file: Mutex<File>,
    /// Columns of groups: few kinds of many groups.
    columns: Mutex<Vec<Arc<[Column]>>>,
    /// Those that nobody compresses with at the moment.
    compressors: Mutex<Vec<Compressor>>,
}

/// Rows of one table, encoded; and a digest of what they hold, the run that brought them left out.
#[derive(Debug)]
pub struct Encoded {
    pub groups: Vec<Group>,
    pub digest: String,
}

/// Column that says which run brought a row: no part of what a partition holds.
const RUN: &str = "run";

/// Rows of a row group.
#[derive(Debug)]
pub struct Group {
    pub(super) rows: usize,
    pub(super) columns: Arc<[Column]>,
    /// Where its chunks lie, one after the other.
    offset: u64,
    length: usize,
    chunks: Vec<Staged>,
}

/// Where a column chunk lies among those of its group, and what the footer will say of it.
#[derive(Debug)]
struct Staged {
    offset: usize,
    length: usize,
    described: Described,
}

impl Staging {
    pub(super) fn new(folder: &Path) -> Result<Staging, LakeError> {
        let file = tempfile::tempfile_in(folder).map_err(at(folder))?;
        Ok(Staging {
            folder: folder.to_owned(),
            file: Mutex::new(file),
            columns: Mutex::default(),
            compressors: Mutex::default(),
        })
    }

    /// Lets work have what it compresses with, which others have after it.
    ///
    /// # Errors
    /// The work's own, or there is no memory.
    pub fn compressing<T>(
        &self,
        work: impl FnOnce(&mut Compressor) -> Result<T, LakeError>,
    ) -> Result<T, LakeError> {
        let compressors = || self.compressors.lock().unwrap_or_else(PoisonError::into_inner);
        let known = compressors().pop();
        let mut own = known.map_or_else(Compressor::new, Ok).map_err(at(&self.folder))?;
        let done = work(&mut own);
        compressors().push(own);
        done
    }

    /// Encodes rows of a table, as one group or several.
    ///
    /// # Errors
    /// A type that the lake does not store, or the disk is full.
    pub fn put(
        &self,
        table: &str,
        series: Vec<(String, Series)>,
        compressor: &mut Compressor,
    ) -> Result<Encoded, LakeError> {
        let stored = series.into_iter().filter(|(name, _)| name != MONTH);
        let (names, series): (Vec<String>, Vec<Series>) = stored.unzip();
        let field = |(name, series): (&String, &Series)| Field::new(name, series.data_type().clone(), true);
        let schema = Schema::new(names.iter().zip(&series).map(field).collect::<Vec<Field>>());
        let columns = self.shared(columns_of(table, &schema)?);
        let mut hasher = blake3::Hasher::new();
        let groups = chunks::series_groups(series, &schema, compressor).map_err(parquet(&self.folder))?;
        let groups = groups.into_iter().map(|(rows, encoded)| {
            for (column, (bytes, _)) in columns.iter().zip(&encoded).filter(|(column, _)| column.name != RUN)
            {
                for part in [column.name.as_bytes(), bytes] {
                    hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
                }
            }
            let mut all = Vec::with_capacity(encoded.iter().map(|(bytes, _)| bytes.len()).sum());
            let mut chunks = Vec::with_capacity(encoded.len());
            for (bytes, described) in encoded {
                chunks.push(Staged { offset: all.len(), length: bytes.len(), described });
                all.extend_from_slice(&bytes);
            }
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            let offset = file.seek(SeekFrom::End(0)).map_err(at(&self.folder))?;
            file.write_all(&all).map_err(at(&self.folder))?;
            Ok(Group { rows, columns: columns.clone(), offset, length: all.len(), chunks })
        });
        let groups = groups.collect::<Result<_, LakeError>>()?;
        Ok(Encoded { groups, digest: hasher.finalize().to_hex().to_string() })
    }

    fn shared(&self, columns: Vec<Column>) -> Arc<[Column]> {
        let mut known = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.iter().find(|known| ***known == *columns).cloned();
        own.unwrap_or_else(|| {
            let columns: Arc<[Column]> = columns.into();
            known.push(columns.clone());
            columns
        })
    }

    /// The chunks of a group in the order of the columns of its file; those that it lacks are empty.
    pub(super) fn chunks(&self, group: &Group, columns: &[Column]) -> Result<Vec<Chunk>, ParquetError> {
        let mut all = vec![0; group.length];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(group.offset))?;
            file.read_exact(&mut all)?;
        }
        let all = Bytes::from(all);
        let chunk = |column: &Column| {
            let Some(place) = group.columns.iter().position(|own| own.name == column.name) else {
                let kind = stored_schema(std::slice::from_ref(column)).field(0).data_type().clone();
                let nothing = new_null_array(&chunks::coded(kind), group.rows);
                return chunks::encode(&nothing, &mut Compressor::new()?);
            };
            let staged = &group.chunks[place];
            Ok((all.slice(staged.offset..staged.offset + staged.length), staged.described.clone()))
        };
        columns.iter().map(chunk).collect()
    }
}
