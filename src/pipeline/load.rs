//! Reads and checks the files of a source: the bridge between the declaration and the stages.

use std::path::Path;

use rayon::prelude::*;

use super::inputs::Input;
use super::source_file::{From, SourceFile};
use super::{Observer, RunError};
use crate::column::Coded;
use crate::judge::CONCLUSION;
use crate::model::{ColumnKind, InputFile, Value};
use crate::normalize::ColumnRule;
use crate::reference::Reference;
use crate::source::{self, Advance, Layout, Request, Wide};
use crate::validate::{CheckSpec, Checked, check};

/// Column that says which source of the pipeline brought a row.
pub const SOURCE: &str = "$source";

/// Column that holds packed determinations until they are distributed.
pub const PACKED: &str = "packed";

/// One sheet of one file, read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// Position of the source in the pipeline.
    pub source: usize,
    pub input: InputFile,
    pub sheet: String,
    pub encoding: &'static str,
    pub checked: Checked,
    pub unknown_headers: Vec<String>,
}

/// Reads all files of all sources in parallel; the result is in the order of the pipeline.
///
/// # Errors
/// The first file, in that order, that cannot be read at all.
pub fn load(
    sources: &[(SourceFile, Vec<Input>)],
    reference: &Reference,
    unpacker: Option<&Path>,
    observer: &dyn Observer,
) -> Result<Vec<Loaded>, RunError> {
    let files: Vec<(usize, &SourceFile, &Input)> = sources
        .iter()
        .enumerate()
        .flat_map(|(index, (source, inputs))| inputs.iter().map(move |input| (index, source, input)))
        .collect();
    let sizes = files.iter().filter_map(|(_, _, input)| std::fs::metadata(&input.path).ok());
    observer.announce(sizes.map(|found| found.len()).sum());
    let advance = |bytes, rows| observer.advance(bytes, rows);
    let loaded: Vec<Result<Vec<Loaded>, RunError>> = files
        .into_par_iter()
        .map(|(index, source, input)| load_file((index, source), input, reference, unpacker, &advance))
        .collect();
    let mut all = Vec::new();
    for sheets in loaded {
        all.extend(sheets?);
    }
    Ok(all)
}

fn load_file(
    (index, source): (usize, &SourceFile),
    input: &Input,
    reference: &Reference,
    unpacker: Option<&Path>,
    advance: Advance<'_>,
) -> Result<Vec<Loaded>, RunError> {
    let (layout, spec) = plan(source, input, reference);
    let tables = source::read(&input.path, &layout, unpacker, advance)
        .map_err(|error| RunError::Source { source_name: source.name.clone(), error: Box::new(error) })?;
    let sheets = tables.into_iter().map(|table| {
        let mut checked = check(&table, &input.file, &spec, reference);
        let rows = checked.frame.rows();
        let number = i64::try_from(index).unwrap_or_default();
        checked.frame.set(SOURCE, Coded::constant(Value::Integer(number), rows));
        checked.frame.set(CONCLUSION, Coded::constant(Value::text(source.conclusion.as_str()), rows));
        identify_establishments(source, &mut checked);
        Loaded {
            source: index,
            input: input.file.clone(),
            sheet: table.sheet.to_string(),
            encoding: table.encoding,
            unknown_headers: table.unknown_headers,
            checked,
        }
    });
    Ok(sheets.collect())
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
fn identify_establishments(source: &SourceFile, checked: &mut Checked) {
    let frame = &mut checked.frame;
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
