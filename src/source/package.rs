//! A workbook as it lies in its archive: which part is which sheet, the texts that sheets share, and what its styles make
//! of numbers (ECMA-376, part 1: 18.2, 18.4, 18.8).

use std::io::{Cursor, Read};

use calamine::{ExcelDateTime, ExcelDateTimeType};
use hashbrown::{HashMap, HashSet};
use zip::ZipArchive;

use super::markup::{Kind, Markup, Tag, decode, local_of};

/// A plain workbook; `calamine` reads those that are not.
pub(super) struct Package<'a> {
    pub archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Name and part of each sheet.
    pub sheets: Vec<(String, String)>,
    pub meanings: Meanings,
}

/// What cells refer to.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    texts: Texts,
    styles: Vec<Style>,
    is_1904: bool,
}

/// What a style makes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Number,
    Date,
    Duration,
    /// It takes more to tell.
    Unclear,
}

/// Texts in one arena.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

impl<'a> Package<'a> {
    /// None if it is not plain, or damaged. The sizes of its parts are checked already.
    pub fn open(bytes: &'a [u8]) -> Option<Package<'a>> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
        let parts = plain_names(&archive)?;
        let root = part(&mut archive, "_rels/.rels")?;
        let of_root = relations(&root)?;
        let mut documents =
            of_root.iter().filter(|relation| relation.kind.ends_with(b"/relationships/officeDocument"));
        let document = documents.next().filter(|_| documents.next().is_none())?;
        matches!(document.target, b"xl/workbook.xml" | b"/xl/workbook.xml").then_some(())?;
        let related = part(&mut archive, "xl/_rels/workbook.xml.rels")?;
        let workbook = part(&mut archive, "xl/workbook.xml")?;
        let (sheets, is_1904) = sheets(&workbook, &relations(&related)?)?;
        let mut part_if_any = |name: &str| match parts.contains(&name.to_lowercase()) {
            true => part(&mut archive, name).map(Some),
            false => Some(None),
        };
        let texts = part_if_any("xl/sharedStrings.xml")?;
        let texts = texts.map_or(Some(Texts::default()), |part| Texts::read(&part))?;
        let styles = part_if_any("xl/styles.xml")?.map_or(Some(Vec::new()), |part| styles(&part))?;
        Some(Package { archive, sheets, meanings: Meanings { texts, styles, is_1904 } })
    }
}

/// The names of all parts in small letters, in which they are told apart.
fn plain_names(archive: &Archive<'_>) -> Option<HashSet<String>> {
    let mut names = HashSet::new();
    for name in archive.file_names() {
        let name = name.ok()?.to_lowercase();
        if name.contains('\\') || !names.insert(name) {
            return None;
        }
    }
    Some(names)
}

impl Meanings {
    /// A text that sheets share.
    pub fn text(&self, index: &[u8]) -> Option<&[u8]> {
        self.texts.get(whole(index)?)
    }

    /// What a style makes of a number; none at all leaves it one.
    pub fn style(&self, index: Option<&[u8]>) -> Option<Style> {
        let Some(index) = index else { return Some(Style::Number) };
        Some(self.styles.get(whole(index)?).copied().unwrap_or(Style::Number))
    }

    /// A number as a moment or a duration.
    pub fn moment(&self, number: f64, kind: ExcelDateTimeType) -> ExcelDateTime {
        ExcelDateTime::new(number, kind, self.is_1904)
    }
}

/// A whole number in plain digits.
pub(super) fn whole(digits: &[u8]) -> Option<usize> {
    let is_plain = matches!(digits, [b'0'] | [b'1'..=b'9', ..])
        && digits.len() <= 9
        && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        self.bytes.get(start..*self.ends.get(index)?)
    }

    fn read(part: &[u8]) -> Option<Texts> {
        let mut markup = Markup::new(behind_declaration(part)?);
        let mut texts = Texts::default();
        let mut text = Vec::new();
        let root = markup.tag()?;
        if root.name != b"sst" {
            return None;
        }
        if root.kind == Kind::Empty {
            return Some(texts);
        }
        loop {
            let tag = markup.tag()?;
            match (tag.name, tag.kind) {
                (b"si", Kind::Start) => {
                    text.clear();
                    read_text(&mut markup, b"si", &mut text)?;
                    texts.push(&text);
                }
                (b"si", Kind::Empty) => texts.push(b""),
                (b"sst", Kind::End) => return Some(texts),
                _ => return None,
            }
        }
    }
}

