//! Numbers of reports by what they count and for whom, tied by the sums among them.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use jiff::civil::Date;

use super::disclosure::{Net, Number, Sum};
use super::{Definition, Denominator, Kind, Span};
use crate::cube::Cells;

/// Dimensions with their values, sorted: what a cut tells apart.
pub type Group = BTreeMap<String, String>;

/// In a group: what ran up to the day of an earlier report.
const UNTIL: &str = "$until";
/// What came between an earlier report and the one after it, by the day of the later one.
const SINCE: &str = "$since";

fn with(group: &Group, name: &str, day: Date) -> Group {
    with_text(group, name, &day.to_string())
}

fn with_text(group: &Group, name: &str, text: &str) -> Group {
    group
        .iter()
        .map(|(name, text)| (name.clone(), text.clone()))
        .chain([(name.to_owned(), text.to_owned())])
        .collect()
}

/// What of an indicator is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    All,
    With,
    Without,
}

/// Which cells a part of an indicator counts, where that can be compared: equal sets are one measure.
struct Counted {
    indicator: String,
    part: Part,
    /// Fact and span: sets of different ones have nothing in common.
    of: (String, bool, bool),
    cells: Vec<bool>,
}

fn counted(definitions: &[Definition], cells: &[Cells]) -> Vec<Counted> {
    let mut all = Vec::new();
    for definition in definitions {
        let Some(own) = cells.iter().find(|cells| cells.fact == definition.fact.name()) else { continue };
        let base = definition.base.as_ref().map(|base| base.select(own));
        let within = |selected: Vec<bool>| -> Vec<bool> {
            let is_in = |(cell, on): (usize, bool)| on && base.as_ref().is_none_or(|base| base[cell]);
            selected.into_iter().enumerate().map(is_in).collect()
        };
        let with = within(definition.numerator.select(own));
        let of = (own.fact.clone(), definition.kind == Kind::Flow, definition.span == Span::All);
        let mut add = |part, cells| {
            all.push(Counted { indicator: definition.id.clone(), part, of: of.clone(), cells });
        };
        match &definition.denominator {
            Denominator::Where(filter) => {
                let whole = within(filter.select(own));
                let both =
                    |want: bool| whole.iter().zip(&with).map(|(all, with)| *all && *with == want).collect();
                // A numerator outside its denominator would make sums of nothing.
                if with.iter().zip(&whole).all(|(with, whole)| *whole || !*with) {
                    add(Part::With, both(true));
                    add(Part::Without, both(false));
                }
                add(Part::All, whole);
            }
            Denominator::None | Denominator::Population => add(Part::All, with),
        }
    }
    all
}

/// Numbers of measures by group, tied into a net.
#[derive(Default)]
pub struct Knots {
    counted: Vec<Counted>,
    measures: HashMap<(String, Part), usize>,
    /// Of each measure, its place in `counted`; none where it cannot be compared.
    compared: Vec<Option<usize>>,
    groups: Vec<BTreeMap<Group, usize>>,
    /// Measures whose days are tied.
    tied: BTreeSet<usize>,
    /// What has been added up.
    added: BTreeSet<(usize, BTreeSet<String>, String)>,
    /// The number of what is known to be none.
    zero: usize,
    pub net: Net,
    /// A place that is always told.
    always: usize,
}

impl Knots {
    pub fn new(definitions: &[Definition], cells: &[Cells], always: usize) -> Knots {
        let mut knots = Knots { counted: counted(definitions, cells), always, ..Knots::default() };
        knots.net.numbers.push(Number { places: vec![always], is_fixed: true, ..Number::default() });
        knots
    }

    /// Parts of two indicators that count the same cells are one measure.
    fn measure(&mut self, indicator: &str, part: Part) -> usize {
        if let Some(known) = self.measures.get(&(indicator.to_owned(), part)) {
            return *known;
        }
        let own = self.counted.iter().position(|own| own.indicator == indicator && own.part == part);
        let is_same = |other: &Option<usize>| {
            let pair = own.zip(*other).map(|(own, other)| (&self.counted[own], &self.counted[other]));
            pair.is_some_and(|(own, other)| own.of == other.of && own.cells == other.cells)
        };
        let measure = self.compared.iter().position(is_same).unwrap_or(self.groups.len());
        if measure == self.groups.len() {
            self.compared.push(own);
            self.groups.push(BTreeMap::new());
        }
        self.measures.insert((indicator.to_owned(), part), measure);
        measure
    }

