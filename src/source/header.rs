use super::error::{Missing, Problem};
use super::{Layout, Request, Wide};
use crate::model::nearest;
use crate::reference::fold_header;

/// Where the header is, and which column answers which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Position of the header among the preview records.
    pub index: usize,
    /// Fields that a record must have: up to the last named column.
    pub width: usize,
    pub headers: Vec<String>,
    pub columns: Vec<Option<usize>>,
    pub wide: Vec<usize>,
    pub unknown: Vec<String>,
}

/// Records looked at when searching for the header.
pub const PREVIEW: usize = 30;

/// Headers that name a person or how to reach one. They are measurements only where a pipeline lists them.
fn is_personal(folded: &str) -> bool {
    let words = ["电话", "手机", "身份证", "联系人", "法人", "法定代表人", "姓名", "邮箱", "传真", "摊位号"];
    words.iter().any(|word| folded.contains(word))
}

/// Finds the header row by what it holds and binds the requested columns to it.
///
/// The row directly above may name sections (a merged cell per group of columns); a column is then also
/// known as `section/name`, and a bare name that occurs in several sections must be written so.
pub fn bind(preview: &[(u64, Vec<String>)], layout: &Layout, sheet: &str) -> Result<Binding, Problem> {
    let candidates: Vec<usize> = match layout.header_row {
        Some(line) => preview.iter().position(|(own, _)| *own == line).into_iter().collect(),
        None => (0..preview.len()).collect(),
    };
    let mut best: Option<(usize, usize)> = None;
    for index in candidates {
        let names = Names::of(preview, index);
        let score = layout.requests.iter().filter(|request| !names.matches(request).is_empty()).count();
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((index, score));
        }
    }
    let (index, best_score) = best.ok_or(Problem::Empty)?;
    let line = preview.get(index).map(|(line, _)| *line).unwrap_or_default();
    let names = Names::of(preview, index);
    let mut columns = Vec::new();
    let mut missing = Vec::new();
    for request in &layout.requests {
        let found = names.matches(request);
        match found.as_slice() {
            [] if request.required => missing.push(Missing {
                name: request.name.clone(),
                expected: quoted(&request.headers),
                nearest: request
                    .headers
                    .iter()
                    .find_map(|header| nearest(header, names.seen.iter().map(String::as_str)))
                    .map(str::to_owned),
            }),
            [_, _, ..] => return Err(names.repeated(sheet, &request.name, &found)),
            _ => {}
        }
        columns.push(found.first().copied());
    }
    if !missing.is_empty() {
        // A row that answers nothing may be a record: it is not shown.
        let seen = if best_score == 0 { Vec::new() } else { names.seen };
        return Err(Problem::MissingColumns { sheet: sheet.to_owned(), line, missing, seen });
    }
    let free = |column: &usize| !columns.contains(&Some(*column)) && !names.folded[*column].is_empty();
    let rest: Vec<usize> = (0..names.folded.len()).filter(free).collect();
    let listed =
        |list: &[String], column: usize| list.iter().any(|header| names.is(column, &fold_header(header)));
    let is_wide = |column: usize| match &layout.wide {
        Wide::None => false,
        Wide::RestBut(except) => !listed(except, column) && !is_personal(&names.folded[column]),
        Wide::Only(only) => listed(only, column),
    };
    let (wide, unknown): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|column| is_wide(*column));
    let repeated = wide.iter().enumerate().find_map(|(position, column)| {
        let twin = wide[..position].iter().find(|other| names.folded[**other] == names.folded[*column]);
        twin.map(|twin| [*twin, *column])
    });
    if let Some(twins) = repeated {
        return Err(names.repeated(sheet, "wide", &twins));
    }
    Ok(Binding {
        index,
        width: names.folded.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1),
        unknown: unknown.into_iter().map(|column| names.display(column)).collect(),
        wide,
        columns,
        headers: names.seen,
    })
}

fn quoted(headers: &[String]) -> String {
    let quoted: Vec<String> = headers.iter().map(|header| format!("`{header}`")).collect();
    quoted.join(" or ")
}

/// The names by which the columns of a candidate header row are known.
struct Names {
    seen: Vec<String>,
    folded: Vec<String>,
    sections: Vec<String>,
}

impl Names {
    fn of(preview: &[(u64, Vec<String>)], index: usize) -> Names {
        let cells = preview.get(index).map(|(_, cells)| cells.as_slice()).unwrap_or_default();
        let seen =
            cells.iter().map(|cell| cell.chars().filter(|c| !matches!(c, '\r' | '\n')).collect::<String>());
        let above = index.checked_sub(1).and_then(|above| preview.get(above));
        let above = above.map(|(_, cells)| cells.as_slice()).unwrap_or_default();
        let mut section = String::new();
        // A lone cell above is a title, not a row of sections.
        let has_sections = above.iter().filter(|cell| !cell.trim().is_empty()).count() >= 2;
        let sections = (0..cells.len()).map(|column| {
            if let Some(cell) = above.get(column).filter(|cell| has_sections && !cell.trim().is_empty()) {
                section = fold_header(cell);
            }
            section.clone()
        });
        Names {
            sections: sections.collect(),
            folded: cells.iter().map(|cell| fold_header(cell)).collect(),
            seen: seen.map(|cell: String| cell.trim().to_owned()).collect(),
        }
    }

