//! Counting the lake: samples and determinations by dimensions that no cell was kept of.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use arrow::array::StringArray;
use hashbrown::HashMap;
use jiff::civil::Date;
use rayon::prelude::*;

use super::outcome::{dimensions_of, is_asked, tally_fact};
use super::read_back::{from_series, to_values};
use super::{PipelineFile, RunError, store};
use crate::column::{Coded, Frame};
use crate::cube::{Cells, Condensed, Fact, SampleNumbers, Seen, Totals};
use crate::lake::{Entry, Keys, Lake, LakeError};

/// Counts samples and determinations. A sample is filed in the same month as its determinations: so months are counted
/// side by side, first the samples of one, then its determinations, row group by row group.
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
    let is_counted = is_asked(file, Fact::Determinations);
    months.into_par_iter().with_max_len(1).try_for_each(|month| {
        let mut samples = store::scan_month(lake, entry, ("samples", month), &wanted, |keys, columns| {
            let samples = Seen::of(&from_series(keys.codes.len(), columns), as_of);
            if is_asked(file, Fact::Samples) {
                totals.add(tally_fact(Fact::Samples, samples.rows(), &of_samples, &day));
            }
            let numbered = is_counted.then(|| condensed.number(&samples, &day));
            let number = |row| numbered.as_ref()?.get(samples.place(row)?);
            Ok(Group { numbers: by_code(&keys.codes, number), keys })
        })?;
        if is_counted {
            let part = condensed.part(samples.iter_mut().flat_map(|group| &mut group.numbers));
            let samples = Known { groups: samples, by_code: OnceLock::new() };
            store::scan_month(lake, entry, ("determinations", month), &wanted, |keys, columns| {
                part.add(&to_values(columns), &samples.of(keys)?);
                Ok(())
            })?;
            part.finish();
        }
        Ok::<(), LakeError>(())
    })?;
    let mut cells = totals.finish();
    if is_counted {
        cells.push(condensed.into_cells());
    }
    Ok(cells)
}

/// What the first row says that has each code.
fn by_code(codes: &[u32], say: impl Fn(u32) -> Option<u32>) -> Vec<Option<u32>> {
    let mut first = vec![None; codes.iter().max().map_or(0, |last| *last as usize + 1)];
    for (row, code) in codes.iter().enumerate().rev() {
        first[*code as usize] = Some(row as u32);
    }
    first.into_iter().map(|row| row.and_then(&say)).collect()
}

/// Samples of a row group.
struct Group {
    keys: Keys,
    /// Of each distinct sample code what the sample is counted as, if it is seen.
    numbers: Vec<Option<u32>>,
}

/// The samples of a month.
struct Known {
    groups: Vec<Group>,
    by_code: OnceLock<HashMap<String, Option<u32>>>,
}

impl Known {
    /// What the sample of each row of a group of determinations is counted as. Where both were filed together, their codes
    /// were written to the same bytes, and no code needs to be known; otherwise they are looked up.
    ///
    /// # Errors
    /// A file is damaged.
    fn of(&self, keys: Keys) -> Result<SampleNumbers, LakeError> {
        let beside = self.groups.iter().find_map(|group| {
            let count = group.keys.same_page(&keys)?;
            // Rows without a code, of which a page says nothing, are those of no sample. Other writers may file codes that
            // no row has.
            let own = (0..count).map(|code| group.numbers.get(code).copied().flatten());
            Some(own.chain([None]).collect())
        });
        let numbers = beside.map_or_else(|| self.look_up(&keys.texts()?), Ok)?;
        Ok(Coded::new(numbers, keys.codes))
    }

    fn look_up(&self, texts: &StringArray) -> Result<Vec<Option<u32>>, LakeError> {
        let by_code = match self.by_code.get() {
            Some(by_code) => by_code,
            None => {
                let mut numbers = HashMap::new();
                for group in &self.groups {
                    let mut has_row = vec![false; group.numbers.len()];
                    group.keys.codes.iter().for_each(|code| has_row[*code as usize] = true);
                    let texts = group.keys.texts()?;
                    let filed = texts.iter().zip(&group.numbers).zip(has_row).filter(|(_, has_row)| *has_row);
                    for ((code, number), _) in filed {
                        code.into_iter().for_each(|code| {
                            numbers.entry_ref(code).or_insert(*number);
                        });
                    }
                }
                self.by_code.get_or_init(|| numbers)
            }
        };
        Ok(texts.iter().map(|code| by_code.get(code?).copied().flatten()).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A row group with these sample codes, filed alone.
    fn keys(codes: &[Option<u8>]) -> Keys {
        let texts = codes.iter().map(|code| code.map(|code| code.to_string()));
        Keys::filed(&texts.collect()).expect("is filed")
    }

    proptest! {
        /// However codes are filed, each leads to the first row that has it.
        #[test]
        fn samples_are_found_by_their_pages_and_by_looking_up(
            groups in proptest::collection::vec(proptest::collection::vec(proptest::option::weighted(0.9, 0u8..30), 1..20), 0..4),
            own in proptest::collection::vec(proptest::option::weighted(0.9, 0u8..31), 1..8),
            repeat in 1usize..4,
        ) {
            // Each sample is a number of its own; a code that two groups have is a sample that was filed twice, which
            // validation leaves none of.
            let all: Vec<Option<u8>> = groups.concat();
            let mut met = std::collections::BTreeSet::new();
            prop_assume!(groups.iter().all(|group| {
                let own: std::collections::BTreeSet<u8> = group.iter().flatten().copied().collect();
                own.into_iter().all(|code| met.insert(code))
            }));
            let number = |code: u8| all.iter().position(|own| *own == Some(code)).map(|row| row as u32);
            let expected = |own: &[Option<u8>]| own.iter().map(|code| number((*code)?)).collect::<Vec<_>>();
            let filed = groups.iter().map(|group| {
                let keys = keys(group);
                Group { numbers: by_code(&keys.codes, |row| group[row as usize].and_then(number)), keys }
            });
            let known = Known { groups: filed.collect(), by_code: OnceLock::new() };
            let found = |own: &[Option<u8>]| {
                let numbers = known.of(keys(own)).expect("is there");
                numbers.iter().copied().collect::<Vec<_>>()
            };
            prop_assert_eq!(found(&own), expected(&own));
            for group in &groups {
                // Determinations of the same samples in the same order, some of none.
                let rows: Vec<Option<u8>> = group.iter().flat_map(|code| std::iter::repeat_n(*code, repeat)).chain([None]).collect();
                prop_assert_eq!(found(&rows), expected(&rows));
            }
        }
    }
}
