use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
};

use unicode_width::UnicodeWidthStr;

use super::ReportError;
use super::table::{Cell, Table};

/// Chinese headings of the scorecard's columns, in its order, with their widths.
const HEADINGS: [(&str, &str, f64); 14] = [
    ("name_zh", "指标", 28.0),
    ("target", "目标", 9.0),
    ("value", "完成值", 8.0),
    ("unit", "单位", 9.0),
    ("status", "状态", 8.0),
    ("numerator", "分子", 8.0),
    ("denominator", "分母", 8.0),
    ("lower", "95%下限", 8.0),
    ("upper", "95%上限", 8.0),
    ("needed", "每月尚需", 9.0),
    ("due", "期限", 11.0),
    ("agency", "责任单位", 26.0),
    ("clause", "依据", 26.0),
    ("note", "口径与说明", 44.0),
];

/// Height of one line of text, in points.
const LINE: f64 = 15.0;

/// The scorecard for the desk: one sheet to print, one with the figures by township, one with what was
/// refused. The creation date is fixed, so that equal figures are equal bytes.
///
/// # Errors
/// None that input can cause: the writer's own.
pub fn scorecard_workbook(
    title: &str,
    scorecard: &Table,
    by_region: &Table,
    rejections: &[(String, String, u64)],
) -> Result<Vec<u8>, ReportError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_ymd(2020, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&created));
    scorecard_sheet(workbook.add_worksheet(), title, scorecard)?;
    table_sheet(workbook.add_worksheet(), "分乡镇", by_region)?;
    rejections_sheet(workbook.add_worksheet(), rejections)?;
    Ok(workbook.save_to_buffer()?)
}

fn heading() -> Format {
    Format::new()
        .set_bold()
        .set_background_color(Color::RGB(0xD9E2F3))
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::Center)
        .set_align(FormatAlign::VerticalCenter)
        .set_text_wrap()
}

fn body() -> Format {
    Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter).set_text_wrap()
}

/// Words and colours of a status: colour never alone carries it.
fn status_words(status: &str) -> (&str, Color) {
    match status {
        "met" => ("已达标", Color::RGB(0xE2EFDA)),
        "not_met" => ("未达标", Color::RGB(0xF8CBAD)),
        "too_early" => ("未到期", Color::RGB(0xFFF2CC)),
        "too_few" => ("样本过少", Color::RGB(0xEDEDED)),
        "no_data" => ("无数据", Color::RGB(0xEDEDED)),
        other => (other, Color::White),
    }
}

fn unit_words(unit: &str) -> &str {
    match unit {
        "per_1000" => "批次/千人",
        "count" => "个",
        other => other,
    }
}

fn scorecard_sheet(sheet: &mut Worksheet, title: &str, scorecard: &Table) -> Result<(), ReportError> {
    sheet.set_name("指标完成情况")?;
    let last = HEADINGS.len() as u16 - 1;
    let title_format = Format::new().set_bold().set_font_size(14.0).set_align(FormatAlign::Center);
    sheet.merge_range(0, 0, 0, last, title, &title_format)?;
    for (column, (_, heading_zh, width)) in HEADINGS.iter().enumerate() {
        sheet.set_column_width(column as u16, *width)?;
        sheet.write_string_with_format(1, column as u16, *heading_zh, &heading())?;
    }
    for (index, row) in scorecard.rows.iter().enumerate() {
        let line = index as u32 + 2;
        let texts = HEADINGS.iter().map(|(name, _, width)| (text_of(scorecard, row, name), *width));
        sheet.set_row_height(
            line,
            LINE * texts.map(|(text, width)| lines(&text, width)).fold(1.0, f64::max),
        )?;
        for (column, (name, _, _)) in HEADINGS.iter().enumerate() {
            let cell = cell_of(scorecard, row, name);
            let text = cell.to_string();
            let column = column as u16;
            match *name {
                "status" => {
                    let (words, colour) = status_words(&text);
                    sheet.write_string_with_format(
                        line,
                        column,
                        words,
                        &body().set_background_color(colour),
                    )?;
                }
                "unit" => {
                    sheet.write_string_with_format(line, column, unit_words(&text), &body())?;
                }
                "value" | "lower" | "upper" => write_decimal(sheet, line, column, &text)?,
                _ => write_cell(sheet, line, column, cell)?,
            }
        }
    }
    sheet.set_freeze_panes(2, 1)?;
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0).set_repeat_rows(1, 1)?;
    Ok(())
}

