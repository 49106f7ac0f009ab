use jiff::civil::Date;

use super::table::{Cell, Kind, Table};
use crate::indicator::Mean;

/// Means as a lower and an upper bound, as `means.csv` lists them; `by` names the columns of the groups.
pub fn means_table(means: &[Mean], by: &[String], (start, end): (Date, Date)) -> Table {
    let columns: Vec<(&str, Kind)> = std::iter::once(("analyte", Kind::Text))
        .chain(by.iter().map(|name| (name.as_str(), Kind::Text)))
        .chain([
            ("period_start", Kind::Date),
            ("period_end", Kind::Date),
            ("results", Kind::Integer),
            ("results_censored", Kind::Integer),
            ("results_unbounded", Kind::Integer),
            ("mean_lower", Kind::Text),
            ("mean_upper", Kind::Text),
            ("unit", Kind::Text),
        ])
        .collect();
    let mut table = Table::new(&columns);
    let count = |count: u64| Cell::integer(i64::try_from(count).ok());
    table.rows = means
        .iter()
        .map(|mean| {
            let group = mean.group.iter().map(|value| Cell::text(value.as_str()));
            std::iter::once(Cell::text(mean.analyte.as_str()))
                .chain(group)
                .chain([
                    Cell::date(Some(start)),
                    Cell::date(Some(end)),
                    count(mean.results),
                    count(mean.censored),
                    count(mean.unbounded),
                    Cell::text(mean.lower.as_str()),
                    Cell::text(mean.upper.clone().unwrap_or_default()),
                    Cell::text(mean.unit.as_str()),
                ])
                .collect()
        })
        .collect();
    table
}
