use std::sync::Arc;

use encoding_rs::Encoding;

use super::encoding::{decode, show};
use super::error::Problem;
use super::header::{self, Binding, PREVIEW};
use super::records::{Fields, Found, Records};
use super::{BadRecord, Layout, RawColumn, RawTable};
use crate::column::{Coded, Dictionary};
use crate::model::{Code, Fault};

/// Reads all records: finds the header in the first ones, then codes the bound columns only, so that
/// what nobody asked for (personal data above all) is never held.
pub fn code(
    records: &mut dyn Records,
    layout: &Layout,
    encoding: &'static Encoding,
    sheet: Arc<str>,
) -> Result<RawTable, Problem> {
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
    let binding = header::bind(&texts, layout, &sheet)?;
    let header_line = texts.get(binding.index).map_or(0, |(line, _)| *line);
    coder_faults.retain(|fault: &BadRecord| fault.line > header_line);

    let mut coder = Coder::new(&binding, encoding, records.ragged_is_fault(), coder_faults);
    for (line, fields) in preview.iter().skip(binding.index + 1) {
        coder.record(*line, fields);
    }
    let mut fields = Fields::default();
    while !ended {
        match records.next(&mut fields)? {
            Found::Record { line } => coder.record(line, &fields),
            Found::OpenQuote { line } => coder.bad_records.push(open_quote(line, &fields, encoding)),
            Found::End => ended = true,
        }
    }
    coder.finish(&binding, sheet)
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
            return;
        }
        for ((position, dictionary), codes) in
            self.positions.iter().zip(&mut self.dictionaries).zip(&mut self.codes)
        {
            codes.push(dictionary.intern(fields.get(*position)));
        }
        self.lines.push(line);
    }

    /// Decodes each distinct text; a record that holds one that does not decode is bad.
    fn finish(mut self, binding: &Binding, sheet: Arc<str>) -> Result<RawTable, Problem> {
        let mut values: Vec<Vec<Arc<str>>> = Vec::new();
        let mut bad_rows: Vec<(u32, usize)> = Vec::new();
        for (column, dictionary) in self.dictionaries.iter().enumerate() {
            let mut undecodable = vec![false; dictionary.len()];
            let texts =
                dictionary.iter().enumerate().map(|(code, bytes)| match decode(self.encoding, bytes) {
                    Some(text) => Arc::from(&*text),
                    None => {
                        undecodable[code] = true;
                        Arc::from(show(self.encoding, bytes))
                    }
                });
            values.push(texts.collect());
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
