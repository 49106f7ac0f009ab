//! `returns.csv`: figures that agencies report because no records exist here.

use std::path::Path;

use jiff::civil::{Date, date};

use super::calendar::{START, plus};
use super::csv_file::{CsvFile, SPREADSHEET};
use super::dice::Stream;
use super::truth::{Code, Fate, Figure, Truth};
use super::world::World;
use super::{FileSummary, SimulateError};

const COLUMNS: [&str; 9] =
    ["指标", "地区", "期间起", "期间止", "填报部门", "分子", "分母", "百分比", "上报日期"];
const PESTICIDE: &str = "农药利用率";
const FERTILIZER: &str = "主要农作物化肥利用率";
const TRACEABILITY: &str = "新建省级食用农产品追溯点";

/// One reported figure.
#[derive(Debug, Clone, Copy)]
struct Return {
    name: &'static str,
    figure: Figure,
    from: Date,
    to: Date,
    agency: &'static str,
    number: Number,
    reported_on: Date,
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Ratio(u64, u64),
    /// Tenths of a per cent, and nothing behind them.
    Bare(u64),
    Count(u64),
}

/// Writes the returns of every year of the period. A few years are many returns, so none is drawn dirty:
/// each year has one fertilizer share in words, one repeated return, and one pesticide return that a later
/// one supersedes.
pub fn write(folder: &Path, world: &World, truth: &mut Truth) -> Result<FileSummary, SimulateError> {
    let mut file = CsvFile::create(folder, "returns.csv", SPREADSHEET, &COLUMNS)?;
    for year in START.year()..=world.period.year() {
        let mut dice = world.dice(Stream::Return, year.unsigned_abs().into());
        let (from, to) = (date(year, 1, 1), date(year, 12, 31).min(world.period.as_of));
        let yearly = |name, figure, number, reported_on| Return {
            name,
            figure,
            from,
            to,
            agency: "县农业农村局",
            number,
            reported_on,
        };
        let used = dice.between(380, 460) as u64;
        let first = Number::Ratio(used - dice.between(5, 30) as u64, 1000);
        let pesticide = yearly(PESTICIDE, Figure::PesticideUseEfficiency, first, plus(to, -20));
        file.row(&row(pesticide), Fate::Superseded)?;
        let share = Number::Bare(dice.between(385, 445) as u64);
        let fertilizer = yearly(FERTILIZER, Figure::FertilizerUseEfficiency, share, plus(to, -9));
        if world.dirt {
            let mut words = row(fertilizer);
            if let Some(cell) = words.get_mut(7) {
                *cell = "约四成".to_owned();
            }
            file.row(&words, Fate::Rejected(Code::BadNumber))?;
        }
        file.row(&row(fertilizer), Fate::Accepted)?;
        count(world, fertilizer, truth);
        let pesticide = Return { number: Number::Ratio(used, 1000), reported_on: plus(to, -6), ..pesticide };
        file.row(&row(pesticide), Fate::Accepted)?;
        count(world, pesticide, truth);
        for points in quarters(year, to, world, dice.between(1, 2) as u64) {
            file.row(&row(points), Fate::Accepted)?;
            count(world, points, truth);
        }
        if world.dirt {
            let mut again = row(fertilizer);
            if let Some(cell) = again.get_mut(1) {
                *cell = "西平县 ".to_owned();
            }
            file.row(&again, Fate::Duplicate)?;
        }
    }
    file.finish()
}

/// New points quarter by quarter. The return of the last quarter arrives after the as-of day, so it is not
/// seen, unless it is the only one.
fn quarters(year: i16, to: Date, world: &World, base: u64) -> Vec<Return> {
    let mut returns = Vec::new();
    for quarter in 0..4 {
        let from = date(year, 1, 1).saturating_add(jiff::Span::new().months(3 * quarter));
        if from > to {
            break;
        }
        let end = plus(from.saturating_add(jiff::Span::new().months(3)), -1);
        let mut dice = world.dice(Stream::Return, (year.unsigned_abs() as u64) << 8 | quarter as u64);
        let reported_on = if end < to {
            plus(end, 6)
        } else if quarter == 0 {
            plus(to, -3)
        } else {
            plus(to, 7)
        };
        returns.push(Return {
            name: TRACEABILITY,
            figure: Figure::TraceabilityPoints,
            from,
            to: end.min(to),
            agency: "县市场监管局",
            number: Number::Count(base + dice.below(3)),
            reported_on,
        });
    }
    returns
}

fn count(world: &World, own: Return, truth: &mut Truth) {
    if own.from.year() != world.period.year() || own.reported_on > world.period.as_of {
        return;
    }
    match own.number {
        Number::Ratio(numerator, denominator) => truth.add(own.figure, numerator, denominator),
        Number::Bare(tenths) => truth.add(own.figure, tenths, 1000),
        Number::Count(number) => truth.add(own.figure, number, 0),
    }
}

fn row(own: Return) -> Vec<String> {
    let [numerator, denominator, percentage] = match own.number {
        Number::Ratio(numerator, denominator) => {
            [numerator.to_string(), denominator.to_string(), "/".to_owned()]
        }
        Number::Bare(tenths) => ["/".to_owned(), "/".to_owned(), format!("{}.{}%", tenths / 10, tenths % 10)],
        Number::Count(number) => [number.to_string(), "/".to_owned(), "/".to_owned()],
    };
    vec![
        own.name.to_owned(),
        "西平县".to_owned(),
        own.from.to_string(),
        own.to.to_string(),
        own.agency.to_owned(),
        numerator,
        denominator,
        percentage,
        own.reported_on.to_string(),
    ]
}
