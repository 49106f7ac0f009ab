//! The TOML file, and [`run`]: the main flow on one screen.

#[cfg(feature = "delta")]
pub mod answer;
#[cfg(feature = "delta")]
mod archive;
mod assemble;
#[cfg(feature = "delta")]
mod batches;
mod coverage;
mod derive;
mod document;
mod error;
mod file;
mod identify;
mod indicator_file;
mod inputs;
mod judging;
mod limits;
mod load;
mod obligations;
mod outcome;
mod packed;
mod parts;
mod people;
#[cfg(feature = "delta")]
mod read_back;
#[cfg(feature = "delta")]
pub mod rebuild;
#[cfg(feature = "delta")]
pub mod restate;
#[cfg(feature = "delta")]
mod scan;
mod shape;
mod share;
mod source_file;
#[cfg_attr(not(feature = "delta"), path = "no_store.rs")]
pub mod store;

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::civil::Date;

pub use assemble::Assembled;
pub use derive::DERIVE_KEYS;
pub use document::Problem;
pub use error::RunError;
pub use file::{
    CUTS_KEYS, InvalidPipeline, MEANS_KEYS, PIPELINE_KEYS, POPULATION_KEYS, PipelineFile, ROOT_KEYS,
    SHARE_KEYS, parse,
};
pub use indicator_file::INDICATOR_KEYS;
pub use outcome::{Outcome, Stored, check_rejections, indicate, record, tally};
pub use source_file::{ATTRIBUTE_KEYS, COLUMN_KEYS, SOURCE_KEYS, WIDE_KEYS};

use crate::column::{Frame, Shelf};
use crate::cube::Cells;
use crate::indicator::Figure;
use crate::judge::Decisions;
use crate::reference::Reference;
use crate::report::{self, StageSeconds};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct RunRequest {
    pub pipeline: PathBuf,
    pub as_of: Option<Date>,
    pub params: Vec<(String, String)>,
    pub out: PathBuf,
    /// Folder for the report that may leave the house.
    pub share: Option<PathBuf>,
    pub lake: PathBuf,
    /// Wait for another run to end, rather than give up.
    pub wait: bool,
    pub byte_order_mark: bool,
    /// The program itself, which unpacks XLS and ODS in a process of their own.
    pub unpacker: Option<PathBuf>,
    /// Moment of publication, for the ledger: the library reads no clock of its own.
    pub published_at: String,
    /// Bytes of a text that is read whole; of a longer one up to twice as many are read at a time. Rows that are judged
    /// together follow from them.
    pub piece: usize,
}

