//! Inputs deleted, emptied, cut, re-encoded, mis-headed: a message, an exit code, never a crash.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::support::{assay, assay_ok, code, json, pipeline, records, rows, stderr, workshop};

const PIPELINE: &str = r#"
[pipeline]
name = "x"
as_of = "2020-12-31"

[source.samples]
files = "samples.csv"
into = "samples"

[source.samples.columns]
sample_code = { from = "抽样单编号", form = "^XC[0-9]+$" }
sampled_on = { from = "抽样日期", required = true }
stage = "抽样环节"
sampled_unit = { from = "联系人", personal = true }
"#;

const GOOD: &str =
    "抽样单编号,抽样日期,抽样环节,联系人\nXC1,2020-03-05,流通,张三\nXC2,2020-03-06,餐饮,李四\n";

fn check(folder: &Path, samples: &[u8]) -> std::process::Output {
    fs::write(folder.join("x.toml"), PIPELINE).expect("writes");
    fs::write(folder.join("samples.csv"), samples).expect("writes");
    assay(folder, &["run", "x.toml", "--quiet"])
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let gz = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("packs");
        encoder.finish().expect("packs")
    };
    let packed = gz(GOOD.repeat(50).as_bytes());
    let cases: [(&str, Vec<u8>, i32, &str); 9] = [
        ("empty", Vec::new(), 1, "the file is empty"),
        ("blank", b"\r\n\r\n".to_vec(), 1, "the file is empty"),
        ("cut gzip", packed[..packed.len() / 2].to_vec(), 1, "cannot be unpacked to its end"),
        ("cut workbook", b"PK\x03\x04aaaaaaaaaaaaaaaaaaaa".to_vec(), 1, "no complete ZIP archive"),
        ("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), 1, "the workbook cannot be unpacked"),
        (
            "noise",
            (0..4000u32).map(|i| (i * 7919 % 251) as u8 | 0x80).collect(),
            1,
            "neither UTF-8 nor GB18030",
        ),
        ("no such column", GOOD.replace("抽样日期", "采样时日").into_bytes(), 1, "missing: sampled_on"),
        (
            "no such column, though cells may be empty",
            GOOD.replace("联系人", "电话").into_bytes(),
            1,
            "missing: sampled_unit",
        ),
        ("two of a kind", GOOD.replace("联系人", "抽样日期").into_bytes(), 1, "occurs 2 times"),
    ];
    for (name, bytes, expected_code, expected) in cases {
        let folder = workshop();
        let output = check(folder.path(), &bytes);
        let message = stderr(&output);
        assert_eq!(code(&output), expected_code, "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
        assert!(message.contains("samples.csv"), "{name}: {message}");
        assert!(!folder.path().join("out").exists(), "{name}: nothing is published");
    }
}

#[test]
fn a_missing_file_is_named() {
    let folder = workshop();
    fs::write(folder.path().join("x.toml"), PIPELINE).expect("writes");
    let output = assay(folder.path(), &["run", "x.toml"]);
    assert_eq!(code(&output), 74);
    let message = stderr(&output);
    assert!(message.contains("source `samples`: no file") && message.contains("samples.csv"), "{message}");
    let output = assay(folder.path(), &["run", "y.toml"]);
    assert_eq!(code(&output), 74);
}

#[test]
fn bad_rows_are_listed_with_place_and_reason() {
    let folder = workshop();
    let text = GOOD.to_owned()
        + "XC3,2020-13-45,流通,王五\n,2020-03-05,流通,赵六\nYY4,2020-03-05,流通,\nXC5,2020-03-05,路边,钱七\nXC6,2020-03-05\n\"XC7,2020-03-05,流通,孙八\nXC8,2020-03-05,流通,\n";
    let output = check(folder.path(), text.as_bytes());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(rows(&json(&folder.path().join("out/run.json"))), [9, 3, 6, 0, 0]);
    let listed: Vec<String> = records(&folder.path().join("out/rejections.csv"))
        .iter()
        .map(|row| {
            ["line", "column", "scope", "code", "found", "expected"].map(|name| row[name].clone()).join(" | ")
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"));
}

#[test]
fn re_encoded_files_give_the_same_figures() {
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(GOOD.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let marked: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(GOOD.bytes()).collect();
    let gb18030 = encoding_rs::GB18030.encode(GOOD).0.into_owned();
    let crlf = GOOD.replace('\n', "\r\n").into_bytes();
    let tabs = GOOD.replace(',', "\t").into_bytes();
    for (name, bytes) in
        [("utf-16", utf16), ("marked", marked), ("gb18030", gb18030), ("crlf", crlf), ("tabs", tabs)]
    {
        let folder = workshop();
        let output = check(folder.path(), &bytes);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        assert_eq!(rows(&json(&folder.path().join("out/run.json"))), [2, 2, 0, 0, 0], "{name}");
    }
}

#[test]
fn a_file_cut_inside_a_character_loses_only_its_last_row() {
    for bytes in [GOOD.as_bytes().to_vec(), encoding_rs::GB18030.encode(GOOD).0.into_owned()] {
        let folder = workshop();
        let output = check(folder.path(), &bytes[..bytes.len() - 2]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let counts = rows(&json(&folder.path().join("out/run.json")));
        assert_eq!(counts[0], 2);
    }
}

#[test]
fn a_workbook_of_two_far_cells_costs_nothing() {
    let folder = workshop();
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_string(0, 0, "抽样单编号").expect("writes");
    sheet.write_string(1_048_575, 16_383, "x").expect("writes");
    let bytes = workbook.save_to_buffer().expect("saves");
    let output = check(folder.path(), &bytes);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("missing: sampled_on"), "{}", stderr(&output));
}

#[test]
fn deleting_or_emptying_any_export_of_the_county_is_noticed() {
    let folder = workshop();
    assay_ok(folder.path(), &["simulate", "--samples", "60", "--months", "2", "--out", "data", "--quiet"]);
    let data = folder.path().join("data");
    let files: Vec<_> =
        fs::read_dir(&data).expect("exports").map(|entry| entry.expect("an entry").path()).collect();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension != "json")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = fs::read(path).expect("reads");
        let run = || {
            assay(folder.path(), &["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--quiet"])
        };
        fs::write(path, b"").expect("empties");
        let output = run();
        assert_eq!(code(&output), 1, "{name} emptied: {}", stderr(&output));
        assert!(stderr(&output).contains(&name), "{name} emptied: {}", stderr(&output));
        fs::write(path, &bytes[..bytes.len() / 2]).expect("cuts");
        let output = run();
        assert!([0, 1, 3].contains(&code(&output)), "{name} cut: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{name} cut: {}", stderr(&output));
        fs::write(path, &bytes).expect("restores");
    }
}

#[test]
fn too_many_rejections_publish_nothing_and_are_shown() {
    let folder = workshop();
    let pipeline = PIPELINE.replace("as_of", "max_rejected = \"5%\"\nas_of");
    fs::write(folder.path().join("x.toml"), pipeline).expect("writes");
    fs::write(folder.path().join("samples.csv"), GOOD.replace("2020-03-06", "gestern")).expect("writes");
    let output = assay(folder.path(), &["run", "x.toml"]);
    let message = stderr(&output);
    assert_eq!(code(&output), 3, "{message}");
    assert!(message.contains("samples.csv:3 抽样日期 bad_date: gestern"), "{message}");
    assert!(!folder.path().join("out").exists());
    let held = |part: &str| fs::read_dir(folder.path().join("lake").join(part)).map_or(0, Iterator::count);
    assert_eq!(["objects", "tables"].map(held), [0; 2], "and nothing is stored");
}

#[test]
fn a_table_that_ends_on_the_last_row_of_a_spreadsheet_is_suspected() {
    let folder = workshop();
    let arguments = ["simulate", "--layout", "flat", "--samples", "9000", "--out", "data", "--quiet"];
    assay_ok(folder.path(), &arguments);
    let text = fs::read_to_string(folder.path().join("data/flat.csv")).expect("reads");
    for (rows, suspected) in [(65_535, false), (65_536, true), (65_537, false)] {
        let cut: Vec<&str> = text.lines().take(rows).collect();
        assert_eq!(cut.len(), rows);
        fs::write(folder.path().join("cut.csv"), cut.join("\r\n")).expect("writes");
        assay_ok(folder.path(), &["run", &pipeline("flat.toml"), "--param", "file=cut.csv", "--quiet"]);
        let warned = records(&folder.path().join("out/warnings.csv"));
        let found: Vec<_> = warned.iter().filter(|row| row["code"] == "row_limit").collect();
        assert_eq!(found.len(), usize::from(suspected), "{rows}");
        assert!(found.iter().all(|row| row["line"] == "65536"));
    }
}
