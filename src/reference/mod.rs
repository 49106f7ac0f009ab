//! reference: the dated tables of `seeds/` → look-ups.
//!
//! The tables are built into the program; a folder may override them file by file. A table that cannot be
//! read whole is an error, so that no figure ever rests on half of one. Depends on nothing of ours.

mod address;
mod aliases;
mod calendar;
mod categories;
mod error;
mod files;
mod fold;
mod limits;
mod population;
mod record;
mod regions;
mod time_limits;
mod units;
mod work_points;

use std::path::Path;

use files::Texts;

pub use aliases::{HeaderAliases, fold_header};
pub use calendar::{Calendar, NotCovered, WorkdayException};
pub use categories::Category;
pub use error::ReferenceError;
pub use limits::{Bound, Limits, ListedLimit, OfAnalyte, ProductNames};
pub use population::{Basis, Headcount, Population};
pub use record::{Grade, Provenance};
pub use regions::{Level, Region, Regions};
pub use time_limits::{TimeLimit, TimeLimits, TimeUnit};
pub use units::{Unit, Units};
pub use work_points::{Body, BodyKind, Clause, Comparison, ReportingUnit, Target};

/// Everything a run looks up, and the texts it was read from.
#[derive(Debug, Clone)]
pub struct Reference {
    pub regions: Regions,
    pub population: Population,
    pub calendar: Calendar,
    pub categories: Vec<Category>,
    pub bodies: Vec<Body>,
    pub clauses: Vec<Clause>,
    pub reporting_units: Vec<ReportingUnit>,
    pub targets: Vec<Target>,
    pub time_limits: TimeLimits,
    pub units: Units,
    pub aliases: HeaderAliases,
    pub limits: Limits,
    texts: Texts,
}

impl Reference {
    /// The tables built into the program.
    ///
    /// # Errors
    /// None with the tables this program was tested with.
    pub fn built_in() -> Result<Reference, ReferenceError> {
        Reference::read(Texts::built_in())
    }

    /// The built-in tables, each replaced by the CSV file of its name in `dir` if there is one.
    ///
    /// # Errors
    /// A folder or file that cannot be read, a CSV file that overrides nothing, or a table that does not hold
    /// what it should: with file, line, column, found and expected.
    pub fn with_overrides(dir: &Path) -> Result<Reference, ReferenceError> {
        Reference::read(Texts::with_overrides(dir)?)
    }

    /// The built-in tables, each replaced by the CSV file of its name if it is among these.
    ///
    /// # Errors
    /// As [`Reference::with_overrides`].
    pub fn with_files(files: Vec<(String, Vec<u8>)>) -> Result<Reference, ReferenceError> {
        Reference::read(Texts::with_files(files)?)
    }

    fn read(texts: Texts) -> Result<Reference, ReferenceError> {
        // Those of many rows are read beside the others: every command waits for them.
        let (many, others) = rayon::join(
            || {
                let limits = table(&texts, "limits.csv", Limits::read)?;
                Ok::<_, ReferenceError>((limits, table(&texts, "header_aliases.csv", HeaderAliases::read)?))
            },
            || {
                let regions = table(&texts, "regions.csv", Regions::read)?;
                Ok::<_, ReferenceError>((regions, table(&texts, "units.csv", Units::read)?))
            },
        );
        let ((regions, units), (limits, aliases)) = (others?, many?);
        // Tables that others refer to come first.
        let population =
            table(&texts, "population.csv", |file, text| Population::read(file, text, &regions))?;
        let bodies = table(&texts, "bodies.csv", work_points::read_bodies)?;
        let clauses =
            table(&texts, "clauses.csv", |file, text| work_points::read_clauses(file, text, &bodies))?;
        let targets =
            table(&texts, "targets.csv", |file, text| work_points::read_targets(file, text, &clauses))?;
        Ok(Reference {
            calendar: table(&texts, "workday_exceptions.csv", Calendar::read)?,
            categories: table(&texts, "categories.csv", categories::read_categories)?,
            reporting_units: table(&texts, "reporting_units.csv", work_points::read_reporting_units)?,
            time_limits: table(&texts, "time_limits.csv", TimeLimits::read)?,
            units,
            aliases,
            limits,
            regions,
            population,
            bodies,
            clauses,
            targets,
            texts,
        })
    }

