//! Text forms: results, limits and units that somebody wrote down who had not seen the reader, and the lists of
//! forms from real exports where they are at hand.

use std::collections::BTreeMap;

use assay::normalize::{Bound, Limit, Qualifier, Quantity, Sign, parse_limit, parse_result};
use assay::reference::Reference;

use super::support::root;

/// Lines of a table between tabs, `\n` in a cell being a line break. Nothing is trimmed: blanks are the point.
fn lines(table: &'static str) -> impl Iterator<Item = Vec<String>> {
    let lines = table.split('\n').filter(|line| !line.is_empty());
    lines.map(|line| line.split('\t').map(|cell| cell.replace("\\n", "\n")).collect())
}

/// Whether a reading is among those that the table accepts; both code points of μ are one.
fn accepts(expected: &str, shown: &str) -> bool {
    let plain = |text: &str| text.replace('\u{b5}', "μ");
    expected.split('|').any(|reading| plain(reading) == plain(shown))
}

fn glued(unit: &str, blank: &str) -> String {
    if unit.is_empty() { String::new() } else { format!("{blank}@{unit}") }
}

fn shown_quantity(own: &Quantity) -> String {
    let sign = match own.qualifier {
        Qualifier::Equal => "=",
        Qualifier::BelowLod | Qualifier::BelowLoq => "<",
        Qualifier::AtMost => "<=",
        Qualifier::Above => ">",
        Qualifier::AtLeast => ">=",
        Qualifier::NotDetected => "ND",
        Qualifier::Detected => "D",
    };
    let number = own.number.map(|number| number.value.to_string()).unwrap_or_default();
    format!("{sign}{number}{}", glued(&own.unit, ""))
}

fn shown_result(text: &str) -> String {
    match parse_result(text) {
        Err(_) => "FAULT".to_owned(),
        Ok(quantities) if quantities.is_empty() => "NONE".to_owned(),
        Ok(quantities) => quantities.iter().map(shown_quantity).collect::<Vec<_>>().join(" "),
    }
}

fn shown_bound(bound: &Bound) -> String {
    match bound {
        Bound::Value { sign, number, unit } => {
            let sign = match sign {
                Sign::AtMost => "<=",
                Sign::Below => "<",
                Sign::AtLeast => ">=",
                Sign::Above => ">",
            };
            format!("{sign}{}{}", number.value, glued(unit, ""))
        }
        Bound::Range { low, high, unit } => format!("RANGE {} {}{}", low.value, high.value, glued(unit, " ")),
        Bound::NotDetected => "BAN".to_owned(),
        Bound::Detected => "MUST".to_owned(),
        Bound::Plan(plan) => {
            let big = plan.big_m.map_or_else(|| "-".to_owned(), |big| big.value.to_string());
            format!("PLAN {} {} {} {big}{}", plan.n, plan.c, plan.m.value, glued(&plan.unit, " "))
        }
    }
}

fn shown_limit(text: &str) -> String {
    match parse_limit(text, Sign::AtMost) {
        Err(_) => "FAULT".to_owned(),
        Ok(Limit::None) => "NONE".to_owned(),
        Ok(Limit::Elsewhere) => "ELSEWHERE".to_owned(),
        Ok(Limit::One(bound)) => shown_bound(&bound),
        Ok(Limit::Cases(_)) => "CASES".to_owned(),
    }
}

#[test]
fn results_and_limits_are_read_as_a_chemist_would() {
    let results = lines(include_str!("forms/results.tsv")).map(|cells| (shown_result(&cells[0]), cells));
    let limits = lines(include_str!("forms/limits.tsv")).map(|cells| (shown_limit(&cells[0]), cells));
    let mut count = 0;
    for (shown, cells) in results.chain(limits) {
        assert!(accepts(&cells[1], &shown), "{:?} is read as {shown}, expected {}", cells[0], cells[1]);
        count += 1;
    }
    assert_eq!(count, 724);
}

#[test]
fn units_convert_within_a_dimension_and_nowhere_else() {
    let units = Reference::built_in().expect("seeds").units;
    let (mut count, mut unknown) = (0, 0);
    for cells in lines(include_str!("forms/units.tsv")) {
        count += 1;
        let (Some(one), Some(other)) = (units.parse(&cells[0]), units.parse(&cells[1])) else {
            // A unit that nobody has met is refused, whatever it is: never wrong.
            unknown += 1;
            continue;
        };
        let shown = if one.is_comparable_with(&other) {
            let (mut top, mut bottom) =
                (one.numerator * other.denominator, one.denominator * other.numerator);
            let (mut common, mut rest) = (top, bottom);
            while rest > 0 {
                (common, rest) = (rest, common % rest);
            }
            (top, bottom) = (top / common, bottom / common);
            if bottom == 1 { top.to_string() } else { format!("{top}/{bottom}") }
        } else {
            "NO".to_owned()
        };
        assert!(accepts(&cells[2], &shown), "{} in {} is {shown}, expected {}", cells[0], cells[1], cells[2]);
    }
    assert!(count == 167 && unknown <= 40, "{unknown} of {count} units are not known");
}

