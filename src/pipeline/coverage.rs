//! Which enterprises of the register were sampled: joins samples with establishments, once per distinct
//! enterprise, and lists what almost fits.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;

use crate::column::{Coded, Frame, combine};
use crate::judge::{Match, Register, Stated};
use crate::model::{Code, Rejection, Value};
use crate::reference::Regions;

/// A part that an enterprise plays in a sample.
struct Role {
    /// Attribute of an establishment that was sampled in this part.
    attribute: &'static str,
    name: &'static str,
    licence: &'static str,
    credit_code: &'static str,
}

const ROLES: [Role; 2] = [
    Role {
        attribute: "producer_sampled",
        name: "producer",
        licence: "producer_licence",
        credit_code: "producer_credit_code",
    },
    Role {
        attribute: "unit_sampled",
        name: "sampled_unit",
        licence: "sampled_unit_licence",
        credit_code: "credit_code",
    },
];

/// Attributes that every register has beside those of its pipeline: in which part it was sampled, from the
/// first day of each year on which it was.
pub const COVERED: [&str; 2] = ["producer_sampled", "unit_sampled"];

/// Adds the days on which establishments were sampled to their attributes, rapid tests left aside.
pub fn cover(tables: &mut HashMap<String, Frame>, regions: &Regions, warnings: &mut Vec<Rejection>) {
    let (Some(samples), Some(establishments)) = (tables.get("samples"), tables.get("establishments")) else {
        return;
    };
    let register = Register::of(establishments, regions);
    let ids = establishments.column_or_missing("id");
    let days = samples.column_or_missing("sampled_on");
    let rapid = samples.column_or_missing("rapid_test").map(|value| value.as_text() == Some("yes"));
    let mut parts: Vec<Frame> = tables.get("establishment_attributes").cloned().into_iter().collect();
    for role in ROLES {
        let columns = [role.name, role.licence, role.credit_code].map(|name| samples.column_or_missing(name));
        let (codes, distinct) = combine(&columns, samples.rows());
        let mut known: Vec<Option<Match>> = vec![None; distinct];
        let mut first: BTreeMap<(u32, i16), (Date, u32)> = BTreeMap::new();
        for (row, code) in codes.iter().enumerate().filter(|(row, _)| !rapid.get(*row)) {
            let found = known[*code as usize].get_or_insert_with(|| {
                let [name, licence, credit_code] =
                    columns.each_ref().map(|column| column.get(row).to_string());
                register.find(Stated { name: &name, licence: &licence, credit_code: &credit_code })
            });
            warnings.extend(found.misses.iter().map(|(found, expected)| {
                let (found, expected) = (found.clone(), expected.clone());
                Rejection::warning(samples.origin(row), role.name, Code::NearMiss, found, expected)
            }));
            if let (Some(establishment), Some(day)) = (found.row, days.get(row).as_date()) {
                let earliest = first.entry((establishment, day.year())).or_insert((day, row as u32));
                *earliest = (*earliest).min((day, row as u32));
            }
        }
        parts.push(attributes(samples, &ids, role.attribute, &first));
    }
    tables.insert("establishment_attributes".to_owned(), Frame::concat(&parts));
}

/// A row per establishment and year, with the origin of the sample that covered it.
fn attributes(
    samples: &Frame,
    ids: &Coded<Value>,
    attribute: &str,
    first: &BTreeMap<(u32, i16), (Date, u32)>,
) -> Frame {
    let rows: Vec<u32> = first.values().map(|(_, row)| *row).collect();
    let mut frame = samples.take(&rows);
    let names: Vec<String> = frame.names().map(str::to_owned).collect();
    for name in names {
        frame.drop_column(&name);
    }
    frame.set("id", Coded::from_values(first.keys().map(|(own, _)| ids.get(*own as usize).clone())));
    frame.set("attribute", Coded::constant(Value::Text(Arc::from(attribute)), rows.len()));
    frame.set("from", Coded::from_values(first.values().map(|(day, _)| Value::Date(*day))));
    frame
}
