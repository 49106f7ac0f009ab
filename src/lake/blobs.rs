//! Files named by their own BLAKE3: `ab/abcdef…`. Same content, same name, stored once.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tempfile::NamedTempFile;

use super::LakeError;
use super::copying::{Copier, Copying};
use super::disk::{
    OPEN, Readers, Taken, Unsettled, aside, at, confirm, hash_file, names, settle, settle_all, waiting,
};
use super::uncached::{copy_file, shares_blocks};

/// One folder of content-addressed files.
#[derive(Debug)]
pub(super) struct Blobs {
    pub(super) folder: PathBuf,
    pub(super) tmp: PathBuf,
    pub(super) readers: Readers,
}

impl Blobs {
    /// Where the content of this hash lies, or would lie.
    pub(super) fn path(&self, hash: &str) -> Result<PathBuf, LakeError> {
        let well_formed =
            hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match hash.get(..2) {
            Some(shelf) if well_formed => Ok(self.folder.join(shelf).join(hash)),
            _ => Err(LakeError::Name {
                what: "hash",
                name: hash.to_owned(),
                reason: "a BLAKE3 hash is 64 hexadecimal digits in lower case",
            }),
        }
    }

    pub(super) fn has(&self, hash: &str) -> Result<bool, LakeError> {
        Ok(self.path(hash)?.is_file())
    }

    /// Copies a file in under its hash, which is found on the way and told before the copy is durable.
    ///
    /// A copy that is there already is kept if its length is right; its content is `verify`'s business.
    pub(super) fn put_file(
        &self,
        source: &Path,
        known: Option<&str>,
        tell: impl FnOnce(&str),
    ) -> Result<(), LakeError> {
        let length = fs::metadata(source).map_err(at(source))?.len();
        // Something of this length is likely the same thing: then there is nothing to copy.
        let known = match known {
            Some(known) => Some(known.to_owned()),
            None if self.has_length(length)? => Some(hash_file(source)?.0),
            None => None,
        };
        if let Some(known) = &known
            && length_of(&self.path(known)?) == Some(length)
        {
            tell(known);
            return confirm(&self.path(known)?);
        }
        let mut to = aside(&self.tmp, self.readers)?;
        let mut hasher = blake3::Hasher::new();
        let path = to.path().to_owned();
        copy_file(source, to.as_file_mut(), &path, |part| {
            hasher.update(part);
        })?;
        let found = hasher.finalize().to_hex().to_string();
        if let Some(expected) = known.filter(|known| *known != found) {
            return Err(LakeError::WrongHash { path: source.to_owned(), expected, found });
        }
        tell(&found);
        settle(to, &self.path(&found)?, Taken::Replace)
    }

    /// Begins a copy that others bring the bytes of; none where [`Blobs::put_file`] has less to do, or nobody would bring any.
    pub(super) fn begin(
        &self,
        source: &Path,
        block: usize,
        copier: &Copier,
    ) -> Result<Option<BegunCopy>, LakeError> {
        let length = fs::metadata(source).map_err(at(source))?.len();
        if self.has_length(length)? {
            return Ok(None);
        }
        let aside = aside(&self.tmp, self.readers)?;
        let from = fs::File::open(source).map_err(at(source))?;
        if shares_blocks(&from, aside.as_file()) {
            return Ok(None);
        }
        let copying = Copying::new((source, length), block, &aside, copier)?;
        Ok(copying.map(|copying| BegunCopy { copying: Arc::new(copying), aside }))
    }

    /// Finishes a copy under its hash.
    pub(super) fn finish(&self, begun: BegunCopy, hash: &str) -> Result<(), LakeError> {
        let BegunCopy { copying, aside } = begun;
        copying.finish()?;
        settle(aside, &self.path(hash)?, Taken::Replace)
    }

    /// Whether anything of this length is stored.
    fn has_length(&self, length: u64) -> Result<bool, LakeError> {
        Ok(self.list()?.iter().any(|(path, _)| length_of(path) == Some(length)))
    }

    /// Stores several contents, and returns their hashes in order.
    pub(super) fn put(&self, contents: &[&[u8]]) -> Result<Vec<String>, LakeError> {
        let mut hashes = Vec::with_capacity(contents.len());
        for few in contents.chunks(OPEN) {
            let write = || few.par_iter().with_max_len(1).map(|bytes| self.write_aside(bytes)).collect();
            let written: Result<Vec<_>, LakeError> = waiting(write);
            let (own, files): (Vec<String>, Vec<Option<Unsettled>>) = written?.into_iter().unzip();
            hashes.extend(own);
            settle_all(files.into_iter().flatten().collect())?;
        }
        Ok(hashes)
    }

    /// The hash of the bytes, which are written aside unless they are there already.
    fn write_aside(&self, bytes: &[u8]) -> Result<(String, Option<Unsettled>), LakeError> {
        let hash = blake3::hash(bytes).to_hex().to_string();
        let target = self.path(&hash)?;
        if length_of(&target) == u64::try_from(bytes.len()).ok() {
            confirm(&target)?;
            return Ok((hash, None));
        }
        let mut file = aside(&self.tmp, self.readers)?;
        file.write_all(bytes).map_err(at(&target))?;
        Ok((hash, Some((file, target))))
    }

    /// The content, only if it is what its name says.
    pub(super) fn get(&self, hash: &str) -> Result<Vec<u8>, LakeError> {
        let path = self.path(hash)?;
        let bytes = fs::read(&path).map_err(at(&path))?;
        if blake3::hash(&bytes).to_hex().as_str() == hash {
            Ok(bytes)
        } else {
            Err(LakeError::Damaged { path, what: "its content is not what its name says".to_owned() })
        }
    }

    /// Path and expected hash of everything stored.
    pub(super) fn list(&self) -> Result<Vec<(PathBuf, String)>, LakeError> {
        let mut all = Vec::new();
        for shelf in names(&self.folder)? {
            let shelf = self.folder.join(shelf);
            all.extend(names(&shelf)?.into_iter().map(|name| (shelf.join(&name), name)));
        }
        Ok(all)
    }
}

/// A copy that others bring the bytes of.
#[derive(Debug)]
pub struct BegunCopy {
    copying: Arc<Copying>,
    aside: NamedTempFile,
}

impl BegunCopy {
    /// To whom the bytes are brought.
    pub fn copying(&self) -> &Arc<Copying> {
        &self.copying
    }

    /// The hash of the export, once everything of it is brought; none if nothing was.
    ///
    /// # Errors
    /// What is missing cannot be read.
    pub fn hash(&self) -> Result<Option<String>, LakeError> {
        self.copying.hash()
    }
}

fn length_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// What is wrong with a file that should have this hash, if anything.
pub(super) fn fault(path: &Path, expected: &str) -> Option<String> {
    match hash_file(path) {
        Ok((found, _)) if found == expected => None,
        Ok((found, _)) => Some(format!("BLAKE3 is {found}, not {expected}")),
        Err(LakeError::Io { source, .. }) => Some(source.to_string()),
        Err(error) => Some(error.to_string()),
    }
}
