//! A text to split: held in memory, or read from its file piece by piece, so that a long one is never held whole.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::windows::Keeper;

/// The bytes of a text file behind its byte-order mark.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    Held(&'a [u8]),
    Filed {
        file: &'a File,
        /// Bytes of the file that come before the text.
        skip: usize,
        length: usize,
        /// Who is handed what is read in windows.
        keeper: Option<&'a dyn Keeper>,
    },
}

/// Bytes that are looked at, at a time, for the next line end.
const GLANCE: usize = 1 << 12;

impl<'a> Text<'a> {
    pub fn len(self) -> usize {
        match self {
            Text::Held(bytes) => bytes.len(),
            Text::Filed { length, .. } => length,
        }
    }

    /// A piece of the text, read into the buffer where it is not held. What lies behind the end is left out.
    ///
    /// # Errors
    /// The operating system's, or the file has shrunk since it was opened.
    pub fn piece<'b>(self, range: Range<usize>, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]>
    where
        'a: 'b,
    {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        match self {
            Text::Held(bytes) => Ok(bytes.get(start..end).unwrap_or_default()),
            Text::Filed { file, skip, .. } => {
                buffer.resize(end - start, 0);
                read_at(file, buffer, skip as u64 + start as u64)?;
                Ok(buffer)
            }
        }
    }

    /// Where the next line begins, at or behind a position; none if the text ends first.
    ///
    /// # Errors
    /// As [`Text::piece`].
    pub fn next_line(self, from: usize, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let mut at = from;
        while at < self.len() {
            // One byte more than is searched, to see the LF behind a CR.
            let piece = self.piece(at..at.saturating_add(GLANCE + 1), buffer)?;
            let searched = piece.get(..piece.len().min(GLANCE)).unwrap_or_default();
            if let Some(found) = memchr::memchr2(b'\n', b'\r', searched) {
                let is_pair = piece.get(found..found + 2) == Some(b"\r\n");
                let start = at + found + if is_pair { 2 } else { 1 };
                return Ok((start < self.len()).then_some(start));
            }
            at += searched.len();
        }
        Ok(None)
    }
}

#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
pub(super) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = buffer.get_mut(count..).unwrap_or_default();
        offset += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_filed_text_reads_as_a_held_one() {
        let mut bytes = b"mark".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', GLANCE - 1));
        bytes.extend(b"\r\nsecond\rthird\n");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("writes");
        let held = Text::Held(&bytes[4..]);
        let filed = Text::Filed { file: &file, skip: 4, length: bytes.len() - 4, keeper: None };
        let mut buffer = Vec::new();
        for from in [0, 5, GLANCE - 1, GLANCE, GLANCE + 1, GLANCE + 2, GLANCE + 9, GLANCE + 15] {
            let mut other = Vec::new();
            let lines = [held, filed].map(|text| text.next_line(from, &mut buffer).expect("reads"));
            assert_eq!(lines[0], lines[1], "from {from}");
            let pieces = (held.piece(from..from + 9, &mut buffer), filed.piece(from..from + 9, &mut other));
            assert_eq!(pieces.0.expect("reads"), pieces.1.expect("reads"), "from {from}");
        }
        assert_eq!(held.next_line(0, &mut buffer).expect("reads"), Some(GLANCE + 1));
        assert_eq!(held.next_line(GLANCE + 9, &mut buffer).expect("reads"), None);
        let shrunk = Text::Filed { file: &file, skip: 4, length: bytes.len(), keeper: None };
        assert!(shrunk.piece(0..bytes.len(), &mut buffer).is_err());
    }
}
