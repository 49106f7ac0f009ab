//! `[source.NAME]`: which files, into which tables, column by column.

use std::collections::BTreeMap;
use std::ops::Range;

use encoding_rs::Encoding;
use regex::Regex;
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Placed, Section, scalar_of, text_of, texts_of};
use super::file::is_reserved;
use crate::judge::ConclusionFrom;
use crate::model::{ColumnKind, TABLES, TableSchema, nearest, table, vocabulary};
use crate::normalize::{ColumnRule, Other, fold};
use crate::source::Sheets;

/// A source as the pipeline declares it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub name: String,
    pub span: Range<usize>,
    pub files: Vec<String>,
    pub into: Vec<&'static TableSchema>,
    pub attach: bool,
    /// Of the files of one scope only the latest counts: what it lacks is gone.
    pub snapshot: bool,
    pub optional: bool,
    pub encoding: Option<&'static Encoding>,
    pub delimiter: Option<u8>,
    pub sheets: Sheets,
    pub header_row: Option<u64>,
    pub file_pattern: Option<Regex>,
    pub version: Option<String>,
    pub key: Option<Vec<String>>,
    pub conclusion: ConclusionFrom,
    pub columns: Vec<ColumnFile>,
    pub constants: Vec<(ColumnRule, String)>,
    pub wide: Option<WideFile>,
    /// Headers of a cell that packs determinations as 项目║结果║标准值; the first that is there.
    pub packed: Option<Vec<String>>,
    pub attributes: Vec<AttributeFile>,
}

/// Where a column's text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The first of these headers that is there.
    Headers(Vec<String>),
    /// Several headers glued together with `/`.
    Joined(Vec<String>),
    /// A named group of `file_pattern`.
    Capture(String),
}

#[derive(Debug, Clone)]
pub struct ColumnFile {
    pub from: From,
    /// The export may lack the column altogether.
    pub optional: bool,
    pub rule: ColumnRule,
}

/// Columns that are rows: one determination per column of a monitoring table, one limit per analyte.
#[derive(Debug, Clone)]
pub struct WideFile {
    /// Table of the long rows; the source's own table where it is the same.
    pub into: &'static TableSchema,
    /// Column that receives the header.
    pub name: String,
    /// Column that receives the cell.
    pub value: String,
    pub decimal_comma: bool,
    pub except: Vec<String>,
    pub only: Option<Vec<String>>,
    pub constants: Vec<(ColumnRule, String)>,
}

/// A dated attribute of an establishment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFile {
    pub name: String,
    pub from: String,
    pub to: Option<String>,
}

/// What a source's files are to each other and to other tables.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Rows,
    Attach,
    Snapshot,
}

pub const SOURCE_KEYS: &[&str] = &[
    "files",
    "into",
    "mode",
    "optional",
    "encoding",
    "delimiter",
    "sheet",
    "header_row",
    "file_pattern",
    "version",
    "key",
    "conclusion",
    "columns",
    "constants",
    "wide",
    "packed",
    "attributes",
];
pub const COLUMN_KEYS: &[&str] = &[
    "from",
    "join",
    "values",
    "other",
    "extract",
    "form",
    "date_format",
    "decimal_comma",
    "default",
    "required",
    "optional",
    "personal",
    "pseudonym",
];
pub const WIDE_KEYS: &[&str] = &["into", "name", "value", "decimal_comma", "except", "only", "constants"];
pub const ATTRIBUTE_KEYS: &[&str] = &["from", "to"];

