//! Integers as Parquet packs them (Apache Parquet format, Encodings): runs and bit-packed groups for codes and
//! levels, bit-packed differences for numbers that climb, such as lines of a file.

use std::ops::{BitOr, BitXor};

pub(super) use crate::column::cursor::uleb;

/// Values of a bit-packed group: groups are whole, so that each begins on a byte.
const GROUP: usize = 8;

/// Appends numbers of at most `width` bits in the hybrid of runs and groups (`RLE`).
///
/// A whole group of the same number begins a run, which goes on as long as the number repeats.
pub(super) fn runs<T: Number>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    let (mut packed, mut at) = (0, 0);
    while let Some(group) = numbers.get(at..).and_then(<[T]>::first_chunk::<GROUP>) {
        let [first, ..] = *group;
        if differ(group, first) {
            at += GROUP;
            continue;
        }
        pack_groups(numbers.get(packed..at).unwrap_or_default(), width, out);
        let behind = numbers.get(at + GROUP..).unwrap_or_default();
        let run = GROUP + repeats(behind, first);
        uleb(run as u64 * 2, out);
        out.extend(first.into().to_le_bytes().iter().take(width.div_ceil(8) as usize));
        at += run;
        packed = at;
    }
    pack_groups(numbers.get(packed..).unwrap_or_default(), width, out);
}

/// What is packed: codes, or levels.
pub(super) trait Number: Bits + Into<u32> {}

impl Number for u8 {}
impl Number for u32 {}

/// A whole number as bits.
pub(super) trait Bits:
    Copy + Default + PartialEq + BitXor<Output = Self> + BitOr<Output = Self>
{
}

impl<T: Copy + Default + PartialEq + BitXor<Output = T> + BitOr<Output = T>> Bits for T {}

/// Whether any of the numbers is another one than this. All are looked at, which is sooner done than to stop at one.
fn differ<T: Bits>(numbers: &[T], first: T) -> bool {
    numbers.iter().fold(T::default(), |differing, number| differing | (*number ^ first)) != T::default()
}

/// How many of the first numbers are this one; runs can be long.
fn repeats<T: Number>(numbers: &[T], first: T) -> usize {
    let is_first = |chunk: &&[T; 4 * GROUP]| !differ(*chunk, first);
    let chunks = numbers.as_chunks().0.iter().take_while(is_first).count();
    let behind = numbers.get(chunks * 4 * GROUP..).unwrap_or_default();
    chunks * 4 * GROUP + behind.iter().take_while(|number| **number == first).count()
}

/// Whole groups; the last one is filled up with zeros.
fn pack_groups<T: Number>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let groups = numbers.len().div_ceil(GROUP);
    uleb(groups as u64 * 2 + 1, out);
    out.reserve(groups * width as usize + size_of::<u128>());
    let (whole, last) = numbers.as_chunks::<GROUP>();
    whole.iter().for_each(|group| pack_group(group, width, out));
    if !last.is_empty() {
        let mut group = [T::default(); GROUP];
        group.iter_mut().zip(last).for_each(|(to, number)| *to = *number);
        pack_group(&group, width, out);
    }
}

/// A group takes as many bytes as its numbers take bits.
fn pack_group<T: Number>(group: &[T; GROUP], width: u32, out: &mut Vec<u8>) {
    let group = group.map(Into::<u32>::into);
    if width > 16 {
        let mut packer = Packer::default();
        group.iter().for_each(|number| packer.put(*number, width, out));
        return packer.finish(out);
    }
    let [a, b, c, d, e, f, g, h] = group.map(u64::from);
    let half = |a: u64, b: u64, c: u64, d: u64| a | b << width | c << (2 * width) | d << (3 * width);
    let bits = u128::from(half(a, b, c, d)) | u128::from(half(e, f, g, h)) << (4 * width);
    // All bytes are copied, for a copy of one length is a single instruction.
    let end = out.len() + width as usize;
    out.extend_from_slice(&bits.to_le_bytes());
    out.truncate(end);
}

/// Numbers of a block of differences, and how many share a width.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// Appends numbers as packed differences (`DELTA_BINARY_PACKED`).
pub(super) fn differences(numbers: &[i64], out: &mut Vec<u8>) {
    uleb(BLOCK as u64, out);
    uleb((BLOCK / MINIBLOCK) as u64, out);
    uleb(numbers.len() as u64, out);
    zigzag(numbers.first().copied().unwrap_or_default(), out);
    let (mut before, behind) = match numbers.split_first() {
        Some((first, behind)) => (*first, behind),
        None => (0, numbers),
    };
    let mut steps = [0; BLOCK];
    for block in behind.chunks(BLOCK) {
        for (step, number) in steps.iter_mut().zip(block) {
            *step = number.wrapping_sub(std::mem::replace(&mut before, *number));
        }
        let block = steps.get(..block.len()).unwrap_or_default();
        let least = block.iter().copied().min().unwrap_or_default();
        zigzag(least, out);
        // Lines of a file climb evenly more often than not.
        if !differ(block, least) {
            out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
            continue;
        }
        // A miniblock that is not full ends in zeros.
        let mut above = [0; BLOCK];
        above.iter_mut().zip(block).for_each(|(above, step)| *above = step.wrapping_sub(least) as u64);
        let (miniblocks, _) = above.as_chunks::<MINIBLOCK>();
        let width_of = |part: &[u64; MINIBLOCK]| {
            u64::BITS - part.iter().fold(0, |all, number| all | number).leading_zeros()
        };
        for miniblock in miniblocks {
            out.push(width_of(miniblock) as u8);
        }
        for miniblock in miniblocks {
            let width = width_of(miniblock);
            if width == 0 {
                continue;
            }
            let mut packer = Packer::default();
            for number in miniblock {
                let (low, high) = (*number as u32, (*number >> 32) as u32);
                packer.put(low, width.min(32), out);
                packer.put(high, width.saturating_sub(32), out);
            }
            packer.finish(out);
        }
    }
}

