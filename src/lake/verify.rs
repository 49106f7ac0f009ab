use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use super::blobs::{Blobs, fault};
use super::delta::log_path;
use super::{Entry, Lake, LakeError, TablePin};

/// What was looked at and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    pub entries: usize,
    /// Files known to the lake: raw exports, objects, data files, Delta commits.
    pub files: usize,
    /// Those of them whose content was read.
    pub read: usize,
    pub bytes: u64,
    pub damage: Vec<Damage>,
}

/// One damaged file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub part: Part,
    pub path: PathBuf,
    /// Of a data file or a Delta log.
    pub table: Option<String>,
    pub month: Option<String>,
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Ledger,
    Raw,
    Object,
    Data,
    /// Only foreign readers are misled by this: our own read pins.
    DeltaLog,
}

/// A file, and what the ledger or its own name says about it.
struct Claim {
    part: Part,
    table: Option<String>,
    month: Option<String>,
    blake3: String,
    bytes: Option<u64>,
}

/// Checks the whole ledger, presence and length of every file, and the content of a share of them.
pub(super) fn verify(lake: &Lake, subset: Option<f64>) -> Result<VerifyReport, LakeError> {
    let mut report = VerifyReport::default();
    let mut claims: BTreeMap<PathBuf, Claim> = BTreeMap::new();
    stored(&lake.raw, Part::Raw, &mut claims)?;
    stored(&lake.objects, Part::Object, &mut claims)?;
    for read in lake.ledger.walk()? {
        match read {
            Ok((entry, _)) => {
                report.entries += 1;
                pinned(lake, &entry, &mut claims)?;
            }
            Err(error) => report.damage.push(ledger_damage(lake, &error)),
        }
    }
    if let Ok(Some(latest)) = lake.latest() {
        report.damage.extend(latest.tables.iter().filter_map(|table| misread(lake, table)));
    }
    let chosen = choose(claims.keys(), subset);
    report.files = claims.len();
    for (path, claim) in &claims {
        let fault = match fs::metadata(path) {
            Err(error) => Some(error.to_string()),
            Ok(found) if claim.bytes.is_some_and(|bytes| bytes != found.len()) => {
                let expected = claim.bytes.unwrap_or_default();
                Some(format!("{} bytes long instead of {expected}", found.len()))
            }
            Ok(found) if chosen.contains(path.as_path()) => {
                report.read += 1;
                report.bytes += found.len();
                fault(path, &claim.blake3)
            }
            Ok(_) => None,
        };
        if let Some(what) = fault {
            let (table, month) = (claim.table.clone(), claim.month.clone());
            report.damage.push(Damage { part: claim.part, path: path.clone(), table, month, what });
        }
    }
    Ok(report)
}

/// Everything that lies in a content-addressed folder claims to be what its name says.
fn stored(blobs: &Blobs, part: Part, claims: &mut BTreeMap<PathBuf, Claim>) -> Result<(), LakeError> {
    for (path, blake3) in blobs.list()? {
        claims.insert(path, Claim { part, table: None, month: None, blake3, bytes: None });
    }
    Ok(())
}

/// Everything that an entry names, also if it is not there.
fn pinned(lake: &Lake, entry: &Entry, claims: &mut BTreeMap<PathBuf, Claim>) -> Result<(), LakeError> {
    let raw = entry.draft.inputs.iter().map(|input| (&lake.raw, Part::Raw, &input.blake3));
    let cells = entry.draft.cells.iter().map(|hash| (&lake.objects, Part::Object, hash));
    let named = entry.draft.objects.iter().chain(&entry.draft.outputs).chain([&entry.draft.pipeline]);
    let objects = named.map(|object| (&lake.objects, Part::Object, &object.blake3));
    for (blobs, part, hash) in raw.chain(cells).chain(objects) {
        let claim = Claim { part, table: None, month: None, blake3: hash.clone(), bytes: None };
        claims.entry(blobs.path(hash)?).or_insert(claim);
    }
    for table in &entry.tables {
        let folder = lake.tables().join(&table.name);
        let (name, log) = (Some(table.name.clone()), table.log.clone());
        let claim = Claim { part: Part::DeltaLog, table: name, month: None, blake3: log, bytes: None };
        claims.insert(log_path(&folder, table.version), claim);
        for file in &table.files {
            let (part, table, month) = (Part::Data, Some(table.name.clone()), Some(file.month.clone()));
            let claim = Claim { part, table, month, blake3: file.blake3.clone(), bytes: Some(file.bytes) };
            claims.insert(folder.join(&file.path), claim);
        }
    }
    Ok(())
}

