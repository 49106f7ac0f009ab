//! `establishments.csv`: the register as it is exported after the period.

use std::path::Path;

use jiff::civil::Date;

use super::csv_file::{CsvFile, UNIX};
use super::dice::Stream;
use super::dirt::{DUPLICATES_SMALL, Dirt, ESTABLISHMENT_FAULTS, Targets};
use super::establishment::{Establishment, Kind, Size};
use super::truth::{Fate, Figure, Truth};
use super::world::World;
use super::{FileSummary, SimulateError};

#[rustfmt::skip]
const COLUMNS: [&str; 21] = [
    "企业名称", "类别", "学校类别", "规模", "是否规模以上", "许可证编号", "统一社会信用代码", "地址",
    "许可日期", "注销日期", "法定代表人", "联系电话", "企业自查日期", "管理人员考核日期", "监督检查日期",
    "HACCP认证日期", "HACCP有效期至", "ISO22000认证日期", "ISO22000有效期至", "6S达标日期", "明厨亮灶日期",
];
const NAME: usize = 0;
const KIND: usize = 1;
const OPENED: usize = 8;
const CLOSED: usize = 9;

const TARGETS: Targets =
    Targets {
        code: None, required: &[NAME, KIND], dates: &[OPENED, CLOSED], words: &[(KIND, "个体工商户")]
    };

/// Writes the register and counts what is open on the as-of day.
pub fn write(folder: &Path, world: &World, truth: &mut Truth) -> Result<FileSummary, SimulateError> {
    let mut file = CsvFile::create(folder, "establishments.csv", UNIX, &COLUMNS)?;
    for (index, own) in world.establishments.iter().enumerate() {
        let index = index as u64;
        let mut dirt = world.dirt(Stream::Establishment, index);
        let mut cells = row(world, index, own, &mut dirt);
        let fault = dirt.fault(ESTABLISHMENT_FAULTS);
        if let Some(fault) = fault {
            dirt.spoil(&mut cells, fault, &TARGETS);
        }
        file.row(&cells, Fate::of(fault))?;
        if fault.is_none() {
            if dirt.strikes(DUPLICATES_SMALL) {
                file.repeat(row(world, index, own, &mut dirt))?;
            }
            count(world, own, truth);
        }
    }
    file.finish()
}

fn count(world: &World, own: &Establishment, truth: &mut Truth) {
    let as_of = world.period.as_of;
    if !own.is_open_on(as_of) {
        return;
    }
    let [made, sold] = truth.was_sampled(&own.name);
    truth.judge(Figure::UnitsSampled, sold);
    let covered = |day: Option<Date>| day.is_some_and(|day| world.period.counts(day));
    let reached = |day: Option<Date>| day.is_some_and(|day| day <= as_of);
    match own.kind {
        Kind::Producer => {
            if own.above_designated_size {
                truth.judge(Figure::ProducerSelfInspection, covered(own.self_inspected));
            }
            if own.is_licensed() {
                truth.judge(Figure::SafetyManagerAssessment, covered(own.managers_assessed));
                truth.judge(Figure::LicensedProducerInspection, covered(own.inspected));
                truth.judge(Figure::ProducersSampled, made);
            }
            if matches!(own.size, Size::Large | Size::Medium) {
                truth.judge(Figure::HaccpAdoption, own.haccp.holds_on(as_of));
            }
            if own.size == Size::Large {
                truth.judge(Figure::Iso22000Adoption, own.iso22000.holds_on(as_of));
            }
            truth.judge(Figure::SixSAdoption, reached(own.six_s));
        }
        Kind::Canteen => {
            let bright = reached(own.bright_kitchen);
            if own.school != "幼儿园" {
                truth.judge(Figure::BrightKitchenSchools, bright);
            }
            if matches!(own.school, "幼儿园" | "小学") {
                truth.judge(Figure::BrightKitchenPrimary, bright);
            }
        }
        Kind::Trader | Kind::Caterer => {}
    }
}

/// The cells of an establishment. Empty where there is nothing, as this register leaves its cells.
fn row(world: &World, index: u64, own: &Establishment, dirt: &mut Dirt) -> Vec<String> {
    // Far from the indices of the register's own draws.
    let mut dice = world.dice(Stream::Establishment, index | 1 << 62);
    let person = world.people.anyone(&mut dice);
    let address = own.township.plain_address(&mut dice);
    let mut cells = vec![
        dirt.text(&own.name),
        own.kind.text().to_owned(),
        own.school.to_owned(),
        own.size.text().to_owned(),
        if own.above_designated_size { "是" } else { "否" }.to_owned(),
        own.licence.clone(),
        own.credit_code.clone(),
        address,
    ];
    let mut day = |day: Option<Date>| day.map_or_else(String::new, |day| dirt.date(day));
    cells.extend([day(own.opened), day(own.closed), person.name.clone(), person.phone.clone()]);
    cells.extend([
        day(own.self_inspected),
        day(own.managers_assessed),
        day(own.inspected),
        day(own.haccp.from),
        day(own.haccp.to),
        day(own.iso22000.from),
        day(own.iso22000.to),
        day(own.six_s),
        day(own.bright_kitchen),
    ]);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        for (column, name) in [(NAME, "企业名称"), (KIND, "类别"), (OPENED, "许可日期"), (CLOSED, "注销日期")]
        {
            assert_eq!(COLUMNS[column], name);
        }
    }
}
