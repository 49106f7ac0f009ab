//! Small pipelines for the ways in which a figure could quietly be wrong.

use std::fs;
use std::path::Path;

use super::support::{assay, assay_ok, code, json, records, rows, stderr, workshop};

const HEAD: &str = "[pipeline]\nname = \"x\"\nas_of = \"2020-12-31\"\n";

fn lay_out(folder: &Path, toml: &str, files: &[(&str, &str)]) {
    fs::write(folder.join("x.toml"), format!("{HEAD}{toml}")).expect("writes");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("writes");
    }
}

/// Row counts and `numerator/denominator status` of the last indicator.
fn publish(toml: &str, files: &[(&str, &str)], arguments: &[&str]) -> ([u64; 5], String) {
    let folder = workshop();
    lay_out(folder.path(), toml, files);
    assay_ok(folder.path(), &[&["run", "x.toml", "--quiet"], arguments].concat());
    let out = folder.path().join("out");
    let scorecard = records(&out.join("scorecard.csv"));
    let row = scorecard.last().expect("an indicator");
    let figure = format!("{}/{} {}", row["numerator"], row["denominator"], row["status"]);
    (rows(&json(&out.join("run.json"))), figure.trim().to_owned())
}

const SAMPLES: &str = r#"
[source.a]
files = "a*.csv"
into = "samples"
version = "reported_on"
columns = { sample_code = "code", sampled_on = "day", reported_on = "reported", final_verdict = "verdict" }
[[indicator]]
id = "rate"
fact = "samples"
numerator = "final_verdict = 'conforming'"
denominator = "final_verdict in ('conforming', 'nonconforming')"
"#;

const ONE_SAMPLE: (&str, &str) = ("a.csv", "code,day,reported,verdict\nA,2020-01-01,2020-02-01,合格\n");

/// The program refuses with this code and these words.
fn refuses(folder: &Path, command: &str, expected_code: i32, words: &str) {
    let output = assay(folder, &[command, "x.toml"]);
    let message = stderr(&output);
    assert_eq!(code(&output), expected_code, "{message}");
    assert!(message.contains(words), "{message}");
}

#[test]
fn a_correction_counts_from_its_own_day_on() {
    let files = [(
        "a.csv",
        "code,day,reported,verdict\nA,2020-01-01,2020-02-01,合格\nA,2020-01-01,2020-09-01,不合格\n",
    )];
    for (as_of, expected) in [("2020-01-15", "0/0 no_data"), ("2020-06-30", "1/1"), ("2020-09-01", "0/1")] {
        let (counts, figure) = publish(SAMPLES, &files, &["--as-of", as_of]);
        assert_eq!((counts, figure.as_str()), ([2, 1, 0, 0, 1], expected), "{as_of}");
    }
}

#[test]
fn a_sample_that_two_sources_describe_is_one_sample() {
    let source = |name: &str| {
        format!(
            "[source.{name}]\nfiles = \"{name}.csv\"\ninto = [\"samples\", \"determinations\"]\nkey = [\"sample_code\", \"analyte\"]\n\
             columns = {{ sample_code = \"code\", analyte = \"item\", result_text = \"result\" }}\n"
        )
    };
    let toml =
        source("b") + &source("c") + "[[indicator]]\nid = \"n\"\nfact = \"samples\"\nperiod = \"all\"\n";
    let files =
        [("b.csv", "code,item,result\nA,铅,0.1\n"), ("c.csv", "code,item,result\nA,镉,0.1\nB,镉,0.2\n")];
    assert_eq!(publish(&toml, &files, &[]), ([3, 3, 0, 0, 0], "2/".to_owned()));
}

#[test]
fn monitored_items_decide_nothing() {
    let toml = r#"
[source.a]
files = "a.csv"
into = ["samples", "determinations"]
conclusion = "items"
columns = { sample_code = "code", analyte = "item", result_text = "result", lab_verdict = "verdict" }
[[indicator]]
id = "rate"
fact = "samples"
period = "all"
numerator = "final_verdict = 'conforming'"
denominator = "final_verdict in ('conforming', 'nonconforming')"
"#;
    for (verdicts, expected) in [
        (["合格项", "不判定项"], "1/1"),
        (["合格项", "问题项"], "1/1"),
        (["合格项", "不合格项"], "0/1"),
        (["不判定项", "问题项"], "0/0 no_data"),
    ] {
        let text = format!("code,item,result,verdict\nA,铅,0.1,{}\nA,镉,0.1,{}\n", verdicts[0], verdicts[1]);
        assert_eq!(publish(toml, &[("a.csv", &text)], &[]).1, expected, "{verdicts:?}");
    }
}

#[test]
fn returns_are_weighed_alike_and_a_zero_is_a_report() {
    let toml = |figure: &str, denominator: &str| {
        format!(
            "[source.a]\nfiles = \"a.csv\"\ninto = \"returns\"\n\
             columns = {{ indicator = \"name\", period_start = \"from\", agency = \"who\", numerator = \"n\", rate = \"rate\" }}\n\
             [[indicator]]\nid = \"x\"\nfact = \"returns\"\nwhere = \"figure = '{figure}'\"\n\
             numerator = \"part = 'numerator'\"\n{denominator}target = \">= 6\"\ndue = \"2020-12-31\"\n"
        )
    };
    let ratio = "denominator = \"part = 'denominator'\"\n";
    let text = "name,from,who,n,rate\nuse,2020-01-01,甲,,40.3%\nuse,2020-01-01,乙,,10.25%\npoints,2020-01-01,甲,0,\n";
    let files = [("a.csv", text)];
    assert_eq!(publish(&toml("use", ratio), &files, &[]).1, "5055/20000 met");
    assert_eq!(publish(&toml("points", ""), &files, &[]).1, "0/ not_met");
    assert_eq!(publish(&toml("nothing", ""), &files, &[]).1, "0/ no_data");
}

