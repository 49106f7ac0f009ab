use std::sync::Arc;

use rayon::prelude::*;

use super::CsvOptions;
use super::csv::{Fields, write_rows};
use super::table::{Cell, Column, Kind, Table};
use crate::indicator::{Definition, Figure, Status};
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
        let whole = figures.iter().find(|figure| figure.indicator == definition.id && figure.cut.is_empty());
        let Some(figure) = whole else { continue };
        let (lower, upper) = figure.bounds.clone().unwrap_or_default();
        let method = if figure.bounds.is_some() { definition.interval.as_str() } else { "" };
        table.rows.push(vec![
            Cell::text(definition.id.as_str()),
            Cell::text(definition.name_zh.as_str()),
            Cell::text(definition.name_en.as_str()),
            Cell::text(definition.clause.as_str()),
            Cell::text(definition.agency.join("、")),
            Cell::text(region),
            Cell::date(figure.period.map(|(start, _)| start)),
            Cell::date(figure.period.map(|(_, end)| end)),
            Cell::integer(numerator(figure)),
            Cell::integer(figure.denominator),
            Cell::text(figure.value.clone()),
            Cell::text(definition.unit.as_str()),
            Cell::text(lower),
            Cell::text(upper),
            Cell::text(method),
            Cell::text(definition.target.map(|target| target.text(definition.unit)).unwrap_or_default()),
            Cell::date(definition.due),
            Cell::text(figure.judgement.status.as_str()),
            Cell::integer(figure.judgement.needed),
            Cell::text(figure.whole_note()),
        ]);
    }
    table
}

/// What is kept back has no number, not even a zero.
fn numerator(figure: &Figure) -> Option<i64> {
    (figure.judgement.status != Status::Suppressed).then_some(figure.numerator)
}

/// Tidy: a row per indicator, cut and period. Dimensions that a row is not cut by are empty.
pub fn indicators_table(definitions: &[Definition], figures: &[Figure]) -> Table {
    let tidy = Tidy::new(definitions, figures);
    let row = |told| {
        let mut row = Vec::with_capacity(tidy.columns.len());
        tidy.tell(told, &mut row);
        row
    };
    Table { rows: tidy.told.par_iter().map(row).collect(), columns: tidy.columns }
}

/// [`indicators_table`] as CSV, each row made when it is written.
pub fn indicators_csv(definitions: &[Definition], figures: &[Figure], options: CsvOptions) -> Vec<u8> {
    let tidy = Tidy::new(definitions, figures);
    write_rows(&tidy.columns, &tidy.told, |told, row| tidy.tell(told, row), options)
}

/// Figures as tidy rows.
struct Tidy<'a> {
    columns: Vec<Column>,
    /// Dimensions that any figure is cut by, months last.
    dimensions: Vec<&'a str>,
    told: Vec<(&'a Figure, &'a Definition)>,
}

impl<'a> Tidy<'a> {
    fn new(definitions: &'a [Definition], figures: &'a [Figure]) -> Tidy<'a> {
        let mut dimensions: Vec<&str> = Vec::new();
        // Most figures are of the cut that the one above is of.
        let is_same = |one: &&Figure, above: &&Figure| {
            let names = one.cut.iter().zip(&above.cut);
            one.cut.len() == above.cut.len()
                && names.into_iter().all(|(one, above)| Arc::ptr_eq(&one.0, &above.0))
        };
        let cuts = figures.iter().zip(figures.iter().skip(1)).filter(|(above, one)| !is_same(one, above));
        let cuts = figures.iter().take(1).chain(cuts.map(|(_, one)| one));
        for (name, _) in cuts.flat_map(|figure| &figure.cut) {
            if &**name != "month" && !dimensions.contains(&&**name) {
                dimensions.push(name);
            }
        }
        dimensions.sort_unstable();
        dimensions.push("month");
        let named = [("indicator", Kind::Text), ("by", Kind::Text)]
            .into_iter()
            .chain(dimensions.iter().map(|name| (*name, Kind::Text)))
            .chain([
                ("period_start", Kind::Date),
                ("period_end", Kind::Date),
                ("numerator", Kind::Integer),
                ("denominator", Kind::Integer),
                ("value", Kind::Text),
                ("unit", Kind::Text),
                ("lower", Kind::Text),
                ("upper", Kind::Text),
                ("status", Kind::Text),
            ]);
        let columns = Table::new(&named.collect::<Vec<(&str, Kind)>>()).columns;
        let told = figures.iter().filter_map(|figure| {
            let definition = definitions.iter().find(|definition| definition.id == figure.indicator)?;
            Some((figure, definition))
        });
        Tidy { columns, dimensions, told: told.collect() }
    }

    fn tell(&self, (figure, definition): &(&Figure, &Definition), row: &mut impl Fields) {
        row.text(&figure.indicator);
        match figure.cut.as_slice() {
            [(name, _)] => row.shared(name),
            cut => row.text(&cut.iter().map(|(name, _)| &**name).collect::<Vec<&str>>().join("+")),
        }
        for dimension in &self.dimensions {
            match figure.cut.iter().find(|(name, _)| &**name == *dimension) {
                Some((_, value)) => row.shared(value),
                None => row.text(""),
            }
        }
        row.date(figure.period.map(|(start, _)| start));
        row.date(figure.period.map(|(_, end)| end));
        row.integer(numerator(figure));
        row.integer(figure.denominator);
        row.shared(&figure.value);
        row.text(definition.unit.as_str());
        match &figure.bounds {
            Some((lower, upper)) => [lower, upper].into_iter().for_each(|bound| row.shared(bound)),
            None => ["", ""].into_iter().for_each(|bound| row.text(bound)),
        }
        row.text(figure.judgement.status.as_str());
    }
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
