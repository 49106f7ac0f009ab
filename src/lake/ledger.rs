//! The list of published runs: `ledger/000001.json`, `000002.json` … An entry exists ⇔ its run is published.
//!
//! Three witnesses against bit rot, editing and restored backups:
//! - the **seal**, last line of an entry: BLAKE3 of the entry's own bytes with the seal's digits as zeros;
//! - the **chain**: each entry holds the BLAKE3 of the whole entry before it;
//! - the **head**: a small file with number and hash of the last entry, so that a lost tail is noticed. It is
//!   written after the entry, so after a crash it may lag by exactly one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::disk::{Readers, Taken, aside, at, names, settle};
use super::{Entry, LakeError};

/// Raised when an older program could not read what this one writes.
pub(super) const FORMAT: u32 = 1;

const UNSEALED: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What follows the seal's digits: closing quote and brace.
const TAIL: &str = "\"\n}\n";

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) folder: PathBuf,
    pub(super) tmp: PathBuf,
}

#[derive(Serialize)]
struct Sealed<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    seal: &'a str,
}

/// An entry and the BLAKE3 of its bytes.
pub(super) type Read = (Entry, String);

impl Ledger {
    pub(super) fn path(&self, run: u64) -> PathBuf {
        self.folder.join(format!("{run:06}.json"))
    }

    fn head_path(&self) -> PathBuf {
        self.folder.join("head")
    }

    /// Number of the last run, 0 if there is none.
    pub(super) fn last(&self) -> Result<u64, LakeError> {
        let numbers =
            names(&self.folder)?.into_iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok());
        Ok(numbers.max().unwrap_or(0))
    }

    /// One entry, its seal checked.
    pub(super) fn read(&self, run: u64) -> Result<Read, LakeError> {
        let path = self.path(run);
        let damaged = |what: &str| LakeError::Damaged { path: path.clone(), what: what.to_owned() };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged("the entry of this run is missing"));
            }
            Err(error) => return Err(at(&path)(error)),
        };
        let text = str::from_utf8(&bytes).map_err(|_| damaged("not UTF-8"))?;
        let (body, seal) = text
            .strip_suffix(TAIL)
            .and_then(|text| text.split_at_checked(text.len().checked_sub(UNSEALED.len())?))
            .ok_or_else(|| damaged("cut off"))?;
        if seal_of(body).as_str() != seal {
            return Err(damaged("its seal does not match"));
        }
        let entry: Entry = serde_json::from_str(text).or_else(|error| self.newer(&path, text, error))?;
        if entry.format > FORMAT {
            return Err(LakeError::Newer { path, format: entry.format, known: FORMAT });
        }
        if entry.run != run {
            return Err(damaged("it is the entry of another run"));
        }
        Ok((entry, blake3::hash(&bytes).to_hex().to_string()))
    }

    /// An entry that cannot be understood is most likely one of a later format: say so.
    fn newer(&self, path: &Path, text: &str, error: serde_json::Error) -> Result<Entry, LakeError> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let format =
            value.get("format").and_then(serde_json::Value::as_u64).and_then(|format| format.try_into().ok());
        match format {
            Some(format) if format > FORMAT => {
                Err(LakeError::Newer { path: path.to_owned(), format, known: FORMAT })
            }
            _ => Err(LakeError::Json(error)),
        }
    }

    /// The last entry, checked against the head.
    pub(super) fn latest(&self) -> Result<Option<Read>, LakeError> {
        loop {
            let last = self.last()?;
            let latest = if last == 0 { None } else { Some(self.read(last)?) };
            if !self.has_grown(latest.as_ref(), last)? {
                return Ok(latest);
            }
        }
    }

    /// Every entry from the first, with what is wrong in its place.
    pub(super) fn walk(&self) -> Result<Vec<Result<Read, LakeError>>, LakeError> {
        let mut all: Vec<Result<Read, LakeError>> = Vec::new();
        // The first entry has no predecessor; behind a damaged one there is nothing to compare with.
        let mut before = Some(None);
        let last = self.last()?;
        for run in 1..=last {
            let read = self.read(run).and_then(|(entry, hash)| match &before {
                Some(before) if *before != entry.previous => Err(LakeError::Damaged {
                    path: self.path(run),
                    what: "the chain breaks here: it does not follow the entry before it".to_owned(),
                }),
                _ => Ok((entry, hash)),
            });
            before = read.as_ref().ok().map(|(_, hash)| Some(hash.clone()));
            all.push(read);
        }
        match all.last() {
            None => {
                self.has_grown(None, last)?;
            }
            Some(Ok(latest)) => {
                if let Err(error) = self.has_grown(Some(latest), last) {
                    all.push(Err(error));
                }
            }
            Some(Err(_)) => {}
        }
        Ok(all)
    }

    /// Publishes: from the moment the entry has its name, the run is in the lake.
    pub(super) fn append(&self, entry: &Entry) -> Result<(), LakeError> {
        let unsealed = serde_json::to_string_pretty(&Sealed { entry, seal: UNSEALED })? + "\n";
        let body = unsealed.strip_suffix(&format!("{UNSEALED}{TAIL}")).unwrap_or(&unsealed);
        let text = format!("{body}{}{TAIL}", seal_of(body));
        let path = self.path(entry.run);
        // The head may lag by one entry, never by two.
        if let Some(previous) = &entry.previous {
            self.write_head(entry.run.saturating_sub(1), previous)?;
        }
        let mut file = aside(&self.tmp, Readers::Everyone)?;
        file.write_all(text.as_bytes()).map_err(at(&path))?;
        settle(file, &path, Taken::Refuse)?;
        // Published. The head only guards against losing this entry later, so its failure is not the run's.
        let _ = self.write_head(entry.run, blake3::hash(text.as_bytes()).to_hex().as_str());
        Ok(())
    }

    fn write_head(&self, run: u64, hash: &str) -> Result<(), LakeError> {
        let path = self.head_path();
        let mut file = aside(&self.tmp, Readers::Everyone)?;
        writeln!(file, "{run} {hash}").map_err(at(&path))?;
        settle(file, &path, Taken::Replace)
    }

    /// Checks the last entry against the head. True if another run was published since the end was looked for: then
    /// this entry is no longer the last, and nothing is wrong.
    fn has_grown(&self, latest: Option<&Read>, last: u64) -> Result<bool, LakeError> {
        match self.check_head(latest) {
            Ok(()) => Ok(false),
            Err(_) if self.last()? > last => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn check_head(&self, latest: Option<&Read>) -> Result<(), LakeError> {
        let path = self.head_path();
        let head = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(at(&path)(error)),
        };
        let expected = match latest {
            None => String::new(),
            Some((entry, hash)) => format!("{} {hash}\n", entry.run),
        };
        let lagging = match latest {
            Some((entry, _)) => match &entry.previous {
                Some(previous) => format!("{} {previous}\n", entry.run.saturating_sub(1)),
                None => String::new(),
            },
            None => String::new(),
        };
        if head == expected || head == lagging {
            return Ok(());
        }
        let what = "the last entry is not the one published last (an older ledger was restored, or an entry is lost)";
        Err(LakeError::Damaged { path, what: what.to_owned() })
    }
}

