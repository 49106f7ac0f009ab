//! Judged in parts of any size, the same report: what a sample has in one part is settled with what it has in others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assay::lake::Lake;
use assay::pipeline::{self, Observer, RunRequest};
use assay::source::PIECE;
use rand::{RngExt, SeedableRng, seq::SliceRandom};

use super::support::{assay_ok, pipeline as named, published, root, rows, workshop};

struct Silent;

impl Observer for Silent {
    fn stage(&self, _: &'static str) {}
}

/// Files of the report, and the rows of every table, spelt out and sorted.
type Published = (BTreeMap<String, Vec<u8>>, Vec<(String, Vec<String>)>);

/// Publishes with texts of more than so many bytes read in pieces; returns the report, and the rows of every table of the lake.
fn run(folder: &Path, pipeline: &str, file: &str, piece: usize) -> Published {
    let name = format!("{}-{piece}", file.replace(['*', '.'], "_"));
    let [out, lake] = ["out", "lake"].map(|kind| folder.join(format!("{kind}-{name}")));
    let request = RunRequest {
        pipeline: PathBuf::from(pipeline),
        as_of: None,
        params: vec![("file".to_owned(), folder.join(file).display().to_string())],
        out: out.clone(),
        share: None,
        lake: lake.clone(),
        wait: false,
        byte_order_mark: true,
        unpacker: None,
        published_at: "2021-01-04T08:00:00Z".to_owned(),
        piece,
    };
    let outcome = pipeline::run(&request, &Silent).expect("publishes");
    let record = serde_json::to_value(&outcome.record).expect("JSON");
    rows(&record);
    let mut report = published(&out);
    // Of run.json, what does not depend on the clock.
    let told = format!("{} {} {}", record["rows"], record["inputs"], record["rejections"]);
    report.insert("rows".to_owned(), told.into_bytes());
    let lake = Lake::open(&lake).expect("a lake");
    for input in &outcome.evaluated.inputs {
        let archived = lake.archived(&input.blake3).expect("a hash").expect("it is archived");
        assert!(
            fs::read(archived).expect("reads") == fs::read(&input.path).expect("reads"),
            "{}",
            input.name
        );
    }
    let entry = lake.latest().expect("reads").expect("a run");
    let tables = pipeline::store::tables(&lake, &entry).expect("reads");
    let mut spelt: Vec<(String, Vec<String>)> = tables
        .into_iter()
        .map(|(name, frame)| {
            let mut columns: Vec<&str> = frame.names().collect();
            columns.sort_unstable();
            let columns: Vec<_> = columns.iter().map(|name| (name, frame.column_or_missing(name))).collect();
            let row = |row: usize| {
                let values = columns.iter().map(|(name, column)| format!("{name}={:?}", column.get(row)));
                format!(
                    "{:?} {} {}",
                    frame.origin(row),
                    frame.input_hash(row),
                    values.collect::<Vec<_>>().join(" ")
                )
            };
            let mut rows: Vec<String> = (0..frame.rows()).map(row).collect();
            rows.sort_unstable();
            (name, rows)
        })
        .collect();
    spelt.sort();
    (report, spelt)
}

fn compare(folder: &Path, pipeline: &str, file: &str, pieces: &[usize]) {
    let whole = run(folder, pipeline, file, PIECE);
    assert!(whole.1.iter().any(|(name, rows)| name == "determinations" && rows.len() > 1000));
    for piece in pieces {
        let parts = run(folder, pipeline, file, *piece);
        for (name, bytes) in &whole.0 {
            assert!(parts.0.get(name) == Some(bytes), "{file}, pieces of {piece}: {name} differs");
        }
        assert!(parts.1 == whole.1, "{file}, pieces of {piece}: the tables differ");
    }
}

fn simulated(folder: &Path, seed: &str) -> String {
    let simulate = [
        "simulate",
        "--layout",
        "flat",
        "--seed",
        seed,
        "--samples",
        "300",
        "--dirt",
        "--out",
        seed,
        "--quiet",
    ];
    assay_ok(folder, &simulate);
    fs::read_to_string(folder.join(seed).join("flat.csv")).expect("reads")
}

#[test]
fn parts_of_any_size_give_the_report_of_the_whole() {
    let folder = workshop();
    let text = simulated(folder.path(), "8");
    fs::write(folder.path().join("flat.csv"), &text).expect("writes");
    let pieces = [1, 3_000, 40_000, 200_000];
    compare(folder.path(), &named("flat.toml"), "flat.csv", &pieces);

    // Lines in any order: every part has something of nearly every sample.
    let (header, body) = text.split_once('\n').expect("a header");
    let mut lines: Vec<&str> = body.lines().collect();
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(8);
    lines.shuffle(&mut dice);
    fs::write(folder.path().join("shuffled.csv"), format!("{header}\n{}\n", lines.join("\n")))
        .expect("writes");
    compare(folder.path(), &named("flat.toml"), "shuffled.csv", &[20_000, 150_000]);
}

#[test]
fn sends_and_corrections_are_settled_across_parts() {
    let folder = workshop();
    let text = simulated(folder.path(), "9");
    let (header, body) = text.split_once('\n').expect("a header");
    let lines: Vec<&str> = body.lines().collect();
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    // The same month again, some of it corrected, some of it missing.
    let again: Vec<String> = lines
        .iter()
        .filter(|_| dice.random_bool(0.7))
        .map(|line| if line.contains("合格") { line.replacen("超市", "商场", 1) } else { (*line).to_owned() })
        .collect();
    for (name, lines) in [("sent-1.csv", lines.join("\n")), ("sent-2.csv", again.join("\n"))] {
        fs::write(folder.path().join(name), format!("{header}\n{lines}\n")).expect("writes");
    }
    compare(folder.path(), &named("flat.toml"), "sent-*.csv", &[5_000, 60_000]);
}

#[test]
fn samples_and_their_determinations_meet_from_two_files() {
    let folder = workshop();
    let text = simulated(folder.path(), "10");
    let columns = |wanted: &[&str]| {
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let header = reader.headers().expect("a header").clone();
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(wanted).expect("writes");
        for record in reader.records().map_while(Result::ok) {
            let field =
                |name: &&str| header.iter().position(|own| own == *name).and_then(|at| record.get(at));
            out.write_record(wanted.iter().map(|name| field(name).unwrap_or_default())).expect("writes");
        }
        out.into_inner().expect("flushes")
    };
    let samples = columns(&["抽样单编号", "样品名称", "食品大类", "乡镇", "抽样日期", "检验结论"]);
    let determinations =
        columns(&["抽样单编号", "检验项目", "检验结果", "结果单位", "最大允许限", "结果判定"]);
    fs::write(folder.path().join("x-samples.csv"), samples).expect("writes");
    fs::write(folder.path().join("x-items.csv"), determinations).expect("writes");
    let toml = fs::read_to_string(root().join("pipelines/flat.toml")).expect("reads");
    let (head, indicators) = toml.split_once("[source.flat]").expect("a source");
    let indicators = &indicators[indicators.find("[cuts]").expect("cuts")..];
    let sources = "
[source.samples]
files = \"{file}/x-samples.csv\"
into = \"samples\"
columns = { sample_code = \"抽样单编号\", product = \"样品名称\", category = \"食品大类\", region = \"乡镇\", \
                   sampled_on = \"抽样日期\", final_verdict = \"检验结论\" }
constants = { domain = \"food\", purpose = \"supervisory\" }

[source.items]
files = \"{file}/x-items.csv\"
into = \"determinations\"
columns = { sample_code = \"抽样单编号\", analyte = \"检验项目\", result_text = \"检验结果\", unit = \"结果单位\", \
                   limit_high = \"最大允许限\", lab_verdict = \"结果判定\" }
";
    let pipeline = folder.path().join("two.toml");
    fs::write(&pipeline, format!("{head}{sources}\n{indicators}")).expect("writes");
    compare(folder.path(), &pipeline.display().to_string(), "", &[4_000, 100_000]);
}

#[test]
fn parts_are_judged_alike_by_any_number_of_threads() {
    let folder = workshop();
    let text = simulated(folder.path(), "11");
    fs::write(folder.path().join("flat.csv"), &text).expect("writes");
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let own = folder.path().join(format!("on-{threads}"));
        fs::create_dir(&own).expect("a folder");
        fs::copy(folder.path().join("flat.csv"), own.join("flat.csv")).expect("copies");
        let (mut report, tables) = pool.install(|| run(&own, &named("flat.toml"), "flat.csv", 10_000));
        // It names the path of the export.
        report.remove("rows");
        let ledger = fs::read_dir(own.join("lake-flat_csv-10000/tables/determinations")).expect("a table");
        let mut files: Vec<String> = ledger
            .filter_map(|month| fs::read_dir(month.expect("an entry").path()).ok())
            .flatten()
            .map(|file| file.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".parquet"))
            .collect();
        files.sort();
        (report, tables, files)
    };
    let one = on(1);
    assert!(!one.2.is_empty());
    for threads in [2, 3, 8] {
        assert!(on(threads) == one, "{threads} threads");
    }
}