/// Reads a source; `own` are the pipeline's dimensions with their tables.
pub fn read_source(name: &str, section: &Section<'_>, own: &[(String, String)]) -> Option<SourceFile> {
    section.only(SOURCE_KEYS);
    let files = section.texts("files");
    if files.is_none() && !section.has("files") {
        section.problem(section.span(), format!("[source.{name}] lacks `files`"), None);
    }
    let into: Vec<&'static TableSchema> = section
        .texts("into")
        .unwrap_or_default()
        .iter()
        .filter_map(|name| known_table(section, name))
        .collect();
    if into.is_empty() {
        if !section.has("into") {
            section.problem(
                section.span(),
                format!("[source.{name}] lacks `into`, the table it fills"),
                None,
            );
        }
        return None;
    }
    let modes = [("rows", Mode::Rows), ("attach", Mode::Attach), ("snapshot", Mode::Snapshot)];
    let mode = section.word("mode", &modes).unwrap_or(Mode::Rows);
    let mut columns = Vec::new();
    if let Some(section) = section.section("columns") {
        for (key, value) in section.entries() {
            columns.extend(read_column(&section, &key, value, &into, own));
        }
    }
    let wide = section.section("wide").and_then(|section| read_wide(&section, &into, own));
    let conclusions = [ConclusionFrom::Stated, ConclusionFrom::Items, ConclusionFrom::Judged];
    let source = SourceFile {
        name: name.to_owned(),
        span: section.span(),
        files: files.unwrap_or_default().into_iter().map(Spanned::into_inner).collect(),
        attach: mode == Mode::Attach,
        snapshot: mode == Mode::Snapshot,
        optional: section.flag("optional").unwrap_or(false),
        encoding: section.text("encoding").and_then(|label| read_encoding(section, &label)),
        delimiter: section.text("delimiter").and_then(|text| read_delimiter(section, &text)),
        sheets: match section.texts("sheet") {
            None => Sheets::First,
            Some(names) if names.iter().any(|name| name.get_ref() == "*") => Sheets::All,
            Some(names) => Sheets::Named(names.into_iter().map(Spanned::into_inner).collect()),
        },
        header_row: section.integer("header_row"),
        file_pattern: section.text("file_pattern").and_then(|text| read_pattern(section, &text)),
        version: section.text("version").map(Spanned::into_inner),
        key: section.texts("key").map(|key| key.into_iter().map(Spanned::into_inner).collect()),
        conclusion: section
            .word("conclusion", &conclusions.map(|from| (from.as_str(), from)))
            .unwrap_or_default(),
        constants: section
            .section("constants")
            .map(|section| read_constants(&section, &into, own))
            .unwrap_or_default(),
        attributes: section
            .section("attributes")
            .map(|section| read_attributes(&section))
            .unwrap_or_default(),
        packed: section.texts("packed").map(|headers| headers.into_iter().map(Spanned::into_inner).collect()),
        columns,
        wide,
        into,
    };
    check_references(section, &source);
    check_keys(section, &source);
    check_shape(section, &source);
    Some(require_keys(source))
}

/// Columns that a record may lack although they are part of its table's key.
const OPTIONAL_KEYS: [&str; 4] = ["id", "region", "agency", "received_on"];

/// Without its key every record would look like the same one.
fn check_keys(section: &Section<'_>, source: &SourceFile) {
    if source.columns.is_empty() {
        return;
    }
    let wide = source.wide.as_ref();
    let filled = |name: &str| {
        source.columns.iter().any(|column| column.rule.column == name)
            || source.constants.iter().any(|(rule, _)| rule.column == name)
            || wide.is_some_and(|wide| wide.name == name || wide.value == name)
    };
    for table in &source.into {
        let required = table.columns.iter().filter(|column| column.required).map(|column| column.name);
        let needed: Vec<&str> = match &source.key {
            Some(_) => required.collect(),
            None => required.chain(table.key.iter().copied()).collect(),
        };
        let missing = needed.into_iter().find(|name| !filled(name) && !OPTIONAL_KEYS.contains(name));
        if let Some(name) = missing {
            let help = format!("say in [source.{}.columns] which header fills `{name}`", source.name);
            section.problem(section.span(), format!("nothing fills `{name}` of {}", table.name), Some(help));
        }
    }
}

/// Combinations that would quietly lose rows.
fn check_shape(section: &Section<'_>, source: &SourceFile) {
    let names: Vec<&str> = source.into.iter().map(|table| table.name).collect();
    let refuse = |message: &str| section.problem(section.span(), message, None);
    if source.into.len() > 1 && names != ["samples", "determinations"] {
        refuse("a row fills one table, or [\"samples\", \"determinations\"] in this order");
    }
    if source.packed.is_some() && (names != ["samples"] || source.wide.is_some() || source.attach) {
        refuse(
            "`packed` brings the determinations of samples: `into` is \"samples\", without wide or attach",
        );
    }
    let versions = source.file_pattern.iter().flat_map(Regex::capture_names).flatten();
    if source.snapshot && !versions.into_iter().any(|name| source.version.as_deref() == Some(name)) {
        refuse("`mode = \"snapshot\"` needs `version`, a named group of `file_pattern` that ranks the files");
    }
    if source.attach && (names != ["samples"] || source.wide.is_some() || !source.attributes.is_empty()) {
        refuse(
            "`mode = \"attach\"` lays columns onto samples: `into` is \"samples\", without wide or attributes",
        );
    }
}