fn seal_of(body: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(body.as_bytes()).update(UNSEALED.as_bytes()).update(TAIL.as_bytes());
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::testing::draft;

    fn ledger(root: &Path) -> Ledger {
        let folder = root.join("ledger");
        let tmp = root.join("tmp");
        fs::create_dir_all(&folder).expect("creates");
        fs::create_dir_all(&tmp).expect("creates");
        Ledger { folder, tmp }
    }

    fn grow(ledger: &Ledger) {
        let latest = ledger.latest().expect("reads");
        let run = latest.as_ref().map_or(1, |(entry, _)| entry.run + 1);
        let previous = latest.map(|(_, hash)| hash);
        let entry = Entry { format: FORMAT, run, previous, draft: draft(), tables: Vec::new() };
        ledger.append(&entry).expect("appends");
    }

    #[test]
    fn an_entry_is_never_replaced() {
        let root = tempfile::tempdir().expect("temporary folder");
        let ledger = ledger(root.path());
        grow(&ledger);
        let (entry, _) = ledger.read(1).expect("reads");
        assert!(matches!(ledger.append(&entry), Err(LakeError::Conflict { .. })));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let root = tempfile::tempdir().expect("temporary folder");
        let ledger = ledger(root.path());
        (0..3).for_each(|_| grow(&ledger));
        for run in 1..=3 {
            let path = ledger.path(run);
            let good = fs::read(&path).expect("reads");
            for position in 0..good.len() {
                let mut bad = good.clone();
                bad[position] ^= 1;
                fs::write(&path, &bad).expect("writes");
                assert!(ledger.read(run).is_err(), "run {run}, byte {position}");
            }
            fs::write(&path, &good).expect("writes");
        }
        assert!(ledger.walk().expect("walks").iter().all(Result::is_ok));
    }

    #[test]
    fn a_lost_or_exchanged_entry_is_noticed() {
        let root = tempfile::tempdir().expect("temporary folder");
        let ledger = ledger(root.path());
        (0..3).for_each(|_| grow(&ledger));
        let faults = || ledger.walk().map_or(1, |all| all.iter().filter(|read| read.is_err()).count());
        assert_eq!(faults(), 0);
        let third = fs::read(ledger.path(3)).expect("reads");
        fs::remove_file(ledger.path(3)).expect("removes");
        assert_eq!(faults(), 1, "a lost tail");
        assert!(ledger.latest().is_err());
        fs::write(ledger.path(3), &third).expect("writes");
        let second = fs::read(ledger.path(2)).expect("reads");
        fs::remove_file(ledger.path(2)).expect("removes");
        assert!(faults() > 0, "a gap");
        fs::write(ledger.path(2), &second).expect("writes");
        assert_eq!(faults(), 0);
    }

    #[test]
    fn readers_are_not_alarmed_by_a_run_that_is_published_meanwhile() {
        let root = tempfile::tempdir().expect("temporary folder");
        let ledger = ledger(root.path());
        grow(&ledger);
        let seen = ledger.latest().expect("reads");
        assert!(!ledger.has_grown(seen.as_ref(), 1).expect("no damage"));
        // Between the look at the entry and the look at the head, two runs are published.
        (0..2).for_each(|_| grow(&ledger));
        assert!(ledger.has_grown(seen.as_ref(), 1).expect("no damage"));
        // But the same with the entries lost is damage.
        fs::remove_file(ledger.path(2)).and_then(|()| fs::remove_file(ledger.path(3))).expect("removes");
        assert!(ledger.has_grown(seen.as_ref(), 1).is_err());
    }

    #[test]
    fn a_crash_before_the_head_is_written_is_no_damage() {
        let root = tempfile::tempdir().expect("temporary folder");
        let ledger = ledger(root.path());
        grow(&ledger);
        let head = fs::read(ledger.head_path()).expect("reads");
        grow(&ledger);
        fs::write(ledger.head_path(), head).expect("writes");
        assert_eq!(ledger.latest().expect("reads").map(|(entry, _)| entry.run), Some(2));
        grow(&ledger);
        assert_eq!(ledger.walk().expect("walks").len(), 3);
    }
}
