use super::csv::{CsvOptions, Row, Rows, in_memory};
use super::table::{Kind, Table};
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
pub fn disagreements(determinations: &Frame) -> Frame {
    let [lab, judged, replicate] =
        ["lab_verdict", "judged_verdict", "replicate"].map(|name| determinations.column_or_missing(name));
    let decided = |verdict: &str| matches!(verdict, "conforming" | "nonconforming");
    let is_other = |stated: &Value, ours: &Value| {
        let (Some(stated), Some(ours)) = (stated.as_text(), ours.as_text()) else { return false };
        let stated = stated.split('+').next().unwrap_or(stated);
        stated != ours && decided(stated) && decided(ours)
    };
    let mut rows = rows_where(&lab.zip_map(&judged, is_other));
    rows.retain(|row| replicate.get(*row as usize).as_integer().is_none_or(|replicate| replicate == 1));
    let mut shown = determinations.clone();
    shown.keep_columns(|name| SHOWN.contains(&name));
    shown.take(&rows).compact()
}

/// The lists of several parts as one, by file, sheet and line.
pub fn join_disagreements(parts: &[Frame]) -> Frame {
    let all = Frame::concat(parts);
    let mut order: Vec<u32> = (0..all.rows() as u32).collect();
    let key = |row: &u32| (all.place(*row as usize), all.line(*row as usize));
    order.sort_by(|one, other| key(one).cmp(&key(other)));
    all.take(&order)
}

/// The list as a file.
pub fn write_disagreements(list: &Frame, options: CsvOptions) -> Vec<u8> {
    let columns: Vec<(&str, Kind)> = SHOWN
        .iter()
        .map(|name| (*name, Kind::Text))
        .chain([("file", Kind::Text), ("sheet", Kind::Text), ("line", Kind::Integer)])
        .collect();
    let shown = SHOWN.map(|name| list.column(name));
    let write = |row: &usize, out: &mut Row<'_>| {
        for column in &shown {
            match column.map(|column| column.get(*row)) {
                Some(Value::Text(text)) => out.text(text),
                Some(other) => out.text(&other.to_string()),
                None => out.text(""),
            }
        }
        let (file, sheet) = list.place(*row);
        out.text(file);
        out.text(sheet);
        out.integer(i64::try_from(list.line(*row)).ok());
    };
    let rows: Vec<usize> = (0..list.rows()).collect();
    in_memory(|bytes| Rows::begin(bytes, &Table::new(&columns).columns, options)?.write(&rows, write))
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
        assert_eq!(disagreements(&frame).rows(), expected);
    }
}
