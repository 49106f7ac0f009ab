//! Records that nobody here wrote. They are not ours to ship: without the folder the tests say so and pass.

use std::path::PathBuf;

use super::support::{assay_ok, json, pipeline, published, records, root, rows, workshop};

fn real(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared/real").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

#[test]
fn the_upload_sheet_of_a_real_task() {
    let Some(path) = real("cn_nfidccli/2020.03.09_result_upload_example.xlsx") else { return };
    let folder = workshop();
    let file = format!("file={}", path.display());
    assay_ok(folder.path(), &["run", &pipeline("real-upload.toml"), "--param", &file, "--quiet"]);
    let run = json(&folder.path().join("out/run.json"));
    assert_eq!(rows(&run), [6, 6, 0, 0, 0]);
    assert!(records(&folder.path().join("out/rejections.csv")).is_empty());
}

#[test]
fn spot_checks_are_the_same_in_both_encodings() {
    let names = ["utf8", "gb18030"].map(|name| format!("cn_foodmate_spotchecks_2021_2022.{name}.csv"));
    let [Some(utf8), Some(gb18030)] = names.each_ref().map(|name| real(name)) else { return };
    let folder = workshop();
    let run = |path: &PathBuf, out: &str| {
        let file = format!("file={}", path.display());
        let arguments =
            ["run", &pipeline("real-spot-checks.toml"), "--param", &file, "--out", out, "--quiet"];
        assay_ok(folder.path(), &arguments);
        published(&folder.path().join(out))
    };
    let (one, other) = (run(&utf8, "one"), run(&gb18030, "other"));
    let counts = rows(&json(&folder.path().join("one/run.json")));
    assert_eq!((counts[0], counts[2]), (7044, 0));
    for (name, bytes) in &one {
        // Lists of refused and doubtful records name the file; nothing else may.
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&names[0], "x").replace(&names[1], "x");
        let names_the_file = ["rejections.csv", "warnings.csv", "disagreements.csv"].contains(&name.as_str());
        let same = if names_the_file { text(bytes) == text(&other[name]) } else { bytes == &other[name] };
        assert!(same, "{name}");
    }
    let codes: Vec<String> = records(&folder.path().join("one/rejections.csv"))
        .into_iter()
        .map(|row| row["code"].clone())
        .collect();
    assert!(codes.iter().filter(|code| *code == "lost_exponent").count() >= 10, "{codes:?}");
}

#[test]
fn a_million_and_a_half_european_records() {
    let Some(path) = real("efsa_moper_dairy_2011_2023.csv.gz") else { return };
    let folder = workshop();
    let param = format!("real={}", path.parent().expect("a folder").display());
    assay_ok(folder.path(), &["run", &pipeline("real-efsa.toml"), "--param", &param, "--quiet"]);
    let out = folder.path().join("out");
    assert_eq!(rows(&json(&out.join("run.json"))), [1_513_153, 1_513_138, 0, 15, 0]);
    let scorecard = records(&out.join("scorecard.csv"));
    assert_eq!(scorecard[0]["numerator"], "22606");
    assert_eq!((scorecard[1]["numerator"].as_str(), scorecard[1]["denominator"].as_str()), ("2623", "22606"));

    // An independent count, straight from the file.
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(
        std::fs::File::open(path).expect("opens"),
    ));
    let mut samples = std::collections::BTreeMap::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).expect("reads") {
        let key = (record[0].to_vec(), record[1].to_vec(), record[2].to_vec());
        *samples.entry(key).or_insert(false) |= &record[10] == b"VAL";
    }
    let mut cells = std::collections::BTreeMap::new();
    for ((year, country, _), quantified) in samples {
        let (numerator, denominator) = cells.entry((country, year)).or_insert((0u64, 0u64));
        *numerator += u64::from(quantified);
        *denominator += 1;
    }
    let mut compared = 0;
    for row in records(&out.join("indicators.csv")) {
        if row["indicator"] == "share_with_value" && row["by"] == "country+year" {
            let key = (row["country"].clone().into_bytes(), row["year"].clone().into_bytes());
            let found = (row["numerator"].parse().expect("n"), row["denominator"].parse().expect("n"));
            assert_eq!(cells.get(&key), Some(&found), "{} {}", row["country"], row["year"]);
            compared += 1;
        }
    }
    assert_eq!(compared, cells.len());
}
