//! From the file patterns of a source to the files themselves, each with its content hash.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rayon::prelude::*;

use super::RunError;
use super::file::PipelineFile;
use super::source_file::SourceFile;
use crate::model::{InputFile, Value};
use crate::normalize::{KEY_MIN, PseudonymKey};
use crate::source::hash_file;
use crate::validate::rank;

/// A file of a source, found.
#[derive(Debug, Clone)]
pub struct Input {
    pub path: PathBuf,
    pub file: InputFile,
    /// Named groups of the source's `file_pattern`; empty where the name does not match.
    pub captures: BTreeMap<String, String>,
    /// Length and moment of the last change when it was found; none for what cannot change.
    pub stamp: Option<(u64, SystemTime)>,
    /// A later file of its scope counts instead.
    pub superseded: bool,
}

/// Of a source whose files are snapshots, marks those that a later one of the same scope stands in for. The scope is
/// what the named groups of `file_pattern` say, all but the version.
pub fn mark_superseded(source: &SourceFile, inputs: &mut [Input]) {
    let Some(version) = source.version.as_deref().filter(|_| source.snapshot) else { return };
    let rank = |input: &Input| input.captures.get(version).map(|text| rank(&Value::text(text)));
    let scope = |input: &Input| -> Vec<(String, String)> {
        let others = input.captures.iter().filter(|(name, _)| *name != version);
        others.map(|(name, text)| (name.clone(), text.clone())).collect()
    };
    let mut latest: BTreeMap<Vec<(String, String)>, usize> = BTreeMap::new();
    for (place, input) in inputs.iter().enumerate() {
        let best = latest.entry(scope(input)).or_insert(place);
        if rank(input) >= rank(&inputs[*best]) {
            *best = place;
        }
    }
    for (place, input) in inputs.iter_mut().enumerate() {
        input.superseded = !latest.values().any(|best| *best == place);
    }
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?))
}

/// Enters the hashes of the files into the inputs, in their order.
///
/// # Errors
/// A file changed after it was found: what was hashed need not be what was read.
pub fn enter_hashes(sources: &mut [(SourceFile, Vec<Input>)], hashes: &[Arc<str>]) -> Result<(), RunError> {
    let inputs =
        sources.iter_mut().flat_map(|(source, inputs)| inputs.iter_mut().map(|input| (&source.name, input)));
    for ((source_name, input), hash) in inputs.zip(hashes) {
        if input.stamp.is_some() && stamp(&input.path) != input.stamp {
            return Err(RunError::Changed { source_name: source_name.clone(), path: input.path.clone() });
        }
        input.file.blake3 = hash.clone();
    }
    Ok(())
}

/// Hashes files that nobody archives.
///
/// # Errors
/// One of them cannot be read.
pub fn hash_all(sources: &[(SourceFile, Vec<Input>)]) -> Result<Vec<Arc<str>>, RunError> {
    let inputs: Vec<&Input> = sources.iter().flat_map(|(_, inputs)| inputs).collect();
    let hash = |input: &Input| match &*input.file.blake3 {
        "" => hash_file(&input.path)
            .map(Arc::from)
            .map_err(|source| RunError::Io { path: input.path.clone(), source }),
        known => Ok(Arc::from(known)),
    };
    inputs.into_par_iter().map(hash).collect()
}

/// Values of the pipeline's parameters, and which of them the user gave.
#[derive(Debug, Clone, Default)]
pub struct Params {
    pub values: BTreeMap<String, String>,
    pub given: Vec<String>,
}

impl Params {
    /// The pipeline's defaults, overridden by what the user gave.
    ///
    /// # Errors
    /// A parameter that the pipeline does not have.
    pub fn new(file: &PipelineFile, given: &[(String, String)]) -> Result<Params, RunError> {
        let mut values = file.params.clone();
        for (name, value) in given {
            if values.insert(name.clone(), value.clone()).is_none() {
                let known: Vec<&str> = file.params.keys().map(String::as_str).collect();
                return Err(RunError::Usage(match known.as_slice() {
                    [] => format!("the pipeline has no parameters, so none is called `{name}`"),
                    known => format!("the pipeline has no parameter `{name}`; it has {}", known.join(", ")),
                }));
            }
        }
        Ok(Params { values, given: given.iter().map(|(name, _)| name.clone()).collect() })
    }

