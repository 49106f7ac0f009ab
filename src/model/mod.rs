//! The nouns every room shares. Depends on nothing of ours.

mod origin;
mod rejection;
mod schema;
mod text;
mod value;
mod vocabulary;

pub use origin::{InputFile, Origin};
pub use rejection::{Code, Fault, Rejection, Scope};
pub use schema::{ColumnKind, ColumnSchema, TABLES, TableSchema, column_kind, table};
pub use text::{half_width, is_blank};
pub use value::{Exact, Value};
pub use vocabulary::{Vocabulary, vocabulary};

/// The value of a dimension for which a record says nothing.
pub const UNKNOWN: &str = "unknown";

/// The nearest of `candidates` to a misspelt `word`, if one is near enough to be worth naming.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.72)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_names_a_likely_key_or_none() {
        for (word, expected) in [
            ("encodng", Some("encoding")),
            ("header-row", Some("header_row")),
            ("抽样单号", Some("抽样单编号")),
            ("zzz", None),
        ] {
            let candidates = ["encoding", "header_row", "抽样单编号", "sheet"];
            assert_eq!(nearest(word, candidates), expected, "{word}");
        }
    }
}
