//! Which establishment of the register an enterprise of a sample is.
//!
//! By licence, else by unified social credit code, else by name. An identifier whose check digit does not fit
//! identifies nobody: it is a slip, and a slip may lead to somebody else. Whatever is almost one of the register is
//! listed and not taken for it.

use hashbrown::HashMap;

use crate::column::Frame;
use crate::normalize::{check_digit, fold};
use crate::reference::Regions;

/// What a sample says of an enterprise; empty where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stated<'a> {
    pub name: &'a str,
    pub licence: &'a str,
    pub credit_code: &'a str,
}

/// The establishment that an enterprise is, if any, and what does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Match {
    /// Row of the register.
    pub row: Option<u32>,
    /// Found and expected, for the list of near misses.
    pub misses: Vec<(String, String)>,
}

/// The establishments by all that identifies them.
#[derive(Debug)]
pub struct Register {
    by_licence: HashMap<String, Vec<u32>>,
    by_credit_code: HashMap<String, Vec<u32>>,
    by_name: HashMap<String, Vec<u32>>,
    by_core: HashMap<String, Vec<u32>>,
    names: Vec<String>,
    plain: Vec<Vec<char>>,
    licences: Vec<String>,
    credit_codes: Vec<String>,
    places: Vec<String>,
}

/// Legal forms, which one writer puts and the next leaves out.
const FORMS: [&str; 6] = ["股份有限公司", "有限责任公司", "有限公司", "个体工商户", "公司", "总店"];

impl Register {
    pub fn of(establishments: &Frame, regions: &Regions) -> Register {
        let columns = ["name", "licence", "credit_code"].map(|name| establishments.column_or_missing(name));
        let text = |column: usize, row: usize| columns[column].get(row).to_string();
        let mut places: Vec<String> = regions
            .iter()
            .filter(|region| region.code.len() == 6)
            .flat_map(|region| std::iter::once(&region.name).chain(&region.aliases))
            .cloned()
            .collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.len()));
        let mut register = Register {
            by_licence: HashMap::new(),
            by_credit_code: HashMap::new(),
            by_name: HashMap::new(),
            by_core: HashMap::new(),
            names: Vec::new(),
            plain: Vec::new(),
            licences: Vec::new(),
            credit_codes: Vec::new(),
            places,
        };
        for row in 0..establishments.rows() {
            let (name, licence, credit_code) = (text(0, row), text(1, row), text(2, row));
            let plain = plain_name(&name);
            let core = register.core(&plain).to_owned();
            for (map, key) in [
                (&mut register.by_licence, &licence),
                (&mut register.by_credit_code, &credit_code),
                (&mut register.by_name, &plain),
                (&mut register.by_core, &core),
            ] {
                if !key.is_empty() {
                    map.entry(key.clone()).or_default().push(row as u32);
                }
            }
            register.plain.push(plain.chars().collect());
            register.names.push(name);
            register.licences.push(licence);
            register.credit_codes.push(credit_code);
        }
        register
    }

    /// The establishment that is meant. One whose identifiers lead to different establishments is that of the
    /// licence; a name that several bear is nobody's.
    pub fn find(&self, stated: Stated<'_>) -> Match {
        let mut found = Match::default();
        let identified = |map: &HashMap<String, Vec<u32>>, identifier: &str| match map.get(identifier)?[..] {
            [only] if check_digit(identifier) != Some(false) => Some(only),
            _ => None,
        };
        let by_licence = identified(&self.by_licence, stated.licence);
        let by_credit_code = identified(&self.by_credit_code, stated.credit_code);
        if let (Some(one), Some(other)) = (by_licence, by_credit_code)
            && one != other
        {
            let expected = format!("{}, whose licence it is", self.shown(one));
            found.misses.push((format!("credit code of {}", self.shown(other)), expected));
        }
        let plain = plain_name(stated.name);
        let named = self.by_name.get(&plain).filter(|_| !plain.is_empty());
        found.row = by_licence.or(by_credit_code);
        match (found.row, named.map(Vec::as_slice)) {
            (Some(row), named) => {
                if !plain.is_empty() && named.is_none_or(|rows| !rows.contains(&row)) {
                    let expected = format!("{}, taken for it by its number", self.shown(row));
                    found.misses.push((stated.name.to_owned(), expected));
                }
            }
            (None, Some(&[row])) => {
                found.row = Some(row);
                found.misses.extend(self.other_numbers(row, stated));
            }
            (None, Some(rows)) => {
                let expected = format!("one of {} establishments of this name", rows.len());
                found.misses.push((stated.name.to_owned(), expected));
            }
            (None, None) => found.misses.extend(self.near(&plain, stated)),
        }
        found
    }

    /// Numbers that a sample states and that are not those of the establishment of its name.
    fn other_numbers(&self, row: u32, stated: Stated<'_>) -> Vec<(String, String)> {
        let own = [&self.licences[row as usize], &self.credit_codes[row as usize]];
        let differing = own.into_iter().zip([stated.licence, stated.credit_code]).filter(|(own, stated)| {
            let both = !own.is_empty() && !stated.is_empty();
            both && own != stated
        });
        let listed = differing.map(|(own, stated)| {
            (stated.to_owned(), format!("{own}, of {}, taken for it by its name", self.names[row as usize]))
        });
        listed.collect()
    }

    /// Establishments that an unmatched enterprise could be: a number a slip away, a name a character away, or
    /// the same name but for place and legal form.
    fn near(&self, plain: &str, stated: Stated<'_>) -> Vec<(String, String)> {
        let mut near: Vec<u32> = Vec::new();
        for (identifier, own) in [(stated.licence, &self.licences), (stated.credit_code, &self.credit_codes)]
        {
            if check_digit(identifier) == Some(false) {
                let slips = own.iter().enumerate().filter(|(_, own)| {
                    own.len() == identifier.len() && strsim::osa_distance(own, identifier) <= 1
                });
                near.extend(slips.map(|(row, _)| row as u32));
            }
        }
        if plain.chars().count() >= 3 {
            near.extend(self.by_core.get(self.core(plain)).into_iter().flatten());
            let own: Vec<char> = plain.chars().collect();
            let slips = self.plain.iter().enumerate().filter(|(_, other)| is_one_apart(&own, other));
            near.extend(slips.map(|(row, _)| row as u32));
        }
        near.sort_unstable();
        near.dedup();
        let shown: Vec<String> = near.iter().take(3).map(|row| self.shown(*row)).collect();
        if shown.is_empty() {
            return Vec::new();
        }
        let found = [stated.name, stated.licence, stated.credit_code];
        let found: Vec<&str> = found.into_iter().filter(|text| !text.is_empty()).collect();
        vec![(found.join(" "), format!("{}, not taken for it", shown.join(" or ")))]
    }

    /// A name without the county in front and the legal form behind.
    fn core<'a>(&self, plain: &'a str) -> &'a str {
        let mut core = plain;
        while let Some(rest) = self.places.iter().find_map(|place| core.strip_prefix(place.as_str())) {
            core = rest;
        }
        let core = FORMS.iter().find_map(|form| core.strip_suffix(form)).unwrap_or(core);
        if core.chars().count() < 2 { plain } else { core }
    }

    fn shown(&self, row: u32) -> String {
        let row = row as usize;
        let number = [&self.licences[row], &self.credit_codes[row]].into_iter().find(|own| !own.is_empty());
        number.map_or_else(|| self.names[row].clone(), |number| format!("{} {number}", self.names[row]))
    }
}

