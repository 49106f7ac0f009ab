//! `population.csv`: persons by township, year and basis.

use std::path::Path;

use super::calendar::START;
use super::csv_file::{CsvFile, PLAIN};
use super::dice::Stream;
use super::dirt::DUPLICATES_SMALL;
use super::township::TOWNSHIPS;
use super::truth::{Code, Fate, Figure, Truth};
use super::world::World;
use super::{FileSummary, SimulateError};

/// Residents of the county at the 2020 census, roughly; each seed draws its own within one per cent.
const RESIDENTS: i64 = 690_000;
/// Persons registered in the county for ten residents; many work elsewhere.
const REGISTERED_PER_TEN: u64 = 12;
/// Counts that are estimates in words, in a hundred thousand, followed by the number itself.
const ESTIMATES: u32 = 4000;

/// Writes every year of the period and counts the residents of the last one.
pub fn write(folder: &Path, world: &World, truth: &mut Truth) -> Result<FileSummary, SimulateError> {
    let mut file =
        CsvFile::create(folder, "population.csv", PLAIN, &["乡镇", "年份", "口径", "人数", "来源"])?;
    for year in START.year()..=world.period.year() {
        let number = year.unsigned_abs().into();
        let total = world
            .dice(Stream::Population, number)
            .between(RESIDENTS * 99 / 100, RESIDENTS * 101 / 100) as u64;
        let mut left = total;
        for (place, township) in TOWNSHIPS.iter().enumerate() {
            let share = total * u64::from(township.share) / 1000;
            // The last township takes what rounding left over.
            let residents = if place + 1 == TOWNSHIPS.len() { left } else { share };
            left = left.saturating_sub(residents);
            let mut dirt = world.dirt(Stream::Population, number << 8 | place as u64);
            for (basis, persons) in [("常住", residents), ("户籍", residents * REGISTERED_PER_TEN / 10)] {
                let row = |name: &str, persons: &str| {
                    [name, &year.to_string(), basis, persons, "模拟数据"].map(str::to_owned).to_vec()
                };
                if dirt.strikes(ESTIMATES) {
                    file.row(&row(township.name, "约3万"), Fate::Rejected(Code::BadNumber))?;
                }
                file.row(&row(township.name, &persons.to_string()), Fate::Accepted)?;
                if dirt.strikes(DUPLICATES_SMALL) {
                    file.repeat(row(&format!(" {}", township.name), &persons.to_string()))?;
                }
            }
            if year == world.period.year() {
                truth.add(Figure::BatchesPerThousand, 0, residents);
            }
        }
    }
    file.finish()
}
