//! Which limit a determination is judged by: the record's own, else the pipeline's list, else the national
//! standard in force on the day of sampling.

use hashbrown::HashMap;
use jiff::civil::Date;

use crate::column::{Coded, Frame, Partners, combine, first_rows, rows_where};
use crate::judge::PRODUCT;
use crate::model::{Fault, Value};
use crate::normalize::{Limit, Sign, fold, parse_limit};
use crate::reference::{Limits, ListedLimit, OfAnalyte, ProductNames, Reference};

/// What `limit_source` says of a limit that the record states itself.
const RECORD: &str = "record";
/// And of one out of the pipeline's own list.
const LIST: &str = "list";

/// Columns that name the sample's product, the most particular first.
const NAMES: [&str; 3] = ["product", "subcategory", "category"];

/// Fills the limits of determinations that state none, and says in `limit_source` where each is from: the
/// record, the list, or a standard by its number.
pub fn limits_of_the_day(
    determinations: &mut Frame,
    samples: Option<&Frame>,
    listed: Option<&Frame>,
    reference: &Reference,
) {
    let mut sources =
        stated(determinations).map(|stated| if *stated { Value::text(RECORD) } else { Value::Missing });
    if let Some(samples) = samples {
        let sample_of = determinations.partners(samples, "sample_code");
        if let Some(listed) = listed {
            sources = from_list(determinations, samples, &sample_of, listed, &sources);
        }
        sources = from_standards(determinations, samples, &sample_of, &reference.limits, sources);
        name_products(determinations, samples, &sample_of);
    }
    determinations.set("limit_source", sources);
}

/// Whether each row says anything about its limit, be it only where to look it up.
fn stated(determinations: &Frame) -> Coded<bool> {
    any_limit(determinations, |limit| !matches!(limit, Ok(Limit::None)))
}

/// Whether any of the three limits of each row satisfies a test.
fn any_limit(determinations: &Frame, test: impl Fn(&Result<Limit, Fault>) -> bool) -> Coded<bool> {
    let [text, low, high] = ["limit_text", "limit_low", "limit_high"].map(|name| {
        let own = determinations.column_or_missing(name);
        own.map(|text| test(&parse_limit(&text.to_string(), Sign::AtMost)))
    });
    text.zip_map(&low, |one, other| *one || *other).zip_map(&high, |one, other| *one || *other)
}

/// The pipeline's list, by the sample's product and the analyte.
fn from_list(
    determinations: &mut Frame,
    samples: &Frame,
    sample_of: &Partners,
    listed: &Frame,
    sources: &Coded<Value>,
) -> Coded<Value> {
    let (products, analytes) = (listed.column_or_missing("product"), listed.column_or_missing("analyte"));
    let mut by_name: HashMap<(&Value, &Value), u32> = HashMap::new();
    for row in 0..listed.rows() {
        by_name.entry((products.get(row), analytes.get(row))).or_insert(row as u32);
    }
    let product = sample_of.bring(&samples.column_or_missing("product"), Value::Missing);
    let analyte = determinations.column_or_missing("analyte");
    let listed_row = product.zip_map(&analyte, |product, analyte| by_name.get(&(product, analyte)).copied());
    let open = sources.map(Value::is_missing);
    let found = listed_row.zip_map(&open, |row, open| row.filter(|_| *open));
    let rows: Vec<Option<u32>> = found.iter().copied().collect();
    for name in ["limit_low", "limit_high", "limit_unit"] {
        let filled = determinations.column_or_missing(name).overlay(&listed.column_or_missing(name), &rows);
        determinations.set(name, filled);
    }
    found.zip_map(sources, |row, source| if row.is_some() { Value::text(LIST) } else { source.clone() })
}

/// What a record says of a standard's limit.
type Part = fn(&ListedLimit) -> String;

/// The national standards, once per distinct product, span of days and analyte.
fn from_standards(
    determinations: &mut Frame,
    samples: &Frame,
    sample_of: &Partners,
    limits: &Limits,
    sources: Coded<Value>,
) -> Coded<Value> {
    let changes = limits.changes();
    let open = rows_where(&sources.relabel(Value::is_missing));
    if open.is_empty() {
        return sources;
    }
    let days = samples.column_or_missing("sampled_on");
    let span = days.map(|day| match day {
        Value::Date(day) => Value::Integer(changes.partition_point(|change| change <= day) as i64),
        _ => Value::Missing,
    });
    let names = NAMES.map(|name| samples.column_or_missing(name));
    let (classes, _) = combine(names.iter().chain([&span]), samples.rows());
    let of_sample = Coded::new(first_rows(&classes).into_iter().map(Some).collect(), classes);
    let class = sample_of.bring(&of_sample, None).take(&open).compact();
    let analytes = determinations.column_or_missing("analyte").take(&open);
    let of_class = class.relabel(|row| -> Option<(Date, ProductNames)> {
        let row = (*row)? as usize;
        let texts = names.each_ref().map(|column| column.get(row).to_string());
        Some((days.get(row).as_date()?, ProductNames::new(texts.each_ref().map(String::as_str))))
    });
    let of_analyte = analytes.relabel(|analyte| analyte.as_text().map(|name| limits.of_analyte(name)));
    let look_up = |class: &Option<(Date, ProductNames)>, of_analyte: &Option<OfAnalyte<'_>>| {
        let (day, product) = class.as_ref()?;
        limits.for_product(product, (*of_analyte)?, *day)
    };
    let found = of_class.zip_map(&of_analyte, look_up);
    if found.values().iter().all(Option::is_none) {
        return sources;
    }
    let found = found.spread(&open, determinations.rows(), None);
    let fill = |own: &Coded<Value>, part: Part| {
        found.zip_map(own, |place, own| match place.and_then(|place| limits.at(place)) {
            Some(limit) => Value::text(&part(limit)),
            None => own.clone(),
        })
    };
    let parts: [(&str, Part); 2] =
        [("limit_text", ListedLimit::text), ("limit_unit", |limit| limit.unit.clone())];
    for (name, part) in parts {
        let filled = fill(&determinations.column_or_missing(name), part);
        determinations.set(name, filled);
    }
    fill(&sources, |limit| limit.standard.clone())
}

/// Names of the product beside limits that depend on it.
fn name_products(determinations: &mut Frame, samples: &Frame, sample_of: &Partners) {
    let depends = any_limit(determinations, |limit| matches!(limit, Ok(Limit::Cases(_))));
    if !depends.values().contains(&true) {
        return;
    }
    let joined =
        NAMES.map(|name| samples.column_or_missing(name).map(|name| fold(&name.to_string()).into_owned()));
    let [product, subcategory, category] = joined;
    let names = product
        .zip_map(&subcategory, |one, other| format!("{one}|{other}"))
        .zip_map(&category, |one, other| Value::text(&format!("{one}|{other}")));
    let products = sample_of.bring(&names, Value::Missing);
    let needed = products
        .zip_map(&depends, |product, depends| if *depends { product.clone() } else { Value::Missing });
    determinations.set(PRODUCT, needed);
}
