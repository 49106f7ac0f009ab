use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use crate::column::{Coded, Frame, combine};
use crate::model::{Code, ColumnKind, InputFile, Origin, Rejection, Scope, Value};
use crate::normalize::{ColumnRule, Normalized, fold, mask, normalize_column};
use crate::reference::Reference;
use crate::source::{RawColumn, RawTable};

/// Name of the column that says which of two records of the same key is the later one.
pub const VERSION: &str = "$version";

/// How the rows of a source become typed rows. The first rules answer `RawTable::columns` one by one.
#[derive(Debug, Clone)]
pub struct CheckSpec {
    pub rules: Vec<ColumnRule>,
    /// Columns glued together from several raw columns: rule, indices into `RawTable::columns`.
    pub joined: Vec<(ColumnRule, Vec<usize>)>,
    /// The same value on every row of the file: constants and captures of the file's name.
    pub constants: Vec<(ColumnRule, String)>,
    /// How the columns of a wide table are read; they are kept under their header behind [`wide_name`].
    pub wide: Option<ColumnRule>,
    /// Column, or constant, whose value ranks versions of a record.
    pub version: Option<String>,
}

/// Accepted rows of one sheet, and what was refused.
#[derive(Debug)]
pub struct Checked {
    pub frame: Frame,
    /// Headers of the wide columns, in order; their frame columns are named `wide:` + header.
    pub wide: Vec<String>,
    pub rejections: Vec<Rejection>,
    /// What was accepted and deserves a look.
    pub warnings: Vec<Rejection>,
    pub rows_read: u64,
    pub rows_rejected: u64,
}

