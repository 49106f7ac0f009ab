use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::SourceError;
use super::error::Problem;
use super::unpack::XLS;

/// A decompressed text, a text in its file with its length, or a workbook as it is.
#[derive(Debug)]
pub enum Content {
    Text(Vec<u8>),
    LongText(Filed),
    Workbook(Vec<u8>),
    /// An XLS and its size.
    OldWorkbook(u64),
}

/// A text in its file.
#[derive(Debug)]
pub struct Filed {
    pub file: File,
    pub length: usize,
    /// Whether it was unpacked into a file of its own.
    pub is_unpacked: bool,
}

/// Largest text that is read, after decompression.
const TEXT_LIMIT: u64 = 64 << 30;
/// A text that unpacks to more than this many times its packed size is no table, unless it is small.
const RATIO_LIMIT: u64 = 250;
const SMALL_TEXT: u64 = 24 << 20;
/// A workbook is held in memory while its cells stream out of it.
const WORKBOOK_LIMIT: u64 = 2 << 30;

/// Opens a file by what is in it, not by its name: gzip is unpacked, workbooks are recognised. A text of more than
/// `held` bytes is left in its file, or unpacked into one that vanishes with the reader.
pub fn open(path: &Path, held: usize) -> Result<Content, SourceError> {
    let io_error = |source| SourceError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io_error)?;
    let size = file.metadata().map_err(io_error)?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    match kind_of(peek(&mut reader).map_err(io_error)?) {
        Kind::Gzip => unpack(reader, size, held).map_err(|problem| problem.in_file(path)),
        Kind::Workbook => {
            limit("the workbook", size, WORKBOOK_LIMIT).map_err(|problem| problem.in_file(path))?;
            read_all(reader, size).map(Content::Workbook).map_err(io_error)
        }
        Kind::OldWorkbook => {
            limit("the workbook", size, WORKBOOK_LIMIT).map_err(|problem| problem.in_file(path))?;
            Ok(Content::OldWorkbook(size))
        }
        Kind::Text | Kind::WideText => {
            limit("the file", size, TEXT_LIMIT).map_err(|problem| problem.in_file(path))?;
            match usize::try_from(size) {
                Ok(length) if length > held => {
                    Ok(Content::LongText(Filed { file: reader.into_inner(), length, is_unpacked: false }))
                }
                _ => read_all(reader, size).map(Content::Text).map_err(io_error),
            }
        }
    }
}

/// Whether [`open`] would leave a file where it is, and who reads it split its bytes as they are: not so UTF-16. What
/// cannot be opened is no text.
pub fn is_long_text(path: &Path, held: usize) -> bool {
    let first = || {
        let file = File::open(path)?;
        let is_long = file.metadata()?.len() > held as u64;
        Ok::<_, io::Error>((peek(&mut BufReader::with_capacity(MAGIC, file))?, is_long))
    };
    first().is_ok_and(|(magic, is_long)| is_long && kind_of(magic) == Kind::Text)
}

/// BLAKE3 of a file's bytes, in hexadecimal.
pub fn hash_file(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// First bytes that tell what a file is.
const MAGIC: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// UTF-16.
    WideText,
    Gzip,
    Workbook,
    OldWorkbook,
}

fn kind_of(magic: [u8; MAGIC]) -> Kind {
    match magic {
        [0x1f, 0x8b, ..] => Kind::Gzip,
        [b'P', b'K', 3, 4] => Kind::Workbook,
        XLS => Kind::OldWorkbook,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Kind::WideText,
        _ => Kind::Text,
    }
}

fn peek(reader: &mut BufReader<File>) -> io::Result<[u8; MAGIC]> {
    let mut magic = [0; MAGIC];
    let buffered = io::BufRead::fill_buf(reader)?;
    for (to, from) in magic.iter_mut().zip(buffered) {
        *to = *from;
    }
    Ok(magic)
}

fn limit(what: &str, size: u64, limit: u64) -> Result<(), Problem> {
    if size > limit { Err(Problem::TooLarge { what: what.to_owned(), size, limit }) } else { Ok(()) }
}

fn read_all(mut reader: impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // The size on disk is only a hint: a growing file must not make us ask for memory without limit.
    bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX)).map_err(io::Error::other)?;
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Unpacks a gzip stream, and gives up as soon as it has grown beyond what a table could be packed from.
fn unpack(reader: impl Read, packed: u64, held: usize) -> Result<Content, Problem> {
    let mut bytes = Vec::new();
    let mut filed: Option<Filed> = None;
    let mut decoder = MultiGzDecoder::new(Counting { inner: reader, count: 0 });
    let damaged = |error: io::Error| Problem::Damaged {
        what: "the gzip stream cannot be unpacked to its end",
        detail: error.to_string(),
    };
    loop {
        let before = bytes.len();
        (&mut decoder).take(STEP).read_to_end(&mut bytes).map_err(damaged)?;
        if bytes.len() == before {
            break;
        }
        let length = filed.as_ref().map_or(0, |filed| filed.length) + bytes.len();
        // The end of a short stream is read ahead, so that a ratio is known only of what is long.
        let consumed = decoder.get_ref().count.min(packed);
        let most = TEXT_LIMIT.min(SMALL_TEXT.max(consumed.saturating_mul(RATIO_LIMIT)));
        limit("the unpacked text", length as u64, most)?;
        if length > held {
            let mut text = match filed.take() {
                Some(text) => text,
                None => Filed { file: tempfile::tempfile()?, length: 0, is_unpacked: true },
            };
            text.file.write_all(&bytes)?;
            text.length = length;
            bytes.clear();
            filed = Some(text);
        }
    }
    Ok(match filed {
        Some(mut text) => {
            text.file.write_all(&bytes)?;
            text.length += bytes.len();
            Content::LongText(text)
        }
        None => Content::Text(bytes),
    })
}

/// Bytes that are unpacked between two looks at how many there are.
const STEP: u64 = 4 << 20;

/// Counts what is read through it.
struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.count += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_told_by_how_they_begin() {
        let folder = tempfile::tempdir().expect("a folder");
        for (begins, expected) in [
            (&b"\xef\xbb\xbfa,b\n"[..], true),
            (b"a,b\n", true),
            (b"\x1f\x8b\x08\0", false),
            (b"PK\x03\x04", false),
            (&XLS[..], false),
            (b"\xff\xfea\0", false),
            (b"\xfe\xff\0a", false),
        ] {
            let path = folder.path().join("export");
            std::fs::write(&path, [begins, &[b'x'; 100]].concat()).expect("writes");
            assert_eq!(is_long_text(&path, 50), expected, "{begins:?}");
            assert!(!is_long_text(&path, 200), "{begins:?} is short");
        }
        assert!(!is_long_text(&folder.path().join("missing"), 0));
    }
}
