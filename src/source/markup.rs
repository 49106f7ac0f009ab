//! Markup as programs write spreadsheets: tags and texts, looked at in place.
//!
//! This is not all of XML. What holds a comment, CDATA, a quote of the other kind or an entity of its own is said to be
//! not plain, by `None`, and left to a reader that knows all of it.

use memchr::{memchr, memchr2};

/// Tags one after the other.
#[derive(Debug)]
pub(super) struct Markup<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Elements that [`Markup::anywhere`] is inside of.
    open: Vec<&'a [u8]>,
}

/// Elements within each other that are still plain.
const DEPTH: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `<name …>`
    Start,
    /// `</name>`
    End,
    /// `<name …/>`
    Empty,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'a> {
    pub name: &'a [u8],
    pub kind: Kind,
    attributes: &'a [u8],
}

impl<'a> Markup<'a> {
    pub fn new(bytes: &'a [u8]) -> Markup<'a> {
        Markup { bytes, at: 0, open: Vec::new() }
    }

    /// Where what follows begins.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether nothing follows but white space.
    pub fn is_at_end(&self) -> bool {
        self.rest().trim_ascii_start().is_empty()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The text before the next tag, and the tag.
    fn next(&mut self) -> Option<(&'a [u8], Tag<'a>)> {
        let rest = self.rest();
        let start = memchr(b'<', rest)?;
        let (text, tag) = rest.split_at_checked(start)?;
        let end = memchr(b'>', tag)?;
        self.at += start + end + 1;
        Some((text, Tag::new(tag.get(1..end)?)?))
    }

    /// The next tag, with nothing but white space before it.
    pub fn tag(&mut self) -> Option<Tag<'a>> {
        let (text, tag) = self.next()?;
        text.trim_ascii_start().is_empty().then_some(tag)
    }

    /// The next tag, whatever the text before it says. Elements must end as they began.
    pub fn anywhere(&mut self) -> Option<Tag<'a>> {
        let (text, tag) = self.next()?;
        if memchr(b'&', text).is_some() {
            decode(text, &mut Vec::new())?;
        }
        match tag.kind {
            Kind::Start if self.open.len() < DEPTH => self.open.push(tag.name),
            Kind::Start => return None,
            Kind::End => (self.open.pop()? == tag.name).then_some(())?,
            Kind::Empty => {}
        }
        Some(tag)
    }

    /// Names of the elements around a tag that came last from [`Markup::anywhere`] and ends none, without prefixes.
    pub fn around(&self, tag: Tag<'_>) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let count = self.open.len() - usize::from(tag.kind == Kind::Start);
        self.open[..count].iter().map(|name| local_of(name))
    }

    /// Steps behind the end of an element that was begun.
    pub fn skip(&mut self, name: &'a [u8]) -> Option<()> {
        let depth = self.open.len();
        self.open.push(name);
        while self.open.len() > depth {
            self.anywhere()?;
        }
        Some(())
    }

    /// The text up to the end of an element that holds nothing else.
    pub fn text_of(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        let (text, end) = self.next()?;
        (end.kind == Kind::End && end.name == name).then_some(text)
    }

    /// The text between these very tags if they come next, which takes no look at them one by one.
    pub fn between(&mut self, start: &[u8], end: &[u8]) -> Option<&'a [u8]> {
        let inside = self.rest().strip_prefix(start)?;
        let (text, behind) = inside.split_at_checked(memchr(b'<', inside)?)?;
        behind.starts_with(end).then(|| self.at += start.len() + text.len() + end.len())?;
        Some(text)
    }
}

/// A name without its prefix.
pub(super) fn local_of(name: &[u8]) -> &[u8] {
    memchr(b':', name).and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

pub(super) fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Tag<'a> {
    /// What lies between `<` and `>`.
    fn new(inside: &'a [u8]) -> Option<Tag<'a>> {
        let (kind, inside) = match inside {
            [b'/', name @ ..] => (Kind::End, name),
            [inside @ .., b'/'] => (Kind::Empty, inside),
            _ => (Kind::Start, inside),
        };
        let end = inside.iter().position(is_space).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at_checked(end)?;
        let quotes = attributes.iter().filter(|byte| **byte == b'"').count();
        let is_plain = !matches!(name, [] | [b'!' | b'?', ..])
            && !name.contains(&b'"')
            && !inside.contains(&b'\'')
            && (kind != Kind::End || attributes.iter().all(is_space));
        // A `>` between quotes ends no tag, and leaves one quote behind.
        (is_plain && quotes % 2 == 0).then_some(Tag { name, kind, attributes })
    }

    pub fn local(&self) -> &'a [u8] {
        local_of(self.name)
    }

    /// Names and values as they are written, in their order.
    pub fn pairs(&self) -> Option<Vec<(&'a [u8], &'a [u8])>> {
        let mut pairs = Vec::new();
        let mut rest = self.attributes;
        while let Some((pair, behind)) = first_pair(rest)? {
            pairs.push(pair);
            rest = behind;
        }
        Some(pairs)
    }

    /// The values of those attributes that are there, as they are written; none may be there twice.
    pub fn attributes<const N: usize>(&self, names: [&[u8]; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        let mut rest = self.attributes;
        while let Some(((name, value), behind)) = first_pair(rest)? {
            if let Some(place) = names.iter().position(|own| *own == name)
                && found[place].replace(value).is_some()
            {
                return None;
            }
            rest = behind;
        }
        Some(found)
    }
}

/// The first attribute and what is behind it, if there is one.
#[expect(clippy::type_complexity, reason = "name and value, and what is behind them")]
fn first_pair(attributes: &[u8]) -> Option<Option<((&[u8], &[u8]), &[u8])>> {
    let rest = attributes.trim_ascii_start();
    if rest.is_empty() {
        return Some(None);
    }
    let (name, behind) = rest.split_at_checked(memchr(b'=', rest)?)?;
    let behind = behind.get(1..)?.trim_ascii_start().strip_prefix(b"\"")?;
    let (value, behind) = behind.split_at_checked(memchr(b'"', behind)?)?;
    let name = name.trim_ascii_end();
    (!name.is_empty() && !name.iter().any(is_space)).then_some(())?;
    Some(Some(((name, value), behind.get(1..)?)))
}

/// Appends what a text or an attribute says: entities as the characters they stand for, line ends as LF.
pub(super) fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    while let Some(found) = memchr2(b'&', b'\r', rest) {
        let (before, behind) = rest.split_at_checked(found)?;
        out.extend_from_slice(before);
        rest = behind.get(1..)?;
        if behind.first() == Some(&b'\r') {
            out.push(b'\n');
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            continue;
        }
        let (name, behind) = rest.split_at_checked(memchr(b';', rest)?)?;
        let mut utf8 = [0; 4];
        out.extend_from_slice(entity(name)?.encode_utf8(&mut utf8).as_bytes());
        rest = behind.get(1..)?;
    }
    out.extend_from_slice(rest);
    Some(())
}

