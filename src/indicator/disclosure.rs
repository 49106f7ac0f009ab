//! What an outsider can work out from published numbers and the sums among them: for each number that is kept back, the
//! lowest and the highest value that it can have.
//!
//! Bounds are passed along sums until they stay (constraint propagation; Hundepool et al., Statistical Disclosure Control,
//! 2012, chapter 4, ask the same of linear programs). They are never tighter than the truth allows.

use std::collections::VecDeque;

use hashbrown::HashSet;

/// A number of a report, or one that follows from others and is told nowhere.
#[derive(Debug, Clone, Default)]
pub struct Number {
    pub value: i64,
    /// Places that tell it: as long as one of them is told, so is the number.
    pub places: Vec<usize>,
    /// Whether it is known not to be zero where it is kept back: a zero would have been told.
    pub is_positive: bool,
    /// Whether it has been told elsewhere, and cannot be kept back any more.
    pub is_fixed: bool,
}

/// A number that others add up to.
#[derive(Debug, Clone)]
pub struct Sum {
    pub total: usize,
    pub parts: Vec<usize>,
}

/// Numbers and the sums among them.
#[derive(Debug, Default)]
pub struct Net {
    pub numbers: Vec<Number>,
    pub sums: Vec<Sum>,
}

/// What could be kept back beside a number.
enum Nearest {
    /// The places of another.
    Told(Vec<usize>),
    /// Something as near has just been kept back.
    Served,
    Nothing,
}

/// No number is as large.
const ENDLESS: i64 = i64::MAX / 4;

impl Net {
    /// Keeps back more places until every small number that is kept back could be anything in a range of `width`.
    /// `hidden` are the places that are kept back, `least` the number from which none is small any more.
    pub fn protect(&self, hidden: &mut [bool], least: i64, width: i64) {
        let of_number = self.sums_of_numbers();
        let of_place = self.numbers_of_places(hidden.len());
        let is_small = |number: &usize| (1..least).contains(&self.numbers[*number].value);
        let mut small: Vec<usize> = (0..self.numbers.len()).filter(is_small).collect();
        let mut bounds = self.bounds(hidden, &of_number);
        loop {
            let mut fresh: Vec<bool> = vec![false; hidden.len()];
            let mut kept_back: Vec<usize> = Vec::new();
            small.retain(|number| {
                let (low, high) = bounds[*number];
                if !self.is_hidden(*number, hidden) || high - low >= width {
                    return true;
                }
                match self.nearest(*number, hidden, &fresh, &bounds, &of_number) {
                    Nearest::Told(places) => {
                        for place in places {
                            hidden[place] = true;
                            fresh[place] = true;
                            kept_back.extend(&of_place[place]);
                        }
                    }
                    Nearest::Served => {}
                    // What is told can only become less.
                    Nearest::Nothing => return false,
                }
                true
            });
            if kept_back.is_empty() {
                return;
            }
            self.loosen(kept_back, hidden, &of_number, &mut bounds);
        }
    }

    fn numbers_of_places(&self, places: usize) -> Vec<Vec<usize>> {
        let mut of_place = vec![Vec::new(); places];
        for (index, number) in self.numbers.iter().enumerate() {
            number.places.iter().for_each(|place| of_place[*place].push(index));
        }
        of_place
    }

    fn is_hidden(&self, number: usize, hidden: &[bool]) -> bool {
        self.numbers[number].places.iter().all(|place| hidden[*place])
    }

    fn sums_of_numbers(&self) -> Vec<Vec<usize>> {
        let mut of_number = vec![Vec::new(); self.numbers.len()];
        for (index, sum) in self.sums.iter().enumerate() {
            sum.parts.iter().chain([&sum.total]).for_each(|number| of_number[*number].push(index));
        }
        of_number
    }

    /// The lowest and the highest value of each number, as an outsider can work them out.
    pub fn bounds(&self, hidden: &[bool], of_number: &[Vec<usize>]) -> Vec<(i64, i64)> {
        let first = |number: usize| self.first(number, hidden);
        let mut bounds: Vec<(i64, i64)> = (0..self.numbers.len()).map(first).collect();
        self.pass_on((0..self.sums.len()).collect(), of_number, &mut bounds);
        bounds
    }

    /// Bounds of a number by itself.
    fn first(&self, number: usize, hidden: &[bool]) -> (i64, i64) {
        let own = &self.numbers[number];
        match self.is_hidden(number, hidden) {
            false => (own.value, own.value),
            true => (i64::from(own.is_positive && !own.places.is_empty()), ENDLESS),
        }
    }

