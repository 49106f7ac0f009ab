use std::sync::Arc;

/// One file that a pipeline reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Path as a person would recognise it: relative to the pipeline's data folder where it can be.
    pub name: Arc<str>,
    /// BLAKE3 of the bytes, in hexadecimal; empty until the file has been read once.
    pub blake3: Arc<str>,
}

/// Where a record came from. `line` is what an editor shows (1-based); in a workbook it is the row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub file: Arc<str>,
    /// Sheet of a workbook; empty for text files.
    pub sheet: Arc<str>,
    pub line: u64,
}
