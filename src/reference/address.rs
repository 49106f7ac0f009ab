use std::collections::HashMap;

use super::fold::fold;
use super::regions::{Level, Region};

/// Endings of a name that says by itself what it names; without one it may be part of any other name.
const FULL_ENDINGS: [&str; 6] = ["镇", "乡", "街道", "办事处", "农场", "管委会"];

/// Finds the townships that an address names.
#[derive(Debug, Clone)]
pub(super) struct Gazetteer {
    /// By first character, longest name first: one pass over an address finds them all.
    by_first: HashMap<char, Vec<Entry>>,
    /// Names of the county and of what it lies in, longest first.
    above: Vec<String>,
    counties: Vec<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    region: usize,
    rank: Rank,
    county: Option<String>,
}

/// How well a name tells its region; the smaller the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_zone: bool,
    is_short: bool,
}

impl Gazetteer {
    pub(super) fn new(regions: &[Region]) -> Gazetteer {
        let mut by_first: HashMap<char, Vec<Entry>> = HashMap::new();
        let mut above = Vec::new();
        let mut counties = Vec::new();
        let name_of =
            |code: &str| regions.iter().find(|region| region.code == code).map(|region| fold(&region.name));
        for (index, region) in regions.iter().enumerate() {
            let is_zone = region.level == Level::Zone;
            for name in region.names().map(fold) {
                if !region.level.is_township() && !is_zone {
                    above.push(name);
                    continue;
                }
                let Some(first) = name.chars().next() else { continue };
                let is_full =
                    name == fold(&region.name) || FULL_ENDINGS.iter().any(|ending| name.ends_with(ending));
                let county = region.parent.as_deref().and_then(name_of);
                let rank = Rank { is_zone, is_short: !is_full };
                by_first.entry(first).or_default().push(Entry { name, region: index, rank, county });
            }
            if region.level == Level::County {
                counties.push(fold(&region.name));
            }
        }
        for entries in by_first.values_mut() {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.name.len()));
        }
        above.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Gazetteer { by_first, above, counties }
    }

    /// The regions that a folded address names equally well; several are for the caller to settle.
    pub(super) fn candidates(&self, text: &str) -> Vec<usize> {
        let counties: Vec<&String> =
            self.counties.iter().filter(|county| text.contains(county.as_str())).collect();
        let mut best: Option<Rank> = None;
        let mut regions = Vec::new();
        let mut skip_to = 0;
        for (at, first) in text.char_indices() {
            let (before, rest) = text.split_at(at);
            if at < skip_to {
                continue;
            }
            let fits = |entry: &&Entry| {
                let after = rest.strip_prefix(entry.name.as_str());
                after.is_some_and(|after| !(entry.rank.is_short && starts_a_road(after)))
                    && match (counties.as_slice(), &entry.county) {
                        ([], _) => !self.is_elsewhere(before),
                        (named, own) => own.as_ref().is_none_or(|own| named.contains(&own)),
                    }
            };
            let found: Vec<&Entry> = self.by_first.get(&first).into_iter().flatten().filter(fits).collect();
            let longest = found.first().map_or(0, |entry| entry.name.len());
            skip_to = at + longest;
            for entry in found.into_iter().filter(|entry| entry.name.len() == longest) {
                if best.is_none_or(|rank| entry.rank < rank) {
                    best = Some(entry.rank);
                    regions.clear();
                }
                if best == Some(entry.rank) {
                    regions.push(entry.region);
                }
            }
        }
        regions
    }

    /// Whether the text before a name places it in a division that the table does not know.
    ///
    /// Only asked where no county of the table is named.
    fn is_elsewhere(&self, before: &str) -> bool {
        let mut rest = before;
        while let Some(shorter) = self.above.iter().find_map(|name| rest.strip_prefix(name.as_str())) {
            rest = shorter;
        }
        let characters: Vec<char> = rest.chars().collect();
        // A division's own name has two characters or more: 我县 names none.
        characters.iter().enumerate().skip(2).any(|(at, ending)| match ending {
            '省' | '县' => true,
            '市' => characters.get(at - 1) != Some(&'超') && characters.get(at + 1) != Some(&'场'),
            _ => false,
        })
    }
}

/// 嫘祖大道 and 重渠南路 are named after a township and may lie in any other; 盆尧大街 is its own main street.
fn starts_a_road(after: &str) -> bool {
    let after = after.strip_prefix(['东', '西', '南', '北', '中']).unwrap_or(after);
    after.starts_with('路') || after.starts_with("大道")
}

#[cfg(test)]
mod tests {
    use crate::reference::Reference;

    #[test]
    fn addresses_name_a_township_or_none() {
        let regions = Reference::built_in().expect("seeds").regions;
        for (address, expected) in [
            ("河南省驻马店市西平县盆尧镇于庄村", Some("盆尧镇")),
            ("西平县盆尧大街12号", Some("盆尧镇")),
            ("西平县宋集乡宋集村", Some("宋集镇")),
            ("宋集乡街南头", Some("宋集镇")),
            ("二郎乡", Some("二郎镇")),
            ("西平县解放大道中段", None),
            ("柏城街道办事处解放路西段", Some("柏城街道")),
            ("西平县柏苑办事处", Some("柏苑街道")),
            ("老王坡管委会三分场", Some("老王坡农场")),
            ("西平县老王坡", Some("老王坡农场")),
            ("西平县蔡寨乡", Some("蔡寨回族乡")),
            ("西平县蔡寨回族乡冯老庄村", Some("蔡寨回族乡")),
            ("盆尧镇人民政府", Some("盆尧镇")),
            ("西平县 盆尧　镇", Some("盆尧镇")),
            // A road or a village named after one township inside another.
            ("西平县柏城街道嫘祖大道58号", Some("柏城街道")),
            ("西平县嫘祖大道58号", None),
            ("西平县重渠南路", None),
            ("西平县盆尧镇权寨村", Some("盆尧镇")),
            ("西平县五沟营镇盆尧村", Some("五沟营镇")),
            // Two full names, or two short ones, are one too many.
            ("西平县盆尧镇与权寨镇交界处", None),
            ("西平县五沟营镇、盆尧镇", None),
            ("西平县权寨至盆尧", None),
            ("盆尧镇某店（西平县盆尧镇）", Some("盆尧镇")),
            // A zone overlaps townships.
            ("西平县产业集聚区纬七路", Some("产业集聚区")),
            ("西平县柏亭街道产业集聚区纬七路", Some("柏亭街道")),
            ("西平县盆尧产业集聚区", Some("盆尧镇")),
            // Other counties have townships of the same name.
            ("河南省驻马店市上蔡县杨庄乡", None),
            ("漯河市召陵区人和乡", None),
            ("河北省邯郸市杨庄乡", None),
            ("驻马店市杨庄乡", Some("杨庄乡")),
            ("我县杨庄乡", Some("杨庄乡")),
            ("万家超市盆尧镇店", Some("盆尧镇")),
            ("中心农贸市场盆尧镇", Some("盆尧镇")),
            ("盆尧镇（县医院对面）", Some("盆尧镇")),
            // Short names that any village may bear are no aliases.
            ("西平县杨庄", None),
            ("", None),
        ] {
            let found = regions.of_address(address).map(|region| region.name.as_str());
            assert_eq!(found, expected, "{address}");
        }
    }
}
