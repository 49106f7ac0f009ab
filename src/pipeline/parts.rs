//! Judging in parts, so that memory does not grow with the input.
//!
//! Whatever is said of a determination follows from the rows of its sample alone. So rows are judged piece by piece,
//! as they were read, and all rows of a sample that more than one piece speaks of are set aside and judged together.
//! What is not said of one sample (row counts, cells, what is usual among results) adds up over parts.

use hashbrown::{HashMap, HashSet};
use jiff::civil::Date;
use rayon::prelude::*;

use super::RunError;
use super::assemble::{Assembled, Assembler, Sheet, assemble};
use super::file::PipelineFile;
use super::load::{Loaded, hash_of};
use super::outcome::tally;
use super::source_file::SourceFile;
use super::store::{Filed, Store};
use crate::column::{Frame, Held, Shelf};
use crate::cube::{Cells, Fact, Totals};
use crate::judge::{Decisions, Marked, Occurrences};
use crate::lanes;
use crate::reference::Reference;
use crate::report::{disagreements, join_disagreements};

/// What is needed to judge.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    pub file: &'a PipelineFile,
    pub reference: &'a Reference,
    pub as_of: Date,
    pub shelf: &'a Shelf,
    /// Where judged rows are filed, if they are.
    pub store: Option<&'a Store>,
    /// Rows that are judged together.
    pub rows: usize,
}

/// All rows judged and counted.
#[derive(Debug)]
pub struct Judged {
    pub assembled: Assembled,
    pub cells: Vec<Cells>,
    pub disagreements: Option<Frame>,
    /// What was decided on the way.
    pub decisions: Decisions,
}

/// All parts judged, and not yet added up.
pub struct Parts {
    /// What is known of rows that no part has.
    outside: Assembled,
    parts: Vec<Part>,
    sums: Sums,
}

/// What adds up over parts, and what they learn from each other.
#[derive(Default)]
struct Sums {
    cells: Totals,
    results: Occurrences,
    decisions: Decisions,
}

/// A part judged; its tables are gone unless they are wanted whole.
struct Part {
    assembled: Assembled,
    disagreements: Option<Held>,
    filed: Option<Filed>,
    measured: Option<Marked<Held>>,
}

