use crate::model::{UNKNOWN, Vocabulary, vocabulary};

const YES_NO: &[&str] = &["yes", "no"];
const VERDICTS: &[&str] = &["conforming", "nonconforming", "undetermined", "pending"];
const ITEM_VERDICTS: &[&str] = &["conforming", "nonconforming", "undetermined", "unjudged", "pending"];

/// The words that a dimension can take, where they are closed. Every dimension can be `unknown`.
pub fn dimension_words(fact: &str, dimension: &str) -> Option<Vec<&'static str>> {
    let of = |name: &str| vocabulary(name).map(canonical);
    let words: Vec<&'static str> = match (fact, dimension) {
        (_, "domain" | "level" | "purpose" | "stage" | "area_type" | "part" | "size_class")
            if fact != "returns" =>
        {
            of(dimension)?
        }
        ("returns", "part") => vec!["numerator", "denominator"],
        ("applications", "kind") => of("application_kind")?,
        ("determinations", "kind") => return None,
        (_, "first_verdict" | "final_verdict") => VERDICTS.to_vec(),
        (_, "verdict" | "judged_verdict") => ITEM_VERDICTS.to_vec(),
        (_, "qualifier") => vec!["=", "<lod", "<loq", "≤", ">", "≥", "not_detected", "detected"],
        (_, "conclusion") => of("conclusion")?.into_iter().chain(["pending"]).collect(),
        (_, "objection") => of("objection")?,
        (_, "detected" | "exceeded") => vec!["yes", "no", "pending"],
        (_, "problem") => vec!["yes", "no", "pending"],
        (_, "rapid_test" | "above_designated_size" | "licensed" | "disposed" | "started") => YES_NO.to_vec(),
        (_, "start") => vec!["open", "overdue", "on_time", "late"],
        ("duties" | "disposals", "state") => vec!["open", "overdue", "closed", "closed_late"],
        ("applications", "outcome") => vec!["on_time", "late", "overdue", "pending", "no_due_date"],
        ("submissions", "outcome") => vec!["on_time", "late", "missing"],
        _ => return None,
    };
    Some(words.into_iter().chain([UNKNOWN]).collect())
}

fn canonical(vocabulary: &Vocabulary) -> Vec<&'static str> {
    vocabulary.words.iter().map(|(word, _, _)| *word).collect()
}
