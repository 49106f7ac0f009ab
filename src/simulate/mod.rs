//! simulate: the exports of a county's year, with the figures that a run over them must find.
//!
//! A seed is a county. Every sample's story is drawn from seed and index alone (`food`, `agri`), each
//! export writes its view of the story with its own dirt (`forms`, `headers`, `results`,
//! `disposal` …), and `truth` counts what was drawn, never what could be read. Nothing of the pipeline
//! is used here, so the two can disagree.

mod agri;
mod agri_book;
mod analyte;
mod applications;
mod calendar;
mod catalogue;
mod county;
mod csv_file;
mod dice;
mod dirt;
mod disposal;
mod establishment;
mod flat;
mod folder;
mod food;
mod forms;
mod gb18030;
mod headers;
mod identity;
mod measure;
mod people;
mod population;
mod register_file;
mod reports;
mod results;
mod returns;
mod township;
mod truth;
mod words;
mod workbook;
mod world;

use std::path::PathBuf;

use folder::Staging;
use world::World;

pub use calendar::MAX_MONTHS;
pub use truth::{Code, Figure, Rows, Tally, Truth};

/// What to simulate. Equal options make equal bytes in every file, wherever they are written.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    /// Samples over the whole period, food and agricultural together; 1 to [`MAX_SAMPLES`].
    pub samples: u64,
    /// Months from January 2020; 1 to [`MAX_MONTHS`]. The last day of the last one is the as-of day.
    pub months: u32,
    pub layout: Layout,
    /// Of the flat export; the county's exports have their own encodings.
    pub encoding: Encoding,
    /// Created where it is missing. A folder that holds anything but an earlier simulation is refused.
    pub out: PathBuf,
    /// Faults, duplicates, strays and untidy spellings. Without, the same stories are told cleanly.
    pub dirt: bool,
}

/// Most samples of one simulation: sample codes stay unique within their form.
pub const MAX_SAMPLES: u64 = 1_000_000_000;

impl Options {
    /// The default county: 2,760 samples over twelve months. Only the county's exports are dirty.
    pub fn new(seed: u64, layout: Layout, out: PathBuf) -> Options {
        let dirt = layout == Layout::County;
        Options { seed, samples: 2760, months: 12, layout, encoding: Encoding::Utf8, out, dirt }
    }
}

/// Which exports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Some twenty files of the platform, the laboratories, the county's desks.
    County,
    /// One file with a determination a line and everything on it.
    Flat,
}

impl Layout {
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::County => "county",
            Layout::Flat => "flat",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Gb18030,
}

impl Encoding {
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Gb18030 => "gb18030",
        }
    }
}

/// What was written, and what is true of it.
#[derive(Debug)]
pub struct Summary {
    /// The exports in the order of `truth.json`, which is not among them.
    pub files: Vec<FileSummary>,
    pub truth: Truth,
}

/// One export.
#[derive(Debug, Clone)]
pub struct FileSummary {
    pub name: String,
    pub bytes: u64,
    pub tally: Tally,
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error("{name} is {found}, expected 1 to {most}")]
    OutOfRange { name: &'static str, found: u64, most: u64 },
    #[error("{} holds files but no truth.json, so it is no earlier simulation; choose another folder", .0.display())]
    Foreign(PathBuf),
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("a workbook could not be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("truth.json could not be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Writes the exports and `truth.json`.
///
/// Everything is written beside its place first; an earlier simulation in the folder is replaced at the
/// end, other files are left alone.
///
/// # Errors
/// Options out of range, a folder that holds something else, or whatever writing meets. Then the folder
/// is as it was, unless the very last renaming failed.
pub fn simulate(options: &Options) -> Result<Summary, SimulateError> {
    let ranges = [
        ("samples", options.samples, MAX_SAMPLES),
        ("months", u64::from(options.months), u64::from(MAX_MONTHS)),
    ];
    for (name, found, most) in ranges {
        if !(1..=most).contains(&found) {
            return Err(SimulateError::OutOfRange { name, found, most });
        }
    }
    let staging = Staging::begin(&options.out)?;
    let world = World::new(options);
    let mut truth = Truth::default();
    let files = match options.layout {
        Layout::County => county::write(staging.path(), &world, &mut truth)?,
        Layout::Flat => flat::write(staging.path(), &world, options.encoding, &mut truth)?,
    };
    let json = truth.json(options, &world.period.as_of.to_string(), &files);
    staging.publish(&files, &serde_json::to_string_pretty(&json)?)?;
    Ok(Summary { files, truth })
}

#[cfg(test)]
mod tests;
