//! Which limit a determination is judged by: the record's own, else the pipeline's list, else the national
//! standard in force on the day of sampling.

use hashbrown::HashMap;
use jiff::civil::Date;

use crate::column::{Coded, Frame, combine};
use crate::judge::PRODUCT;
use crate::model::Value;
use crate::normalize::{Limit, Sign, fold, parse_limit};
use crate::reference::{Limits, ProductNames, Reference};

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
    let stated = stated(determinations);
    let mut origins: Vec<Value> =
        stated.iter().map(|stated| if *stated { Value::text(RECORD) } else { Value::Missing }).collect();
    if let Some(samples) = samples {
        let sample_of = partners(determinations, samples);
        if let Some(listed) = listed {
            from_list(determinations, samples, &sample_of, listed, &mut origins);
        }
        from_standards(determinations, samples, &sample_of, &reference.limits, &mut origins);
        name_products(determinations, samples, &sample_of);
    }
    determinations.set("limit_source", Coded::from_values(origins));
}

/// Whether each row says anything about its limit, be it only where to look it up.
fn stated(determinations: &Frame) -> Vec<bool> {
    let columns = ["limit_text", "limit_low", "limit_high"].map(|name| {
        let own = determinations.column_or_missing(name);
        own.map(|text| !matches!(parse_limit(&text.to_string(), Sign::AtMost), Ok(Limit::None)))
    });
    (0..determinations.rows()).map(|row| columns.iter().any(|column| *column.get(row))).collect()
}

/// Row of the sample that each determination belongs to.
fn partners(determinations: &Frame, samples: &Frame) -> Vec<Option<u32>> {
    let index = samples.rows_by("sample_code");
    let codes = determinations.column_or_missing("sample_code");
    let by_code: Vec<Option<u32>> = codes.values().iter().map(|code| index.get(code).copied()).collect();
    codes.codes().iter().map(|code| by_code[*code as usize]).collect()
}

/// The pipeline's list, by the sample's product and the analyte.
fn from_list(
    determinations: &mut Frame,
    samples: &Frame,
    sample_of: &[Option<u32>],
    listed: &Frame,
    origins: &mut [Value],
) {
    let (products, analytes) = (listed.column_or_missing("product"), listed.column_or_missing("analyte"));
    let mut by_name: HashMap<(&Value, &Value), u32> = HashMap::new();
    for row in 0..listed.rows() {
        by_name.entry((products.get(row), analytes.get(row))).or_insert(row as u32);
    }
    let product_of_sample = samples.column_or_missing("product");
    let analyte = determinations.column_or_missing("analyte");
    let rows: Vec<Option<u32>> = (0..determinations.rows())
        .map(|row| {
            let product =
                product_of_sample.get(sample_of[row].filter(|_| origins[row].is_missing())? as usize);
            by_name.get(&(product, analyte.get(row))).copied()
        })
        .collect();
    for name in ["limit_low", "limit_high", "limit_unit"] {
        let (own, from) = (determinations.column_or_missing(name), listed.column_or_missing(name));
        let filled = rows.iter().enumerate().map(|(row, limit)| match limit {
            Some(limit) => from.get(*limit as usize).clone(),
            None => own.get(row).clone(),
        });
        let filled = Coded::from_values(filled);
        determinations.set(name, filled);
    }
    for (origin, _) in origins.iter_mut().zip(&rows).filter(|(_, row)| row.is_some()) {
        *origin = Value::text(LIST);
    }
}

/// The national standards, once per distinct product, span of days and analyte.
fn from_standards(
    determinations: &mut Frame,
    samples: &Frame,
    sample_of: &[Option<u32>],
    limits: &Limits,
    origins: &mut [Value],
) {
    let changes = limits.changes();
    let span = samples.column_or_missing("sampled_on").map(|day| match day {
        Value::Date(day) => Value::Integer(changes.partition_point(|change| change <= day) as i64),
        _ => Value::Missing,
    });
    let names = NAMES.map(|name| samples.column_or_missing(name));
    let (classes, count) = combine(names.iter().chain([&span]), samples.rows());
    let mut first_of_class: Vec<Option<u32>> = vec![None; count];
    for (row, class) in classes.iter().enumerate() {
        first_of_class[*class as usize].get_or_insert(row as u32);
    }
    let days = samples.column_or_missing("sampled_on");
    let analytes = determinations.column_or_missing("analyte");
    let mut known: HashMap<(u32, u32), Option<(Value, Value, Value)>> = HashMap::new();
    let look_up = |class: u32, analyte: u32| -> Option<(Value, Value, Value)> {
        let row = first_of_class[class as usize]? as usize;
        let day: Date = days.get(row).as_date()?;
        let texts = names.each_ref().map(|column| column.get(row).to_string());
        let product = ProductNames::new(texts.each_ref().map(String::as_str));
        let limit = limits.for_product(&product, analytes.values()[analyte as usize].as_text()?, day)?;
        Some((Value::text(&limit.text()), Value::text(&limit.unit), Value::text(&limit.standard)))
    };
    let found: Vec<Option<(Value, Value, Value)>> = (0..determinations.rows())
        .map(|row| {
            let sample = sample_of[row].filter(|_| origins[row].is_missing())?;
            let key = (classes[sample as usize], analytes.codes()[row]);
            known.entry(key).or_insert_with(|| look_up(key.0, key.1)).clone()
        })
        .collect();
    if found.iter().all(Option::is_none) {
        return;
    }
    for (name, part) in [("limit_text", 0), ("limit_unit", 1)] {
        let own = determinations.column_or_missing(name);
        let filled = found.iter().zip(own.iter()).map(|(found, own)| match found {
            Some((text, unit, _)) => {
                if part == 0 {
                    text.clone()
                } else {
                    unit.clone()
                }
            }
            None => own.clone(),
        });
        let filled = Coded::from_values(filled);
        determinations.set(name, filled);
    }
    for (origin, found) in origins.iter_mut().zip(found) {
        if let Some((_, _, standard)) = found {
            *origin = standard;
        }
    }
}

/// Names of the product beside limits that depend on it.
fn name_products(determinations: &mut Frame, samples: &Frame, sample_of: &[Option<u32>]) {
    let depends = ["limit_text", "limit_low", "limit_high"].map(|name| {
        let own = determinations.column_or_missing(name);
        own.map(|text| matches!(parse_limit(&text.to_string(), Sign::AtMost), Ok(Limit::Cases(_))))
    });
    let any = |column: &Coded<bool>| column.values().iter().any(|depends| *depends);
    if !depends.iter().any(any) {
        return;
    }
    let names = NAMES.map(|name| samples.column_or_missing(name).map(|name| fold(&name.to_string())));
    let products = (0..determinations.rows()).map(|row| {
        let needed = depends.iter().any(|column| *column.get(row));
        match sample_of[row].filter(|_| needed) {
            Some(sample) => {
                let own: Vec<&str> = names.iter().map(|name| name.get(sample as usize).as_str()).collect();
                Value::text(&own.join("|"))
            }
            None => Value::Missing,
        }
    });
    let products = Coded::from_values(products);
    determinations.set(PRODUCT, products);
}
