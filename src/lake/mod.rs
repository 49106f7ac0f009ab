//! The lake: what was read, what was made of it, and which run published what.
//!
//! ```text
//! lake/
//!   lock               held by the one run that writes
//!   raw/ab/abcdef…     exports as they came, by BLAKE3, readable by their owner only
//!   objects/ab/…       pipelines, seeds, cells, published files, by BLAKE3
//!   tables/<name>/     a Delta table of Parquet files, one per month
//!   ledger/000001.json one immutable entry per published run, and `head`
//!   tmp/               files being written; swept by the next run
//! ```
//!
//! The commit protocol. Everything above the line may be lost or half done without harm; the line is one
//! atomic rename.
//!
//! ```text
//!   lock ─┬─► archive raw ────────────────────────────────────┬─► Delta commit per changed table
//!         │   (synced, by hash)                               │   (synced, put if absent)
//!         └─► take back ─► Parquet files, put objects ────────┘     │ tables are ahead of their pins
//!             │            (synced, by hash)                        │
//!   ══════════╪═════════════════════════════════════════════════════▼══════════════════════════════════
//!             │                                    ledger/N.json  (synced, put if absent) = published
//!             │                                                     │
//!             └── the next run puts a table that is                 ▼
//!                 ahead of its pin back, by one more        ledger/head
//!                 Delta commit
//! ```
//!
//! Readers take no lock. They read the last entry and then only the files that it pins, each held against
//! its BLAKE3 first; those files are immutable and never deleted, so a reader sees one run, whole.

mod blobs;
mod commit;
mod copying;
mod delta;
mod disk;
mod entry;
mod error;
mod files;
mod heal;
mod ledger;
mod lock;
mod plan;
mod schema;
mod staging;
mod stats;
#[cfg(test)]
mod testing;
mod uncached;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};

pub use self::blobs::BegunCopy;
pub use self::commit::{Committed, Prepared};
pub use self::copying::{Copier, Copying};
pub use self::entry::{DataFile, Draft, Entry, Input, Named, Rows, TablePin};
pub use self::error::LakeError;
pub use self::files::Keys;
pub use self::lock::Lock;
pub use self::plan::{Partition, TableWrite};
pub use self::schema::{Column, Kind, MONTH};
pub use self::staging::{Encoded, Group, Staging};
pub use self::verify::{Damage, Part, VerifyReport};

use self::blobs::Blobs;
use self::delta::Logs;
use self::disk::{Readers, at, make_folders, names};
use self::ledger::Ledger;
use crate::column::chunks::Series;

/// An opened lake. Reading needs nothing else; writing needs a [`Lock`].
#[derive(Debug)]
pub struct Lake {
    root: PathBuf,
    raw: Blobs,
    objects: Blobs,
    ledger: Ledger,
    logs: Logs,
}

impl Lake {
    /// Opens the lake in a folder.
    ///
    /// # Errors
    /// [`LakeError::Missing`] if there is none.
    pub fn open(folder: &Path) -> Result<Lake, LakeError> {
        if !folder.join("ledger").is_dir() {
            return Err(LakeError::Missing { dir: folder.to_owned() });
        }
        let root = fs::canonicalize(folder).map_err(at(folder))?;
        let tmp = root.join("tmp");
        for part in [tmp.clone(), root.join("tables")] {
            make_folders(&part)?;
        }
        let blobs = |name: &str, readers| Blobs { folder: root.join(name), tmp: tmp.clone(), readers };
        Ok(Lake {
            raw: blobs("raw", Readers::Owner),
            objects: blobs("objects", Readers::Everyone),
            ledger: Ledger { folder: root.join("ledger"), tmp: tmp.clone() },
            logs: Logs::new(&root)?,
            root,
        })
    }

    /// Opens the lake, made if the folder is missing or empty.
    ///
    /// # Errors
    /// [`LakeError::Foreign`] if the folder holds something else.
    pub fn open_or_create(folder: &Path) -> Result<Lake, LakeError> {
        let ledger = folder.join("ledger");
        if !ledger.is_dir() {
            // Another run may be making the same lake at this moment.
            if let Some(found) = names(folder)?.into_iter().find(|name| !OWN.contains(&name.as_str())) {
                return Err(LakeError::Foreign { dir: folder.to_owned(), found });
            }
            make_folders(&ledger)?;
        }
        Lake::open(folder)
    }

