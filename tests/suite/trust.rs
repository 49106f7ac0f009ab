//! Nothing lost, nothing doubled: kills, two runs at once, re-sends, corrections, and the same report again from raw.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::{assay, assay_ok, code, pipeline, published, stderr, workshop};

const PIPELINE: &str = r#"
[pipeline]
name = "small"
as_of = "2020-12-31"
region = "411721"

[source.lab]
files = "data/*.csv"
optional = true
into = ["samples", "determinations"]
version = "reported_on"

[source.lab.columns]
sample_code = "code"
category = "category"
region = "town"
sampled_on = "sampled"
reported_on = "reported"
analyte = "analyte"
result_text = "result"
unit = "unit"
limit_high = "limit"
final_verdict = "verdict"

[source.lab.constants]
domain = "food"

[[indicator]]
id = "pass_rate"
fact = "samples"
numerator = "final_verdict = 'conforming'"
denominator = "final_verdict in ('conforming', 'nonconforming')"
cuts = ["region", "category", "region+month"]

[[indicator]]
id = "items"
fact = "determinations"
cuts = ["analyte"]
"#;

/// What a laboratory knows of its samples: number → month, day of the report, result.
type Samples = BTreeMap<u32, (u8, u16, u32)>;

fn export(samples: impl Iterator<Item = (u32, (u8, u16, u32))>) -> String {
    let mut text = "code,category,town,sampled,reported,analyte,result,unit,limit,verdict\n".to_owned();
    for (number, (month, day, result)) in samples {
        let reported = jiff::civil::date(2020, 1, 1).saturating_add(jiff::Span::new().days(i64::from(day)));
        let verdict = if result > 30 { "不合格" } else { "合格" };
        let town = ["盆尧镇", "师灵镇", "出山镇"][number as usize % 3];
        for analyte in ["铅", "镉"] {
            text.push_str(&format!(
                "XC{number:08},蔬菜制品,{town},2020-{month:02}-0{},{reported},{analyte},0.{result:02},mg/kg,0.3,{verdict}\n",
                1 + number % 9
            ));
        }
    }
    text
}

fn run(folder: &Path, lake: &str, out: &str) -> String {
    stderr(&assay_ok(folder, &["run", "small.toml", "--lake", lake, "--out", out]))
}

fn small(folder: &Path) {
    fs::write(folder.join("small.toml"), PIPELINE).expect("writes");
    fs::create_dir(folder.join("data")).expect("creates");
}

fn county(folder: &Path) {
    assay_ok(folder, &["simulate", "--seed", "11", "--samples", "200", "--out", "data", "--quiet"]);
}

/// Inserts, corrections, deletions, re-sends under other names and in other order: after each step the lake that
/// lived through all of them publishes what a new lake publishes of the files as they are.
#[test]
fn incremental_equals_full() {
    let steps = std::env::var("ASSAY_LAW_STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    let folder = workshop();
    small(folder.path());
    let data = folder.path().join("data");
    let mut files: BTreeMap<String, Samples> = BTreeMap::new();
    let mut next = 0;
    for step in 0..steps {
        let names: Vec<String> = files.keys().cloned().collect();
        match (dice.random_range(0..6), names.choose(&mut dice)) {
            (0, Some(name)) => {
                // Sent again under another name, its rows the other way round.
                let text = export(files[name].clone().into_iter().rev());
                fs::write(data.join(format!("again-{step}.csv")), text).expect("writes");
                files.insert(format!("again-{step}.csv"), files[name].clone());
            }
            (1, Some(name)) => {
                fs::remove_file(data.join(name)).expect("removes");
                files.remove(name);
            }
            (2 | 3, Some(name)) => {
                let samples = files.get_mut(name).expect("is there");
                let numbers: Vec<u32> = samples.keys().copied().collect();
                if let Some(number) = numbers.choose(&mut dice) {
                    let sample = samples.get_mut(number).expect("is there");
                    (sample.1, sample.2) = (sample.1 + dice.random_range(1..40), dice.random_range(1..60));
                }
                fs::write(data.join(name), export(samples.clone().into_iter())).expect("writes");
            }
            _ => {
                let count = dice.random_range(1..4);
                let samples: Samples = (next..next + count)
                    .map(|number| {
                        (
                            number,
                            (dice.random_range(1..9), dice.random_range(250..300), dice.random_range(1..60)),
                        )
                    })
                    .collect();
                next += count;
                fs::write(data.join(format!("new-{step}.csv")), export(samples.clone().into_iter()))
                    .expect("writes");
                files.insert(format!("new-{step}.csv"), samples);
            }
        }
        run(folder.path(), "lake", "out");
        let fresh = format!("fresh-{step}");
        run(folder.path(), &fresh, "full");
        let (one, other) = (published(&folder.path().join("out")), published(&folder.path().join("full")));
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, bytes) in &one {
            assert!(*bytes == other[name], "step {step}: {name} differs");
        }
        fs::remove_dir_all(folder.path().join(fresh)).expect("removes");
    }
    assay_ok(folder.path(), &["verify", "--quiet"]);
}