/// Bits from the lowest up, as they come.
#[derive(Default)]
struct Packer {
    bits: u64,
    count: u32,
}

impl Packer {
    fn put(&mut self, number: u32, width: u32, out: &mut Vec<u8>) {
        self.bits |= u64::from(number) << self.count;
        self.count += width;
        if self.count >= 32 {
            out.extend_from_slice(&(self.bits as u32).to_le_bytes());
            self.bits >>= 32;
            self.count -= 32;
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        out.extend(self.bits.to_le_bytes().iter().take(self.count.div_ceil(8) as usize));
    }
}

/// Appends a number with a sign, the small ones short.
pub(super) fn zigzag(number: i64, out: &mut Vec<u8>) {
    uleb(((number << 1) ^ (number >> 63)) as u64, out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What [`runs`] wrote, read by the rules of the format, with the lengths of the runs.
    fn unpack(mut bytes: &[u8], width: u32, count: usize) -> (Vec<u32>, Vec<usize>) {
        let (mut numbers, mut lengths) = (Vec::new(), Vec::new());
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at(count);
            bytes = rest;
            (taken.to_vec(), rest.is_empty())
        };
        let mut at_end = false;
        while !at_end {
            let (mut head, mut shift) = (0usize, 0);
            loop {
                let byte = take(1).0[0];
                head |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if head & 1 == 0 {
                let (value, end) = take(width.div_ceil(8) as usize);
                let value = value.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
                numbers.extend(std::iter::repeat_n(value, head / 2));
                lengths.push(head / 2);
                at_end = end;
            } else {
                let (packed, end) = take(head / 2 * width as usize);
                let bit = |place: usize| packed[place / 8] >> (place % 8) & 1;
                numbers.extend((0..head / 2 * GROUP).map(|number| {
                    let bits = (0..width as usize).rev().map(|place| bit(number * width as usize + place));
                    bits.fold(0u32, |sum, bit| sum << 1 | u32::from(bit))
                }));
                at_end = end;
            }
        }
        numbers.truncate(count);
        (numbers, lengths)
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            width in 1u32..=32,
            stretches in proptest::collection::vec((any::<u32>(), 1usize..30), 1..40))
        {
            let low = |number: u32| number & (u32::MAX >> (32 - width));
            let numbers: Vec<u32> =
                stretches.iter().flat_map(|(number, length)| std::iter::repeat_n(low(*number), *length)).collect();
            let mut packed = Vec::new();
            runs(&numbers, width, &mut packed);
            let (read, lengths) = unpack(&packed, width, numbers.len());
            prop_assert_eq!(&read, &numbers);
            prop_assert!(lengths.iter().all(|length| *length >= GROUP));
            let bits: Vec<u32> = numbers.iter().map(|number| number & 1).collect();
            let levels: Vec<u8> = bits.iter().map(|bit| *bit as u8).collect();
            let (mut packed, mut as_levels) = (Vec::new(), Vec::new());
            runs(&bits, 1, &mut packed);
            runs(&levels, 1, &mut as_levels);
            prop_assert_eq!(as_levels, packed);
        }
    }

    #[test]
    fn numbers_are_packed_as_the_format_shows_them() {
        // The example of the format's own page: 0 to 7 in three bits each.
        let packed = |numbers: &[u32], width| {
            let mut out = Vec::new();
            runs(numbers, width, &mut out);
            out
        };
        assert_eq!(packed(&[0, 1, 2, 3, 4, 5, 6, 7], 3), [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        assert_eq!(packed(&[1; 100], 1), [200, 1, 1]);
        assert_eq!(packed(&[5; 7], 3), [0b11, 0b0110_1101, 0b1101_1011, 0b0001_0110]);
        assert_eq!(packed(&[], 3), [0u8; 0]);
        // Three numbers, filled up to a group out of the run behind them.
        assert_eq!(packed(&[[0, 1, 0].as_slice(), &[1; 15]].concat(), 1), [0b11, 0b1111_1010, 20, 1]);
    }

    #[test]
    fn differences_are_packed_as_the_format_shows_them() {
        let mut out = Vec::new();
        differences(&[1, 2, 3, 4, 5], &mut out);
        assert_eq!(out, [0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0], "a block of ones takes no bits at all");
        out.clear();
        differences(&[7, 5, 3, 1, 2, 3, 4, 5], &mut out);
        let mut expected = vec![0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0];
        expected.extend([0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0]);
        assert_eq!(out, expected);
    }
}
