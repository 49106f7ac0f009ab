//! A published report once more, from nothing but the raw archive: what the ledger or a `run.json` says is enough.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;

use super::inputs::{self, Input, Params};
use super::outcome::{self, draft_report};
use super::{Clock, Found, Observer, RunError, RunRequest, count, parse, publish};
use crate::lake::{Entry, Lake, LakeError, Named};
use crate::model::InputFile;
use crate::reference::Reference;
use crate::report::{CsvOptions, Draft, RunRecord};
use crate::source::PIECE;

/// What a report was made of, and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Version of the program.
    pub program: String,
    pub pipeline: Named,
    pub seeds: Vec<Named>,
    pub params: BTreeMap<String, String>,
    pub as_of: String,
    /// Source, name of the file, BLAKE3.
    pub inputs: Vec<(String, String, String)>,
    pub byte_order_mark: bool,
    pub outputs: Vec<Named>,
}

impl Recipe {
    pub fn of_entry(entry: &Entry) -> Recipe {
        let draft = &entry.draft;
        let inputs = draft.inputs.iter();
        Recipe {
            program: draft.program.clone(),
            pipeline: draft.pipeline.clone(),
            seeds: draft.objects.clone(),
            params: draft.params.clone(),
            as_of: draft.as_of.clone(),
            inputs: inputs
                .map(|input| (input.source.clone(), input.name.clone(), input.blake3.clone()))
                .collect(),
            byte_order_mark: draft.byte_order_mark,
            outputs: draft.outputs.clone(),
        }
    }

    pub fn of_record(record: &RunRecord) -> Recipe {
        let named = |(name, blake3): (&String, &String)| Named { name: name.clone(), blake3: blake3.clone() };
        let inputs = record.inputs.iter();
        Recipe {
            program: record.version.clone(),
            pipeline: Named { name: record.pipeline.clone(), blake3: record.pipeline_blake3.clone() },
            seeds: record.seeds.iter().map(named).collect(),
            params: record.params.clone(),
            as_of: record.as_of.clone(),
            inputs: inputs
                .map(|input| (input.source.clone(), input.name.clone(), input.blake3.clone()))
                .collect(),
            byte_order_mark: record.byte_order_mark,
            outputs: record.outputs.iter().map(named).collect(),
        }
    }
}

/// A report made again, and the names of its files that are not those that were published.
#[derive(Debug)]
pub struct Rebuilt {
    pub draft: Draft,
    pub record: RunRecord,
    pub differing: Vec<String>,
}

/// Reads the archived exports again, judges, tallies and reports; the lake is only read.
///
/// # Errors
/// Something that the recipe names is not in the lake, or damaged.
pub fn rebuild(
    lake: &Lake,
    recipe: &Recipe,
    unpacker: Option<&Path>,
    observer: &dyn Observer,
) -> Result<Rebuilt, RunError> {
    let evaluated = count(found(lake, recipe, unpacker)?, Clock::new(observer), None)?.evaluate()?;
    let draft = draft_report(&evaluated, CsvOptions { byte_order_mark: recipe.byte_order_mark })?;
    let record =
        RunRecord { byte_order_mark: recipe.byte_order_mark, ..outcome::record_of(&evaluated, &draft) };
    let differing = differing(recipe, &record);
    Ok(Rebuilt { draft, record, differing })
}

/// Likewise, and publishes what comes out: as a report, and as a run of another lake.
///
/// # Errors
/// As [`rebuild`], and whatever keeps a run from being published.
pub fn rebuild_into(
    lake: &Lake,
    recipe: &Recipe,
    request: &RunRequest,
    observer: &dyn Observer,
) -> Result<Rebuilt, RunError> {
    let found = found(lake, recipe, request.unpacker.as_deref())?;
    let record = publish(found, Clock::new(observer), request, observer)?.record;
    let differing = differing(recipe, &record);
    Ok(Rebuilt { draft: Draft::default(), record, differing })
}

fn differing(recipe: &Recipe, record: &RunRecord) -> Vec<String> {
    let made = &record.outputs;
    let published = recipe.outputs.iter();
    let other = published.filter(|output| made.get(&output.name) != Some(&output.blake3));
    let is_published = |name: &String| recipe.outputs.iter().any(|output| output.name == *name);
    let more = made.keys().filter(|name| !is_published(name));
    other.map(|output| &output.name).chain(more).cloned().collect()
}

fn found(lake: &Lake, recipe: &Recipe, unpacker: Option<&Path>) -> Result<Found, RunError> {
    let text = String::from_utf8_lossy(&lake.object(&recipe.pipeline.blake3)?).into_owned();
    let mut file = parse(Path::new(&recipe.pipeline.name), &text)?;
    let params = Params { values: recipe.params.clone(), given: recipe.params.keys().cloned().collect() };
    // The key is in no lake: it is looked for where one stands.
    inputs::give_key(&mut file, &params)?;
    let as_of: Date = recipe
        .as_of
        .parse()
        .map_err(|_| RunError::Usage(format!("`{}` is no day to look at the figures on", recipe.as_of)))?;
    let known = |source: &str| file.sources.iter().any(|own| own.name == source);
    if let Some((source, name, _)) = recipe.inputs.iter().find(|(source, _, _)| !known(source)) {
        let what = match source.as_str() {
            "" => "was published by an early version, which kept no names of sources".to_owned(),
            source => format!("names `{name}` as a file of `{source}`, which the pipeline has not"),
        };
        return Err(RunError::Usage(format!("the run {what}; it cannot be rebuilt from its record")));
    }
    let mut sources = Vec::new();
    for source in &file.sources {
        let mut own = Vec::new();
        for (_, name, blake3) in recipe.inputs.iter().filter(|(own, _, _)| *own == source.name) {
            let missing =
                || LakeError::NotStored { what: format!("the export {name}"), blake3: blake3.clone() };
            own.push(Input {
                path: lake.archived(blake3)?.ok_or_else(missing)?,
                captures: inputs::captures(source, name)?,
                file: InputFile { name: name.as_str().into(), blake3: blake3.as_str().into() },
                stamp: None,
                superseded: false,
            });
        }
        inputs::mark_superseded(source, &mut own);
        sources.push((source.clone(), own));
    }
    let reference = seeds(lake, &recipe.seeds)?;
    Ok(Found {
        file,
        reference,
        as_of,
        params,
        sources,
        unpacker: unpacker.map(Path::to_owned),
        piece: PIECE,
    })
}

/// The reference tables that a run used.
///
/// # Errors
/// One of them is missing or damaged.
pub fn seeds(lake: &Lake, seeds: &[Named]) -> Result<Reference, RunError> {
    let file = |seed: &Named| Ok((seed.name.clone(), lake.object(&seed.blake3)?));
    Ok(Reference::with_files(seeds.iter().map(file).collect::<Result<_, LakeError>>()?)?)
}
