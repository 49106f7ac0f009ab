use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::ReferenceError;
use super::address::Gazetteer;
use super::fold::fold;
use super::record::{Provenance, read};

/// What kind of division a region is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    Province,
    City,
    County,
    /// 街道
    Subdistrict,
    /// 镇
    Town,
    /// 乡
    Township,
    /// 农场: run by a farm, counted like a township.
    Farm,
    /// 集聚区: named in documents, overlaps townships and is none of them.
    Zone,
}

impl Level {
    fn from_word(word: &str) -> Option<Level> {
        Some(match word {
            "province" => Level::Province,
            "city" => Level::City,
            "county" => Level::County,
            "subdistrict" => Level::Subdistrict,
            "town" => Level::Town,
            "township" => Level::Township,
            "farm" => Level::Farm,
            "zone" => Level::Zone,
            _ => return None,
        })
    }

    /// Whether figures are cut by it.
    pub fn is_township(self) -> bool {
        matches!(self, Level::Subdistrict | Level::Town | Level::Township | Level::Farm)
    }

    fn is_above_township(self) -> bool {
        matches!(self, Level::Province | Level::City | Level::County)
    }
}

/// A division with its code: 6 digits (GB/T 2260) down to the county, 9 below it (GB/T 10114).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub code: String,
    pub name: String,
    pub level: Level,
    /// Other spellings, among them short ones that are distinctive inside the county.
    pub aliases: Vec<String>,
    /// First day in force; none where it lies before the records.
    pub valid_from: Option<Date>,
    /// Last day in force; none for a code that is.
    pub valid_to: Option<Date>,
    pub replaced_by: Option<String>,
    pub parent: Option<String>,
    pub provenance: Provenance,
}

impl Region {
    /// Whether the code is retired on the day; without one, whether it is retired at all.
    fn is_retired(&self, on: Option<Date>) -> bool {
        self.valid_to.is_some_and(|last| on.is_none_or(|day| day > last))
    }