    fn number(&mut self, measure: usize, group: &Group) -> usize {
        if let Some(known) = self.groups[measure].get(group) {
            return *known;
        }
        let number = self.net.numbers.len();
        self.net.numbers.push(Number::default());
        self.groups[measure].insert(group.clone(), number);
        number
    }

    /// A figure of this report, at its place.
    pub fn tell(&mut self, indicator: &str, part: Part, group: &Group, value: i64, place: usize) {
        let measure = self.measure(indicator, part);
        let number = self.number(measure, group);
        let number = &mut self.net.numbers[number];
        number.value = value;
        number.places.push(place);
        number.is_positive |= part == Part::All;
    }

    /// A figure of an earlier report of a day, if it was told. A month is the same in every report, as long as nothing
    /// was corrected; whatever runs up to the day is a number of its own.
    pub fn tell_earlier(
        &mut self,
        indicator: &str,
        part: Part,
        group: &Group,
        value: i64,
        (day, is_told): (Date, bool),
    ) {
        let measure = self.measure(indicator, part);
        let always = self.always;
        let is_of_month = group.contains_key("month");
        let number = match is_of_month {
            true => self.number(measure, group),
            false => self.number(measure, &with(group, UNTIL, day)),
        };
        let number = &mut self.net.numbers[number];
        if !is_of_month {
            number.value = value;
        }
        if is_told && number.value == value {
            number.places.push(always);
            number.is_fixed = true;
        }
    }

    /// Ties all that was told by what is known of it. `earlier` are the days of earlier reports, in their order.
    pub fn tie(&mut self, definitions: &[Definition], earlier: &[Date], as_of: Date) {
        let flows = definitions.iter().filter(|own| own.kind == Kind::Flow && !earlier.is_empty());
        for definition in flows {
            for measure in self.measures_of(definition) {
                self.tie_days(measure, earlier, as_of);
            }
        }
        for definition in definitions {
            self.tie_cuts(definition);
        }
        self.tie_parts();
    }

    fn measures_of(&self, definition: &Definition) -> Vec<usize> {
        let parts = [Part::All, Part::With, Part::Without];
        let measures = parts.map(|part| self.measures.get(&(definition.id.clone(), part)).copied());
        measures.into_iter().flatten().collect()
    }

    /// What runs up to a day is what ran up to the day before it, and what came since.
    fn tie_days(&mut self, measure: usize, earlier: &[Date], as_of: Date) {
        if !self.tied.insert(measure) {
            return;
        }
        let whole = |group: &&Group| !group.keys().any(|name| name == "month" || name.starts_with('$'));
        let groups: Vec<Group> = self.groups[measure].keys().filter(whole).cloned().collect();
        for group in groups {
            let until = earlier.iter().map(|day| {
                // A group that a report does not list is known to have none.
                let known = self.groups[measure].get(&with(&group, UNTIL, *day)).copied();
                (known.unwrap_or(self.zero), *day)
            });
            let now = (self.groups[measure][&group], as_of);
            let mut before = self.zero;
            for (after, day) in until.chain([now]).collect::<Vec<(usize, Date)>>() {
                let came = self.net.numbers[after].value - self.net.numbers[before].value;
                // What was corrected downwards tells nothing of what came.
                if came >= 0 {
                    let since = self.number(measure, &with(&group, SINCE, day));
                    self.net.numbers[since].value = came;
                    self.net.sums.push(Sum { total: after, parts: vec![before, since] });
                    self.tie_month(measure, &group, (since, came), day);
                }
                before = after;
            }
        }
    }

    /// What came in a month is what a cut by months tells of it.
    fn tie_month(&mut self, measure: usize, group: &Group, (since, came): (usize, i64), day: Date) {
        let month: String = day.to_string().chars().take(7).collect();
        let own = self.groups[measure].get(&with_text(group, "month", &month)).copied();
        if let Some(own) = own.filter(|own| self.net.numbers[*own].value == came) {
            self.net.sums.push(Sum { total: since, parts: vec![own] });
        }
    }

