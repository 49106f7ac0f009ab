//! What the documents say is run: examples of `pipelines/README.md`, keys, paths.

use std::fs;

use super::support::{assay_ok, json, records, root, rows, workshop};

/// Fenced blocks of a Markdown text: information string and content.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, content)), None) => {
                content.push_str(line);
                content.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn pipelines_readme() -> String {
    fs::read_to_string(root().join("pipelines/README.md")).expect("the README of the pipelines")
}

#[test]
fn every_example_of_the_pipelines_readme_runs_as_it_says() {
    let mut examples = 0;
    for chapter in pipelines_readme().split("\n## ").skip(1) {
        let folder = workshop();
        let mut pipeline = None;
        for (info, content) in blocks(chapter) {
            if let Some(name) = info.split_whitespace().find_map(|word| word.strip_prefix("file=")) {
                fs::write(folder.path().join(name), &content).expect("writes");
                if name.ends_with(".toml") {
                    pipeline = Some(name.to_owned());
                }
            }
            if info != "expect" {
                continue;
            }
            let pipeline = pipeline.as_deref().expect("a pipeline before what it is expected to do");
            assay_ok(folder.path(), &["run", pipeline, "--quiet"]);
            let counts = rows(&json(&folder.path().join("out/run.json")));
            for line in content.lines() {
                if let Some(expected) = line.strip_prefix("rows ") {
                    let [read, accepted, rejected, duplicate, superseded] = counts;
                    let found = format!(
                        "read {read} accepted {accepted} rejected {rejected} duplicate {duplicate} superseded {superseded}"
                    );
                    assert_eq!(found, expected, "{pipeline}");
                    continue;
                }
                let (id, expected) = line.split_once(' ').expect("an indicator and its numbers");
                let scorecard = records(&folder.path().join("out/scorecard.csv"));
                let row = scorecard.iter().find(|row| row["indicator"] == id).expect(id);
                let found = match row["denominator"].as_str() {
                    "" => row["numerator"].clone(),
                    denominator => format!("{}/{denominator}", row["numerator"]),
                };
                assert_eq!(found, expected, "{pipeline}: {id}");
            }
            examples += 1;
        }
    }
    assert!(examples >= 4, "{examples} examples");
}

#[test]
fn every_key_of_a_pipeline_is_documented() {
    use assay::pipeline::*;
    let text = pipelines_readme();
    let keys = [
        ROOT_KEYS,
        PIPELINE_KEYS,
        POPULATION_KEYS,
        DERIVE_KEYS,
        MEANS_KEYS,
        CUTS_KEYS,
        SHARE_KEYS,
        SOURCE_KEYS,
        COLUMN_KEYS,
        WIDE_KEYS,
        ATTRIBUTE_KEYS,
        INDICATOR_KEYS,
    ];
    for key in keys.into_iter().flatten() {
        let mentioned = text.contains(&format!("`{key}`"))
            || text.contains(&format!("[{key}"))
            || text.contains(&format!(".{key}]"));
        assert!(mentioned, "pipelines/README.md does not explain `{key}`");
    }
}

#[test]
fn every_shipped_pipeline_parses() {
    for entry in fs::read_dir(root().join("pipelines")).expect("pipelines") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).expect("reads");
            if let Err(invalid) = assay::pipeline::parse(&path, &text) {
                panic!("{}: {:?}", path.display(), invalid.problems);
            }
        }
    }
}

#[test]
fn paths_and_commands_named_in_markdown_exist() {
    for name in [
        "README.md",
        "pipelines/README.md",
        "seeds/README.md",
        "data-samples/README.md",
        "src/ARCHITECTURE.md",
        "benches/peers/README.md",
        "tests/fuzz/README.md",
    ] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.starts_with("http") && !target.starts_with('#') {
                let file = target.split('#').next().unwrap_or(target);
                assert!(path.parent().expect("a folder").join(file).exists(), "{name} links to {target}");
            }
        }
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = ["pipelines/", "seeds/", "src/", "data-samples/", "tests/", "benches/"]
                .iter()
                .any(|folder| word.starts_with(folder));
            if is_path && !word.contains(['*', ' ', '{', '<', '…']) {
                assert!(root().join(word).exists(), "{name} names {word}");
            }
            if let Some(command) = word.strip_prefix("assay ") {
                let verb = command.split_whitespace().next().unwrap_or_default();
                // Without the lake the program has fewer commands.
                let whole = cfg!(all(feature = "delta", feature = "query"));
                if whole && verb.chars().all(|c| c.is_ascii_lowercase()) {
                    assay_ok(&root(), &[verb, "--help"]);
                }
            }
        }
    }
}

#[test]
fn the_summary_that_the_readme_shows_is_the_one_that_is_printed() {
    let folder = workshop();
    let pipeline = super::support::pipeline("xiping-2020.toml");
    let printed = super::support::stderr(&assay_ok(folder.path(), &["run", &pipeline]));
    let text = fs::read_to_string(root().join("README.md")).expect("README");
    let shown = blocks(&text).into_iter().find(|(info, _)| info == "text").expect("a summary").1;
    let mut lines = 0;
    for line in shown.lines().map(|line| line.trim_end_matches('…').trim_end_matches([' ', ','])) {
        assert!(printed.contains(line), "README.md shows {line:?}, printed was\n{printed}");
        lines += usize::from(!line.is_empty());
    }
    assert!(lines >= 5);
}
