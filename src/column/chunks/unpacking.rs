//! What [`super::packing`] packs, as numbers again.

use crate::column::cursor::Cursor;

/// Numbers of a bit-packed group.
const GROUP: usize = 8;

/// Appends `count` numbers of `width` bits out of the hybrid of runs and groups (`RLE`); none if there are not as many.
pub(super) fn numbers(from: &mut Cursor<'_>, width: u32, count: usize, out: &mut Vec<u32>) -> Option<()> {
    if width > u32::BITS {
        return None;
    }
    let end = out.len().checked_add(count)?;
    while out.len() < end {
        let (head, left) = (from.number()?, end - out.len());
        let length = usize::try_from(head >> 1).ok()?;
        if head & 1 == 0 {
            let mut number = [0; 4];
            let bytes = from.take(width.div_ceil(8) as usize)?;
            number.get_mut(..bytes.len())?.copy_from_slice(bytes);
            if length == 0 {
                return None;
            }
            out.resize(out.len() + length.min(left), u32::from_le_bytes(number));
        } else {
            let packed = from.take(length.checked_mul(width as usize)?)?;
            if length == 0 {
                return None;
            }
            groups(packed, width, length.saturating_mul(GROUP).min(left), out);
        }
    }
    Some(())
}

/// Appends `count` numbers out of bits that are laid from the lowest up.
fn groups(packed: &[u8], width: u32, count: usize, out: &mut Vec<u32>) {
    let begins = out.len();
    out.resize(begins + count, 0);
    let out = out.get_mut(begins..).unwrap_or_default();
    let mask = (1u64 << width) - 1;
    // Eight bytes hold a number wherever it begins in the first of them, and four numbers of up to sixteen bits that
    // begin in the middle of it or where it does.
    let window = |bit: usize| {
        let bytes = packed.get(bit / 8..).and_then(<[u8]>::first_chunk::<8>)?;
        Some(u64::from_le_bytes(*bytes) >> (bit % 8))
    };
    let (width, mut done) = (width as usize, 0);
    if width <= 16 {
        for group in out.as_chunks_mut::<GROUP>().0 {
            let bit = done * width;
            let Some((low, high)) = window(bit).zip(window(bit + 4 * width)) else { break };
            let [four, more] =
                [low, high].map(|bits| [0, 1, 2, 3].map(|place| (bits >> (place * width) & mask) as u32));
            let (first, second) = group.split_at_mut(4);
            first.copy_from_slice(&four);
            second.copy_from_slice(&more);
            done += GROUP;
        }
    }
    for (place, number) in out.iter_mut().enumerate().skip(done) {
        let bits = window(place * width).unwrap_or_else(|| {
            let mut last = [0; 8];
            let rest = packed.get(place * width / 8..).unwrap_or_default();
            last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            u64::from_le_bytes(last) >> (place * width % 8)
        });
        *number = (bits & mask) as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packing::runs;
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
            // Of what is cut short there are not as many.
            let cut = numbers(&mut Cursor { bytes: &packed[..length.saturating_sub(1)] }, width, all.len(), &mut Vec::new());
            prop_assert!(cut.is_none() || all.is_empty());
        }

        #[test]
        fn other_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60), width in 0u32..40) {
            let _ = numbers(&mut Cursor { bytes: &bytes }, width, 1000, &mut Vec::new());
        }
    }
}