/// XML 1.0, 4.1 and 4.6.
fn entity(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    let number = u32::from_str_radix(digits, radix).ok().filter(|number| *number != 0)?;
    char::from_u32(number)
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

/// What an attribute says.
pub(super) fn decoded(value: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    decode(value, &mut out)?;
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_with_their_attributes() {
        let mut markup = Markup::new(b" <c r=\"A1\"  t = \"s\" ><v/>x</c>");
        let tag = markup.tag().expect("a tag");
        assert_eq!((tag.name, tag.kind), (b"c".as_slice(), Kind::Start));
        let told = tag.attributes([b"t", b"s", b"r"]).expect("plain");
        assert_eq!(told, [Some(b"s".as_slice()), None, Some(b"A1".as_slice())]);
        let tag = markup.tag().expect("a tag");
        assert_eq!((tag.name, tag.kind), (b"v".as_slice(), Kind::Empty));
        assert_eq!(markup.text_of(b"c"), Some(b"x".as_slice()));
        assert!(markup.is_at_end());
    }

    #[test]
    fn elements_end_as_they_began() {
        let is_plain = |text: &'static str| {
            let mut markup = Markup::new(text.as_bytes());
            let first = markup.tag().expect("a tag");
            markup.skip(first.name).is_some() && markup.is_at_end()
        };
        for (text, expected) in [
            ("<f>A1&amp;\"x\"</f>", true),
            ("<f>A1&B1</f>", false),
            ("<f>&nbsp;</f>", false),
            ("<f><f></f></f>", true),
            ("<f><x:a><b/></x:a></f >", true),
            ("<f><a></f></a>", false),
            ("<f><a></f>", false),
            ("<f>", false),
        ] {
            assert_eq!(is_plain(text), expected, "{text}");
        }
        let mut markup = Markup::new(b"<x:a><b><c/></b></x:a>");
        let (a, b) = (b"a".as_slice(), b"b".as_slice());
        for expected in [vec![], vec![a], vec![a, b]] {
            let tag = markup.anywhere().expect("a tag");
            assert_eq!(markup.around(tag).collect::<Vec<_>>(), expected);
        }
        let deep = "<a>".repeat(DEPTH + 1);
        let mut markup = Markup::new(deep.as_bytes());
        assert!((0..DEPTH).all(|_| markup.anywhere().is_some()) && markup.anywhere().is_none());
    }

    #[test]
    fn what_is_not_plain_is_none() {
        for markup in [
            "<!-- a -->",
            "<?xml?>",
            "<![CDATA[a]]>",
            "<c r='A1'>",
            "<c r=\"a>b\">",
            "<",
            "<c",
            "<>",
            "</>",
            "</c d>",
            "<c\"/>",
            "<c'/>",
        ] {
            assert!(Markup::new(markup.as_bytes()).next().is_none(), "{markup}");
        }
        for inside in
            ["c r", "c s r=\"1\"", "c =\"1\"", "c r=1", "c r=\"1\" s\"\"", "c =\"", "c r=\"1\" r=\"2\""]
        {
            let told = Tag::new(inside.as_bytes()).and_then(|tag| tag.attributes([b"r"]));
            assert!(told.is_none(), "{inside}");
        }
    }

    #[test]
    fn texts_are_decoded() {
        let cases = [
            ("铅", Some("铅")),
            ("a&lt;b&amp;&gt;&quot;&apos;", Some("a<b&>\"'")),
            ("&#38134;&#x94F6;", Some("银银")),
            ("a\r\nb\rc\nd", Some("a\nb\nc\nd")),
            ("&#13;", Some("\r")),
            ("a>b", Some("a>b")),
            ("&nbsp;", None),
            ("&#0;", None),
            ("&#xD800;", None),
            ("&#+5;", None),
            ("& ", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text.as_bytes()).as_deref(), expected, "{text:?}");
        }
    }
}
