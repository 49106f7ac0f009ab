use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::records::{Fields, Found, Records};
use super::super::{Wide, testing, workbook as other};
use super::*;

fn layout() -> Layout {
    let wide = Wide::RestBut(Vec::new());
    Layout { wide, sheets: Sheets::All, ..testing::layout(&["a", "b"]) }
}

const STYLES: &str = r###"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="5">
<numFmt numFmtId="164" formatCode="yyyy\-mm\-dd;@"/><numFmt numFmtId="165" formatCode="[$-804]yyyy&quot;年&quot;m&quot;月&quot;"/>
<numFmt numFmtId="166" formatCode="0.00_ "/><numFmt numFmtId="167" formatCode="[h]:mm"/><numFmt numFmtId="168" formatCode="#,##0.00"/>
</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/>
<xf numFmtId="165"><alignment/></xf><xf numFmtId="166"/><xf numFmtId="46"/><xf numFmtId="167"/><xf numFmtId="168"/><xf numFmtId="31"/>
<xf/></cellXfs></styleSheet>"###;

const TEXTS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="9" uniqueCount="9"><si><t>a</t></si>
<si><t>b</t><phoneticPr fontId="1" type="noConversion"/></si><si><t xml:space="preserve"> 铅 &amp; 镉 </t></si>
<si><r><rPr><b/><sz val="9"/></rPr><t>毒</t></r><r><t xml:space="preserve">死 </t></r><rPh sb="0" eb="1"><t>du</t></rPh></si>
<si/><si><t/></si><si><t> trimmed </t></si><si><t>a_x000D_b_x005F_x000D__x00</t></si></sst>"#;

