//! The exports of a county: every file of the platform and of the county's own desks, in one pass.

use std::path::Path;

use super::agri::Agri;
use super::agri_book::AgriBook;
use super::calendar::plus;
use super::dice::Stream;
use super::dirt::FOREIGN_SAMPLES;
use super::disposal::Disposal;
use super::food::Food;
use super::forms::Forms;
use super::headers::Headers;
use super::measure::Spread;
use super::results::Results;
use super::truth::Truth;
use super::world::World;
use super::{FileSummary, SimulateError};
use super::{applications, population, register_file, reports, returns};

/// Agricultural samples that no plan of a higher level ordered, in a hundred thousand samples.
const COUNTY_AGRI: u32 = 12_000;

/// Writes all files into a folder and counts the truth on the way.
///
/// A sample's whole story is a function of seed and index, so each is told once, handed to every file that
/// speaks of it, and forgotten. Only the open month's determinations and the agricultural sheet are held.
pub fn write(folder: &Path, world: &World, truth: &mut Truth) -> Result<Vec<FileSummary>, SimulateError> {
    let mut forms = Forms::create(folder)?;
    let mut headers = Headers::create(folder)?;
    let mut results = Results::create(folder, world)?;
    let mut agri = AgriBook::create(folder, world)?;
    let mut disposal = Disposal::create(folder)?;
    for index in 0..world.samples {
        if is_agri(world, index) {
            agri.write(world, &Agri::tell(world, index), truth)?;
        } else {
            let food = Food::tell(world, index, Spread::Wide, true);
            let known = forms.write(world, &food, truth)?;
            headers.write(world, &food, known, truth)?;
            results.write(world, &food, known)?;
            disposal.write(world, &food, known, truth)?;
        }
        if world.dirt(Stream::Foreign, index).strikes(FOREIGN_SAMPLES) {
            let sampled_on = world.period.sampled_on(index);
            let code = format!("XC{:02}41282946399{:04}", sampled_on.year() % 100, index % 10_000_000);
            headers.write_foreign(world, index, &code, plus(sampled_on, 15))?;
            results.write_foreign(&code, sampled_on)?;
        }
    }
    let mut files = vec![forms.finish()?];
    files.extend(headers.finish()?);
    files.extend(results.finish()?);
    files.extend(agri.finish()?);
    files.push(disposal.finish()?);
    files.push(register_file::write(folder, world, truth)?);
    files.push(applications::write(folder, world, truth)?);
    files.push(returns::write(folder, world, truth)?);
    files.push(reports::write(folder, world, truth)?);
    files.push(population::write(folder, world, truth)?);
    Ok(files)
}

fn is_agri(world: &World, index: u64) -> bool {
    use super::world::Role;
    match world.role(index) {
        Some(Role::ProvincialRoutine | Role::MunicipalRoutine) => true,
        Some(Role::NationalCase) => false,
        None => world.dice(Stream::Plan, index + 1).chance(COUNTY_AGRI),
    }
}