#[test]
fn arrival_does_not_matter_where_a_version_is_declared() {
    let mut dice = ChaCha8Rng::seed_from_u64(9);
    let mut first: Option<BTreeMap<String, Vec<u8>>> = None;
    for _ in 0..6 {
        let folder = workshop();
        small(folder.path());
        // Three versions of the same samples, in files whose names say nothing of their order.
        let mut names = ["a.csv", "b.csv", "c.csv"];
        rand::seq::SliceRandom::shuffle(&mut names[..], &mut dice);
        for (version, name) in names.into_iter().enumerate() {
            let samples =
                (0..20).map(|number| (number, (3, 100 + 10 * version as u16, 10 + 20 * version as u32)));
            fs::write(folder.path().join("data").join(name), export(samples)).expect("writes");
            run(folder.path(), "lake", "out");
        }
        let mut report = published(&folder.path().join("out"));
        report.retain(|name, _| name.starts_with("scorecard") || name.starts_with("indicators"));
        match &first {
            Some(first) => assert!(*first == report),
            None => first = Some(report),
        }
    }
}

#[test]
fn a_report_can_be_made_again_from_its_record_and_the_archive() {
    let folder = workshop();
    county(folder.path());
    let arguments = ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--no-bom", "--quiet"];
    assay_ok(folder.path(), &arguments);
    let first = published(&folder.path().join("out"));
    fs::copy(folder.path().join("out/run.json"), folder.path().join("kept.json")).expect("copies");
    // The exports are gone, and another run is the last one.
    fs::remove_file(folder.path().join("data/returns.csv")).expect("removes");
    fs::write(folder.path().join("data/returns.csv"), "").expect("writes");
    let refused = assay(folder.path(), &arguments);
    assert_eq!(code(&refused), 1, "{}", stderr(&refused));
    fs::remove_dir_all(folder.path().join("data")).expect("removes");
    for (what, out) in [("1", "by-number"), ("kept.json", "by-record")] {
        assay_ok(folder.path(), &["reproduce", what, "--out", out, "--quiet"]);
        assert!(first == published(&folder.path().join(out)), "{what}");
    }
    assay_ok(folder.path(), &["verify", "--quiet"]);
    // A whole new lake out of nothing but the archive of this one.
    fs::remove_dir_all(folder.path().join("lake/tables")).expect("removes");
    assert_eq!(code(&assay(folder.path(), &["verify"])), 12);
    assay_ok(folder.path(), &["reproduce", "1", "--into", "new", "--out", "anew", "--quiet"]);
    assert!(first == published(&folder.path().join("anew")));
    assay_ok(folder.path(), &["verify", "--lake", "new", "--quiet"]);
}