/// A record without a value in its key cannot be told from others.
fn require_keys(mut source: SourceFile) -> SourceFile {
    let key = source.key.clone().unwrap_or_default();
    for column in &mut source.columns {
        let own_id = column.rule.column == "id";
        column.rule.required |= own_id || key.contains(&column.rule.column);
    }
    source
}

/// Keys and versions must name columns that the source really has.
fn check_references(section: &Section<'_>, source: &SourceFile) {
    let names: Vec<&str> = source.columns.iter().map(|column| column.rule.column.as_str()).collect();
    let constants = source.constants.iter().map(|(rule, _)| rule.column.as_str());
    let captures = source.file_pattern.iter().flat_map(Regex::capture_names).flatten();
    let known: Vec<&str> = names.into_iter().chain(constants).chain(captures).collect();
    let references = section.texts("key").unwrap_or_default().into_iter().chain(section.text("version"));
    for reference in references.filter(|reference| !known.contains(&reference.get_ref().as_str())) {
        let help =
            nearest(reference.get_ref(), known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        section.problem(
            reference.span(),
            format!("the source has no column `{}`", reference.get_ref()),
            help,
        );
    }
}

fn known_table(section: &Section<'_>, name: &Placed) -> Option<&'static TableSchema> {
    let found = table(name.get_ref());
    if found.is_none() {
        let known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        let help = match nearest(name.get_ref(), known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("tables are {}", known.join(", ")),
        };
        section.problem(name.span(), format!("there is no table `{}`", name.get_ref()), Some(help));
    }
    found
}

/// The rule for a column of one of the tables, or of a dimension of the pipeline's own.
fn rule_for(
    section: &Section<'_>,
    key: &Placed,
    into: &[&'static TableSchema],
    own: &[(String, String)],
) -> Option<ColumnRule> {
    let name = key.get_ref().as_str();
    if let Some(column) = into.iter().find_map(|table| table.column(name)) {
        return Some(ColumnRule::new(name, column.kind, column.required));
    }
    if own.iter().any(|(own, _)| own == name) {
        return Some(ColumnRule::new(name, ColumnKind::Text, false));
    }
    let known: Vec<&str> = into.iter().flat_map(|table| table.columns).map(|column| column.name).collect();
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? New dimensions are declared in [dimensions]"),
        None => format!("columns are {}; new dimensions are declared in [dimensions]", known.join(", ")),
    };
    let tables: Vec<&str> = into.iter().map(|table| table.name).collect();
    section.problem(key.span(), format!("{} has no column `{name}`", tables.join(" and ")), Some(help));
    None
}

fn read_column(
    parent: &Section<'_>,
    key: &Placed,
    value: &Spanned<DeValue<'_>>,
    into: &[&'static TableSchema],
    own: &[(String, String)],
) -> Option<ColumnFile> {
    let mut rule = rule_for(parent, key, into, own)?;
    let plain = |texts: Vec<Placed>| texts.into_iter().map(Spanned::into_inner).collect::<Vec<_>>();
    let source_of = |texts: Vec<Placed>| match plain(texts).as_slice() {
        [only] if only.starts_with('$') => From::Capture(only.trim_start_matches('$').to_owned()),
        headers => From::Headers(headers.to_vec()),
    };
    if let Some(headers) = texts_of(value) {
        return Some(ColumnFile { from: source_of(headers), optional: false, rule });
    }
    let section = parent.section_of(key.get_ref(), value)?;
    section.only(COLUMN_KEYS);
    let from = match (section.texts("from"), section.texts("join")) {
        (Some(headers), None) => source_of(headers),
        (None, Some(headers)) => From::Joined(plain(headers)),
        _ => {
            section.problem(
                section.span(),
                format!("`{}` takes either `from` or `join`", key.get_ref()),
                None,
            );
            return None;
        }
    };
    rule.values = section.section("values").map(|values| read_values(&values, rule.kind)).unwrap_or_default();
    rule.other = section
        .word("other", &[("keep", Other::Keep), ("reject", Other::Reject), ("missing", Other::Missing)])
        .unwrap_or_default();
    rule.extract = section.text("extract").and_then(|text| read_pattern(&section, &text));
    rule.date_format = section.text("date_format").map(Spanned::into_inner);
    rule.decimal_comma = section.flag("decimal_comma").unwrap_or(false);
    rule.form = section.text("form").and_then(|text| read_pattern(&section, &text));
    rule.default = section.get("default").and_then(scalar_of).map(Spanned::into_inner);
    rule.required = section.flag("required").unwrap_or(rule.required);
    rule.pseudonym = section.flag("pseudonym").unwrap_or(false);
    rule.personal = section.flag("personal").unwrap_or(false) || rule.pseudonym;
    Some(ColumnFile { from, optional: section.flag("optional").unwrap_or(false), rule })
}

fn read_values(section: &Section<'_>, kind: ColumnKind) -> BTreeMap<String, String> {
    let words = match kind {
        ColumnKind::Word(name) => vocabulary(name),
        _ => None,
    };
    let entries = section.entries().into_iter();
    entries
        .filter_map(|(key, value)| {
            let text = scalar_of(value);
            if text.is_none() {
                section.problem(value.span(), "a value stands for one text", None);
            }
            if let (Some(words), Some(text)) = (words, &text)
                && words.canonical(text.get_ref()).is_none()
            {
                let known: Vec<&str> = words.words.iter().map(|(word, _, _)| *word).collect();
                let help = format!("its words are {}", known.join(", "));
                section.problem(
                    text.span(),
                    format!("`{}` is no word of this column", text.get_ref()),
                    Some(help),
                );
            }
            Some((fold(key.get_ref()).into_owned(), text?.into_inner()))
        })
        .collect()
}

fn read_constants(
    section: &Section<'_>,
    into: &[&'static TableSchema],
    own: &[(String, String)],
) -> Vec<(ColumnRule, String)> {
    let entries = section.entries().into_iter();
    entries
        .filter_map(|(key, value)| {
            let rule = rule_for(section, &key, into, own)?;
            let text = scalar_of(value);
            if text.is_none() {
                section.problem(value.span(), format!("`{}` is one value", key.get_ref()), None);
            }
            Some((rule, text?.into_inner()))
        })
        .collect()
}

fn read_wide(
    section: &Section<'_>,
    into: &[&'static TableSchema],
    own: &[(String, String)],
) -> Option<WideFile> {
    section.only(WIDE_KEYS);
    let target = match section.text("into") {
        Some(name) => known_table(section, &name)?,
        None => into.last().copied()?,
    };
    let column = |key: &str, default: &str| {
        let name = section.text(key).unwrap_or_else(|| Spanned::new(section.span(), default.to_owned()));
        rule_for(section, &name, &[target], &[]).map(|rule| rule.column)
    };
    let list =
        |key: &str| section.texts(key).map(|texts| texts.into_iter().map(Spanned::into_inner).collect());
    Some(WideFile {
        name: column("name", "analyte")?,
        value: column("value", "result_text")?,
        decimal_comma: section.flag("decimal_comma").unwrap_or(false),
        except: list("except").unwrap_or_default(),
        only: list("only"),
        constants: section
            .section("constants")
            .map(|section| read_constants(&section, &[target], own))
            .unwrap_or_default(),
        into: target,
    })
}

fn read_attributes(section: &Section<'_>) -> Vec<AttributeFile> {
    let entries = section.entries().into_iter();
    entries
        .filter_map(|(key, value)| {
            if is_reserved(section, &key) {
                return None;
            }
            let name = key.into_inner();
            if let Some(from) = text_of(value) {
                return Some(AttributeFile { name, from: from.into_inner(), to: None });
            }
            let section = section.section_of(&name, value)?;
            section.only(ATTRIBUTE_KEYS);
            let from = section.required_text("from")?.into_inner();
            Some(AttributeFile { name, from, to: section.text("to").map(Spanned::into_inner) })
        })
        .collect()
}

fn read_encoding(section: &Section<'_>, label: &Placed) -> Option<&'static Encoding> {
    let found = Encoding::for_label(label.get_ref().as_bytes());
    if found.is_none() {
        let help = Some("use utf-8, gb18030, utf-16le or utf-16be".to_owned());
        section.problem(label.span(), format!("`{}` is no known encoding", label.get_ref()), help);
    }
    found
}

fn read_delimiter(section: &Section<'_>, text: &Placed) -> Option<u8> {
    match text.get_ref().as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Some(*byte),
        _ => {
            section.problem(text.span(), "`delimiter` is one ASCII character", None);
            None
        }
    }
}

fn read_pattern(section: &Section<'_>, text: &Placed) -> Option<Regex> {
    match Regex::new(text.get_ref()) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            section.problem(text.span(), "this is no regular expression", Some(error.to_string()));
            None
        }
    }
}
