//! A small lake for the tests of this room.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};

use super::{Committed, DataFile, Draft, Entry, Lake, LakeError, Lock, Named, Partition, TableWrite};
use crate::column::chunks::Series;

/// Month and the codes of its samples.
pub(super) type Months = Vec<(&'static str, Vec<&'static str>)>;

pub(super) fn lake() -> (tempfile::TempDir, Lake) {
    let root = tempfile::tempdir().expect("temporary folder");
    let lake = Lake::open_or_create(&root.path().join("lake")).expect("creates");
    let lock = lake.lock(false).expect("locks");
    lake.put_object(&lock, PIPELINE).expect("stores");
    (root, lake)
}

const PIPELINE: &[u8] = b"pipeline";

pub(super) fn draft() -> Draft {
    Draft {
        published_at: "2021-01-04T08:00:00Z".to_owned(),
        as_of: "2020-12-31".to_owned(),
        pipeline: Named { name: "p".to_owned(), blake3: blake3::hash(PIPELINE).to_hex().to_string() },
        ..Draft::default()
    }
}

/// A draft that says something else.
pub(super) fn next(draft: Draft) -> Draft {
    Draft { as_of: "2021-01-31".to_owned(), ..draft }
}

pub(super) fn samples() -> Months {
    vec![("2020-05", vec!["S1", "S2"]), ("2020-06", vec!["S3"])]
}

/// The same with one more sample in one month.
pub(super) fn change(mut months: Months, month: &str) -> Months {
    months.iter_mut().filter(|(name, _)| *name == month).for_each(|(_, codes)| codes.push("S9"));
    months
}

/// Every type that a lake stores.
pub(super) fn batch(codes: &[&str]) -> RecordBatch {
    let count = i32::try_from(codes.len()).expect("small");
    let labs: DictionaryArray<Int32Type> = codes.iter().map(|_| Some("实验室")).collect();
    let values = (0..count).map(|n| (n > 0).then_some(i128::from(n) * 1_500_000_000_000));
    let values = values.collect::<Decimal128Array>().with_precision_and_scale(38, 12).expect("fits");
    let columns: [(&str, ArrayRef); 6] = [
        ("sample_code", Arc::new(StringArray::from(codes.to_vec()))),
        ("lab", Arc::new(labs)),
        ("line", Arc::new(Int32Array::from_iter_values(0..count))),
        ("run", Arc::new(Int64Array::from_iter_values((0..count).map(i64::from)))),
        ("sampled_on", Arc::new(Date32Array::from_iter_values((0..count).map(|n| 18_400 + n)))),
        ("value", Arc::new(values)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("batch")
}

pub(super) fn table(name: &str, months: Months) -> TableWrite {
    let partitions = months.into_iter().map(|(month, codes)| {
        let digest = codes.join(",");
        Partition::new(month, digest, move || Ok(batch(&codes)))
    });
    TableWrite { name: name.to_owned(), partitioned: true, partitions: partitions.collect() }
}

pub(super) fn publish(lake: &Lake, lock: &Lock, draft: Draft, tables: Vec<TableWrite>) -> Entry {
    match lake.commit(lock, draft, tables).expect("commits") {
        Committed::Published(entry) => *entry,
        Committed::Unchanged(run) => panic!("nothing new against run {run}"),
    }
}

/// Rows of a table as a run published it, of one month or of all, row group by row group.
pub(super) fn rows(
    lake: &Lake,
    entry: &Entry,
    table: &str,
    month: Option<&str>,
) -> Result<Vec<RecordBatch>, LakeError> {
    let array = |series: Series| {
        let array = series.into_array().expect("codes of its values");
        match array.data_type().clone() {
            DataType::Dictionary(_, kind) => cast(&array, &kind).expect("casts"),
            _ => array,
        }
    };
    let batch = |_, group: Vec<(String, Series)>| {
        let columns = group.into_iter().map(|(name, series)| (name, array(series), true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
    };
    let mut batches = Vec::new();
    let is_asked = |file: &DataFile| month.is_none_or(|month| file.month == month);
    for file in lake.files(entry, table)?.iter().filter(|file| is_asked(file)) {
        let pin = entry.table(table).expect("it has files");
        batches.extend(lake.read_coded(pin, file, |_| true, batch)?);
    }
    Ok(batches)
}

/// Codes of all samples, sorted.
pub(super) fn codes(lake: &Lake, entry: &Entry) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for batch in rows(lake, entry, "samples", None).expect("reads") {
        let column = batch.column_by_name("sample_code").expect("there").as_string::<i32>();
        codes.extend(column.iter().flatten().map(str::to_owned));
    }
    codes.sort_unstable();
    codes
}
