//! From tables to published figures: tally, indicate, write, store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use jiff::civil::Date;
use rayon::prelude::*;
use rust_decimal::Decimal;

use super::assemble::Assembled;
use super::file::PipelineFile;
use super::inputs::Input;
use super::load::Loaded;
use super::people::populations;
use super::source_file::SourceFile;
use super::store::{self, Store};
use super::{Counted, Evaluated, Observer, RunError, RunRequest};
use crate::column::Frame;
use crate::cube::{Cells, Counts, Fact, FactInputs, build_fact};
use crate::indicator::{self, Context, Definition, Figure, evaluate};
use crate::judge::overdue;
use crate::model::{Code, Rejection, Scope, UNKNOWN, Value};
use crate::reference::Reference;
use crate::report::{
    self, CsvOptions, Draft, InputRecord, ReportError, RunRecord, StageSeconds, Table, cells_to_parquet,
    in_memory, indicators_csv, indicators_table, overdue_table, rejections_table, scorecard_table,
    scorecard_workbook, table_to_parquet, warnings_table, write_csv, write_disagreements,
};
use crate::validate::RowCounts;

/// A file that was read, as `run.json` and the summary show it.
#[derive(Debug, Clone)]
pub struct InputSummary {
    pub source: String,
    pub path: std::path::PathBuf,
    pub name: String,
    pub blake3: String,
    pub encoding: String,
    pub unknown_columns: Vec<String>,
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    pub evaluated: Evaluated,
    pub record: RunRecord,
    pub stored: Stored,
}

/// What happened to the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// A new run was published under this number.
    Published(u64),
    /// Nothing differs from this run.
    Unchanged(u64),
    /// The program was built without the lake.
    NoLake,
}

pub fn summarise_inputs(sources: &[(SourceFile, Vec<Input>)], loaded: &[Loaded]) -> Vec<InputSummary> {
    let files = sources.iter().enumerate().flat_map(|(index, (source, inputs))| {
        inputs.iter().enumerate().map(move |(place, input)| (index, place, source, input))
    });
    files
        .map(|(index, place, source, input)| {
            let sheets = || loaded.iter().filter(|sheet| sheet.source == index && sheet.place == place);
            let unknown: BTreeSet<&String> = sheets().flat_map(|sheet| &sheet.unknown_headers).collect();
            InputSummary {
                source: source.name.clone(),
                path: input.path.clone(),
                name: input.file.name.to_string(),
                blake3: input.file.blake3.to_string(),
                encoding: sheets().next().map_or("", |sheet| sheet.encoding).to_owned(),
                unknown_columns: unknown.into_iter().cloned().collect(),
            }
        })
        .collect()
}

/// Counts every wanted fact that an indicator needs, over the dimensions that are mentioned anywhere. Days are told apart
/// as far as `day` does.
pub fn tally(
    file: &PipelineFile,
    tables: &HashMap<String, Frame>,
    reference: &Reference,
    as_of: Date,
    wanted: impl Fn(Fact) -> bool,
    day: impl Fn(Option<Date>) -> Option<Date> + Sync,
) -> Vec<Counts> {
    let attributes = file.attributes();
    let inputs = FactInputs { tables, as_of, attributes: &attributes, reference };
    let facts: Vec<Fact> =
        Fact::ALL.into_iter().filter(|fact| wanted(*fact) && is_asked(file, *fact)).collect();
    facts
        .into_par_iter()
        .map(|fact| {
            let dimensions = dimensions_of(file, fact);
            tally_fact(fact, build_fact(fact, &inputs, &dimensions), &dimensions, &day)
        })
        .collect()
}

/// Whether an indicator counts this fact.
pub fn is_asked(file: &PipelineFile, fact: Fact) -> bool {
    file.indicators.iter().any(|indicator| indicator.fact == fact)
}

