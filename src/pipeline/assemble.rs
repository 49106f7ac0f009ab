//! From checked sheets to the tables: settles repeated keys, joins what belongs together, and lists what
//! belongs to nothing. Every row that was read is counted in exactly one way.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use jiff::civil::Date;
use rayon::prelude::*;

use super::file::PipelineFile;
use super::judging::{judge_tables, list_orphans};
use super::load::{SOURCE, attribute_column};
use super::packed::unpack_rows;
use super::shape::{attach, first_of_each, from_shares, melt, melt_attributes, only_columns, rows_of_source};
use crate::column::Frame;
use crate::judge::Decisions;
use crate::model::{Rejection, TableSchema, Value};
use crate::reference::Reference;
use crate::validate::{RowCounts, resolve};

/// The judged tables of a run, and what became of its rows.
#[derive(Debug, Default)]
pub struct Assembled {
    pub tables: HashMap<String, Frame>,
    /// By file, sheet, line, once they are sorted.
    pub rejections: Vec<Rejection>,
    /// Records that stand but deserve a look; likewise.
    pub warnings: Vec<Rejection>,
    /// By source, file and sheet.
    pub counts: BTreeMap<Place, RowCounts>,
    /// Quantified results, among which suspicious ones are looked for.
    pub measured: Option<Frame>,
}

impl Assembled {
    /// Adds what became of other rows; the tables are left behind.
    pub fn absorb(&mut self, other: Assembled) {
        self.rejections.extend(other.rejections);
        self.warnings.extend(other.warnings);
        for (place, counts) in other.counts {
            self.counts.entry(place).or_default().add(&counts);
        }
    }

    pub fn sort(&mut self) {
        self.rejections.par_sort();
        self.warnings.par_sort();
    }
}

/// Position of the source, name of the file, name of the sheet.
pub type Place = (usize, String, String);

/// Rows of the sources that fill the same table by the same key.
struct Group<'a> {
    /// Columns that name a record; none where only whole records can repeat each other.
    key: Vec<&'a str>,
    attach: bool,
    frames: Vec<Frame>,
}

/// Accepted rows of one sheet or piece.
#[derive(Debug)]
pub struct Sheet {
    /// Position of the source in the pipeline.
    pub source: usize,
    pub frame: Frame,
    /// Headers of the wide columns.
    pub wide: Vec<String>,
}

/// What sheets are assembled by.
#[derive(Clone, Copy)]
pub struct Assembler<'a> {
    pub file: &'a PipelineFile,
    pub reference: &'a Reference,
    pub as_of: Date,
    /// Tables that are there already: what these sheets are judged by, and no part of the outcome.
    pub given: &'a HashMap<String, Frame>,
    pub decisions: &'a Decisions,
    /// Whether the sheets may hold what belongs to no sample.
    pub is_first: bool,
}

/// Builds the tables from the sheets.
pub fn assemble(with: Assembler<'_>, sheets: Vec<Sheet>) -> Assembled {
    let Assembler { file, reference, as_of, .. } = with;
    let mut assembled = Assembled::default();
    let mut wide_headers: Vec<Vec<String>> = vec![Vec::new(); file.sources.len()];
    let mut groups: BTreeMap<(String, usize), Group<'_>> = BTreeMap::new();
    for sheet in sheets {
        let source = &file.sources[sheet.source];
        for header in sheet.wide {
            if !wide_headers[sheet.source].contains(&header) {
                wide_headers[sheet.source].push(header);
            }
        }
        let Some(identity) = (if source.wide.is_some() { source.into.first() } else { source.into.last() })
        else {
            continue;
        };
        let key: Vec<&str> = match &source.key {
            Some(key) => key.iter().map(String::as_str).collect(),
            // A list of limits may be spread over sheets with other columns: its cells repeat each other,
            // not its rows.
            None if source.wide.as_ref().is_some_and(|wide| wide.into.name == identity.name) => Vec::new(),
            None => identity.key.to_vec(),
        };
        // Sources that attach, or have a key of their own, settle repeats among themselves.
        let apart = if source.attach || source.key.is_some() { sheet.source + 1 } else { 0 };
        let group = groups.entry((identity.name.to_owned(), apart)).or_insert_with(|| Group {
            key,
            attach: source.attach,
            frames: Vec::new(),
        });
        group.frames.push(sheet.frame);
    }

    let mut pieces: HashMap<&'static str, Vec<Frame>> = HashMap::new();
    let mut attached = Vec::new();
    for group in groups.into_values() {
        let accepted = settle(&group, &mut assembled.counts, as_of);
        if group.attach {
            attached.push(accepted);
            continue;
        }
        for (index, source) in file.sources.iter().enumerate() {
            let rows = rows_of_source(&accepted, index);
            if rows.rows() > 0 {
                distribute(file, source, &rows, &wide_headers[index], &mut pieces);
                if source.packed.is_some() {
                    let (long, faults) = unpack_rows(&rows);
                    pieces.entry("determinations").or_default().push(long);
                    assembled.rejections.extend(faults);
                }
            }
        }
    }
    let mut tables: HashMap<String, Frame> = HashMap::new();
    for (name, frames) in pieces {
        let all = Frame::concat(&frames);
        // A sample that several sources describe is one sample.
        let once = match name {
            "samples" if frames.len() > 1 => first_of_each(&all, &["sample_code"]),
            "limits" => all.take(&resolve(&all, &["product", "analyte"], as_of).standing),
            _ => all,
        };
        tables.insert(name.to_owned(), once);
    }
    for other in &attached {
        let samples = tables.entry("samples".to_owned()).or_default();
        let strays = attach(samples, other, "sample_code");
        list_orphans(other, &strays, &mut assembled.rejections);
    }
    for table in tables.values_mut() {
        if let Some(regions) = table.column("region") {
            let on_the_day = regions.map(|region| match region.as_text() {
                Some(code) => Value::text(reference.regions.code_on(code, as_of)),
                None => Value::Missing,
            });
            table.set("region", on_the_day);
        }
    }
    judge_tables(with, &mut tables, &mut assembled);
    if let Some(returns) = tables.get_mut("returns") {
        from_shares(returns);
    }
    let owes =
        || file.sources.iter().any(|source| source.into.iter().any(|table| table.name == "submissions"));
    if with.is_first && owes() {
        let received = tables.remove("submissions").unwrap_or_default();
        let (owed, strays) = super::obligations::owed(&received, reference, as_of);
        list_orphans(&received, &strays, &mut assembled.rejections);
        tables.insert("submissions".to_owned(), owed);
    }
    assembled.tables = tables;
    assembled
}