/// A name as it is compared: half-width, upper case, letters and digits only.
fn plain_name(name: &str) -> String {
    fold(name).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Whether one character more, less or other, or two swapped, make two different names equal.
fn is_one_apart(one: &[char], other: &[char]) -> bool {
    if one.len().abs_diff(other.len()) > 1 || one == other {
        return false;
    }
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[..one.len() - end], &other[..other.len() - end]);
    match (one, other) {
        ([], [_]) | ([_], []) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::column::Coded;
    use crate::model::Value;
    use crate::reference::Reference;

    const LICENCE: &str = "SC10314012101087";
    const OTHER: &str = "SC10212011600523";
    const CREDIT: &str = "91350100M000100Y43";

    fn register() -> Register {
        let empty: Arc<str> = Arc::from("");
        let rows = [
            ("西平豫粮面业有限公司", LICENCE, CREDIT),
            ("西平县金麦食品有限公司", OTHER, ""),
            ("福满超市", "JY14117210000010", ""),
            ("福满超市", "JY14117210000028", ""),
            ("宏达酒楼", "", ""),
        ];
        let files = vec![(empty.clone(), empty.clone(), empty)];
        let mut frame = Frame::new(vec![0; rows.len()], vec![1; rows.len()], files);
        let column = |pick: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
            Coded::from_values(rows.iter().map(|row| match pick(row) {
                "" => Value::Missing,
                text => Value::text(text),
            }))
        };
        frame.set("name", column(|row| row.0));
        frame.set("licence", column(|row| row.1));
        frame.set("credit_code", column(|row| row.2));
        Register::of(&frame, &Reference::built_in().expect("seeds").regions)
    }

    #[test]
    fn enterprises_are_matched_or_listed() {
        let register = register();
        for (name, licence, credit_code, row, misses) in [
            ("西平豫粮面业有限公司", LICENCE, CREDIT, Some(0), 0),
            ("西平豫粮面业有限公司 ", "", "", Some(0), 0),
            ("西平豫粮面业（有限公司）", "", "", Some(0), 0),
            ("", LICENCE, "", Some(0), 0),
            ("", "", CREDIT, Some(0), 0),
            // The number decides, the name is listed.
            ("豫粮", LICENCE, "", Some(0), 1),
            // Licence of one, credit code of another, name of the other.
            ("西平豫粮面业有限公司", OTHER, CREDIT, Some(1), 2),
            // A mistyped licence identifies nobody: the name does, and the number is listed.
            ("西平豫粮面业有限公司", "SC10314012101086", "", Some(0), 1),
            ("", "SC10314012101086", "", None, 1),
            ("", "SC99999999999999", "", None, 0),
            // Two bear the name; a trading licence tells them apart.
            ("福满超市", "", "", None, 1),
            ("福满超市", "JY14117210000028", "", Some(3), 0),
            // A slip in the name, a swap, a character too many; place and legal form left out.
            ("西平豫良面业有限公司", "", "", None, 1),
            ("西平粮豫面业有限公司", "", "", None, 1),
            ("西平豫粮面业有限公司厂", "", "", None, 1),
            ("豫粮面业", "", "", None, 1),
            ("河南省西平县豫粮面业有限责任公司", "", "", None, 1),
            ("宏达酒搂", "", "", None, 1),
            ("宏达饭店", "", "", None, 0),
            ("漯河双丰食品公司", "", "", None, 0),
            ("", "", "", None, 0),
        ] {
            let found = register.find(Stated { name, licence, credit_code });
            assert_eq!(
                (found.row, found.misses.len()),
                (row, misses),
                "{name} {licence} {credit_code}: {found:?}"
            );
        }
    }
}
