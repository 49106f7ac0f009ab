use memchr::{memchr, memchr3};

/// The fields of one record, unescaped, in one buffer that is used again for the next; or other texts in a row.
#[derive(Debug, Default, Clone)]
pub struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Leading fields that are those of the record before.
    same: usize,
}

impl Fields {
    pub fn clear(&mut self) {
        self.keep(0);
    }

    /// Keeps the first fields of the record before, or as many as there are.
    fn keep(&mut self, count: usize) {
        self.ends.truncate(count);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
        self.same = self.ends.len();
    }

    /// How many leading fields are known to be those of the record before in this buffer.
    pub fn same(&self) -> usize {
        self.same
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
    above: Above,
}

/// The record before: most exports repeat the beginning of it.
#[derive(Debug, Default)]
struct Above {
    start: usize,
    /// Where its fields end, counted from its start; none if it has quotes.
    ends: Vec<usize>,
}

/// A quoted field longer than this is a quote that was never closed.
const QUOTED_LIMIT: usize = 1 << 20;

impl<'a> Splitter<'a> {
    pub fn new(bytes: &'a [u8], delimiter: u8) -> Splitter<'a> {
        Splitter { bytes, position: 0, line: 1, delimiter, ran_out: false, above: Above::default() }
    }

    /// Begins further down in a text, and counts lines on from there.
    pub fn within(bytes: &'a [u8], delimiter: u8, line: u64) -> Splitter<'a> {
        Splitter { line, ..Splitter::new(bytes, delimiter) }
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

    /// Steps back to a position that was passed, on its line.
    pub fn go_back(&mut self, position: usize, line: u64) {
        (self.position, self.line) = (position, line);
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Bytes that were passed, from a position on.
    pub fn bytes(&self, position: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(position..position.checked_add(length)?)
    }

    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Steps over blank lines, and tells the line that is reached.
    pub fn skip_blank(&mut self) -> u64 {
        while matches!(self.rest().first(), Some(b'\r' | b'\n')) {
            self.end_line();
        }
        self.line
    }

    /// Steps over the bytes of a record that is known, and over the line end behind them.
    pub fn pass(&mut self, length: usize) {
        self.position += length;
        self.end_line();
    }

    /// Steps over CR, LF or CR LF at the current position.
    fn end_line(&mut self) {
        let step = if self.rest().starts_with(b"\r\n") { 2 } else { 1 };
        self.position += step;
        self.line += 1;
    }

    /// Takes over the leading fields that are written as in the record before, and steps behind them. The buffer
    /// is the one that the record before was read into, or a fresh one.
    fn repeat_above(&mut self, fields: &mut Fields) {
        let start = self.position;
        let Above { start: above, ends } = &mut self.above;
        let repeated = match self.bytes.get(*above..start) {
            // The last field is split anew, with its line end.
            Some(before) if ends.len() == fields.len() && ends.len() > 1 => {
                let alike = alike(before, self.bytes.get(start..).unwrap_or_default());
                ends.partition_point(|end| *end < alike).min(ends.len() - 1)
            }
            _ => 0,
        };
        fields.keep(repeated);
        ends.truncate(repeated);
        self.position += ends.last().map_or(0, |end| end + 1);
        *above = start;
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

/// Length of the beginning that two texts share.
fn alike(one: &[u8], other: &[u8]) -> usize {
    let eights = one.chunks_exact(8).zip(other.chunks_exact(8)).take_while(|(one, other)| one == other);
    let length = 8 * eights.count();
    let behind = one.iter().zip(other).skip(length);
    length + behind.take_while(|(one, other)| one == other).count()
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
        self.skip_blank();
        if self.rest().is_empty() {
            return Ok(Found::End);
        }
        let (line, start) = (self.line, self.position);
        self.repeat_above(fields);
        loop {
            if self.rest().first() == Some(&b'"') {
                self.position += 1;
                self.above.start = usize::MAX;
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
            self.above.ends.push(self.position - start);
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
        fn what_is_repeated_is_split_as_if_it_were_not(
            records in proptest::collection::vec(proptest::sample::select(vec![
                "alpha,beta,gamma delta,1\n", "alpha,beta,gamma delta,2\n", "alpha,beta,\"gamma\ndelta\",2\r\n",
                "alpha,beta,gamma delta\n", "alpha,beta,gamma delta,2,3\r\n", "\n", "alpha,beta gamma,delta,1\n", "\"open,\n",
            ]), 0..12)
        ) {
            let text = records.concat();
            let (mut one, mut other) = (Splitter::new(text.as_bytes(), b','), Splitter::new(text.as_bytes(), b','));
            let mut again = Fields::default();
            loop {
                let mut fresh = Fields::default();
                let found = (one.next(&mut again).expect("no I/O"), other.next(&mut fresh).expect("no I/O"));
                proptest::prop_assert_eq!(found.0, found.1);
                if found.0 == Found::End {
                    break;
                }
                proptest::prop_assert!(again.iter().eq(fresh.iter()));
                proptest::prop_assert_eq!(one.lines(), other.lines());
            }
        }

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
