//! A frame as bytes and back, for a while: only this process reads them.

use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::cursor::{Cursor, uleb};
use super::{Coded, Frame};
use crate::model::{Exact, Value};

/// Writes a frame with those values alone that its rows use. Codes take one, two or four bytes each, as many as the
/// number of values asks for.
pub fn pack(frame: &Frame) -> Vec<u8> {
    let mut out = Out { bytes: Vec::with_capacity(frame.rows() * (frame.columns.len() + 4)) };
    out.number(frame.files.len() as u64);
    for (file, sheet, hash) in &frame.files {
        [file, sheet, hash].into_iter().for_each(|text| out.text(text));
    }
    out.number(frame.rows() as u64);
    let file: Vec<u32> = frame.file.to_vec().into_iter().map(|file| file as u32).collect();
    out.codes(&file, frame.files.len());
    // Lines climb by one, or nearly so.
    let mut above = 0;
    for line in frame.line.to_vec() {
        out.number(line.wrapping_sub(above));
        above = line;
    }
    let mut keys: Vec<&Arc<Vec<u32>>> = Vec::new();
    for (_, own) in frame.columns.iter().filter_map(|(_, column)| column.own_codes().by_keys()) {
        if !keys.iter().any(|known| Arc::ptr_eq(known, own)) {
            keys.push(own);
        }
    }
    out.number(keys.len() as u64);
    for own in &keys {
        let count = own.iter().max().map_or(0, |last| *last as usize + 1);
        out.number(count as u64);
        out.codes(own, count);
    }
    out.number(frame.columns.len() as u64);
    for (name, column) in &frame.columns {
        out.text(name);
        out.column(column, &keys);
    }
    out.bytes
}

/// Reads what [`pack`] wrote; nothing if it is something else.
pub fn unpack(bytes: &[u8]) -> Option<Frame> {
    let mut from = Cursor { bytes };
    let files = (0..from.number()?).map(|_| Some((from.text()?, from.text()?, from.text()?)));
    let files: Vec<_> = files.collect::<Option<_>>()?;
    let rows = usize::try_from(from.number()?).ok()?;
    // Every row has a line, which takes a byte at least.
    if rows > from.bytes.len() {
        return None;
    }
    let file = from.codes(rows, files.len())?;
    let mut above = 0u64;
    let line = (0..rows).map(|_| {
        above = above.wrapping_add(from.number()?);
        Some(above)
    });
    let line = line.collect::<Option<Vec<u64>>>()?;
    let keys = (0..from.number()?).map(|_| {
        let count = usize::try_from(from.number()?).ok()?;
        Some((Arc::new(from.codes(rows, count)?), count))
    });
    let keys: Vec<(Arc<Vec<u32>>, usize)> = keys.collect::<Option<_>>()?;
    let mut frame = Frame::new(file, line, files);
    for _ in 0..from.number()? {
        let name = from.text()?;
        frame.set(&name, from.column(rows, &keys)?);
    }
    Some(frame)
}

struct Out {
    bytes: Vec<u8>,
}

impl Out {
    fn number(&mut self, number: u64) {
        uleb(number, &mut self.bytes);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn codes(&mut self, codes: &[u32], values: usize) {
        match values {
            0..=1 => {}
            2..=0x100 => self.bytes.extend(codes.iter().map(|code| *code as u8)),
            0x101..=0x1_0000 => {
                codes.iter().for_each(|code| self.bytes.extend_from_slice(&(*code as u16).to_le_bytes()))
            }
            _ => codes.iter().for_each(|code| self.bytes.extend_from_slice(&code.to_le_bytes())),
        }
    }

    /// A column by its keys, which are numbered from one, or row by row.
    fn column(&mut self, column: &Coded<Value>, keys: &[&Arc<Vec<u32>>]) {
        // The codes of a constant take no bytes, whereas every row and key that is asked for has to take some.
        let by_keys = column.own_codes().by_keys().filter(|_| column.values().len() > 1);
        let place = by_keys.and_then(|(_, own)| keys.iter().position(|known| Arc::ptr_eq(known, own)));
        self.number(place.map_or(0, |place| place as u64 + 1));
        let column = if by_keys.is_some() { column.clone() } else { column.compact() };
        self.number(column.values().len() as u64);
        column.values().iter().for_each(|value| self.value(value));
        match by_keys {
            Some((of_keys, _)) => {
                self.number(of_keys.len() as u64);
                self.codes(of_keys, column.values().len());
            }
            None => self.codes(column.codes(), column.values().len()),
        }
    }

    fn value(&mut self, value: &Value) {
        let mut tagged = |tag: u8, bytes: &[u8]| {
            self.bytes.push(tag);
            self.bytes.extend_from_slice(bytes);
        };
        match value {
            Value::Missing => tagged(0, &[]),
            Value::Text(text) => {
                tagged(1, &[]);
                self.text(text);
            }
            Value::Date(day) => {
                let [high, low] = day.year().to_le_bytes();
                tagged(2, &[high, low, day.month() as u8, day.day() as u8]);
            }
            Value::Integer(number) => tagged(3, &number.to_le_bytes()),
            Value::Decimal(number) => tagged(4, &number.0.serialize()),
        }
    }
}

impl Cursor<'_> {
    fn text(&mut self) -> Option<Arc<str>> {
        let length = usize::try_from(self.number()?).ok()?;
        Some(Arc::from(std::str::from_utf8(self.take(length)?).ok()?))
    }