    /// Fills `{name}` into a pattern. The flag says whether a value that the user gave leads the path,
    /// which then starts where the user stands and not beside the pipeline.
    pub(super) fn fill(&self, pattern: &str) -> Result<(String, bool), RunError> {
        let mut filled = pattern.to_owned();
        let mut user_led = false;
        for (name, value) in &self.values {
            let placeholder = format!("{{{name}}}");
            user_led |= pattern.starts_with(&placeholder) && self.given.contains(name);
            filled = filled.replace(&placeholder, value);
        }
        match (filled.find('{'), filled.find('}')) {
            (Some(open), Some(close)) if open < close => Err(RunError::Usage(format!(
                "`{pattern}` uses the parameter `{}`, which [params] does not define",
                &filled[open + 1..close]
            ))),
            _ => Ok((filled, user_led)),
        }
    }
}

/// How many folders up from its own a pipeline may reach without the user naming the place.
const LEVELS_UP: usize = 2;

/// Finds the files of a source, sorted by name.
///
/// # Errors
/// Nothing matches and the source is not optional, a path leaves the project, or a file cannot be read.
pub fn find(file: &PipelineFile, source: &SourceFile, params: &Params) -> Result<Vec<Input>, RunError> {
    let mut inputs = Vec::new();
    for pattern in &source.files {
        let (filled, user_led) = params.fill(pattern)?;
        let base = file.path.parent().unwrap_or(Path::new(""));
        let full = if user_led { PathBuf::from(&filled) } else { base.join(&filled) };
        if !user_led {
            stays_inside(&filled).map_err(|reason| {
                RunError::Usage(format!(
                    "source `{}`: `{filled}` {reason}; name the place with --param",
                    source.name
                ))
            })?;
        }
        let is_pattern = Path::new(&filled)
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains(['*', '?', '[']));
        let mut paths = if is_pattern { matching(&full)? } else { vec![full.clone()] };
        if !is_pattern && source.optional && !full.exists() {
            paths.clear();
        }
        if paths.is_empty() && !source.optional {
            return Err(RunError::NoFile { source_name: source.name.clone(), pattern: full });
        }
        for path in paths {
            if !user_led && leads_outside(base, &path) {
                let path = path.display();
                return Err(RunError::Usage(format!(
                    "source `{}`: {path} is a link that leaves the project's folder; name the place with --param",
                    source.name
                )));
            }
            inputs.push(input(path, source)?);
        }
    }
    inputs.sort_by(|a, b| a.file.name.cmp(&b.file.name).then_with(|| a.path.cmp(&b.path)));
    // Patterns may overlap; a file is read once.
    inputs.dedup_by(|a, b| a.path == b.path);
    mark_superseded(source, &mut inputs);
    Ok(inputs)
}

/// Gives the key of the pipeline to every column that keeps stand-ins.
///
/// # Errors
/// There is no key, it cannot be read, or it is too short.
pub fn give_key(file: &mut PipelineFile, params: &Params) -> Result<(), RunError> {
    let wants = |source: &SourceFile| source.columns.iter().any(|column| column.rule.pseudonym);
    let Some(asking) = file.sources.iter().find(|source| wants(source)) else { return Ok(()) };
    let Some(named) = &file.pseudonym_key else {
        return Err(RunError::Usage(format!(
            "source `{}` keeps pseudonyms: name the file of the key as `pseudonym_key` in [pipeline]",
            asking.name
        )));
    };
    let (filled, user_led) = params.fill(named)?;
    if !user_led {
        stays_inside(&filled)
            .map_err(|reason| RunError::Usage(format!("`pseudonym_key`: `{filled}` {reason}")))?;
    }
    let base = file.path.parent().unwrap_or(Path::new(""));
    let path = if user_led { PathBuf::from(&filled) } else { base.join(&filled) };
    let content = std::fs::read(&path).map_err(|source| RunError::Io { path: path.clone(), source })?;
    let key = PseudonymKey::new(&content)
        .ok_or_else(|| RunError::Usage(format!("{}: a key has at least {KEY_MIN} bytes", path.display())))?;
    for column in file.sources.iter_mut().flat_map(|source| &mut source.columns) {
        column.rule.key = Some(key.clone());
    }
    Ok(())
}

