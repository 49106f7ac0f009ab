//! Each stage on its own, and the run end to end, over a simulated file of determinations.
//! `cargo bench --bench stages`; ratios between runs on one machine mean something, seconds do not.

use std::hint::black_box;
use std::path::PathBuf;

use assay::cube::{Cells, Filter};
use assay::normalize::{Sign, parse_date, parse_decimal, parse_limit, parse_result};
use assay::pipeline::{self, Observer, RunRequest};
use assay::simulate::{Encoding, Layout, Options, simulate};
use assay::source::PIECE;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

struct Silent;

impl Observer for Silent {
    fn stage(&self, _: &'static str) {}
}

fn flat_file(folder: &std::path::Path, encoding: Encoding) -> PathBuf {
    let options = Options {
        seed: 1,
        samples: 10_000,
        months: 12,
        layout: Layout::Flat,
        encoding,
        out: folder.to_owned(),
        dirt: false,
    };
    simulate(&options).expect("simulates");
    folder.join("flat.csv")
}

fn request(file: &std::path::Path) -> RunRequest {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    RunRequest {
        pipeline: root.join("pipelines/flat.toml"),
        as_of: None,
        params: vec![("file".to_owned(), file.display().to_string())],
        out: PathBuf::new(),
        share: None,
        lake: PathBuf::new(),
        wait: false,
        byte_order_mark: true,
        unpacker: None,
        published_at: String::new(),
        piece: PIECE,
    }
}

fn texts(c: &mut Criterion) {
    let mut group = c.benchmark_group("normalize");
    group.bench_function("date", |b| b.iter(|| parse_date(black_box("2020年3月5日"))));
    group.bench_function("decimal", |b| b.iter(|| parse_decimal(black_box("0.0230"))));
    group.bench_function("result", |b| b.iter(|| parse_result(black_box("4.8×10^(2)；5.3×10^(2)；<10"))));
    group.bench_function("limit", |b| {
        b.iter(|| parse_limit(black_box("n=5,c=2,m=10,M=100CFU/g"), Sign::AtMost))
    });
    group.finish();
}

fn evaluate(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = c.benchmark_group("read to indicate");
    group.sample_size(10);
    for (name, encoding) in [("utf-8", Encoding::Utf8), ("gb18030", Encoding::Gb18030)] {
        let file = flat_file(&folder.path().join(name), encoding);
        let size = std::fs::metadata(&file).expect("a file").len();
        group.throughput(Throughput::Bytes(size));
        group.bench_function(name, |b| {
            b.iter(|| pipeline::check(&request(&file), &Silent).expect("evaluates"))
        });
    }
    group.finish();
}

fn read(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = c.benchmark_group("read");
    let request = |header: &str| assay::source::Request {
        name: header.to_owned(),
        headers: vec![header.to_owned()],
        aliases: Vec::new(),
        required: true,
    };
    let headers =
        ["抽样单编号", "样品名称", "食品大类", "乡镇", "抽样日期", "检验项目", "检验结果", "结果判定"];
    let layout = assay::source::Layout {
        requests: headers.into_iter().map(request).collect(),
        wide: assay::source::Wide::None,
        sheets: assay::source::Sheets::First,
        header_row: None,
        encoding: None,
        delimiter: None,
    };
    let reader = assay::source::Reader { unpacker: None, piece: PIECE, advance: &|_, _| {} };
    for (name, encoding) in [("utf-8", Encoding::Utf8), ("gb18030", Encoding::Gb18030)] {
        let file = flat_file(&folder.path().join(name), encoding);
        group.throughput(Throughput::Bytes(std::fs::metadata(&file).expect("a file").len()));
        group.bench_function(name, |b| {
            b.iter(|| reader.read(&file, &layout, &|table| table.lines.len()).expect("reads"))
        });
    }
    group.finish();
}

/// From the export to the published report and, where the program has one, the lake.
fn run(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = flat_file(&folder.path().join("flat"), Encoding::Utf8);
    let mut group = c.benchmark_group("run");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(std::fs::metadata(&file).expect("a file").len()));
    let request = RunRequest {
        out: folder.path().join("out"),
        lake: folder.path().join("lake"),
        published_at: "2021-01-04T08:00:00Z".to_owned(),
        ..request(&file)
    };
    group.bench_function("into a new lake", |b| {
        b.iter(|| {
            let _ = std::fs::remove_dir_all(&request.lake);
            pipeline::run(&request, &Silent).expect("publishes")
        })
    });
    group.bench_function("nothing new", |b| b.iter(|| pipeline::run(&request, &Silent).expect("publishes")));
    group.finish();
}

fn cells(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = flat_file(&folder.path().join("flat"), Encoding::Utf8);
    let evaluated = pipeline::check(&request(&file), &Silent).expect("evaluates");
    let mut group = c.benchmark_group("cells");
    let tables = &evaluated.assembled.tables;
    group.bench_function("tally", |b| {
        b.iter(|| pipeline::tally(&evaluated.file, tables, &evaluated.reference, evaluated.as_of, |_| true))
    });
    let samples: &Cells = evaluated.cells.first().expect("cells");
    group.bench_function("merge", |b| b.iter(|| samples.clone().merge(black_box(samples.clone()))));
    let filter = Filter::parse("final_verdict = 'conforming' and level <> 'national'").expect("parses");
    group.bench_function("select", |b| b.iter(|| filter.select(black_box(samples))));
    group.finish();
}

criterion_group!(stages, texts, read, evaluate, cells, run);
criterion_main!(stages);
