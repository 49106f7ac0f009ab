//! Whatever takes bytes from outside. Shared by the fuzzing of the suite, which is seeded and short, and by that of
//! cargo-fuzz, which follows coverage and has no end.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use assay::cube::Filter;
use assay::normalize::{Sign, parse_date, parse_limit, parse_result};
use assay::source::{Layout, PIECE, Reader, Request, Sheets, Wide};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn result(bytes: &[u8]) {
    drop(parse_result(&text(bytes)));
}

pub fn limit(bytes: &[u8]) {
    drop(parse_limit(&text(bytes), Sign::AtMost));
}

pub fn date(bytes: &[u8]) {
    let _ = parse_date(&text(bytes));
}

pub fn expression(bytes: &[u8]) {
    drop(Filter::parse(&text(bytes)));
}

pub fn pipeline(bytes: &[u8]) {
    drop(assay::pipeline::parse(Path::new("x.toml"), &text(bytes)));
}

fn layout() -> Layout {
    let request = |name: &str| Request {
        name: name.to_owned(),
        headers: vec![name.to_owned()],
        aliases: Vec::new(),
        required: name == "a",
    };
    Layout {
        requests: vec![request("a"), request("b")],
        wide: Wide::RestBut(Vec::new()),
        sheets: Sheets::All,
        header_row: None,
        encoding: None,
        delimiter: None,
    }
}

/// A file of whatever kind its bytes say, read whole and in pieces: what both can read, they read alike. A long text is
/// not read twice to learn its encoding, so what does not decode is found later, or never.
pub fn file(bytes: &[u8], path: &Path) {
    fs::write(path, bytes).expect("writes");
    let [whole, pieces] = [PIECE, 100].map(|piece| {
        let spare = Arc::default();
        let reader = Reader { unpacker: None, piece, advance: &|_, _| {}, keeper: None, spare: &spare };
        let taken = reader.read(path, &layout(), &|table| table.lines.len()).ok()?;
        Some(taken.iter().map(|taken| taken.value).sum::<usize>())
    });
    if whole.is_some() && pieces.is_some() {
        assert_eq!(whole, pieces);
    }
}