#[test]
fn the_first_report_of_a_unit_counts() {
    let toml = r#"
[source.a]
files = "a.csv"
into = "submissions"
columns = { unit = "unit", received_on = "day" }
[[indicator]]
id = "on_time"
fact = "submissions"
numerator = "outcome = 'on_time'"
denominator = "outcome in ('on_time', 'late', 'missing')"
"#;
    let text = "unit,day\n盆尧镇,2020-12-01\n盆尧,2020-12-20\n权寨镇,2020-12-05\n权寨镇,2020-12-02\n无此单位,2020-12-01\n";
    assert_eq!(publish(toml, &[("a.csv", text)], &[]), ([5, 5, 0, 0, 0], "2/41".to_owned()));
}

#[test]
fn a_wide_table_reads_no_columns_that_name_persons() {
    let toml = r#"
[source.a]
files = "a.csv"
into = "samples"
conclusion = "judged"
columns = { sample_code = "code", product = "product" }
wide = { into = "determinations" }
"#;
    let folder = workshop();
    let text = "code,product,铅,联系电话,身份证号\nA,韭菜,0.1,13812345678,411721198001011234\n";
    lay_out(folder.path(), toml, &[("a.csv", text)]);
    assay_ok(folder.path(), &["run", "x.toml", "--quiet"]);
    for entry in fs::read_dir(folder.path().join("out")).expect("a report") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("reads");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("13812345678") && !text.contains("411721198001011234"));
    }
}

#[test]
fn sources_that_would_lose_rows_are_refused() {
    let source = |into: &str, rest: &str| format!("[source.a]\nfiles = \"a.csv\"\ninto = {into}\n{rest}\n");
    let columns = |list: &str| format!("columns = {{ {list} }}");
    for (toml, expected) in [
        (source("\"samples\"", &columns("sampled_on = \"day\"")), "nothing fills `sample_code`"),
        (source("\"determinations\"", &columns("sample_code = \"code\"")), "nothing fills `analyte`"),
        (
            source(
                "[\"determinations\", \"samples\"]",
                &columns("sample_code = \"code\", analyte = \"item\""),
            ),
            "in this order",
        ),
        (
            source(
                "\"determinations\"",
                &(columns("sample_code = \"code\", analyte = \"item\"") + "\nmode = \"attach\""),
            ),
            "lays columns onto samples",
        ),
        (
            source(
                "\"samples\"",
                &columns(
                    "sample_code = \"code\", final_verdict = { from = \"v\", values = { a = \"goood\" } }",
                ),
            ),
            "`goood` is no word of this column",
        ),
        ("[dimensions]\nvalue = \"samples\"\n".to_owned(), "`value` has a meaning of its own"),
        (
            source("\"establishments\"", "[source.a.attributes]\nstatus = \"v\""),
            "`status` has a meaning of its own",
        ),
    ] {
        let folder = workshop();
        lay_out(folder.path(), &toml, &[("a.csv", "code,day,item,v\n")]);
        let output = assay(folder.path(), &["check", "x.toml"]);
        assert_eq!(code(&output), 2, "{toml}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{toml}: {}", stderr(&output));
    }
}

#[test]
fn a_repeated_measurement_column_is_refused() {
    let toml = "[source.a]\nfiles = \"a.csv\"\ninto = \"samples\"\ncolumns = { sample_code = \"code\" }\nwide = { into = \"determinations\" }\n";
    let folder = workshop();
    lay_out(folder.path(), toml, &[("a.csv", "code,铅,镉,铅\nA,9,1,0.01\n")]);
    refuses(folder.path(), "check", 1, "`铅` of column `wide` occurs 2 times");
}

#[test]
fn places_that_are_no_files_are_not_passed_over() {
    let folder = workshop();
    lay_out(folder.path(), SAMPLES, &[ONE_SAMPLE]);
    fs::create_dir(folder.path().join("a2.csv")).expect("a folder");
    refuses(folder.path(), "check", 74, "a2.csv is a folder");
}

#[test]
fn a_foreign_out_folder_leaves_the_lake_alone() {
    let folder = workshop();
    lay_out(folder.path(), SAMPLES, &[ONE_SAMPLE]);
    fs::create_dir(folder.path().join("out")).expect("a folder");
    fs::write(folder.path().join("out/notes.txt"), "mine").expect("writes");
    refuses(folder.path(), "run", 1, "notes.txt");
    assert!(!folder.path().join("lake").exists());
}

#[test]
fn limits_spread_over_files_complement_each_other() {
    let toml = r#"
[source.a]
files = "a.csv"
into = "samples"
conclusion = "judged"
columns = { sample_code = "code", product = "product" }
wide = { into = "determinations" }
[source.l]
files = "l*.csv"
into = "limits"
columns = { product = "product" }
wide = { value = "limit_high" }
[[indicator]]
id = "failed"
fact = "samples"
period = "all"
numerator = "final_verdict = 'nonconforming'"
"#;
    let samples = ("a.csv", "code,product,铅,镉\nA,韭菜,9,0.01\nB,韭菜,0.01,9\nC,韭菜,0.05,0.05\n");
    let limits = [
        samples,
        ("l1.csv", "product,铅\n韭菜,0.05\n韭菜,0.05\n"),
        ("l2.csv", "product,镉\n韭菜,0.01\n"),
        ("l3.csv", "product,镉\n韭菜,0.05\n"),
    ];
    assert_eq!(publish(toml, &limits, &[]), ([7, 6, 0, 1, 0], "2/".to_owned()));
}
