//! Draws that stay the same for all time: only the ChaCha8 stream itself and integer arithmetic.
//!
//! The sampling helpers of `rand` are left aside because their algorithms may change between versions.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a sequence of draws is for. Each purpose has its own sequences, so that one more draw for a
/// header never changes a form, and a county without dirt tells the same stories as one with it.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    Plan = 1,
    Sample = 2,
    Form = 3,
    Header = 4,
    Result = 5,
    Agri = 6,
    Duty = 7,
    Establishment = 8,
    Application = 9,
    Return = 10,
    Report = 11,
    Population = 12,
    Foreign = 13,
    /// Faults and spellings; added to the stream of the file they strike.
    Dirt = 100,
}

/// A sequence of draws that is a function of seed, purpose and index alone.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The sequence of the `index`-th thing of its kind.
    pub fn new(seed: u64, stream: Stream, index: u64) -> Dice {
        Dice::keyed(seed, stream as u64, index)
    }

    /// The faults and spellings of the `index`-th thing of a kind.
    pub fn dirt(seed: u64, of: Stream, index: u64) -> Dice {
        Dice::keyed(seed, Stream::Dirt as u64 + of as u64, index)
    }

    fn keyed(seed: u64, purpose: u64, index: u64) -> Dice {
        let mut key = [0; 32];
        let halves = seed.to_le_bytes().into_iter().chain(purpose.to_le_bytes());
        key.iter_mut().zip(halves).for_each(|(byte, drawn)| *byte = drawn);
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(index);
        Dice(generator)
    }

    /// Even over `0..n`; 0 where `n` is 0. The bias of multiply-and-shift is below n / 2⁶⁴.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Even over `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(0) as u64) as i64
    }

    /// True `parts` times in a hundred thousand.
    pub fn chance(&mut self, parts: u32) -> bool {
        self.below(100_000) < u64::from(parts)
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.chance(percent * 1000)
    }

    /// One of a constant table, which is never empty.
    pub fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.below(table.len() as u64) as usize]
    }

    /// One of a constant table of weighted entries, which is never empty.
    pub fn weighted<T: Copy>(&mut self, table: &[(T, u32)]) -> T {
        let total: u64 = table.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = self.below(total);
        for (entry, weight) in table {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return *entry,
            }
        }
        table[table.len() - 1].0
    }

    /// `count` decimal digits.
    pub fn digits(&mut self, count: u32) -> String {
        let ceiling = 10u64.saturating_pow(count);
        format!("{:0width$}", self.below(ceiling), width = count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change() {
        // If this fails, every seed means another county: the sampler of this file must not be touched.
        let mut dice = Dice::new(2020, Stream::Sample, 7);
        let drawn: Vec<u64> = (0..4).map(|_| dice.below(1_000_000)).collect();
        assert_eq!(drawn, DRAWN_BY_SEED_2020);
    }

    const DRAWN_BY_SEED_2020: [u64; 4] = [44562, 631128, 151901, 33802];

    #[test]
    fn weights_hold() {
        let mut dice = Dice::new(1, Stream::Plan, 0);
        let mut seen = [0u32; 3];
        for _ in 0..10_000 {
            seen[dice.weighted(&[(0usize, 1), (1, 0), (2, 3)])] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((2_300..2_700).contains(&seen[0]), "{seen:?}");
    }

    #[test]
    fn bounds_hold() {
        let mut dice = Dice::new(1, Stream::Plan, 0);
        assert_eq!(dice.below(0), 0);
        for _ in 0..1000 {
            assert!((-3..=4).contains(&dice.between(-3, 4)));
            assert_eq!(dice.digits(5).len(), 5);
        }
    }
}
