//! What a cron job and its monitoring see when something goes wrong.

use std::fs;
use std::path::Path;

use super::support::{assay, assay_ok, code, published, root, stderr, workshop};

/// A folder with a pipeline of its own, an export, and one published run that monitoring knows of.
fn begun() -> tempfile::TempDir {
    let folder = workshop();
    let simulate =
        ["simulate", "--layout", "flat", "--seed", "3", "--samples", "40", "--out", "data", "--quiet"];
    assay_ok(folder.path(), &simulate);
    let toml = fs::read_to_string(root().join("pipelines/flat.toml")).expect("reads");
    let toml = toml.replace("../out/flat.csv", "data/flat.csv").replace(">= 98", ">= 100");
    fs::write(folder.path().join("flat.toml"), toml).expect("writes");
    assert_eq!(run(folder.path(), &[]), 0);
    folder
}

/// The exit code of a run as cron would start it; the textfile tells the same.
fn run(folder: &Path, more: &[&str]) -> i32 {
    let own = ["run", "flat.toml", "--textfile", "assay.prom", "--log", "json", "--quiet"];
    let output = assay(folder, &[&own[..], more].concat());
    let text = fs::read_to_string(folder.join("assay.prom")).unwrap_or_default();
    let told = text.lines().find_map(|line| line.strip_prefix("assay_exit_code{pipeline=\"flat\"} "));
    let said = stderr(&output);
    assert_eq!(told, Some(code(&output).to_string().as_str()), "{more:?}: {said}");
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    if code(&output) == 4 {
        assert!(said.lines().last().is_some_and(|last| last.contains("published")), "{said}");
    } else if code(&output) != 0 {
        let last = said.lines().last().expect("a line");
        let last: serde_json::Value = serde_json::from_str(last).expect("the log's last line is JSON");
        assert_eq!(last["fields"]["exit_code"], code(&output), "{said}");
        assert!(last["fields"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{said}");
    }
    code(&output)
}

fn success(folder: &Path) -> Option<u64> {
    let text = fs::read_to_string(folder.join("assay.prom")).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("assay_last_success_timestamp_seconds{pipeline=\"flat\"} "))?
        .parse()
        .ok()
}

#[test]
fn monitoring_hears_of_every_failure() {
    let folder = begun();
    let path = folder.path();
    let old = (published(&path.join("out")), success(path));
    assert!(old.1.is_some());
    for more in [&[][..], &["--catch-up"]] {
        let with = |own: &[&'static str]| run(path, &[own, more].concat());
        assert_eq!(with(&["--as-of", ""]), 2, "an empty day");
        assert_eq!(with(&["--as-of", "2020-02-30"]), 2, "no day at all");
        assert_eq!(with(&["--param", "nobody=knows"]), 2);
        assert_eq!(with(&["--param", "file=nowhere.csv"]), 74);
        assert_eq!(with(&["--out", "data"]), 1, "somebody else's folder");
        assert_eq!(with(&["--share", "out"]), 2, "one folder for both reports");
        let toml = fs::read_to_string(path.join("flat.toml")).expect("reads");
        fs::write(path.join("flat.toml"), toml.replace("[cuts]", "[cutz]")).expect("writes");
        assert_eq!(with(&[]), 2, "a misspelt section");
        fs::write(path.join("flat.toml"), toml).expect("writes");
        let head = fs::read(path.join("lake/ledger/head")).expect("reads");
        fs::write(path.join("lake/ledger/head"), [0xff, 0xfe]).expect("writes");
        assert_eq!(with(&[]), 1, "a damaged ledger");
        fs::write(path.join("lake/ledger/head"), head).expect("writes");
        assert_eq!(success(path), old.1);
        assert!(published(&path.join("out")) == old.0, "the old report stands");
    }
    assert_eq!(run(path, &["--fail-on-target"]), 4);
    assert!(success(path) >= old.1, "a missed target is a fresh report");
}

#[test]
fn a_textfile_that_cannot_be_written_hides_nothing() {
    let folder = begun();
    let run = |more: &[&str]| {
        let own = ["run", "flat.toml", "--textfile", "nowhere/assay.prom", "--quiet"];
        let output = assay(folder.path(), &[&own[..], more].concat());
        (code(&output), stderr(&output))
    };
    let (code, said) = run(&[]);
    assert_eq!(code, 74);
    assert!(said.contains("--textfile nowhere/assay.prom"), "{said}");
    let (code, said) = run(&["--param", "nobody=knows"]);
    assert_eq!(code, 2, "the run's own failure comes first");
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn a_catch_up_that_is_cut_short_goes_on_where_it_ended() {
    let folder = begun();
    let run = |textfile: &str, as_of: &str| {
        let own = ["run", "flat.toml", "--lake", "other", "--quiet", "--catch-up", "--as-of", as_of];
        let output = assay(folder.path(), &[&own[..], &["--textfile", textfile]].concat());
        code(&output)
    };
    let months = || {
        let history = assay_ok(folder.path(), &["history", "--lake", "other"]);
        let history = String::from_utf8(history.stdout).expect("UTF-8");
        let days = history.lines().skip(1).filter_map(|line| line.split(',').nth(3).map(str::to_owned));
        days.collect::<Vec<String>>()
    };
    assert_eq!(run("other.prom", "2020-03-31"), 0);
    // April is published, and then monitoring cannot be told of it: May must not pass unseen either.
    assert_eq!(run("nowhere/other.prom", "2020-07-15"), 74);
    assert_eq!(months(), ["2020-03-31", "2020-04-30"]);
    assert_eq!(run("other.prom", "2020-07-15"), 0);
    assert_eq!(months(), ["2020-03-31", "2020-04-30", "2020-05-31", "2020-06-30", "2020-07-15"]);
}

#[test]
fn marked_workbooks_go_into_a_folder_of_their_own() {
    let folder = begun();
    let output = assay(folder.path(), &["rejections", "--xlsx", "out"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("holds a report"), "{}", stderr(&output));
    assert_eq!(run(folder.path(), &[]), 0, "the next run replaces the report as ever");
}

#[test]
fn a_record_that_a_later_snapshot_lacks_is_gone() {
    let folder = workshop();
    let path = folder.path();
    let header = "抽样单编号,样品名称,乡镇,抽样日期,检验结论\n";
    let line = |code: u32, verdict: &str| format!("XC204117210{code:08},韭菜,,2020-05-0{code},{verdict}\n");
    let toml = "
[pipeline]
name = \"snapshots\"
as_of = \"2020-12-31\"
region = \"411721\"

[source.own]
files = \"own-*.csv\"
into = \"samples\"
mode = \"snapshot\"
file_pattern = 'own-(?<district>[a-z]+)-v(?<version>\\d+)\\.csv'
version = \"version\"
columns = { sample_code = \"抽样单编号\", product = \"样品名称\", sampled_on = \"抽样日期\", final_verdict = \"检验结论\" }
constants = { domain = \"food\", purpose = \"supervisory\" }

[[indicator]]
id = \"batches\"
name_zh = \"批次\"
name_en = \"Batches\"
fact = \"samples\"
";
    fs::write(path.join("own.toml"), toml).expect("writes");
    let batches = || {
        assay_ok(path, &["run", "own.toml", "--quiet"]);
        let run = super::support::json(&path.join("out/run.json"));
        let figure = super::support::records(&path.join("out/indicators.csv"))[0]["numerator"].clone();
        (figure, super::support::rows(&run))
    };
    let write = |name: &str, lines: &[String]| {
        fs::write(path.join(name), format!("{header}{}", lines.concat())).expect("writes")
    };
    let (one, two, three) = (line(1, "合格"), line(2, "合格"), line(3, "合格"));
    write("own-east-v2.csv", &[one.clone(), two.clone()]);
    write("own-west-v1.csv", std::slice::from_ref(&three));
    assert_eq!(batches(), ("3".to_owned(), [3, 3, 0, 0, 0]));
    // The tenth version is later than the second, and knows nothing of the first sample.
    write("own-east-v10.csv", std::slice::from_ref(&two));
    assert_eq!(batches(), ("2".to_owned(), [4, 2, 0, 0, 2]));
    // Neither does an earlier one that arrives late bring it back.
    write("own-east-v9.csv", &[one, two, line(4, "不合格")]);
    assert_eq!(batches(), ("2".to_owned(), [7, 2, 0, 0, 5]));
    let history = assay_ok(path, &["history", "--format", "json"]);
    let runs: serde_json::Value = serde_json::from_slice(&history.stdout).expect("JSON");
    assert_eq!(runs.as_array().map(Vec::len), Some(3));
    assay_ok(path, &["verify", "--quiet"]);
    fs::write(path.join("own.toml"), toml.replace("version = \"version\"\n", "")).expect("writes");
    let refused = assay(path, &["run", "own.toml"]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("needs `version`"), "{}", stderr(&refused));
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_project_is_not_followed() {
    let folder = workshop();
    let deep = folder.path().join("a/b/c/d");
    fs::create_dir_all(&deep).expect("folders");
    fs::write(folder.path().join("secret.csv"), "抽样单编号\nx\n").expect("writes");
    std::os::unix::fs::symlink("../../../../secret.csv", deep.join("flat.csv")).expect("a link");
    let toml = fs::read_to_string(root().join("pipelines/flat.toml")).expect("reads");
    fs::write(deep.join("flat.toml"), toml.replace("../out/flat.csv", "flat.csv")).expect("writes");
    let refused = assay(&deep, &["run", "flat.toml"]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("leaves the project's folder"), "{}", stderr(&refused));
    let named = assay(&deep, &["check", "flat.toml", "--param", "file=flat.csv"]);
    assert!(!stderr(&named).contains("leaves the project's folder"), "the user named it");
}
