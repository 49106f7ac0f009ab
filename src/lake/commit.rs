//! One run goes in whole or not at all: see the drawing at the head of [`crate::lake`].

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::delta::{self, Active};
use super::disk::{OPEN, settle_all, waiting};
use super::files::{self, Written};
use super::heal::take_back;
use super::ledger::FORMAT;
use super::plan::{Content, Partition, Plan, TableWrite, plan};
use super::schema::{Column, extend};
use super::{DataFile, Draft, Entry, Lake, LakeError, Lock, TablePin};

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    /// It is in the ledger.
    Published(Box<Entry>),
    /// It says what this earlier run said; nothing was written.
    Unchanged(u64),
}

/// Tables as a run will publish them: what changed of them is on disk, and nothing refers to it yet. It is removed again
/// unless its commit begins; until then nobody else may take the lock, and write the same.
#[derive(Debug)]
pub struct Prepared<'l> {
    _lock: &'l Lock,
    latest: Option<Entry>,
    /// Hash of the latest entry.
    previous: Option<String>,
    run: u64,
    time: i64,
    tables: Vec<(Plan, Vec<Written>)>,
}

/// Takes back what a run that died left ahead of its pins, and writes the files of what changed.
pub(super) fn prepare<'l>(
    lake: &Lake,
    lock: &'l Lock,
    published_at: &str,
    tables: Vec<TableWrite>,
) -> Result<Prepared<'l>, LakeError> {
    lock.covers(&lake.root)?;
    let time = milliseconds(published_at)?;
    let (latest, previous) = lake.ledger.latest()?.unzip();
    let run = latest.as_ref().map_or(1, |entry| entry.run.saturating_add(1));
    take_back(&lake.tables(), &lake.tmp(), &lake.logs, latest.as_ref(), run, time)?;
    let tables = write_plans(lake, plan(lake, latest.as_ref(), tables)?)?;
    Ok(Prepared { _lock: lock, latest, previous, run, time, tables })
}

pub(super) fn commit(
    lake: &Lake,
    lock: &Lock,
    draft: Draft,
    prepared: Prepared<'_>,
) -> Result<Committed, LakeError> {
    lock.covers(&lake.root)?;
    check_stored(lake, &draft)?;
    let Prepared { latest, previous, run, time, tables, .. } = prepared;
    if let Some(latest) = &latest
        && tables.is_empty()
        && latest.draft.says_the_same(&draft)
    {
        return Ok(Committed::Unchanged(latest.run));
    }
    let tables = publish_tables(lake, latest.as_ref(), tables, run, time)?;
    let entry = Entry { format: FORMAT, run, previous, draft, tables };
    lake.ledger.append(&entry)?;
    Ok(Committed::Published(Box::new(entry)))
}

fn write_plans(lake: &Lake, plans: Vec<Plan>) -> Result<Vec<(Plan, Vec<Written>)>, LakeError> {
    let (plans, fresh): (Vec<Plan>, Vec<Vec<Partition>>) = plans.into_iter().map(Plan::apart).unzip();
    let written = write_all(lake, &plans, fresh)?;
    Ok(plans.into_iter().zip(written).collect())
}

/// The first half: Delta tables move ahead of their pins. Returns the new pins.
fn publish_tables(
    lake: &Lake,
    latest: Option<&Entry>,
    tables: Vec<(Plan, Vec<Written>)>,
    run: u64,
    time: i64,
) -> Result<Vec<TablePin>, LakeError> {
    let pins = latest.map(|entry| entry.tables.as_slice()).unwrap_or_default();
    let mut pins: BTreeMap<String, TablePin> =
        pins.iter().map(|pin| (pin.name.clone(), pin.clone())).collect();
    // Tables know nothing of each other.
    let publish = |(plan, written): (Plan, Vec<Written>)| {
        publish_table(lake, pins.get(&plan.name), plan, written, run, time)
    };
    let published = tables.into_par_iter().with_max_len(1).map(publish);
    for pin in published.collect::<Result<Vec<TablePin>, LakeError>>()? {
        pins.insert(pin.name.clone(), pin);
    }
    Ok(pins.into_values().collect())
}

