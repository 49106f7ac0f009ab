//! Archiving the exports of a run while they are read and judged.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Found, RunError};
use crate::lake::{BegunCopy, Copier, Copying, Lake, LakeError, Lock};
use crate::source::{BLOCK, Block, Keeper, is_long_text};

/// A thread that archives exports: long texts with what their reader brings, all others on its own.
#[derive(Debug)]
pub struct Archive {
    thread: Mutex<Option<JoinHandle<Result<(), LakeError>>>>,
    /// What is archived while it is read.
    kept: Vec<(PathBuf, Kept)>,
    /// Told that everything is read.
    reading: Sender<()>,
    /// Places of exports with their hashes as they become known, and how many there will be.
    told: Mutex<(Receiver<Told>, usize)>,
}

/// Exports that are archived while they are read: each takes an open file all the while.
const KEPT_MAX: usize = 32;

/// The place of an export, and its hash.
type Told = (usize, Arc<str>);

#[derive(Debug)]
struct Kept(Arc<Copying>);

impl Keeper for Kept {
    fn keep(&self, number: usize, block: Block) {
        self.0.keep(number, block);
    }
}

/// An export to be archived.
struct Export {
    path: PathBuf,
    /// Its hash, if the pipeline knows it.
    known: Option<Arc<str>>,
    begun: Option<BegunCopy>,
    /// Another source reads it too.
    is_repeated: bool,
}

impl Archive {
    /// Begins to archive everything that was found.
    ///
    /// # Errors
    /// The operating system's.
    pub fn begin(lake: &Arc<Lake>, lock: &Arc<Lock>, found: &Found) -> Result<Archive, RunError> {
        let mut copier = None;
        let mut exports: Vec<Export> = Vec::new();
        let mut kept: Vec<(PathBuf, Kept)> = Vec::new();
        for input in found.sources.iter().flat_map(|(_, inputs)| inputs) {
            let known = Some(input.file.blake3.clone()).filter(|known| !known.is_empty());
            let is_repeated = exports.iter().any(|export| export.path == input.path);
            let mut begun = None;
            let may_be_kept = known.is_none() && !is_repeated && kept.len() < KEPT_MAX;
            if may_be_kept && is_long_text(&input.path, found.piece) {
                let copier = match &mut copier {
                    Some(copier) => copier,
                    none => none.insert(Copier::new().map_err(|source| io_error(&input.path, source))?),
                };
                begun = lake.begin_copy(lock, &input.path, BLOCK, copier)?;
                let own = begun.as_ref().map(|begun| Kept(begun.copying().clone()));
                kept.extend(own.map(|own| (input.path.clone(), own)));
            }
            exports.push(Export { path: input.path.clone(), known, begun, is_repeated });
        }
        let count = exports.len();
        let (tell, told) = mpsc::channel();
        let (reading, is_read) = mpsc::channel::<()>();
        let (lake, lock) = (lake.clone(), lock.clone());
        let thread = thread::Builder::new().spawn(move || archive(&lake, &lock, exports, &tell, &is_read));
        let thread = thread.map_err(|source| io_error(Path::new("the archive"), source))?;
        Ok(Archive { thread: Mutex::new(Some(thread)), kept, reading, told: Mutex::new((told, count)) })
    }

    /// Who is to be handed the bytes of an export while it is read.
    pub fn keeper(&self, path: &Path) -> Option<&dyn Keeper> {
        self.kept.iter().find(|(own, _)| own == path).map(|(_, kept)| kept as &dyn Keeper)
    }

    /// Hashes of the exports in their order, once everything is read.
    ///
    /// # Errors
    /// An export cannot be archived.
    pub fn hashes(&self) -> Result<Vec<Arc<str>>, LakeError> {
        // If the thread is gone, it has told everything, or tells why.
        let _ = self.reading.send(());
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hashes: Vec<Told> = told.0.iter().take(told.1).collect();
        if hashes.len() < told.1 {
            self.wait()?;
        }
        hashes.sort_unstable();
        Ok(hashes.into_iter().map(|(_, hash)| hash).collect())
    }

    /// Waits until every export is archived.
    ///
    /// # Errors
    /// One of them cannot be.
    pub fn wait(&self) -> Result<(), LakeError> {
        match self.thread.lock().unwrap_or_else(PoisonError::into_inner).take().map(JoinHandle::join) {
            Some(Ok(archived)) => archived,
            Some(Err(defect)) => std::panic::resume_unwind(defect),
            None => Ok(()),
        }
    }
}

/// First what is archived by nobody else's help.
fn archive(
    lake: &Lake,
    lock: &Lock,
    exports: Vec<Export>,
    tell: &Sender<Told>,
    is_read: &Receiver<()>,
) -> Result<(), LakeError> {
    // Nobody may be listening any more.
    let tell = |place: usize| move |hash: &str| drop(tell.send((place, Arc::from(hash))));
    let (late, early): (Vec<_>, Vec<_>) =
        exports.into_iter().enumerate().partition(|(_, export)| export.begun.is_some() || export.is_repeated);
    for (place, export) in early {
        lake.archive(lock, &export.path, export.known.as_deref(), tell(place))?;
    }
    if is_read.recv().is_err() {
        // What cannot be read is not archived either.
        return Ok(());
    }
    // All hashes are told before the first copy is waited for.
    let hash = |(place, export): (usize, Export)| {
        let hash = export.begun.as_ref().map(BegunCopy::hash).transpose()?.flatten();
        hash.iter().for_each(|hash| tell(place)(hash));
        Ok((place, export, hash))
    };
    let hashed = late.into_iter().map(hash).collect::<Result<Vec<_>, LakeError>>()?;
    hashed.into_iter().try_for_each(|(place, export, hash)| match (export.begun, hash) {
        (Some(begun), Some(hash)) => lake.finish_copy(lock, begun, &hash),
        _ => lake.archive(lock, &export.path, export.known.as_deref(), tell(place)),
    })
}

fn io_error(path: &Path, source: std::io::Error) -> RunError {
    RunError::Io { path: path.to_owned(), source }
}
