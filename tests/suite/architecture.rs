//! The dependency rule of `src/ARCHITECTURE.md`, read off the `use` lines.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::root;

/// Stages in the order of the flow: each may use those before it, none behind it.
const FLOW: [&str; 8] = ["source", "normalize", "validate", "judge", "lake", "cube", "indicator", "report"];
/// What every stage may use.
const SHARED: [&str; 4] = ["model", "column", "reference", "lanes"];

fn may_use(room: &str, other: &str) -> bool {
    if room == other {
        return true;
    }
    match room {
        "model" | "lanes" => false,
        "column" => other == "model",
        "reference" => other == "model",
        "simulate" => other == "model",
        "query" => ["model", "lake"].contains(&other),
        "pipeline" => FLOW.contains(&other) || SHARED.contains(&other),
        "cli" => other != "main",
        "main" => other == "cli",
        stage => {
            let position = |name: &str| FLOW.iter().position(|own| *own == name);
            let before =
                matches!((position(stage), position(other)), (Some(own), Some(other)) if other < own);
            // The lake stores bytes and batches: it knows nothing of what they mean.
            SHARED.contains(&other) || (before && stage != "lake")
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // Modules of these names are compiled for tests alone.
            let for_tests = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing");
            if !for_tests {
                found.push(path);
            }
        }
    }
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("in src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn rooms_use_only_what_lies_before_them() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut seen = 0;
    for path in files {
        let room = room_of(&path);
        if room == "lib" {
            continue;
        }
        let text = fs::read_to_string(&path).expect("reads");
        // Tests may reach anywhere; the rule is about what is shipped.
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for part in shipped.split("crate::").skip(1) {
            let other: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            seen += 1;
            assert!(may_use(&room, &other), "{}: `{room}` must not use `{other}`", path.display());
        }
    }
    assert!(seen > 100, "the test reads the sources");
}

#[test]
fn files_stay_small_enough_to_be_at_home_in() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for path in files {
        let lines = fs::read_to_string(&path).expect("reads").lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_library_neither_prints_nor_exits_nor_reads_the_environment() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    // What links the program speaks to cargo, and is no part of the library.
    for path in files.iter().filter(|path| !["cli", "main", "build"].contains(&room_of(path).as_str())) {
        let text = fs::read_to_string(path).expect("reads");
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for word in
            ["println!", "eprintln!", "print!(", "process::exit", "env::var", "home_dir", "SystemTime::now"]
        {
            assert!(!shipped.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn shipped_code_has_no_careless_ends() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for path in files {
        let text = fs::read_to_string(&path).expect("reads");
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for word in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "TODO", "FIXME", "dbg!("] {
            assert!(!shipped.contains(word), "{}: {word}", path.display());
        }
    }
}
