//! Values so far from their like that their unit or their decimal point is likely wrong.
//!
//! Results of one analyte in one class of food are compared on a logarithmic scale, by median and median
//! absolute deviation, which a few wrong values do not move. A value is listed where it lies far outside and
//! one that is a thousand times smaller or larger, as mg and μg are apart, would lie among the others. The
//! list is an invitation to look: it changes no verdict and no figure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::usual::{DECADE, Far, Group, Groups, Log, Met, UsualBy};
use crate::column::{Coded, Frame, Interner, combine, combine_codes, first_rows, rows_where};
use crate::model::{Code, Rejection, Value};
use crate::reference::Units;

/// What is compared: the analyte, the category of the sample, the value and its unit.
const COMPARED: [&str; 4] = ["analyte", "category", "value", "unit"];

/// The quantified results above zero, with what they are compared by.
pub fn measured(determinations: &Frame, samples: &Frame) -> Frame {
    let [values, qualifiers] = ["value", "qualifier"].map(|name| determinations.column_or_missing(name));
    let is_number = |value: &Value| matches!(value, Value::Decimal(number) if number.0.mantissa() > 0);
    let is_measured =
        values.zip_map(&qualifiers, |value, qualifier| is_number(value) && qualifier.as_text() == Some("="));
    let rows = rows_where(&is_measured);
    let mut bare = determinations.clone();
    let names: Vec<String> = determinations.names().map(str::to_owned).collect();
    let unneeded = |name: &&String| !COMPARED.contains(&name.as_str()) && *name != "sample_code";
    names.iter().filter(unneeded).for_each(|name| bare.drop_column(name));
    let mut frame = bare.take(&rows);
    frame.set("category", categories(&frame, samples));
    frame.drop_column("sample_code");
    frame.compact()
}

/// How often each result occurs among its like, added up as parts of the results come, from any thread.
#[derive(Debug, Default)]
pub struct Occurrences {
    groups: Mutex<Groups>,
    /// The mark that the next part gets.
    next: AtomicU32,
}

/// Tells parts apart, though not each from each: of many, some have the same mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u32);

/// What [`measured`] found in a part, and the mark that it was added with.
#[derive(Debug)]
pub struct Marked<T> {
    pub mark: Mark,
    pub part: T,
}

impl Occurrences {
    /// Adds what [`measured`] found.
    pub fn add(&self, measured: &Frame, units: &Units) -> Mark {
        let mark = Mark(1 << (self.next.fetch_add(1, Ordering::Relaxed) % u32::BITS));
        let compared = Compared::of(measured, units);
        let (groups_of_rows, groups) = compared.groups();
        let (pairs, distinct) = combine_codes(
            [(&*groups_of_rows, groups.len()), (compared.logs.codes(), compared.logs.values().len())],
            groups_of_rows.len(),
        );
        let mut times = vec![0; distinct];
        pairs.iter().for_each(|pair| times[*pair as usize] += 1);
        let mut known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let groups: Vec<usize> = groups.into_iter().map(|group| known.place(group)).collect();
        for (row, times) in first_rows(&pairs).into_iter().zip(times) {
            let Some((dimension, log)) = compared.result(row as usize) else { continue };
            let group = groups[groups_of_rows[row as usize] as usize];
            known.results[group].add(dimension, log, Met { times, marks: mark.0 });
        }
        mark
    }

    /// Lists results that are far from those of the same analyte in the same category, or in all categories where one
    /// has too few. The parts are those that were added; only those that may have such results are asked for.
    ///
    /// # Errors
    /// The first part that cannot be had.
    pub fn list_suspicious<T: Sync, E: Send>(
        self,
        parts: &[Marked<T>],
        part: impl Fn(&T) -> Result<Frame, E> + Sync,
        units: &Units,
    ) -> Result<Vec<Rejection>, E> {
        let by_category = self.groups.into_inner().unwrap_or_else(PoisonError::into_inner);
        let usual = UsualBy::of(&by_category);
        let far = usual.far(&by_category);
        let marks = far.values().fold(0, |all, marks| all | marks);
        let listed: Vec<Vec<Rejection>> = parts
            .par_iter()
            .filter(|own| own.mark.0 & marks != 0)
            .map(|own| {
                let frame = part(&own.part)?;
                Ok(list(&frame, &Compared::of(&frame, units), &usual, &far))
            })
            .collect::<Result<_, E>>()?;
        Ok(listed.concat())
    }
}

/// Results as they are compared: which analyte in which category, and how much.
struct Compared {
    analytes: Coded<Value>,
    categories: Coded<Value>,
    /// Place of the dimension, and logarithm.
    logs: Coded<Option<(usize, Log)>>,
    dimensions: Vec<Arc<str>>,
}

impl Compared {
    fn of(frame: &Frame, units: &Units) -> Compared {
        let [analytes, categories, values, written] = COMPARED.map(|name| frame.column_or_missing(name));
        let mut dimensions: Interner<Arc<str>> = Interner::new();
        let scales = written.relabel(|unit| {
            let (dimension, factor) = scale(unit, units);
            (dimensions.intern(dimension) as usize, factor)
        });
        let logs = values
            .zip_map(&scales, |value, (dimension, factor)| Some((*dimension, logarithm(value, *factor)?)));
        Compared { analytes, categories, logs, dimensions: dimensions.into_values() }
    }