impl Judge<'_> {
    /// Judges everything that was loaded.
    ///
    /// # Errors
    /// Rows cannot be set aside, or not be filed.
    pub fn judge(self, mut loaded: Vec<Loaded>) -> Result<Parts, RunError> {
        let mut outside = Assembled::default();
        for sheet in &mut loaded {
            let place = (sheet.source, sheet.input.name.to_string(), sheet.sheet.clone());
            let counts = outside.counts.entry(place).or_default();
            counts.read += sheet.rows_read;
            counts.rejected += sheet.rows_rejected;
            if sheet.superseded {
                counts.superseded += sheet.rows as u64;
            }
            outside.rejections.append(&mut sheet.rejections);
            outside.warnings.append(&mut sheet.warnings);
        }
        loaded.retain(|sheet| !sheet.superseded);
        let rows: usize = loaded.iter().map(|sheet| sheet.rows).sum();
        let (none, sums) = (HashMap::new(), Sums::default());
        let parts = if rows <= self.rows || !is_divisible(self.file) {
            vec![self.judge_part(self.sheets(loaded)?, Share::Whole, &none, &sums)?]
        } else {
            self.judge_apart(loaded, &sums)?
        };
        Ok(Parts { outside, parts, sums })
    }

    /// First what belongs to no sample, then the rows that share their samples with none, then the others.
    fn judge_apart(self, loaded: Vec<Loaded>, sums: &Sums) -> Result<Vec<Part>, RunError> {
        let of_samples = |sheet: &Loaded| self.file.sources[sheet.source].into.iter().any(is_of_samples);
        let (own, rest): (Vec<Loaded>, Vec<Loaded>) = loaded.into_iter().partition(of_samples);
        let none = HashMap::new();
        let rest = self.judge_part(self.sheets(rest)?, Share::Rest, &none, sums)?;
        let given = &rest.assembled.tables;
        let mut groups = group(own, self.rows);
        let samples: Vec<Vec<u32>> = groups.iter_mut().map(|group| samples_of(group)).collect();
        let shared = shared(&samples);
        let known: usize = samples.iter().map(Vec::len).sum();
        drop(samples);
        let rows: usize = groups.iter().flatten().map(|sheet| sheet.rows).sum();
        // Sized by the rows that a sample has on average, so that a part of shared samples is like any other.
        let buckets = (rows / known.max(1) + 1) * 2 * shared.len() / self.rows.max(1) + 1;
        let split = lanes::map(groups, |group| {
            let (sheets, aside) = self.set_aside(self.sheets(group)?, &shared, buckets)?;
            Ok((self.judge_part(sheets, Share::Samples, given, sums)?, aside))
        });
        let (mut parts, aside): (Vec<Part>, Vec<Vec<Aside>>) =
            split.into_iter().collect::<Result<Vec<_>, RunError>>()?.into_iter().unzip();
        let mut filled: Vec<Vec<Aside>> = (0..buckets).map(|_| Vec::new()).collect();
        aside.into_iter().flatten().for_each(|aside| filled[aside.bucket].push(aside));
        filled.retain(|bucket| !bucket.is_empty());
        let together = lanes::map(filled, |bucket| {
            let sheets = bucket.into_iter().map(|aside| {
                let frame = self.shelf.take(aside.held).map_err(RunError::Scratch)?;
                Ok(Sheet { source: aside.source, frame, wide: aside.wide })
            });
            self.judge_part(sheets.collect::<Result<_, RunError>>()?, Share::Samples, given, sums)
        });
        parts.extend(together.into_iter().collect::<Result<Vec<_>, RunError>>()?);
        parts.insert(0, rest);
        Ok(parts)
    }

    fn sheets(self, loaded: Vec<Loaded>) -> Result<Vec<Sheet>, RunError> {
        let sheet = |mut loaded: Loaded| {
            let (source, wide) = (loaded.source, std::mem::take(&mut loaded.wide));
            let frame = loaded.into_frame(self.shelf).map_err(RunError::Scratch)?;
            Ok(Sheet { source, frame, wide })
        };
        loaded.into_iter().map(sheet).collect()
    }

    /// Splits off the rows of samples that other parts speak of too.
    fn set_aside(
        self,
        sheets: Vec<Sheet>,
        shared: &HashSet<u32>,
        buckets: usize,
    ) -> Result<(Vec<Sheet>, Vec<Aside>), RunError> {
        let mut aside = Vec::new();
        let mut own = Vec::new();
        for mut sheet in sheets {
            let codes = sheet.frame.column_or_missing("sample_code");
            let bucket = |hash: u32| shared.contains(&hash).then_some(hash as usize % buckets);
            let bucket_of: Vec<Option<usize>> =
                codes.values().iter().map(|code| bucket(hash_of(code))).collect();
            if bucket_of.iter().any(Option::is_some) {
                let mut rows: Vec<Vec<u32>> = vec![Vec::new(); buckets + 1];
                for (row, code) in codes.codes().iter().enumerate() {
                    rows[bucket_of[*code as usize].map_or(0, |bucket| bucket + 1)].push(row as u32);
                }
                for (bucket, rows) in rows.iter().skip(1).enumerate().filter(|(_, rows)| !rows.is_empty()) {
                    let held = self.shelf.put(sheet.frame.take(rows).compact()).map_err(RunError::Scratch)?;
                    aside.push(Aside { bucket, source: sheet.source, wide: sheet.wide.clone(), held });
                }
                sheet.frame = sheet.frame.take(&rows[0]);
            }
            own.push(sheet);
        }
        Ok((own, aside))
    }

    fn judge_part(
        self,
        sheets: Vec<Sheet>,
        share: Share,
        given: &HashMap<String, Frame>,
        sums: &Sums,
    ) -> Result<Part, RunError> {
        let Judge { file, reference, as_of, .. } = self;
        let decisions = &sums.decisions;
        let is_first = share != Share::Samples;
        let mut assembled =
            assemble(Assembler { file, reference, as_of, given, decisions, is_first }, sheets);
        let counts = tally(file, &assembled.tables, reference, as_of, |fact| share.counts(fact), |day| day);
        let determinations = assembled.tables.get("determinations");
        let differing = determinations.map(|determinations| self.shelf.put(disagreements(determinations)));
        let filed =
            self.store.map(|store| store.file(&assembled.tables, share == Share::Samples)).transpose()?;
        let measured = assembled.measured.take().map(|frame| {
            let mark = sums.results.add(&frame, &reference.units);
            Ok(Marked { mark, part: self.shelf.put(frame)? })
        });
        if share == Share::Samples {
            assembled.tables.clear();
        }
        // Whoever adds adds for others too, and should hold little meanwhile.
        counts.into_iter().for_each(|counts| sums.cells.add(counts));
        Ok(Part {
            assembled,
            disagreements: differing.transpose().map_err(RunError::Scratch)?,
            filed,
            measured: measured.transpose().map_err(RunError::Scratch)?,
        })
    }
}

impl Parts {
    /// What became of the rows of each part.
    pub fn assembled(&self) -> impl Iterator<Item = &Assembled> + Clone {
        std::iter::once(&self.outside).chain(self.parts.iter().map(|part| &part.assembled))
    }

    /// The rows of all parts, for the lake; they are not asked for them again.
    pub fn take_filed(&mut self) -> Vec<Filed> {
        self.parts.iter_mut().filter_map(|part| part.filed.take()).collect()
    }

