//! The simulated county: every published figure against the truth that the generator counted itself.

use std::path::Path;

use super::support::{assay_ok, json, no_personal_data, pipeline, records, root, rows, workshop};

fn run_and_compare(data: &Path, folder: &Path) {
    let truth = json(&data.join("truth.json"));
    let as_of = truth["as_of"].as_str().expect("a day");
    let param = format!("data={}", data.display());
    assay_ok(folder, &["run", &pipeline("xiping-2020.toml"), "--param", &param, "--as-of", as_of, "--quiet"]);
    let out = folder.join("out");

    let run = json(&out.join("run.json"));
    rows(&run);
    assert_eq!(run["rows"], truth["rows"], "rows");
    assert_eq!(run["rejections"], truth["rejections"], "rejections");

    let scorecard = records(&out.join("scorecard.csv"));
    let figures = truth["figures"].as_object().expect("figures");
    assert_eq!(scorecard.len(), 19);
    assert_eq!(figures.len(), 19);
    for (id, figure) in figures {
        let row = scorecard.iter().find(|row| row["indicator"] == *id).expect(id);
        let number = |name: &str| row[name].parse::<u64>().ok();
        assert_eq!(number("numerator"), figure["numerator"].as_u64(), "{id}: numerator");
        assert_eq!(number("denominator"), figure["denominator"].as_u64(), "{id}: denominator");
    }

    let by_region = records(&out.join("indicators.csv"));
    let more = truth["more"].as_object().expect("figures beside the scorecard");
    assert_eq!(more.len(), 14);
    for (id, figure) in more {
        let row = by_region.iter().find(|row| row["indicator"] == *id && row["by"].is_empty()).expect(id);
        let number = |name: &str| row[name].parse::<u64>().ok();
        assert_eq!(number("numerator"), figure["numerator"].as_u64(), "{id}: numerator");
        assert_eq!(number("denominator"), figure["denominator"].as_u64(), "{id}: denominator");
    }
    for (region, batches) in truth["regions"].as_object().expect("regions") {
        let row = by_region.iter().find(|row| {
            row["indicator"] == "batches_per_thousand" && row["by"] == "region" && row["region"] == *region
        });
        let found = row.map_or(0, |row| row["numerator"].parse().expect("a count"));
        assert_eq!(Some(found), batches.as_u64(), "batches in {region}");
    }
    // Months are those of the year so far, and hold between them what the whole holds.
    let months: Vec<_> = by_region
        .iter()
        .filter(|row| row["indicator"] == "batches_per_thousand" && row["by"] == "month")
        .map(|row| (row["month"].clone(), row["numerator"].parse::<u64>().expect("a count")))
        .collect();
    let (year, last) = (&as_of[..4], as_of[5..7].parse::<usize>().expect("a month"));
    let named: Vec<String> = (1..=last).map(|month| format!("{year}-{month:02}")).collect();
    assert_eq!(months.iter().map(|(month, _)| month.clone()).collect::<Vec<_>>(), named);
    let whole = figures["batches_per_thousand"]["numerator"].as_u64();
    assert_eq!(Some(months.iter().map(|(_, n)| n).sum()), whole, "batches of the months");
    let published = std::fs::read_dir(&out).expect("a report").map(|entry| entry.expect("an entry").path());
    no_personal_data(&truth, &published.collect::<Vec<_>>());
}

#[test]
fn the_shipped_county_tells_its_truth() {
    let folder = workshop();
    run_and_compare(&root().join("data-samples/xiping-2020"), folder.path());
}

#[test]
fn counties_of_other_seeds_and_sizes_tell_their_truth() {
    for (seed, samples, months) in [(7, 2760, 12), (99, 400, 12), (3, 60, 3), (11, 900, 14)] {
        let folder = workshop();
        let (seed, samples, months) = (seed.to_string(), samples.to_string(), months.to_string());
        let arguments = [
            "simulate",
            "--seed",
            &seed,
            "--samples",
            &samples,
            "--months",
            &months,
            "--out",
            "data",
            "--quiet",
        ];
        assay_ok(folder.path(), &arguments);
        run_and_compare(&folder.path().join("data"), folder.path());
    }
}

#[test]
fn the_flat_layout_tells_its_truth() {
    for (encoding, dirt) in [("utf8", false), ("gb18030", true)] {
        let folder = workshop();
        let mut arguments = vec![
            "simulate",
            "--layout",
            "flat",
            "--samples",
            "300",
            "--encoding",
            encoding,
            "--out",
            "data",
            "--quiet",
        ];
        arguments.extend(dirt.then_some("--dirt"));
        assay_ok(folder.path(), &arguments);
        let truth = json(&folder.path().join("data/truth.json"));
        assay_ok(folder.path(), &["run", &pipeline("flat.toml"), "--param", "file=data/flat.csv", "--quiet"]);
        let run = json(&folder.path().join("out/run.json"));
        assert_eq!(run["rows"], truth["rows"], "{encoding}");
        assert_eq!(run["rejections"], truth["rejections"], "{encoding}");
        let scorecard = records(&folder.path().join("out/scorecard.csv"));
        for (id, figure) in truth["figures"].as_object().expect("figures") {
            let row = scorecard.iter().find(|row| row["indicator"] == *id).expect(id);
            assert_eq!(row["numerator"].parse::<u64>().ok(), figure["numerator"].as_u64(), "{id}");
            assert_eq!(row["denominator"].parse::<u64>().ok(), figure["denominator"].as_u64(), "{id}");
        }
    }
}
