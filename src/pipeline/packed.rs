use super::load::PACKED;
use crate::column::{Coded, Frame};
use crate::model::{Rejection, Scope, Value};
use crate::normalize::{mask, unpack};

/// One determination for each item of a packed cell, and the cells that could not be unpacked.
pub fn unpack_rows(frame: &Frame) -> (Frame, Vec<Rejection>) {
    let packed = frame.column_or_missing(PACKED);
    let unpacked: Vec<_> = packed
        .values()
        .iter()
        .map(|cell| if cell.is_missing() { Ok(Vec::new()) } else { unpack(&cell.to_string()) })
        .collect();
    let mut rows = Vec::new();
    let mut items = Vec::new();
    let mut faults = Vec::new();
    for (row, code) in packed.codes().iter().enumerate() {
        match &unpacked[*code as usize] {
            Ok(own) => {
                rows.extend(own.iter().map(|_| row as u32));
                items.extend(own);
            }
            Err(fault) => faults.push(Rejection {
                origin: frame.origin(row),
                column: PACKED.to_owned(),
                scope: Scope::Cell,
                code: fault.code,
                found: mask(&packed.get(row).to_string()),
                expected: fault.expected.clone(),
                hint: fault.code.mend().to_owned(),
            }),
        }
    }
    let mut long = frame.take(&rows);
    let others: Vec<String> = long.names().filter(|name| *name != "sample_code").map(str::to_owned).collect();
    for name in others {
        long.drop_column(&name);
    }
    let texts = |of: fn(&crate::normalize::PackedItem) -> &String| {
        Coded::from_values(items.iter().map(|item| Value::text(of(item))))
    };
    long.set("analyte", texts(|item| &item.analyte));
    long.set("result_text", texts(|item| &item.result));
    long.set("limit_text", texts(|item| &item.limit));
    (long, faults)
}