    /// Works the bounds out anew of numbers that have just been kept back, and of all that hang together with them: a
    /// number that is told passes nothing on.
    fn loosen(
        &self,
        fresh: Vec<usize>,
        hidden: &[bool],
        of_number: &[Vec<usize>],
        bounds: &mut [(i64, i64)],
    ) {
        let mut is_seen = vec![false; self.numbers.len()];
        let mut is_queued = vec![false; self.sums.len()];
        let mut queue = VecDeque::new();
        let mut next = fresh;
        while let Some(number) = next.pop() {
            if std::mem::replace(&mut is_seen[number], true) || !self.is_hidden(number, hidden) {
                continue;
            }
            bounds[number] = self.first(number, hidden);
            for sum in &of_number[number] {
                if !std::mem::replace(&mut is_queued[*sum], true) {
                    queue.push_back(*sum);
                    next.extend(self.sums[*sum].parts.iter().chain([&self.sums[*sum].total]));
                }
            }
        }
        self.pass_on(queue, of_number, bounds);
    }

    /// Passes bounds along sums until they stay.
    fn pass_on(&self, mut queue: VecDeque<usize>, of_number: &[Vec<usize>], bounds: &mut [(i64, i64)]) {
        let mut is_queued = vec![false; self.sums.len()];
        queue.iter().for_each(|sum| is_queued[*sum] = true);
        // Bounds that close in step by step are as good as closed long before this.
        let mut steps = self.sums.len().saturating_mul(64);
        let mut changed = Vec::new();
        while let Some(index) = queue.pop_front() {
            is_queued[index] = false;
            narrow(&self.sums[index], bounds, &mut changed);
            for other in changed.drain(..).flat_map(|number: usize| &of_number[number]) {
                if !std::mem::replace(&mut is_queued[*other], true) {
                    queue.push_back(*other);
                }
            }
            steps = steps.saturating_sub(1);
            if steps == 0 {
                break;
            }
        }
    }

    /// The places of the smallest told number among those nearest, along the sums that bind: others would be kept back
    /// in vain. None if one of those nearest has gone in this round already, or if there is none.
    fn nearest(
        &self,
        from: usize,
        hidden: &[bool],
        fresh: &[bool],
        bounds: &[(i64, i64)],
        of_number: &[Vec<usize>],
    ) -> Nearest {
        let mut seen: HashSet<usize> = HashSet::from_iter([from]);
        let mut ring = vec![from];
        while !ring.is_empty() {
            let mut next = Vec::new();
            let mut is_served = false;
            for number in ring {
                let binding = of_number[number].iter().filter(|sum| binds(&self.sums[**sum], number, bounds));
                for sum in binding.map(|sum| &self.sums[*sum]) {
                    for other in sum.parts.iter().chain([&sum.total]) {
                        if seen.insert(*other) {
                            is_served |= self.numbers[*other].places.iter().any(|place| fresh[*place]);
                            next.push(*other);
                        }
                    }
                }
            }
            if is_served {
                return Nearest::Served;
            }
            let told = next.iter().filter(|number| !self.is_hidden(**number, hidden));
            let told =
                told.filter(|number| self.numbers[**number].value > 0 && !self.numbers[**number].is_fixed);
            if let Some(chosen) = told.min_by_key(|number| (self.numbers[**number].value, **number)) {
                let places = self.numbers[*chosen].places.iter().copied();
                return Nearest::Told(places.filter(|place| !hidden[*place]).collect());
            }
            ring = next;
        }
        Nearest::Nothing
    }
}

/// Whether a sum is why a number has the bounds that it has.
fn binds(sum: &Sum, number: usize, bounds: &[(i64, i64)]) -> bool {
    let own = bounds[number];
    if own.0 <= 1 && own.1 >= ENDLESS {
        return false;
    }
    let others = || sum.parts.iter().filter(|part| **part != number).map(|part| bounds[*part]);
    let low: i64 = others().map(|(low, _)| low).sum();
    let high =
        others().map(|(_, high)| high).try_fold(0i64, |sum, high| (high < ENDLESS).then_some(sum + high));
    let total = bounds[sum.total];
    let (from, to) = if sum.total == number {
        (low, high.unwrap_or(ENDLESS))
    } else {
        (
            high.map_or(i64::MIN, |high| total.0 - high),
            if total.1 >= ENDLESS { ENDLESS } else { total.1 - low },
        )
    };
    (own.0 > 1 && from >= own.0) || (own.1 < ENDLESS && to <= own.1)
}

