//! The lake from outside: what is published stays, is found again, and damage is noticed.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{
    assay, assay_ok, code, json, no_personal_data, pipeline, published, records, root, stderr, workshop,
};

fn county(folder: &Path, seed: &str) {
    assay_ok(folder, &["simulate", "--seed", seed, "--samples", "300", "--out", "data", "--quiet"]);
}

fn run(folder: &Path) -> String {
    let arguments = ["run", &pipeline("xiping-2020.toml"), "--param", "data=data"];
    stderr(&assay_ok(folder, &arguments))
}

fn stdout(folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8_lossy(&assay_ok(folder, arguments).stdout).into_owned()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let folder = workshop();
    county(folder.path(), "5");
    assert!(run(folder.path()).contains("run 1 of the lake"));
    let mut before = Vec::new();
    files(&folder.path().join("lake"), &mut before);
    let report = published(&folder.path().join("out"));
    assert!(run(folder.path()).contains("nothing has changed since run 1"));
    let mut after = Vec::new();
    files(&folder.path().join("lake"), &mut after);
    before.sort();
    after.sort();
    assert_eq!(before, after);
    assert_eq!(report, published(&folder.path().join("out")));
}

#[test]
fn a_correction_is_a_new_run_and_the_old_one_can_be_had_again() {
    let folder = workshop();
    county(folder.path(), "5");
    run(folder.path());
    let first = published(&folder.path().join("out"));
    let returns = folder.path().join("data/returns.csv");
    let text = fs::read_to_string(&returns).expect("reads");
    fs::write(&returns, text.lines().take(2).collect::<Vec<_>>().join("\r\n")).expect("writes");
    assert!(run(folder.path()).contains("run 2 of the lake"));
    assert_ne!(first["scorecard.csv"], published(&folder.path().join("out"))["scorecard.csv"]);

    let history = stdout(folder.path(), &["history"]);
    assert_eq!(history.lines().count(), 3, "{history}");
    assay_ok(folder.path(), &["restore", "1", "--out", "again"]);
    assert_eq!(first, published(&folder.path().join("again")));
    let then = stdout(folder.path(), &["indicator", "traceability_points", "--as-known-at", "1"]);
    let now = stdout(folder.path(), &["indicator", "traceability_points"]);
    assert_ne!(then, now);
    let told = |report: &[u8]| String::from_utf8_lossy(report).trim_start_matches('\u{feff}').to_owned();
    let second = published(&folder.path().join("out"));
    assert_eq!(stdout(folder.path(), &["scorecard"]), told(&second["scorecard.csv"]));
    assert_eq!(stdout(folder.path(), &["scorecard", "--as-known-at", "1"]), told(&first["scorecard.csv"]));
    assay_ok(folder.path(), &["verify", "--quiet"]);
}

/// What a run printed can be asked for ever after: every command that answers, the same bytes.
#[test]
fn every_question_can_be_asked_as_it_was_known() {
    let folder = workshop();
    county(folder.path(), "5");
    let toml = fs::read_to_string(root().join("pipelines/xiping-2020.toml")).expect("reads");
    let ids = toml.lines().filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'));
    let indicators: Vec<&str> = ids.filter(|id| id.is_ascii()).collect();
    assert!(indicators.len() > 19, "{indicators:?}");
    let ask = |known: &[&str]| -> Vec<String> {
        let by_month = indicators.iter().map(|id| vec!["indicator", id, "--by", "month"]);
        let others = [
            vec!["scorecard"],
            vec!["indicator", "food_pass_rate", "--by", "lab,category", "--period", "2020-Q2"],
            vec!["query", "select * from samples order by sample_code"],
            vec![
                "query",
                "select verdict, count(*) n, max(run) run from determinations group by verdict order by verdict",
            ],
            vec!["rejections"],
        ];
        let asked = by_month.chain(others);
        asked.map(|asked| stdout(folder.path(), &[&asked[..], known].concat())).collect()
    };
    run(folder.path());
    let first = ask(&[]);
    for file in ["returns.csv", "sampling_forms.csv"] {
        let path = folder.path().join("data").join(file);
        let lines = fs::read(&path).expect("reads");
        let lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        fs::write(&path, lines[..lines.len() - 9].concat()).expect("writes");
        run(folder.path());
    }
    assert_ne!(ask(&[]), first);
    assert_eq!(ask(&["--as-known-at", "1"]), first);
}

