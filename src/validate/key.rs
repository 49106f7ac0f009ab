use std::cmp::Ordering;

use jiff::civil::Date;

use super::VERSION;
use crate::column::{Coded, Frame, combine};
use crate::model::Value;

/// Which rows stand, and why the others do not. Each row is in exactly one list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    pub accepted: Vec<u32>,
    /// Same key and same values as an earlier row.
    pub duplicate: Vec<u32>,
    /// Same key, other values, and a later record of the key exists.
    pub superseded: Vec<u32>,
    /// What stands on the as-of day: the accepted rows, but where the later record is dated behind that
    /// day, the latest of those before it.
    pub standing: Vec<u32>,
}

/// Settles repeated keys: of equal records the first to arrive stands for all; of differing records the
/// one of the highest version stands, and without versions the one that first arrived last. So a file
/// that is sent again, under whatever name, changes nothing.
///
/// Two differing records of equal version leave arrival to decide; with distinct versions the outcome
/// does not depend on arrival. Columns whose name begins with `$` are no part of the content.
pub fn resolve(frame: &Frame, key: &[&str], as_of: Date) -> Resolution {
    let rows = frame.rows();
    let key_columns: Vec<&Coded<Value>> = key.iter().filter_map(|name| frame.column(name)).collect();
    let (keys, key_count) = combine(key_columns, rows);
    if key_count == rows {
        let all: Vec<u32> = (0..rows as u32).collect();
        return Resolution { accepted: all.clone(), standing: all, ..Resolution::default() };
    }
    let mut times = vec![0u32; key_count];
    keys.iter().for_each(|key| times[*key as usize] += 1);
    // Most keys occur once, and then nothing has to be compared.
    let repeated: Vec<u32> = (0..rows as u32).filter(|row| times[keys[*row as usize] as usize] > 1).collect();
    let settled = settle(&frame.take(&repeated), key, as_of);
    let mut fates = vec![Fate { standing: true, ..Fate::default() }; rows];
    for (row, fate) in repeated.into_iter().zip(settled) {
        fates[row as usize] = fate;
    }
    let mut resolution = Resolution::default();
    for (row, fate) in (0..).zip(fates) {
        if fate.standing {
            resolution.standing.push(row);
        }
        match fate.kind {
            Kind::Accepted => resolution.accepted.push(row),
            Kind::Duplicate => resolution.duplicate.push(row),
            Kind::Superseded => resolution.superseded.push(row),
        }
    }
    resolution
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    kind: Kind,
    standing: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    #[default]
    Accepted,
    Duplicate,
    Superseded,
}

/// Settles rows by comparing all that they say.
fn settle(frame: &Frame, key: &[&str], as_of: Date) -> Vec<Fate> {
    let rows = frame.rows();
    let key_columns: Vec<&Coded<Value>> = key.iter().filter_map(|name| frame.column(name)).collect();
    let (keys, key_count) = combine(key_columns, rows);
    let content = frame.names().filter(|name| !name.starts_with('$')).filter_map(|name| frame.column(name));
    let (contents, content_count) = combine(content, rows);
    let version = frame.column(VERSION);
    let mut first: Vec<Option<u32>> = vec![None; content_count];
    let mut latest: Vec<Option<u32>> = vec![None; content_count];
    for row in 0..rows as u32 {
        let content = contents[row as usize] as usize;
        first[content].get_or_insert(row);
        let later = latest[content].is_none_or(|other| compare(version, row, other) == Ordering::Greater);
        if later {
            latest[content] = Some(row);
        }
    }
    // Equal contents have equal keys, for the key is part of the content.
    let is_seen = |row: u32| {
        let version = version.and_then(|version| version.get(row as usize).as_date());
        version.is_none_or(|day| day <= as_of)
    };
    let best_of = |wanted: &dyn Fn(u32) -> bool| {
        let mut best: Vec<Option<(u32, u32)>> = vec![None; key_count];
        for (first, latest) in first.iter().zip(&latest) {
            let (Some(first), Some(latest)) = (*first, *latest) else { continue };
            let best = &mut best[keys[first as usize] as usize];
            let later = |(own, other): (u32, u32)| {
                compare(version, latest, other).then(first.cmp(&own)) == Ordering::Greater
            };
            if wanted(first) && best.is_none_or(later) {
                *best = Some((first, latest));
            }
        }
        best
    };
    let last = best_of(&|_| true);
    let seen = best_of(&is_seen);
    let fate = |row: u32| {
        let key = keys[row as usize] as usize;
        let is = |best: Option<(u32, u32)>| best.is_some_and(|(first, _)| first == row);
        let kind = match first[contents[row as usize] as usize] {
            Some(first) if first != row => Kind::Duplicate,
            _ if is(last[key]) => Kind::Accepted,
            _ => Kind::Superseded,
        };
        Fate { kind, standing: is(seen[key].or(last[key])) }
    };
    (0..rows as u32).map(fate).collect()
}