    fn is_in_force(&self, on: Date) -> bool {
        !self.is_retired(Some(on)) && self.valid_from.is_none_or(|first| first <= on)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// The divisions a county's records may name.
#[derive(Debug, Clone)]
pub struct Regions {
    /// In code order.
    regions: Vec<Region>,
    by_name: BTreeMap<String, Vec<usize>>,
    gazetteer: Gazetteer,
}

impl Regions {
    pub(super) fn read(file: &str, text: &str) -> Result<Regions, ReferenceError> {
        let listed = read(file, text, |record| Ok(record.required("code")?.to_owned()))?;
        let known: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        let mut met = BTreeSet::new();
        let mut regions = read(file, text, |record| {
            let code =
                record.parsed("code", "6 or 9 digits", |text| is_code(text).then(|| text.to_owned()))?;
            if !met.insert(code.clone()) {
                return Err(record.fault("code", "each code once"));
            }
            let reference = |column: &str| {
                let listed = |text: &str| known.contains(text).then(|| text.to_owned());
                record.parsed_optional(column, "a code of this table", listed)
            };
            Ok(Region {
                code,
                name: record.required("name")?.to_owned(),
                level: record.parsed(
                    "level",
                    "province, city, county, subdistrict, town, township, farm or zone",
                    Level::from_word,
                )?,
                aliases: record.list("aliases", '|')?,
                valid_from: record.day("valid_from")?,
                valid_to: record.day("valid_to")?,
                replaced_by: reference("replaced_by")?,
                parent: reference("parent")?,
                provenance: record.provenance()?,
            })
        })?;
        regions.sort_by(|a, b| a.code.cmp(&b.code));
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, region) in regions.iter().enumerate() {
            for name in region.names() {
                by_name.entry(fold(name)).or_default().push(index);
            }
        }
        let gazetteer = Gazetteer::new(&regions);
        Ok(Regions { regions, by_name, gazetteer })
    }

    /// The region of a code, or of the township that a 12-digit village code lies in.
    ///
    /// A code retired by the day (`None`: by now) leads to its successor. A code newer than the day is taken
    /// as it is, since old records are re-issued under new codes. Retired codes of counties and above lead
    /// nowhere: sample numbers keep them for decades, and joining them would place other counties' samples here.
    pub fn of_code(&self, code: &str, on: Option<Date>) -> Option<&Region> {
        let code = code.trim();
        let township = match code.len() {
            12 if code.bytes().all(|byte| byte.is_ascii_digit()) => code.get(..9)?,
            _ => code,
        };
        self.settle(self.position(township)?, on)
    }

    /// Whether a text is a code that is retired and leads nowhere.
    pub fn is_retired(&self, code: &str) -> bool {
        self.position(code.trim()).is_some_and(|index| self.settle(index, None).is_none())
    }

    /// The code that a region had on a day before its own came into force; the code itself where it was in
    /// force, or where several became one.
    pub fn code_on<'a>(&'a self, code: &'a str, on: Date) -> &'a str {
        let own = self.position(code).and_then(|index| self.regions.get(index));
        if own.is_none_or(|own| own.is_in_force(on)) {
            return code;
        }
        let before = self.regions.iter().filter(|region| region.replaced_by.as_deref() == Some(code));
        the_only(before.filter(|region| region.is_in_force(on))).map_or(code, |region| &region.code)
    }

    /// The region of a name, an alias or a former name; none where it fits several.
    pub fn of_name(&self, name: &str, on: Option<Date>) -> Option<&Region> {
        let indices = self.by_name.get(&fold(name))?;
        let named = || indices.iter().filter_map(|index| self.regions.get(*index));
        let in_force: Vec<&Region> =
            named().filter(|region| on.is_some_and(|day| region.is_in_force(day))).collect();
        if let [only] = in_force.as_slice() {
            return Some(only);
        }
        the_only(indices.iter().filter_map(|index| self.settle(*index, on)))
    }

    /// The township that a free text names, as it is called today.
    ///
    /// At each place the longest name counts. Full names (盆尧镇) go before short ones (盆尧), townships before
    /// zones. None where no township is named, two different ones are equally well, or the text lies in
    /// another county.
    pub fn of_address(&self, address: &str) -> Option<&Region> {
        let candidates = self.gazetteer.candidates(&fold(address));
        the_only(candidates.into_iter().filter_map(|index| self.settle(index, None)))
    }

    /// The township-level units in force on a day, in code order.
    pub fn townships(&self, on: Date) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(move |region| region.level.is_township() && region.is_in_force(on))
    }

    /// The name that a code has or had.
    pub fn name_of(&self, code: &str) -> Option<&str> {
        let region = self.regions.get(self.position(code)?)?;
        Some(&region.name)
    }

    /// All regions, retired ones too, in code order.
    pub fn iter(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter()
    }

    fn position(&self, code: &str) -> Option<usize> {
        self.regions.binary_search_by(|region| region.code.as_str().cmp(code)).ok()
    }

    /// Follows `replaced_by` from a region to the one in force.
    fn settle(&self, index: usize, on: Option<Date>) -> Option<&Region> {
        let mut region = self.regions.get(index)?;
        // A table whose successors form a ring ends here too.
        for _ in 0..self.regions.len() {
            if !region.is_retired(on) {
                return Some(region);
            }
            if region.level.is_above_township() {
                return None;
            }
            region = self.regions.get(self.position(region.replaced_by.as_deref()?)?)?;
        }
        None
    }
}

