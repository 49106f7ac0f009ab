use std::hash::Hash;

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// That some bytes are not in a dictionary, with what was found out on the way.
#[derive(Debug, Clone, Copy)]
pub struct Unmet(u32);

/// Distinct byte strings in order of first appearance, in one arena.
///
/// Codes depend on the order of arrival only, never on the hash seed.
#[derive(Debug)]
pub struct Dictionary {
    arena: Vec<u8>,
    ends: Vec<usize>,
    /// What was met lately, by what is seen of it at a glance: of few texts that come again and again, most are found here.
    lately: [Met; LATELY],
    table: HalfHashed,
    hasher: DefaultHashBuilder,
}

/// Codes by the hashes of what they stand for. Beside each code lies half of its hash, so that growing the table asks nothing
/// of what it stands for.
#[derive(Debug, Default)]
pub(super) struct HalfHashed(HashTable<(u32, u32)>);

impl HalfHashed {
    /// The code with this half of a hash that is the right one.
    pub(super) fn find(&self, half: u32, is_right: impl Fn(u32) -> bool) -> Option<u32> {
        let found = self.0.find(spread(half), |(own, code)| *own == half && is_right(*code));
        found.map(|(_, code)| *code)
    }

    /// Adds a code that is not there.
    pub(super) fn add(&mut self, half: u32, code: u32) {
        self.0.insert_unique(spread(half), (half, code), |(half, _)| spread(*half));
    }
}

const LATELY: usize = 64;

/// A text and its code; none where it has no code yet.
#[derive(Debug, Clone, Copy)]
struct Met {
    glance: Glance,
    code: Option<u32>,
}

impl Met {
    const NOTHING: Met = Met { glance: Glance { length: 0, first: 0, last: 0 }, code: None };
}

/// The length of a text, its first bytes and its last: of a short one, all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Glance {
    length: usize,
    first: u64,
    last: u64,
}

impl Default for Dictionary {
    fn default() -> Dictionary {
        let (arena, ends, table) = (Vec::new(), Vec::new(), HalfHashed::default());
        let lately = [Met::NOTHING; LATELY];
        Dictionary { arena, ends, lately, table, hasher: DefaultHashBuilder::default() }
    }
}

impl Dictionary {
    pub fn new() -> Dictionary {
        Dictionary::default()
    }

    /// The code of `bytes`, which is added if it is new.
    pub fn intern(&mut self, bytes: &[u8]) -> u32 {
        let glance = Glance::of(bytes);
        let place = glance.place();
        let met = self.lately[place];
        if met.glance == glance
            && let Some(code) = met.code
            && (bytes.len() <= SHORT || self.get(code) == bytes)
        {
            return code;
        }
        let code = self.look_up(bytes).unwrap_or_else(|unmet| self.add(bytes, unmet));
        self.lately[place] = Met { glance, code: Some(code) };
        code
    }

    /// The code of `bytes` if they are there, else what [`Dictionary::add`] asks for.
    ///
    /// # Errors
    /// They are not there.
    pub fn look_up(&self, bytes: &[u8]) -> Result<u32, Unmet> {
        let half = self.hasher.hash_one(bytes) as u32;
        self.table.find(half, |code| self.get(code) == bytes).ok_or(Unmet(half))
    }

    /// Adds bytes that were looked up in vain, before others were added.
    pub fn add(&mut self, bytes: &[u8], Unmet(half): Unmet) -> u32 {
        debug_assert!(self.look_up(bytes).is_err_and(|unmet| unmet.0 == half));
        // More than 2^32 distinct texts would need 32 GiB of `ends` first.
        let code = self.ends.len() as u32;
        self.arena.extend_from_slice(bytes);
        self.ends.push(self.arena.len());
        self.table.add(half, code);
        code
    }

    /// The bytes of a code that this dictionary gave.
    pub fn get(&self, code: u32) -> &[u8] {
        slice(&self.arena, &self.ends, code)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len() as u32).map(|code| slice(&self.arena, &self.ends, code))
    }
}

/// Bytes of a text that is told by a glance.
const SHORT: usize = 2 * size_of::<u64>();

impl Glance {
    fn of(bytes: &[u8]) -> Glance {
        let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => (bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
        };
        Glance { length: bytes.len(), first, last }
    }

    /// A number below [`LATELY`].
    fn place(self) -> usize {
        let ends = self.first ^ self.last.rotate_left(29) ^ self.length as u64;
        (ends.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - LATELY.ilog2())) as usize
    }
}

/// A hash table looks at the lowest bits of a hash and at the highest.
fn spread(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

fn slice<'a>(arena: &'a [u8], ends: &[usize], code: u32) -> &'a [u8] {
    let code = code as usize;
    let start = if code == 0 { 0 } else { ends[code - 1] };
    &arena[start..ends[code]]
}

/// Distinct values of any hashable type, in order of first appearance.
#[derive(Debug)]
pub struct Interner<T> {
    values: Vec<T>,
    table: HalfHashed,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner { values: Vec::new(), table: HalfHashed::default(), hasher: DefaultHashBuilder::default() }
    }
}

impl<T: Hash + Eq> Interner<T> {
    pub fn new() -> Interner<T> {
        Interner::default()
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn intern(&mut self, value: T) -> u32 {
        self.look_up(&value).unwrap_or_else(|unmet| self.add(value, unmet))
    }

    pub fn intern_ref(&mut self, value: &T) -> u32
    where
        T: Clone,
    {
        self.look_up(value).unwrap_or_else(|unmet| self.add(value.clone(), unmet))
    }

    /// The codes of several, each of which is added if it is new.
    pub fn intern_all(&mut self, values: &[T]) -> Vec<u32>
    where
        T: Clone,
    {
        values.iter().map(|value| self.intern_ref(value)).collect()
    }

    fn look_up(&self, value: &T) -> Result<u32, Unmet> {
        let half = self.hasher.hash_one(value) as u32;
        self.table.find(half, |code| self.values[code as usize] == *value).ok_or(Unmet(half))
    }

    fn add(&mut self, value: T, Unmet(half): Unmet) -> u32 {
        let code = self.values.len() as u32;
        self.values.push(value);
        self.table.add(half, code);
        code
    }

    pub fn values(&self) -> &[T] {
        &self.values
    }

    pub fn into_values(self) -> Vec<T> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_name_the_first_appearance(texts in proptest::collection::vec("[ab甲]{0,3}|[ab]{14}[ab]{0,4}|aaaaaaaa[ab]{1,2}bbbbbbbb", 0..200)) {
            let mut dictionary = Dictionary::new();
            let codes: Vec<u32> = texts.iter().map(|text| dictionary.intern(text.as_bytes())).collect();
            let values: Vec<&[u8]> = dictionary.iter().collect();
            let mut seen: Vec<&str> = Vec::new();
            for (text, code) in texts.iter().zip(&codes) {
                prop_assert_eq!(values[*code as usize], text.as_bytes());
                if !seen.contains(&text.as_str()) {
                    prop_assert_eq!(*code as usize, seen.len());
                    seen.push(text);
                }
            }
            prop_assert_eq!(dictionary.len(), seen.len());
        }
    }
}
