use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::error::Problem;

/// What a text file is written in, and what separates its fields.
#[derive(Debug)]
pub struct Detected {
    pub encoding: &'static Encoding,
    pub delimiter: u8,
    /// Set where the bytes had to be transcoded before splitting; `encoding` is then UTF-8.
    transcoded: Option<Vec<u8>>,
    /// Length of the byte-order mark.
    pub skip: usize,
}

impl Detected {
    /// Whether the bytes can be split as they are.
    pub fn splits_raw(&self) -> bool {
        self.transcoded.is_none()
    }

    /// The bytes to split: without a byte-order mark.
    pub fn bytes<'a>(&'a self, original: &'a [u8]) -> &'a [u8] {
        match &self.transcoded {
            Some(bytes) => bytes,
            None => original.get(self.skip..).unwrap_or_default(),
        }
    }
}

/// The ladder: byte-order mark, then declaration, then strict UTF-8, then strict GB18030.
///
/// A declaration of GB18030 yields to a file that is valid UTF-8 beyond ASCII: Chinese text in one is
/// practically never valid in the other, and such a file was re-encoded after the pipeline was written.
/// A UTF-8 file with a few damaged bytes stays UTF-8; its damaged records are refused one by one.
pub fn detect(
    bytes: &[u8],
    declared: Option<&'static Encoding>,
    delimiter: Option<u8>,
) -> Result<Detected, Problem> {
    if let Some((encoding, skip)) = Encoding::for_bom(bytes) {
        return finish(bytes, encoding, skip, delimiter);
    }
    if bytes.is_empty() {
        return Err(Problem::Empty);
    }
    if let Some(encoding) = declared.filter(|encoding| *encoding == UTF_16LE || *encoding == UTF_16BE) {
        return finish(bytes, encoding, 0, delimiter);
    }
    let whole = bytes;
    let bytes = sample(whole);
    let mut wide_characters = 0usize;
    let mut damages = 0usize;
    let mut first_damage = 0usize;
    for chunk in bytes.utf8_chunks() {
        wide_characters += chunk.valid().bytes().filter(|byte| *byte >= FIRST_OF_SEVERAL).count();
        if damages == 0 {
            first_damage += chunk.valid().len();
        }
        damages += usize::from(!chunk.invalid().is_empty());
    }
    // Of the characters of a GB18030 text about one in seven happens to be valid UTF-8.
    let plausible_utf8 = wide_characters > 3 * damages;
    match declared {
        Some(declared) if declared != UTF_8 && (damages > 0 || wide_characters == 0) => {
            return finish(whole, declared, 0, delimiter);
        }
        _ => {}
    }
    if damages == 0 || plausible_utf8 {
        return finish(whole, UTF_8, 0, delimiter);
    }
    match first_undecodable(bytes, GB18030) {
        None => finish(whole, GB18030, 0, delimiter),
        // A cut tail costs one record, not the file.
        Some(offset) if offset + 4 >= bytes.len() => finish(whole, GB18030, 0, delimiter),
        Some(offset) => {
            let offset = offset.max(first_damage);
            let line = 1 + bytes[..offset.min(bytes.len())].iter().filter(|b| **b == b'\n').count() as u64;
            Err(Problem::Encoding { tried: "UTF-8 nor GB18030".to_owned(), offset, line })
        }
    }
}

/// The first byte of a character that takes several in UTF-8 is this or above, and no other is.
const FIRST_OF_SEVERAL: u8 = 0xc0;

/// Bytes that are looked at to tell encodings apart; what lies behind them is decoded strictly, text by text,
/// and refused record by record where it does not decode.
pub const SAMPLE: usize = 1 << 20;

/// The beginning of a text up to a line end; of one whose beginning is all ASCII, up to well behind the first
/// character that is not.
fn sample(bytes: &[u8]) -> &[u8] {
    let ascii = bytes.chunks(1 << 16).take_while(|chunk| chunk.is_ascii()).map(<[u8]>::len).sum::<usize>();
    let end = ascii.saturating_add(SAMPLE);
    match bytes.get(end..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        Some(length) => &bytes[..=end + length],
        None => bytes,
    }
}

/// Decodes one field strictly.
pub fn decode<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// Text for a message; what does not decode is shown as `\x..`.
pub fn show(encoding: &'static Encoding, bytes: &[u8]) -> String {
    match decode(encoding, bytes) {
        Some(text) => text.into_owned(),
        None => bytes.escape_ascii().to_string(),
    }
}

