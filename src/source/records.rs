use memchr::{memchr, memchr3};

/// The fields of one record, unescaped, in one buffer that is used again for the next.
#[derive(Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.end();
    }

    /// Appends empty fields until there are `count`.
    pub fn pad(&mut self, count: usize) {
        while self.ends.len() < count {
            self.end();
        }
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field, empty beyond the last.
    pub fn get(&self, index: usize) -> &[u8] {
        let Some(&end) = self.ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..end]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// What [`Records::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record that begins on this line.
    Record {
        line: u64,
    },
    /// A quote that is never closed. The line is in the buffer as one field; reading goes on behind it.
    OpenQuote {
        line: u64,
    },
    End,
}

/// Records of a text file or of a sheet.
pub trait Records {
    /// Fills `fields` with the next record that is not blank.
    fn next(&mut self, fields: &mut Fields) -> Result<Found, super::error::Problem>;

    /// Whether a record must have as many fields as the header (text files), or may end early (sheets).
    fn ragged_is_fault(&self) -> bool;
}

/// Splits delimited text by RFC 4180, leniently: a quote inside an unquoted field stands for itself.
pub struct Splitter<'a> {
    bytes: &'a [u8],
    position: usize,
    line: u64,
    delimiter: u8,
    ran_out: bool,
}

/// A quoted field longer than this is a quote that was never closed.
const QUOTED_LIMIT: usize = 1 << 20;

impl<'a> Splitter<'a> {
    pub fn new(bytes: &'a [u8], delimiter: u8) -> Splitter<'a> {
        Splitter { bytes, position: 0, line: 1, delimiter, ran_out: false }
    }

    /// Begins further down in a text, and counts lines from there.
    pub fn within(bytes: &'a [u8], delimiter: u8) -> Splitter<'a> {
        Splitter { line: 0, ..Splitter::new(bytes, delimiter) }
    }

    /// Whether the bytes ended where more of them could have told otherwise.
    pub fn ran_out(&self) -> bool {
        self.ran_out
    }

    pub fn position(&self) -> usize {
        self.position
    }

    /// Line of the next record, counted as the splitter was told to.
    pub fn lines(&self) -> u64 {
        self.line
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Steps over CR, LF or CR LF at the current position.
    fn end_line(&mut self) {
        let step = if self.rest().starts_with(b"\r\n") { 2 } else { 1 };
        self.position += step;
        self.line += 1;
    }

    /// Reads the quoted field behind an opening quote. False if it is never closed.
    fn quoted(&mut self, fields: &mut Fields) -> bool {
        let start = self.position;
        loop {
            let rest = self.rest();
            let window = rest.get(..rest.len().min(QUOTED_LIMIT)).unwrap_or_default();
            let Some(quote) = memchr(b'"', window) else {
                self.ran_out |= window.len() < QUOTED_LIMIT;
                return false;
            };
            fields.bytes.extend_from_slice(&rest[..quote]);
            self.line += lines_in(&rest[..quote]);
            self.position += quote + 1;
            if self.rest().first() == Some(&b'"') {
                fields.bytes.push(b'"');
                self.position += 1;
            } else {
                return true;
            }
            if self.position - start > QUOTED_LIMIT {
                return false;
            }
        }
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    let carriage_returns = bytes
        .iter()
        .enumerate()
        .filter(|(index, byte)| **byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'));
    (memchr::memchr_iter(b'\n', bytes).count() + carriage_returns.count()) as u64
}

impl Records for Splitter<'_> {
    fn next(&mut self, fields: &mut Fields) -> Result<Found, super::error::Problem> {
        while matches!(self.rest().first(), Some(b'\r' | b'\n')) {
            self.end_line();
        }
        if self.rest().is_empty() {
            return Ok(Found::End);
        }
        fields.clear();
        let (line, start) = (self.line, self.position);
        loop {
            if self.rest().first() == Some(&b'"') {
                self.position += 1;
                if !self.quoted(fields) {
                    self.line = line;
                    self.position = start;
                    let rest = self.rest();
                    let length = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    fields.clear();
                    fields.push(&rest[..length]);
                    self.position += length;
                    return Ok(Found::OpenQuote { line });
                }
            }
            let rest = self.rest();
            let stop = match self.delimiter {
                b'\r' | b'\n' => memchr::memchr2(b'\r', b'\n', rest),
                delimiter => memchr3(delimiter, b'\r', b'\n', rest),
            };
            let length = stop.unwrap_or(rest.len());
            self.ran_out |= stop.is_none();
            fields.bytes.extend_from_slice(&rest[..length]);
            fields.end();
            self.position += length;
            match self.rest().first() {
                Some(byte) if *byte == self.delimiter => self.position += 1,
                Some(_) => {
                    self.end_line();
                    return Ok(Found::Record { line });
                }
                None => return Ok(Found::Record { line }),
            }
        }
    }

    fn ragged_is_fault(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut splitter = Splitter::new(text.as_bytes(), b',');
        let mut fields = Fields::default();
        let mut records = Vec::new();
        loop {
            let line = match splitter.next(&mut fields) {
                Ok(Found::Record { line }) => line,
                Ok(Found::OpenQuote { line }) => line + 1000,
                _ => return records,
            };
            let texts = fields.iter().map(|field| String::from_utf8_lossy(field).into_owned());
            records.push((line, texts.collect()));
        }
    }

    #[test]
    fn records_are_split_and_lines_counted() {
        type Case = (&'static str, &'static [(u64, &'static [&'static str])]);
        let cases: &[Case] = &[
            ("", &[]),
            ("a,b\nc,d", &[(1, &["a", "b"]), (2, &["c", "d"])]),
            ("a,b\r\n\r\nc,d\r\n", &[(1, &["a", "b"]), (3, &["c", "d"])]),
            ("a\rb\r", &[(1, &["a"]), (2, &["b"])]),
            ("\"a\nb\",c\nd,e", &[(1, &["a\nb", "c"]), (3, &["d", "e"])]),
            ("\"a\r\nb\",c\r\nd,e", &[(1, &["a\r\nb", "c"]), (3, &["d", "e"])]),
            ("\"a\"\"b\",", &[(1, &["a\"b", ""])]),
            ("a\"b,c", &[(1, &["a\"b", "c"])]),
            ("\"a\"b,c", &[(1, &["ab", "c"])]),
            (",,\n", &[(1, &["", "", ""])]),
            ("\"a,b\nc,d\n", &[(1001, &["\"a,b"]), (2, &["c", "d"])]),
            ("a\n\"", &[(1, &["a"]), (1002, &["\""])]),
        ];
        for (text, expected) in cases {
            let expected: Vec<(u64, Vec<String>)> = expected
                .iter()
                .map(|(line, fields)| (*line, fields.iter().map(|f| (*f).to_owned()).collect()))
                .collect();
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(proptest::sample::select(b"a,\"\r\n\xd0".to_vec()), 0..60)) {
            let mut splitter = Splitter::new(&bytes, b',');
            let mut fields = Fields::default();
            let mut steps = 0;
            while !matches!(splitter.next(&mut fields), Ok(Found::End)) {
                steps += 1;
                proptest::prop_assert!(steps <= bytes.len());
            }
        }
    }
}