    /// Takes the lock, waiting for it if told to.
    ///
    /// # Errors
    /// [`LakeError::Locked`] if another run holds it.
    pub fn lock(&self, wait: bool) -> Result<Lock, LakeError> {
        Lock::take(&self.root, &self.tmp(), wait)
    }

    /// Keeps a copy of an export; `tell` hears its hash as soon as that is known, before the copy is durable.
    ///
    /// # Errors
    /// [`LakeError::WrongHash`] if the hash was known and is another one.
    pub fn archive(
        &self,
        lock: &Lock,
        path: &Path,
        known: Option<&str>,
        tell: impl FnOnce(&str),
    ) -> Result<(), LakeError> {
        lock.covers(&self.root)?;
        self.raw.put_file(path, known, tell)
    }

    /// Begins a copy of an export whose bytes are brought by those who read it, in blocks of a size that is a power of two; none
    /// where [`Lake::archive`] has less to do.
    ///
    /// # Errors
    /// The operating system's.
    pub fn begin_copy(
        &self,
        lock: &Lock,
        path: &Path,
        block: usize,
        copier: &Copier,
    ) -> Result<Option<BegunCopy>, LakeError> {
        lock.covers(&self.root)?;
        self.raw.begin(path, block, copier)
    }

    /// Keeps a copy that was begun, under its hash.
    ///
    /// # Errors
    /// [`LakeError::Changed`] if a part of the export is not what it was when it was brought.
    pub fn finish_copy(&self, lock: &Lock, begun: BegunCopy, hash: &str) -> Result<(), LakeError> {
        lock.covers(&self.root)?;
        self.raw.finish(begun, hash)
    }

    /// The copy of an export, unchecked; none if it is not archived.
    ///
    /// # Errors
    /// The hash is no hash.
    pub fn archived(&self, hash: &str) -> Result<Option<PathBuf>, LakeError> {
        Ok(if self.raw.has(hash)? { Some(self.raw.path(hash)?) } else { None })
    }

    /// Stores a small immutable text or file and returns its hash.
    ///
    /// # Errors
    /// The operating system's.
    pub fn put_object(&self, lock: &Lock, bytes: &[u8]) -> Result<String, LakeError> {
        let hashes = self.put_objects(lock, &[bytes])?;
        Ok(hashes.into_iter().next().unwrap_or_default())
    }

    /// Stores several, side by side, and returns their hashes in order.
    ///
    /// # Errors
    /// As [`Lake::put_object`].
    pub fn put_objects(&self, lock: &Lock, contents: &[&[u8]]) -> Result<Vec<String>, LakeError> {
        lock.covers(&self.root)?;
        self.objects.put(contents)
    }

