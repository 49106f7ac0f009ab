//! The columns of a table while it is read.
//!
//! Most records say what others said before: the first fields are those of the record above, as the attributes of a
//! sample are on each of its determinations, and the others those of some record, as an analyte that was not found has
//! its unit and its limit beside it. So a record is cut in two, its beginning compared with the one above as bytes, its
//! end looked up as one text, and fields are split off only where either is new.

use std::sync::Arc;

use hashbrown::HashSet;
use memchr::{memchr_iter, memchr3, memchr3_iter};

use super::records::{Fields, Found, Records, Splitter};
use crate::column::{Coded, Dictionary, Unmet};

/// The columns that are coded, each from one place in the record.
#[derive(Debug)]
pub(super) struct Columns {
    /// Place in the record of every column.
    places: Vec<usize>,
    dictionaries: Vec<Dictionary>,
    /// Fields that a record has.
    width: usize,
    /// Fields of a beginning; all of them where nothing is known to repeat.
    cut: usize,
    beginnings: Parts,
    ends: Parts,
    /// Ends by their bytes, and the part that each of them is.
    known: Dictionary,
    known_ends: Vec<u32>,
    /// Bytes of the beginning of the record above, if it lies before the next one.
    above: Option<(usize, usize)>,
    line_fields: Vec<(usize, usize)>,
    /// Where the fields of an end stop.
    line_ends: Vec<usize>,
}

/// Distinct, or at least differently written, parts of records.
#[derive(Debug)]
struct Parts {
    /// The columns that lie in such a part.
    columns: Vec<usize>,
    /// By column, the code of each part.
    codes: Vec<Vec<u32>>,
    count: usize,
    /// The part that each row has.
    keys: Vec<u32>,
}

/// Ends that are new are looked for as long as there are few of them among so many.
const ENDS_TRIED: usize = 1 << 13;

impl Columns {
    /// `width` is the number of fields of a record, `cut` that of a beginning, if records have one.
    pub(super) fn new(places: Vec<usize>, width: usize, cut: Option<usize>) -> Columns {
        let cut = cut.unwrap_or(usize::MAX);
        let (beginnings, ends) = (0..places.len()).partition(|column| places[*column] < cut);
        Columns {
            dictionaries: places.iter().map(|_| Dictionary::new()).collect(),
            places,
            width,
            cut,
            beginnings: Parts::new(beginnings),
            ends: Parts::new(ends),
            known: Dictionary::new(),
            known_ends: Vec::new(),
            above: None,
            line_fields: Vec::new(),
            line_ends: Vec::new(),
        }
    }

    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// Bytes that are split from now on are others than before.
    pub(super) fn begin_window(&mut self) {
        self.above = None;
    }

    /// Codes the next record if it is a plain one, and steps over it. What has quotes, another number of fields, or no
    /// end here takes the long way.
    pub(super) fn add_plain(&mut self, splitter: &mut Splitter<'_>) -> bool {
        if self.cut == usize::MAX {
            return false;
        }
        let (start, rest, delimiter) = (splitter.position(), splitter.rest(), splitter.delimiter());
        let repeated = self.above.filter(|(above, length)| {
            splitter.bytes(*above, *length).is_some_and(|beginning| rest.starts_with(beginning))
        });
        let (length, is_new) = match repeated {
            Some((_, length)) => (length, false),
            None => match self.split(rest, delimiter) {
                Some(length) => (length, true),
                None => return false,
            },
        };
        let behind = rest.get(length..).unwrap_or_default();
        let Some(stop) = memchr3(b'\r', b'\n', b'"', behind).filter(|stop| behind.get(*stop) != Some(&b'"'))
        else {
            return false;
        };
        let end = behind.get(..stop).unwrap_or_default();
        let key = match self.known.look_up(end) {
            Ok(code) => self.known_ends.get(code as usize).copied(),
            Err(unmet) => self.add_end(end, unmet, delimiter),
        };
        let Some(key) = key else { return false };
        if is_new {
            let Columns { places, dictionaries, beginnings, line_fields, .. } = self;
            beginnings.add(dictionaries, |column| {
                let (from, to) = line_fields[places[column]];
                rest.get(from..to).unwrap_or_default()
            });
        }
        self.beginnings.repeat();
        self.ends.keys.push(key);
        self.above = Some((start, length));
        splitter.pass(length + stop);
        true
    }

    /// Length of the beginning of a record with the delimiter behind it; its fields are noted.
    fn split(&mut self, rest: &[u8], delimiter: u8) -> Option<usize> {
        self.line_fields.clear();
        let mut start = 0;
        let mut ends = memchr3_iter(delimiter, b'\r', b'\n', rest);
        for _ in 0..self.cut {
            let end = ends.next()?;
            if rest.get(start) == Some(&b'"') || rest.get(end) != Some(&delimiter) {
                return None;
            }
            self.line_fields.push((start, end));
            start = end + 1;
        }
        Some(start)
    }

