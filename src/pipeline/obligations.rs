//! Who owes the annual report, joined with the list of those who sent it.

use jiff::civil::Date;

use crate::column::{Coded, Frame};
use crate::model::Value;
use crate::reference::Reference;

/// One row per unit that owes a report in the as-of year, with the day it was received, if it was.
/// The second result lists the rows of `received` that name no such unit.
///
/// A unit is recognised by its own name, or by any name of the township it governs.
pub fn owed(received: &Frame, reference: &Reference, as_of: Date) -> (Frame, Vec<u32>) {
    let units: Vec<_> = reference.reporting_units.iter().collect();
    let names = received.column_or_missing("unit");
    let received_on = received.column_or_missing("received_on");
    let mut rows: Vec<Option<usize>> = vec![None; units.len()];
    let mut strays = Vec::new();
    for row in 0..received.rows() {
        let name = names.get(row).as_text().unwrap_or_default();
        let township = reference.regions.of_name(name, Some(as_of)).map(|region| region.code.as_str());
        let unit = units.iter().position(|unit| {
            let own = reference.regions.of_name(&unit.unit, Some(as_of)).map(|region| region.code.as_str());
            unit.unit == name || (township.is_some() && own == township)
        });
        match unit {
            // The first time it arrived is what counts.
            Some(unit) if rows[unit].is_none_or(|own| received_on.get(row) < received_on.get(own)) => {
                rows[unit] = Some(row);
            }
            Some(_) => {}
            None => strays.push(row as u32),
        }
    }
    let day_of = |row: &Option<usize>| row.map_or(Value::Missing, |row| received_on.get(row).clone());
    // Units that sent nothing have no row to come from: they come from the seeds.
    let seeds: std::sync::Arc<str> = std::sync::Arc::from("seeds/reporting_units.csv");
    let empty: std::sync::Arc<str> = std::sync::Arc::from("");
    let mut frame = Frame::new(
        vec![0; units.len()],
        (2..units.len() as u64 + 2).collect(),
        vec![(seeds, empty.clone(), empty)],
    );
    frame.set("unit", Coded::from_values(units.iter().map(|unit| Value::text(&unit.unit))));
    frame.set("unit_kind", Coded::from_values(units.iter().map(|unit| Value::text(unit.kind.as_str()))));
    let due = units.iter().map(|unit| unit.due_in(as_of.year()).map_or(Value::Missing, Value::Date));
    frame.set("due_on", Coded::from_values(due));
    frame.set("received_on", Coded::from_values(rows.iter().map(day_of)));
    (frame, strays)
}
