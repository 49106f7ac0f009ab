use std::io;
use std::sync::Arc;

use encoding_rs::Encoding;
use rayon::prelude::*;

use super::encoding::{decode, show};
use super::error::Problem;
use super::header::{self, Binding, PREVIEW};
use super::records::{Fields, Found, Records, Splitter};
use super::text::Text;
use super::{Advance, BadRecord, Layout, RawColumn, RawTable};
use crate::column::{Coded, Dictionary};
use crate::model::{Code, Fault};

/// Reads all records of a sheet: finds the header in the first ones, then codes the bound columns only, so that
/// what nobody asked for (personal data above all) is never held.
pub fn code(
    records: &mut dyn Records,
    layout: &Layout,
    encoding: &'static Encoding,
    sheet: Arc<str>,
) -> Result<RawTable, Problem> {
    let (binding, mut coder, ended) = begin(records, layout, encoding, &sheet)?;
    if !ended {
        coder.rest(records, |_| false)?;
    }
    coder.finish(&binding, sheet)
}

/// Reads all records of a text, in chunks that are coded in parallel.
///
/// A chunk begins behind a line end, which need not end a record: where the chunk before it ends elsewhere, inside
/// a quoted field, its records are read again from there. So the result is that of one pass.
pub fn code_text(
    text: Text<'_>,
    delimiter: u8,
    layout: &Layout,
    encoding: &'static Encoding,
    advance: Advance<'_>,
) -> Result<RawTable, Problem> {
    let sheet: Arc<str> = Arc::from("");
    let head = code_head(text, delimiter, layout, encoding, &sheet)?;
    let Head { binding, mut coder, mut position, mut line } = head;
    let starts = chunk_starts(text, position)?;
    let end_of = |index: usize| starts.get(index + 1).copied().unwrap_or(text.len());
    let read = |buffer: &mut Vec<u8>, start, end| {
        code_chunk(text, start, end, delimiter, buffer, || Coder::new(&binding, encoding, true, Vec::new()))
    };
    advance(position as u64, coder.lines.len() as u64);
    let parts: Vec<Result<Chunk, Problem>> = (0..starts.len())
        .into_par_iter()
        .map_init(Vec::new, |buffer, index| {
            let (start, end) = (starts[index], end_of(index));
            let part = read(buffer, start, end)?;
            advance((end - start) as u64, part.coder.lines.len() as u64);
            Ok(part)
        })
        .collect();
    let mut in_order = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let mut part = match part? {
            _ if position >= end_of(index) && index + 1 < starts.len() => continue,
            part if position == starts[index] => part,
            _ => read(&mut Vec::new(), position, end_of(index))?,
        };
        part.coder.shift(line);
        line += part.lines;
        position = part.end;
        in_order.push(part.coder);
    }
    coder.append(in_order);
    coder.finish(&binding, sheet)
}

/// Bytes of a chunk: small enough to balance, large enough to hold many repeats.
const CHUNK: usize = 4 << 20;

/// Where chunks begin: the first right here, the others behind a line end.
fn chunk_starts(text: Text<'_>, from: usize) -> io::Result<Vec<usize>> {
    let mut starts = vec![from];
    let mut buffer = Vec::new();
    let mut next = from.saturating_add(CHUNK);
    while let Some(start) = text.next_line(next, &mut buffer)? {
        starts.push(start);
        next = start.saturating_add(CHUNK);
    }
    Ok(starts)
}

/// The header, and the records that were read to find it.
struct Head {
    binding: Binding,
    coder: Coder,
    /// Where the next record begins, and on which line.
    position: usize,
    line: u64,
}

fn code_head(
    text: Text<'_>,
    delimiter: u8,
    layout: &Layout,
    encoding: &'static Encoding,
    sheet: &str,
) -> Result<Head, Problem> {
    let mut buffer = Vec::new();
    let mut end = CHUNK.min(text.len());
    loop {
        let mut splitter = Splitter::new(text.piece(0..end, &mut buffer)?, delimiter);
        let begun = begin(&mut splitter, layout, encoding, sheet);
        if end == text.len() || !(splitter.ran_out() || splitter.position() == end) {
            let (binding, coder, _) = begun?;
            return Ok(Head { binding, coder, position: splitter.position(), line: splitter.lines() });
        }
        end = end.saturating_mul(2).min(text.len());
    }
}

