//! Counting the lake: samples and determinations by dimensions that no cell was kept of.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use arrow::array::{Array, StringArray};
use hashbrown::HashMap;
use jiff::civil::Date;
use rayon::prelude::*;

use super::outcome::{dimensions_of, is_asked, tally_fact};
use super::read_back::{from_series, texts_of, to_values};
use super::{PipelineFile, RunError, store};
use crate::column::chunks::Series;
use crate::column::{Coded, Frame};
use crate::cube::{Cells, Condensed, Fact, SampleRows, Seen, Totals};
use crate::lake::{Entry, Lake};

/// Counts samples and determinations. A sample is filed in the same month as its determinations: so months are counted
/// side by side, the samples of one whole, its determinations row group by row group.
pub(super) fn scan(
    (lake, entry): (&Lake, &Entry),
    file: &PipelineFile,
    as_of: Date,
    wanted: impl Fn(&str, &str) -> bool + Sync,
    day: impl Fn(Option<Date>) -> Option<Date> + Sync,
) -> Result<Vec<Cells>, RunError> {
    let files = ["samples", "determinations"].into_iter().filter_map(|name| entry.table(name));
    let months: BTreeSet<&str> =
        files.flat_map(|table| &table.files).map(|file| file.month.as_str()).collect();
    let months: Vec<&str> = months.into_iter().collect();
    let [of_samples, of_determinations] =
        [Fact::Samples, Fact::Determinations].map(|fact| dimensions_of(file, fact));
    let (totals, condensed) = (Totals::default(), Condensed::new(&of_determinations));
    if is_asked(file, Fact::Samples) {
        // A lake without samples answers too.
        totals.add(tally_fact(Fact::Samples, Frame::default(), &of_samples, &day));
    }
    months.into_par_iter().with_max_len(1).try_for_each(|month| {
        let groups = store::read_month(lake, entry, ("samples", month), &wanted, |rows, mut group| {
            let codes = sample_codes(&mut group);
            (from_series(rows, group), codes)
        })?;
        let (frames, codes): (Vec<Frame>, Vec<_>) = groups.into_iter().unzip();
        let places = Places::new(codes);
        let samples = Seen::of(&Frame::concat(&frames), as_of);
        if is_asked(file, Fact::Samples) {
            totals.add(tally_fact(Fact::Samples, samples.rows(), &of_samples, &day));
        }
        if is_asked(file, Fact::Determinations) {
            let numbered = condensed.number(&samples, &day);
            let count = |_, mut group: Vec<(String, Series)>| {
                let codes = sample_codes(&mut group);
                condensed.add(&to_values(group), &numbered, &samples.by_row(&places.rows_of(codes)));
            };
            store::read_month(lake, entry, ("determinations", month), &wanted, count)?;
        }
        Ok::<(), RunError>(())
    })?;
    let mut cells = totals.finish();
    if is_asked(file, Fact::Determinations) {
        cells.push(condensed.into_counts().into());
    }
    Ok(cells)
}

/// Distinct sample codes of a row group, and the one of each row.
type SampleCodes = (StringArray, Vec<u32>);

/// The codes in a row group, taken out of it: they are many, and nothing is counted by them.
fn sample_codes(group: &mut Vec<(String, Series)>) -> SampleCodes {
    match group.iter().position(|(name, _)| name == "sample_code") {
        Some(place) => texts_of(group.remove(place).1),
        None => (StringArray::new_null(0), Vec::new()),
    }
}

/// The rows of a month's samples by their codes.
struct Places {
    /// Of each row group the distinct codes, and of each code the first row.
    groups: Vec<(StringArray, Vec<u32>)>,
    by_code: OnceLock<HashMap<String, u32>>,
}

impl Places {
    fn new(groups: Vec<SampleCodes>) -> Places {
        let mut before = 0;
        let placed = groups.into_iter().map(|(texts, codes)| {
            let mut first = vec![u32::MAX; texts.len()];
            for (row, code) in codes.iter().enumerate().rev() {
                first[*code as usize] = before + row as u32;
            }
            before += codes.len() as u32;
            (texts, first)
        });
        Places { groups: placed.collect(), by_code: OnceLock::new() }
    }

    /// The sample of each row of a group of determinations. Where both were filed together, their codes come in the same
    /// order and need only be walked along; otherwise they are looked up.
    fn rows_of(&self, (texts, codes): SampleCodes) -> SampleRows {
        let rows = self.groups.iter().find_map(|group| walk(&texts, group));
        Coded::new(rows.unwrap_or_else(|| self.look_up(&texts)), codes)
    }

    fn look_up(&self, texts: &StringArray) -> Vec<Option<u32>> {
        let by_code = self.by_code.get_or_init(|| {
            let mut rows = HashMap::new();
            for (code, row) in self.groups.iter().flat_map(|(texts, rows)| texts.iter().zip(rows)) {
                if let Some(code) = code.filter(|_| *row != u32::MAX) {
                    rows.entry_ref(code).or_insert(*row);
                }
            }
            rows
        });
        texts.iter().map(|code| code.and_then(|code| by_code.get(code).copied())).collect()
    }
}

/// Places at which a group may begin with samples that nothing was determined of.
const BEGINNING: usize = 8;

/// The row of each text among those of a group; none if they do not all come in the same order there, or only from
/// further behind.
fn walk(texts: &StringArray, (group, rows): &(StringArray, Vec<u32>)) -> Option<Vec<Option<u32>>> {
    // Groups can be many, and few looks tell which was filed together with these.
    let first = texts.iter().next()?;
    group.iter().take(BEGINNING).find(|own| *own == first)?;
    let mut left = group.iter().zip(rows);
    let found = texts.iter().map(|text| {
        let (_, row) =
            left.by_ref().find(|(own, row)| *own == text && text.is_some() && **row != u32::MAX)?;
        Some(Some(*row))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However codes are filed, each leads to the first row that has it.
        #[test]
        fn samples_are_found_by_walking_and_by_looking_up(
            groups in proptest::collection::vec(proptest::collection::vec(0u8..30, 0..20), 0..4),
            own in proptest::collection::vec(proptest::option::weighted(0.9, 0u8..31), 0..8),
        ) {
            let spelt = |codes: &[u8]| {
                let coded = Coded::from_values(codes.iter().copied());
                let texts: StringArray = coded.values().iter().map(|code| Some(code.to_string())).collect();
                (texts, coded.codes().to_vec())
            };
            let all: Vec<u8> = groups.concat();
            let places = Places::new(groups.iter().map(|group| spelt(group)).collect());
            let texts: StringArray = own.iter().map(|code| code.map(|code| code.to_string())).collect();
            let expected: Vec<Option<u32>> = own.iter().map(|code| {
                code.and_then(|code| all.iter().position(|own| *own == code)).map(|row| row as u32)
            }).collect();
            prop_assert_eq!(places.look_up(&texts), expected.clone());
            if let [only] = groups.as_slice() && let Some(walked) = walk(&texts, &places.groups[0]) {
                prop_assert_eq!(walked, expected.clone());
                prop_assert!(own.iter().flatten().all(|code| only.contains(code)));
            }
            // A code that two groups have is a sample that was filed twice, which validation leaves none of.
            let mut once = all.clone();
            once.sort_unstable();
            once.dedup();
            if once.len() == all.len() {
                let rows = places.rows_of((texts, (0..own.len() as u32).collect()));
                prop_assert_eq!(rows.iter().copied().collect::<Vec<_>>(), expected);
            }
        }
    }
}
