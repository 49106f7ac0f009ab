use std::path::{Path, PathBuf};

/// Why a whole file cannot be read. Single bad records are no error: see [`super::BadRecord`].
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{}: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: Box<Problem> },
}

/// What is wrong with the content.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the file is empty, not even a header row is in it")]
    Empty,
    #[error("{what} ({detail})")]
    Damaged { what: &'static str, detail: String },
    #[error("the text is neither {tried}: byte {offset} on line {line} does not decode")]
    Encoding { tried: String, offset: usize, line: u64 },
    #[error("{kind} files are not read here; save it as XLSX or CSV")]
    Unsupported { kind: &'static str },
    #[error("{what} is {size} bytes, more than the {limit} that are read")]
    TooLarge { what: String, size: u64, limit: u64 },
    #[error("no sheet `{wanted}`; the workbook has {found}")]
    NoSheet { wanted: String, found: String },
    #[error("{}", missing_text(.sheet, *.line, .missing, .seen))]
    MissingColumns { sheet: String, line: u64, missing: Vec<Missing>, seen: Vec<String> },
    #[error("header `{header}` of column `{name}` occurs {count} times{}; write {choices}", in_sheet(.sheet))]
    Ambiguous { sheet: String, name: String, header: String, count: usize, choices: String },
}

/// A required column that no header carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub name: String,
    pub expected: String,
    pub nearest: Option<String>,
}

impl Problem {
    pub(super) fn in_file(self, path: &Path) -> SourceError {
        match self {
            Problem::Io(source) => SourceError::Io { path: path.to_owned(), source },
            problem => SourceError::Unreadable { path: path.to_owned(), problem: Box::new(problem) },
        }
    }
}

impl SourceError {
    /// True where the operating system refused, false where the content is at fault.
    pub fn is_io(&self) -> bool {
        matches!(self, SourceError::Io { .. })
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            SourceError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("put the export there, correct the path, or give the source `optional = true`")
            }
            SourceError::Io { .. } => None,
            SourceError::Unreadable { problem, .. } => match **problem {
                Problem::Empty => {
                    Some("export it again, or give the source `optional = true` and delete the file")
                }
                Problem::Damaged { .. } => {
                    Some("the file was cut or damaged on its way: copy or export it again")
                }
                Problem::Encoding { .. } => {
                    Some("declare the source's `encoding`, or export as UTF-8 or GB18030")
                }
                Problem::MissingColumns { .. } => {
                    Some("add the header to the column's list in the pipeline, or correct the export")
                }
                Problem::NoSheet { .. } => Some("correct `sheet` in the pipeline"),
                Problem::Io(_)
                | Problem::Ambiguous { .. }
                | Problem::Unsupported { .. }
                | Problem::TooLarge { .. } => None,
            },
        }
    }
}

fn in_sheet(sheet: &str) -> String {
    if sheet.is_empty() { String::new() } else { format!(" in sheet `{sheet}`") }
}

fn missing_text(sheet: &str, line: u64, missing: &[Missing], seen: &[String]) -> String {
    let mut text = format!("no header row with all required columns{}", in_sheet(sheet));
    for Missing { name, expected, nearest } in missing {
        text.push_str(&format!("\n  missing: {name} (looked for {expected}"));
        match nearest {
            Some(nearest) => text.push_str(&format!("; nearest is `{nearest}`)")),
            None => text.push(')'),
        }
    }
    let seen: Vec<&str> = seen.iter().filter(|header| !header.is_empty()).map(String::as_str).collect();
    match seen.as_slice() {
        [] => text.push_str("\n  no line answers any of them; is this the right file, sheet and encoding?"),
        seen => text.push_str(&format!("\n  best candidate, line {line}: {}", seen.join(", "))),
    }
    text
}
