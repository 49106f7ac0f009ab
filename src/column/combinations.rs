use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::FixedState;

use super::dictionary::HalfHashed;

/// Distinct rows of codes, numbered as they come.
#[derive(Debug)]
pub struct Combinations {
    width: usize,
    codes: Codes,
    len: usize,
    numbers: HalfHashed,
}

/// Of each row its codes, one after the other: in two bytes each as long as that is enough, for they can be many.
#[derive(Debug)]
enum Codes {
    Short(Vec<u16>),
    Long(Vec<u32>),
}

impl Codes {
    fn is(&self, row: Range<usize>, other: &[u32]) -> bool {
        fn same<T: Copy + Into<u32>>(own: &[T], other: &[u32]) -> bool {
            own.iter().zip(other).all(|(own, other)| (*own).into() == *other)
        }
        match self {
            Codes::Short(codes) => same(codes.get(row).unwrap_or_default(), other),
            Codes::Long(codes) => same(codes.get(row).unwrap_or_default(), other),
        }
    }

    fn push(&mut self, row: &[u32]) {
        if let Codes::Short(codes) = self {
            if row.iter().all(|code| u16::try_from(*code).is_ok()) {
                codes.extend(row.iter().map(|code| *code as u16));
                return;
            }
            *self = Codes::Long(codes.iter().map(|code| u32::from(*code)).collect());
        }
        if let Codes::Long(codes) = self {
            codes.extend_from_slice(row);
        }
    }

    fn get(&self, place: usize) -> u32 {
        match self {
            Codes::Short(codes) => codes[place].into(),
            Codes::Long(codes) => codes[place],
        }
    }
}

fn half_hash(row: &[u32]) -> u32 {
    let mixed =
        row.iter().fold(0u64, |sum, code| (sum ^ u64::from(*code)).wrapping_mul(MIXING).rotate_left(26));
    FixedState::default().hash_one(mixed) as u32
}

impl Combinations {
    /// Of rows that have `width` codes each.
    pub fn new(width: usize) -> Combinations {
        Combinations { width, codes: Codes::Short(Vec::new()), len: 0, numbers: HalfHashed::default() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of a row, which is added if it is new.
    pub fn number(&mut self, row: &[u32]) -> u32 {
        let Combinations { width, codes, len, numbers } = self;
        let range = |number: u32| number as usize * *width..(number as usize + 1) * *width;
        let half = half_hash(row);
        if let Some(number) = numbers.find(half, |number| codes.is(range(number), row)) {
            return number;
        }
        let number = *len as u32;
        numbers.add(half, number);
        codes.push(row);
        *len += 1;
        number
    }

    /// The codes of a row.
    pub fn row(&self, number: u32) -> impl Iterator<Item = u32> {
        let start = number as usize * self.width;
        (start..start + self.width).map(|place| self.codes.get(place))
    }

    /// The codes at a place of each row.
    pub fn column(&self, place: usize) -> impl ExactSizeIterator<Item = u32> {
        (0..self.len).map(move |number| self.codes.get(number * self.width + place))
    }
}

/// An odd number whose bits are half ones (the golden ratio in 64 bits; Knuth, The Art of Computer Programming 6.4).
const MIXING: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_numbered_as_they_first_appear(
            width in 0usize..4,
            codes in proptest::collection::vec(prop_oneof![20 => 0u32..4, 1 => 65_534u32..65_538], 0..90),
        ) {
            let mut combinations = Combinations::new(width);
            let mut known: Vec<&[u32]> = Vec::new();
            let rows: Vec<&[u32]> = if width == 0 { vec![&[]; codes.len()] } else { codes.chunks_exact(width).collect() };
            for row in rows {
                let expected = known.iter().position(|own| *own == row).unwrap_or_else(|| {
                    known.push(row);
                    known.len() - 1
                });
                prop_assert_eq!(combinations.number(row) as usize, expected);
            }
            prop_assert_eq!(combinations.len(), known.len());
            for place in 0..width {
                let column: Vec<u32> = known.iter().map(|row| row[place]).collect();
                prop_assert_eq!(combinations.column(place).collect::<Vec<_>>(), column);
            }
        }
    }
}