/// Appends the text of an element that was begun and holds runs, to its end. What says how the text is spoken is left out.
pub(super) fn read_text(markup: &mut Markup<'_>, name: &[u8], out: &mut Vec<u8>) -> Option<()> {
    loop {
        let tag = markup.tag()?;
        match (tag.name, tag.kind) {
            (b"t", Kind::Start) => {
                let [space] = tag.attributes([b"xml:space"])?;
                let text = markup.text_of(b"t")?;
                add_text(text, space == Some(b"preserve"), out)?;
            }
            (b"rPh", Kind::Start) => markup.skip(tag.name)?,
            // How a run looks.
            (b"rPr", Kind::Start) => {
                while let Some(tag) = markup.tag().filter(|tag| tag.name != b"rPr") {
                    (tag.kind == Kind::Empty && tag.local() != b"t").then_some(())?;
                }
            }
            (b"r", _) | (_, Kind::Empty) => {}
            (own, Kind::End) if own == name => return Some(()),
            _ => return None,
        }
    }
}

/// Appends what a text says, without white space around it unless it is to be kept.
pub(super) fn add_text(text: &[u8], keep_space: bool, out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    decode(text, out)?;
    let own = out.get(start..)?;
    let kept = if keep_space { own } else { trim(own) };
    if kept.len() < own.len() || has_escape(kept) {
        let kept = kept.to_vec();
        out.truncate(start);
        unescape(&kept, out)?;
    }
    Some(())
}

fn trim(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// Bytes of `_xHHHH_`, which stands for a character that XML cannot hold.
const ESCAPE: usize = 7;

fn has_escape(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"_x").is_some()
}

/// Appends a text with its escapes as the characters they stand for; none if one is half of a pair.
fn unescape(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    while let Some(found) = memchr::memmem::find(rest, b"_x") {
        let (before, behind) = rest.split_at_checked(found)?;
        out.extend_from_slice(before);
        let digits = match behind.first_chunk::<ESCAPE>() {
            Some([b'_', b'x', digits @ .., b'_']) if digits.iter().all(u8::is_ascii_hexdigit) => digits,
            _ => {
                out.push(b'_');
                rest = behind.get(1..)?;
                continue;
            }
        };
        let unit = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        let mut utf8 = [0; 4];
        out.extend_from_slice(char::from_u32(unit)?.encode_utf8(&mut utf8).as_bytes());
        rest = behind.get(ESCAPE..)?;
    }
    out.extend_from_slice(rest);
    Some(())
}

/// A part of the archive, whole; it must be UTF-8.
fn part(archive: &mut Archive<'_>, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.by_name(name).ok()?.read_to_end(&mut bytes).ok()?;
    std::str::from_utf8(&bytes).is_ok().then_some(bytes)
}

/// What follows the byte-order mark and the declaration of a part, which must say nothing else than UTF-8.
pub(super) fn behind_declaration(part: &[u8]) -> Option<&[u8]> {
    let part = part.strip_prefix(b"\xef\xbb\xbf").unwrap_or(part).trim_ascii_start();
    let Some(declared) = part.strip_prefix(b"<?xml") else { return Some(part) };
    let (declared, behind) = declared.split_at_checked(memchr::memmem::find(declared, b"?>")?)?;
    let declared = declared.to_ascii_lowercase();
    let is_utf8 = memchr::memmem::find(&declared, b"encoding").is_none()
        || memchr::memmem::find(&declared, b"utf-8").is_some();
    is_utf8.then(|| behind.get(2..))?
}

/// What a part refers to; all as it is written.
struct Relation<'a> {
    id: &'a [u8],
    kind: &'a [u8],
    target: &'a [u8],
}

fn relations(part: &[u8]) -> Option<Vec<Relation<'_>>> {
    let mut markup = Markup::new(behind_declaration(part)?);
    let mut relations = Vec::new();
    loop {
        let tag = markup.anywhere()?;
        match (tag.name, tag.kind) {
            (b"Relationship", Kind::Start | Kind::Empty) => {
                let [id, kind, target] = tag.attributes([b"Id", b"Type", b"Target"])?;
                relations.push(Relation { id: id?, kind: kind?, target: target? });
            }
            (b"Relationships", Kind::Start) | (b"Relationship", Kind::End) => {}
            (b"Relationships", Kind::End) => return Some(relations),
            _ => return None,
        }
    }
}