/// Makes one Delta commit of the months of a table that were written.
fn publish_table(
    lake: &Lake,
    pin: Option<&TablePin>,
    plan: Plan,
    mut written: Vec<Written>,
    run: u64,
    time: i64,
) -> Result<TablePin, LakeError> {
    let Plan { name, partitioned, kept, gone, .. } = plan;
    let folder = lake.tables().join(&name);

    // Files that stay were written with the columns of their time, so those stay too.
    let stays = !kept.is_empty() || written.is_empty();
    let mut columns: Vec<Column> = pin.filter(|_| stays).map(|pin| pin.columns.clone()).unwrap_or_default();
    for file in &written {
        extend(&name, &mut columns, &file.columns)?;
    }

    let newest = delta::newest(&folder)?;
    // Once given, a table's identity stays; without a pin it may be what a dead run left behind.
    let id = match pin {
        Some(pin) => pin.id.clone(),
        None => lake
            .logs
            .state(&folder, None)?
            .map_or_else(|| delta::identity(&name, time), |state| state.metadata.id().to_owned()),
    };
    let mut actions = Vec::new();
    if newest.is_none() {
        actions.push(delta::protocol()?);
    }
    if pin.is_none_or(|pin| pin.columns != columns || pin.partitioned != partitioned) {
        actions.push(delta::metadata(&name, &id, &columns, partitioned)?);
    }
    // Equal bytes have an equal name: then the file was never gone, and Delta forbids saying it twice.
    let again = |path: &str| written.iter().any(|new| new.file.path == path);
    let gone: Vec<DataFile> = gone.into_iter().filter(|old| !again(&old.path)).collect();
    let is_active = |path: &str| pin.is_some_and(|pin| pin.files.iter().any(|file| file.path == path));
    for old in &gone {
        actions.push(delta::remove(&old.path, &old.month, signed(old.bytes), time));
    }
    for new in written.iter().filter(|new| !is_active(&new.file.path)) {
        let (month, bytes, stats) = (new.file.month.clone(), signed(new.file.bytes), Some(new.stats.clone()));
        actions.push(delta::add(&new.file.path, &Active { month, bytes, modified: time, stats }));
    }

    written.iter_mut().for_each(|file| file.provisional.keep());
    let mut files: Vec<DataFile> = kept;
    files.extend(written.into_iter().map(|new| new.file));
    files.sort_by(|one, other| (&one.month, &one.path).cmp(&(&other.month, &other.path)));
    let (version, log) = match pin {
        Some(pin) if actions.is_empty() => (pin.version, pin.log.clone()),
        _ => {
            let version = newest.map_or(0, |newest| newest.saturating_add(1));
            let mut commit = delta::preamble("WRITE", run, time, partitioned);
            commit.extend(actions);
            (version, delta::append(&folder, &lake.tmp(), version, &commit)?)
        }
    };
    Ok(TablePin { name, id, partitioned, version, log, columns, files })
}