    /// The sum of all parts, which may lie on the shelf, and what `indicate` makes of the cells and tables.
    ///
    /// # Errors
    /// A part cannot be fetched from there.
    pub fn add_up<T: Send>(
        self,
        shelf: &Shelf,
        reference: &Reference,
        indicate: impl FnOnce(&[Cells], &HashMap<String, Frame>) -> T + Send,
    ) -> Result<(Judged, T), RunError> {
        let Parts { outside: mut all, parts, sums } = self;
        let mut measured = Vec::new();
        let mut disagreements = Vec::new();
        for mut part in parts {
            if !part.assembled.tables.is_empty() {
                all.tables = std::mem::take(&mut part.assembled.tables);
            }
            all.absorb(part.assembled);
            measured.extend(part.measured);
            disagreements.extend(part.disagreements);
        }
        let get = |held: &Held| shelf.get(held);
        let Sums { cells, results, decisions } = sums;
        let tables = &all.tables;
        let ((cells, figures), listed) = rayon::join(
            || {
                let cells = cells.finish();
                let figures = indicate(&cells, tables);
                (cells, figures)
            },
            || results.list_suspicious(&measured, get, &reference.units),
        );
        all.warnings.extend(listed.map_err(RunError::Scratch)?);
        all.sort();
        let disagreements = match disagreements.is_empty() {
            true => None,
            false => {
                let parts = disagreements.into_iter().map(|held| shelf.take(held));
                let parts: Vec<Frame> = parts.collect::<std::io::Result<_>>().map_err(RunError::Scratch)?;
                Some(join_disagreements(&parts))
            }
        };
        Ok((Judged { assembled: all, cells, disagreements, decisions }, figures))
    }
}

/// Which of the rows a part has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Whole,
    /// What belongs to no sample.
    Rest,
    /// Some samples with their determinations.
    Samples,
}

impl Share {
    fn counts(self, fact: Fact) -> bool {
        self == Share::Whole || fact.is_of_samples() == (self == Share::Samples)
    }
}

/// Rows of a sheet that wait for others of their samples.
struct Aside {
    bucket: usize,
    source: usize,
    wide: Vec<String>,
    held: Held,
}

fn is_of_samples(table: &&'static crate::model::TableSchema) -> bool {
    matches!(table.name, "samples" | "determinations")
}

/// Whether the rows of a sample can be judged apart from those of others.
///
/// Duties, the register of establishments and attached tables are joined with samples of any part, and means are
/// taken over all values: then everything is held in memory.
fn is_divisible(file: &PipelineFile) -> bool {
    let apart = |source: &SourceFile| {
        let of_samples = source.into.iter().any(is_of_samples);
        let by_sample = source.key.as_ref().is_none_or(|key| key.iter().any(|name| name == "sample_code"));
        let joined = |name: &str| matches!(name, "duties" | "establishments" | "establishment_attributes");
        let is_joined = source.into.iter().any(|table| joined(table.name)) || !source.attributes.is_empty();
        !source.attach && !is_joined && (!of_samples || by_sample)
    };
    file.means_by.is_none() && file.sources.iter().all(apart)
}

/// Neighbouring sheets together, as long as they stay within the rows of a part.
fn group(loaded: Vec<Loaded>, most: usize) -> Vec<Vec<Loaded>> {
    let mut groups: Vec<Vec<Loaded>> = Vec::new();
    let mut rows = usize::MAX;
    for sheet in loaded {
        rows = rows.saturating_add(sheet.rows);
        match groups.last_mut() {
            Some(group) if rows <= most => group.push(sheet),
            _ => {
                rows = sheet.rows;
                groups.push(vec![sheet]);
            }
        }
    }
    groups
}

/// The samples of some sheets, which are not asked for them again.
fn samples_of(group: &mut [Loaded]) -> Vec<u32> {
    let mut each = group.iter_mut().map(|sheet| std::mem::take(&mut sheet.samples));
    let mut samples = each.next().unwrap_or_default();
    each.for_each(|others| samples.extend(others));
    samples.sort_unstable();
    samples.dedup();
    samples
}

/// What is in more than one of several sorted lists without repeats. It is looked for slice by slice, so that never
/// all of it is sorted at a time.
fn shared(lists: &[Vec<u32>]) -> HashSet<u32> {
    const SLICES: u32 = 16;
    let width = u32::MAX / SLICES + 1;
    let of_slice = |slice: u32| {
        let (from, to) = (slice * width, (slice * width).saturating_add(width - 1));
        let own = |list: &Vec<u32>| {
            let start = list.partition_point(|hash| *hash < from);
            let end = list.partition_point(|hash| *hash <= to);
            list.get(start..end).unwrap_or_default().to_vec()
        };
        let mut all: Vec<u32> = lists.iter().flat_map(own).collect();
        all.sort_unstable();
        let twice = all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        twice.collect::<Vec<u32>>()
    };
    (0..SLICES).into_par_iter().flat_map_iter(of_slice).collect::<Vec<u32>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shared_is_what_several_lists_have(lists in proptest::collection::vec(proptest::collection::btree_set(
            prop_oneof![0u32..30, (u32::MAX - 9)..=u32::MAX, Just(1 << 28), Just((1 << 28) - 1)], 0..20), 0..5))
        {
            let lists: Vec<Vec<u32>> = lists.into_iter().map(|list| list.into_iter().collect()).collect();
            let times = |hash: u32| lists.iter().filter(|list| list.contains(&hash)).count();
            let expected: HashSet<u32> = lists.iter().flatten().copied().filter(|hash| times(*hash) > 1).collect();
            prop_assert_eq!(shared(&lists), expected);
        }
    }
}