    /// The group of each row as a number, and the groups by their numbers.
    fn groups(&self) -> (Vec<u32>, Vec<Group>) {
        let (numbers, _) = combine([&self.analytes, &self.categories], self.logs.len());
        let groups = first_rows(&numbers).into_iter().map(|row| self.group(row as usize));
        let groups = groups.map(|(analyte, category)| (analyte.clone(), category.clone())).collect();
        (numbers, groups)
    }

    fn group(&self, row: usize) -> (&Value, &Value) {
        (self.analytes.get(row), self.categories.get(row))
    }

    fn result(&self, row: usize) -> Option<(&Arc<str>, Log)> {
        self.logs.get(row).map(|(dimension, log)| (&self.dimensions[dimension], log))
    }
}

fn list(frame: &Frame, compared: &Compared, usual: &UsualBy, far: &Far) -> Vec<Rejection> {
    let may_be_far = compared.logs.map_to_few(|log| {
        log.is_some_and(|(dimension, log)| far.contains_key(&(compared.dimensions[dimension].clone(), log)))
    });
    let shown = ["value", "unit"].map(|name| frame.column_or_missing(name));
    let mut listed = Vec::new();
    for row in rows_where(&may_be_far) {
        let row = row as usize;
        let (group, Some((dimension, log))) = (compared.group(row), compared.result(row)) else { continue };
        let Some((usual, is_near)) = usual.like(group, dimension).filter(|(usual, _)| usual.is_far(log))
        else {
            continue;
        };
        let among = match group.1 {
            Value::Text(category) if is_near => format!(" in {category}"),
            _ => String::new(),
        };
        let which = if i64::from(log) > usual.median { "smaller" } else { "larger" };
        let results = usual.results;
        let [value, unit] = shown.each_ref().map(|column| column.get(row).to_string());
        listed.push(Rejection::warning(
            frame.origin(row),
            &format!("result_text ({})", group.0),
            Code::SuspiciousValue,
            format!("{value} {unit}").trim_end().to_owned(),
            format!("a value like the {results} results{among}; 1,000 times {which} would be one"),
        ));
    }
    listed
}

/// The dimension of a unit, and the logarithm of what it is in base units of that.
fn scale(unit: &Value, units: &Units) -> (Arc<str>, f64) {
    let written = unit.to_string();
    match units.parse(&written) {
        Some(unit) => (unit.dimension, (unit.numerator as f64 / unit.denominator as f64).log10()),
        None => (Arc::from(written), 0.0),
    }
}

/// Logarithm of a value in base units of its dimension; `factor` is that of its unit.
fn logarithm(value: &Value, factor: f64) -> Option<Log> {
    let Value::Decimal(number) = value else { return None };
    let mantissa = number.0.mantissa();
    if mantissa <= 0 {
        return None;
    }
    let log = (mantissa as f64).log10() - f64::from(number.0.scale()) + factor;
    Some((log * DECADE as f64).round() as Log)
}

fn categories(determinations: &Frame, samples: &Frame) -> Coded<Value> {
    let partners = determinations.partners(samples, "sample_code");
    partners.bring(&samples.column_or_missing("category"), Value::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However results are parted, the same ones are listed.
    #[test]
    fn parts_with_far_results_are_all_looked_at() {
        let units = crate::reference::Reference::built_in().expect("seeds").units;
        let text: Arc<str> = Arc::from("");
        let frame = |numbers: &[i64]| {
            let rows = numbers.len();
            let lines = numbers.iter().map(|number| *number as u64).collect();
            let mut frame =
                Frame::new(vec![0; rows], lines, vec![(text.clone(), text.clone(), text.clone())]);
            frame.set("analyte", Coded::constant(Value::text("铅"), rows));
            frame.set("category", Coded::constant(Value::text("蔬菜"), rows));
            frame.set("unit", Coded::constant(Value::text("mg/kg"), rows));
            let value = |number: &i64| {
                // Of every hundred results one lost its decimal point.
                let micrograms = if number % 100 == 7 { 100_000 } else { 90 + number % 20 };
                Value::Decimal(crate::model::Exact(rust_decimal::Decimal::new(micrograms, 3)))
            };
            frame.set("value", Coded::from_values(numbers.iter().map(value)));
            frame
        };
        let numbers: Vec<i64> = (0..2000).collect();
        let listed = |size: usize| {
            let results = Occurrences::default();
            let parts: Vec<Marked<Frame>> = numbers
                .chunks(size)
                .map(|numbers| {
                    let part = frame(numbers);
                    Marked { mark: results.add(&part, &units), part }
                })
                .collect();
            let get = |part: &Frame| Ok::<_, std::convert::Infallible>(part.clone());
            let Ok(listed) = results.list_suspicious(&parts, get, &units);
            listed
                .iter()
                .map(|own| (own.origin.line, own.found.clone(), own.expected.clone()))
                .collect::<Vec<_>>()
        };
        let whole = listed(numbers.len());
        assert_eq!(whole.len(), 20);
        for size in [1, 30, 700] {
            assert_eq!(listed(size), whole, "in parts of {size}");
        }
    }
}