    /// A cut adds up, over each of its dimensions, to one with fewer, down to the whole. What stands on the last day of
    /// each month does not add up over months.
    fn tie_cuts(&mut self, definition: &Definition) {
        let measures = self.measures_of(definition);
        let mut cuts: BTreeSet<BTreeSet<String>> =
            definition.cuts.iter().map(|cut| cut.iter().cloned().collect()).collect();
        while let Some(cut) = cuts.iter().max_by_key(|cut| cut.len()).cloned() {
            cuts.remove(&cut);
            let adds_up = |name: &&String| definition.kind == Kind::Flow || *name != "month";
            for name in cut.iter().filter(adds_up) {
                for more in [&[][..], &[UNTIL], &[SINCE]] {
                    let cut = cut.iter().cloned().chain(more.iter().map(|own| (*own).to_owned())).collect();
                    measures.iter().for_each(|measure| self.add_up(*measure, &cut, name));
                }
                let fewer: BTreeSet<String> = cut.iter().filter(|own| *own != name).cloned().collect();
                if !fewer.is_empty() {
                    cuts.insert(fewer);
                }
            }
        }
        if let [all, with, without] = measures.as_slice() {
            let groups: Vec<Group> = self.groups[*all].keys().cloned().collect();
            for group in groups {
                let [total, one, other] = [*all, *with, *without].map(|measure| self.number(measure, &group));
                self.net.sums.push(Sum { total, parts: vec![one, other] });
            }
        }
    }

    /// Sums of a measure over one dimension of a cut, once.
    fn add_up(&mut self, measure: usize, cut: &BTreeSet<String>, over: &str) {
        if !self.added.insert((measure, cut.clone(), over.to_owned())) {
            return;
        }
        let is_of = |group: &&Group| group.len() == cut.len() && group.keys().all(|name| cut.contains(name));
        let own: Vec<(Group, usize)> = self.groups[measure]
            .iter()
            .filter(|(group, _)| is_of(group))
            .map(|(group, number)| (group.clone(), *number))
            .collect();
        let mut sums: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        for (mut group, number) in own {
            group.remove(over);
            sums.entry(group).or_default().push(number);
        }
        for (group, parts) in sums {
            let total = self.number(measure, &group);
            self.net.sums.push(Sum { total, parts });
        }
    }

    /// Where one measure counts a part of what another does, the rest adds up like they do.
    fn tie_parts(&mut self) {
        let measures = self.groups.len();
        let cells = |measure: usize| self.compared[measure].map(|own| &self.counted[own]);
        let is_part = |narrow: usize, wide: usize| {
            let Some((own, other)) = cells(wide).zip(cells(narrow)) else { return false };
            let mut both = other.cells.iter().zip(&own.cells);
            wide != narrow && own.of == other.of && both.all(|(part, whole)| *whole || !*part)
        };
        let is_empty = |measure: usize| cells(measure).is_some_and(|own| !own.cells.contains(&true));
        let pairs = (0..measures).flat_map(|wide| (0..measures).map(move |narrow| (wide, narrow)));
        let parts: BTreeSet<(usize, usize)> =
            pairs.filter(|(wide, narrow)| is_part(*narrow, *wide) && !is_empty(*narrow)).collect();
        // What lies between two says all that the two of them would.
        let is_next = |(wide, narrow): &(usize, usize)| {
            (0..measures).all(|other| !parts.contains(&(*wide, other)) || !parts.contains(&(other, *narrow)))
        };
        // With and without a property are tied to all already.
        let is_tied = |(wide, narrow): &(usize, usize)| {
            let own = cells(*wide).zip(cells(*narrow));
            own.is_some_and(|(own, other)| own.indicator == other.indicator)
        };
        let next: Vec<(usize, usize)> =
            parts.iter().filter(|pair| is_next(pair) && !is_tied(pair)).copied().collect();
        for (wide, narrow) in next {
            let rest = self.groups.len();
            self.groups.push(BTreeMap::new());
            let keys = |group: &Group| group.keys().cloned().collect::<BTreeSet<String>>();
            let cuts: BTreeSet<BTreeSet<String>> = self.groups[narrow].keys().map(keys).collect();
            let common: Vec<Group> =
                self.groups[wide].keys().filter(|group| cuts.contains(&keys(group))).cloned().collect();
            for group in &common {
                // A group that a cut does not list is known to have none.
                let one = self.groups[narrow].get(group).copied().unwrap_or(self.zero);
                let [total, other] = [wide, rest].map(|measure| self.number(measure, group));
                self.net.sums.push(Sum { total, parts: vec![one, other] });
            }
            for cut in cuts {
                for name in cut.iter().filter(|name| !name.starts_with('$')) {
                    self.add_up(rest, &cut, name);
                }
            }
        }
    }
}