fn is_code(text: &str) -> bool {
    matches!(text.len(), 6 | 9) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The region, if all that are found are one and the same.
fn the_only<'a>(mut found: impl Iterator<Item = &'a Region>) -> Option<&'a Region> {
    let first = found.next()?;
    found.all(|other| other.code == first.code).then_some(first)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::reference::Reference;

    fn regions() -> Regions {
        Reference::built_in().expect("seeds").regions
    }

    #[test]
    fn codes_lead_to_the_region_in_force() {
        let regions = regions();
        for (code, on, expected) in [
            ("411721105", None, Some("411721105")),
            ("411721105203", None, Some("411721105")),
            ("411721204", None, Some("411721107")),
            ("411721204", Some(date(2020, 6, 1)), Some("411721107")),
            ("411721204", Some(date(2018, 10, 30)), Some("411721204")),
            ("411721204", Some(date(2018, 10, 31)), Some("411721107")),
            ("411721211", None, Some("411721108")),
            ("411721107", Some(date(2015, 1, 1)), Some("411721107")),
            ("411721", None, Some("411721")),
            ("412824", None, None),
            ("412824", Some(date(2013, 1, 1)), None),
            ("412824", Some(date(1999, 1, 1)), Some("412824")),
            ("412830", None, None),
            ("411721999", None, None),
            ("盆尧镇", None, None),
            ("", None, None),
        ] {
            let found = regions.of_code(code, on).map(|region| region.code.as_str());
            assert_eq!(found, expected, "{code} on {on:?}");
        }
    }

    #[test]
    fn names_aliases_and_former_names_lead_to_one_region() {
        let regions = regions();
        for (name, on, expected) in [
            ("盆尧镇", None, Some("411721105")),
            (" 盆尧　镇 ", None, Some("411721105")),
            ("盆尧", None, Some("411721105")),
            ("宋集乡", None, Some("411721107")),
            ("宋集乡", Some(date(2018, 1, 1)), Some("411721204")),
            ("柏城街道办事处", None, Some("411721001")),
            ("老王坡管委会", None, Some("411721500")),
            ("产业集聚区管委会", None, Some("411721501")),
            ("西平县", None, Some("411721")),
            ("西平县", Some(date(1999, 1, 1)), Some("412824")),
            ("上蔡县", None, None),
        ] {
            let found = regions.of_name(name, on).map(|region| region.code.as_str());
            assert_eq!(found, expected, "{name} on {on:?}");
        }
    }

    #[test]
    fn every_name_of_a_township_resolves() {
        let regions = regions();
        for region in
            regions.iter().filter(|region| region.level.is_township() || region.level == Level::Zone)
        {
            let current = region.replaced_by.as_ref().unwrap_or(&region.code);
            for name in region.names() {
                for found in [
                    regions.of_name(name, None),
                    regions.of_address(&format!("河南省驻马店市西平县{name}大街12号")),
                    regions.of_address(name),
                ] {
                    assert_eq!(found.map(|region| &region.code), Some(current), "{name}");
                }
            }
        }
    }

    #[test]
    fn twenty_townships_on_any_day() {
        let regions = regions();
        for day in
            [date(2017, 1, 1), date(2018, 10, 30), date(2018, 10, 31), date(2020, 12, 31), date(2026, 1, 1)]
        {
            let codes: Vec<&str> = regions.townships(day).map(|region| region.code.as_str()).collect();
            assert_eq!(codes.len(), 20, "{day}");
            assert!(codes.is_sorted(), "{day}");
        }
        let former = regions.townships(date(2018, 1, 1)).filter(|region| region.replaced_by.is_some());
        assert_eq!(former.map(|region| region.name.as_str()).collect::<Vec<_>>(), ["宋集乡", "二郎乡"]);
    }

    #[test]
    fn a_ring_of_successors_ends() {
        let text = "code,name,level,aliases,valid_from,valid_to,replaced_by,parent,source,as_of\n\
                    111111001,甲镇,town,,,2019-01-01,111111002,,s,2020\n\
                    111111002,乙镇,town,,,2019-01-01,111111001,,s,2020\n";
        let regions = Regions::read("regions.csv", text).expect("a table");
        assert!(regions.of_code("111111001", None).is_none());
        assert_eq!(regions.name_of("111111001"), Some("甲镇"));
    }

    #[test]
    fn bad_tables_are_refused() {
        let head = "code,name,level,aliases,valid_from,valid_to,replaced_by,parent,source,as_of\n";
        for (row, expected) in [
            ("4117,甲,county,,,,,,s,2020", "line 2, column `code`: found `4117`, expected 6 or 9 digits"),
            ("411721,甲,shire,,,,,,s,2020", "line 2, column `level`: found `shire`"),
            (
                "411721,甲,county,,,,411722,,s,2020",
                "line 2, column `replaced_by`: found `411722`, expected a code of this table",
            ),
            (
                "411721,甲,county,,,,,,s,2020\n411721,乙,county,,,,,,s,2020",
                "line 3, column `code`: found `411721`, expected each code once",
            ),
        ] {
            let error = Regions::read("regions.csv", &format!("{head}{row}\n")).expect_err(row).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
