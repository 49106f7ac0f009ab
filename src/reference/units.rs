use std::sync::Arc;

use hashbrown::HashMap;

use super::ReferenceError;
use super::record::read;
use crate::model::{half_width, is_blank};

/// A unit of measurement: `1 unit = numerator / denominator` base units of its dimension, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unit {
    /// Canonical name: `μg/kg`.
    pub name: Arc<str>,
    /// What is measured: `mass_fraction`. Two words joined by `|` where the unit is written for solids and
    /// liquids alike, such as `CFU/g(mL)`.
    pub dimension: Arc<str>,
    pub numerator: u64,
    pub denominator: u64,
}

impl Unit {
    /// Whether numbers in the two units may be compared: they share a dimension.
    pub fn is_comparable_with(&self, other: &Unit) -> bool {
        self.dimension.split('|').any(|own| other.dimension.split('|').any(|theirs| own == theirs))
    }
}

/// The units and the spellings in which exports write them.
#[derive(Debug, Clone)]
pub struct Units {
    /// By forms as they are compared.
    by_form: HashMap<String, Meaning>,
    /// And as the table writes them, which is how most exports do.
    as_written: HashMap<String, Meaning>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Unit(Unit),
    /// What stands in unit columns and is no unit, and why not.
    None(Arc<str>),
}

impl Units {
    pub(super) fn read(file: &str, text: &str) -> Result<Units, ReferenceError> {
        let (mut by_form, mut as_written) = (HashMap::new(), HashMap::new());
        read(file, text, |record| {
            record.provenance()?;
            let count = |column: &str| {
                record.parsed(column, "a whole number above 0", |text| {
                    text.parse().ok().filter(|number| *number > 0)
                })
            };
            let meaning = match (record.optional("canonical")?, record.optional("reason")?) {
                (Some(name), None) => Meaning::Unit(Unit {
                    name: name.into(),
                    dimension: record.required("dimension")?.into(),
                    numerator: count("factor_numerator")?,
                    denominator: count("factor_denominator")?,
                }),
                (None, Some(reason)) => Meaning::None(reason.into()),
                _ => {
                    return Err(
                        record.fault("reason", "a canonical unit or a reason why there is none, not both")
                    );
                }
            };
            let form = record.text("form")?;
            as_written.insert(form.to_owned(), meaning.clone());
            match by_form.insert(fold_unit(form), meaning.clone()) {
                Some(earlier) if earlier != meaning => Err(record.fault("form", "one meaning for each form")),
                _ => Ok(()),
            }
        })?;
        Ok(Units { by_form, as_written })
    }

    fn meaning(&self, text: &str) -> Option<&Meaning> {
        self.as_written.get(text).or_else(|| self.by_form.get(&fold_unit(text)))
    }

    /// The unit that a text writes, in any width, case or code point of μ.
    pub fn parse(&self, text: &str) -> Option<Unit> {
        match self.meaning(text)? {
            Meaning::Unit(unit) => Some(unit.clone()),
            Meaning::None(_) => None,
        }
    }

    /// Why a known text is no unit; none for units and for texts nobody has met yet.
    pub fn why_not(&self, text: &str) -> Option<&str> {
        match self.meaning(text)? {
            Meaning::Unit(_) => None,
            Meaning::None(reason) => Some(reason),
        }
    }
}