/// Dimensions of a fact that an indicator mentions.
pub fn dimensions_of(file: &PipelineFile, fact: Fact) -> Vec<String> {
    let own = file.indicators.iter().filter(|indicator| indicator.fact == fact);
    let used: BTreeSet<String> = own.flat_map(Definition::dimensions).collect();
    file.dimensions_of(fact).into_iter().filter(|name| used.contains(name)).collect()
}

/// Counts the rows of one fact.
pub fn tally_fact(
    fact: Fact,
    mut rows: Frame,
    dimensions: &[String],
    day: impl Fn(Option<Date>) -> Option<Date>,
) -> Counts {
    let days = rows.column_or_missing("day");
    rows.set("day", days.map(|own| day(own.as_date()).map_or(Value::Missing, Value::Date)));
    let weight = (fact == Fact::Returns).then_some("weight");
    Counts::tally(fact.name(), &rows, dimensions, "day", weight)
}

/// Evaluates every indicator of the pipeline, in its order, whole and cut; over `period` instead of its
/// own span where one is given.
pub fn indicate(
    file: &PipelineFile,
    cells: &[Cells],
    tables: &HashMap<String, Frame>,
    reference: &Reference,
    as_of: Date,
    period: Option<(Date, Date)>,
) -> Vec<Figure> {
    let populations = populations(file, tables, reference, as_of);
    let townships = reference.regions.townships(as_of);
    let own = townships.filter(|region| region.parent.as_deref() == Some(file.region.as_str()));
    let regions: Vec<String> = own.map(|region| region.code.clone()).collect();
    let context = Context { as_of, populations: &populations, regions: &regions, period };
    let each = file.indicators.par_iter().map(|indicator| {
        let own = cells.iter().find(|cells| cells.fact == indicator.fact.name());
        own.map(|cells| evaluate(indicator, cells, &indicator.cuts, &context)).unwrap_or_default()
    });
    // Those of one indicator alone stay where they are: they can be many.
    let joined = |mut one: Vec<Figure>, other| {
        one.extend(other);
        one
    };
    each.collect::<Vec<Vec<Figure>>>().into_iter().reduce(joined).unwrap_or_default()
}

/// # Errors
/// More rows were rejected than the pipeline allows.
pub fn check_rejections(evaluated: &Evaluated) -> Result<(), RunError> {
    check_parts(&evaluated.file, std::iter::once(&evaluated.assembled))
}

/// Likewise, of rows in parts.
fn check_parts<'a>(
    file: &PipelineFile,
    parts: impl Iterator<Item = &'a Assembled> + Clone,
) -> Result<(), RunError> {
    let Some(limit) = file.max_rejected else { return Ok(()) };
    let counts = totals_of(parts.clone());
    let rejections = parts.flat_map(|part| &part.rejections);
    // A cut export rejects little and orphans much.
    let orphans = rejections.clone().filter(|own| own.scope == Scope::Orphan).count() as u64;
    let refused = counts.rejected + orphans;
    let share = Decimal::from(refused) * Decimal::ONE_HUNDRED;
    if share > limit * Decimal::from(counts.read) {
        let mut rejections: Vec<Rejection> = rejections.cloned().collect();
        rejections.sort();
        return Err(RunError::TooManyRejections {
            rejected: refused,
            read: counts.read,
            limit: limit.normalize().to_string(),
            examples: examples(&rejections),
        });
    }
    Ok(())
}

/// The first refused rows, for a message.
fn examples(rejections: &[Rejection]) -> String {
    let rows = rejections.iter().filter(|rejection| rejection.scope != Scope::Cell).take(10);
    rows.map(|rejection| {
        let place = &rejection.origin;
        let sheet = if place.sheet.is_empty() { String::new() } else { format!(":{}", place.sheet) };
        format!(
            "\n  {}{sheet}:{} {} {}: {}",
            place.file, place.line, rejection.column, rejection.code, rejection.found
        )
    })
    .collect()
}

