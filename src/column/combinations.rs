use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Distinct rows of codes, numbered as they come.
#[derive(Debug)]
pub struct Combinations {
    width: usize,
    /// Of each row its codes, one after the other.
    codes: Vec<u32>,
    len: usize,
    numbers: HashTable<u32>,
}

impl Combinations {
    /// Of rows that have `width` codes each.
    pub fn new(width: usize) -> Combinations {
        Combinations { width, codes: Vec::new(), len: 0, numbers: HashTable::new() }
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
        let hasher = FixedState::default();
        let own = |number: u32| codes.get(number as usize * *width..).unwrap_or_default().iter().take(*width);
        let hash = |row: &mut dyn Iterator<Item = &u32>| {
            hasher.hash_one(
                row.fold(0u64, |sum, code| (sum ^ u64::from(*code)).wrapping_mul(MIXING).rotate_left(26)),
            )
        };
        let hashed = hash(&mut row.iter());
        match numbers.find(hashed, |number| own(*number).eq(row)) {
            Some(number) => *number,
            None => {
                let number = *len as u32;
                numbers.insert_unique(hashed, number, |number| hash(&mut own(*number)));
                codes.extend_from_slice(row);
                *len += 1;
                number
            }
        }
    }

    /// The codes at a place of each row.
    pub fn column(&self, place: usize) -> impl Iterator<Item = u32> {
        self.codes.iter().skip(place).step_by(self.width.max(1)).copied()
    }

    /// The codes of each row; nothing of rows without any.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.codes.chunks_exact(self.width.max(1))
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
        fn rows_are_numbered_as_they_first_appear(width in 0usize..4, codes in proptest::collection::vec(0u32..4, 0..90)) {
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
            if width > 0 {
                prop_assert_eq!(combinations.rows().collect::<Vec<_>>(), known.clone());
            }
            for place in 0..width {
                let column: Vec<u32> = known.iter().map(|row| row[place]).collect();
                prop_assert_eq!(combinations.column(place).collect::<Vec<_>>(), column);
            }
        }
    }
}
