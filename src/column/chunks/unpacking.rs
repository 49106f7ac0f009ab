//! What [`super::packing`] packs, as numbers again.

use super::rows::RowCodes;
use crate::column::cursor::Cursor;

/// Numbers of a bit-packed group.
const GROUP: usize = 8;

/// Where unpacked numbers go.
pub(super) trait Unpacked {
    fn count(&self) -> usize;

    /// The same number several times.
    fn run(&mut self, number: u32, count: usize);

    /// Numbers of `width` bits, laid from the lowest up; behind them there may be other bytes.
    fn packed(&mut self, bytes: &[u8], width: u32, count: usize);
}

impl Unpacked for Vec<u32> {
    fn count(&self) -> usize {
        self.len()
    }

    fn run(&mut self, number: u32, count: usize) {
        self.resize(self.len() + count, number);
    }

    fn packed(&mut self, bytes: &[u8], width: u32, count: usize) {
        groups(bytes, width, count, self);
    }
}

/// Numbers as runs, as long as these are long.
#[derive(Default)]
pub(super) struct Runs {
    runs: Vec<(u32, u32)>,
    /// Each number, from when the runs were too many.
    each: Option<Vec<u32>>,
    /// Room for a few numbers that are no runs yet.
    some: Vec<u32>,
}

/// Numbers that a run has on average, at least.
const RUN: usize = 16;

impl Runs {
    pub(super) fn into_codes(self) -> RowCodes {
        match self {
            Runs { each: Some(each), .. } => RowCodes::Each(each),
            Runs { runs, .. } => RowCodes::Runs(runs),
        }
    }

    /// Each number, for whoever has others to add one by one.
    pub(super) fn each(&mut self) -> &mut Vec<u32> {
        let runs = std::mem::take(&mut self.runs);
        self.each.get_or_insert_with(|| RowCodes::Runs(runs).into_rows())
    }
}

impl Unpacked for Runs {
    fn count(&self) -> usize {
        match &self.each {
            Some(each) => each.len(),
            None => self.runs.last().map_or(0, |(_, end)| *end as usize),
        }
    }

    fn run(&mut self, number: u32, count: usize) {
        if let Some(each) = &mut self.each {
            return each.run(number, count);
        }
        let end = (self.count() + count) as u32;
        match self.runs.last_mut() {
            Some((last, last_end)) if *last == number => *last_end = end,
            _ => self.runs.push((number, end)),
        }
    }

    fn packed(&mut self, bytes: &[u8], width: u32, count: usize) {
        if self.each.is_none() && (self.runs.len() + count) * RUN > self.count() + count + FIRST {
            self.each();
        }
        if let Some(each) = &mut self.each {
            return each.packed(bytes, width, count);
        }
        let mut some = std::mem::take(&mut self.some);
        some.clear();
        groups(bytes, width, count, &mut some);
        for same in some.chunk_by(u32::eq) {
            same.first().into_iter().for_each(|number| self.run(*number, same.len()));
        }
        self.some = some;
    }
}

/// Numbers at the beginning that may come one by one: a run may follow.
const FIRST: usize = 1 << 10;

/// Appends `count` numbers of `width` bits out of the hybrid of runs and groups (`RLE`); none if there are not as many.
pub(super) fn numbers(
    from: &mut Cursor<'_>,
    width: u32,
    count: usize,
    out: &mut impl Unpacked,
) -> Option<()> {
    if width > u32::BITS {
        return None;
    }
    let end = out.count().checked_add(count).filter(|end| u32::try_from(*end).is_ok())?;
    while out.count() < end {
        let (head, left) = (from.number()?, end - out.count());
        let length = usize::try_from(head >> 1).ok().filter(|length| *length > 0)?;
        if head & 1 == 0 {
            let mut number = [0; 4];
            let bytes = from.take(width.div_ceil(8) as usize)?;
            number.get_mut(..bytes.len())?.copy_from_slice(bytes);
            out.run(u32::from_le_bytes(number), length.min(left));
        } else {
            // Numbers are found faster where something lies behind them, whatever it is.
            let packed = from.bytes;
            from.take(length.checked_mul(width as usize)?)?;
            out.packed(packed, width, length.saturating_mul(GROUP).min(left));
        }
    }
    Some(())
}

/// Whole numbers out of packed differences (`DELTA_BINARY_PACKED`), `count` of them; none if there are others, or
/// differences of more than 32 bits.
pub(super) fn summed(from: &mut Cursor<'_>, count: usize, out: &mut Vec<i64>) -> Option<()> {
    let signed = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
    let (block, miniblocks) = (usize::try_from(from.number()?).ok()?, usize::try_from(from.number()?).ok()?);
    let length = block.checked_div(miniblocks).filter(|length| *length > 0 && length % 32 == 0)?;
    if from.number()? != count as u64 || miniblocks > MINIBLOCKS_MAX {
        return None;
    }
    let mut number = signed(from.number()?);
    let end = out.len() + count;
    if count > 0 {
        out.push(number);
    }
    let mut above = Vec::with_capacity(length.min(count));
    while out.len() < end {
        let least = signed(from.number()?);
        for width in from.take(miniblocks)? {
            let left = end - out.len();
            // Those behind the last number may be left out.
            if left == 0 {
                break;
            }
            let width = u32::from(*width);
            let packed = from.bytes;
            from.take((length / 8).checked_mul(width as usize)?).filter(|_| width <= u32::BITS)?;
            above.clear();
            groups(packed, width, length.min(left), &mut above);
            out.extend(above.iter().map(|above| {
                number = number.wrapping_add(least).wrapping_add((*above).into());
                number
            }));
        }
    }
    Some(())
}