/// A unit as it is compared: half-width, lower case, without blanks and `^`, compatibility characters spelt out.
///
/// Case is dropped since exports write CFU, cfu, mL, ml, kJ, kj at will; no unit of food testing differs from
/// another by case alone, and a table in which one did would be refused.
fn fold_unit(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().filter(|c| !is_blank(*c)).map(half_width) {
        match character {
            '^' => {}
            // Micro sign, Greek letter, and the letter that the Symbol font puts into the private area.
            '\u{b5}' | '\u{3bc}' | '\u{f06d}' => folded.push('u'),
            '·' | '•' | '∙' | '⋅' => folded.push('.'),
            '⁄' | '∕' => folded.push('/'),
            'º' => folded.push('°'),
            '²' => folded.push('2'),
            '³' => folded.push('3'),
            'ℓ' => folded.push('l'),
            '㎎' => folded.push_str("mg"),
            '㎏' => folded.push_str("kg"),
            '㎍' => folded.push_str("ug"),
            '㎖' | '㏄' => folded.push_str("ml"),
            '㎜' => folded.push_str("mm"),
            '㎠' => folded.push_str("cm2"),
            '㎡' => folded.push_str("m2"),
            '㎉' => folded.push_str("kcal"),
            other => folded.push(other.to_ascii_lowercase()),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;

    fn units() -> Units {
        Reference::built_in().expect("seeds").units
    }

    #[test]
    fn spellings_of_a_unit() {
        let units = units();
        for (text, expected) in [
            ("mg/kg", "mg/kg 1/1"),
            (" ＭＧ／ＫＧ ", "mg/kg 1/1"),
            ("㎎/㎏", "mg/kg 1/1"),
            ("毫克/千克", "mg/kg 1/1"),
            ("μg/kg", "μg/kg 1/1000"),
            ("µg/kg", "μg/kg 1/1000"),
            ("ug/kg", "μg/kg 1/1000"),
            ("\u{f06d}g/kg", "μg/kg 1/1000"),
            ("㎍/㎏", "μg/kg 1/1000"),
            ("μg /kg", "μg/kg 1/1000"),
            ("％", "% 10000/1"),
            ("w/%", "% 10000/1"),
            ("g/100g", "g/100g 10000/1"),
            ("cfu/ml", "CFU/mL 1/1"),
            ("ＣＦＵ／ｇ", "CFU/g 1/1"),
            ("MPN/100g", "MPN/100g 1/100"),
            ("/25g", "/25g 1/25"),
            ("mg/100cm²", "mg/100cm2 100/1"),
            ("mg/100cm^2", "mg/100cm2 100/1"),
            ("kcal/100g", "kcal/100g 523/125"),
            ("mPa·s", "mPa·s 1/1"),
            ("ºP", "°P 1/1"),
            ("furlong", "unknown"),
            ("μ/g", "unknown"),
        ] {
            let found = units.parse(text).map_or("unknown".to_owned(), |unit| {
                format!("{} {}/{}", unit.name, unit.numerator, unit.denominator)
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn comparable_units_share_a_dimension() {
        let units = units();
        for (one, other, expected) in [
            ("mg/kg", "μg/kg", true),
            ("%", "g/100g", true),
            ("CFU/g", "CFU/g(mL)", true),
            ("CFU/mL", "CFU/g或mL", true),
            ("mg/kg", "mg/L（mg/kg）", true),
            ("CFU/g", "CFU/mL", false),
            ("CFU/g", "MPN/g", false),
            ("mg/kg", "mg/L", false),
            ("g/100g", "g/100g（以脂肪计）", false),
            ("mg/100kJ", "mg/100kcal", false),
            ("/25g", "/25mL", false),
            ("meq/kg", "mmol/kg", false),
        ] {
            let [one_unit, other_unit] = [one, other].map(|text| units.parse(text).expect(text));
            assert_eq!(one_unit.is_comparable_with(&other_unit), expected, "{one} {other}");
            assert_eq!(other_unit.is_comparable_with(&one_unit), expected, "{other} {one}");
        }
    }

    #[test]
    fn what_is_no_unit_says_why() {
        let units = units();
        for (text, expected) in [
            ("", "nothing was entered"),
            ("——", "nothing was entered"),
            ("/；-", "nothing was entered"),
            ("μg/100kJ；μg/100kcal", "two units in one cell: which one the number has, it does not say"),
            ("g/100mL（g/L）", "two units in one cell: which one the number has, it does not say"),
            ("MPN/100g；MPN/g", "units of several determinations in one cell"),
            ("10.0", "a number, not a unit"),
            ("0/25g", "a limit, not a unit"),
            ("按执行标准", "points elsewhere, names no unit"),
            ("mgkg", "misspelt: the slash is missing"),
        ] {
            assert_eq!(units.why_not(text), Some(expected), "{text}");
            assert_eq!(units.parse(text), None, "{text}");
        }
        assert_eq!(units.why_not("mg/kg"), None);
        assert_eq!(units.why_not("furlong"), None);
    }

    /// The national base tables hold 188 distinct texts in their unit columns; `seen` counts each.
    #[test]
    fn every_form_seen_is_a_unit_or_says_why_not() {
        let reference = Reference::built_in().expect("seeds");
        let (_, text) = reference.texts().find(|(name, _)| *name == "units.csv").expect("units.csv");
        let rows = read("units.csv", text, |record| {
            let seen = record.parsed_optional("seen", "a count", |text| text.parse::<u32>().ok())?;
            Ok((record.text("form")?.to_owned(), seen))
        });
        let (mut are, mut are_not, mut cells) = (0, 0, 0);
        for (form, seen) in rows.expect("rows").into_iter().filter_map(|(form, seen)| Some((form, seen?))) {
            let unit = reference.units.parse(&form);
            assert_ne!(unit.is_some(), reference.units.why_not(&form).is_some(), "{form}");
            are += usize::from(unit.is_some());
            are_not += usize::from(unit.is_none());
            cells += seen;
        }
        assert_eq!((are, are_not), (134, 54));
        assert!(cells > 50_000, "{cells}");
    }

    #[test]
    fn bad_tables_are_refused() {
        let head = "form,canonical,dimension,factor_numerator,factor_denominator,reason,seen,source,as_of\n";
        for (rows, expected) in [
            ("a,a,d,0,1,,,s,2020", "column `factor_numerator`: found `0`, expected a whole number above 0"),
            ("a,a,d,1,1,why,,s,2020", "column `reason`: found `why`"),
            ("a,,,,,,,s,2020", "column `reason`: found ``"),
            (
                "a,a,d,1,1,,,s,2020\nA,b,d,1,1,,,s,2020",
                "line 3, column `form`: found `A`, expected one meaning",
            ),
        ] {
            let error = Units::read("units.csv", &format!("{head}{rows}\n")).expect_err(rows).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