    /// Adds an end without quotes that was not met before, if it has as many fields as it should have.
    fn add_end(&mut self, end: &[u8], unmet: Unmet, delimiter: u8) -> Option<u32> {
        let Columns { places, dictionaries, width, cut, ends, known, known_ends, line_ends, .. } = self;
        line_ends.clear();
        line_ends.extend(memchr_iter(delimiter, end).chain([end.len()]));
        if line_ends.len() != *width - *cut {
            return None;
        }
        ends.add(dictionaries, |column| {
            let field = places[column] - *cut;
            let before = field.checked_sub(1).and_then(|before| line_ends.get(before));
            let to = line_ends.get(field).copied().unwrap_or_default();
            end.get(before.map_or(0, |end| end + 1)..to).unwrap_or_default()
        });
        let key = ends.count as u32 - 1;
        // Where nearly all ends are new, remembering them is in vain.
        if known.len() < ENDS_TRIED || known.len() < ends.keys.len() / 2 {
            known.add(end, unmet);
            known_ends.push(key);
        }
        Some(key)
    }

    /// Codes a record whose fields are split off already; the first `same` of them are those of the row above.
    pub(super) fn add(&mut self, fields: &Fields, same: usize) {
        let Columns { places, dictionaries, beginnings, ends, cut, .. } = self;
        if same < *cut || beginnings.count == 0 {
            beginnings.add_beside(places, same, dictionaries, fields);
        }
        beginnings.repeat();
        if !ends.columns.is_empty() || ends.count == 0 {
            ends.add_beside(places, same, dictionaries, fields);
        }
        ends.repeat();
        self.above = None;
    }

    /// Makes room for so many rows more.
    pub(super) fn reserve(&mut self, rows: usize) {
        // Beginnings go on to be new ones, ends do so less and less.
        self.beginnings.reserve_parts(rows);
        [&mut self.beginnings, &mut self.ends].into_iter().for_each(|parts| parts.keys.reserve(rows));
    }

    /// Each column over what `decode` makes of the texts of its dictionary.
    pub(super) fn finish<T>(self, mut decode: impl FnMut(usize, &Dictionary) -> Vec<T>) -> Vec<Coded<T>> {
        let Columns { dictionaries, beginnings, ends, .. } = self;
        let mut columns: Vec<Option<Coded<T>>> = dictionaries.iter().map(|_| None).collect();
        for Parts { columns: own, codes, count, keys } in [beginnings, ends] {
            // Parts that are as many as the rows share nothing.
            let is_plain = count * 2 > keys.len();
            let keys = Arc::new(keys);
            for (column, codes) in own.into_iter().zip(codes) {
                let values = decode(column, &dictionaries[column]);
                columns[column] = Some(match is_plain {
                    true => Coded::new(values, keys.iter().map(|key| codes[*key as usize]).collect()),
                    false => Coded::keyed(values, codes, keys.clone()),
                });
            }
        }
        columns.into_iter().flatten().collect()
    }
}

/// Records that are looked at to find where they are cut.
const LOOKED_AT: usize = 800;
/// Fewer say nothing, and are soon read.
const LOOKED_AT_MIN: usize = 200;

/// How many first fields most records of a text have in common with the one above, where the rest of them repeats too.
pub(super) fn cut(splitter: &mut Splitter<'_>, width: usize) -> Option<usize> {
    let mut fields = Fields::default();
    let mut repeated = vec![0; width];
    let mut records: Vec<Fields> = Vec::new();
    while records.len() < LOOKED_AT && matches!(splitter.next(&mut fields), Ok(Found::Record { .. })) {
        if let Some(times) = repeated.get_mut(fields.same()) {
            *times += 1;
        }
        records.push(fields.clone());
    }
    let (cut, times) = repeated.into_iter().enumerate().max_by_key(|(_, times)| *times)?;
    let distinct: HashSet<Vec<&[u8]>> = records.iter().map(|own| own.iter().skip(cut).collect()).collect();
    let repeats = times * 2 > records.len() && distinct.len() * 5 < records.len() * 4;
    (cut > 0 && records.len() >= LOOKED_AT_MIN && repeats).then_some(cut)
}

impl Parts {
    fn new(columns: Vec<usize>) -> Parts {
        Parts { codes: vec![Vec::new(); columns.len()], columns, count: 0, keys: Vec::new() }
    }

    /// Makes room for the parts of so many rows more, if they have as many of their own as the others.
    fn reserve_parts(&mut self, rows: usize) {
        let parts = self.count.saturating_mul(rows) / self.keys.len().max(1);
        self.codes.iter_mut().for_each(|codes| codes.reserve(parts));
    }

