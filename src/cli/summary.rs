//! What a person reads when a run ends: inputs, rows, rejections, figures.

use std::io::{IsTerminal, Write};

use anstream::stderr;
use unicode_width::UnicodeWidthStr;

use super::{Global, Language};
use crate::indicator::{Figure, Status};
use crate::pipeline::{Evaluated, RunRequest, Stored};
use crate::report::RunRecord;

/// Texts of the summary in one language.
struct Words {
    inputs: &'static str,
    rows: [&'static str; 5],
    refused: &'static str,
    unknown_columns: &'static str,
    status: fn(Status) -> &'static str,
}

const ENGLISH: Words = Words {
    inputs: "files read",
    rows: ["rows", "accepted", "rejected", "duplicate", "superseded"],
    refused: "refused or doubtful, by code",
    unknown_columns: "columns nobody asked for",
    status: Status::as_str,
};

const CHINESE: Words = Words {
    inputs: "个文件",
    rows: ["行", "接收", "拒收", "重复", "被更正"],
    refused: "拒收或存疑，按代码",
    unknown_columns: "未使用的列",
    status: |status| match status {
        Status::NoData => "无数据",
        Status::TooFew => "样本过少",
        Status::TooEarly => "未到期",
        Status::Met => "已达标",
        Status::NotMet => "未达标",
        Status::Suppressed => "不公开",
        Status::None => "",
    },
};

pub fn print(evaluated: &Evaluated, record: &RunRecord, global: &Global) -> std::io::Result<()> {
    let words = if global.lang == Language::Zh { &CHINESE } else { &ENGLISH };
    let mut out = stderr().lock();
    let title = match global.lang {
        Language::Zh if !evaluated.file.title_zh.is_empty() => &evaluated.file.title_zh,
        _ if !evaluated.file.title_en.is_empty() => &evaluated.file.title_en,
        _ => &evaluated.file.name,
    };
    writeln!(out, "{title} · {}", evaluated.as_of)?;
    let rows = &record.rows;
    let counts = [rows.read, rows.accepted, rows.rejected, rows.duplicate, rows.superseded];
    let counts: Vec<String> =
        counts.iter().zip(words.rows).map(|(count, word)| format!("{count} {word}")).collect();
    writeln!(out, "{} {} · {}", record.inputs.len(), words.inputs, counts.join(" · "))?;
    let unknown: Vec<&str> =
        record.inputs.iter().flat_map(|input| &input.unknown_columns).map(String::as_str).collect();
    if !unknown.is_empty() {
        writeln!(out, "{}: {}", words.unknown_columns, unknown.len())?;
    }
    if !record.rejections.is_empty() {
        let codes: Vec<String> =
            record.rejections.iter().map(|(code, count)| format!("{code} {count}")).collect();
        writeln!(out, "{}: {}", words.refused, codes.join(", "))?;
    }
    writeln!(out)?;
    let lines: Vec<[String; 4]> = evaluated
        .figures
        .iter()
        .filter(|figure| figure.is_whole() && is_on_scorecard(evaluated, figure))
        .filter_map(|figure| line(evaluated, figure, words, global.lang))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for line in &lines {
        let mark = if std::io::stderr().is_terminal() { colour(&line[3], words) } else { ("", "") };
        writeln!(
            out,
            "  {}  {}  {}  {}{}{}",
            pad(&line[0], widths[0], false),
            pad(&line[1], widths[1], true),
            pad(&line[2], widths[2], false),
            mark.0,
            line[3],
            mark.1
        )?;
    }
    Ok(())
}

fn line(evaluated: &Evaluated, figure: &Figure, words: &Words, language: Language) -> Option<[String; 4]> {
    let definition = evaluated.file.indicators.iter().find(|own| own.id == figure.indicator())?;
    let name = match language {
        Language::Zh if !definition.name_zh.is_empty() => definition.name_zh.clone(),
        _ => definition.id.clone(),
    };
    let unit = match definition.unit {
        crate::indicator::Unit::Percent if !figure.told().value.is_empty() => " %",
        crate::indicator::Unit::PerThousand if !figure.told().value.is_empty() => " ‰",
        _ => "",
    };
    let target = definition.target.map(|target| target.text(definition.unit)).unwrap_or_default();
    let status = (words.status)(figure.status()).to_owned();
    let ratio = match figure.told().denominator {
        Some(denominator) => format!("{}/{denominator}", figure.told().numerator),
        None => figure.told().numerator.to_string(),
    };
    Some([name, format!("{}{unit}  {ratio}", figure.told().value), target, status])
}

fn colour(status: &str, words: &Words) -> (&'static str, &'static str) {
    if status == (words.status)(Status::Met) {
        ("\u{1b}[32m", "\u{1b}[0m")
    } else if status == (words.status)(Status::NotMet) {
        ("\u{1b}[31m", "\u{1b}[0m")
    } else {
        ("\u{1b}[33m", "\u{1b}[0m")
    }
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// Which columns of which file nobody asked for: where a misspelt header would be found.
pub fn print_unknown_columns(record: &RunRecord) -> std::io::Result<()> {
    let mut out = stderr().lock();
    writeln!(out)?;
    for input in record.inputs.iter().filter(|input| !input.unknown_columns.is_empty()) {
        writeln!(out, "not used of {}: {}", input.path, input.unknown_columns.join(", "))?;
    }
    Ok(())
}

pub fn print_stored(stored: &Stored, request: &RunRequest) -> std::io::Result<()> {
    let mut out = stderr().lock();
    let report = request.out.display();
    match stored {
        Stored::Published(run) => {
            writeln!(out, "\nreport in {report}; run {run} of the lake {}", request.lake.display())
        }
        Stored::Unchanged(run) => writeln!(out, "\nreport in {report}; nothing has changed since run {run}"),
        Stored::NoLake => writeln!(out, "\nreport in {report}; this build keeps no lake"),
    }
}

fn is_on_scorecard(evaluated: &Evaluated, figure: &Figure) -> bool {
    let definitions = &evaluated.file.indicators;
    definitions.iter().any(|own| own.id == figure.indicator() && own.on_scorecard)
}

/// Indicators whose target is missed.
pub fn missed(evaluated: &Evaluated) -> Vec<&str> {
    let whole = evaluated.figures.iter().filter(|figure| figure.is_whole());
    whole.filter(|figure| figure.status() == Status::NotMet).map(Figure::indicator).collect()
}
