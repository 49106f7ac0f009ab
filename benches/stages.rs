//! Each stage on its own, and the run end to end, over a simulated file of determinations.
//! `cargo bench --bench stages`; ratios between runs on one machine mean something, seconds do not.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, RecordBatch, StringArray, UInt32Array};
use assay::column::chunks;
use assay::cube::{Cells, Filter};
use assay::judge::{Decisions, judge_determinations};
use assay::normalize::{Sign, parse_date, parse_decimal, parse_limit, parse_result};
use assay::pipeline::{self, Evaluated, Observer, RunRequest};
use assay::report::{CsvOptions, cells_to_parquet, indicators_table, write_csv};
use assay::simulate::{Encoding, Layout, Options, simulate};
use assay::source::PIECE;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

struct Silent;

impl Observer for Silent {
    fn stage(&self, _: &'static str) {}
}

/// Without `--bench`, as in the test suite, every benchmark is tried once, on little.
fn samples() -> u64 {
    if std::env::args().any(|argument| argument == "--bench") { 10_000 } else { 200 }
}

fn flat_file(folder: &std::path::Path, encoding: Encoding) -> PathBuf {
    let options = Options {
        seed: 1,
        samples: samples(),
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
    let spare = Arc::default();
    let reader = assay::source::Reader {
        unpacker: None,
        piece: PIECE,
        advance: &|_, _| {},
        keeper: None,
        spare: &spare,
    };
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

/// The file judged as one part, so that its tables are there.
fn evaluated(folder: &std::path::Path) -> Evaluated {
    let whole = RunRequest { piece: usize::MAX >> 1, ..request(&flat_file(folder, Encoding::Utf8)) };
    pipeline::check(&whole, &Silent).expect("evaluates")
}

fn judge(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let evaluated = evaluated(folder.path());
    let (reference, official) = (&evaluated.reference, evaluated.file.official);
    let determinations = &evaluated.assembled.tables["determinations"];
    let mut group = c.benchmark_group("judge");
    group.throughput(Throughput::Elements(determinations.rows() as u64));
    group.bench_function("every combination new", |b| {
        b.iter(|| judge_determinations(determinations, official, reference, &Decisions::default()))
    });
    let decisions = Decisions::default();
    group.bench_function("every combination known", |b| {
        b.iter(|| judge_determinations(determinations, official, reference, &decisions))
    });
    group.finish();
}

/// Column chunks out of codes, as the lake stores them: what `store` computes, without its disk.
fn encode(c: &mut Criterion) {
    const ROWS: u32 = 65_536;
    let column = |repeats: u32, distinct: u32| -> ArrayRef {
        let values = StringArray::from_iter_values((0..distinct).map(|value| format!("检验项目{value}")));
        let keys = (0..ROWS).map(|row| (row / repeats).wrapping_mul(2_654_435_761) % distinct);
        Arc::new(DictionaryArray::new(UInt32Array::from_iter_values(keys), Arc::new(values)))
    };
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(ROWS.into()));
    for (name, repeats, distinct) in [
        ("a constant", 1, 1),
        ("in runs", 12, 5_000),
        ("scattered, 77 values", 1, 77),
        ("scattered, 5000", 1, 5_000),
    ] {
        let batch = RecordBatch::try_from_iter([("column", column(repeats, distinct))]).expect("a batch");
        group.bench_function(name, |b| {
            b.iter(|| {
                chunks::groups(&batch)
                    .expect("zstd")
                    .for_each(|group| drop(black_box(group.expect("encodes"))))
            })
        });
    }
    group.finish();
}

fn report(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let evaluated = evaluated(folder.path());
    let mut group = c.benchmark_group("report");
    group.bench_function("figures", |b| {
        b.iter(|| {
            let Evaluated { file, cells, reference, assembled, as_of, .. } = &evaluated;
            pipeline::indicate(file, cells, &assembled.tables, reference, *as_of, None)
        })
    });
    group
        .bench_function("cells.parquet", |b| b.iter(|| cells_to_parquet(&evaluated.cells).expect("encodes")));
    group.bench_function("indicators.csv", |b| {
        b.iter(|| {
            let table = indicators_table(&evaluated.file.indicators, &evaluated.figures);
            write_csv(&table, CsvOptions { byte_order_mark: true })
        })
    });
    group.finish();
}

fn cells(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let evaluated = evaluated(folder.path());
    let mut group = c.benchmark_group("cells");
    let tables = &evaluated.assembled.tables;
    group.bench_function("tally", |b| {
        let Evaluated { file, reference, as_of, .. } = &evaluated;
        b.iter(|| pipeline::tally(file, tables, reference, *as_of, |_| true, |day| day))
    });
    let samples: &Cells = evaluated.cells.first().expect("cells");
    group.bench_function("merge", |b| b.iter(|| samples.clone().merge(black_box(samples.clone()))));
    let filter = Filter::parse("final_verdict = 'conforming' and level <> 'national'").expect("parses");
    group.bench_function("select", |b| b.iter(|| filter.select(black_box(samples))));
    group.finish();
}

criterion_group!(stages, texts, read, judge, evaluate, cells, encode, report, run);
criterion_main!(stages);