#[test]
fn of_two_runs_at_once_one_writes_and_the_other_says_so_at_once() {
    let folder = workshop();
    assay_ok(
        folder.path(),
        &["simulate", "--samples", "2000", "--layout", "flat", "--out", "data", "--quiet"],
    );
    let pipeline = pipeline("flat.toml");
    let start = |out: &str, wait: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(["run", &pipeline, "--param", "file=data/flat.csv", "--out", out, "--quiet"]);
        command.args(wait.then_some("--wait"));
        command.current_dir(folder.path()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    for round in 0..8 {
        if round < 3 {
            // The first run of all makes the lake, and two may want to.
            let _ = fs::remove_dir_all(folder.path().join("lake"));
        }
        let began = Instant::now();
        let waiting = round % 4 == 3;
        let mut both = [start("one", waiting), start("other", waiting)];
        let mut codes = both.each_mut().map(|child| child.wait().expect("ends").code().unwrap_or(-1));
        codes.sort_unstable();
        let expected: &[[i32; 2]] = if waiting { &[[0, 0]] } else { &[[0, 11], [0, 0]] };
        assert!(expected.contains(&codes), "round {round}: {codes:?}");
        assert!(began.elapsed() < Duration::from_secs(60));
    }
    assay_ok(folder.path(), &["verify", "--quiet"]);
    // A lock file that names a dead run, or one of another boot, locks nobody out.
    for text in ["1\n", "99999999\n", "", "no number"] {
        fs::write(folder.path().join("lake/lock"), text).expect("writes");
        assay_ok(folder.path(), &["run", &pipeline, "--param", "file=data/flat.csv", "--quiet"]);
    }
}

#[test]
fn a_killed_run_leaves_the_last_report_and_the_next_one_is_whole() {
    let kills = std::env::var("ASSAY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let folder = workshop();
    small(folder.path());
    let samples = |version: u16| {
        (0..300).map(move |number| {
            (number, (1 + (number % 9) as u8, 100 + version, 10 + u32::from(version) % 30))
        })
    };
    let write = |version: u16| {
        fs::write(folder.path().join("data/lab.csv"), export(samples(version))).expect("writes")
    };
    write(0);
    let began = Instant::now();
    run(folder.path(), "lake", "out");
    let whole = began.elapsed();
    let mut died = 0;
    for kill in 1..=kills {
        let before = published(&folder.path().join("out"));
        write(kill);
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["run", "small.toml", "--quiet"])
            .current_dir(folder.path())
            .spawn()
            .expect("starts");
        std::thread::sleep(whole.mul_f64(dice.random_range(0.0..1.1)));
        let _ = child.kill();
        died += u32::from(!child.wait().expect("ends").success());
        // Whatever happened, there is one report, the old or the new.
        let after = published(&folder.path().join("out"));
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        run(folder.path(), "lake", "out");
        run(folder.path(), "fresh", "full");
        assert!(
            published(&folder.path().join("out")) == published(&folder.path().join("full")),
            "kill {kill}"
        );
        fs::remove_dir_all(folder.path().join("fresh")).expect("removes");
        let beside: Vec<String> = fs::read_dir(folder.path())
            .expect("lists")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with('.'))
            .collect();
        assert!(beside.is_empty(), "{beside:?}");
        assert_eq!(fs::read_dir(folder.path().join("lake/tmp")).expect("lists").count(), 0);
    }
    assert!(died > u32::from(kills) / 4, "{died} of {kills} runs were killed in time");
    assay_ok(folder.path(), &["verify", "--quiet"]);
}

#[test]
fn restated_figures_are_listed_with_the_records_behind_them() {
    let folder = workshop();
    small(folder.path());
    let write = |samples: &[(u32, (u8, u16, u32))]| {
        fs::write(folder.path().join("data/lab.csv"), export(samples.iter().copied())).expect("writes");
        run(folder.path(), "lake", "out");
    };
    write(&[(1, (3, 100, 10)), (2, (3, 100, 50)), (3, (4, 120, 10))]);
    // A correction of a sample of March, and a late one of April.
    write(&[(1, (3, 100, 10)), (2, (3, 130, 20)), (3, (4, 120, 10)), (4, (4, 140, 10))]);
    let history = String::from_utf8_lossy(&assay_ok(folder.path(), &["history"]).stdout).into_owned();
    let restated: Vec<&str> = history.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(restated[0], "", "the first run restates nothing: {history}");
    let listed = assay_ok(folder.path(), &["history", "2"]).stdout;
    let mut reader = csv::Reader::from_reader(listed.as_slice());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
    assert_eq!(restated[1], rows.len().to_string());
    let march = rows.iter().find(|row| row[0] == "pass_rate" && row[1] == "region=411721104, month=2020-03");
    let march = march.unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(march[4..10], ["0", "1", "0.00", "1", "1", "100.00"]);
    assert!(march[10].contains("samples 2020-03: 1 changed (XC00000002)"), "{}", march[10]);
    let whole = rows.iter().find(|row| row[0] == "pass_rate" && row[1].is_empty()).expect("the whole");
    assert_eq!(whole[4..10], ["2", "3", "66.67", "4", "4", "100.00"]);
    assert!(whole[10].contains("samples 2020-04: 1 came (XC00000004)"), "{}", whole[10]);
}