/// Told which stage begins and how far it is, so that a terminal can show it.
pub trait Observer: Sync {
    fn stage(&self, name: &'static str);

    /// Bytes that the stage will read.
    fn announce(&self, _bytes: u64) {}

    /// Bytes and rows that it has read since the last call; from any thread.
    fn advance(&self, _bytes: u64, _rows: u64) {}
}

/// A pipeline with its seeds and its exports, all there and nothing read yet.
#[derive(Debug)]
pub struct Found {
    pub file: PipelineFile,
    pub reference: Reference,
    pub as_of: Date,
    pub params: inputs::Params,
    pub sources: Vec<(source_file::SourceFile, Vec<inputs::Input>)>,
    pub unpacker: Option<PathBuf>,
    /// As [`RunRequest::piece`].
    pub piece: usize,
}

/// Everything between the exports and the report.
#[derive(Debug)]
pub struct Evaluated {
    pub file: PipelineFile,
    pub reference: Reference,
    pub as_of: Date,
    pub inputs: Vec<outcome::InputSummary>,
    pub params: std::collections::BTreeMap<String, String>,
    pub assembled: Assembled,
    pub cells: Vec<Cells>,
    pub figures: Vec<Figure>,
    pub disagreements: Option<Frame>,
    /// What was decided on the way: it is much, and takes its time to drop.
    pub decisions: Decisions,
    pub stages: Vec<StageSeconds>,
}

/// Reads the exports of a pipeline and publishes its figures.
///
/// # Errors
/// The first thing that keeps a report from being published; nothing is changed then.
pub fn run(request: &RunRequest, observer: &dyn Observer) -> Result<Outcome, RunError> {
    let mut clock = Clock::new(observer);
    let found = find(request, &mut clock)?;
    publish(found, clock, request, observer)
}

/// From found exports to a published report.
fn publish(
    found: Found,
    clock: Clock<'_>,
    request: &RunRequest,
    observer: &dyn Observer,
) -> Result<Outcome, RunError> {
    if let Some(share) = &request.share
        && is_same_folder(share, &request.out)
    {
        return Err(RunError::Usage(format!(
            "{} cannot be the report at home and the one to share",
            share.display()
        )));
    }
    // Whatever keeps the report from being written must be known before the lake is touched.
    report::check_folder(&request.out)?;
    let store = store::Store::open(request, &found)?;
    let counted = count(found, clock, Some(&store))?;
    outcome::publish(counted, store, request, observer)
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// Reads, normalizes, validates, judges, tallies and indicates; writes nothing.
///
/// # Errors
/// The pipeline file, the seeds or an input cannot be read.
pub fn check(request: &RunRequest, observer: &dyn Observer) -> Result<Evaluated, RunError> {
    let mut clock = Clock::new(observer);
    let found = find(request, &mut clock)?;
    count(found, clock, None)?.evaluate()
}

/// Opens the pipeline and finds its exports.
fn find(request: &RunRequest, clock: &mut Clock<'_>) -> Result<Found, RunError> {
    clock.stage("find");
    let mut file = open(&request.pipeline)?;
    let params = inputs::Params::new(&file, &request.params)?;
    inputs::give_key(&mut file, &params)?;
    let reference = seeds(&file)?;
    let as_of = request.as_of.or(file.as_of).ok_or_else(|| {
        RunError::Usage("the pipeline sets no `as_of`; give one with --as-of 2020-12-31".to_owned())
    })?;
    let mut sources = Vec::new();
    for source in &file.sources {
        sources.push((source.clone(), inputs::find(&file, source, &params)?));
    }
    let unpacker = request.unpacker.clone();
    Ok(Found { file, reference, as_of, params, sources, unpacker, piece: request.piece })
}

/// Bytes of frames that wait in memory to be judged; more of them wait in a file.
const SHELF: usize = 32 << 20;
/// Bytes of a text for each row that is judged together with those of other pieces.
const BYTES_OF_ROW: usize = 256;

/// Everything read, judged and counted part by part; nothing is added up yet.
struct Counted<'a> {
    file: PipelineFile,
    reference: Reference,
    as_of: Date,
    inputs: Vec<outcome::InputSummary>,
    params: std::collections::BTreeMap<String, String>,
    shelf: Shelf,
    parts: parts::Parts,
    clock: Clock<'a>,
}

/// Reads, normalizes, validates, judges and tallies.
fn count<'a>(
    found: Found,
    mut clock: Clock<'a>,
    store: Option<&store::Store>,
) -> Result<Counted<'a>, RunError> {
    let Found { file, reference, as_of, params, mut sources, unpacker, piece } = found;
    let shelf = Shelf::new(store.and_then(store::Store::scratch), SHELF);
    clock.stage("read");
    let (unpacker, observer) = (unpacker.as_deref(), clock.observer);
    let loader = load::Loader { reference: &reference, unpacker, piece, shelf: &shelf, store, observer };
    let mut loaded = loader.load(&sources)?;
    let hashes = match store {
        Some(store) => store.hashes()?,
        None => inputs::hash_all(&sources)?,
    };
    inputs::enter_hashes(&mut sources, &hashes)?;
    for sheet in &mut loaded {
        sheet.input = sources[sheet.source].1[sheet.place].file.clone();
    }
    let inputs = outcome::summarise_inputs(&sources, &loaded);
    clock.stage("judge");
    let rows = piece.div_ceil(BYTES_OF_ROW);
    let judge = parts::Judge { file: &file, reference: &reference, as_of, shelf: &shelf, store, rows };
    let parts = judge.judge(loaded)?;
    Ok(Counted { file, reference, as_of, inputs, params: params.values, shelf, parts, clock })
}

impl Counted<'_> {
    /// Adds up, and indicates.
    fn evaluate(self) -> Result<Evaluated, RunError> {
        let Counted { file, reference, as_of, inputs, params, shelf, parts, mut clock } = self;
        clock.stage("indicate");
        let figures = |cells: &[Cells], tables: &_| indicate(&file, cells, tables, &reference, as_of, None);
        let (judged, figures) = parts.add_up(&shelf, &reference, figures)?;
        let parts::Judged { assembled, cells, disagreements, decisions } = judged;
        let stages = clock.finish();
        Ok(Evaluated {
            file,
            reference,
            as_of,
            inputs,
            params,
            assembled,
            cells,
            figures,
            disagreements,
            decisions,
            stages,
        })
    }
}

/// Reads a pipeline file.
///
/// # Errors
/// It cannot be read, or has problems; all of them are listed.
pub fn open(path: &Path) -> Result<PipelineFile, RunError> {
    let bytes = std::fs::read(path).map_err(|source| RunError::Io { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| RunError::Usage(format!("{}: a pipeline file is written in UTF-8", path.display())))?;
    Ok(parse(path, text.trim_start_matches('\u{feff}'))?)
}

fn seeds(file: &PipelineFile) -> Result<Reference, RunError> {
    match &file.seeds {
        None => Ok(Reference::built_in()?),
        Some(folder) => {
            inputs::stays_inside(folder)
                .map_err(|reason| RunError::Usage(format!("`seeds`: `{folder}` {reason}")))?;
            let beside = file.path.parent().unwrap_or(Path::new("")).join(folder);
            Ok(Reference::with_overrides(&beside)?)
        }
    }
}

/// Times the stages.
struct Clock<'a> {
    observer: &'a dyn Observer,
    running: Option<(&'static str, Instant)>,
    stages: Vec<StageSeconds>,
}

impl<'a> Clock<'a> {
    fn new(observer: &'a dyn Observer) -> Clock<'a> {
        Clock { observer, running: None, stages: Vec::new() }
    }

    fn stage(&mut self, name: &'static str) {
        self.close();
        self.observer.stage(name);
        self.running = Some((name, Instant::now()));
    }

    fn close(&mut self) {
        if let Some((stage, since)) = self.running.take() {
            self.stages
                .push(StageSeconds { stage: stage.to_owned(), seconds: since.elapsed().as_secs_f64() });
        }
    }

    fn finish(mut self) -> Vec<StageSeconds> {
        self.close();
        self.stages
    }
}