#[test]
fn questions_agree_with_the_report() {
    let folder = workshop();
    county(folder.path(), "8");
    run(folder.path());
    let scorecard = records(&folder.path().join("out/scorecard.csv"));
    for row in &scorecard {
        let answer = stdout(folder.path(), &["indicator", &row["indicator"]]);
        let mut reader = csv::Reader::from_reader(answer.as_bytes());
        let header = reader.headers().expect("a header").clone();
        let whole = reader.records().next().expect("a row").expect("a record");
        for name in ["numerator", "denominator", "value", "status"] {
            let position = header.iter().position(|own| own == name).expect(name);
            assert_eq!(whole[position], row[name], "{}: {name}", row["indicator"]);
        }
    }
    let pass = scorecard.iter().find(|row| row["indicator"] == "food_pass_rate").expect("a pass rate");
    // An independent query over the stored tables, by another engine.
    let sql = "select count(*) n from samples where domain = 'food' and coalesce(rapid_test, 'no') <> 'yes' \
               and purpose in ('supervisory', 'sampling_monitoring', 'evaluative') \
               and final_verdict = 'conforming' and reported_on <= '2020-12-31'";
    assert_eq!(stdout(folder.path(), &["query", sql]).trim(), format!("n\r\n{}", pass["numerator"]));
    let sql = "select sum(n) n from cells where fact = 'samples' and rapid_test = 'no'";
    let batches = scorecard.iter().find(|row| row["indicator"] == "batches_per_thousand").expect("batches");
    assert_eq!(stdout(folder.path(), &["query", sql]).trim(), format!("n\r\n{}", batches["numerator"]));

    let sql = "select month, count(*) n from samples where month = '2020-03' group by month";
    assert!(stdout(folder.path(), &["query", sql]).starts_with("month,n\r\n2020-03,"));

    let by = stdout(folder.path(), &["indicator", "food_pass_rate", "--by", "stage", "--period", "2020-Q2"]);
    assert!(by.contains("catering") && by.contains("2020-06-30"), "{by}");
    let code_of =
        stdout(folder.path(), &["query", "select sample_code from determinations order by 1 limit 1"]);
    let sample = code_of.lines().nth(1).expect("a sample").to_owned();
    let trace = stdout(folder.path(), &["trace", &sample]);
    assert!(trace.contains("determinations") && trace.contains("results_"), "{trace}");
    let refused = stdout(folder.path(), &["rejections", "--for", "test_headers.csv"]);
    assert!(refused.starts_with("file,sheet,line"), "{refused}");
}