#[test]
fn what_leaves_the_house_tells_no_small_number() {
    let folder = workshop();
    county(folder.path());
    let own = ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--share", "share", "--quiet"];
    assay_ok(folder.path(), &own);
    let names = ["indicators.csv", "rejections.csv", "scorecard.csv"];
    let [told, refused, scorecard] =
        names.map(|name| super::support::records(&folder.path().join("share").join(name)));
    let all = super::support::records(&folder.path().join("out/indicators.csv"));
    assert_eq!(all.len(), told.len());
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<i64>().ok();
    let mut kept_back = 0;
    for (row, own) in told.iter().zip(&all) {
        if row["status"] == "suppressed" {
            kept_back += 1;
            for name in ["numerator", "denominator", "value", "lower", "upper"] {
                assert_eq!(row[name], "", "{row:?}");
            }
            continue;
        }
        assert_eq!(row, own);
        let (numerator, denominator) =
            (number(row, "numerator").expect("a number"), number(row, "denominator"));
        assert!(!(1..5).contains(&numerator), "{row:?}");
        if let Some(rest) =
            denominator.filter(|_| row["unit"] == "%").map(|denominator| denominator - numerator)
        {
            assert!(!(1..5).contains(&rest), "{row:?}");
        }
    }
    assert!(kept_back > 10 && kept_back < told.len(), "{kept_back} of {}", told.len());
    // No region can be had by subtracting the others from the whole.
    for indicator in scorecard.iter().map(|row| &row["indicator"]) {
        let own = told.iter().filter(|row| row["indicator"] == *indicator);
        let whole = own.clone().find(|row| row["by"].is_empty()).expect("the whole");
        let unknown = own.filter(|row| row["by"] == "region" && row["status"] == "suppressed").count();
        assert!(whole["status"] == "suppressed" || unknown != 1, "{indicator}");
    }
    // What is counted beside a figure is not told at all.
    let notes = || scorecard.iter().map(|row| &row["note"]);
    assert!(notes().all(|note| !note.contains("undetermined ") && !note.contains("pending ")));
    assert!(!refused.is_empty() && refused.iter().all(|row| row["found"] == "***"));
    let files: Vec<String> = published(&folder.path().join("share")).into_keys().collect();
    assert!(
        files.iter().all(|name| !name.contains("warnings") && !name.contains("disagreements")),
        "{files:?}"
    );
}

/// An OpenDocument spreadsheet of one sheet.
fn ods(rows: &[&[&str]]) -> Vec<u8> {
    use std::io::Write;
    let mut book = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    book.start_file("mimetype", options.compression_method(zip::CompressionMethod::Stored)).expect("starts");
    book.write_all(b"application/vnd.oasis.opendocument.spreadsheet").expect("writes");
    book.start_file("META-INF/manifest.xml", options).expect("starts");
    book.write_all(
        b"<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>",
    )
    .expect("writes");
    book.start_file("content.xml", options).expect("starts");
    let cell = |text: &&str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let lines: String = rows
        .iter()
        .map(|row| format!("<table:table-row>{}</table:table-row>", row.iter().map(cell).collect::<String>()))
        .collect();
    let names = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"";
    let text = format!(
        "<office:document-content {names}><office:body><office:spreadsheet><table:table table:name=\"样品\">{lines}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    book.write_all(text.as_bytes()).expect("writes");
    book.finish().expect("finishes").into_inner()
}

#[test]
fn old_workbooks_are_unpacked_in_a_process_of_their_own() {
    let folder = workshop();
    small(folder.path());
    let header =
        ["code", "category", "town", "sampled", "reported", "analyte", "result", "unit", "limit", "verdict"];
    let row = ["XC1", "蔬菜制品", "盆尧镇", "2020-03-01", "2020-03-09", "铅", "0.1", "mg/kg", "0.3", "合格"];
    let text = PIPELINE.replace("data/*.csv", "data/*.ods");
    fs::write(folder.path().join("small.toml"), &text).expect("writes");
    fs::write(folder.path().join("data/lab.ods"), ods(&[&header, &row])).expect("writes");
    run(folder.path(), "lake", "out");
    let record = super::support::json(&folder.path().join("out/run.json"));
    assert_eq!(record["rows"]["accepted"], 1, "{record}");
    // What is none: damaged from within, cut, or only called so.
    for (name, bytes) in [
        ("cut", ods(&[&header, &row])[..700].to_vec()),
        ("xls", [&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1][..], &[0xff; 4000]].concat()),
        ("short", vec![0xd0, 0xcf, 0x11, 0xe0]),
    ] {
        fs::write(folder.path().join("data/lab.ods"), bytes).expect("writes");
        let refused = assay(folder.path(), &["run", "small.toml"]);
        assert_eq!(code(&refused), 1, "{name}: {}", stderr(&refused));
        assert!(
            stderr(&refused).contains("lab.ods") && !stderr(&refused).contains("panicked"),
            "{}",
            stderr(&refused)
        );
    }
}

