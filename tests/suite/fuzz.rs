//! Inputs that nobody would write: mutated from a corpus, seeded, so that every run is the same. Nothing may panic, hang or
//! ask for memory without bound. `ASSAY_FUZZ=100000` makes more of them. What breaks goes into `tests/suite/corpus`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::root;

#[path = "../fuzz/readers.rs"]
mod readers;

/// Pieces that break readers.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"\n",
    b"\r\n",
    b",",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x81\x30\x81\x30",
    b"'",
    b"(",
    b")",
    b"[",
    b"]",
    b"=",
    b"{",
    b"}",
    b"99999999999999999999",
    b"-1",
    b"\xe6\x9c\xaa\xe6\xa3\x80\xe5\x87\xba",
    b"10^(",
    b"\xc3\x97",
    b"and ",
    b"not ",
    b"1e308",
];

fn mutate(bytes: &[u8], dice: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..dice.random_range(1..6) {
        let place = dice.random_range(0..=bytes.len());
        let end = (place + dice.random_range(0..20)).min(bytes.len());
        match dice.random_range(0..5) {
            0 if place < bytes.len() => bytes[place] ^= 1 << dice.random_range(0..8),
            1 => drop(bytes.drain(place..end)),
            2 => {
                let again = bytes[place..end].to_vec();
                bytes.splice(place..place, again);
            }
            3 => bytes.truncate(place.max(1)),
            _ => {
                let piece = *PIECES.choose(dice).unwrap_or(&PIECES[0]);
                bytes.splice(place..place, piece.iter().copied());
            }
        }
    }
    bytes
}

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/suite/corpus").join(kind);
    let mut paths: Vec<_> =
        fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("reads")).collect()
}

/// Gives every mutated seed to a reader; one that panics is shown.
fn feed(kind: &str, share: u32, seeds: &[Vec<u8>], reader: impl Fn(&[u8])) {
    let all: u32 = std::env::var("ASSAY_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(6000);
    let mut dice = ChaCha8Rng::seed_from_u64(20);
    for seed in seeds {
        reader(seed);
    }
    for _ in 0..all / share {
        let mut input = mutate(seeds.choose(&mut dice).expect("a seed"), &mut dice);
        if dice.random_bool(0.3) {
            input = mutate(&input, &mut dice);
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| reader(&input)));
        assert!(outcome.is_ok(), "{kind}: {}", input.escape_ascii());
    }
}

#[test]
fn texts_of_cells_never_break_their_readers() {
    feed("result", 1, &corpus("result"), readers::result);
    feed("limit", 1, &corpus("limit"), readers::limit);
    feed("date", 1, &corpus("date"), readers::date);
}

#[test]
fn expressions_never_break_their_reader() {
    feed("filter", 2, &corpus("filter"), readers::expression);
    // Depth is what breaks parsers that call themselves.
    for depth in [100, 10_000, 200_000] {
        readers::expression(format!("{}a = 'b'{}", "(".repeat(depth), ")".repeat(depth)).as_bytes());
        readers::expression(format!("{}a = 'b'", "not ".repeat(depth)).as_bytes());
    }
}

#[test]
fn pipelines_never_break_their_reader() {
    let mut seeds = corpus("toml");
    for entry in fs::read_dir(root().join("pipelines")).expect("pipelines") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            seeds.push(fs::read(path).expect("reads"));
        }
    }
    feed("toml", 4, &seeds, readers::pipeline);
}

#[test]
fn files_never_break_their_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    for (kind, share) in [("csv", 4), ("xlsx", 8)] {
        feed(kind, share, &corpus(kind), |bytes| readers::file(bytes, &path));
    }
}