#[test]
fn wrong_questions_get_an_answer_too() {
    let folder = workshop();
    let output = assay(folder.path(), &["history"]);
    assert_eq!(code(&output), 10, "{}", stderr(&output));
    county(folder.path(), "8");
    run(folder.path());
    for (arguments, expected_code, expected) in [
        (&["indicator", "food_pas_rate"][..], 2, "did you mean `food_pass_rate`?"),
        (&["indicator", "food_pass_rate", "--by", "regoin"][..], 2, "did you mean `region`?"),
        (&["indicator", "food_pass_rate", "--where", "levle = 'county'"][..], 2, "nearest is `level`"),
        (&["query", "select * from sample"][..], 1, "sample"),
        (&["query", "select * from read_csv('/etc/passwd')"][..], 2, "reads files"),
        (&["trace", "NOTHERE"][..], 1, "no sample has the code"),
        (&["restore", "7"][..], 1, "7"),
        (&["explain", "bad_dat"][..], 2, "did you mean `bad_date`?"),
    ] {
        let output = assay(folder.path(), arguments);
        let message = stderr(&output);
        assert_eq!(code(&output), expected_code, "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let folder = workshop();
    assay_ok(folder.path(), &["simulate", "--samples", "60", "--months", "2", "--out", "data", "--quiet"]);
    let arguments =
        ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--as-of", "2020-02-29", "--quiet"];
    assay_ok(folder.path(), &arguments);
    assay_ok(folder.path(), &["verify", "--quiet"]);
    let lake = folder.path().join("lake");
    let mut all = Vec::new();
    for part in ["raw", "tables", "ledger", "objects"] {
        files(&lake.join(part), &mut all);
    }
    all.retain(|path| !path.components().any(|part| part.as_os_str() == "_delta_log"));
    assert!(all.len() > 20, "{}", all.len());
    for path in all {
        let bytes = fs::read(&path).expect("reads");
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        let writable = |readonly: bool| {
            let mut permissions = fs::metadata(&path).expect("a file").permissions();
            permissions.set_readonly(readonly);
            fs::set_permissions(&path, permissions).expect("sets");
        };
        writable(false);
        fs::write(&path, &flipped).expect("writes");
        let output = assay(folder.path(), &["verify"]);
        assert_eq!(code(&output), 12, "{}: {}", path.display(), stderr(&output));
        fs::write(&path, &bytes).expect("writes");
    }
    assay_ok(folder.path(), &["verify", "--quiet"]);
}

#[test]
fn no_personal_data_reaches_the_lake_but_in_the_raw_archive() {
    let folder = workshop();
    county(folder.path(), "5");
    run(folder.path());
    let truth = json(&folder.path().join("data/truth.json"));
    let mut all = Vec::new();
    for part in ["tables", "ledger", "objects"] {
        files(&folder.path().join("lake").join(part), &mut all);
    }
    no_personal_data(&truth, &all);
}

#[test]
fn the_shipped_county_is_what_the_simulator_writes() {
    let folder = workshop();
    assay_ok(folder.path(), &["simulate", "--out", "data", "--quiet"]);
    assert!(published(&folder.path().join("data")) == published(&root().join("data-samples/xiping-2020")));
}

#[test]
fn kept_cells_and_a_scan_of_the_tables_answer_alike() {
    let folder = workshop();
    assay_ok(
        folder.path(),
        &["simulate", "--seed", "5", "--samples", "200", "--layout", "flat", "--out", "data"],
    );
    assay_ok(folder.path(), &["run", &pipeline("flat.toml"), "--param", "file=data/flat.csv"]);
    for (indicator, by, filter) in [
        ("batches_per_thousand", "region", "stage = 'distribution'"),
        ("food_pass_rate", "category,month", "level <> 'national'"),
        ("item_pass_rate", "analyte,region", "verdict <> 'undetermined'"),
    ] {
        // The laboratory is a dimension that the pipeline never names, so that the tables have to be read for it.
        let kept = stdout(folder.path(), &["indicator", indicator, "--by", by, "--where", filter]);
        let scanned = format!("({filter}) and (lab = 'x' or lab <> 'x')");
        let scanned = stdout(folder.path(), &["indicator", indicator, "--by", by, "--where", &scanned]);
        assert_eq!(kept, scanned, "{indicator}");
        assert!(kept.lines().count() > 5, "{kept}");
        // Nearly as long as a system lets a question be: it takes much of a stack.
        let long = vec!["lab<>''"; 13_000].join("or ");
        let scanned = stdout(folder.path(), &["indicator", indicator, "--by", by, "--where", &long]);
        assert_eq!(scanned, stdout(folder.path(), &["indicator", indicator, "--by", by]), "{indicator}");
    }
}

#[test]
fn cron_is_told_how_it_went() {
    let folder = workshop();
    county(folder.path(), "5");
    let run = |more: &[&str]| {
        let own = ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--textfile", "assay.prom"];
        assay(folder.path(), &[&own, more].concat())
    };
    let metrics = || fs::read_to_string(folder.path().join("assay.prom")).expect("reads");
    let missed = run(&["--quiet", "--fail-on-target"]);
    assert_eq!(code(&missed), 4, "{}", stderr(&missed));
    let report = json(&folder.path().join("out/run.json"));
    for (fate, count) in report["rows"].as_object().expect("counts") {
        let line = format!("assay_rows{{pipeline=\"xiping-2020\",fate=\"{fate}\"}} {count}\n");
        assert!(metrics().contains(&line), "{line}");
    }
    for row in records(&folder.path().join("out/scorecard.csv")) {
        let own = format!("pipeline=\"xiping-2020\",indicator=\"{}\"", row["indicator"]);
        assert!(
            metrics().contains(&format!("assay_target_status{{{own},status=\"{}\"}} 1\n", row["status"]))
        );
    }
    let success = metrics().lines().find(|line| line.starts_with("assay_last_success")).map(str::to_owned);
    fs::rename(folder.path().join("data"), folder.path().join("elsewhere")).expect("moves");
    let failed = run(&["--log", "json"]);
    assert_eq!(code(&failed), 74);
    assert!(stderr(&failed).contains("\"exit_code\":74"), "{}", stderr(&failed));
    assert!(metrics().contains("assay_exit_code{pipeline=\"xiping-2020\"} 74\n"));
    assert_eq!(
        metrics().lines().find(|line| line.starts_with("assay_last_success")).map(str::to_owned),
        success
    );
}

#[test]
fn missed_months_are_published_one_by_one() {
    let folder = workshop();
    county(folder.path(), "5");
    let run = |as_of: &str, more: &[&str]| {
        let own = ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--quiet", "--as-of", as_of];
        assay_ok(folder.path(), &[&own, more].concat());
    };
    run("2020-03-31", &["--catch-up"]);
    run("2020-07-15", &["--catch-up"]);
    run("2020-07-15", &["--catch-up"]);
    let history = stdout(folder.path(), &["history"]);
    let mut reader = csv::Reader::from_reader(history.as_bytes());
    let days: Vec<String> =
        reader.records().map(|record| record.expect("a record").get(3).expect("as_of").to_owned()).collect();
    assert_eq!(days, ["2020-03-31", "2020-04-30", "2020-05-31", "2020-06-30", "2020-07-15"]);
    // What each month said can still be asked.
    let then = stdout(folder.path(), &["indicator", "food_pass_rate", "--as-known-at", "2"]);
    run("2020-04-30", &["--out", "april", "--lake", "other"]);
    let row = &records(&folder.path().join("april/scorecard.csv"))[2];
    assert!(then.contains(&format!(",{},{},", row["numerator"], row["denominator"])), "{then} {row:?}");
}

/// A lake that version 0.1.0 wrote is read by every version after it.
#[test]
fn lakes_of_earlier_versions_open() {
    let kept = root().join("tests/suite/fixtures/lake-1");
    let folder = workshop();
    let mut found = Vec::new();
    files(&kept.join("lake"), &mut found);
    for file in found {
        let target = folder.path().join(file.strip_prefix(&kept).expect("lies there"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("creates");
        fs::copy(&file, target).expect("copies");
    }
    assay_ok(folder.path(), &["verify", "--subset", "100%", "--quiet"]);
    assert_eq!(stdout(folder.path(), &["history"]).lines().count(), 3);
    for run in ["1", "2"] {
        let answer =
            stdout(folder.path(), &["indicator", "pass_rate", "--by", "region", "--as-known-at", run]);
        let expected = fs::read_to_string(kept.join(format!("pass_rate-{run}.csv"))).expect("reads");
        assert_eq!(answer, expected, "run {run}");
    }
    let count = stdout(folder.path(), &["query", "select count(*) n from determinations"]);
    assert_eq!(count, "n\r\n3\r\n");
    assay_ok(folder.path(), &["restore", "1", "--out", "again"]);
}

/// The same outputs in another order would be another run.
#[test]
fn the_ledger_names_outputs_in_the_order_that_it_always_did() {
    let folder = workshop();
    let simulate = ["simulate", "--layout", "flat", "--samples", "50", "--out", "data", "--quiet"];
    assay_ok(folder.path(), &simulate);
    assay_ok(folder.path(), &["run", &pipeline("flat.toml"), "--param", "file=data/flat.csv", "--quiet"]);
    let entry = fs::read(folder.path().join("lake/ledger/000001.json")).expect("reads");
    let entry: serde_json::Value = serde_json::from_slice(&entry).expect("is JSON");
    let outputs = entry["outputs"].as_array().expect("outputs").iter();
    let names: Vec<&str> = outputs.filter_map(|output| output["name"].as_str()).collect();
    let expected = [
        "scorecard.csv",
        "scorecard.parquet",
        "scorecard.json",
        "scorecard.xlsx",
        "indicators.csv",
        "indicators.parquet",
        "indicators.json",
        "cells.parquet",
        "rejections.csv",
        "warnings.csv",
        "disagreements.csv",
    ];
    assert_eq!(names, expected);
}

#[test]
fn submitters_get_their_own_rows_back_with_the_faults_marked() {
    use calamine::{Data, Reader, Xlsx};
    let folder = workshop();
    county(folder.path(), "5");
    run(folder.path());
    assay_ok(folder.path(), &["rejections", "--xlsx", "back", "--quiet"]);
    let refused = records(&folder.path().join("out/rejections.csv"));
    let mut checked = 0;
    for entry in fs::read_dir(folder.path().join("back")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().replace("-拒收", "");
        let mut book: Xlsx<_> = calamine::open_workbook(&path).expect("opens");
        for row in
            refused.iter().filter(|row| Path::new(&row["file"]).file_stem().is_some_and(|own| *own == *stem))
        {
            let sheet =
                if row["sheet"].is_empty() { book.sheet_names()[0].clone() } else { row["sheet"].clone() };
            let range = book.worksheet_range(&sheet).expect("a sheet");
            let line = row["line"].parse::<u32>().expect("a line") - 1;
            let width = range.end().expect("cells").1;
            let Some(Data::String(reason)) = range.get_value((line, width)) else {
                panic!("{stem} {line}: no reason in column {width}")
            };
            assert!(reason.contains(&row["hint"]), "{reason}");
            checked += 1;
        }
    }
    assert_eq!(checked, refused.len());
}