/// More than any writer makes of a block.
const MINIBLOCKS_MAX: usize = 1 << 10;

/// Appends `count` numbers out of bits that are laid from the lowest up.
fn groups(packed: &[u8], width: u32, count: usize, out: &mut Vec<u32>) {
    let begins = out.len();
    out.resize(begins + count, 0);
    let out = out.get_mut(begins..).unwrap_or_default();
    let mut done = 0;
    if let Some(eights) = EIGHTS.get(width as usize) {
        done = eights(packed, out.as_chunks_mut().0);
    }
    let (width, mask) = (width as usize, (1u64 << width) - 1);
    for (place, number) in out.iter_mut().enumerate().skip(done) {
        // Eight bytes hold a number wherever it begins in the first of them; behind the last there may be none.
        let rest = packed.get(place * width / 8..).unwrap_or_default();
        let bytes = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            last
        });
        *number = (u64::from_le_bytes(bytes) >> (place * width % 8) & mask) as u32;
    }
}

type Eights = fn(&[u8], &mut [[u32; GROUP]]) -> usize;

/// How whole groups of numbers are unpacked, by the bits of a number: of each width the shifts are known beforehand.
const EIGHTS: [Eights; 17] = [
    eights::<0>,
    eights::<1>,
    eights::<2>,
    eights::<3>,
    eights::<4>,
    eights::<5>,
    eights::<6>,
    eights::<7>,
    eights::<8>,
    eights::<9>,
    eights::<10>,
    eights::<11>,
    eights::<12>,
    eights::<13>,
    eights::<14>,
    eights::<15>,
    eights::<16>,
];

/// Fills groups as long as sixteen bytes are left to look at, and returns how many numbers that are.
fn eights<const WIDTH: usize>(packed: &[u8], out: &mut [[u32; GROUP]]) -> usize {
    let mut done = 0;
    for group in out {
        let Some(bytes) = packed.get(done / GROUP * WIDTH..).and_then(<[u8]>::first_chunk) else { break };
        let bits = u128::from_le_bytes(*bytes);
        *group = std::array::from_fn(|place| (bits >> (place * WIDTH)) as u32 & ((1 << WIDTH) - 1));
        done += GROUP;
    }
    done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packing::{differences, runs};
    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            width in 1u32..=32,
            stretches in proptest::collection::vec((any::<u32>(), 1usize..30), 0..40),
            behind in proptest::collection::vec(any::<u8>(), 0..9))
        {
            let low = |number: u32| number & (u32::MAX >> (32 - width));
            let all: Vec<u32> =
                stretches.iter().flat_map(|(number, length)| std::iter::repeat_n(low(*number), *length)).collect();
            let mut packed = Vec::new();
            runs(&all, width, &mut packed);
            let length = packed.len();
            packed.extend(&behind);
            let (mut cursor, mut read) = (Cursor { bytes: &packed }, Vec::new());
            prop_assert_eq!(numbers(&mut cursor, width, all.len(), &mut read), Some(()));
            prop_assert_eq!(&read, &all);
            prop_assert_eq!(cursor.bytes, &behind);
            let (mut cursor, mut runs) = (Cursor { bytes: &packed }, Runs::default());
            for part in [all.len() / 2, all.len() - all.len() / 2] {
                let mut again = Vec::new();
                super::super::packing::runs(&all[runs.count()..][..part], width, &mut again);
                prop_assert_eq!(numbers(&mut Cursor { bytes: &again }, width, part, &mut runs), Some(()));
            }
            prop_assert_eq!(runs.count(), all.len());
            prop_assert_eq!(runs.into_codes().into_rows(), all.clone());
            let mut whole = Runs::default();
            prop_assert_eq!(numbers(&mut cursor, width, all.len(), &mut whole), Some(()));
            if let RowCodes::Runs(runs) = whole.into_codes() {
                prop_assert!(runs.array_windows().all(|[one, other]| one.0 != other.0 && one.1 < other.1));
            }
            // Of what is cut short there are not as many.
            let cut = numbers(&mut Cursor { bytes: &packed[..length.saturating_sub(1)] }, width, all.len(), &mut Vec::new());
            prop_assert!(cut.is_none() || all.is_empty());
        }

        #[test]
        fn differences_are_added_up(
            mut all in proptest::collection::vec(prop_oneof![4 => -9i64..300, 1 => any::<i64>()], 0..300),
            near: bool,
            behind in proptest::collection::vec(any::<u8>(), 0..9),
        ) {
            if near {
                all.iter_mut().for_each(|number| *number %= 1 << 30);
            }
            let mut packed = Vec::new();
            differences(&all, &mut packed);
            packed.extend(&behind);
            let (mut cursor, mut read) = (Cursor { bytes: &packed }, vec![7]);
            match summed(&mut cursor, all.len(), &mut read) {
                Some(()) => {
                    prop_assert_eq!(&read[1..], &all);
                    prop_assert_eq!(cursor.bytes, &behind);
                }
                None => prop_assert!(!near, "differences of 32 bits are read"),
            }
            prop_assert_eq!(summed(&mut Cursor { bytes: &packed }, all.len() + 1, &mut Vec::new()), None);
        }

        #[test]
        fn other_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60), width in 0u32..40) {
            let _ = numbers(&mut Cursor { bytes: &bytes }, width, 1000, &mut Vec::new());
            let _ = numbers(&mut Cursor { bytes: &bytes }, width, 1000, &mut Runs::default());
            let _ = summed(&mut Cursor { bytes: &bytes }, 1000, &mut Vec::new());
        }
    }
}
