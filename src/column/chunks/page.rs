//! Pages of a Parquet file, each with its checksum: parquet 59.3 compares checksums, but writes none.

use std::collections::VecDeque;
use std::{fmt, io};

use super::packing::{uleb, zigzag};
use crate::column::cursor::Cursor;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// The distinct values of a chunk.
    Dictionary,
    /// Codes of values in the dictionary.
    Codes,
    /// Packed differences of whole numbers.
    Differences,
}

// Numbers of the Apache Parquet format (parquet.thrift).
pub(super) const DATA_PAGE: i32 = 0;
pub(super) const DICTIONARY_PAGE: i32 = 2;
pub(super) const PLAIN: i32 = 0;
const RLE: i32 = 3;
pub(super) const DELTA_BINARY_PACKED: i32 = 5;
pub(super) const RLE_DICTIONARY: i32 = 8;

/// What compresses pages; making one takes longer than compressing a page.
pub struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    compressed: Vec<u8>,
    pub(super) room: Room,
    /// Long dictionaries that came lately, the last one first, and what became of them: samples and their determinations have
    /// one in common.
    lately: VecDeque<(Vec<u8>, Vec<u8>)>,
}

/// Room for what a page holds, and for what it is made of; used again for the next.
#[derive(Default)]
pub(super) struct Room {
    pub(super) body: Vec<u8>,
    pub(super) filled: Vec<u32>,
    pub(super) levels: Vec<u8>,
}

/// Bytes of dictionaries that are remembered, from which on it pays, to what may be held; and so many of them.
const LONG: usize = 1 << 14;
const TOO_LONG: usize = 1 << 20;
const LATELY: usize = 6;

impl Compressor {
    /// # Errors
    /// There is no memory for it.
    pub fn new() -> io::Result<Compressor> {
        let zstd = zstd::bulk::Compressor::new(1)?;
        Ok(Compressor { zstd, compressed: Vec::new(), room: Room::default(), lately: VecDeque::new() })
    }

    fn compress(&mut self, content: Content, body: &[u8]) -> io::Result<&[u8]> {
        let may_repeat = content == Content::Dictionary && (LONG..TOO_LONG).contains(&body.len());
        if may_repeat && let Some(place) = self.lately.iter().position(|(own, _)| own == body) {
            return Ok(&self.lately[place].1);
        }
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(body.len()));
        self.zstd.compress_to_buffer(body, &mut self.compressed)?;
        if may_repeat {
            self.lately.truncate(LATELY - 1);
            self.lately.push_front((body.to_vec(), self.compressed.clone()));
        }
        Ok(&self.compressed)
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Compressor").finish_non_exhaustive()
    }
}

/// Appends compressed pages to the bytes of a chunk.
pub(super) struct Pages<'a> {
    pub(super) compressor: &'a mut Compressor,
    pub(super) bytes: Vec<u8>,
    /// What the pages would take without compression, headers included.
    pub(super) uncompressed: usize,
}

impl Pages<'_> {
    pub(super) fn new(compressor: &mut Compressor) -> Pages<'_> {
        Pages { compressor, bytes: Vec::new(), uncompressed: 0 }
    }

    /// # Errors
    /// The compressor's own, or a page beyond two gigabytes.
    pub(super) fn add(&mut self, content: Content, values: usize, body: &[u8]) -> io::Result<()> {
        let compressed = self.compressor.compress(content, body)?;
        let too_large = |_| io::Error::new(io::ErrorKind::FileTooLarge, "a page of more than 2 GiB");
        let checksum = i32::from_ne_bytes(crc32fast::hash(compressed).to_ne_bytes());
        let values = i32::try_from(values).map_err(too_large)?;
        let header = header(
            content,
            values,
            i32::try_from(body.len()).map_err(too_large)?,
            i32::try_from(compressed.len()).map_err(too_large)?,
            checksum,
        );
        self.uncompressed += header.len() + body.len();
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(compressed);
        Ok(())
    }
}