    fn codes(&mut self, rows: usize, values: usize) -> Option<Vec<u32>> {
        let codes: Vec<u32> = match values {
            0..=1 => vec![0; rows],
            2..=0x100 => self.take(rows)?.iter().map(|code| u32::from(*code)).collect(),
            0x101..=0x1_0000 => {
                let pairs = self.take(rows.checked_mul(2)?)?.as_chunks().0.iter();
                pairs.map(|pair| u32::from(u16::from_le_bytes(*pair))).collect()
            }
            _ => {
                let fours = self.take(rows.checked_mul(4)?)?.as_chunks().0.iter();
                fours.map(|four| u32::from_le_bytes(*four)).collect()
            }
        };
        (rows == 0 || codes.iter().all(|code| (*code as usize) < values)).then_some(codes)
    }

    fn column(&mut self, rows: usize, keys: &[(Arc<Vec<u32>>, usize)]) -> Option<Coded<Value>> {
        let place = usize::try_from(self.number()?).ok()?.checked_sub(1);
        let values = (0..self.number()?).map(|_| self.value()).collect::<Option<Vec<Value>>>()?;
        let Some(place) = place else {
            if let [only] = values.as_slice() {
                return Some(Coded::constant(only.clone(), rows));
            }
            let codes = self.codes(rows, values.len())?;
            return Some(Coded::new(values, codes));
        };
        let (keys, least) = keys.get(place)?;
        let count = usize::try_from(self.number()?).ok()?;
        let is_told = count >= *least && values.len() > 1;
        let of_keys = is_told.then(|| self.codes(count, values.len())).flatten()?;
        Some(Coded::keyed(values, of_keys, keys.clone()))
    }

    fn value(&mut self) -> Option<Value> {
        let [tag] = self.array()?;
        Some(match tag {
            0 => Value::Missing,
            1 => Value::Text(self.text()?),
            2 => {
                let [high, low, month, day] = self.array()?;
                let year = i16::from_le_bytes([high, low]);
                Value::Date(Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?)
            }
            3 => Value::Integer(i64::from_le_bytes(self.array()?)),
            4 => Value::Decimal(Exact(Decimal::deserialize(self.array()?))),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Missing),
            "[a-z甲]{0,3}".prop_map(|text| Value::text(&text)),
            (1i16..3000, 1i8..13, 1i8..29).prop_map(|(y, m, d)| Value::Date(jiff::civil::date(y, m, d))),
            any::<i64>().prop_map(Value::Integer),
            (any::<i64>(), 0u32..28).prop_map(|(n, scale)| Value::Decimal(Exact(Decimal::new(n, scale)))),
        ]
    }

    /// Rows of a frame as values, with their places.
    fn spelt(frame: &Frame) -> Vec<(String, Vec<(String, Value)>)> {
        let columns = || frame.columns.iter();
        let row =
            |row| columns().map(move |(name, column)| (name.clone(), column.get(row).clone())).collect();
        let place = |row| format!("{:?} {}", frame.origin(row), frame.input_hash(row));
        (0..frame.rows()).map(|at| (place(at), row(at))).collect()
    }

    proptest! {
        #[test]
        fn frames_come_back(
            rows in proptest::collection::vec((value(), value(), 0u32..2, any::<u64>()), 0..40),
            repeat in prop_oneof![Just(1usize), Just(300)],
            taken in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            // Repeated with a number behind it, so that codes need more than a byte.
            let rows: Vec<_> = std::iter::repeat_n(rows, repeat).flatten().collect();
            let text: Arc<str> = Arc::from("a");
            let files = vec![(text.clone(), text.clone(), text.clone()), (Arc::from("b"), text.clone(), text)];
            let lines = rows.iter().map(|row| row.3).collect();
            let mut frame = Frame::new(rows.iter().map(|row| row.2).collect(), lines, files);
            frame.set("one", Coded::from_values(rows.iter().map(|row| row.0.clone())));
            frame.set("two", Coded::from_values((0..rows.len() as i64).map(Value::Integer)));
            let keys = Arc::new((0..rows.len() as u32).map(|row| row / 2).collect::<Vec<u32>>());
            let halves = (0..rows.len().div_ceil(2) as u32).collect::<Vec<u32>>();
            for (name, values) in [("three", halves.iter().map(|half| Value::Integer((*half).into())).collect()), ("four", vec![Value::Missing])] {
                let of_keys = halves.iter().map(|half| half % values.len().max(1) as u32).collect();
                frame.set(name, Coded::keyed(values, of_keys, keys.clone()));
            }
            prop_assert_eq!(spelt(&unpack(&pack(&frame)).expect("a frame")), spelt(&frame));
            let some: Vec<u32> = if rows.is_empty() { Vec::new() } else { taken.iter().map(|at| at.index(rows.len()) as u32).collect() };
            let part = frame.take(&some);
            prop_assert_eq!(spelt(&unpack(&pack(&part)).expect("a frame")), spelt(&part));
        }

        #[test]
        fn other_bytes_are_no_frame_and_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = unpack(&bytes);
        }
    }
}