#[test]
#[cfg(feature = "query")]
fn a_query_that_asks_for_too_much_is_ended() {
    let folder = workshop();
    county(folder.path());
    let own = ["run", &pipeline("xiping-2020.toml"), "--param", "data=data", "--quiet"];
    assay_ok(folder.path(), &own);
    let ask = |sql: &str| assay(folder.path(), &["query", sql, "--memory", "900", "--seconds", "20"]);
    let counted = ask("select count(*) n from samples");
    assert_eq!(code(&counted), 0, "{}", stderr(&counted));
    let product = "select count(*) n from determinations a cross join determinations b cross join samples c";
    let ended = ask(product);
    assert_eq!(code(&ended), 1);
    assert!(stderr(&ended).contains("took more than 900 MiB or 20 seconds"), "{}", stderr(&ended));
    for hostile in [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "copy samples to '/tmp/x'",
        "attach '/tmp/x' as x",
        "create table x as select 1",
        "select * from samples; drop table samples",
    ] {
        let refused = ask(hostile);
        assert_eq!(code(&refused), 2, "{hostile}: {}", stderr(&refused));
    }
}

#[test]
#[cfg(feature = "query")]
fn persons_are_kept_as_stand_ins_where_a_pipeline_asks_for_them() {
    let folder = workshop();
    small(folder.path());
    let text = PIPELINE
        .replace("as_of = ", "pseudonym_key = \"key\"\nas_of = ")
        .replace("[source.lab]\n", "[dimensions]\nkeeper = \"samples\"\n\n[source.lab]\n")
        .replace(
            "sample_code = \"code\"\n",
            "sample_code = \"code\"\nkeeper = { from = \"keeper\", pseudonym = true }\n",
        );
    fs::write(folder.path().join("small.toml"), &text).expect("writes");
    let ids: Vec<String> = (0..200).map(|number| format!("41172119900101{number:04}")).collect();
    let mut lines =
        export((0..200).map(|number| (number, (3, 100, 10)))).lines().map(str::to_owned).collect::<Vec<_>>();
    for (index, line) in lines.iter_mut().enumerate() {
        line.push_str(&format!(",{}", if index == 0 { "keeper" } else { &ids[(index - 1) / 2] }));
    }
    fs::write(folder.path().join("data/lab.csv"), lines.join("\n")).expect("writes");
    let refused = assay(folder.path(), &["run", "small.toml"]);
    assert_eq!(code(&refused), 74, "no key: {}", stderr(&refused));
    fs::write(folder.path().join("key"), "a secret of the centre").expect("writes");
    run(folder.path(), "lake", "out");
    let count = assay_ok(folder.path(), &["query", "select count(distinct keeper) n from samples"]).stdout;
    assert_eq!(String::from_utf8_lossy(&count), "n\r\n200\r\n");
    assay_ok(folder.path(), &["verify", "--quiet"]);
    let mut pending = vec![folder.path().join("lake"), folder.path().join("out")];
    let mut looked = 0;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let inside = fs::read_dir(&path).expect("lists").map(|entry| entry.expect("an entry").path());
            // The raw archive keeps what came, for its owner alone.
            pending.extend(inside.filter(|path| !path.ends_with("raw")));
            continue;
        }
        let bytes = fs::read(&path).expect("reads");
        looked += 1;
        for id in ids.iter().step_by(10) {
            assert!(
                !bytes.windows(id.len()).any(|window| window == id.as_bytes()),
                "{} holds {id}",
                path.display()
            );
        }
    }
    assert!(looked > 20);
}
