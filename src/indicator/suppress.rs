//! Small numbers that could point at somebody are kept back, and with them as many others as it takes that what is
//! published does not give them away (primary and secondary suppression).

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::disclosure::{Net, Number, Sum};
use super::{Denominator, Figure, Judgement, Kind, Span, Status};
use crate::cube::Cells;
use crate::indicator::Definition;

/// A number that is kept back can be anything in a range of this width: nobody knows it to within three.
const WIDTH: i64 = 6;

/// Dimensions with their values, sorted: what a cut tells apart.
type Group = BTreeMap<String, String>;

/// The figures as they may be told: what is kept back has the status `suppressed` and no numbers.
///
/// Known to an outsider is every figure that is told, that cuts add up to cuts with fewer dimensions whether those are
/// published or not, that a rate has a part with the property and one without, and which figures count a part of what
/// others count.
pub fn suppress_figures(
    figures: &[Figure],
    definitions: &[Definition],
    cells: &[Cells],
    least: i64,
) -> Vec<Figure> {
    let numbers_of = |figure: &Figure| -> Vec<(Part, i64)> {
        let definition = definitions.iter().find(|own| own.id == figure.indicator);
        match (definition.map(|own| &own.denominator), figure.denominator) {
            (Some(Denominator::Where(_)), Some(all)) => vec![
                (Part::All, all),
                (Part::With, figure.numerator),
                (Part::Without, all - figure.numerator),
            ],
            _ => vec![(Part::All, figure.numerator)],
        }
    };
    let is_small = |figure: &Figure| numbers_of(figure).iter().any(|(_, number)| (1..least).contains(number));
    let mut hidden: Vec<bool> = figures.iter().map(is_small).collect();
    let mut knots = Knots { counted: counted(definitions, cells), ..Knots::default() };
    // It stands in a place behind the figures, which is always told.
    knots.net.numbers.push(Number { value: 0, places: vec![figures.len()], is_positive: false });
    hidden.push(false);
    for (place, figure) in figures.iter().enumerate() {
        let group: Group = figure.cut.iter().cloned().collect();
        for (part, value) in numbers_of(figure) {
            let measure = knots.measure(&figure.indicator, part);
            knots.tell(measure, &group, value, place, part == Part::All);
        }
    }
    for definition in definitions {
        knots.tie_cuts(definition);
    }
    knots.tie_parts();
    knots.net.protect(&mut hidden, least, WIDTH);
    let told = figures.iter().zip(hidden).map(|(figure, hidden)| match hidden {
        // What is counted beside a figure is guarded by nothing.
        false => Figure { shown: String::new(), ..figure.clone() },
        true => Figure {
            numerator: 0,
            denominator: None,
            value: String::new(),
            bounds: None,
            judgement: Judgement { status: Status::Suppressed, needed: None },
            note: String::new(),
            shown: String::new(),
            ..figure.clone()
        },
    });
    told.collect()
}

/// What of an indicator is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
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
struct Knots {
    counted: Vec<Counted>,
    measures: HashMap<(String, Part), usize>,
    /// Of each measure, its place in `counted`; none where it cannot be compared.
    compared: Vec<Option<usize>>,
    groups: Vec<BTreeMap<Group, usize>>,
    /// What has been added up.
    added: BTreeSet<(usize, BTreeSet<String>, String)>,
    /// The number of what is known to be none.
    zero: usize,
    net: Net,
}

impl Knots {
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
        self.net.numbers.push(Number { value: 0, places: Vec::new(), is_positive: false });
        self.groups[measure].insert(group.clone(), number);
        number
    }

    fn tell(&mut self, measure: usize, group: &Group, value: i64, place: usize, is_positive: bool) {
        let number = self.number(measure, group);
        let number = &mut self.net.numbers[number];
        number.value = value;
        number.places.push(place);
        number.is_positive |= is_positive;
    }

    /// A cut adds up, over each of its dimensions, to one with fewer, down to the whole. What stands on the last day of
    /// each month does not add up over months.
    fn tie_cuts(&mut self, definition: &Definition) {
        let parts = [Part::All, Part::With, Part::Without];
        let measures = parts.map(|part| self.measures.get(&(definition.id.clone(), part)).copied());
        let measures: Vec<usize> = measures.into_iter().flatten().collect();
        let mut cuts: BTreeSet<BTreeSet<String>> =
            definition.cuts.iter().map(|cut| cut.iter().cloned().collect()).collect();
        while let Some(cut) = cuts.iter().max_by_key(|cut| cut.len()).cloned() {
            cuts.remove(&cut);
            let adds_up = |name: &&String| definition.kind == Kind::Flow || *name != "month";
            for name in cut.iter().filter(adds_up) {
                measures.iter().for_each(|measure| self.add_up(*measure, &cut, name));
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
                for name in &cut {
                    self.add_up(rest, &cut, name);
                }
            }
        }
    }
}