fn compare(version: Option<&Coded<Value>>, a: u32, b: u32) -> Ordering {
    version.map_or(Ordering::Equal, |version| version.get(a as usize).cmp(version.get(b as usize)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use jiff::civil::date;

    const END: Date = date(2020, 12, 31);

    /// Key, value, version.
    type Row = (u8, u8, Option<i64>);

    fn frame(rows: &[Row]) -> Frame {
        let text: Arc<str> = Arc::from("");
        let mut frame = Frame::new(
            vec![0; rows.len()],
            (1..=rows.len() as u64).collect(),
            vec![(text.clone(), text.clone(), text)],
        );
        let column = |get: &dyn Fn(&Row) -> Value| Coded::from_values(rows.iter().map(get));
        frame.set("key", column(&|row| Value::Integer(row.0.into())));
        frame.set("value", column(&|row| Value::Integer(row.1.into())));
        if rows.iter().any(|row| row.2.is_some()) {
            frame.set(VERSION, column(&|row| row.2.map_or(Value::Missing, Value::Integer)));
        }
        frame
    }

    #[test]
    fn repeated_keys_are_settled() {
        type Case = (&'static [(u8, u8, Option<i64>)], &'static [u32], &'static [u32], &'static [u32]);
        let cases: &[Case] = &[
            (&[], &[], &[], &[]),
            (&[(1, 1, None), (2, 1, None)], &[0, 1], &[], &[]),
            (&[(1, 1, None), (1, 1, None)], &[0], &[1], &[]),
            (&[(1, 1, None), (1, 2, None)], &[1], &[], &[0]),
            (&[(1, 1, None), (1, 2, None), (1, 1, None)], &[1], &[2], &[0]),
            (&[(1, 1, Some(2)), (1, 2, Some(1))], &[0], &[], &[1]),
            (&[(1, 1, None), (1, 2, Some(1))], &[1], &[], &[0]),
            (&[(1, 1, Some(1)), (1, 2, Some(2)), (1, 1, Some(3))], &[0], &[2], &[1]),
        ];
        for (rows, accepted, duplicate, superseded) in cases {
            let found = resolve(&frame(rows), &["key"], END);
            let expected = Resolution {
                accepted: accepted.to_vec(),
                duplicate: duplicate.to_vec(),
                superseded: superseded.to_vec(),
                standing: accepted.to_vec(),
            };
            assert_eq!(found, expected, "{rows:?}");
        }
    }

    #[test]
    fn a_correction_behind_the_as_of_day_is_not_seen_yet() {
        let mut frame = frame(&[(1, 1, None), (1, 2, None)]);
        let days = [date(2020, 2, 1), date(2020, 9, 1)];
        frame.set(VERSION, Coded::from_values(days.map(Value::Date)));
        let standing = |as_of| resolve(&frame, &["key"], as_of).standing;
        assert_eq!(standing(date(2020, 6, 30)), [0]);
        assert_eq!(standing(date(2020, 9, 1)), [1]);
        // Nothing of it is seen: the record stands as pending.
        assert_eq!(standing(date(2020, 1, 1)), [1]);
    }

    proptest! {
        #[test]
        fn every_row_is_accounted_for_once(rows in proptest::collection::vec((0u8..4, 0u8..3, proptest::option::of(0i64..3)), 0..30)) {
            let found = resolve(&frame(&rows), &["key"], END);
            let mut all: Vec<u32> = [found.accepted, found.duplicate, found.superseded].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows.len() as u32).collect::<Vec<_>>());
        }

        #[test]
        fn with_distinct_versions_arrival_does_not_matter(
            (rows, shuffled) in proptest::collection::vec((0u8..4, 0u8..9), 0..20).prop_flat_map(|rows| {
                let rows: Vec<(u8, u8, Option<i64>)> = rows.iter().enumerate().map(|(i, row)| (row.0, row.1, Some(i as i64))).collect();
                (Just(rows.clone()), Just(rows).prop_shuffle())
            })
        ) {
            let standing = |rows: &[(u8, u8, Option<i64>)]| {
                let mut standing: Vec<_> = resolve(&frame(rows), &["key"], END).accepted.iter().map(|row| (rows[*row as usize].0, rows[*row as usize].1)).collect();
                standing.sort_unstable();
                standing
            };
            prop_assert_eq!(standing(&rows), standing(&shuffled));
        }
    }
}