/// Normalizes the columns of a sheet and refuses the rows that hold a fault.
pub fn check(table: &RawTable, input: &InputFile, spec: &CheckSpec, reference: &Reference) -> Checked {
    let rows = table.lines.len();
    let mut rejections: Vec<Rejection> = table
        .bad_records
        .iter()
        .map(|bad| Rejection {
            origin: origin(table, input, bad.line),
            column: bad.column.clone(),
            scope: Scope::Row,
            code: bad.fault.code,
            found: mask(&bad.found),
            expected: bad.fault.expected.clone(),
            hint: bad.fault.code.mend().to_owned(),
        })
        .collect();
    let mut frame = Frame::new(
        vec![0; rows],
        table.lines.clone(),
        vec![(input.name.clone(), table.sheet.clone(), input.blake3.clone())],
    );
    let mut bad = vec![false; rows];
    let mut warnings = Vec::new();
    let mut columns: Vec<(String, Cow<'_, RawColumn>, &ColumnRule)> = Vec::new();
    for (rule, column) in spec.rules.iter().zip(&table.columns) {
        columns.extend(column.iter().map(|column| (rule.column.clone(), Cow::Borrowed(column), rule)));
    }
    for (rule, parts) in &spec.joined {
        columns.push((rule.column.clone(), Cow::Owned(join(table, parts)), rule));
    }
    for (rule, text) in &spec.constants {
        let texts = Coded::constant(Arc::from(text.as_str()), rows);
        columns.push((rule.column.clone(), Cow::Owned(RawColumn { header: String::new(), texts }), rule));
    }
    let mut wide = Vec::new();
    if let Some(rule) = &spec.wide {
        for column in &table.wide {
            columns.push((wide_name(&column.header), Cow::Borrowed(column), rule));
            wide.push(column.header.clone());
        }
    }
    let normalized: Vec<Normalized> = columns
        .par_iter()
        .map(|(_, column, rule)| normalize_column(&column.texts, rule, reference))
        .collect();
    for ((name, column, rule), normalized) in columns.into_iter().zip(normalized) {
        refuse(&normalized, &column, rule, table, input, &mut bad, &mut rejections);
        if rule.kind == ColumnKind::Region {
            warn_of_retired(&column, table, input, reference, &mut warnings);
        }
        frame.set(&name, normalized.values);
    }
    let rows_rejected = table.bad_records.len() + bad.iter().filter(|bad| **bad).count();
    if rows_rejected > table.bad_records.len() {
        let good: Vec<u32> = (0..rows as u32).filter(|row| !bad[*row as usize]).collect();
        frame = frame.take(&good);
    }
    if let Some(version) = &spec.version {
        let ranked = frame.column_or_missing(version).map(rank);
        frame.set(VERSION, ranked);
    }
    Checked {
        frame,
        wide,
        rejections,
        warnings,
        rows_read: (rows + table.bad_records.len()) as u64,
        rows_rejected: rows_rejected as u64,
    }
}

/// The frame's name for a column of a wide table.
pub fn wide_name(header: &str) -> String {
    format!("wide:{header}")
}

/// Version 10 is later than version 9.
pub fn rank(version: &Value) -> Value {
    match version {
        Value::Text(text) => text.parse().map_or_else(|_| version.clone(), Value::Integer),
        other => other.clone(),
    }
}

fn origin(table: &RawTable, input: &InputFile, line: u64) -> Origin {
    Origin { file: input.name.clone(), sheet: table.sheet.clone(), line }
}

fn refuse(
    normalized: &Normalized,
    texts: &RawColumn,
    rule: &ColumnRule,
    table: &RawTable,
    input: &InputFile,
    bad: &mut [bool],
    rejections: &mut Vec<Rejection>,
) {
    if normalized.faults.is_empty() {
        return;
    }
    for (row, code) in texts.texts.codes().iter().enumerate() {
        let Some(fault) = normalized.faults.get(code) else { continue };
        bad[row] = true;
        let text = texts.texts.get(row);
        rejections.push(Rejection {
            origin: origin(table, input, table.lines[row]),
            column: if texts.header.is_empty() { rule.column.clone() } else { texts.header.clone() },
            scope: Scope::Row,
            code: fault.code,
            found: shown(text, rule, fault.code),
            expected: fault.expected.clone(),
            hint: match (fault.code, &rule.date_format) {
                (Code::BadDate, Some(format)) => {
                    format!("write the day as the pipeline declares it: {format}")
                }
                (code, _) => code.mend().to_owned(),
            },
        });
    }
}

/// Last rows of the sheets of spreadsheet programs: XLS, and XLSX.
const ROW_LIMITS: [u64; 2] = [65_536, 1_048_576];

/// A table that ends where a spreadsheet ends was likely cut there: a public agency once lost 15,841 cases so.
pub fn cut_off(input: &InputFile, sheet: &Arc<str>, last_line: u64) -> Option<Rejection> {
    ROW_LIMITS.contains(&last_line).then(|| {
        let (found, expected) =
            (format!("{last_line} rows"), "a table that ends before the last row there is".to_owned());
        let place = Origin { file: input.name.clone(), sheet: sheet.clone(), line: last_line };
        Rejection::warning(place, "", Code::RowLimit, found, expected)
    })
}

/// Codes of divisions that are no more and have no successor here are places that nobody knows.
fn warn_of_retired(
    texts: &RawColumn,
    table: &RawTable,
    input: &InputFile,
    reference: &Reference,
    warnings: &mut Vec<Rejection>,
) {
    let retired = texts.texts.map(|text| reference.regions.is_retired(&fold(text.as_ref())));
    if !retired.values().contains(&true) {
        return;
    }
    for row in (0..table.lines.len()).filter(|row| *retired.get(*row)) {
        let place = origin(table, input, table.lines[row]);
        let (found, expected) =
            (fold(texts.texts.get(row)).into_owned(), "a township that is in force".to_owned());
        warnings.push(Rejection::warning(place, &texts.header, Code::RetiredRegion, found, expected));
    }
}

fn shown(text: &str, rule: &ColumnRule, code: Code) -> String {
    let clip = |text: &str| text.trim().chars().take(80).collect::<String>();
    match (rule.personal, code) {
        (true, _) => "***".to_owned(),
        (_, Code::BadCode) => clip(text),
        _ => clip(&mask(text)),
    }
}

/// Glues the texts of several columns together with `/`, once per distinct combination.
fn join(table: &RawTable, parts: &[usize]) -> RawColumn {
    let rows = table.lines.len();
    let columns: Vec<&RawColumn> =
        parts.iter().filter_map(|part| table.columns.get(*part)?.as_ref()).collect();
    let (codes, distinct) = combine(columns.iter().map(|column| &column.texts), rows);
    let mut values: Vec<Option<Arc<str>>> = vec![None; distinct];
    for (row, code) in codes.iter().enumerate() {
        let value = &mut values[*code as usize];
        if value.is_none() {
            let texts: Vec<&str> = columns.iter().map(|column| column.texts.get(row).trim()).collect();
            let empty = texts.iter().all(|text| text.is_empty());
            *value = Some(Arc::from(if empty { String::new() } else { texts.join("/") }));
        }
    }
    let header = columns.iter().map(|column| column.header.as_str()).collect::<Vec<_>>().join("+");
    RawColumn { header, texts: Coded::new(values.into_iter().flatten().collect(), codes) }
}