/// The records that begin in a chunk.
struct Chunk {
    coder: Coder,
    /// Where the record behind them begins.
    end: usize,
    /// Line ends among them.
    lines: u64,
}

/// Codes the records that begin between two positions; the last of them may reach beyond.
fn code_chunk(
    text: Text<'_>,
    start: usize,
    end: usize,
    delimiter: u8,
    buffer: &mut Vec<u8>,
    coder: impl Fn() -> Coder,
) -> Result<Chunk, Problem> {
    let mut seen = end;
    loop {
        let mut splitter = Splitter::within(text.piece(start..seen, buffer)?, delimiter);
        let mut coder = coder();
        coder.rest(&mut splitter, |own| start + own.position() >= end)?;
        if !splitter.ran_out() || seen >= text.len() {
            return Ok(Chunk { coder, end: start + splitter.position(), lines: splitter.lines() });
        }
        seen = seen.saturating_add(CHUNK);
    }
}

/// Finds the header and codes what was read on the way to it; whether there is nothing more to read.
fn begin(
    records: &mut dyn Records,
    layout: &Layout,
    encoding: &'static Encoding,
    sheet: &str,
) -> Result<(Binding, Coder, bool), Problem> {
    let mut preview: Vec<(u64, Fields)> = Vec::new();
    let mut coder_faults = Vec::new();
    let mut ended = false;
    let wanted =
        layout.header_row.map_or(PREVIEW, |row| PREVIEW.max(usize::try_from(row).unwrap_or(PREVIEW)));
    while preview.len() < wanted && !ended {
        let mut fields = Fields::default();
        match records.next(&mut fields)? {
            Found::Record { line } => preview.push((line, fields)),
            Found::OpenQuote { line } => coder_faults.push(open_quote(line, &fields, encoding)),
            Found::End => ended = true,
        }
    }
    let texts: Vec<(u64, Vec<String>)> = preview
        .iter()
        .map(|(line, fields)| (*line, fields.iter().map(|field| show(encoding, field)).collect()))
        .collect();
    let binding = header::bind(&texts, layout, sheet)?;
    let header_line = texts.get(binding.index).map_or(0, |(line, _)| *line);
    coder_faults.retain(|fault: &BadRecord| fault.line > header_line);
    let mut coder = Coder::new(&binding, encoding, records.ragged_is_fault(), coder_faults);
    for (line, fields) in preview.iter().skip(binding.index + 1) {
        coder.record(*line, fields);
    }
    Ok((binding, coder, ended))
}

fn open_quote(line: u64, fields: &Fields, encoding: &'static Encoding) -> BadRecord {
    // The text itself may hold anything, so it is not shown.
    let fault = Fault::new(Code::BadRow, "a closing quote");
    let length = show(encoding, fields.get(0)).chars().count();
    BadRecord {
        line,
        column: String::new(),
        found: format!("an open quote in a line of {length} characters"),
        fault,
    }
}

fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(60).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

struct Coder {
    encoding: &'static Encoding,
    ragged_is_fault: bool,
    width: usize,
    /// Position in the record of every coded column: the requested ones, then the wide ones.
    positions: Vec<usize>,
    dictionaries: Vec<Dictionary>,
    codes: Vec<Vec<u32>>,
    lines: Vec<u64>,
    bad_records: Vec<BadRecord>,
    /// Whether the record read last is the last one coded.
    above_is_last: bool,
}

impl Coder {
    fn new(
        binding: &Binding,
        encoding: &'static Encoding,
        ragged_is_fault: bool,
        bad: Vec<BadRecord>,
    ) -> Coder {
        let bound = binding.columns.iter().flatten();
        let positions: Vec<usize> = bound.chain(&binding.wide).copied().collect();
        Coder {
            encoding,
            ragged_is_fault,
            width: binding.width,
            dictionaries: positions.iter().map(|_| Dictionary::new()).collect(),
            codes: vec![Vec::new(); positions.len()],
            positions,
            lines: Vec::new(),
            bad_records: bad,
            above_is_last: false,
        }
    }