/// A page header in Thrift's compact protocol.
fn header(content: Content, values: i32, plain: i32, compressed: i32, checksum: i32) -> Vec<u8> {
    let page = if content == Content::Dictionary { DICTIONARY_PAGE } else { DATA_PAGE };
    let mut header = Struct::default();
    header.numbers(&[(1, page), (2, plain), (3, compressed), (4, checksum)]);
    match content {
        Content::Dictionary => {
            header.begin(7);
            header.numbers(&[(1, values), (2, PLAIN)]);
        }
        Content::Codes => {
            header.begin(5);
            header.numbers(&[(1, values), (2, RLE_DICTIONARY), (3, RLE), (4, RLE)]);
        }
        Content::Differences => {
            header.begin(5);
            header.numbers(&[(1, values), (2, DELTA_BINARY_PACKED), (3, RLE), (4, RLE)]);
        }
    }
    header.end();
    header.end();
    header.bytes
}

/// Fields by ascending number; one struct may be nested as the last field.
#[derive(Default)]
struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    fn field(&mut self, number: u8, kind: u8) {
        self.bytes.push((number - self.last) << 4 | kind);
        self.last = number;
    }

    fn numbers(&mut self, fields: &[(u8, i32)]) {
        for (number, value) in fields {
            self.field(*number, 5);
            zigzag((*value).into(), &mut self.bytes);
        }
    }

    fn begin(&mut self, number: u8) {
        self.field(number, 12);
        self.last = 0;
    }

    fn end(&mut self) {
        uleb(0, &mut self.bytes);
    }
}

/// What the header of a page says.
#[derive(Default)]
pub(super) struct Header {
    pub(super) page: i32,
    pub(super) plain: usize,
    pub(super) compressed: usize,
    pub(super) values: usize,
    pub(super) encoding: i32,
}

impl Header {
    /// A header of the fields that [`header`] writes; none if it has others. In Thrift's compact protocol.
    pub(super) fn read(from: &mut Cursor<'_>) -> Option<Header> {
        const NUMBER: u8 = 5;
        const STRUCT: u8 = 12;
        let mut header = Header::default();
        let (mut field, mut outer) = (0u8, None);
        loop {
            let [byte] = from.array()?;
            if byte == 0 {
                match outer.take() {
                    Some(before) => field = before,
                    None => return Some(header),
                }
                continue;
            }
            field = field.checked_add(byte >> 4).filter(|_| byte >> 4 > 0)?;
            match byte & 0xf {
                STRUCT if outer.is_none() => outer = Some(std::mem::take(&mut field)),
                NUMBER => {
                    let number = from.number()?;
                    let number = i32::try_from((number >> 1) as i64 ^ -((number & 1) as i64)).ok()?;
                    match (outer, field) {
                        (None, 1) => header.page = number,
                        (None, 2) => header.plain = usize::try_from(number).ok()?,
                        (None, 3) => header.compressed = usize::try_from(number).ok()?,
                        (Some(_), 1) => header.values = usize::try_from(number).ok()?,
                        (Some(_), 2) => header.encoding = number,
                        _ => {}
                    }
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_compressed_as_it_was() {
        let bodies: Vec<Vec<u8>> = (0..2 * LATELY as u8).map(|first| vec![first; LONG + 9]).collect();
        let mut compressor = Compressor::new().expect("zstd");
        for round in 0..3 {
            for (number, body) in bodies.iter().enumerate() {
                // Of some every second time another one comes between.
                let own = if number % 3 == round { &bodies[0] } else { body };
                for content in [Content::Dictionary, Content::Codes] {
                    let fresh =
                        Compressor::new().expect("zstd").compress(content, own).expect("fits").to_vec();
                    assert_eq!(compressor.compress(content, own).expect("fits"), fresh);
                }
                assert!(compressor.lately.len() <= LATELY);
            }
        }
    }
}