    /// What was stored under this hash, checked.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn object(&self, hash: &str) -> Result<Vec<u8>, LakeError> {
        self.objects.get(hash)
    }

    /// The last published run.
    ///
    /// # Errors
    /// The entry is damaged, or not the one published last.
    pub fn latest(&self) -> Result<Option<Entry>, LakeError> {
        Ok(self.ledger.latest()?.map(|(entry, _)| entry))
    }

    /// One published run.
    ///
    /// # Errors
    /// [`LakeError::NoRun`], or the entry is damaged.
    pub fn entry(&self, run: u64) -> Result<Entry, LakeError> {
        let last = self.ledger.last()?;
        if run == 0 || run > last {
            return Err(LakeError::NoRun { run, last });
        }
        Ok(self.ledger.read(run)?.0)
    }

    /// All published runs, the chain between them checked.
    ///
    /// # Errors
    /// The first damage in the ledger.
    pub fn entries(&self) -> Result<Vec<Entry>, LakeError> {
        self.ledger.walk()?.into_iter().map(|read| Ok(read?.0)).collect()
    }

    /// Publishes a run: all of it, or nothing. A table that is not given stays as it is.
    ///
    /// # Errors
    /// Whatever stops it; the last published run is then still the last.
    pub fn commit(&self, lock: &Lock, draft: Draft, tables: Vec<TableWrite>) -> Result<Committed, LakeError> {
        let prepared = self.prepare(lock, &draft.published_at, tables)?;
        self.commit_prepared(lock, draft, prepared)
    }

    /// The first half of [`Lake::commit`]: writes what changed of the tables, which nothing refers to yet. It is removed
    /// again unless its commit begins.
    ///
    /// # Errors
    /// Whatever stops it.
    pub fn prepare<'l>(
        &self,
        lock: &'l Lock,
        published_at: &str,
        tables: Vec<TableWrite>,
    ) -> Result<Prepared<'l>, LakeError> {
        commit::prepare(self, lock, published_at, tables)
    }

    /// The second half: publishes.
    ///
    /// # Errors
    /// As [`Lake::commit`].
    pub fn commit_prepared(
        &self,
        lock: &Lock,
        draft: Draft,
        prepared: Prepared<'_>,
    ) -> Result<Committed, LakeError> {
        commit::commit(self, lock, draft, prepared)
    }

    /// What `take` makes of the wanted columns of one pinned file, row group by row group, as they are coded, with the
    /// number of rows.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn read_coded<T: Send>(
        &self,
        table: &TablePin,
        file: &DataFile,
        wanted: impl Fn(&str) -> bool,
        take: impl Fn(usize, Vec<(String, Series)>) -> T + Sync,
    ) -> Result<Vec<T>, LakeError> {
        files::read_coded(&self.tables().join(&table.name), table, file, wanted, take)
    }

    /// Likewise, with the texts that its rows are known by in other tables, which are not unpacked: the column `key`, which is
    /// not among the others.
    ///
    /// # Errors
    /// The file is damaged, or `take`'s own.
    pub fn read_keyed<T: Send>(
        &self,
        table: &TablePin,
        file: &DataFile,
        (key, wanted): (&str, impl Fn(&str) -> bool),
        take: impl Fn(Keys, Vec<(String, Series)>) -> Result<T, LakeError> + Sync,
    ) -> Result<Vec<T>, LakeError> {
        files::read_keyed(&self.tables().join(&table.name), table, file, (key, wanted), take)
    }

    /// Files of a table as a run published it.
    ///
    /// # Errors
    /// [`LakeError::NoTable`].
    pub fn files(&self, entry: &Entry, table: &str) -> Result<Vec<DataFile>, LakeError> {
        Ok(pin(entry, table)?.files.clone())
    }

    /// Folder of a table's data files.
    pub fn table_path(&self, table: &str) -> PathBuf {
        self.tables().join(table)
    }

    /// Where a data file lies, for readers of other kinds; they must check its hash themselves.
    pub fn data_path(&self, table: &str, file: &DataFile) -> PathBuf {
        self.tables().join(table).join(&file.path)
    }

    /// Checks the ledger, that nothing is missing or cut short, and the content of every file, or of a share
    /// of them (0.05 for a twentieth, another one each time).
    ///
    /// # Errors
    /// Only if the lake cannot be looked at; damage is in the report.
    pub fn verify(&self, subset: Option<f64>) -> Result<VerifyReport, LakeError> {
        verify::verify(self, subset)
    }

    /// Keeps row groups until a run is committed.
    ///
    /// # Errors
    /// The operating system's.
    pub fn staging(&self) -> Result<Staging, LakeError> {
        Staging::new(&self.tmp())
    }

    /// Folder for what a run writes and forgets; on the disk of the lake.
    pub fn scratch(&self) -> PathBuf {
        self.tmp()
    }

    fn tables(&self) -> PathBuf {
        self.root.join("tables")
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

/// What lies in the folder of a lake.
const OWN: [&str; 6] = ["ledger", "lock", "objects", "raw", "tables", "tmp"];

fn pin<'a>(entry: &'a Entry, table: &str) -> Result<&'a TablePin, LakeError> {
    entry.table(table).ok_or_else(|| LakeError::NoTable { run: entry.run, table: table.to_owned() })
}
