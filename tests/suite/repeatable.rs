//! Same inputs, same program: same bytes, on any number of threads and in any place.

use super::support::{assay_ok, pipeline, published, workshop};

#[test]
fn reports_are_the_same_bytes_on_any_number_of_threads() {
    let folder = workshop();
    assay_ok(folder.path(), &["simulate", "--seed", "5", "--samples", "300", "--out", "data", "--quiet"]);
    let run = |threads: &str| {
        let (out, lake) = (format!("out-{threads}"), format!("lake-{threads}"));
        let arguments = [
            "run",
            &pipeline("xiping-2020.toml"),
            "--param",
            "data=data",
            "--out",
            &out,
            "--lake",
            &lake,
            "--threads",
            threads,
            "--quiet",
        ];
        assay_ok(folder.path(), &arguments);
        published(&folder.path().join(out))
    };
    let one = run("1");
    assert!(one.len() >= 8, "{:?}", one.keys());
    for threads in ["2", "3", "8"] {
        for (name, bytes) in run(threads) {
            assert!(one.get(&name) == Some(&bytes), "{name} differs on {threads} threads");
        }
    }
}

#[test]
fn a_renamed_export_changes_no_figure() {
    let folder = workshop();
    assay_ok(folder.path(), &["simulate", "--seed", "5", "--samples", "200", "--out", "data", "--quiet"]);
    let run = |out: &str| {
        let arguments =
            ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--out", out, "--quiet"];
        assay_ok(folder.path(), &arguments);
        published(&folder.path().join(out))
    };
    let before = run("before");
    let data = folder.path().join("data");
    std::fs::rename(data.join("disposal.csv"), data.join("disposal (copy).csv")).expect("renames");
    std::fs::copy(data.join("applications.csv"), data.join("applications again.csv")).expect("copies");
    let after = run("after");
    for name in ["scorecard.csv", "scorecard.parquet", "indicators.csv", "cells.parquet"] {
        assert!(before[name] == after[name], "{name}");
    }
}

/// What the benchmarks time, small: a change for speed that changes a byte is noticed here first.
#[test]
fn the_input_of_the_benchmarks_gives_the_report_it_always_gave() {
    let folder = workshop();
    let simulate = [
        "simulate",
        "--layout",
        "flat",
        "--seed",
        "3",
        "--samples",
        "2000",
        "--dirt",
        "--out",
        "data",
        "--quiet",
    ];
    assay_ok(folder.path(), &simulate);
    assay_ok(folder.path(), &["run", &pipeline("flat.toml"), "--param", "file=data/flat.csv", "--quiet"]);
    let report = published(&folder.path().join("out"));
    let hash_of = |ends: &[&str]| {
        let mut hasher = blake3::Hasher::new();
        for (name, bytes) in report.iter().filter(|(name, _)| ends.iter().any(|end| name.ends_with(end))) {
            hasher.update(name.as_bytes()).update(bytes);
        }
        hasher.finalize().to_hex().to_string()
    };
    let hash = hash_of(&[".csv", ".json"]);
    println!("report of the benchmarks' input: {hash}");
    insta::assert_snapshot!(hash);
    // `verify` and `reproduce` compare bytes with what this version wrote: other bytes need another version.
    insta::assert_snapshot!("packed", format!("{} {}", env!("CARGO_PKG_VERSION"), hash_of(&[".parquet"])));
}