/// Writes the changed months of all tables side by side. What is still to be made is made by as many threads as there are
/// processors, each of which holds one month in memory; what is encoded already is copied by those that wait for the disk.
fn write_all(
    lake: &Lake,
    plans: &[Plan],
    fresh: Vec<Vec<Partition>>,
) -> Result<Vec<Vec<Written>>, LakeError> {
    let mut all: Vec<(usize, Partition)> = Vec::new();
    for (table, partitions) in fresh.into_iter().enumerate() {
        all.extend(partitions.into_iter().map(|partition| (table, partition)));
    }
    let is_encoded = all.iter().all(|(_, partition)| matches!(partition.content, Content::Staged(..)));
    let (tables, tmp) = (lake.tables(), lake.tmp());
    let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    let write = |(table, partition): (usize, Partition)| {
        let name = names[table];
        Ok((table, files::write(&tables.join(name), &tmp, name, partition)?))
    };
    let mut by_table: Vec<Vec<Written>> = plans.iter().map(|_| Vec::new()).collect();
    let mut all = all.into_iter();
    loop {
        let few: Vec<(usize, Partition)> = all.by_ref().take(OPEN).collect();
        if few.is_empty() {
            return Ok(by_table);
        }
        let side_by_side =
            || few.into_par_iter().with_max_len(1).map(write).collect::<Result<Vec<_>, LakeError>>();
        let written = if is_encoded { waiting(side_by_side) } else { side_by_side() };
        let mut files = Vec::new();
        for (table, (written, file)) in written? {
            // Known from here on, so that it goes again if anything fails.
            by_table[table].push(written);
            files.push(file);
        }
        settle_all(files)?;
    }
}

/// Raw exports are the source of truth: a run that names one that is not kept could never be rebuilt.
fn check_stored(lake: &Lake, draft: &Draft) -> Result<(), LakeError> {
    let missing = |what: String, blake3: &str| Err(LakeError::NotStored { what, blake3: blake3.to_owned() });
    for input in &draft.inputs {
        if !lake.raw.has(&input.blake3)? {
            return missing(format!("the export {}", input.path), &input.blake3);
        }
    }
    for object in draft.objects.iter().chain(&draft.outputs).chain([&draft.pipeline]) {
        if !lake.objects.has(&object.blake3)? {
            return missing(object.name.clone(), &object.blake3);
        }
    }
    match &draft.cells {
        Some(cells) if !lake.objects.has(cells)? => missing("cells".to_owned(), cells),
        _ => Ok(()),
    }
}

fn milliseconds(text: &str) -> Result<i64, LakeError> {
    let time: jiff::Timestamp = text.parse().map_err(|_| LakeError::Time { text: text.to_owned() })?;
    Ok(time.as_millisecond())
}

