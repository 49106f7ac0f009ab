//! The laws of a simulation as a whole.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use super::*;

type Check = Result<(), Box<dyn Error>>;

/// Every file of a simulation by name.
fn bytes(folder: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    std::fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?))
        })
        .collect()
}

fn small(seed: u64, layout: Layout, out: &Path) -> Options {
    Options { samples: 300, months: 3, ..Options::new(seed, layout, out.to_owned()) }
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_seed_others() -> Check {
    for layout in [Layout::County, Layout::Flat] {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
        for (folder, seed) in folders.iter().zip([7, 7, 8]) {
            simulate(&small(seed, layout, folder.path()))?;
        }
        let [one, same, other] =
            [bytes(folders[0].path())?, bytes(folders[1].path())?, bytes(folders[2].path())?];
        assert!(one == same);
        assert!(one.keys().eq(other.keys()));
        assert!(one["truth.json"] != other["truth.json"]);
    }
    Ok(())
}

#[test]
fn rows_add_up_in_every_file() -> Check {
    for (layout, dirt) in
        [(Layout::County, true), (Layout::County, false), (Layout::Flat, true), (Layout::Flat, false)]
    {
        let folder = tempfile::tempdir()?;
        let summary = simulate(&Options { dirt, ..small(7, layout, folder.path()) })?;
        for file in &summary.files {
            let rows = file.tally.rows;
            assert_eq!(
                rows.read,
                rows.accepted + rows.rejected + rows.duplicate + rows.superseded,
                "{}",
                file.name
            );
            let refused: u64 = file.tally.lines.values().sum();
            assert!(refused >= rows.rejected, "{}", file.name);
            assert!(dirt || (refused, rows.duplicate) == (0, 0), "{} is clean", file.name);
            assert_eq!(std::fs::metadata(folder.path().join(&file.name))?.len(), file.bytes, "{}", file.name);
        }
    }
    Ok(())
}

#[test]
fn every_kind_of_dirt_occurs_at_default_scale() -> Check {
    use Code::*;
    for seed in [2020, 7] {
        let folder = tempfile::tempdir()?;
        let summary = simulate(&Options::new(seed, Layout::County, folder.path().to_owned()))?;
        let mut all = Tally::default();
        summary.files.iter().for_each(|file| all.add(&file.tally));
        for code in
            [MissingValue, BadCode, BadDate, BadNumber, UnknownValue, BadRow, LostExponent, BadResult, Orphan]
        {
            assert!(all.lines.get(&code).is_some_and(|count| *count > 0), "{code:?} with seed {seed}");
        }
        assert!(all.rows.duplicate > 0 && all.rows.superseded > 20);
        assert!(summary.files.iter().map(|file| file.bytes).sum::<u64>() < 6_000_000);
        let (_, cases) = summary.truth.figure(Figure::NationalDisposalRate);
        assert!(cases.is_some_and(|cases| cases >= 3));
    }
    Ok(())
}

#[test]
fn clean_and_dirty_counties_tell_the_same_stories() -> Check {
    let [dirty, clean] = [tempfile::tempdir()?, tempfile::tempdir()?];
    let dirty = simulate(&small(7, Layout::County, dirty.path()))?;
    let clean = simulate(&Options { dirt: false, ..small(7, Layout::County, clean.path()) })?;
    for figure in Figure::ALL.iter().copied() {
        let ((_, dirty), (_, clean)) = (dirty.truth.figure(figure), clean.truth.figure(figure));
        let gap = clean.unwrap_or(0).abs_diff(dirty.unwrap_or(0));
        assert!(gap * 8 <= clean.unwrap_or(0).max(16), "{figure:?}");
    }
    Ok(())
}

#[test]
fn options_out_of_range_are_refused() {
    for (samples, months) in [(0, 12), (MAX_SAMPLES + 1, 12), (10, 0), (10, MAX_MONTHS + 1)] {
        let options = Options { samples, months, ..Options::new(1, Layout::County, "never-made".into()) };
        assert!(matches!(simulate(&options), Err(SimulateError::OutOfRange { .. })));
    }
    assert!(!Path::new("never-made").exists());
}
