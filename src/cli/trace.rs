use super::Global;
use super::exit::{FAILED, Failure};
use super::output::{self, OutputOptions};
use crate::column::Frame;
use crate::model::Value;
use crate::normalize::fold;
use crate::pipeline::store;
use crate::report::{Cell, Kind, Table};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The sample's code, or the beginning of one that is unambiguous.
    sample_code: String,
    #[command(flatten)]
    output: OutputOptions,
}

/// Columns of a trace, by table, in the order in which a person asks for them.
const SHOWN: [(&str, &[&str]); 3] = [
    (
        "samples",
        &[
            "product",
            "category",
            "level",
            "purpose",
            "stage",
            "region",
            "sampled_unit",
            "producer",
            "sampled_on",
            "received_on",
            "reported_on",
            "lab",
            "first_verdict",
            "final_verdict",
            "reinspection",
            "problem",
        ],
    ),
    (
        "determinations",
        &[
            "analyte",
            "replicate",
            "result_text",
            "qualifier",
            "value",
            "unit",
            "limit_low",
            "limit_high",
            "limit_text",
            "standard",
            "lab_verdict",
            "judged_verdict",
        ],
    ),
    (
        "duties",
        &["part", "agency", "notified_on", "started_on", "closed_on", "extended_to", "cause", "penalty"],
    ),
];

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let (lake, entry) = store::published(&global.lake, global.as_known_at)?;
    let tables = store::tables(&lake, &entry)?;
    let wanted = fold(&arguments.sample_code).to_uppercase();
    let empty = Frame::default();
    let samples = tables.get("samples").unwrap_or(&empty);
    let codes = samples.column_or_missing("sample_code");
    let matching: Vec<&str> =
        codes.iter().filter_map(Value::as_text).filter(|code| code.starts_with(&wanted)).collect();
    let code = match matching.as_slice() {
        [] => return Err(Failure::new(FAILED, format!("no sample has the code {wanted}"))),
        several if several.contains(&wanted.as_str()) => wanted.as_str(),
        [only] => *only,
        [first, ..] => {
            let message = format!("{} samples begin with {wanted}, such as {first}", matching.len());
            return Err(Failure::new(FAILED, message));
        }
    };
    let mut trace = Table::new(&[
        ("table", Kind::Text),
        ("item", Kind::Text),
        ("column", Kind::Text),
        ("value", Kind::Text),
        ("file", Kind::Text),
        ("sheet", Kind::Text),
        ("line", Kind::Integer),
    ]);
    for (name, columns) in SHOWN {
        if let Some(frame) = tables.get(name) {
            add(&mut trace, name, frame, columns, code);
        }
    }
    output::write(&trace, &arguments.output)
}

fn add(trace: &mut Table, name: &str, frame: &Frame, columns: &[&str], code: &str) {
    let codes = frame.column_or_missing("sample_code");
    for row in (0..frame.rows()).filter(|row| codes.get(*row).as_text() == Some(code)) {
        let origin = frame.origin(row);
        let mut item = String::new();
        for column in columns {
            let Some(values) = frame.column(column) else { continue };
            let value = values.get(row);
            if matches!(*column, "analyte" | "part") {
                item = value.to_string();
            }
            if value.is_missing() {
                continue;
            }
            trace.rows.push(vec![
                Cell::text(name),
                Cell::text(if item.is_empty() { code } else { item.as_str() }),
                Cell::text(*column),
                Cell::text(value.to_string()),
                Cell::text(&*origin.file),
                Cell::text(&*origin.sheet),
                Cell::integer(i64::try_from(origin.line).ok()),
            ]);
        }
    }
}
