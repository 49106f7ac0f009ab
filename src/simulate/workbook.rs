//! Writes workbooks whose bytes depend on their content alone, split where a sheet is full.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet};

use super::truth::{Code, Fate, Tally};
use super::{FileSummary, SimulateError};

/// Lines of a sheet, header included; the rest goes into a further workbook.
const LINES_PER_SHEET: u32 = 1_048_576;

/// What a cell of a row holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Blank,
    Text(String),
    Number(f64),
    /// A real date, not a text.
    Date(Date),
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        if text.is_empty() { Cell::Blank } else { Cell::Text(text) }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::from(text.to_owned())
    }
}

/// One sheet in the making. It stays in memory until its workbook is saved.
pub struct Sheet {
    worksheet: Worksheet,
    date: Format,
    /// The next free line, counted from 0.
    next: u32,
    tally: Tally,
    echo: Option<Vec<Cell>>,
}

impl Sheet {
    /// A sheet with a merged title, where there is one, above its header.
    pub fn new(name: &str, title: Option<&str>, header: &[&str]) -> Result<Sheet, SimulateError> {
        let mut worksheet = Worksheet::new();
        worksheet.set_name(name)?;
        let mut next = 0;
        if let Some(title) = title {
            let centred = Format::new().set_align(FormatAlign::Center);
            worksheet.merge_range(0, 0, 0, header.len().saturating_sub(1) as u16, title, &centred)?;
            next = 1;
        }
        for (column, name) in header.iter().enumerate() {
            worksheet.write_string(next, column as u16, *name)?;
        }
        let date = Format::new().set_num_format("yyyy-mm-dd");
        Ok(Sheet { worksheet, date, next: next + 1, tally: Tally::default(), echo: None })
    }

    /// A row and its fate.
    pub fn row(&mut self, cells: &[Cell], fate: Fate) -> Result<(), SimulateError> {
        self.tally.row(fate);
        for (column, cell) in cells.iter().enumerate() {
            let column = column as u16;
            match cell {
                Cell::Blank => {}
                Cell::Text(text) => drop(self.worksheet.write_string(self.next, column, text)?),
                Cell::Number(number) => drop(self.worksheet.write_number(self.next, column, *number)?),
                Cell::Date(day) => {
                    let day = excel_date(*day)?;
                    self.worksheet.write_datetime_with_format(self.next, column, &day, &self.date)?;
                }
            }
        }
        self.next += 1;
        Ok(())
    }

    /// Lists a cell of the row just written.
    pub fn cell(&mut self, code: Code) {
        self.tally.line(code);
    }

    /// Lists the accepted row just written as an orphan, unless its sample is known.
    pub fn orphan_unless(&mut self, known: bool) {
        if !known {
            self.tally.line(Code::Orphan);
        }
    }

    /// Keeps another spelling of a row just written, to come again as a duplicate when the next one does
    /// or the sheet ends.
    pub fn repeat(&mut self, row: Vec<Cell>) -> Result<(), SimulateError> {
        match self.echo.replace(row) {
            Some(earlier) => self.row(&earlier, Fate::Duplicate),
            None => Ok(()),
        }
    }

    /// Whether a row, its echo and an earlier echo might not fit any more.
    pub fn is_full(&self) -> bool {
        self.next + 3 > LINES_PER_SHEET
    }

    fn finish(&mut self) -> Result<(), SimulateError> {
        match self.echo.take() {
            Some(row) => self.row(&row, Fate::Duplicate),
            None => Ok(()),
        }
    }
}

/// Saves sheets as one workbook, as if it had been made on the first day of the simulation.
pub fn save(folder: &Path, name: &str, sheets: Vec<Sheet>) -> Result<FileSummary, SimulateError> {
    let mut workbook = Workbook::new();
    let made = ExcelDateTime::from_ymd(2020, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let mut tally = Tally::default();
    for mut sheet in sheets {
        sheet.finish()?;
        tally.add(&sheet.tally);
        workbook.push_worksheet(sheet.worksheet);
    }
    let path: PathBuf = folder.join(name);
    workbook.save(&path)?;
    let bytes = std::fs::metadata(&path).map_err(|source| SimulateError::Io { path, source })?.len();
    Ok(FileSummary { name: name.to_owned(), bytes, tally })
}

/// Name of the `part`-th workbook of a series; the first one carries no number.
pub fn part_name(stem: &str, part: u32) -> String {
    match part {
        1 => format!("{stem}.xlsx"),
        later => format!("{stem}_p{later}.xlsx"),
    }
}

fn excel_date(day: Date) -> Result<ExcelDateTime, SimulateError> {
    Ok(ExcelDateTime::from_ymd(
        day.year().unsigned_abs(),
        day.month().unsigned_abs(),
        day.day().unsigned_abs(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_sheets_make_the_same_bytes() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let make = |name: &str| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
            let mut sheets = Vec::new();
            for sheet in ["一", "二"] {
                let mut sheet = Sheet::new(sheet, Some("标题"), &["a", "b"])?;
                for row in 0..50 {
                    let cells = [
                        Cell::Text(format!("文{}", row % 7)),
                        Cell::Number(0.2),
                        Cell::Date(Date::constant(2020, 3, 5)),
                    ];
                    sheet.row(&cells, Fate::Accepted)?;
                }
                sheet.repeat(vec![Cell::Blank, Cell::from("x")])?;
                sheets.push(sheet);
            }
            let summary = save(folder.path(), name, sheets)?;
            assert_eq!((summary.tally.rows.read, summary.tally.rows.duplicate), (102, 2));
            Ok(std::fs::read(folder.path().join(name))?)
        };
        assert_eq!(make("a.xlsx")?, make("b.xlsx")?);
        assert_eq!((part_name("x", 1), part_name("x", 2)), ("x.xlsx".into(), "x_p2.xlsx".into()));
        Ok(())
    }
}