/// The cells as they may be told: by month, those alone that are not small, lie in no figure that is kept back, and are
/// not given away by a total by any one dimension or by one of the cuts.
pub fn suppress_cells(cells: &Cells, figures: &[Figure], definitions: &[Definition], least: i64) -> Cells {
    let own = || definitions.iter().filter(|definition| definition.fact.name() == cells.fact);
    let cells = cells.by_month();
    let kept_back = figures.iter().filter(|figure| figure.judgement.status == Status::Suppressed);
    let kept_back: HashMap<Vec<String>, BTreeSet<Vec<String>>> = kept_back
        .filter(|figure| own().any(|definition| definition.id == figure.indicator))
        .fold(HashMap::new(), |mut cuts, figure| {
            let (names, values) = figure.cut.iter().cloned().unzip();
            cuts.entry(names).or_insert_with(BTreeSet::new).insert(values);
            cuts
        });
    let text = |name: &str, cell: usize| match cells.position(name) {
        Some(position) => cells.dimensions[position].1[cells.codes(position)[cell] as usize].clone(),
        None => {
            cells.days()[cell].map_or_else(String::new, |day| format!("{:04}-{:02}", day.year(), day.month()))
        }
    };
    let mut hidden: Vec<bool> = cells.counts().iter().map(|count| (1..least).contains(count)).collect();
    for (names, groups) in &kept_back {
        for (cell, hidden) in hidden.iter_mut().enumerate() {
            *hidden =
                *hidden || groups.contains(&names.iter().map(|name| text(name, cell)).collect::<Vec<_>>());
        }
    }
    let single = cells.dimensions.iter().map(|(name, _)| vec![name.clone()]);
    let cuts = own().flat_map(|definition| definition.cuts.clone());
    let groups: BTreeSet<Vec<String>> = single.chain(cuts).chain([Vec::new()]).collect();
    let groups: Vec<Vec<Vec<usize>>> = groups
        .iter()
        .map(|names| {
            let mut parts: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
            for cell in 0..cells.len() {
                parts.entry(names.iter().map(|name| text(name, cell)).collect()).or_default().push(cell);
            }
            parts.into_values().collect()
        })
        .collect();
    // What is missing of a total is nothing, or no small number either.
    loop {
        let mut is_stable = true;
        for parts in groups.iter().flatten() {
            let missing: i64 =
                parts.iter().filter(|cell| hidden[**cell]).map(|cell| cells.counts()[*cell]).sum();
            if (1..2 * least).contains(&missing) {
                let told = parts.iter().filter(|cell| !hidden[**cell] && cells.counts()[**cell] > 0);
                if let Some(next) = told.min_by_key(|cell| (cells.counts()[**cell], **cell)) {
                    hidden[*next] = true;
                    is_stable = false;
                }
            }
        }
        if is_stable {
            return cells.only(|cell| !hidden[cell]);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::indicator::testing::{cut, definition};
    use crate::indicator::{Context, Populations, evaluate};

    /// Batches by region, stage and verdict, all in one month.
    fn told(batches: &[(&str, &str, &str, i64)], definitions: &[Definition]) -> Vec<Figure> {
        let names = ["region", "stage", "final_verdict"].map(str::to_owned);
        let spelt = batches.iter().map(|(region, stage, verdict, n)| {
            let texts = [region, stage, verdict].map(|text| (*text).to_owned());
            (texts.to_vec(), Some(date(2020, 5, 7)), *n)
        });
        let cells = vec![Cells::from_texts("samples", &names, spelt)];
        let (as_of, populations) = (date(2020, 12, 31), Populations::default());
        let context = Context { as_of, populations: &populations, regions: &[], period: None };
        let figures: Vec<Figure> =
            definitions.iter().flat_map(|own| evaluate(own, &cells[0], &own.cuts, &context)).collect();
        suppress_figures(&figures, definitions, &cells, 5)
    }

    fn kept_back(figures: &[Figure], indicator: &str) -> Vec<String> {
        let own = figures.iter().filter(|own| own.indicator == indicator);
        let hidden = own.filter(|own| own.judgement.status == Status::Suppressed);
        let spell = |figure: &Figure| {
            figure.cut.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ")
        };
        hidden.map(spell).collect()
    }

    #[test]
    fn a_part_cannot_be_had_from_its_total_and_the_others() {
        let cuts = [&["region"][..], &["month"], &["region", "month"], &["region", "stage"]].map(cut);
        let all = [Definition { cuts: cuts.to_vec(), ..definition("all", "true", None) }];
        let figures = told(
            &[("a", "x", "conforming", 2), ("a", "y", "conforming", 30), ("b", "x", "conforming", 40)],
            &all,
        );
        assert_eq!(
            kept_back(&figures, "all"),
            ["a x", "a y"],
            "the region is told, so two of its parts are not"
        );
    }
}
