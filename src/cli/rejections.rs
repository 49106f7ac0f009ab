use super::Global;
use super::exit::{FAILED, Failure};
use super::output::{self, OutputOptions};
use crate::pipeline::store;
use crate::report::{Cell, Kind, Table};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only those of this file.
    #[arg(long = "for", value_name = "FILE")]
    file: Option<String>,
    #[command(flatten)]
    output: OutputOptions,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let (lake, entry) = store::published(&global.lake, global.as_known_at)?;
    let listed = entry.draft.outputs.iter().find(|output| output.name == "rejections.csv");
    let Some(listed) = listed else {
        return Err(Failure::new(FAILED, format!("run {} kept no list of rejections", entry.run)));
    };
    let bytes = lake.object(&listed.blake3)?;
    let text = String::from_utf8_lossy(&bytes);
    let broken =
        |error: csv::Error| Failure::new(FAILED, format!("rejections of run {}: {error}", entry.run));
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let names: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    let columns: Vec<(&str, Kind)> = names.iter().map(|name| (name.as_str(), Kind::Text)).collect();
    let mut table = Table::new(&columns);
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let wanted =
            arguments.file.as_deref().is_none_or(|file| record.get(0).is_some_and(|own| own == file));
        if wanted {
            table.rows.push(record.iter().map(Cell::text).collect());
        }
    }
    output::write(&table, &arguments.output)
}