    fn record(&mut self, line: u64, fields: &Fields) {
        let surplus = fields.iter().skip(self.width).any(|field| !field.is_empty());
        if surplus || (self.ragged_is_fault && fields.len() < self.width) {
            self.bad_records.push(BadRecord {
                line,
                column: String::new(),
                found: format!("{} fields", fields.len()),
                fault: Fault::new(Code::BadRow, format!("{} fields, as in the header", self.width)),
            });
            self.above_is_last = false;
            return;
        }
        let same = if std::mem::replace(&mut self.above_is_last, true) { fields.same() } else { 0 };
        for ((position, dictionary), codes) in
            self.positions.iter().zip(&mut self.dictionaries).zip(&mut self.codes)
        {
            if let (true, Some(above)) = (*position < same, codes.last()) {
                codes.push(*above);
                continue;
            }
            let field = fields.get(*position);
            // Exports repeat the row above more often than not.
            let code = match codes.last() {
                Some(above) if dictionary.get(*above) == field => *above,
                _ => dictionary.intern(field),
            };
            codes.push(code);
        }
        self.lines.push(line);
    }

    /// Codes records until they end, or until `enough` says so before one.
    fn rest<R: Records + ?Sized>(
        &mut self,
        records: &mut R,
        enough: impl Fn(&R) -> bool,
    ) -> Result<(), Problem> {
        let mut fields = Fields::default();
        while !enough(records) {
            match records.next(&mut fields)? {
                Found::Record { line } => self.record(line, &fields),
                Found::OpenQuote { line } => {
                    self.bad_records.push(open_quote(line, &fields, self.encoding));
                    self.above_is_last = false;
                }
                Found::End => break,
            }
        }
        Ok(())
    }

    /// Counts lines from further down.
    fn shift(&mut self, lines: u64) {
        self.lines.iter_mut().for_each(|line| *line += lines);
        self.bad_records.iter_mut().for_each(|bad| bad.line += lines);
    }

    /// Puts the rows of other coders behind those of this one; codes are as if one had read them all.
    fn append(&mut self, parts: Vec<Coder>) {
        let columns = self.dictionaries.par_iter_mut().zip(&mut self.codes).enumerate();
        columns.for_each(|(column, (dictionary, codes))| {
            codes.reserve(parts.iter().map(|part| part.lines.len()).sum());
            for part in &parts {
                let remap: Vec<u32> =
                    part.dictionaries[column].iter().map(|text| dictionary.intern(text)).collect();
                codes.extend(part.codes[column].iter().map(|code| remap[*code as usize]));
            }
        });
        for part in parts {
            self.lines.extend(part.lines);
            self.bad_records.extend(part.bad_records);
        }
    }

    /// Decodes each distinct text; a record that holds one that does not decode is bad.
    fn finish(mut self, binding: &Binding, sheet: Arc<str>) -> Result<RawTable, Problem> {
        let mut values: Vec<Vec<Arc<str>>> = Vec::new();
        let mut bad_rows: Vec<(u32, usize)> = Vec::new();
        let encoding = self.encoding;
        let decoded: Vec<(Vec<Arc<str>>, Vec<bool>)> =
            self.dictionaries.par_iter().map(|dictionary| decode_all(encoding, dictionary)).collect();
        for (column, (texts, undecodable)) in decoded.into_iter().enumerate() {
            values.push(texts);
            if undecodable.contains(&true) {
                let rows = self.codes[column].iter().enumerate();
                bad_rows.extend(
                    rows.filter(|(_, code)| undecodable[**code as usize])
                        .map(|(row, _)| (row as u32, column)),
                );
            }
        }
        let all_damaged = !self.lines.is_empty() && bad_rows.len() > self.lines.len() / 10 + 10;
        if all_damaged {
            let line = bad_rows.first().and_then(|(row, _)| self.lines.get(*row as usize).copied());
            let tried = self.encoding.name().to_owned();
            return Err(Problem::Encoding { tried, offset: 0, line: line.unwrap_or_default() });
        }
        bad_rows.sort_unstable();
        bad_rows.dedup_by_key(|(row, _)| *row);
        let headers: Vec<String> = self
            .positions
            .iter()
            .map(|position| binding.headers.get(*position).cloned().unwrap_or_default())
            .collect();
        for (row, column) in &bad_rows {
            let text = &values[*column][self.codes[*column][*row as usize] as usize];
            self.bad_records.push(BadRecord {
                line: self.lines[*row as usize],
                column: headers[*column].clone(),
                found: clip(text),
                fault: Fault::new(Code::BadEncoding, format!("text in {}", self.encoding.name())),
            });
        }
        if !bad_rows.is_empty() {
            let is_good =
                |row: &usize| bad_rows.binary_search_by_key(&(*row as u32), |(bad, _)| *bad).is_err();
            let good: Vec<usize> = (0..self.lines.len()).filter(is_good).collect();
            for codes in &mut self.codes {
                *codes = good.iter().map(|row| codes[*row]).collect();
            }
            self.lines = good.iter().map(|row| self.lines[*row]).collect();
        }
        let mut coded = headers
            .into_iter()
            .zip(values)
            .zip(self.codes)
            .map(|((header, values), codes)| RawColumn { header, texts: Coded::new(values, codes) });
        let columns = binding.columns.iter().map(|bound| bound.and_then(|_| coded.next())).collect();
        Ok(RawTable {
            sheet,
            encoding: self.encoding.name(),
            columns,
            wide: coded.collect(),
            lines: self.lines,
            bad_records: self.bad_records,
            unknown_headers: binding.unknown.clone(),
        })
    }
}