    /// Adds a part; `field` tells the text of a column.
    fn add<'a>(&mut self, dictionaries: &mut [Dictionary], field: impl Fn(usize) -> &'a [u8]) {
        for (column, codes) in self.columns.iter().zip(&mut self.codes) {
            codes.push(dictionaries[*column].intern(field(*column)));
        }
        self.count += 1;
    }

    /// Likewise, of fields of which the first are those of the part above.
    fn add_beside(
        &mut self,
        places: &[usize],
        same: usize,
        dictionaries: &mut [Dictionary],
        fields: &Fields,
    ) {
        for (column, codes) in self.columns.iter().zip(&mut self.codes) {
            let place = places[*column];
            let above = codes.last().copied();
            codes.push(match above {
                Some(above) if place < same => above,
                _ => dictionaries[*column].intern(fields.get(place)),
            });
        }
        self.count += 1;
    }

    /// Gives the part that was added last to one more row.
    fn repeat(&mut self) {
        self.keys.push((self.count as u32).saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::UTF_8;
    use proptest::prelude::*;

    use super::*;
    use crate::source::BLOCK;
    use crate::source::coding::{code_head, code_piece};
    use crate::source::testing::layout;
    use crate::source::text::Text;
    use crate::source::windows::Spare;

    /// Line and texts of each row, lines and findings of bad records, and where the text ends.
    type Told = (Vec<(u64, Vec<String>)>, Vec<(u64, String)>, (usize, u64));

    fn told(text: &[u8], cut: Option<usize>) -> Told {
        told_by(Text::Held(text), cut, BLOCK)
    }

    /// Likewise, of a text that is read from its file in blocks of so many bytes.
    fn told_from_file(text: &[u8], cut: Option<usize>, block: usize) -> Told {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[b"\xef\xbb\xbf", text].concat()).expect("writes");
        told_by(Text::Filed { file: &file, skip: 3, length: text.len(), keeper: None }, cut, block)
    }

    fn told_by(text: Text<'_>, cut: Option<usize>, block: usize) -> Told {
        let mut head = code_head(text, b',', &layout(&["d", "a", "c"]), UTF_8).expect("a header");
        head.cut = cut;
        let piece =
            code_piece(text, &head, head.position..text.len(), &Arc::new(Spare::of(block))).expect("reads");
        let columns = || piece.table.columns.iter().flatten();
        let texts = |row| columns().map(|column| column.texts.get(row).to_string()).collect();
        let rows = piece.table.lines.iter().enumerate().map(|(row, line)| (*line, texts(row))).collect();
        let bad = piece.table.bad_records.iter().map(|bad| (bad.line, bad.found.clone())).collect();
        (rows, bad, (piece.end, piece.lines))
    }

    proptest! {
        #[test]
        fn records_are_the_same_wherever_they_are_cut(
            records in prop::collection::vec(prop::sample::select(vec![
                "a1,b1,c1,d1\n", "a1,b1,c1,d2\n", "a1,b1,c2,d1\r\n", "a1,b1,c1,d1,\n", "a1,b1,c1,d1,e\n", "a1,b1,c1\n",
                "a1,b1,c1,\"d1\"\n", "a1,b1,\"c\n1\",d1\n", "\"a1\",b1,c1,d1\n", "a2,b1,c1,d1\n", "a1,b2,c1,d1\r", "\n", "\r\n",
                "a1,b1,c1,d\"1\n", "\"open,b1,c1,d1\n", "a1,b1,c1,d1\n", "a1,,,\n", ",,,\n", "a1,b1,\u{fffd},d1\n", "a1,b1\n",
            ]), 0..30),
            ends_early: bool,
            block in 1usize..40,
        ) {
            let mut text = format!("a,b,c,d\n{}", records.concat());
            if ends_early {
                text.pop();
            }
            let whole = told(text.as_bytes(), None);
            for cut in 1..4 {
                prop_assert_eq!(&told(text.as_bytes(), Some(cut)), &whole, "cut behind {} fields", cut);
            }
            for cut in [None, Some(2)] {
                prop_assert_eq!(&told_from_file(text.as_bytes(), cut, block), &whole, "blocks of {}", block);
            }
        }
    }

    #[test]
    fn records_are_cut_where_most_of_them_begin_to_differ() {
        let text = |line: &dyn Fn(usize) -> String| (0..1000).map(line).collect::<String>();
        let cases = [
            (text(&|at| format!("sample {},shop,{},mg/kg\n", at / 8, at % 7)), Some(2)),
            // Nothing of what differs comes again.
            (text(&|at| format!("sample {},shop,{at},mg/kg\n", at / 8)), None),
            // Nothing is repeated.
            (text(&|at| format!("{at},shop,1,mg/kg\n")), None),
            ("sample 1,shop,1,mg/kg\nsample 1,shop,2,mg/kg\n".to_owned(), None),
        ];
        for (text, expected) in cases {
            let found = cut(&mut Splitter::new(text.as_bytes(), b','), 4);
            assert_eq!(found, expected, "{}", text.lines().next().unwrap_or_default());
        }
    }
}