/// Narrows the bounds of the numbers of a sum by each other, and notes those that changed.
fn narrow(sum: &Sum, bounds: &mut [(i64, i64)], changed: &mut Vec<usize>) {
    let mut set = |number: usize, low: i64, high: i64, bounds: &mut [(i64, i64)]| {
        let own = bounds[number];
        let narrowed = (own.0.max(low), own.1.min(high));
        if narrowed != own {
            bounds[number] = narrowed;
            changed.push(number);
        }
    };
    let low: i64 = sum.parts.iter().map(|part| bounds[*part].0).sum();
    let endless = sum.parts.iter().filter(|part| bounds[**part].1 >= ENDLESS).count();
    let high: i64 = sum.parts.iter().map(|part| bounds[*part].1).filter(|high| *high < ENDLESS).sum();
    set(sum.total, low, if endless > 0 { ENDLESS } else { high }, bounds);
    let (least, most) = bounds[sum.total];
    for part in &sum.parts {
        let own = bounds[*part];
        // What the others may be at most, and are at least.
        let is_endless = endless > usize::from(own.1 >= ENDLESS);
        let others_high = if own.1 >= ENDLESS { high } else { high - own.1 };
        let from = if is_endless { 0 } else { least - others_high };
        let to = if most >= ENDLESS { ENDLESS } else { most - (low - own.0) };
        set(*part, from, to, bounds);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table with its margins, each number in a place of its own.
    fn table(inner: &[i64], columns: usize) -> Net {
        let rows = inner.len() / columns;
        let mut net = Net::default();
        let mut add = |value: i64| {
            let places = vec![net.numbers.len()];
            net.numbers.push(Number { value, places, is_positive: true, is_fixed: false });
            net.numbers.len() - 1
        };
        let cells: Vec<usize> = inner.iter().map(|value| add(*value)).collect();
        let row: Vec<usize> =
            (0..rows).map(|row| add(inner[row * columns..][..columns].iter().sum())).collect();
        let column: Vec<usize> = (0..columns)
            .map(|column| add((0..rows).map(|row| inner[row * columns + column]).sum()))
            .collect();
        let whole = add(inner.iter().sum());
        for (at, total) in row.iter().enumerate() {
            net.sums.push(Sum { total: *total, parts: cells[at * columns..][..columns].to_vec() });
        }
        for (at, total) in column.iter().enumerate() {
            net.sums.push(Sum {
                total: *total,
                parts: cells.iter().copied().skip(at).step_by(columns).collect(),
            });
        }
        net.sums.push(Sum { total: whole, parts: row });
        net.sums.push(Sum { total: whole, parts: column });
        net
    }

    fn hidden_at_first(net: &Net) -> Vec<bool> {
        net.numbers.iter().map(|number| (1..5).contains(&number.value)).collect()
    }

    #[test]
    fn one_small_number_takes_others_with_it() {
        let net = table(&[2, 20, 30, 40, 50, 60, 70, 80, 90], 3);
        let mut hidden = hidden_at_first(&net);
        net.protect(&mut hidden, 5, 6);
        let (low, high) = net.bounds(&hidden, &net.sums_of_numbers())[0];
        assert!(low <= 2 && high - low >= 6, "{low}..={high}");
        assert!(!hidden[5] && !hidden[15], "what lies far from it stays, and so does the whole");
        let net = table(&[10, 20, 30], 3);
        let mut hidden = hidden_at_first(&net);
        net.protect(&mut hidden, 5, 6);
        assert!(hidden.iter().all(|hidden| !hidden), "nothing is small");
    }

    #[test]
    fn numbers_that_cannot_be_zero_give_each_other_away() {
        // 8 = 7 + 1: each of two hidden parts is at least one, but the first could be anything up to seven.
        let net = table(&[7, 1, 9, 29, 1, 1], 3);
        let mut hidden = hidden_at_first(&net);
        net.protect(&mut hidden, 5, 6);
        let bounds = net.bounds(&hidden, &net.sums_of_numbers());
        for (number, (low, high)) in net.numbers.iter().zip(bounds) {
            assert!(!(1..5).contains(&number.value) || high - low >= 6, "{number:?} in {low}..={high}");
        }
    }

    proptest! {
        #[test]
        fn no_small_number_can_be_worked_out(inner in proptest::collection::vec(prop_oneof![0i64..9, 0i64..80], 12)) {
            let net = table(&inner, 4);
            let mut hidden = hidden_at_first(&net);
            net.protect(&mut hidden, 5, 6);
            let bounds = net.bounds(&hidden, &net.sums_of_numbers());
            let is_all_hidden = net.numbers.iter().zip(&hidden).all(|(number, hidden)| *hidden || number.value == 0);
            for ((number, hidden), (low, high)) in net.numbers.iter().zip(&hidden).zip(bounds) {
                prop_assert!(low <= number.value && number.value <= high, "bounds hold the truth");
                let is_small = (1..5).contains(&number.value);
                prop_assert!(!is_small || *hidden);
                prop_assert!(!is_small || high - low >= 6 || is_all_hidden, "{inner:?}: {number:?} in {low}..={high}");
            }
        }
    }
}
