//! Reads and checks the files of a source: the bridge between the declaration and the stages.

use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::Arc;

use foldhash::quality::FixedState;

use super::inputs::Input;
use super::source_file::{From, SourceFile};
use super::store::Store;
use super::{Observer, RunError};
use crate::column::{Coded, Frame, Held, Shelf};
use crate::judge::CONCLUSION;
use crate::lanes;
use crate::model::{ColumnKind, InputFile, Rejection, Value};
use crate::normalize::ColumnRule;
use crate::reference::Reference;
use crate::source::{Layout, RawTable, Reader, Request, Spare, Wide};
use crate::validate::{CheckSpec, Checked, check, cut_off};

/// Column that says which source of the pipeline brought a row.
pub const SOURCE: &str = "$source";

/// Column that holds packed determinations until they are distributed.
pub const PACKED: &str = "packed";

/// A text, a sheet, or a piece of either, read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// Position of the source in the pipeline, and of the file among its own.
    pub source: usize,
    pub place: usize,
    pub input: InputFile,
    pub sheet: String,
    pub encoding: &'static str,
    pub unknown_headers: Vec<String>,
    /// Headers of the wide columns.
    pub wide: Vec<String>,
    pub rejections: Vec<Rejection>,
    pub warnings: Vec<Rejection>,
    pub rows_read: u64,
    pub rows_rejected: u64,
    /// Accepted rows, and how many.
    pub held: Held,
    pub rows: usize,
    /// Lines of the file before the piece, from which lines of the frame count.
    pub lines_before: u64,
    /// Samples that the rows speak of, as hashes, sorted.
    pub samples: Vec<u32>,
    /// A later file of its scope counts instead.
    pub superseded: bool,
}

/// How exports are loaded.
pub struct Loader<'a> {
    pub reference: &'a Reference,
    pub unpacker: Option<&'a Path>,
    /// Bytes of a text that is read whole; pieces of a longer one have up to twice as many.
    pub piece: usize,
    pub shelf: &'a Shelf,
    /// Where exports are archived while they are read, if they are.
    pub store: Option<&'a Store>,
    pub observer: &'a dyn Observer,
}

