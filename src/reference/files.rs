use std::borrow::Cow;
use std::fs;
use std::path::Path;

use super::ReferenceError;

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        /// Every table by its file name, in the order in which they are digested.
        const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/", $name)))),+];
    };
}

built_in!(
    "bodies.csv",
    "categories.csv",
    "clauses.csv",
    "header_aliases.csv",
    "limits.csv",
    "population.csv",
    "regions.csv",
    "reporting_units.csv",
    "targets.csv",
    "time_limits.csv",
    "units.csv",
    "workday_exceptions.csv",
);

/// The texts of the tables in use: built in, or from a folder that overrides them.
#[derive(Debug, Clone)]
pub(super) struct Texts(Vec<(&'static str, Cow<'static, str>)>);

impl Texts {
    pub(super) fn built_in() -> Texts {
        Texts(BUILT_IN.iter().map(|(name, text)| (*name, Cow::Borrowed(*text))).collect())
    }

    /// The built-in texts, each replaced by the file of its name in `dir` if there is one.
    ///
    /// # Errors
    /// A CSV file that overrides nothing, one that is not UTF-8, or a folder that cannot be read.
    pub(super) fn with_overrides(dir: &Path) -> Result<Texts, ReferenceError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| ReferenceError::Io { path, source }
        };
        let mut texts = Texts::built_in();
        for entry in fs::read_dir(dir).map_err(io(dir))? {
            let path = entry.map_err(io(dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Spreadsheet programs leave hidden lock files beside an open table.
            if name.starts_with('.') || !name.to_lowercase().ends_with(".csv") {
                continue;
            }
            let text = texts.named(&path)?;
            *text = decoded(&path, fs::read(&path).map_err(io(&path))?)?;
        }
        Ok(texts)
    }

    /// The built-in texts, each replaced by the file of its name if it is among these.
    ///
    /// # Errors
    /// A file that overrides nothing, or one that is not UTF-8.
    pub(super) fn with_files(files: Vec<(String, Vec<u8>)>) -> Result<Texts, ReferenceError> {
        let mut texts = Texts::built_in();
        for (name, bytes) in files {
            let path = Path::new(&name);
            let text = texts.named(path)?;
            *text = decoded(path, bytes)?;
        }
        Ok(texts)
    }

    /// The text that a file overrides.
    fn named(&mut self, path: &Path) -> Result<&mut Cow<'static, str>, ReferenceError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = self.0.iter_mut().find(|(known, _)| *known == name);
        let unknown = || ReferenceError::UnknownFile { nearest: nearest(&name), path: path.to_owned() };
        known.map(|(_, text)| text).ok_or_else(unknown)
    }

    /// The text of a table; empty for a name that is none, which no caller passes.
    pub(super) fn of(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_ref()))
    }
}

fn decoded(path: &Path, bytes: Vec<u8>) -> Result<Cow<'static, str>, ReferenceError> {
    String::from_utf8(bytes).map(Cow::Owned).map_err(|error| {
        let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + good.filter(|byte| **byte == b'\n').count() as u64;
        ReferenceError::NotUtf8 { path: path.to_owned(), line }
    })
}

/// The table whose name takes the fewest edits to become `name`.
fn nearest(name: &str) -> &'static str {
    let names = BUILT_IN.iter().map(|(known, _)| *known);
    names.min_by_key(|known| strsim::levenshtein(known, name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_table_meant() {
        for (name, expected) in [
            ("region.csv", "regions.csv"),
            ("populations.csv", "population.csv"),
            ("workdays_exceptions.csv", "workday_exceptions.csv"),
            ("Units.csv", "units.csv"),
            ("time-limits.csv", "time_limits.csv"),
        ] {
            assert_eq!(nearest(name), expected, "{name}");
        }
    }
}