    /// BLAKE3 (hex) over the tables in use, by file name: each name, its text, and a zero byte after both.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, text) in self.texts() {
            for part in [name, text] {
                hasher.update(part.as_bytes()).update(&[0]);
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// File name and text of each table in use, by file name.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter()
    }
}

fn table<T>(
    texts: &Texts,
    file: &str,
    read: impl Fn(&str, &str) -> Result<T, ReferenceError>,
) -> Result<T, ReferenceError> {
    read(file, texts.of(file))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// A folder of its own for one test, gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn with(test: &str, files: &[(&str, &[u8])]) -> Folder {
            let path = std::env::temp_dir().join(format!("assay-reference-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder");
            for (name, content) in files {
                fs::write(path.join(name), content).expect("a file");
            }
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const OTHER: &str =
        "region,year,basis,persons,grade,note,source,as_of\n411721,2020,resident,701000,H,,yearbook,2021\n";

    #[test]
    fn a_file_overrides_its_table_and_no_other() {
        let built_in = Reference::built_in().expect("seeds");
        let folder = Folder::with(
            "override",
            &[("population.csv", OTHER.as_bytes()), ("README.md", b"x"), (".~lock.csv", b"x")],
        );
        let reference = Reference::with_overrides(&folder.0).expect("overrides");
        let persons = |reference: &Reference| {
            reference.population.persons("411721", 2020, Basis::Resident).map(|figure| figure.persons)
        };
        assert_eq!((persons(&built_in), persons(&reference)), (Some(690_000), Some(701_000)));
        assert_ne!(built_in.digest(), reference.digest());
        let files = vec![("population.csv".to_owned(), OTHER.as_bytes().to_vec())];
        assert_eq!(Reference::with_files(files).expect("a file").digest(), reference.digest());
        for ((name, ours), (same, theirs)) in built_in.texts().zip(reference.texts()) {
            assert_eq!(name, same);
            assert_eq!(ours == theirs, name != "population.csv", "{name}");
        }
    }

    #[test]
    fn an_override_that_cannot_be_used_says_why() {
        for (test, name, content, expected) in [
            (
                "slip",
                "populations.csv",
                OTHER.as_bytes(),
                "populations.csv: no such reference table; the nearest is `population.csv`",
            ),
            (
                "gbk",
                "population.csv",
                b"region\n\xce\xf7".as_slice(),
                "population.csv, line 2: the text is not UTF-8; save the table as UTF-8 CSV",
            ),
            (
                "column",
                "population.csv",
                b"region,year\n411721,2020\n".as_slice(),
                "population.csv, line 1: column `basis` is missing; the header is region,year",
            ),
        ] {
            let folder = Folder::with(test, &[(name, content)]);
            let error = Reference::with_overrides(&folder.0).expect_err(test).to_string();
            assert!(error.ends_with(expected), "{error}");
        }
        let nowhere = Reference::with_overrides(Path::new("/nowhere/at/all")).expect_err("no folder");
        assert!(nowhere.to_string().starts_with("/nowhere/at/all: "), "{nowhere}");
    }

    #[test]
    fn the_digest_is_that_of_the_texts() {
        let reference = Reference::built_in().expect("seeds");
        let joined: String = reference.texts().map(|(name, text)| format!("{name}\0{text}\0")).collect();
        assert_eq!(reference.digest(), blake3::hash(joined.as_bytes()).to_hex().to_string());
        let names: Vec<&str> = reference.texts().map(|(name, _)| name).collect();
        assert!(names.is_sorted() && names.len() == 12, "{names:?}");
    }

    #[test]
    fn tables_are_utf_8_with_plain_line_ends() {
        for (name, text) in Reference::built_in().expect("seeds").texts() {
            assert!(!text.contains('\r') && !text.starts_with('\u{feff}') && text.ends_with('\n'), "{name}");
        }
    }
}
