//! What identifiers say beside identifying: the level in a sample code, the check digit of a licence.

use hashbrown::HashMap;

use crate::column::Frame;
use crate::model::{Code, Rejection, Value};
use crate::normalize::{check_digit, read_sample_code};

/// Columns whose identifiers may end in a check digit.
const CHECKED: [(&str, &[&str]); 2] = [
    (
        "samples",
        &["producer_licence", "producer_credit_code", "sampled_unit_licence", "credit_code", "barcode"],
    ),
    ("establishments", &["licence", "credit_code"]),
];

/// Lists identifiers with a check digit that does not fit, and fills the level of samples that state none.
pub fn identify(tables: &mut HashMap<String, Frame>, warnings: &mut Vec<Rejection>) {
    for (table, columns) in CHECKED {
        let Some(frame) = tables.get(table) else { continue };
        for name in columns {
            let Some(column) = frame.column(name) else { continue };
            let slipped = column.map(|own| own.as_text().and_then(check_digit) == Some(false));
            if !slipped.values().contains(&true) {
                continue;
            }
            for row in (0..frame.rows()).filter(|row| *slipped.get(*row)) {
                let found = column.get(row).to_string();
                warnings.push(warning(
                    frame,
                    row,
                    name,
                    Code::CheckDigit,
                    found,
                    "digits that fit each other",
                ));
            }
        }
    }
    if let Some(samples) = tables.get_mut("samples") {
        read_codes(samples, warnings);
    }
}

/// The level in a sample's code stands in for one that the record does not state; one that it contradicts is
/// listed, and so is another year.
fn read_codes(samples: &mut Frame, warnings: &mut Vec<Rejection>) {
    let codes = samples.column_or_missing("sample_code");
    let said = codes.relabel(|code| code.as_text().map(read_sample_code).unwrap_or_default());
    let (read, years) = (said.map_to_few(|said| said.level), said.map_to_few(|said| said.year));
    let (levels, days) = (samples.column_or_missing("level"), samples.column_or_missing("sampled_on"));
    for row in 0..samples.rows() {
        let stated = levels.get(row).as_text();
        let level = read.get(row).filter(|level| stated.is_some_and(|stated| stated != *level));
        let sampled = days.get(row).as_date().map(|day| day.year());
        let year = years.get(row).filter(|year| sampled.is_some_and(|sampled| sampled != *year));
        if level.is_some() || year.is_some() {
            let said = [level.map(str::to_owned), year.map(|year| year.to_string())];
            let said: Vec<String> = said.into_iter().flatten().collect();
            let own = [level.and(stated).map(str::to_owned), year.and(sampled).map(|year| year.to_string())];
            let own: Vec<String> = own.into_iter().flatten().collect();
            let found = format!("{}: {}", codes.get(row), said.join(", "));
            warnings.push(warning(samples, row, "sample_code", Code::CodeDiffers, found, &own.join(", ")));
        }
    }
    let filled = levels.zip_map(&read, |stated, level| match (stated, level) {
        (Value::Missing, Some(level)) => Value::text(level),
        (stated, _) => stated.clone(),
    });
    samples.set("level", filled);
}

fn warning(frame: &Frame, row: usize, column: &str, code: Code, found: String, expected: &str) -> Rejection {
    Rejection::warning(frame.origin(row), column, code, found, expected.to_owned())
}