impl Loader<'_> {
    /// Reads all files of all sources in parallel; the result is in the order of the pipeline.
    ///
    /// # Errors
    /// The first file, in that order, that cannot be read at all.
    pub fn load(&self, sources: &[(SourceFile, Vec<Input>)]) -> Result<Vec<Loaded>, RunError> {
        let files: Vec<([usize; 2], &SourceFile, &Input)> = sources
            .iter()
            .enumerate()
            .flat_map(|(index, (source, inputs))| {
                inputs.iter().enumerate().map(move |(place, input)| ([index, place], source, input))
            })
            .collect();
        let sizes = files.iter().filter_map(|(_, _, input)| std::fs::metadata(&input.path).ok());
        self.observer.announce(sizes.map(|found| found.len()).sum());
        let spare = Arc::default();
        let mut all = Vec::new();
        for sheets in
            lanes::map(files, |(places, source, input)| self.load_file(places, source, input, &spare))
        {
            all.extend(sheets?);
        }
        Ok(all)
    }

    fn load_file(
        &self,
        places: [usize; 2],
        source: &SourceFile,
        input: &Input,
        spare: &Arc<Spare>,
    ) -> Result<Vec<Loaded>, RunError> {
        let (layout, spec) = plan(source, input, self.reference);
        let advance = |bytes, rows| self.observer.advance(bytes, rows);
        let keeper = self.store.and_then(|store| store.keeper(&input.path));
        let (unpacker, piece) = (self.unpacker, self.piece);
        let reader = Reader { unpacker, piece, advance: &advance, keeper, spare };
        let take = |table: RawTable| self.shelve(places, source, input, &table, &spec);
        let taken = reader
            .read(&input.path, &layout, &take)
            .map_err(|error| RunError::Source { source_name: source.name.clone(), error: Box::new(error) })?;
        let mut loaded: Vec<Loaded> = Vec::with_capacity(taken.len());
        for piece in taken {
            let mut own = piece.value.map_err(RunError::Scratch)?;
            own.lines_before = piece.lines_before;
            for listed in own.rejections.iter_mut().chain(&mut own.warnings) {
                listed.origin.line = listed.origin.line.saturating_add(piece.lines_before);
            }
            // Only the last piece tells where all of it ends.
            if piece.is_last {
                own.warnings.extend(cut_off(&own.input, &own.sheet.as_str().into(), piece.last_line));
            }
            loaded.push(own);
        }
        Ok(loaded)
    }

    /// Checks a table and puts its frame on the shelf.
    fn shelve(
        &self,
        [index, place]: [usize; 2],
        source: &SourceFile,
        input: &Input,
        table: &RawTable,
        spec: &CheckSpec,
    ) -> io::Result<Loaded> {
        let Checked { mut frame, wide, rejections, warnings, rows_read, rows_rejected } =
            check(table, &input.file, spec, self.reference);
        let rows = frame.rows();
        let number = i64::try_from(index).unwrap_or_default();
        frame.set(SOURCE, Coded::constant(Value::Integer(number), rows));
        frame.set(CONCLUSION, Coded::constant(Value::text(source.conclusion.as_str()), rows));
        identify_establishments(source, &mut frame);
        Ok(Loaded {
            source: index,
            place,
            input: input.file.clone(),
            sheet: table.sheet.to_string(),
            encoding: table.encoding,
            unknown_headers: table.unknown_headers.clone(),
            wide,
            rejections,
            warnings,
            rows_read,
            rows_rejected,
            samples: samples_of(&frame),
            held: self.shelf.put(frame)?,
            rows,
            lines_before: 0,
            superseded: input.superseded,
        })
    }
}

impl Loaded {
    /// The accepted rows, which leave the shelf.
    ///
    /// # Errors
    /// The shelf's.
    pub fn into_frame(self, shelf: &Shelf) -> io::Result<Frame> {
        let mut frame = shelf.take(self.held)?;
        frame.shift_lines(self.lines_before);
        frame.set_input_hash(&self.input.blake3);
        Ok(frame)
    }
}