pub fn totals(evaluated: &Evaluated) -> RowCounts {
    totals_of(std::iter::once(&evaluated.assembled))
}

fn totals_of<'a>(parts: impl Iterator<Item = &'a Assembled>) -> RowCounts {
    let mut totals = RowCounts::default();
    parts.flat_map(|part| part.counts.values()).for_each(|own| totals.add(own));
    totals
}

/// Codes with their Chinese names and how many lines each has, in the order of the codes.
pub fn by_code(rejections: &[Rejection]) -> Vec<(Code, u64)> {
    let mut counts: BTreeMap<Code, u64> = BTreeMap::new();
    for rejection in rejections {
        *counts.entry(rejection.code).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// Adds up, writes the report and, where there is a lake, commits the run.
///
/// # Errors
/// More rows were rejected than the pipeline allows, or whatever stops it.
pub(super) fn publish(
    mut counted: Counted<'_>,
    store: Store,
    request: &RunRequest,
    observer: &dyn Observer,
) -> Result<Outcome, RunError> {
    let options = CsvOptions { byte_order_mark: request.byte_order_mark };
    for folder in request.share.iter().chain([&request.out]) {
        report::check_folder(folder)?;
    }
    let stage =
        |name: &str, took: Duration| StageSeconds { stage: name.to_owned(), seconds: took.as_secs_f64() };
    check_parts(&counted.file, counted.parts.assembled())?;
    let filed = counted.parts.take_filed();
    let own = store::Own::of(&counted.file, &counted.reference);
    // Figures and report keep processors busy, the tables the disk: together they take less than their sum. And what both leave
    // on the disk is waited for together.
    let (told, (prepared, preparing)) = rayon::join(
        || {
            let mut evaluated = counted.evaluate()?;
            observer.stage("report");
            let (draft, took) = timed(|| draft_report(&evaluated, options));
            evaluated.stages.push(stage("report", took));
            let draft = draft?;
            let own = record_of(&evaluated, &draft);
            let record = RunRecord { byte_order_mark: request.byte_order_mark, ..own };
            let ((outputs, report), keeping) =
                timed(|| rayon::join(|| store.keep(&draft), || report::prepare(&request.out, &draft)));
            Ok::<_, RunError>((evaluated, record, outputs?, report?, keeping))
        },
        || timed(|| store.prepare(filed, own, request)),
    );
    let ((evaluated, mut record, outputs, report, keeping), prepared) = (told?, prepared?);
    observer.stage("store");
    let since = Instant::now();
    let stored = store.commit(prepared, &evaluated, request, &record, outputs)?;
    record.stages.push(stage("store", preparing.max(keeping) + since.elapsed()));
    let mut last = Draft::default();
    last.add("run.json", serde_json::to_vec_pretty(&record).map_err(report::ReportError::from)?);
    report.publish(&last)?;
    if let Some(folder) = &request.share {
        report::publish(folder, &super::share::draft_share(&evaluated, options)?)?;
    }
    // Until here nobody else writes to this lake, or to this report.
    drop(store);
    Ok(Outcome { evaluated, record, stored })
}

fn timed<T>(make: impl FnOnce() -> T) -> (T, Duration) {
    let since = Instant::now();
    (make(), since.elapsed())
}

/// Makes the files of the report, all but `run.json`.
pub fn draft_report(evaluated: &Evaluated, options: CsvOptions) -> Result<Draft, RunError> {
    let file = &evaluated.file;
    let csv = |table: &Table| Ok(write_csv(table, options));
    let told = Told {
        figures: &evaluated.figures,
        rejections: &evaluated.assembled.rejections,
        cells: &evaluated.cells,
    };
    let common = || draft_common(evaluated, &told, options);
    let mut files: Vec<(&str, Make<'_>)> =
        vec![("warnings.csv", Box::new(|| csv(&warnings_table(&evaluated.assembled.warnings))))];
    let tables = &evaluated.assembled.tables;
    if let Some(disagreements) = &evaluated.disagreements {
        files.push(("disagreements.csv", Box::new(|| Ok(write_disagreements(disagreements, options)))));
    }
    if let Some(duties) = tables.get("duties") {
        files.push((
            "overdue.csv",
            Box::new(|| {
                let none = Frame::default();
                let samples = tables.get("samples").unwrap_or(&none);
                let listed = overdue(duties, samples, evaluated.as_of, &evaluated.reference);
                csv(&overdue_table(&listed))
            }),
        ));
    }
    if let Some(by) = &file.means_by {
        files.push(("means.csv", Box::new(|| csv(&means(evaluated, by)))));
    }
    let (common, lists) = rayon::join(common, || make(&files));
    let mut draft = common?;
    draft.files.extend(lists?.files);
    Ok(draft)
}

/// What a report tells: the figures, the refusals, the cells.
pub struct Told<'a> {
    pub figures: &'a [Figure],
    pub rejections: &'a [Rejection],
    pub cells: &'a [Cells],
}

/// The files that the report at home and the one to share have in common.
pub fn draft_common(evaluated: &Evaluated, told: &Told<'_>, options: CsvOptions) -> Result<Draft, RunError> {
    let file = &evaluated.file;
    let scorecard = scorecard_table(&file.indicators, told.figures, &file.region);
    let indicators = indicators_table(&file.indicators, told.figures);
    let counts: Vec<(String, String, u64)> = by_code(told.rejections)
        .into_iter()
        .map(|(code, count)| (code.as_str().to_owned(), code.zh().to_owned(), count))
        .collect();
    let title = format!("{}（截至 {}）", file.title_zh, evaluated.as_of);
    let json = |table: &Table| Ok(serde_json::to_vec_pretty(table)?);
    let csv = |table: &Table| Ok(write_csv(table, options));
    let figures = || Ok(in_memory(|bytes| indicators_csv(&file.indicators, told.figures, options, bytes)));
    let townships = || by_region(evaluated, told.figures);
    let others = || {
        make(&[
            ("scorecard.csv", Box::new(|| csv(&scorecard))),
            ("scorecard.parquet", Box::new(|| table_to_parquet(&scorecard))),
            ("scorecard.json", Box::new(|| json(&scorecard))),
            ("scorecard.xlsx", Box::new(|| scorecard_workbook(&title, &scorecard, &townships(), &counts))),
            ("indicators.csv", Box::new(figures)),
            ("indicators.parquet", Box::new(|| table_to_parquet(&indicators))),
            ("indicators.json", Box::new(|| json(&indicators))),
            ("rejections.csv", Box::new(|| csv(&rejections_table(told.rejections)))),
        ])
    };
    // What takes longest is begun first.
    let (cells, draft) = rayon::join(|| cells_to_parquet(told.cells), others);
    let mut draft = draft?;
    // The ledger tells outputs in this order, and the same outputs otherwise ordered are another run.
    let place =
        draft.files.iter().position(|(name, _)| name == "rejections.csv").unwrap_or(draft.files.len());
    draft.files.insert(place, ("cells.parquet".to_owned(), cells?));
    Ok(draft)
}

/// Makes files side by side; they stay in their order.
fn make(files: &[(&str, Make<'_>)]) -> Result<Draft, ReportError> {
    let made: Vec<(&str, Result<Vec<u8>, ReportError>)> =
        files.par_iter().with_max_len(1).map(|(name, make)| (*name, make())).collect();
    let mut draft = Draft::default();
    for (name, bytes) in made {
        draft.add(name, bytes?);
    }
    Ok(draft)
}

/// How a file of the report is made.
type Make<'a> = Box<dyn Fn() -> Result<Vec<u8>, ReportError> + Sync + 'a>;

/// Means of the year to date.
fn means(evaluated: &Evaluated, by: &[String]) -> Table {
    let year = (evaluated.as_of.first_of_year(), evaluated.as_of);
    let none = Frame::default();
    let table = |name: &str| evaluated.assembled.tables.get(name).unwrap_or(&none);
    let means =
        indicator::means(table("determinations"), table("samples"), by, year, &evaluated.reference.units);
    report::means_table(&means, by, year)
}

/// A row per region, a column per indicator: what the desk prints for the townships.
fn by_region(evaluated: &Evaluated, figures: &[Figure]) -> Table {
    use report::{Cell, Kind};
    let regional: Vec<&Figure> = figures
        .iter()
        .filter(|figure| matches!(figure.cut().dimensions.as_slice(), [only] if &*only.name == "region"))
        .collect();
    let definitions: Vec<_> = evaluated
        .file
        .indicators
        .iter()
        .filter(|definition| regional.iter().any(|figure| figure.indicator() == definition.id))
        .collect();
    let columns: Vec<(&str, Kind)> = [("代码", Kind::Text), ("乡镇", Kind::Text)]
        .into_iter()
        .chain(definitions.iter().map(|definition| (definition.name_zh.as_str(), Kind::Text)))
        .collect();
    let mut table = Table::new(&columns);
    let regions: BTreeSet<&str> =
        regional.iter().filter_map(|figure| figure.text_of("region")).map(|region| &**region).collect();
    for region in regions {
        let named = evaluated.reference.regions.name_of(region);
        let name = named.unwrap_or(if region == UNKNOWN { "未识别" } else { region });
        let mut row = vec![Cell::text(region), Cell::text(name)];
        row.extend(definitions.iter().map(|definition| {
            let own = regional.iter().find(|figure| {
                figure.indicator() == definition.id
                    && figure.text_of("region").is_some_and(|own| &**own == region)
            });
            Cell::text(own.map(|figure| figure.told().value.clone()).unwrap_or_default())
        }));
        table.rows.push(row);
    }
    table
}

/// What `run.json` would say of an evaluation that is not published.
pub fn record(evaluated: &Evaluated) -> RunRecord {
    record_of(evaluated, &Draft::default())
}

pub fn record_of(evaluated: &Evaluated, draft: &Draft) -> RunRecord {
    let counts = |source: &str, name: &str| {
        let position = evaluated.file.sources.iter().position(|own| own.name == source);
        let mut sum = RowCounts::default();
        for ((own, file, _), counts) in &evaluated.assembled.counts {
            if Some(*own) == position && file == name {
                sum.add(counts);
            }
        }
        sum
    };
    let inputs = evaluated.inputs.iter().map(|input| {
        let rows = counts(&input.source, &input.name);
        InputRecord {
            source: input.source.clone(),
            name: input.name.clone(),
            path: input.path.display().to_string(),
            blake3: input.blake3.clone(),
            encoding: input.encoding.clone(),
            rows: rows.read,
            accepted: rows.accepted,
            rejected: rows.rejected,
            duplicate: rows.duplicate,
            superseded: rows.superseded,
            unknown_columns: input.unknown_columns.clone(),
        }
    });
    let codes = by_code(&evaluated.assembled.rejections);
    RunRecord {
        program: "assay".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pipeline: evaluated.file.name.clone(),
        pipeline_blake3: blake3_of(&evaluated.file.text),
        seeds_blake3: evaluated.reference.digest(),
        seeds: evaluated.reference.texts().map(|(name, text)| (name.to_owned(), blake3_of(text))).collect(),
        byte_order_mark: true,
        params: evaluated.params.clone(),
        as_of: evaluated.as_of.to_string(),
        inputs: inputs.collect(),
        rows: totals(evaluated),
        rejections: codes.into_iter().map(|(code, count)| (code.as_str().to_owned(), count)).collect(),
        stages: evaluated.stages.clone(),
        outputs: draft.digests().into_iter().collect(),
    }
}

fn blake3_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
