//! What the cells of a workbook refer to: texts that sheets share, and styles, which make days of numbers (ECMA-376,
//! part 1: 18.4, 18.8).

use calamine::{ExcelDateTime, ExcelDateTimeType};
use hashbrown::HashMap;

use super::markup::{Kind, Markup, Tag, behind_declaration, decode, decoded, is_space};
use super::records::Fields;

/// What cells refer to.
#[derive(Debug)]
pub(super) struct Meanings {
    texts: Fields,
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

impl Meanings {
    /// Out of the parts that there are.
    pub fn read(texts: Option<&[u8]>, styles: Option<&[u8]>, is_1904: bool) -> Option<Meanings> {
        let texts = texts.map_or(Some(Fields::default()), read_texts)?;
        let styles = styles.map_or(Some(Vec::new()), read_styles)?;
        Some(Meanings { texts, styles, is_1904 })
    }

    /// A text that sheets share.
    pub fn text(&self, index: &[u8]) -> Option<&[u8]> {
        let index = whole(index)?;
        (index < self.texts.len()).then(|| self.texts.get(index))
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

/// The texts of a table, in their order.
fn read_texts(part: &[u8]) -> Option<Fields> {
    let mut markup = Markup::new(behind_declaration(part)?);
    let mut texts = Fields::default();
    let mut text = Vec::new();
    let root = markup.tag().filter(|root| root.name == b"sst")?;
    root.attributes([])?;
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

/// Appends the text of an element that was begun and holds runs, to its end. What says how the text is spoken is left out.
pub(super) fn read_text(markup: &mut Markup<'_>, name: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut is_in_run = false;
    loop {
        let tag = markup.tag()?;
        match (tag.name, tag.kind) {
            (b"t", Kind::Start) => {
                let [space] = tag.attributes([b"xml:space"])?;
                let text = markup.text_of(b"t")?;
                add_text(text, space == Some(b"preserve"), out)?;
            }
            (b"r", Kind::Start) if !is_in_run => is_in_run = true,
            (b"r", Kind::End) if is_in_run => is_in_run = false,
            (b"rPh" | b"rPr", Kind::Start) => pass_over(markup, tag.name)?,
            (own, Kind::Empty) if !ends_text(own) => {
                tag.attributes([])?;
            }
            (own, Kind::End) if own == name && !is_in_run => return Some(()),
            _ => return None,
        }
    }
}

/// Whether an element of this name is a whole text: an empty one within another would end that.
fn ends_text(name: &[u8]) -> bool {
    matches!(name, b"si" | b"is")
}

/// Steps behind the end of an element that says how a text is spoken (`rPh`, which holds texts) or how it looks.
fn pass_over(markup: &mut Markup<'_>, name: &[u8]) -> Option<()> {
    loop {
        let tag = markup.tag()?;
        let is_text = tag.local() == b"t";
        match tag.kind {
            Kind::End if tag.name == name => return Some(()),
            Kind::Start if tag.name == b"t" && name == b"rPh" => {
                decode(markup.text_of(b"t")?, &mut Vec::new())?
            }
            Kind::Empty if is_text == (name == b"rPh") && !ends_text(tag.name) => {
                tag.attributes([])?;
            }
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

/// What each style of the workbook's cells makes of numbers. How it looks is passed over.
fn read_styles(part: &[u8]) -> Option<Vec<Style>> {
    let mut markup = Markup::new(behind_declaration(part)?);
    let mut formats: HashMap<usize, String> = HashMap::new();
    let mut styles = Vec::new();
    loop {
        let tag = markup.anywhere()?;
        let name = tag.local();
        if tag.kind == Kind::End {
            if name == b"styleSheet" {
                return Some(styles);
            }
            continue;
        }
        let is_list = |name: &[u8]| matches!(name, b"numFmts" | b"cellXfs");
        let is_in = |path: &[&[u8]]| markup.around(tag).eq(path.iter().copied());
        match name {
            b"styleSheet" => (is_in(&[]) && tag.kind == Kind::Start).then_some(())?,
            b"numFmts" | b"cellXfs" => is_in(&[b"styleSheet"]).then_some(())?,
            b"numFmt" if is_in(&[b"styleSheet", b"numFmts"]) => {
                let [id, code] = tag.attributes([b"numFmtId", b"formatCode"])?;
                formats.insert(whole(id?)?, decoded(code?)?);
            }
            b"xf" if is_in(&[b"styleSheet", b"cellXfs"]) => styles.push(style(tag, &formats)?),
            // Within the lists nothing else is called so; outside of them it is of no cell.
            b"numFmt" | b"xf" if markup.around(tag).any(is_list) => return None,
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
    let mut chars = code.chars();
    while let Some(char) = chars.next() {
        match char {
            ';' => return Style::Number,
            // The next character is spelt out, or as wide as a gap.
            '\\' | '_' | '*' => drop(chars.next()),
            '"' => match chars.as_str().split_once('"') {
                Some((text, behind)) if !text.contains(['\\', '_', '*']) => chars = behind.chars(),
                _ => return Style::Unclear,
            },
            // A colour, a condition, a language, or time that may be more than a day.
            '[' => match chars.as_str().split_once(']') {
                Some((text, behind)) if !text.contains(['\\', '_', '*', '"', ';', '[']) => {
                    let letters = ["h", "m", "s"].map(|letter| text.to_lowercase().replace(letter, ""));
                    if letters.contains(&String::new()) && !text.is_empty() {
                        return Style::Duration;
                    }
                    if text.starts_with(['h', 'm', 's', 'H', 'M', 'S']) {
                        return Style::Unclear;
                    }
                    chars = behind.chars();
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