/// The samples that rows speak of, as hashes, sorted.
fn samples_of(frame: &Frame) -> Vec<u32> {
    let Some(codes) = frame.column("sample_code") else { return Vec::new() };
    let mut hashes: Vec<u32> = codes.values().iter().map(hash_of).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Equal codes of samples have equal hashes, in every run alike. Codes that differ may have equal ones too: they are set aside
/// for nothing, which is cheaper than longer hashes of all samples of a nation.
pub fn hash_of(code: &Value) -> u32 {
    FixedState::default().hash_one(code) as u32
}

/// What to ask the reader for, and how to read what comes back.
fn plan(source: &SourceFile, input: &Input, reference: &Reference) -> (Layout, CheckSpec) {
    let mut requests = Vec::new();
    let mut rules: Vec<ColumnRule> = Vec::new();
    let aliases = |column: &str| reference.aliases.headers_of(column);
    let columns =
        if source.columns.is_empty() { columns_by_alias(source, reference) } else { source.columns.clone() };
    for column in &columns {
        if let From::Headers(headers) = &column.from {
            requests.push(Request {
                name: column.rule.column.clone(),
                headers: headers.clone(),
                aliases: aliases(&column.rule.column),
                required: !column.optional,
            });
            rules.push(column.rule.clone());
        }
    }
    for attribute in &source.attributes {
        let ends = [(Some(&attribute.from), "from"), (attribute.to.as_ref(), "to")];
        for (header, end) in ends.into_iter().filter_map(|(header, end)| header.map(|header| (header, end))) {
            let name = attribute_column(&attribute.name, end);
            rules.push(ColumnRule::new(&name, ColumnKind::Date, false));
            requests.push(Request {
                name,
                headers: vec![header.clone()],
                aliases: Vec::new(),
                required: true,
            });
        }
    }
    if let Some(headers) = &source.packed {
        let (name, headers) = (PACKED.to_owned(), headers.clone());
        requests.push(Request { name, headers, aliases: Vec::new(), required: true });
        rules.push(ColumnRule::new(PACKED, ColumnKind::Measured, false));
    }
    let mut joined = Vec::new();
    let mut constants = source.constants.clone();
    for column in &columns {
        match &column.from {
            From::Headers(_) => {}
            From::Capture(group) => {
                constants.push((column.rule.clone(), input.captures.get(group).cloned().unwrap_or_default()));
            }
            From::Joined(headers) => {
                let start = requests.len();
                requests.extend(headers.iter().map(|header| Request {
                    name: column.rule.column.clone(),
                    headers: vec![header.clone()],
                    aliases: Vec::new(),
                    required: true,
                }));
                joined.push((column.rule.clone(), (start..requests.len()).collect()));
            }
        }
    }
    // A version may be a capture of the file's name that fills no column.
    let version = source.version.clone();
    if let Some(capture) = version.as_ref().and_then(|name| input.captures.get(name)) {
        let name = format!("$capture:{}", version.as_deref().unwrap_or_default());
        constants.push((ColumnRule::new(&name, ColumnKind::Text, false), capture.clone()));
    }
    let version = version
        .map(|name| if input.captures.contains_key(&name) { format!("$capture:{name}") } else { name });
    let wide_kind = |wide: &super::source_file::WideFile| {
        wide.into.column(&wide.value).map_or(ColumnKind::Measured, |column| column.kind)
    };
    let layout = Layout {
        requests,
        wide: match &source.wide {
            None => Wide::None,
            Some(wide) => match &wide.only {
                Some(only) => Wide::Only(only.clone()),
                None => Wide::RestBut(wide.except.clone()),
            },
        },
        sheets: source.sheets.clone(),
        header_row: source.header_row,
        encoding: source.encoding,
        delimiter: source.delimiter,
    };
    let wide = source.wide.as_ref().map(|wide| ColumnRule {
        decimal_comma: wide.decimal_comma,
        ..ColumnRule::new(&wide.value, wide_kind(wide), false)
    });
    (layout, CheckSpec { rules, joined, constants, wide, version })
}

/// Without `columns`, every column of the tables is looked for under the headers that the seeds know.
fn columns_by_alias(source: &SourceFile, reference: &Reference) -> Vec<super::source_file::ColumnFile> {
    let columns = source.into.iter().flat_map(|table| table.columns);
    columns
        .filter(|column| column.required || !reference.aliases.headers_of(column.name).is_empty())
        .map(|column| super::source_file::ColumnFile {
            from: From::Headers(vec![column.name.to_owned()]),
            optional: !column.required,
            rule: ColumnRule::new(column.name, column.kind, column.required),
        })
        .collect()
}

/// Name of the frame's column that holds one end of an attribute's validity.
pub fn attribute_column(attribute: &str, end: &str) -> String {
    format!("attribute:{attribute}:{end}")
}

/// An establishment is known by its licence, else its credit code, else its name.
fn identify_establishments(source: &SourceFile, frame: &mut Frame) {
    if !source.into.iter().any(|table| table.name == "establishments") || frame.column("id").is_some() {
        return;
    }
    let [licence, credit_code, name] =
        ["licence", "credit_code", "name"].map(|column| frame.column_or_missing(column));
    let ids = (0..frame.rows()).map(|row| {
        let known = [licence.get(row), credit_code.get(row)].into_iter().find(|value| !value.is_missing());
        known.unwrap_or_else(|| name.get(row)).clone()
    });
    let ids = Coded::from_values(ids);
    frame.set("id", ids);
}
