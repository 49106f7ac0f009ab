//! Persons by region: from the pipeline's own list where it has one, else from the seeds.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use jiff::civil::Date;

use super::file::PipelineFile;
use crate::column::Frame;
use crate::indicator::Populations;
use crate::model::UNKNOWN;
use crate::reference::{Basis, Reference};

/// The population by which figures per head are made: of the as-of year, else of the latest before it.
pub fn populations(
    file: &PipelineFile,
    tables: &HashMap<String, Frame>,
    reference: &Reference,
    as_of: Date,
) -> Populations {
    let basis = file.population_basis.as_str();
    let own = tables.get("population").map(|frame| own_list(frame, basis, i64::from(as_of.year())));
    if let Some((year, persons, source)) = own.filter(|(_, persons, _)| !persons.is_empty()) {
        let stated = persons.get(&file.region).copied();
        return Populations {
            total: Some(stated.unwrap_or_else(|| persons.values().sum())),
            note: match townships_missing(&persons, stated.is_some(), file, reference, as_of) {
                0 => format!("population: {basis}, {year}, {} regions, {source}", persons.len()),
                missing => format!(
                    "population: {basis}, {year}, {} regions, {missing} townships MISSING from the list, {source}",
                    persons.len()
                ),
            },
            persons,
        };
    }
    let wanted = if basis == "registered" { Basis::Registered } else { Basis::Resident };
    match reference.population.persons(&file.region, as_of.year(), wanted) {
        Some(known) => Populations {
            persons: BTreeMap::new(),
            total: i64::try_from(known.persons).ok(),
            note: format!(
                "population: {basis}, {}, {} grade, {}; {}",
                known.year,
                known.grade.as_str(),
                known.provenance.source,
                known.note
            ),
        },
        None => Populations { note: format!("population: {basis}: unknown"), ..Populations::default() },
    }
}

/// Townships in force without which the sum is not the whole.
fn townships_missing(
    persons: &BTreeMap<String, i64>,
    whole_is_stated: bool,
    file: &PipelineFile,
    reference: &Reference,
    as_of: Date,
) -> usize {
    let townships = reference.regions.townships(as_of);
    let own = townships.filter(|region| region.parent.as_deref() == Some(file.region.as_str()));
    if whole_is_stated { 0 } else { own.filter(|region| !persons.contains_key(&region.code)).count() }
}

/// Year, persons by region and source of the latest year that the list has up to `year`.
fn own_list(frame: &Frame, basis: &str, year: i64) -> (i64, BTreeMap<String, i64>, String) {
    let [regions, years, bases, persons, sources] =
        ["region", "year", "basis", "persons", "source"].map(|name| frame.column_or_missing(name));
    let counts = |row: usize, wanted: i64| {
        bases.get(row).as_text() == Some(basis) && years.get(row).as_integer() == Some(wanted)
    };
    let latest = (0..frame.rows())
        .filter(|row| bases.get(*row).as_text() == Some(basis))
        .filter_map(|row| years.get(row).as_integer())
        .filter(|own| *own <= year)
        .max();
    let mut list = BTreeMap::new();
    let mut source = String::new();
    if let Some(latest) = latest {
        for row in (0..frame.rows()).filter(|row| counts(*row, latest)) {
            let region = regions.get(row).as_text().unwrap_or(UNKNOWN);
            *list.entry(region.to_owned()).or_default() += persons.get(row).as_integer().unwrap_or(0);
            source = sources.get(row).to_string();
        }
    }
    (latest.unwrap_or(year), list, source)
}
