use super::record::{Grade, Provenance, read};
use super::{ReferenceError, Regions};

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Basis {
    /// 常住人口: who lives there.
    Resident,
    /// 户籍人口: who is registered there.
    Registered,
}

impl Basis {
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Resident => "resident",
            Basis::Registered => "registered",
        }
    }

    fn from_word(word: &str) -> Option<Basis> {
        [Basis::Resident, Basis::Registered].into_iter().find(|basis| basis.as_str() == word)
    }
}

/// The persons of a region in a year, with how far the number may be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headcount {
    pub region: String,
    pub year: i16,
    pub basis: Basis,
    pub persons: u64,
    pub grade: Grade,
    /// How the number was arrived at.
    pub note: String,
    pub provenance: Provenance,
}

/// Sourced population figures. A pipeline's own list goes before them.
#[derive(Debug, Clone)]
pub struct Population {
    headcounts: Vec<Headcount>,
}

impl Population {
    pub(super) fn read(file: &str, text: &str, regions: &Regions) -> Result<Population, ReferenceError> {
        let mut headcounts: Vec<Headcount> = Vec::new();
        read(file, text, |record| {
            let headcount = Headcount {
                region: record.parsed("region", "a code of regions.csv", |text| {
                    regions.name_of(text).map(|_| text.to_owned())
                })?,
                year: record.parsed("year", "a year", |text| text.parse().ok())?,
                basis: record.parsed("basis", "resident or registered", Basis::from_word)?,
                persons: record.parsed("persons", "a whole number of persons above 0", |text| {
                    text.parse().ok().filter(|persons| *persons > 0)
                })?,
                grade: record.grade()?,
                note: record.text("note")?.to_owned(),
                provenance: record.provenance()?,
            };
            let same = |other: &Headcount| {
                (&other.region, other.year, other.basis)
                    == (&headcount.region, headcount.year, headcount.basis)
            };
            if headcounts.iter().any(same) {
                return Err(record.fault("year", "one figure for a region, year and basis"));
            }
            headcounts.push(headcount);
            Ok(())
        })?;
        Ok(Population { headcounts })
    }

    /// The figure of the year, else of the latest year before it; its own `year` says which.
    pub fn persons(&self, region: &str, year: i16, basis: Basis) -> Option<&Headcount> {
        let fits =
            |figure: &&Headcount| figure.region == region && figure.basis == basis && figure.year <= year;
        self.headcounts.iter().filter(fits).max_by_key(|figure| figure.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;

    #[test]
    fn the_year_or_the_latest_before_it() {
        let population = Reference::built_in().expect("seeds").population;
        for (region, year, basis, expected) in [
            ("411721", 2020, Basis::Resident, Some((2020, 690_000, Grade::Low))),
            ("411721", 2021, Basis::Resident, Some((2020, 690_000, Grade::Low))),
            ("411721", 2019, Basis::Resident, Some((2011, 698_000, Grade::Medium))),
            ("411721", 2020, Basis::Registered, Some((2011, 875_000, Grade::Medium))),
            ("411721", 2010, Basis::Resident, None),
            ("411721105", 2020, Basis::Resident, None),
        ] {
            let found = population.persons(region, year, basis);
            let found = found.map(|figure| (figure.year, figure.persons, figure.grade));
            assert_eq!(found, expected, "{region} {year} {}", basis.as_str());
        }
    }

    #[test]
    fn what_is_estimated_says_how() {
        let population = Reference::built_in().expect("seeds").population;
        let estimates = population.headcounts.iter().filter(|figure| figure.grade == Grade::Low);
        assert!(estimates.into_iter().all(|figure| !figure.note.is_empty()));
    }

    #[test]
    fn bad_tables_are_refused() {
        let regions = Reference::built_in().expect("seeds").regions;
        for (rows, expected) in [
            (
                "419999,2020,resident,1,H,,s,2020",
                "column `region`: found `419999`, expected a code of regions.csv",
            ),
            (
                "411721,2020,people,1,H,,s,2020",
                "column `basis`: found `people`, expected resident or registered",
            ),
            ("411721,2020,resident,0,H,,s,2020", "column `persons`: found `0`"),
            ("411721,2020,resident,1,A,,s,2020", "column `grade`: found `A`, expected H, M or L"),
            ("411721,2020,resident,1,H,,s,2020\n411721,2020,resident,2,H,,s,2020", "line 3, column `year`"),
        ] {
            let text = format!("region,year,basis,persons,grade,note,source,as_of\n{rows}\n");
            let error = Population::read("population.csv", &text, &regions).expect_err(rows).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