/// Whether Delta, which replays its log from the start, arrives at the files of the pin.
fn misread(lake: &Lake, table: &TablePin) -> Option<Damage> {
    let path = lake.tables().join(&table.name);
    let what = match lake.logs.state(&path, Some(table.version)) {
        Ok(Some(state)) if state.equals(&table.files) => return None,
        Ok(_) => "Delta's log does not lead to the files that the ledger pins".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(Damage { part: Part::DeltaLog, path, table: Some(table.name.clone()), month: None, what })
}

fn ledger_damage(lake: &Lake, error: &LakeError) -> Damage {
    let (path, what) = match error {
        LakeError::Damaged { path, what } => (path.clone(), what.clone()),
        other => (lake.ledger.folder.clone(), other.to_string()),
    };
    Damage { part: Part::Ledger, path, table: None, month: None, what }
}

/// A share of the files, at least one, from a random place on: checked often enough, all get their turn.
fn choose<'a>(paths: impl Iterator<Item = &'a PathBuf>, subset: Option<f64>) -> BTreeSet<&'a Path> {
    let mut paths: Vec<&Path> = paths.map(PathBuf::as_path).collect();
    let Some(share) = subset else { return paths.into_iter().collect() };
    if paths.is_empty() {
        return BTreeSet::new();
    }
    // Neighbours in the alphabet are neighbours on disk; the hash of the path mixes them.
    paths.sort_by_cached_key(|path| *blake3::hash(path.as_os_str().as_encoded_bytes()).as_bytes());
    let wanted = (share.clamp(0.0, 1.0) * paths.len() as f64).ceil().max(1.0) as usize;
    let start = RandomState::new().build_hasher().finish() % paths.len() as u64;
    let start = usize::try_from(start).unwrap_or(0);
    paths.iter().cycle().skip(start).take(wanted.min(paths.len())).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::testing::{change, draft, lake, publish, rows, samples, table};
    use crate::lake::{Draft, Named};

    fn damage(lake: &Lake) -> Vec<Damage> {
        lake.verify(None).expect("verifies").damage
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let export = lake.root.join("export.csv");
        fs::write(&export, "样品编号\n1\n").expect("writes");
        let hash = blake3::hash("样品编号\n1\n".as_bytes()).to_hex().to_string();
        lake.archive(&lock, &export, Some(&hash), |_| {}).expect("archives");
        publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        publish(&lake, &lock, draft(), vec![table("samples", change(samples(), "2020-06"))]);
        assert_eq!(damage(&lake), []);

        let mut files = 0;
        for folder in ["raw", "objects", "tables", "ledger"] {
            for path in walk(&lake.root.join(folder)) {
                files += 1;
                let good = fs::read(&path).expect("reads");
                // Every byte of the small files, a spread over the large ones.
                for position in (0..good.len()).step_by(1 + good.len() / 40) {
                    let mut bad = good.clone();
                    bad[position] ^= 1 << (position % 8);
                    fs::write(&path, &bad).expect("writes");
                    let found = lake.verify(None).map(|report| report.damage);
                    assert!(
                        found.is_err() || found.is_ok_and(|found| !found.is_empty()),
                        "{path:?} {position}"
                    );
                }
                fs::write(&path, &good).expect("writes");
            }
        }
        assert_eq!(files, 1 + 1 + (3 + 2) + (2 + 1), "raw, object, data and log, entries and head");
        assert_eq!(damage(&lake), []);
    }

    #[test]
    fn damage_names_table_and_month_and_a_reader_never_sees_it() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let entry = publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        let file = lake.files(&entry, "samples").expect("lists").remove(1);
        let path = lake.data_path("samples", &file);
        let mut bytes = fs::read(&path).expect("reads");
        bytes[20] ^= 4;
        fs::write(&path, &bytes).expect("writes");
        let found = damage(&lake).remove(0);
        assert_eq!((found.table.as_deref(), found.month.as_deref()), (Some("samples"), Some("2020-06")));
        assert!(rows(&lake, &entry, "samples", Some("2020-05")).is_ok());
        assert!(matches!(rows(&lake, &entry, "samples", None), Err(LakeError::Damaged { .. })));
        // Mending: what is gone is written again by the next run, under the same name.
        fs::remove_file(&path).expect("removes");
        assert_eq!(damage(&lake).len(), 1);
        publish(&lake, &lock, crate::lake::testing::next(draft()), vec![table("samples", samples())]);
        assert_eq!(damage(&lake), []);
    }

    #[test]
    fn a_share_is_checked_as_a_share() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        publish(&lake, &lock, draft(), vec![table("samples", samples())]);
        let report = lake.verify(Some(0.01)).expect("verifies");
        assert_eq!((report.files, report.read), (4, 1), "two data files, a Delta commit, the pipeline");
    }

    #[test]
    fn whatever_an_entry_names_is_missed() {
        let (_root, lake) = lake();
        let lock = lake.lock(false).expect("locks");
        let store = |text: &str| {
            let blake3 = lake.put_object(&lock, text.as_bytes()).expect("stores");
            Named { name: text.to_owned(), blake3 }
        };
        let whole = Draft {
            outputs: vec![store("report")],
            objects: vec![store("seeds")],
            cells: Some(store("cells").blake3),
            ..draft()
        };
        publish(&lake, &lock, whole, vec![table("samples", samples())]);
        for path in walk(&lake.root.join("objects")) {
            let content = fs::read(&path).expect("reads");
            fs::remove_file(&path).expect("removes");
            let found = damage(&lake);
            assert_eq!(found.iter().map(|own| &own.path).collect::<Vec<_>>(), [&path]);
            fs::write(&path, content).expect("writes");
        }
        assert_eq!(damage(&lake), []);
    }

    fn walk(folder: &Path) -> Vec<PathBuf> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() { all.extend(walk(&path)) } else { all.push(path) }
        }
        all
    }
}