    fn is(&self, column: usize, wanted: &str) -> bool {
        let (Some(name), Some(section)) = (self.folded.get(column), self.sections.get(column)) else {
            return false;
        };
        name == wanted
            || wanted.strip_prefix(section.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(name)
    }

    /// Columns that answer the first of a request's headers that any column answers.
    fn matches(&self, request: &Request) -> Vec<usize> {
        let headers = request.headers.iter().chain(&request.aliases);
        headers.map(|header| self.carrying(header)).find(|found| !found.is_empty()).unwrap_or_default()
    }

    fn carrying(&self, header: &str) -> Vec<usize> {
        let wanted = fold_header(header);
        let all = |wanted: &str| -> Vec<usize> {
            (0..self.folded.len()).filter(|column| self.is(*column, wanted)).collect()
        };
        let found = all(&wanted);
        if !found.is_empty() || wanted.is_empty() {
            return if wanted.is_empty() { Vec::new() } else { found };
        }
        let Some((name, nth)) = wanted.rsplit_once('#') else { return Vec::new() };
        let nth = nth.parse::<usize>().ok().and_then(|nth| nth.checked_sub(1));
        nth.and_then(|nth| all(name).get(nth).copied()).into_iter().collect()
    }

    fn display(&self, column: usize) -> String {
        let name = self.seen.get(column).cloned().unwrap_or_default();
        match self.sections.get(column) {
            Some(section) if !section.is_empty() => format!("{section}/{name}"),
            _ => name,
        }
    }

    fn repeated(&self, sheet: &str, name: &str, found: &[usize]) -> Problem {
        let header = found.first().map(|column| self.seen[*column].clone()).unwrap_or_default();
        let sectioned = found.iter().all(|column| !self.sections[*column].is_empty());
        let choices = found.iter().enumerate().map(|(nth, column)| {
            if sectioned { format!("`{}`", self.display(*column)) } else { format!("`{header}#{}`", nth + 1) }
        });
        Problem::Ambiguous {
            sheet: sheet.to_owned(),
            name: name.to_owned(),
            choices: choices.collect::<Vec<_>>().join(" or "),
            count: found.len(),
            header,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sheets;

    fn layout(requests: &[(&str, &[&str], bool)], wide: Wide) -> Layout {
        let requests = requests.iter().map(|(name, headers, required)| Request {
            name: (*name).to_owned(),
            headers: headers.iter().map(|header| (*header).to_owned()).collect(),
            aliases: Vec::new(),
            required: *required,
        });
        Layout {
            requests: requests.collect(),
            wide,
            sheets: Sheets::First,
            header_row: None,
            encoding: None,
            delimiter: None,
        }
    }

    fn rows(rows: &[&[&str]]) -> Vec<(u64, Vec<String>)> {
        let texts = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().enumerate().map(|(index, row)| (index as u64 + 1, texts(row))).collect()
    }

    #[test]
    fn headers_are_found_and_bound() {
        let exported = rows(&[
            &["抽样单导出"],
            &["基础", "", "抽检场所", "", "生产企业", ""],
            &["抽样单\n编号*", "抽样日期", "单位名称", "电话", "单位名称", "电话"],
            &["XC1", "2020-01-01", "甲", "1", "乙", "2"],
        ]);
        let cases: &[(&[&str], Option<usize>)] = &[
            (&["抽样单编号"], Some(0)),
            (&["抽样单号", "抽样单编号"], Some(0)),
            (&["抽检场所/单位名称"], Some(2)),
            (&["生产企业/单位名称"], Some(4)),
            (&["单位名称#2"], Some(4)),
            (&["单位名称#3"], None),
            (&["抽 样 日 期"], Some(1)),
            (&["无此列"], None),
        ];
        for (headers, expected) in cases {
            let layout = layout(&[("key", &["抽样单编号"], true), ("x", headers, false)], Wide::None);
            let binding = bind(&exported, &layout, "").expect("binds");
            assert_eq!((binding.index, binding.columns[1]), (2, *expected), "{headers:?}");
        }
    }

    #[test]
    fn a_repeated_bare_name_is_refused_with_the_choices() {
        let exported = rows(&[&["a", "", "b", ""], &["编号", "单位名称", "其他", "单位名称"]]);
        let layout = layout(&[("unit", &["单位名称"], true)], Wide::None);
        let message = bind(&exported, &layout, "表1").expect_err("ambiguous").to_string();
        insta::assert_snapshot!(message, @"header `单位名称` of column `unit` occurs 2 times in sheet `表1`; write `a/单位名称` or `b/单位名称`");
    }

    #[test]
    fn a_missing_column_names_the_nearest_and_what_was_seen() {
        let exported = rows(&[&["抽样单号码", "样品名称"], &["XC1", "韭菜"]]);
        let layout =
            layout(&[("sample_code", &["抽样单编号"], true), ("product", &["样品名称"], true)], Wide::None);
        let message = bind(&exported, &layout, "").expect_err("missing").to_string();
        insta::assert_snapshot!(message, @r"
        no header row with all required columns
          missing: sample_code (looked for `抽样单编号`; nearest is `抽样单号码`)
          best candidate, line 1: 抽样单号码, 样品名称
        ");
    }

    #[test]
    fn wide_columns_are_the_rest() {
        let exported = rows(&[&["样品编号", "甲胺磷", "备注", "毒死蜱", ""]]);
        let layout = layout(&[("sample_code", &["样品编号"], true)], Wide::RestBut(vec!["备注".to_owned()]));
        let binding = bind(&exported, &layout, "").expect("binds");
        assert_eq!((binding.wide, binding.unknown, binding.width), (vec![1, 3], vec!["备注".to_owned()], 4));
    }
}
