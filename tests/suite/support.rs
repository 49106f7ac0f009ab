use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A temporary folder to run in.
pub fn workshop() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Runs the program in a folder.
pub fn assay(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts")
}

/// Runs the program and insists on success.
pub fn assay_ok(folder: &Path, arguments: &[&str]) -> Output {
    let output = assay(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    output
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Path of one of the project's pipelines.
pub fn pipeline(name: &str) -> String {
    root().join("pipelines").join(name).display().to_string()
}

/// A CSV file as one map per record.
pub fn records(path: &Path) -> Vec<BTreeMap<String, String>> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8(bytes).expect("UTF-8");
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().expect("a header").clone();
    reader
        .records()
        .map(|record| {
            let record = record.expect("a record");
            header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
        })
        .collect()
}

pub fn json(path: &Path) -> serde_json::Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Every published file but the run record, which holds seconds.
pub fn published(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(out).expect("a report");
    entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_name() != "run.json")
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("reads"))
        })
        .collect()
}

/// What is personal in the exports is in none of these files.
pub fn no_personal_data(truth: &serde_json::Value, files: &[PathBuf]) {
    let canaries = truth["canaries"].as_array().expect("canaries");
    let canaries: Vec<&str> = canaries.iter().filter_map(serde_json::Value::as_str).collect();
    assert!(canaries.len() >= 3, "{canaries:?}");
    for path in files {
        let bytes = std::fs::read(path).expect("reads");
        for canary in &canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds {canary}", path.display());
        }
    }
}

/// Rows of a run record, which must always add up.
pub fn rows(run: &serde_json::Value) -> [u64; 5] {
    let rows = ["read", "accepted", "rejected", "duplicate", "superseded"]
        .map(|name| run["rows"][name].as_u64().expect("a count"));
    assert_eq!(rows[0], rows[1..].iter().sum::<u64>(), "read = accepted + rejected + duplicate + superseded");
    rows
}
