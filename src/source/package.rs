//! A workbook as it lies in its archive: which part is which sheet (ECMA-376, part 1: 18.2).

use std::io::{Cursor, Read};

use hashbrown::{HashMap, HashSet};
use zip::ZipArchive;

use super::markup::{Kind, Markup, Tag, behind_declaration, decoded};
use super::meanings::Meanings;

/// A plain workbook; `calamine` reads those that are not.
pub(super) struct Package<'a> {
    pub archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Name and part of each sheet.
    pub sheets: Vec<(String, String)>,
    pub meanings: Meanings,
}

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

impl<'a> Package<'a> {
    /// None if it is not plain, or damaged. What its parts say of their sizes is checked already, and held to.
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
        let (texts, styles) = (part_if_any("xl/sharedStrings.xml")?, part_if_any("xl/styles.xml")?);
        let meanings = Meanings::read(texts.as_deref(), styles.as_deref(), is_1904)?;
        Some(Package { archive, sheets, meanings })
    }
}

/// The names of all parts in small letters; none if two differ in nothing else.
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

/// A part of the archive, whole; it must be UTF-8.
fn part(archive: &mut Archive<'_>, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.by_name(name).ok()?.read_to_end(&mut bytes).ok()?;
    std::str::from_utf8(&bytes).is_ok().then_some(bytes)
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
                markup.around(tag).eq([b"Relationships"]).then_some(())?;
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
    let mut by_id: HashMap<&[u8], Option<&Relation<'_>>> = HashMap::new();
    for relation in relations {
        // Of two by one name, it takes more to tell which is meant.
        by_id.entry(relation.id).and_modify(|own| *own = None).or_insert(Some(relation));
    }
    let mut markup = Markup::new(behind_declaration(workbook)?);
    let (mut sheets, mut is_1904) = (Vec::new(), false);
    loop {
        let tag = markup.anywhere()?;
        match (tag.local(), tag.kind) {
            (b"workbook", Kind::End) => return Some((sheets, is_1904)),
            (_, Kind::End) => {}
            (b"workbook", _) => (markup.around(tag).len() == 0 && tag.kind == Kind::Start).then_some(())?,
            (b"sheet", _) => sheets.push(sheet(tag, &by_id)?),
            // Extensions have an element of this name without that attribute.
            (b"workbookPr", _) => {
                let [from_1904] = tag.attributes([b"date1904"])?;
                is_1904 = from_1904.map_or(is_1904, |said| matches!(said, b"1" | b"true"));
            }
            (b"definedName", kind) => {
                let [name] = tag.attributes([b"name"])?;
                name.map_or(Some(()), |name| decoded(name).map(drop))?;
                if kind == Kind::Start {
                    markup.anywhere().filter(|end| end.kind == Kind::End)?;
                }
            }
            _ => {}
        }
    }
}

fn sheet(tag: Tag<'_>, relations: &HashMap<&[u8], Option<&Relation<'_>>>) -> Option<(String, String)> {
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    for (key, value) in tag.pairs()? {
        match key {
            b"name" => names.push(value),
            b"state" => matches!(value, b"visible" | b"hidden" | b"veryHidden").then_some(())?,
            key if key == b"id" || key.ends_with(b":id") => ids.push(value),
            _ => {}
        }
    }
    let ([name], [id]) = (names.as_slice(), ids.as_slice()) else { return None };
    let relation = (*relations.get(id)?)?;
    let is_worksheet = relation.kind.ends_with(b"/worksheet");
    let target = std::str::from_utf8(relation.target).ok().filter(|_| is_worksheet)?;
    let part = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
    Some((decoded(name).filter(|_| !name.iter().any(u8::is_ascii_control))?, part))
}
