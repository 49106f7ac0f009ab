//! Everything that is settled before the first sample is drawn.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Options;
use super::calendar::{Period, plus};
use super::dice::{Dice, Stream};
use super::dirt::Dirt;
use super::establishment::{Establishment, Kind, register};
use super::people::People;

/// A sample whose part in the story is fixed, so that the figures have something to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    ProvincialRoutine,
    MunicipalRoutine,
    /// National, supervisory, nonconforming, reported and notified in time, and never dirty.
    NationalCase,
}

/// The county of one seed.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub dirt: bool,
    pub samples: u64,
    pub period: Period,
    pub people: People,
    pub establishments: Vec<Establishment>,
    /// A few dozen samples, by index.
    roles: BTreeMap<u64, Role>,
}

impl World {
    pub fn new(options: &Options) -> World {
        let period = Period::new(options.months, options.samples);
        World {
            seed: options.seed,
            dirt: options.dirt,
            samples: options.samples,
            people: People::new(),
            establishments: register(options.seed, options.samples, &period),
            roles: roles(options.seed, options.samples, &period),
            period,
        }
    }

    pub fn role(&self, index: u64) -> Option<Role> {
        self.roles.get(&index).copied()
    }

    pub fn dice(&self, stream: Stream, index: u64) -> Dice {
        Dice::new(self.seed, stream, index)
    }

    pub fn dirt(&self, stream: Stream, index: u64) -> Dirt {
        Dirt::new(self.dirt, self.seed, stream, index)
    }

    /// Any establishment of a kind. The register holds its kinds in blocks.
    pub fn any_establishment(&self, kind: Kind, dice: &mut Dice) -> Option<&Establishment> {
        let place = |kind: Kind| match kind {
            Kind::Producer => 0,
            Kind::Canteen => 1,
            Kind::Trader => 2,
            Kind::Caterer => 3,
        };
        let start = self.establishments.partition_point(|own| place(own.kind) < place(kind));
        let end = self.establishments.partition_point(|own| place(own.kind) <= place(kind));
        self.establishments.get(start + dice.below((end - start) as u64) as usize)
    }
}

/// Days that a case needs from sampling to a notice that is still seen.
const CASE_DAYS: i64 = 45;

fn roles(seed: u64, samples: u64, period: &Period) -> BTreeMap<u64, Role> {
    let mut dice = Dice::new(seed, Stream::Plan, 0);
    let months = i64::from(period.months);
    // The plan of a year; a shorter period and a small county have their share of it.
    let mut planned = |middle: i64, spread: i64| {
        let year = dice.between(middle - spread, middle + spread);
        ((year * months + 6) / 12).min(samples as i64 / 20)
    };
    let (provincial, municipal) = (planned(40, 4), planned(15, 3));
    let cases = if samples >= 500 { dice.between(3, 6) } else { dice.between(0, 1) };
    let first_case = period.first_from(period.year_start());
    let last_case = period.first_from(plus(period.as_of, -CASE_DAYS));
    let mut roles = BTreeMap::new();
    // No role takes more than a quarter of its range, so a free sample is always found.
    let mut cast = |role: Role, count: i64, from: u64, to: u64| {
        let mut left = count.min(to.saturating_sub(from) as i64 / 4);
        while left > 0 {
            if let Entry::Vacant(free) = roles.entry(from + dice.below(to - from)) {
                free.insert(role);
                left -= 1;
            }
        }
    };
    cast(Role::NationalCase, cases, first_case, last_case);
    cast(Role::ProvincialRoutine, provincial, 0, samples);
    cast(Role::MunicipalRoutine, municipal, 0, samples);
    roles
}