fn finish(
    bytes: &[u8],
    encoding: &'static Encoding,
    skip: usize,
    delimiter: Option<u8>,
) -> Result<Detected, Problem> {
    let body = bytes.get(skip..).unwrap_or_default();
    // Trail bytes of GB18030 lie at 0x30 and above: a bar as separator could be half of a character.
    let splits_raw = encoding == UTF_8
        || (encoding == GB18030 && delimiter.is_none_or(|delimiter| delimiter < 0x30))
        || (encoding.is_ascii_compatible() && encoding.is_single_byte());
    let (encoding, transcoded) = if splits_raw {
        (encoding, None)
    } else {
        let text = decode(encoding, body).ok_or_else(|| {
            let offset = first_undecodable(body, encoding).unwrap_or_default();
            Problem::Encoding { tried: encoding.name().to_owned(), offset: offset + skip, line: 0 }
        })?;
        (UTF_8, Some(text.into_owned().into_bytes()))
    };
    let text = transcoded.as_deref().unwrap_or(body);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::Empty);
    }
    let delimiter = delimiter.unwrap_or_else(|| sniff_delimiter(text));
    Ok(Detected { encoding, delimiter, transcoded, skip })
}

/// The separator that occurs most often in the first lines; a comma where none does.
fn sniff_delimiter(bytes: &[u8]) -> u8 {
    let head = bytes.get(..bytes.len().min(1 << 14)).unwrap_or_default();
    let count = |delimiter: u8| head.iter().filter(|byte| **byte == delimiter).count();
    [b',', b'\t', b';'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn first_undecodable(bytes: &[u8], encoding: &'static Encoding) -> Option<usize> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(1 << 16);
    let mut offset = 0;
    loop {
        text.clear();
        let (result, read) = decoder.decode_to_string_without_replacement(&bytes[offset..], &mut text, true);
        offset += read;
        match result {
            encoding_rs::DecoderResult::InputEmpty => return None,
            encoding_rs::DecoderResult::OutputFull => {}
            encoding_rs::DecoderResult::Malformed(length, after) => {
                return Some(offset.saturating_sub(usize::from(length) + usize::from(after)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(encoding: &'static Encoding, text: &str) -> Vec<u8> {
        encoding.encode(text).0.into_owned()
    }

    #[test]
    fn the_ladder_finds_the_encoding() {
        let text = "抽样单编号,样品名称\nXC20411721,韭菜\n";
        let gb = encode(GB18030, text);
        let cut_gb = &gb[..gb.len() - 2];
        let cut_utf8 = &text.as_bytes()[..text.len() - 2];
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let bom: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(text.bytes()).collect();
        let cases: [(&str, &[u8], Option<&'static Encoding>, &str); 9] = [
            ("utf-8", text.as_bytes(), None, "UTF-8"),
            ("utf-8 with mark", &bom, Some(GB18030), "UTF-8"),
            ("gb18030", &gb, None, "gb18030"),
            ("gb18030 declared", &gb, Some(GB18030), "gb18030"),
            ("gb18030 declared as utf-8", &gb, Some(UTF_8), "gb18030"),
            ("utf-8 declared as gb18030", text.as_bytes(), Some(GB18030), "UTF-8"),
            ("utf-16 with mark is transcoded", &utf16, None, "UTF-8"),
            ("gb18030 cut inside a character", cut_gb, None, "gb18030"),
            ("utf-8 cut inside a character", cut_utf8, None, "UTF-8"),
        ];
        for (name, bytes, declared, expected) in cases {
            let detected = detect(bytes, declared, None);
            assert_eq!(detected.map(|d| d.encoding.name()).ok(), Some(expected), "{name}");
        }
        assert!(matches!(detect(b"", None, None), Err(Problem::Empty)));
        assert!(matches!(detect(b" \r\n", None, None), Err(Problem::Empty)));
    }

    #[test]
    fn no_trail_byte_of_gb18030_is_a_comma_a_quote_or_a_line_end() {
        for code in 0x80..=0xffffu32 {
            let mut buffer = [0; 4];
            let Some(character) = char::from_u32(code) else { continue };
            let (bytes, _, unmappable) = GB18030.encode(character.encode_utf8(&mut buffer));
            if unmappable {
                continue;
            }
            assert!(!bytes.iter().any(|byte| b",\"\r\n\t;".contains(byte)), "U+{code:04X}");
        }
    }
}