/// The texts of a dictionary, and which of them do not decode.
fn decode_all(encoding: &'static Encoding, dictionary: &Dictionary) -> (Vec<Arc<str>>, Vec<bool>) {
    let texts = dictionary.iter().map(|bytes| match decode(encoding, bytes) {
        Some(text) => (Arc::from(&*text), false),
        None => (Arc::from(show(encoding, bytes)), true),
    });
    texts.unzip()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::UTF_8;
    use proptest::prelude::*;

    use super::*;
    use crate::source::{Request, Wide};

    fn layout() -> Layout {
        let request = |name: &str| Request {
            name: name.to_owned(),
            headers: vec![name.to_owned()],
            aliases: Vec::new(),
            required: true,
        };
        Layout {
            requests: vec![request("a"), request("b")],
            wide: Wide::None,
            sheets: crate::source::Sheets::First,
            header_row: None,
            encoding: None,
            delimiter: None,
        }
    }

    #[test]
    fn chunks_read_as_one_pass_does() {
        // Quoted fields with line ends in them lie across every place where a chunk could begin.
        let mut text = "a,b\r\n".to_owned();
        while text.len() < 3 * CHUNK {
            let number = text.len() % 977;
            text.push_str(&format!("{number},\"first\r\nsecond,\n\r\n{number}\"\r\n\r\nx,y\n"));
            if number == 0 {
                text.push_str("z,\"\n".repeat(3).as_str());
            }
        }
        text.push_str("tail,\"never closed\nlast,row");
        let one = code(&mut Splitter::new(text.as_bytes(), b','), &layout(), UTF_8, Arc::from(""));
        let other = code_text(Text::Held(text.as_bytes()), b',', &layout(), UTF_8, &|_, _| {});
        let (one, other) = (one.expect("reads"), other.expect("reads"));
        assert!(one.lines.len() > 1000 && !one.bad_records.is_empty());
        assert!(one == other, "{} and {} rows", one.lines.len(), other.lines.len());
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("writes");
        let filed = Text::Filed { file: &file, skip: 0, length: text.len() };
        assert!(one == code_text(filed, b',', &layout(), UTF_8, &|_, _| {}).expect("reads"));
    }

    proptest! {
        #[test]
        fn chunks_begin_behind_line_ends(bytes in proptest::collection::vec(prop::sample::select(b"a\"\r\n".to_vec()), 0..40)) {
            let mut long = vec![b'x'; CHUNK];
            long.extend(&bytes);
            long.extend(vec![b'y'; 10]);
            for start in chunk_starts(Text::Held(&long), 0).expect("held").into_iter().skip(1) {
                prop_assert!(matches!(long[start - 1], b'\n' | b'\r'));
                prop_assert!(!(long[start - 1] == b'\r' && long[start] == b'\n'));
            }
        }
    }
}
