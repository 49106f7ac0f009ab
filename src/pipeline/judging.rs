//! Judges the assembled tables: the limit of the day, the verdict of each determination, the conclusion of
//! each sample, and what deserves a look.

use hashbrown::HashMap;

use super::assemble::{Assembled, Assembler};
use super::coverage::cover;
use super::file::PipelineFile;
use super::identify::identify;
use super::limits::limits_of_the_day;
use crate::column::{Coded, Frame};
use crate::judge::{conclude, judge_determinations, measured};
use crate::model::{Code, Rejection, Scope, Value};

/// Judges determinations and samples in place.
pub fn judge_tables(with: Assembler<'_>, tables: &mut HashMap<String, Frame>, assembled: &mut Assembled) {
    let Assembler { file, reference, .. } = with;
    list_strays(file, tables, &mut assembled.rejections);
    identify(tables, &mut assembled.warnings);
    cover(tables, &reference.regions, &mut assembled.warnings);
    let mut samples = tables.remove("samples");
    let determinations = tables.remove("determinations").map(|mut determinations| {
        let listed = tables.get("limits").or_else(|| with.given.get("limits"));
        limits_of_the_day(&mut determinations, samples.as_ref(), listed, reference);
        let judged = judge_determinations(&determinations, file.official, reference, with.decisions);
        assembled.rejections.extend(judged.rejections);
        assembled.warnings.extend(judged.warnings);
        judged.frame
    });
    let Some(samples) = &mut samples else {
        tables.extend(determinations.map(|own| ("determinations".to_owned(), own)));
        return;
    };
    let none = Frame::default();
    let known = determinations.as_ref().unwrap_or(&none);
    let as_sampled = samples.clone();
    let (differing, (measured, days)) = rayon::join(
        || conclude(samples, known),
        || {
            let measured = || measured(known, &as_sampled);
            rayon::join(measured, || super::shape::days_of_samples(&as_sampled, known))
        },
    );
    assembled.measured = Some(measured);
    assembled.warnings.extend(differing);
    if let Some(mut determinations) = determinations {
        super::derive::derive(samples, &determinations, &file.derived);
        determinations.set("sampled_on", days);
        tables.insert("determinations".to_owned(), determinations);
    }
    tables.insert("samples".to_owned(), std::mem::take(samples));
}

/// Determinations and duties of samples that never came.
fn list_strays(file: &PipelineFile, tables: &HashMap<String, Frame>, rejections: &mut Vec<Rejection>) {
    if !file.sources.iter().any(|source| source.into.iter().any(|table| table.name == "samples")) {
        return;
    }
    let none = Frame::default();
    let samples = tables.get("samples").unwrap_or(&none);
    for table in ["determinations", "duties"] {
        let Some(frame) = tables.get(table) else { continue };
        let codes = frame.column_or_missing("sample_code");
        let stray: Vec<bool> = samples.rows_of("sample_code", &codes).iter().map(Option::is_none).collect();
        if !stray.contains(&true) {
            continue;
        }
        let rows: Vec<u32> =
            (0..frame.rows() as u32).filter(|row| stray[codes.codes()[*row as usize] as usize]).collect();
        list_orphans(frame, &rows, rejections);
    }
}

/// Lists rows that belong to nothing.
pub(super) fn list_orphans(frame: &Frame, rows: &[u32], rejections: &mut Vec<Rejection>) {
    let key = ["sample_code", "unit"]
        .into_iter()
        .find(|name| frame.column(name).is_some())
        .unwrap_or("sample_code");
    let keys: Coded<Value> = frame.column_or_missing(key);
    for row in rows {
        rejections.push(Rejection {
            origin: frame.origin(*row as usize),
            column: key.to_owned(),
            scope: Scope::Orphan,
            code: Code::Orphan,
            found: keys.get(*row as usize).to_string(),
            expected: match key {
                "unit" => "a unit that owes the report".to_owned(),
                _ => "the code of an accepted sample".to_owned(),
            },
            hint: Code::Orphan.mend().to_owned(),
        });
    }
}