/// Names and parts of the sheets of a workbook, and whether its days are counted from 1904.
fn sheets(workbook: &[u8], relations: &[Relation<'_>]) -> Option<(Vec<(String, String)>, bool)> {
    let mut markup = Markup::new(behind_declaration(workbook)?);
    let (mut sheets, mut is_1904) = (Vec::new(), false);
    loop {
        let tag = markup.anywhere()?;
        match (tag.local(), tag.kind) {
            (b"sheet", Kind::Start | Kind::Empty) => sheets.push(sheet(tag, relations)?),
            // Extensions have an element of this name without that attribute.
            (b"workbookPr", Kind::Start | Kind::Empty) => {
                let [from_1904] = tag.attributes([b"date1904"])?;
                is_1904 = from_1904.map_or(is_1904, |said| matches!(said, b"1" | b"true"));
            }
            (b"workbook", Kind::End) => return Some((sheets, is_1904)),
            _ => {}
        }
    }
}

fn sheet(tag: Tag<'_>, relations: &[Relation<'_>]) -> Option<(String, String)> {
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    for (key, value) in tag.pairs()? {
        match local_of(key) {
            b"name" => names.push(value),
            b"id" => ids.push(value),
            b"state" => matches!(value, b"visible" | b"hidden" | b"veryHidden").then_some(())?,
            _ => {}
        }
    }
    let ([name], [id]) = (names.as_slice(), ids.as_slice()) else { return None };
    let mut related = relations.iter().filter(|relation| relation.id == *id);
    let relation = related.next().filter(|_| related.next().is_none())?;
    let is_worksheet = relation.kind.ends_with(b"/worksheet");
    let target = std::str::from_utf8(relation.target).ok().filter(|_| is_worksheet)?;
    let part = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
    Some((said(name).filter(|_| !name.iter().any(u8::is_ascii_control))?, part))
}

/// What an attribute says.
fn said(value: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    decode(value, &mut out)?;
    String::from_utf8(out).ok()
}

/// What each style of the workbook's cells makes of numbers. How it looks is passed over.
fn styles(part: &[u8]) -> Option<Vec<Style>> {
    let mut markup = Markup::new(behind_declaration(part)?);
    let mut formats: HashMap<usize, String> = HashMap::new();
    let mut styles = Vec::new();
    loop {
        let tag = markup.anywhere()?;
        match (tag.local(), tag.kind) {
            (b"numFmt", Kind::Start | Kind::Empty) if markup.is_inside(b"numFmts") => {
                let [id, code] = tag.attributes([b"numFmtId", b"formatCode"])?;
                formats.insert(whole(id?)?, said(code?)?);
            }
            (b"xf", Kind::Start | Kind::Empty) if markup.is_inside(b"cellXfs") => {
                styles.push(style(tag, &formats)?);
            }
            (b"styleSheet", Kind::End) => return Some(styles),
            _ => {}
        }
    }
}

fn style(tag: Tag<'_>, formats: &HashMap<usize, String>) -> Option<Style> {
    let [Some(id)] = tag.attributes([b"numFmtId"])? else { return Some(Style::Number) };
    let id = whole(id)?;
    Some(match formats.get(&id) {
        Some(code) => of_code(code),
        // Formats without a code (18.8.30), those of East Asian dates among them.
        None => match id {
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => Style::Date,
            46 => Style::Duration,
            _ => Style::Number,
        },
    })
}

/// What a format's own code makes of numbers: its first section is looked at, without what it spells out.
fn of_code(code: &str) -> Style {
    if code.eq_ignore_ascii_case("general") {
        return Style::Number;
    }
    let mut rest = code;
    while let Some(char) = rest.chars().next() {
        rest = &rest[char.len_utf8()..];
        match char {
            ';' => return Style::Number,
            // The next character is spelt out, or as wide as a gap.
            '\\' | '_' | '*' => {
                rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default()
            }
            '"' => match rest.split_once('"') {
                Some((text, behind)) if !text.contains(['\\', '_', '*']) => rest = behind,
                _ => return Style::Unclear,
            },
            // A colour, a condition, a language, or time that may be more than a day.
            '[' => match rest.split_once(']') {
                Some((text, behind)) if !text.contains(['\\', '_', '*', '"', ';', '[']) => {
                    let letters = ["h", "m", "s"].map(|letter| text.to_lowercase().replace(letter, ""));
                    if letters.contains(&String::new()) && !text.is_empty() {
                        return Style::Duration;
                    }
                    if text.starts_with(['h', 'm', 's', 'H', 'M', 'S']) {
                        return Style::Unclear;
                    }
                    rest = behind;
                }
                _ => return Style::Unclear,
            },
            'y' | 'm' | 'd' | 'h' | 's' | 'Y' | 'M' | 'D' | 'H' | 'S' => return Style::Date,
            // As in AM/PM.
            'a' | 'A' => return Style::Unclear,
            _ => {}
        }
    }
    Style::Number
}