/// Rows of a list of forms, each with how often it was seen.
fn listed(file: &str, columns: &[&str]) -> Option<Vec<(Vec<String>, u64)>> {
    let path = root().join("../shared").join(file);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    let mut reader = csv::Reader::from_path(path).expect("opens");
    let header = reader.headers().expect("a header").clone();
    let place = |name: &str| header.iter().position(|own| own.trim_start_matches('\u{feff}') == name);
    let places: Vec<usize> = columns.iter().map(|name| place(name).expect("the column")).collect();
    let count = place("count");
    let rows = reader.records().map(|record| {
        let record = record.expect("a record");
        let seen = count.and_then(|count| record[count].parse().ok()).unwrap_or(1);
        (places.iter().map(|place| record[*place].to_owned()).collect(), seen)
    });
    Some(rows.collect())
}

/// How many forms, and how many of their occurrences, are read or faulted by which name.
fn shares(
    forms: &[(String, u64)],
    read: impl Fn(&str) -> Result<(), String>,
) -> BTreeMap<String, (u64, u64)> {
    let mut shares: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (form, seen) in forms {
        let name = read(form).err().unwrap_or_else(|| "read".to_owned());
        let share = shares.entry(name).or_default();
        *share = (share.0 + 1, share.1 + seen);
    }
    shares
}

/// A line for each list: `read 12 (340), bad_limit 1 (2)`, occurrences in brackets.
fn shown_shares(list: &str, shares: &BTreeMap<String, (u64, u64)>) -> String {
    let parts: Vec<String> =
        shares.iter().map(|(name, (forms, seen))| format!("{name} {forms} ({seen})")).collect();
    format!("{list}: {}\n", parts.join(", "))
}

#[test]
fn every_listed_limit_is_read_or_faulted_by_name() {
    let Some(rows) = listed("domain/limit_text_forms.csv", &["field", "text"]) else { return };
    let forms = |field: &str| -> Vec<(String, u64)> {
        rows.iter().filter(|(row, _)| row[0] == field).map(|(row, seen)| (row[1].clone(), *seen)).collect()
    };
    let fields: std::collections::BTreeSet<&str> = rows.iter().map(|(row, _)| row[0].as_str()).collect();
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), ["limit_max", "limit_min", "method_lod"]);
    let by = |sign: Sign| {
        move |text: &str| parse_limit(text, sign).map(|_| ()).map_err(|fault| fault.code.to_string())
    };
    let lists = [("limit_max", Sign::AtMost), ("limit_min", Sign::AtLeast), ("method_lod", Sign::AtMost)];
    let pinned: String =
        lists.iter().map(|(field, sign)| shown_shares(field, &shares(&forms(field), by(*sign)))).collect();
    // A form that is read otherwise than before shows here, for better or worse.
    assert_eq!(
        pinned,
        "limit_max: bad_limit 101 (234), lost_exponent 2 (4), read 775 (11455)\n\
         limit_min: bad_limit 39 (99), lost_exponent 1 (2), read 252 (11592)\n\
         method_lod: bad_limit 19 (43), lost_exponent 3 (7), read 624 (11643)\n"
    );
    // What is plainly a number, with or without its sign, is that number.
    let plain = regex::Regex::new(r"^(≤|≥)?([0-9]+(?:\.[0-9]+)?)$").expect("a pattern");
    let mut checked = 0;
    for (row, _) in rows.iter().filter(|(row, _)| row[0] == "limit_max") {
        if let Some(parts) = plain.captures(&row[1]) {
            let sign = if parts.get(1).is_some_and(|sign| sign.as_str() == "≥") { ">=" } else { "<=" };
            assert_eq!(shown_limit(&row[1]), format!("{sign}{}", &parts[2]), "{}", row[1]);
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn every_listed_unit_and_result_is_read_or_faulted_by_name() {
    let Some(units) = listed("domain/unit_text_forms.csv", &["unit_text"]) else { return };
    let forms: Vec<(String, u64)> = units.into_iter().map(|(row, seen)| (row[0].clone(), seen)).collect();
    let known = Reference::built_in().expect("seeds").units;
    let unit = |text: &str| match (known.parse(text), known.why_not(text)) {
        (Some(_), _) => Ok(()),
        (None, Some(_)) => Err("no unit, for a reason".to_owned()),
        (None, None) if assay::normalize::is_missing(&assay::normalize::fold(text)) => {
            Err("missing".to_owned())
        }
        (None, None) => Err("unknown".to_owned()),
    };
    let mut pinned = shown_shares("units", &shares(&forms, unit));
    let Some(rows) = listed("domain/result_text_forms_real.csv", &["检测结果", "限量值"]) else {
        return;
    };
    let column = |place: usize| -> Vec<(String, u64)> {
        rows.iter().map(|(row, seen)| (row[place].clone(), *seen)).collect()
    };
    let result = |text: &str| parse_result(text).map(|_| ()).map_err(|fault| fault.code.to_string());
    pinned += &shown_shares("results", &shares(&column(0), result));
    let limit =
        |text: &str| parse_limit(text, Sign::AtMost).map(|_| ()).map_err(|fault| fault.code.to_string());
    pinned += &shown_shares("limits of results", &shares(&column(1), limit));
    assert_eq!(
        pinned,
        "units: no unit, for a reason 54 (19840), read 134 (31241)\n\
         results: bad_result 2 (2), lost_exponent 12 (12), read 138 (138)\n\
         limits of results: bad_limit 8 (8), lost_exponent 5 (5), read 139 (139)\n"
    );
}
