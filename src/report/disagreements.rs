use super::table::{Cell, Kind, Table};
use crate::column::{Frame, rows_where};
use crate::model::Value;

/// Columns of a determination that a person needs to see why two verdicts differ.
const SHOWN: [&str; 11] = [
    "sample_code",
    "analyte",
    "result_text",
    "unit",
    "limit_low",
    "limit_high",
    "limit_text",
    "limit_unit",
    "limit_source",
    "lab_verdict",
    "judged_verdict",
];

/// Determinations that we judge otherwise than the laboratory does, once per replicate set, with the limit
/// and where it is from. Whichever verdict is the official one, this is the list to ask about.
pub fn disagreements_table(determinations: &Frame) -> Table {
    let mut columns: Vec<(&str, Kind)> = SHOWN.iter().map(|name| (*name, Kind::Text)).collect();
    columns.extend([("file", Kind::Text), ("sheet", Kind::Text), ("line", Kind::Integer)]);
    let mut table = Table::new(&columns);
    let [lab, judged, replicate] =
        ["lab_verdict", "judged_verdict", "replicate"].map(|name| determinations.column_or_missing(name));
    let decided = |verdict: &str| matches!(verdict, "conforming" | "nonconforming");
    let is_other = |stated: &Value, ours: &Value| {
        let (Some(stated), Some(ours)) = (stated.as_text(), ours.as_text()) else { return false };
        let stated = stated.split('+').next().unwrap_or(stated);
        stated != ours && decided(stated) && decided(ours)
    };
    for row in rows_where(&lab.zip_map(&judged, is_other)) {
        let row = row as usize;
        if replicate.get(row).as_integer().is_some_and(|replicate| replicate != 1) {
            continue;
        }
        let origin = determinations.origin(row);
        let shown = SHOWN.iter().map(|name| match determinations.column(name) {
            Some(column) => match column.get(row) {
                Value::Text(text) => Cell::text(text.clone()),
                other => Cell::text(other.to_string()),
            },
            None => Cell::Empty,
        });
        let place = [
            Cell::text(origin.file),
            Cell::text(origin.sheet),
            Cell::integer(i64::try_from(origin.line).ok()),
        ];
        table.rows.push(shown.chain(place).collect());
    }
    table
}

/// The lists of several parts as one, by file, sheet and line; none where there are no parts.
pub fn join_disagreements(parts: Vec<Table>) -> Option<Table> {
    let mut parts = parts.into_iter();
    let mut table = parts.next()?;
    parts.for_each(|part| table.rows.extend(part.rows));
    let [file, sheet, line] = [0, 1, 2].map(|place| SHOWN.len() + place);
    table.rows.sort_by_cached_key(|row| {
        let text = |place: usize| row.get(place).map(Cell::to_string).unwrap_or_default();
        let number = match row.get(line) {
            Some(Cell::Integer(number)) => *number,
            _ => 0,
        };
        (text(file), text(sheet), number)
    });
    Some(table)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::column::Coded;
    use crate::model::Value;

    #[test]
    fn only_contradictions_are_listed() {
        let cases = [
            ("conforming", "nonconforming", 1, true),
            ("nonconforming", "conforming", 1, true),
            ("conforming", "nonconforming", 2, false),
            ("conforming", "conforming", 1, false),
            ("conforming", "undetermined", 1, false),
            ("conforming", "unjudged", 1, false),
            ("undetermined+unjudged", "conforming", 1, false),
        ];
        let empty: Arc<str> = Arc::from("");
        let mut frame = Frame::new(
            vec![0; cases.len()],
            vec![1; cases.len()],
            vec![(empty.clone(), empty.clone(), empty)],
        );
        frame.set("lab_verdict", Coded::from_values(cases.iter().map(|case| Value::text(case.0))));
        frame.set("judged_verdict", Coded::from_values(cases.iter().map(|case| Value::text(case.1))));
        frame.set("replicate", Coded::from_values(cases.iter().map(|case| Value::Integer(case.2))));
        let expected = cases.iter().filter(|case| case.3).count();
        assert_eq!(disagreements_table(&frame).rows.len(), expected);
    }
}