/// Delta counts bytes with a sign.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// For tests: dies between Delta's commits and the ledger.
#[cfg(test)]
pub(super) fn commit_then_die(lake: &Lake, draft: &Draft, tables: Vec<TableWrite>) -> Result<(), LakeError> {
    let time = milliseconds(&draft.published_at)?;
    let latest = lake.ledger.latest()?.map(|(entry, _)| entry);
    let tables = write_plans(lake, plan(lake, latest.as_ref(), tables)?)?;
    publish_tables(lake, latest.as_ref(), tables, latest.as_ref().map_or(1, |entry| entry.run + 1), time)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use arrow::array::{Array, Int64Array, RecordBatch};

    use super::*;
    use crate::lake::testing::{batch, change, codes, draft, lake, next, publish, rows, samples, table};

    fn parquet_files(lake: &Lake) -> usize {
        let months = fs::read_dir(lake.tables().join("samples")).expect("lists").flatten();
        let months = months.map(|entry| entry.path()).filter(|path| !path.ends_with("_delta_log"));
        months.map(|month| fs::read_dir(month).expect("lists").count()).sum()
    }

    fn version(lake: &Lake) -> u64 {
        lake.logs.state(&lake.tables().join("samples"), None).expect("reads").expect("is there").version
    }

    #[test]
    fn what_is_committed_is_read_back() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let entry = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        let may = rows(&lake, &entry, "samples", Some("2020-05")).expect("reads");
        let expected = batch(&["S1", "S2"]);
        assert_eq!(may.len(), 1);
        for field in expected.schema().fields() {
            let (was, is) = (expected.column_by_name(field.name()), may[0].column_by_name(field.name()));
            let was =
                arrow::compute::cast(was.expect("there"), is.expect("there").data_type()).expect("casts");
            assert_eq!(&was, is.expect("there"), "{}", field.name());
        }
        let files = lake.files(&entry, "samples").expect("lists");
        assert_eq!(files.iter().map(|file| file.month.as_str()).collect::<Vec<_>>(), ["2020-05", "2020-06"]);
        assert_eq!(lake.latest().expect("reads"), Some(entry.clone()));
        assert!(matches!(rows(&lake, &entry, "duties", None), Err(LakeError::NoTable { .. })));
    }

    #[test]
    fn a_run_that_says_nothing_new_writes_nothing() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        let later = Draft { published_at: "2021-02-04T08:00:00Z".to_owned(), ..draft() };
        let again = lake.commit(&lock, later, vec![table("samples", samples())]).expect("commits");
        assert_eq!(again, Committed::Unchanged(1));
        assert_eq!((lake.entries().expect("reads").len(), version(&lake)), (1, 0));
        // Other words about the same rows are a new run, but no new version.
        publish(&lake, &lock, next(draft()), vec![table("samples", samples())]);
        assert_eq!((lake.entries().expect("reads").len(), version(&lake)), (2, 0));
    }

    #[test]
    fn only_the_month_that_changed_is_written() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let first = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        let second = publish(&lake, &lock, draft(), vec![table("samples", change(samples(), "2020-06"))]);
        assert_eq!((parquet_files(&lake), version(&lake)), (3, 1));
        assert_eq!(first.tables[0].files[0], second.tables[0].files[0]);
        assert_eq!(codes(&lake, &first), ["S1", "S2", "S3"], "what was known then");
        assert_eq!(codes(&lake, &second), ["S1", "S2", "S3", "S9"]);
        let third = publish(&lake, &lock, draft(), vec![table("samples", samples()[..1].to_vec())]);
        assert_eq!(codes(&lake, &third), ["S1", "S2"], "a month that is gone");
        // Back to what was: the old file is there still.
        let fourth = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        assert_eq!((codes(&lake, &fourth), parquet_files(&lake)), (codes(&lake, &first), 3));
    }

    #[test]
    fn what_is_prepared_and_not_committed_is_gone_again() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let first = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        publish(&lake, &lock, draft(), vec![table("samples", change(samples(), "2020-06"))]);
        let prepare = |months| {
            let prepared = lake.prepare(&lock, &draft().published_at, vec![table("samples", months)]);
            let written = parquet_files(&lake);
            drop(prepared.expect("writes"));
            (written, parquet_files(&lake))
        };
        assert_eq!(prepare(change(samples(), "2020-05")), (4, 3));
        assert_eq!(prepare(samples()), (3, 3), "the file of an earlier run stays");
        assert_eq!(codes(&lake, &first), ["S1", "S2", "S3"]);
    }

    #[test]
    fn a_run_that_died_before_the_ledger_never_was() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        // Dies in the first run of all, then in a later one.
        commit_then_die(&lake, &draft(), vec![table("samples", change(samples(), "2020-05"))]).expect("dies");
        assert_eq!(lake.latest().expect("reads"), None);
        let first = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        let wider = |codes: &'static [&'static str]| {
            let make = move || {
                let note: Arc<dyn Array> = Arc::new(Int64Array::from(vec![1; codes.len()]));
                let narrow = batch(codes);
                let fields =
                    narrow.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
                let columns = fields.into_iter().zip(narrow.columns().to_vec());
                RecordBatch::try_from_iter_with_nullable(
                    columns.chain([("note".to_owned(), note)]).map(|(name, array)| (name, array, true)),
                )
            };
            let partition = Partition::new("2020-07", "wider", make);
            let mut write = table("samples", samples());
            write.partitions.push(partition);
            vec![write]
        };
        commit_then_die(&lake, &draft(), wider(&["S7"])).expect("dies");
        assert_eq!(codes(&lake, &lake.latest().expect("reads").expect("one")), ["S1", "S2", "S3"]);
        let ahead = version(&lake);
        // The next run has nothing new to say, and yet the table is put back for foreign readers.
        let again = lake.commit(&lock, draft(), vec![table("samples", samples())]).expect("commits");
        assert_eq!((again, version(&lake)), (Committed::Unchanged(1), ahead + 1));
        let state = lake.logs.state(&lake.tables().join("samples"), None).expect("reads").expect("is there");
        assert!(state.equals(&first.tables[0].files));
        let again = lake.commit(&lock, draft(), vec![table("samples", samples())]).expect("commits");
        assert_eq!((again, version(&lake)), (Committed::Unchanged(1), ahead + 1), "put back once");
        // And the run that had died goes through, with its new column.
        let second = publish(&lake, &lock, draft(), wider(&["S7"]));
        assert_eq!(codes(&lake, &second), ["S1", "S2", "S3", "S7"]);
        let may = rows(&lake, &second, "samples", Some("2020-05")).expect("reads");
        assert_eq!(may[0].column_by_name("note").expect("there").null_count(), 2);
        assert_eq!(lake.verify(None).expect("verifies").damage, []);
    }

    #[test]
    fn a_table_may_be_whole_and_may_be_emptied() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let whole = |digest: &str, codes: &'static [&'static str]| TableWrite {
            name: "samples".to_owned(),
            partitioned: false,
            partitions: vec![Partition::new("", digest, move || Ok(batch(codes)))],
        };
        let first = publish(&lake, &lock, draft(), vec![whole("a", &["E1", "E2"])]);
        assert_eq!(codes(&lake, &first), ["E1", "E2"]);
        assert_eq!(lake.files(&first, "samples").expect("lists")[0].month, "");
        let empty = TableWrite { partitions: Vec::new(), ..whole("", &[]) };
        let second = publish(&lake, &lock, draft(), vec![empty]);
        assert!(codes(&lake, &second).is_empty());
        // A digest that changes over equal rows is no change for Delta.
        let third = publish(&lake, &lock, draft(), vec![whole("b", &["E1"])]);
        let fourth = publish(&lake, &lock, draft(), vec![whole("c", &["E1"])]);
        assert_eq!(third.tables[0].version, fourth.tables[0].version);
        // Cut by month from now on.
        let fifth = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        assert_eq!(codes(&lake, &fifth), ["S1", "S2", "S3"]);
    }

    #[test]
    fn the_second_run_finds_the_lake_locked() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let other = Lake::open(&lake.root).expect("opens");
        assert!(
            matches!(other.lock(false), Err(LakeError::Locked { by }) if by == std::process::id().to_string())
        );
        drop(lock);
        let lock = other.lock(true).expect("locks");
        let (_root, stranger) = super::super::testing::lake();
        assert!(matches!(stranger.commit(&lock, draft(), Vec::new()), Err(LakeError::WrongLock { .. })));
    }

    #[test]
    fn what_cannot_be_stored_is_refused_before_anything_is_published() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let refused = |draft: Draft, tables| lake.commit(&lock, draft, tables).expect_err("is refused");
        let input = super::super::Input { blake3: "0".repeat(64), ..Default::default() };
        let unarchived = Draft { inputs: vec![input], ..draft() };
        assert!(matches!(refused(unarchived, Vec::new()), LakeError::NotStored { .. }));
        for (name, month) in [("../x", "2020-05"), ("samples", "2020-5"), ("samples", "../../x")] {
            assert!(matches!(
                refused(draft(), vec![table(name, vec![(month, vec!["S1"])])]),
                LakeError::Name { .. }
            ));
        }
        let timeless = Draft { published_at: "yesterday".to_owned(), ..draft() };
        assert!(matches!(refused(timeless, Vec::new()), LakeError::Time { .. }));
        assert_eq!(lake.latest().expect("reads"), None);
        assert!(matches!(Lake::open(&lake.root.join("nowhere")), Err(LakeError::Missing { .. })));
        assert!(Lake::open_or_create(&lake.root.join("tables")).is_ok(), "an empty folder");
        assert!(Lake::open_or_create(&lake.root).is_ok());
    }
}
