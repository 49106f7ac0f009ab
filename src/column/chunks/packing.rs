//! Integers as Parquet packs them (Apache Parquet format, Encodings): runs and bit-packed groups for codes and
//! levels, bit-packed differences for numbers that climb, such as lines of a file.

/// Values of a bit-packed group: groups are whole, so that each begins on a byte.
const GROUP: usize = 8;

/// Appends numbers of at most `width` bits in the hybrid of runs and groups (`RLE`).
///
/// What repeats at least a group long becomes a run; the numbers before it are filled up to whole groups from it.
pub(super) fn runs(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut rest = numbers;
    let mut at = 0;
    while let Some(number) = rest.get(at) {
        let run = rest.iter().skip(at).take_while(|other| *other == number).count();
        let filling = at.next_multiple_of(GROUP) - at;
        if run >= filling + GROUP {
            let (groups, after) = rest.split_at(at + filling);
            pack_groups(groups, width, out);
            uleb((run - filling) as u64 * 2, out);
            out.extend(number.to_le_bytes().iter().take(width.div_ceil(8) as usize));
            rest = after.get(run - filling..).unwrap_or_default();
            at = 0;
        } else {
            at += run;
        }
    }
    pack_groups(rest, width, out);
}

/// Whole groups; the last one is filled up with zeros.
fn pack_groups(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    uleb((numbers.len().div_ceil(GROUP) as u64) * 2 + 1, out);
    let mut packer = Packer::default();
    numbers.iter().for_each(|number| packer.put(*number, width, out));
    let padding = numbers.len().next_multiple_of(GROUP) - numbers.len();
    (0..padding).for_each(|_| packer.put(0, width, out));
    packer.finish(out);
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
    let steps: Vec<i64> =
        numbers.iter().zip(numbers.iter().skip(1)).map(|(one, next)| next.wrapping_sub(*one)).collect();
    for block in steps.chunks(BLOCK) {
        let least = block.iter().copied().min().unwrap_or_default();
        zigzag(least, out);
        let above: Vec<u64> = block.iter().map(|step| step.wrapping_sub(least) as u64).collect();
        let width_of =
            |part: &[u64]| part.iter().map(|number| u64::BITS - number.leading_zeros()).max().unwrap_or(0);
        let mut widths: Vec<u8> = above.chunks(MINIBLOCK).map(|part| width_of(part) as u8).collect();
        widths.resize(BLOCK / MINIBLOCK, 0);
        out.extend_from_slice(&widths);
        for (part, width) in above.chunks(MINIBLOCK).zip(widths) {
            let mut packer = Packer::default();
            let padding = std::iter::repeat_n(&0, MINIBLOCK - part.len());
            for number in part.iter().chain(padding) {
                let (low, high) = (*number as u32, (*number >> 32) as u32);
                let width = u32::from(width);
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

/// Appends a number in groups of seven bits, the lowest first (ULEB128).
pub(super) fn uleb(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Likewise a number with a sign, the small ones short.
pub(super) fn zigzag(number: i64, out: &mut Vec<u8>) {
    uleb(((number << 1) ^ (number >> 63)) as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;

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
