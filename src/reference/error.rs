use std::path::PathBuf;

/// Why the reference tables cannot be used. A table is taken whole or not at all.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// A field does not say what its column asks for.
    #[error("{file}, line {line}, column `{column}`: found `{found}`, expected {expected}")]
    Value { file: String, line: u64, column: String, found: String, expected: String },
    /// The header row lacks a column.
    #[error("{file}, line 1: column `{column}` is missing; the header is {found}")]
    MissingColumn { file: String, column: String, found: String },
    /// A record has more or fewer fields than the header, or is no CSV at all.
    #[error("{file}, line {line}: {found}, expected {expected}")]
    Malformed { file: String, line: u64, found: String, expected: String },
    /// A table saved in another encoding.
    #[error("{}, line {line}: the text is not UTF-8; save the table as UTF-8 CSV", path.display())]
    NotUtf8 { path: PathBuf, line: u64 },
    /// A file that overrides nothing, most often a slip in its name.
    #[error("{}: no such reference table; the nearest is `{nearest}`", path.display())]
    UnknownFile { path: PathBuf, nearest: &'static str },
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}
