use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::Frame;
use super::packing::{pack, unpack};

/// Keeps frames until they are wanted again: in memory while there is room, packed in a file behind that.
///
/// The file has no name, and vanishes with the shelf.
#[derive(Debug)]
pub struct Shelf {
    /// Where the file is made; the system's folder for temporary files if none.
    folder: Option<PathBuf>,
    /// Bytes of frames that may still be held in memory.
    room: Mutex<usize>,
    file: Mutex<Option<File>>,
}

/// A frame on a shelf.
#[derive(Debug)]
pub enum Held {
    Here(Frame),
    There { offset: u64, length: usize },
}

impl Shelf {
    pub fn new(folder: Option<PathBuf>, room: usize) -> Shelf {
        Shelf { folder, room: Mutex::new(room), file: Mutex::new(None) }
    }

    /// # Errors
    /// The operating system's: most likely the disk is full.
    pub fn put(&self, frame: Frame) -> io::Result<Held> {
        let size = frame.size();
        {
            let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(rest) = room.checked_sub(size) {
                *room = rest;
                return Ok(Held::Here(frame));
            }
        }
        let bytes = pack(&frame);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *file {
            Some(file) => file,
            none => none.insert(match &self.folder {
                Some(folder) => tempfile::tempfile_in(folder)?,
                None => tempfile::tempfile()?,
            }),
        };
        let offset = file.seek(SeekFrom::End(0))?;
        file.write_all(&bytes)?;
        Ok(Held::There { offset, length: bytes.len() })
    }

    /// The frame; it stays on the shelf.
    ///
    /// # Errors
    /// The operating system's, or the file holds something else than was written.
    pub fn get(&self, held: &Held) -> io::Result<Frame> {
        let (offset, length) = match held {
            Held::Here(frame) => return Ok(frame.clone()),
            Held::There { offset, length } => (*offset, *length),
        };
        let mut bytes = vec![0; length];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            let file = file.as_mut().ok_or(io::ErrorKind::NotFound)?;
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes)?;
        }
        unpack(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The frame, which leaves the shelf.
    ///
    /// # Errors
    /// As [`Shelf::get`].
    pub fn take(&self, held: Held) -> io::Result<Frame> {
        match held {
            Held::Here(frame) => Ok(frame),
            there => self.get(&there),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::column::Coded;
    use crate::model::Value;

    #[test]
    fn frames_are_the_same_here_and_there() {
        let frame = |start: i64| {
            let text: Arc<str> = Arc::from("");
            let mut frame =
                Frame::new(vec![0; 9], (1..10).collect(), vec![(text.clone(), text.clone(), text)]);
            frame.set("number", Coded::from_values((start..start + 9).map(Value::Integer)));
            frame
        };
        let shelf = Shelf::new(None, 2 * frame(0).size());
        let held: Vec<Held> = (0..5).map(|start| shelf.put(frame(start)).expect("room")).collect();
        assert_eq!(held.iter().filter(|held| matches!(held, Held::Here(_))).count(), 2);
        for (start, held) in held.into_iter().enumerate().rev() {
            assert_eq!(shelf.get(&held).expect("reads"), frame(start as i64));
            assert_eq!(shelf.take(held).expect("reads"), frame(start as i64));
        }
    }
}