fn cell_of<'a>(table: &Table, row: &'a [Cell], name: &str) -> &'a Cell {
    let position = table.columns.iter().position(|own| own.name == name);
    position.and_then(|position| row.get(position)).unwrap_or(&Cell::Empty)
}

fn text_of(table: &Table, row: &[Cell], name: &str) -> String {
    cell_of(table, row, name).to_string()
}

/// Lines that a text takes in a column: spreadsheets do not grow rows that a program wrote.
fn lines(text: &str, width: f64) -> f64 {
    (text.width() as f64 * 1.1 / width).ceil().max(1.0)
}

/// A decimal text as a number that shows the same digits.
fn write_decimal(sheet: &mut Worksheet, row: u32, column: u16, text: &str) -> Result<(), ReportError> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    match text.parse::<f64>() {
        Ok(number) => {
            let pattern = if decimals == 0 { "0".to_owned() } else { format!("0.{}", "0".repeat(decimals)) };
            sheet.write_number_with_format(row, column, number, &body().set_num_format(pattern))?;
        }
        Err(_) => {
            sheet.write_string_with_format(row, column, text, &body())?;
        }
    }
    Ok(())
}

/// Texts are written as texts: nothing in them is ever evaluated.
fn write_cell(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell) -> Result<(), ReportError> {
    match cell {
        Cell::Empty => sheet.write_blank(row, column, &body())?,
        Cell::Integer(number) if number.unsigned_abs() < 1 << 53 => {
            sheet.write_number_with_format(row, column, *number as f64, &body())?
        }
        other => sheet.write_string_with_format(row, column, other.to_string(), &body())?,
    };
    Ok(())
}

fn table_sheet(sheet: &mut Worksheet, name: &str, table: &Table) -> Result<(), ReportError> {
    sheet.set_name(name)?;
    for (column, own) in table.columns.iter().enumerate() {
        sheet.write_string_with_format(0, column as u16, own.name.as_str(), &heading())?;
        sheet.set_column_width(column as u16, if column < 2 { 12.0 } else { 14.0 })?;
    }
    for (index, row) in table.rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let (line, text) = (index as u32 + 1, cell.to_string());
            match column {
                0 | 1 => write_cell(sheet, line, column as u16, cell)?,
                _ => write_decimal(sheet, line, column as u16, &text)?,
            }
        }
    }
    sheet.set_row_height(0, 4.0 * LINE)?;
    sheet.set_freeze_panes(1, 2)?;
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
    Ok(())
}

fn rejections_sheet(sheet: &mut Worksheet, rejections: &[(String, String, u64)]) -> Result<(), ReportError> {
    sheet.set_name("拒收统计")?;
    for (column, (name, width)) in [("代码", 18.0), ("含义", 24.0), ("条数", 10.0)].into_iter().enumerate()
    {
        sheet.write_string_with_format(0, column as u16, name, &heading())?;
        sheet.set_column_width(column as u16, width)?;
    }
    for (index, (code, zh, count)) in rejections.iter().enumerate() {
        let row = index as u32 + 1;
        sheet.write_string_with_format(row, 0, code.as_str(), &body())?;
        sheet.write_string_with_format(row, 1, zh.as_str(), &body())?;
        sheet.write_number_with_format(row, 2, *count as f64, &body())?;
    }
    Ok(())
}
