//! A submitter's own file with what was refused in it, marked where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Color, Format, Note, Workbook, XlsxError};

use super::exit::{FAILED, Failure};
use crate::source::{Grid, grids};

/// One line of `rejections.csv`.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub sheet: String,
    pub line: u64,
    pub column: String,
    pub reason: String,
}

/// Rows at the head of a sheet among which its headers are looked for.
const HEAD: usize = 30;
/// Columns and rows that a sheet has room for, with one column more for the reasons.
const COLUMNS_MAX: usize = 16_000;
const ROWS_MAX: u64 = 1_048_576;

/// Writes the annotated workbook of a file into a folder; its name is the file's with `-拒收` behind it.
///
/// # Errors
/// The file cannot be read, or the workbook not be written.
pub fn annotate(name: &str, file: &Path, refusals: &[Refusal], folder: &Path) -> Result<PathBuf, Failure> {
    let grids = grids(file).map_err(|error| Failure::new(FAILED, format!("{name}: {error}")))?;
    let failed = |error: XlsxError| Failure::new(FAILED, format!("{name}: {error}"));
    let mut book = Workbook::new();
    for grid in &grids {
        write_sheet(&mut book, grid, refusals).map_err(failed)?;
    }
    let bytes = book.save_to_buffer().map_err(failed)?;
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let target = folder.join(format!("{}-拒收.xlsx", stem.unwrap_or_default()));
    // It holds whatever the submitter sent, and is for the submitter alone.
    let mut aside = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut aside, &bytes)?;
    aside.as_file().sync_all()?;
    aside.persist(&target).map_err(|error| error.error)?;
    Ok(target)
}

fn write_sheet(book: &mut Workbook, (name, rows): &Grid, refusals: &[Refusal]) -> Result<(), XlsxError> {
    let marked =
        Format::new().set_background_color(Color::RGB(0xFF_C7CE)).set_font_color(Color::RGB(0x9C_0006));
    let own: Vec<&Refusal> = refusals.iter().filter(|refusal| refusal.sheet == *name).collect();
    let mut by_line: BTreeMap<u64, Vec<&Refusal>> = BTreeMap::new();
    for refusal in own {
        by_line.entry(refusal.line).or_default().push(refusal);
    }
    let width = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0).min(COLUMNS_MAX);
    let reasons = u16::try_from(width).unwrap_or(u16::MAX);
    let sheet = book.add_worksheet();
    if !name.is_empty() {
        sheet.set_name(name)?;
    }
    let headers: Vec<&Vec<String>> = rows.iter().take(HEAD).map(|(_, cells)| cells).collect();
    let place_of =
        |column: &str| headers.iter().find_map(|cells| cells.iter().position(|cell| cell.trim() == column));
    for (line, cells) in rows.iter().filter(|(line, _)| (1..=ROWS_MAX).contains(line)) {
        let row = u32::try_from(line - 1).unwrap_or_default();
        let refused = by_line.get(line).map(Vec::as_slice).unwrap_or_default();
        // A fault of a determination is said as `result_text (铅)`: the row is marked then, not a cell.
        let faulty: BTreeSet<usize> =
            refused.iter().filter_map(|refusal| place_of(&refusal.column)).collect();
        for (column, text) in cells.iter().take(width).enumerate() {
            let place = u16::try_from(column).unwrap_or(u16::MAX);
            if faulty.contains(&column) {
                sheet.write_string_with_format(row, place, text, &marked)?;
            } else {
                sheet.write_string(row, place, text)?;
            }
        }
        let text = refused.iter().map(|refusal| refusal.reason.as_str()).collect::<Vec<_>>().join("；");
        if !text.is_empty() {
            sheet.write_string_with_format(row, reasons, &text, &marked)?;
            if let Some(place) = faulty.first().and_then(|place| u16::try_from(*place).ok()) {
                sheet.insert_note(row, place, &Note::new(text.chars().take(500).collect::<String>()))?;
            }
        }
    }
    Ok(())
}
