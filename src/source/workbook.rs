use std::io::{Cursor, Read, Seek};
use std::sync::Arc;

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime, Reader, Xlsx, XlsxCellReader, XlsxError};

use super::error::Problem;
use super::records::{Fields, Found, Records};
use super::{Layout, RawTable, Sheets, coding};

/// Unpacked size of one part of a workbook that is still read. A full sheet of 1,048,576 rows and
/// twenty columns is about 1 GiB of XML.
const PART_LIMIT: u64 = 4 << 30;
/// A part that unpacks to more than this many times its packed size is no table, unless it is small.
const RATIO_LIMIT: u64 = 400;
const SMALL_PART: u64 = 64 << 20;
/// Texts that sheets share, and everything but the sheets, are held in memory: they may grow less.
const HELD_RATIO_LIMIT: u64 = 40;
const SMALL_HELD_PART: u64 = 16 << 20;

/// Streams the cells of the chosen sheets of any workbook whose sizes were checked; a sheet's declared dimensions are never
/// believed.
pub fn read(bytes: &[u8], layout: &Layout) -> Result<Vec<RawTable>, Problem> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut tables = Vec::new();
    for name in chosen(workbook.sheet_names(), &layout.sheets)? {
        let mut rows = Rows::new(workbook.worksheet_cells_reader(&name).map_err(damaged)?);
        tables.extend(code_sheet(&mut rows, &name, layout)?);
    }
    Ok(tables)
}

/// Those of a workbook's sheets that are to be read, in the order in which they are named.
pub(super) fn chosen(names: Vec<String>, sheets: &Sheets) -> Result<Vec<String>, Problem> {
    let chosen: Vec<String> = match sheets {
        Sheets::First => names.into_iter().take(1).collect(),
        Sheets::All => names,
        Sheets::Named(wanted) => {
            let absent = wanted.iter().find(|name| !names.contains(name));
            if let Some(absent) = absent {
                let found: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                return Err(Problem::NoSheet { wanted: absent.clone(), found: found.join(", ") });
            }
            wanted.clone()
        }
    };
    if chosen.is_empty() { Err(Problem::Empty) } else { Ok(chosen) }
}

/// Of many sheets, those without any cell are no tables.
pub(super) fn code_sheet(
    rows: &mut dyn Records,
    name: &str,
    layout: &Layout,
) -> Result<Option<RawTable>, Problem> {
    match coding::code(rows, layout, encoding_rs::UTF_8, Arc::from(name)) {
        Err(Problem::Empty) if layout.sheets == Sheets::All => Ok(None),
        read => read.map(Some),
    }
}

pub(super) fn damaged(error: XlsxError) -> Problem {
    Problem::Damaged { what: "the workbook cannot be read", detail: error.to_string() }
}

/// Refuses an archive whose parts unpack to more than a table could need, before any is unpacked.
pub(super) fn check_sizes(bytes: &[u8]) -> Result<(), Problem> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| Problem::Damaged {
        what: "the workbook is no complete ZIP archive",
        detail: error.to_string(),
    })?;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|error| Problem::Damaged {
            what: "a part of the workbook cannot be found",
            detail: error.to_string(),
        })?;
        // An OpenDocument sheet is read by a process of its own, which is bounded.
        let streams = part.name().is_ok_and(|name| name.contains("worksheets/") || name == "content.xml");
        let (ratio, small) =
            if streams { (RATIO_LIMIT, SMALL_PART) } else { (HELD_RATIO_LIMIT, SMALL_HELD_PART) };
        let allowed = PART_LIMIT.min(small.max(part.compressed_size().saturating_mul(ratio)));
        if part.size() > allowed {
            let name = part.name().unwrap_or_default();
            let what = format!("part `{name}` of the workbook");
            return Err(Problem::TooLarge { what, size: part.size(), limit: allowed });
        }
        let (name, size) = (part.name().unwrap_or_default().to_lowercase(), part.size());
        drop(part);
        if name.ends_with("sharedstrings.xml") {
            check_count(archive.by_index(index).ok(), size)?;
        }
    }
    Ok(())
}

