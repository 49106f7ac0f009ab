//! XLS and ODS, whose readers hold a workbook whole and trust what it says of its own size: they run in a process of
//! their own, under a limit of memory and time, and hand over plain rows.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use calamine::{Data, DataRef, Ods, Reader, Xls};

use super::confine::confine;
use super::error::Problem;
use super::records::{Fields, Found, Records};
use super::workbook::{chosen, code_sheet, text_of};
use super::{Layout, RawTable};

/// Memory and processor time that a workbook may take.
const MEMORY: u64 = 1 << 30;
const SECONDS: u64 = 60;
/// What a process may hand over.
const OUTPUT: u64 = 4 << 30;

/// First bytes of an XLS: the compound file of Microsoft.
pub const XLS: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];

/// Whether a ZIP archive is an OpenDocument spreadsheet: its first part says so, unpacked.
pub fn is_ods(bytes: &[u8]) -> bool {
    let kind: &[u8] = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet";
    bytes.get(30..).is_some_and(|rest| rest.starts_with(kind))
}

/// What the process does: every sheet as records, a first one that names it and one for each row.
///
/// # Errors
/// The file is no such workbook, or its reader gives up.
pub fn unpack(path: &Path, out: impl Write) -> Result<(), Problem> {
    // Whatever a workbook makes its reader ask for, this process gets no more.
    confine(MEMORY, SECONDS)?;
    let mut file = BufReader::new(File::open(path)?);
    let mut magic = [0; 4];
    file.read_exact(&mut magic)?;
    file.rewind()?;
    let damaged = |detail: String| Problem::Damaged { what: "the workbook cannot be read", detail };
    if magic == XLS {
        let workbook = Xls::new(file).map_err(|error| damaged(error.to_string()))?;
        write_sheets(workbook, out)
    } else {
        let workbook = Ods::new(file).map_err(|error| damaged(error.to_string()))?;
        write_sheets(workbook, out)
    }
}

fn write_sheets<R: Reader<BufReader<File>>>(mut workbook: R, out: impl Write) -> Result<(), Problem>
where
    R::Error: std::fmt::Display,
{
    let failed = |detail: String| Problem::Damaged { what: "the workbook cannot be read", detail };
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer(out);
    for name in workbook.sheet_names() {
        out.write_record(["sheet", &name]).map_err(|error| failed(error.to_string()))?;
        let range = workbook.worksheet_range(&name).map_err(|error| failed(error.to_string()))?;
        let (top, left) = range.start().unwrap_or_default();
        for (offset, row) in (0u32..).zip(range.rows()) {
            if row.iter().all(|cell| matches!(cell, Data::Empty)) {
                continue;
            }
            let line = (top + offset + 1).to_string();
            let before = std::iter::repeat_n(String::new(), left as usize);
            let cells = before.chain(row.iter().map(|cell| text_of(&borrowed(cell))));
            out.write_field("row")
                .and_then(|()| out.write_field(&line))
                .map_err(|error| failed(error.to_string()))?;
            out.write_record(cells.map(String::into_bytes)).map_err(|error| failed(error.to_string()))?;
        }
    }
    out.flush()?;
    Ok(())
}

fn borrowed(cell: &Data) -> DataRef<'_> {
    match cell {
        Data::Empty => DataRef::Empty,
        Data::String(text) => DataRef::SharedString(text),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Int(integer) => DataRef::Int(*integer),
        Data::Float(number) => DataRef::Float(*number),
        Data::Bool(flag) => DataRef::Bool(*flag),
        Data::DateTime(moment) => DataRef::DateTime(*moment),
        Data::Error(error) => DataRef::Error(error.clone()),
    }
}

/// Reads the chosen sheets of a workbook that `unpacker` hands over: a program that, given `unpack` and a path, writes
/// what [`unpack`] writes.
pub fn read(path: &Path, layout: &Layout, unpacker: Option<&Path>) -> Result<Vec<RawTable>, Problem> {
    let Some(unpacker) = unpacker else {
        return Err(Problem::Unsupported { kind: "XLS and ODS" });
    };
    let mut process = Command::new(unpacker)
        .arg("unpack")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut bytes = Vec::new();
    if let Some(output) = process.stdout.take() {
        output.take(OUTPUT).read_to_end(&mut bytes)?;
    }
    // What is beyond the limit has no reader any more, so that the process ends by itself.
    let ended = process.wait()?;
    if !ended.success() {
        return Err(Problem::Damaged {
            what: "the workbook cannot be unpacked",
            detail: format!("{ended}, within {} MiB and {SECONDS} seconds", MEMORY >> 20),
        });
    }
    tables(&bytes, layout)
}

fn tables(bytes: &[u8], layout: &Layout) -> Result<Vec<RawTable>, Problem> {
    let mut sheets: Vec<(String, Vec<csv::ByteRecord>)> = Vec::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    for record in reader.byte_records() {
        let record = record.map_err(|error| Problem::Damaged {
            what: "the workbook cannot be unpacked",
            detail: error.to_string(),
        })?;
        match (record.get(0), record.get(1), sheets.last_mut()) {
            (Some(b"sheet"), Some(name), _) => {
                sheets.push((String::from_utf8_lossy(name).into_owned(), Vec::new()));
            }
            (Some(b"row"), _, Some((_, rows))) => rows.push(record),
            _ => {}
        }
    }
    let names = sheets.iter().map(|(name, _)| name.clone()).collect();
    let mut tables = Vec::new();
    for name in chosen(names, &layout.sheets)? {
        let own = sheets.iter().find(|(own, _)| *own == name);
        let rows = own.map(|(_, rows)| rows.clone()).unwrap_or_default();
        tables.extend(code_sheet(&mut Rows(rows.into_iter()), &name, layout)?);
    }
    Ok(tables)
}

struct Rows(std::vec::IntoIter<csv::ByteRecord>);

impl Records for Rows {
    fn next(&mut self, fields: &mut Fields) -> Result<Found, Problem> {
        fields.clear();
        let Some(record) = self.0.next() else { return Ok(Found::End) };
        record.iter().skip(2).for_each(|field| fields.push(field));
        let line = record.get(1).and_then(|line| str::from_utf8(line).ok()?.parse().ok());
        Ok(Found::Record { line: line.unwrap_or_default() })
    }

    fn ragged_is_fault(&self) -> bool {
        false
    }
}