/// Whether a path, its links followed, lies higher than a pipeline may reach from its own folder.
fn leads_outside(base: &Path, path: &Path) -> bool {
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let (Ok(base), Ok(real)) = (base.canonicalize(), path.canonicalize()) else { return false };
    let root = base.ancestors().nth(LEVELS_UP).unwrap_or(&base);
    !real.starts_with(root)
}

pub fn stays_inside(path: &str) -> Result<(), &'static str> {
    let mut up = 0;
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::Prefix(_) => return Err("is an absolute path"),
            Component::ParentDir => up += 1,
            Component::CurDir | Component::Normal(_) => {}
        }
    }
    if up > LEVELS_UP { Err("leaves the project's folder") } else { Ok(()) }
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, RunError> {
    // Only the name is a pattern: a bracket in a folder's name is a bracket.
    let folder = pattern.parent().map(|folder| glob::Pattern::escape(&folder.to_string_lossy()));
    let name = pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = match folder.as_deref() {
        None | Some("") => name,
        Some(folder) => format!("{folder}/{name}"),
    };
    let paths = glob::glob(&text).map_err(|error| RunError::Usage(format!("`{text}`: {error}")))?;
    let mut found = Vec::new();
    for path in paths {
        // What matches and is no file is said to be none, not passed over.
        found.push(
            path.map_err(|error| RunError::Io { path: error.path().to_owned(), source: error.into() })?,
        );
    }
    found.sort();
    Ok(found)
}

fn input(path: PathBuf, source: &SourceFile) -> Result<Input, RunError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_file = std::fs::metadata(&path).map(|metadata| metadata.is_file());
    match is_file {
        Ok(true) => {}
        Ok(false) => return Err(RunError::NotAFile { source_name: source.name.clone(), path }),
        Err(error) if std::fs::symlink_metadata(&path).is_ok() => {
            return Err(RunError::Io { path, source: error });
        }
        Err(_) => return Err(RunError::NoFile { source_name: source.name.clone(), pattern: path }),
    }
    let captures = captures(source, &name)?;
    // The bytes are hashed while they are archived, and looked at only once for both.
    let stamp = stamp(&path);
    let file = InputFile { name: Arc::from(name), blake3: Arc::from("") };
    Ok(Input { file, captures, path, stamp, superseded: false })
}

/// Named groups of the source's `file_pattern` in the name of a file; none where the source has no pattern.
///
/// # Errors
/// The name does not match.
pub fn captures(source: &SourceFile, name: &str) -> Result<BTreeMap<String, String>, RunError> {
    let mut captures = BTreeMap::new();
    if let Some(pattern) = &source.file_pattern {
        let found = pattern.captures(name);
        if found.is_none() {
            let message =
                format!("source `{}`: the file `{name}` does not match `file_pattern`", source.name);
            return Err(RunError::Usage(message));
        }
        for group in pattern.capture_names().flatten() {
            let text = found.as_ref().and_then(|found| found.name(group)).map_or("", |text| text.as_str());
            captures.insert(group.to_owned(), text.to_owned());
        }
    }
    Ok(captures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_paths_end_where_they_are_allowed_to() {
        let parts = ["..", "a", ".", "b c", "数据", "...", "..a", "a\\.."];
        let mut paths = 0;
        for first in parts {
            for (second, third) in
                parts.iter().flat_map(|second| parts.iter().map(move |third| (second, third)))
            {
                for last in ["x.csv", "..", "*.csv", "../x.csv"] {
                    let path = format!("{first}/{second}/{third}/{last}");
                    // From a folder ten levels down, a path that is let through never climbs above the eighth.
                    let mut depth: i32 = 10;
                    let mut highest = depth;
                    for part in path.split('/') {
                        depth += match part {
                            ".." => -1,
                            "." => 0,
                            _ => 1,
                        };
                        highest = highest.min(depth);
                    }
                    assert!(stays_inside(&path).is_err() || highest >= 8, "{path}");
                    assert!(stays_inside(&format!("/{path}")).is_err());
                    paths += 1;
                }
            }
        }
        assert!(paths >= 2000, "{paths}");
    }

    #[test]
    fn paths_stay_near_the_pipeline() {
        for (path, inside) in [
            ("../data-samples/x.csv", true),
            ("x.csv", true),
            ("../../shared/x.csv", true),
            ("../../../etc/passwd", false),
            ("/etc/passwd", false),
            ("a/../../../../x", false),
        ] {
            assert_eq!(stays_inside(path).is_ok(), inside, "{path}");
        }
    }
}
