use super::table::{Cell, Kind, Table};
use crate::judge::Overdue;

/// Steps of disposal duties that are overdue on the as-of day, as `overdue.csv` lists them.
pub fn overdue_table(listed: &[Overdue]) -> Table {
    let mut table = Table::new(&[
        ("sample_code", Kind::Text),
        ("part", Kind::Text),
        ("agency", Kind::Text),
        ("region", Kind::Text),
        ("level", Kind::Text),
        ("product", Kind::Text),
        ("step", Kind::Text),
        ("notified_on", Kind::Date),
        ("due_on", Kind::Date),
        ("overdue_days", Kind::Integer),
        ("overdue_working_days", Kind::Integer),
        ("file", Kind::Text),
        ("sheet", Kind::Text),
        ("line", Kind::Integer),
    ]);
    table.rows = listed
        .iter()
        .map(|own| {
            vec![
                Cell::text(own.sample_code.as_str()),
                Cell::text(own.part.as_str()),
                Cell::text(own.agency.as_str()),
                Cell::text(own.region.as_str()),
                Cell::text(own.level.as_str()),
                Cell::text(own.product.as_str()),
                Cell::text(own.step.as_str()),
                Cell::date(own.notified_on),
                Cell::date(Some(own.due_on)),
                Cell::Integer(own.days),
                Cell::integer(own.working_days),
                Cell::text(&*own.origin.file),
                Cell::text(&*own.origin.sheet),
                Cell::integer(i64::try_from(own.origin.line).ok()),
            ]
        })
        .collect();
    table
}
