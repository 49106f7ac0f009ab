use super::indicators::{ends, numerator};
use super::table::{Cell, Kind, Table};
use crate::indicator::{Definition, Figure};
use crate::model::Rejection;

/// A row per indicator that belongs on it, whole county. `region` is the code of the whole.
pub fn scorecard_table(definitions: &[Definition], figures: &[Figure], region: &str) -> Table {
    let mut table = Table::new(&[
        ("indicator", Kind::Text),
        ("name_zh", Kind::Text),
        ("name_en", Kind::Text),
        ("clause", Kind::Text),
        ("agency", Kind::Text),
        ("region", Kind::Text),
        ("period_start", Kind::Date),
        ("period_end", Kind::Date),
        ("numerator", Kind::Integer),
        ("denominator", Kind::Integer),
        ("value", Kind::Text),
        ("unit", Kind::Text),
        ("lower", Kind::Text),
        ("upper", Kind::Text),
        ("interval", Kind::Text),
        ("target", Kind::Text),
        ("due", Kind::Date),
        ("status", Kind::Text),
        ("needed", Kind::Integer),
        ("note", Kind::Text),
    ]);
    for definition in definitions.iter().filter(|definition| definition.on_scorecard) {
        let whole = figures.iter().find(|figure| figure.indicator() == definition.id && figure.is_whole());
        let Some(figure) = whole else { continue };
        let (told, [start, end]) = (figure.told(), ends(figure.period));
        let (lower, upper) = told.bounds.clone().unwrap_or_default();
        let method = if told.bounds.is_some() { definition.interval.as_str() } else { "" };
        table.rows.push(vec![
            Cell::text(definition.id.as_str()),
            Cell::text(definition.name_zh.as_str()),
            Cell::text(definition.name_en.as_str()),
            Cell::text(definition.clause.as_str()),
            Cell::text(definition.agency.join("、")),
            Cell::text(region),
            Cell::date(start),
            Cell::date(end),
            Cell::integer(numerator(told)),
            Cell::integer(told.denominator),
            Cell::text(told.value.clone()),
            Cell::text(definition.unit.as_str()),
            Cell::text(lower),
            Cell::text(upper),
            Cell::text(method),
            Cell::text(definition.target.map(|target| target.text(definition.unit)).unwrap_or_default()),
            Cell::date(definition.due),
            Cell::text(told.judgement.status.as_str()),
            Cell::integer(told.judgement.needed),
            Cell::text(figure.whole_note()),
        ]);
    }
    table
}

/// Every refused record or cell, as `rejections.csv` lists it.
pub fn rejections_table(rejections: &[Rejection]) -> Table {
    let mut table = Table::new(&[
        ("file", Kind::Text),
        ("sheet", Kind::Text),
        ("line", Kind::Integer),
        ("column", Kind::Text),
        ("scope", Kind::Text),
        ("code", Kind::Text),
        ("found", Kind::Text),
        ("expected", Kind::Text),
        ("hint", Kind::Text),
    ]);
    table.rows = rejections
        .iter()
        .map(|rejection| {
            vec![
                Cell::text(&*rejection.origin.file),
                Cell::text(&*rejection.origin.sheet),
                Cell::integer(i64::try_from(rejection.origin.line).ok()),
                Cell::text(rejection.column.as_str()),
                Cell::text(rejection.scope.to_string()),
                Cell::text(rejection.code.as_str()),
                Cell::text(rejection.found.as_str()),
                Cell::text(rejection.expected.as_str()),
                Cell::text(rejection.hint.as_str()),
            ]
        })
        .collect();
    table
}

/// What stands and counts but deserves a look, as `warnings.csv` lists it.
pub fn warnings_table(warnings: &[Rejection]) -> Table {
    let mut table = rejections_table(warnings);
    if let Some(scope) = table.columns.iter().position(|column| column.name == "scope") {
        table.columns.remove(scope);
        for row in &mut table.rows {
            row.remove(scope);
        }
    }
    table
}