/// Refuses a table of more texts than its bytes could hold: its reader makes room for as many as are claimed.
fn check_count(part: Option<impl Read>, size: u64) -> Result<(), Problem> {
    let mut head = Vec::new();
    // What cannot be unpacked is refused by whoever reads it.
    let _ = part.map(|part| part.take(1 << 16).read_to_end(&mut head));
    let claim = memchr::memmem::find(&head, b"uniqueCount").and_then(|start| head.get(start + 11..));
    let digits = claim.unwrap_or_default().iter().skip_while(|byte| b" \t\r\n=\"'".contains(byte));
    let digits = digits.take_while(|byte| byte.is_ascii_digit());
    let claimed = digits
        .fold(0u64, |claimed, digit| claimed.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    if claimed > size {
        let what = "the workbook claims more texts than it has";
        return Err(Problem::Damaged { what, detail: format!("{claimed} in {size} bytes") });
    }
    Ok(())
}

/// Groups a stream of cells into rows.
pub(super) struct Rows<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    /// First cell of the next row: already read, not yet given out.
    ahead: Option<(u32, u32, String)>,
    /// The reader must not be asked again once it has said that there is no more.
    ended: bool,
}

impl<'a, R: Read + Seek> Rows<'a, R> {
    pub(super) fn new(cells: XlsxCellReader<'a, R>) -> Rows<'a, R> {
        Rows { cells, ahead: None, ended: false }
    }

    fn cell(&mut self) -> Result<Option<(u32, u32, String)>, Problem> {
        if self.ahead.is_some() {
            return Ok(self.ahead.take());
        }
        while !self.ended {
            let Some(cell) = self.cells.next_cell().map_err(damaged)? else {
                self.ended = true;
                break;
            };
            let text = text_of(cell.get_value());
            if !text.is_empty() {
                let (row, column) = cell.get_position();
                return Ok(Some((row, column, text)));
            }
        }
        Ok(None)
    }
}

impl<R: Read + Seek> Records for Rows<'_, R> {
    fn next(&mut self, fields: &mut Fields) -> Result<Found, Problem> {
        fields.clear();
        let Some((row, column, text)) = self.cell()? else { return Ok(Found::End) };
        let mut cell = Some((column, text));
        while let Some((column, text)) = cell {
            fields.pad(column as usize);
            fields.push(text.as_bytes());
            cell = match self.cell()? {
                Some((own, column, text)) if own == row && column as usize >= fields.len() => {
                    Some((column, text))
                }
                next => {
                    self.ahead = next;
                    None
                }
            };
        }
        Ok(Found::Record { line: u64::from(row) + 1 })
    }

    fn ragged_is_fault(&self) -> bool {
        false
    }
}

/// A cell as a person reads it: numbers without binary noise, dates as ISO 8601.
pub(super) fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Int(integer) => integer.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(moment) => moment_text(moment),
        DataRef::Error(error) => error_text(error),
    }
}

pub(super) fn moment_text(moment: &ExcelDateTime) -> String {
    if !moment.is_datetime() {
        return number_text(moment.as_f64());
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

pub(super) fn error_text(error: &CellErrorType) -> String {
    Data::Error(error.clone()).to_string()
}

/// Spreadsheets show at most 15 significant digits of a binary number; 0.1 + 0.2 was meant as 0.3.
pub(super) fn number_text(number: f64) -> String {
    let shortest = number.to_string();
    if shortest.chars().filter(char::is_ascii_digit).count() <= 15 {
        return shortest;
    }
    format!("{number:.14e}").parse::<f64>().map_or(shortest, |rounded| rounded.to_string())
}

#[cfg(test)]
mod tests {
    use super::number_text;

    #[test]
    fn numbers_read_as_they_are_shown() {
        for (number, expected) in [
            (0.1 + 0.2, "0.3"),
            (0.02, "0.02"),
            (411721.0, "411721"),
            (1e-7, "0.0000001"),
            (43895.0, "43895"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(number_text(number), expected);
        }
    }
}