const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// Names and texts of the parts of a workbook.
fn parts(sheets: &[String]) -> Vec<(String, String)> {
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="{OFFICE}/relationships/{kind}" Target="{target}"/>"#)
    };
    let relations =
        |inside: &str| format!(r#"<Relationships xmlns="{PACKAGE}/relationships">{inside}</Relationships>"#);
    let (mut named, mut related) = (String::new(), relation("r0", "styles", "styles.xml"));
    for index in 1..=sheets.len() {
        named += &format!(r#"<sheet name="s&amp;{index}" sheetId="{index}" r:id="r{index}"/>"#);
        related += &relation(&format!("r{index}"), "worksheet", &format!("worksheets/sheet{index}.xml"));
    }
    let workbook = format!(
        r#"<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}/relationships"><sheets>{named}</sheets></workbook>"#
    );
    let fixed = [
        ("[Content_Types].xml", format!(r#"<Types xmlns="{PACKAGE}/content-types"/>"#)),
        ("_rels/.rels", relations(&relation("r1", "officeDocument", "xl/workbook.xml"))),
        ("xl/_rels/workbook.xml.rels", relations(&related)),
        ("xl/workbook.xml", workbook),
        ("xl/styles.xml", STYLES.to_owned()),
        ("xl/sharedStrings.xml", TEXTS.to_owned()),
    ];
    let fixed = fixed.into_iter().map(|(name, text)| (name.to_owned(), text));
    let sheets =
        sheets.iter().zip(1..).map(|(text, index)| (format!("xl/worksheets/sheet{index}.xml"), text.clone()));
    fixed.chain(sheets).collect()
}

fn packed(parts: &[(String, String)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name, SimpleFileOptions::default()).expect("a part");
        archive.write_all(text.as_bytes()).expect("writes");
    }
    archive.finish().expect("an archive").into_inner()
}

fn workbook(sheets: &[String]) -> Vec<u8> {
    packed(&parts(sheets))
}

fn sheet(rows: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<worksheet xmlns=\"{MAIN}\"><cols><col min=\"1\"/></cols>\
         <sheetData>{rows}</sheetData><pageMargins left=\"1\"/></worksheet>"
    )
}

/// Sheet, line and texts of each row.
type Told = Vec<(String, u64, Vec<String>)>;

fn told(tables: &[RawTable]) -> Told {
    let of_table = |table: &RawTable| {
        let columns: Vec<_> = table.columns.iter().flatten().chain(&table.wide).cloned().collect();
        let row = |(row, line): (usize, &u64)| {
            let texts = columns.iter().map(|column| format!("{}={}", column.header, column.texts.get(row)));
            (table.sheet.to_string(), *line, texts.collect())
        };
        table.lines.iter().enumerate().map(row).collect::<Told>()
    };
    tables.iter().flat_map(of_table).collect()
}

/// What is read in pieces, none if it is not plain; and what the other reader makes of it.
fn both(bytes: &[u8], piece: usize) -> (Option<Result<Told, String>>, Result<Told, String>) {
    let (layout, take) = (layout(), |table: RawTable| table);
    let reader = SheetReader { layout: &layout, piece, advance: &|_, _| {}, take: &take };
    let plain = match reader.read(bytes) {
        Err(Unread::NotPlain) => None,
        Err(Unread::Refused(problem)) => Some(Err(problem.to_string())),
        Ok(pieces) => Some(Ok(told(&pieces.into_iter().map(|piece| piece.value).collect::<Vec<_>>()))),
    };
    let other = other::read(bytes, &layout).map_err(|problem| problem.to_string());
    (plain, other.map(|tables| told(&tables)))
}

const HEADER: &str = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="str"><v>c</v></c></row>"#;

/// Cells as they are written, without their place.
const PLAIN: [&str; 36] = [
    r#" s="4"><v>2.5</v></c>"#,
    r#" s="6"><v>2.5</v></c>"#,
    r#" t="s"><v>2</v></c>"#,
    r#" t="s"><v>3</v></c>"#,
    r#" t="s"><v>4</v></c>"#,
    r#" t="s"><v>5</v></c>"#,
    r#" t="s"><v>6</v></c>"#,
    r#" t="s"><v>7</v></c>"#,
    r#" t="s"/>"#,
    "/>",
    "></c>",
    "><v/></c>",
    "><v>0.02</v></c>",
    "><v>-12</v></c>",
    "><v>0.30000000000000004</v></c>",
    "><v>1.50</v></c>",
    "><v>4.8E2</v></c>",
    "><v>123456789012345678</v></c>",
    "><v>-0</v></c>",
    r#" s="1"><v>43895</v></c>"#,
    r#" s="2" t="n"><v>43895.5</v></c>"#,
    r#" s="3"><v>43895.25</v></c>"#,
    r#" s="5"><v>1.5</v></c>"#,
    r#" s="7"><v>1234.5</v></c>"#,
    r#" s="8"><v>59</v></c>"#,
    r#" s="9"><v>7</v></c>"#,
    r#" s="99"><v>7</v></c>"#,
    r#" t="b"><v>1</v></c>"#,
    r##" t="e"><v>#N/A</v></c>"##,
    r#" t="d"><v>2020-05-01</v></c>"#,
    r#" t="str"><f>A1&amp;"x"</f><v> 未检出_x000A_&lt;0.1 </v></c>"#,
    r#"><f t="shared" si="0"/><v>5</v></c>"#,
    r#" t="inlineStr"><is><t> 铅（以Pb计） </t></is></c>"#,
    r#" t="inlineStr"><is><t xml:space="preserve"> a  </t></is></c>"#,
    r#" t="inlineStr"><is><r><t>4.8×10</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>2</t></r></is></c>"#,
    "\n ><v>3</v>\n</c >",
];

/// Cells that are left to the other reader, or refused by it.
const OTHER: [&str; 15] = [
    "><f><x\"/></f><v>5</v></c>",
    r#" t="s"><v>99</v></c>"#,
    r#" t="s"><v>x</v></c>"#,
    r#" t="b"><v>true</v></c>"#,
    r#" t="b"><v>2</v></c>"#,
    r#" t="x"><v>2</v></c>"#,
    r#" t="inlineStr"><v>2</v></c>"#,
    "><v> 2 </v></c>",
    "><v>many</v></c>",
    "><v>inf</v></c>",
    "><v>1</v><f>A1</f></c>",
    "><!-- a comment --><v>1</v></c>",
    r#" t="str"><v><![CDATA[a]]></v></c>"#,
    r#" t="str"><v>&nbsp;</v></c>"#,
    " t='str'><v>a</v></c>",
];

fn with_cell(cell: &str) -> Vec<u8> {
    workbook(&[sheet(&format!(
        r#"{HEADER}<row r="3" spans="1:4"><c r="A3"{cell}<c r="B3" t="str"><v>here</v></c></row><row r="4"/>"#
    ))])
}

#[test]
fn plain_cells_read_as_the_other_reader_reads_them() {
    for cell in PLAIN {
        let (plain, other) = both(&with_cell(cell), 1 << 20);
        let other = other.expect("the other reader knows all of it");
        assert_eq!(plain, Some(Ok(other)), "{cell}");
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_other_reader() {
    for cell in OTHER {
        assert_eq!(both(&with_cell(cell), 1 << 20).0, None, "{cell}");
    }
    let rows = [
        r#"<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>"#,
        r#"<row r="2"><c r="A3"><v>1</v></c></row>"#,
        r#"<row r="2"><c><v>1</v></c></row>"#,
        r#"<row><c r="A2"><v>1</v></c></row>"#,
        r#"<row r="2"><c r="XFE2"><v>1</v></c></row>"#,
        r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="2"><c r="B2"><v>1</v></c></row>"#,
        r#"<row r="2"><c r="A2"><v>1</v></c></row><extLst></extLst>"#,
        r#"<row r="2"><c r="A2"><v>1</v></c>"#,
        r#"<row r="2" r="3"><c r="A3"><v>1</v></c></row>"#,
        r#"<row r="2"><c r="?"/></row>"#,
        r#"<row r="2"><c r="A2" t="x"><v/></c></row>"#,
        r#"<row r="2"><c r="A2"><f>A1&B1</f><v>1</v></c></row>"#,
        r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="2"><c r="Z2"><v>1</v></c></row><row r="3"/>"#,
        r#"<row r="1"><c r="Z1"><v>1</v></c></row>"#,
    ];
    for rows in rows {
        for piece in [1, 1 << 20] {
            assert_eq!(both(&workbook(&[sheet(&format!("{HEADER}{rows}"))]), piece).0, None, "{rows}");
        }
    }
    let whole = sheet(HEADER);
    for (from, to) in
        [("UTF-8", "GBK"), ("sheetData", "x:sheetData"), ("</sheetData>", ""), ("<cols>", "<!----><cols>")]
    {
        assert_eq!(both(&workbook(&[whole.replace(from, to)]), 1 << 20).0, None, "{from}");
    }
}

#[test]
fn problems_are_those_of_the_other_reader() {
    let no_header = sheet(r#"<row r="7"><c r="A7"><v>1</v></c></row>"#);
    for sheets in [vec![no_header.clone()], vec![sheet(HEADER), no_header]] {
        let (plain, other) = both(&workbook(&sheets), 1);
        assert!(other.is_err());
        assert_eq!(plain, Some(other));
    }
    let empty = [sheet(""), sheet("").replace("<sheetData></sheetData>", "<sheetData/>"), sheet(HEADER)];
    assert_eq!(both(&workbook(&empty), 1), (Some(Ok(Vec::new())), Ok(Vec::new())));
    let bytes = workbook(&[sheet(HEADER)]);
    for length in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(both(&bytes[..length], 1).0, None);
    }
}

/// Changes to a part of a workbook, and whether it is plain then: part, what stands there, what stands there instead.
const CHANGES: [(&str, &str, &str, bool); 60] = [
    (
        "styles.xml",
        r#"<cellXfs><xf numFmtId="0"/>"#,
        r#"<cellXfs><xf numFmtId="0"><xf numFmtId="0"/></xf>"#,
        false,
    ),
    ("styles.xml", "<cellXfs>", "<fonts><cellXfs><xf/></cellXfs></fonts><cellXfs>", false),
    ("styles.xml", "<cellXfs>", "<cellXfs><cellXfs/>", false),
    ("styles.xml", "<cellXfs>", "<x\"><xf/></x\"><cellXfs>", false),
    ("styles.xml", "<cellXfs>", "<styleSheet/><cellXfs>", false),
    ("sharedStrings.xml", "<si/>", "<si><t>a</t><rPh><rPh/><t>x</t></rPh></si>", false),
    ("sharedStrings.xml", "<si/>", "<si><t>a</t><rPh><t/><t>x</t></rPh></si>", true),
    ("sharedStrings.xml", "<si/>", "<si><rPh><si/></rPh><t>a</t></si>", false),
    ("sharedStrings.xml", "<si/>", "<si><si/></si>", false),
    ("sharedStrings.xml", "<si/>", "<si></r><t>a</t></si>", false),
    ("sharedStrings.xml", "<si/>", "<si><t foo/></si>", false),
    ("sharedStrings.xml", "<si/>", "<si><x\"/><t>hidden</t><y\"/><t>b</t></si>", false),
    ("sharedStrings.xml", "<b/>", "z", false),
    ("sharedStrings.xml", "<b/>", "<si/>", false),
    ("sharedStrings.xml", "<sst ", "<sst foo ", false),
    ("xl/workbook.xml", "<sheets>", "<workbook/><sheets>", false),
    (
        "xl/workbook.xml",
        "<sheets>",
        "<definedName name=\"n\"><workbookPr date1904=\"1\"/></definedName><sheets>",
        false,
    ),
    ("xl/workbook.xml", "<sheets>", "<definedName name=\"n\">s!$A$1&amp;</definedName><sheets>", true),
    ("xl/workbook.xml", "<sheets>", "<definedName name=\"&nbsp;\"/><sheets>", false),
    ("xl/workbook.xml", r#"name="s&amp;1""#, r#"x:name="s""#, false),
    ("xl/workbook.xml", r#"r:id="r1""#, r#"r:id="r1" a:b:id="r2""#, false),
    ("styles.xml", r#"<cellXfs><xf numFmtId="0"/>"#, r#"<cellXfs><xf numFmtId="14"/>"#, true),
    ("styles.xml", r#"<cellXfs><xf numFmtId="0"/>"#, r#"<cellXfs><x:xf numFmtId="14"/>"#, true),
    ("styles.xml", "<cellXfs>", r#"<dxfs><numFmt numFmtId="1" formatCode="yyyy"/></dxfs><cellXfs>"#, true),
    ("styles.xml", "<cellXfs>", r#"<fonts><font><sz val="11"/></font></fonts><x:cellXfs/><cellXfs>"#, true),
    (
        "styles.xml",
        r#"<xf numFmtId="14"/><xf numFmtId="164"/>"#,
        r#"<xf numFmtId="014"/><xf numFmtId="164"/>"#,
        false,
    ),
    ("styles.xml", "<cellXfs>", "<fonts><cellXfs>", false),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="[Red]0.0_);\(0\)""#, true),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="&quot;约&quot;0&quot;天&quot;""#, true),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="[HH]:mm""#, true),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="AM/PM h""#, false),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="[hm]0""#, false),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="\y0""#, true),
    ("styles.xml", r#"formatCode="[h]:mm""#, r#"formatCode="&nbsp;""#, false),
    ("sharedStrings.xml", "<si/>", "<si></si>", true),
    ("sharedStrings.xml", "<si/>", "<si><x/></si>", true),
    ("sharedStrings.xml", "<si/>", "", false),
    ("sharedStrings.xml", "<si/>", "<si>text</si>", false),
    ("sharedStrings.xml", "<b/>", "<t>x</t>", false),
    ("sharedStrings.xml", "</sst>", "", false),
    ("xl/workbook.xml", "<sheets>", r#"<workbookPr date1904="1"/><sheets>"#, true),
    ("xl/workbook.xml", "<sheets>", r#"<workbookPr date1904="1"/><x15:workbookPr a="1"/><sheets>"#, true),
    ("xl/workbook.xml", "<sheets>", r#"<workbookPr date1904="on"/><sheets>"#, true),
    ("xl/workbook.xml", "<sheets>", "<!-- a comment --><sheets>", false),
    ("xl/workbook.xml", "<sheets>", "<definedName name=\"n\">&nbsp;</definedName><sheets>", false),
    ("xl/workbook.xml", r#"<sheet name="s&amp;1""#, r#"<x:sheet name="s&amp;1""#, true),
    ("xl/workbook.xml", r#"sheetId="1""#, r#"sheetId="1" state="hidden""#, true),
    ("xl/workbook.xml", r#"sheetId="1""#, r#"sheetId="1" state="Hidden""#, false),
    ("xl/workbook.xml", r#"sheetId="1""#, r#"sheetId="1" mx:id="r2""#, false),
    ("xl/workbook.xml", r#"r:id="r1""#, r#"r:id="r9""#, false),
    ("xl/workbook.xml", r#"r:id="r1""#, r#"r:id="r0""#, false),
    ("_rels/.rels", "officeDocument\"", "other\"", false),
    ("_rels/.rels", "xl/workbook.xml", "/xl/workbook.xml", true),
    ("workbook.xml.rels", r#"Id="r1""#, r#"Id="r2""#, false),
    ("workbook.xml.rels", "worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml", true),
    ("workbook.xml.rels", "worksheets/sheet1.xml", "worksheets/Sheet1.xml", false),
    ("sheet1.xml", "<cols>", r#"<dimension ref="A1:D9"/><cols>"#, true),
    ("sheet1.xml", "<cols>", r#"<dimension ref="A:D"/><cols>"#, false),
    ("sheet1.xml", "<worksheet", "<?x <sheetData><row></row></sheetData>?><worksheet", false),
    ("sheet1.xml", "<cols>", "<x:sheetData/><cols>", false),
];

#[test]
fn packages_read_alike_or_are_left_to_the_other_reader() {
    let cells = (0..10)
        .map(|style| format!(r#"<row r="{}"><c r="A{0}" s="{style}"><v>43895.5</v></c></row>"#, style + 3));
    let texts =
        (0..8).map(|text| format!(r#"<row r="{}"><c r="B{0}" t="s"><v>{text}</v></c></row>"#, text + 13));
    let bare = r#"<row r="2"><c r="A2"><v>43895</v></c></row>"#.to_owned();
    let rows: String = std::iter::once(bare).chain(cells).chain(texts).collect();
    let sheets = [sheet(&format!("{HEADER}{rows}")), sheet(HEADER)];
    for (part, from, to, is_plain) in CHANGES {
        let mut parts = parts(&sheets);
        let (_, text) = parts.iter_mut().find(|(name, _)| name.ends_with(part)).expect("a part");
        assert!(text.contains(from), "{part}: {from}");
        *text = text.replace(from, to);
        let (plain, other) = both(&packed(&parts), 1 << 20);
        assert_eq!(plain.is_some(), is_plain, "{part}: {to}");
        if let Some(plain) = plain {
            assert_eq!(plain, other, "{part}: {to}");
        }
    }
    for (name, other_name) in [("xl/styles.xml", "xl/Styles.xml"), ("xl/styles.xml", "xl\\styles.xml")] {
        let mut renamed = parts(&sheets);
        renamed.iter_mut().filter(|(own, _)| own == name).for_each(|(own, _)| other_name.clone_into(own));
        let mut twins = parts(&sheets);
        twins.push((other_name.to_owned(), STYLES.to_owned()));
        for parts in [renamed, twins] {
            assert_eq!(both(&packed(&parts), 1 << 20).0, None, "{other_name}");
        }
    }
    let without =
        |part: &str| parts(&sheets).into_iter().filter(|(name, _)| name != part).collect::<Vec<_>>();
    let (plain, other) = both(&packed(&without("xl/styles.xml")), 1 << 20);
    assert_eq!(plain, Some(other));
    assert_eq!(both(&packed(&without("xl/sharedStrings.xml")), 1 << 20).0, None);
}

#[test]
fn a_table_that_claims_more_texts_than_it_could_hold_is_refused() {
    for (claim, is_refused) in [
        ("8", false),
        ("500", false),
        ("509", true),
        ("100000000000", true),
        ("99999999999999999999999", true),
    ] {
        let mut parts = parts(&[sheet(HEADER)]);
        let (_, texts) = parts.iter_mut().find(|(name, _)| name.contains("sharedStrings")).expect("a part");
        *texts = texts.replace("uniqueCount=\"9\"", &format!("uniqueCount = '{claim}'"));
        let refused = other::check_sizes(&packed(&parts)).map_err(|problem| problem.to_string());
        assert_eq!(refused.is_err(), is_refused, "{claim}: {refused:?}");
    }
}

#[test]
fn workbooks_that_ship_with_the_project_are_plain() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples/xiping-2020");
    let files = std::fs::read_dir(folder).expect("lists").map(|entry| entry.expect("an entry").path());
    let mut read = 0;
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "xlsx")) {
        let bytes = std::fs::read(&path).expect("reads");
        let mut package = Package::open(&bytes).expect("plain");
        for (name, part) in &package.sheets {
            let part = package.archive.by_name(part).expect("a part");
            for piece in Pieces::new(part, 1 << 16).expect("plain") {
                let piece = piece.expect("plain");
                let mut rows = Cells::new(&piece, &package.meanings);
                let mut fields = Fields::default();
                while let Ok(Found::Record { .. }) = rows.next(&mut fields) {
                    read += 1;
                }
                assert!(rows.is_plain, "{} {name}", path.display());
            }
        }
    }
    assert!(read > 1000);
}

#[test]
fn pieces_tell_the_last_line_that_has_a_text() {
    let row = |line: usize, text: &str| {
        format!("<row r=\"{line}\"><c r=\"B{line}\" t=\"str\"><v>{text}</v></c></row>")
    };
    let rows: String = (2..200).map(|line| row(line, "x")).chain([row(300, "")]).collect();
    let (layout, take) = (layout(), |table: RawTable| table.lines.last().copied());
    let reader = SheetReader { layout: &layout, piece: 1, advance: &|_, _| {}, take: &take };
    let pieces = reader.read(&workbook(&[sheet(&format!("{HEADER}{rows}"))])).ok();
    let pieces = pieces.expect("a plain sheet");
    assert!(pieces.len() > 9);
    for piece in &pieces {
        assert_eq!(piece.last_line, piece.value.unwrap_or(199));
    }
    assert_eq!(pieces.last().map(|piece| piece.value), Some(None));
}

proptest! {
    #[test]
    fn sheets_read_in_pieces_as_the_other_reader_reads_them(
        sheets in proptest::collection::vec(proptest::collection::vec(
            (1u64..4, proptest::collection::vec((0usize..3, 0..PLAIN.len()), 0..4)), 0..40), 1..3),
        piece in prop_oneof![Just(1usize), Just(700), Just(1 << 20)],
    ) {
        let rows = |rows: &Vec<(u64, Vec<(usize, usize)>)>| {
            let (mut line, mut text) = (1, HEADER.to_owned());
            for (gap, cells) in rows {
                line += gap;
                text += &format!("<row r=\"{line}\">");
                let mut column = 0;
                for (skip, cell) in cells {
                    column += skip;
                    text += &format!("<c r=\"{}{line}\"{}", ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"][column], PLAIN[*cell]);
                    column += 1;
                }
                text += "</row>";
            }
            sheet(&text)
        };
        let bytes = workbook(&sheets.iter().map(rows).collect::<Vec<_>>());
        let (plain, other) = both(&bytes, piece);
        prop_assert_eq!(plain, Some(other));
    }
}
