//! Statistics of a file for Delta's log, by which foreign readers skip files. Taken from the Parquet footer.

use jiff::ToSpan;
use jiff::civil::date;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value, json};

use super::schema::{Column, Kind};

/// Delta's `stats` text: number of rows, empties of each column, and where they are exact the extremes.
pub(super) fn stats_of(metadata: &ParquetMetaData, columns: &[Column]) -> String {
    let mut nulls = Map::new();
    let (mut minima, mut maxima) = (Map::new(), Map::new());
    for (index, column) in columns.iter().enumerate() {
        let chunks = || metadata.row_groups().iter().filter_map(move |group| group.columns().get(index));
        let count: Option<u64> = chunks().map(|chunk| chunk.statistics()?.null_count_opt()).sum();
        let Some(count) = count else { continue };
        nulls.insert(column.name.clone(), json!(count));
        let range = chunks().filter(|chunk| has_values(chunk)).map(extremes).reduce(wider).flatten();
        if let Some((low, high)) = range
            && let (Some(low), Some(high)) = (low.to_json(column.kind), high.to_json(column.kind))
        {
            minima.insert(column.name.clone(), low);
            maxima.insert(column.name.clone(), high);
        }
    }
    let rows = metadata.file_metadata().num_rows();
    json!({ "numRecords": rows, "minValues": minima, "maxValues": maxima, "nullCount": nulls }).to_string()
}

/// An extreme value. Texts compare by their bytes, as Delta has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Extreme {
    Number(i64),
    Text(String),
}

impl Extreme {
    fn to_json(&self, kind: Kind) -> Option<Value> {
        match (self, kind) {
            (Extreme::Number(days), Kind::Date) => {
                date(1970, 1, 1).checked_add(days.days()).ok().map(|day| json!(day.to_string()))
            }
            (Extreme::Number(number), Kind::Integer | Kind::Long) => Some(json!(number)),
            (Extreme::Text(text), Kind::Text) => Some(json!(text)),
            _ => None,
        }
    }
}

type Extremes = Option<(Extreme, Extreme)>;

fn has_values(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
    u64::try_from(chunk.num_values()).is_ok_and(|values| values > nulls)
}

/// Least and greatest of a chunk; none where the footer has them shortened, or not at all.
fn extremes(chunk: &ColumnChunkMetaData) -> Extremes {
    let statistics = chunk.statistics()?;
    if !(statistics.min_is_exact() && statistics.max_is_exact()) {
        return None;
    }
    match statistics {
        Statistics::Int32(values) => {
            Some((Extreme::Number((*values.min_opt()?).into()), Extreme::Number((*values.max_opt()?).into())))
        }
        Statistics::Int64(values) => {
            Some((Extreme::Number(*values.min_opt()?), Extreme::Number(*values.max_opt()?)))
        }
        Statistics::ByteArray(values) => {
            let text = |bytes: &[u8]| str::from_utf8(bytes).ok().map(|text| Extreme::Text(text.to_owned()));
            Some((text(values.min_opt()?.data())?, text(values.max_opt()?.data())?))
        }
        _ => None,
    }
}

fn wider(one: Extremes, other: Extremes) -> Extremes {
    let ((low, high), (other_low, other_high)) = (one?, other?);
    Some((low.min(other_low), high.max(other_high)))
}