/// Counts what became of every row, and keeps those that stand on the as-of day.
fn settle(group: &Group<'_>, counts: &mut BTreeMap<Place, RowCounts>, as_of: Date) -> Frame {
    let all = Frame::concat(&group.frames);
    let sources = all.column_or_missing(SOURCE);
    let content = || all.names().filter(|name| !name.starts_with('$')).collect();
    let key: Vec<&str> = if group.key.is_empty() { content() } else { group.key.clone() };
    let resolution = resolve(&all, &key, as_of);
    // Summed up by number of source and file first: names are looked at once for each.
    let mut sums: HashMap<(u32, u32), (u32, RowCounts)> = HashMap::new();
    let of_rows = sources.codes();
    let place_of = |row: &u32| (of_rows[*row as usize], all.file_of(*row as usize));
    let mut count = |rows: &[u32], add: fn(&mut RowCounts, u64)| {
        for run in rows.chunk_by(|one, next| place_of(one) == place_of(next)) {
            let Some(first) = run.first() else { continue };
            let sum = sums.entry(place_of(first)).or_insert_with(|| (*first, RowCounts::default()));
            add(&mut sum.1, run.len() as u64);
        }
    };
    count(&resolution.accepted, |counts, rows| counts.accepted += rows);
    count(&resolution.duplicate, |counts, rows| counts.duplicate += rows);
    count(&resolution.superseded, |counts, rows| counts.superseded += rows);
    for (row, sum) in sums.into_values() {
        let (origin, source) = (all.origin(row as usize), sources.get(row as usize).as_integer());
        let source = source.and_then(|source| usize::try_from(source).ok()).unwrap_or_default();
        let place = (source, origin.file.to_string(), origin.sheet.to_string());
        counts.entry(place).or_default().add(&sum);
    }
    all.take(&resolution.standing)
}

/// Puts the rows of a source into the tables that it fills.
fn distribute(
    file: &PipelineFile,
    source: &super::source_file::SourceFile,
    rows: &Frame,
    wide_headers: &[String],
    pieces: &mut HashMap<&'static str, Vec<Frame>>,
) {
    let mut put = |table: &'static TableSchema, frame: Frame| {
        let own: Vec<&str> = file
            .dimensions
            .iter()
            .filter(|(_, owner)| owner == table.name)
            .map(|(name, _)| name.as_str())
            .collect();
        pieces.entry(table.name).or_default().push(only_columns(&frame, table, &own));
    };
    let spread = source.wide.as_ref().map(|wide| (wide, melt(rows, wide, wide_headers)));
    for (position, table) in source.into.iter().enumerate() {
        let is_finest = position + 1 == source.into.len();
        match &spread {
            Some((wide, long)) if wide.into.name == table.name => put(table, long.clone()),
            _ if is_finest || source.wide.is_some() => put(table, rows.clone()),
            // Attributes repeated on each determination: once per sample.
            _ => put(table, first_of_each(rows, table.key)),
        }
    }
    if let Some((wide, long)) = spread
        && !source.into.iter().any(|table| table.name == wide.into.name)
    {
        put(wide.into, long);
    }
    if !source.attributes.is_empty() {
        let ends = |name: &str, end: &str| rows.column(&attribute_column(name, end)).cloned();
        let attributes = source.attributes.iter().filter_map(|attribute| {
            Some((attribute.name.as_str(), ends(&attribute.name, "from")?, ends(&attribute.name, "to")))
        });
        let long = melt_attributes(rows, attributes);
        pieces.entry("establishment_attributes").or_default().push(long);
    }
}
