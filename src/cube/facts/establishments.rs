//! Establishments, as they stand on the last day of each month.

use hashbrown::HashMap;
use jiff::civil::Date;

use super::{FactInputs, keep, word};
use crate::column::{Coded, Frame};
use crate::model::{Value, vocabulary};

/// The last days of the months of the as-of year, up to the as-of day itself.
pub fn stock_days(as_of: Date) -> Vec<Date> {
    let ends = (1..as_of.month())
        .filter_map(|month| Date::new(as_of.year(), month, 1).ok())
        .map(Date::last_of_month);
    ends.chain([as_of]).collect()
}

/// Columns of the register that a dated attribute of the same name overrides on its days: an establishment is
/// of the kind and size that it was on the day.
const DATED: [&str; 4] = ["kind", "school_kind", "size_class", "above_designated_size"];

/// From a first day to a last one, where there is one; with a value, where the attribute has any.
#[derive(Debug, Clone)]
struct Span {
    from: Date,
    to: Option<Date>,
    value: Value,
}

impl Span {
    fn holds_on(&self, day: Date) -> bool {
        self.from <= day && self.to.is_none_or(|to| to >= day)
    }
}

/// Spans by attribute and establishment.
struct Attributes(HashMap<String, HashMap<Value, Vec<Span>>>);

impl Attributes {
    fn of(table: &Frame) -> Attributes {
        let [ids, names, from, to, values] =
            ["id", "attribute", "from", "to", "value"].map(|name| table.column_or_missing(name));
        let mut spans: HashMap<String, HashMap<Value, Vec<Span>>> = HashMap::new();
        for row in 0..table.rows() {
            if let (Some(name), Some(day)) = (names.get(row).as_text(), from.get(row).as_date()) {
                let value = match (vocabulary(value_words(name)), values.get(row).as_text()) {
                    (Some(words), Some(text)) => words.canonical(text).map_or(Value::Missing, Value::text),
                    _ => values.get(row).clone(),
                };
                let own = spans.entry_ref(name).or_default().entry_ref(ids.get(row)).or_default();
                own.push(Span { from: day, to: to.get(row).as_date(), value });
            }
        }
        Attributes(spans)
    }

    fn spans(&self, attribute: &str, id: &Value) -> &[Span] {
        self.0.get(attribute).and_then(|own| own.get(id)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The value of the span that began last among those that hold on the day.
    fn value_on(&self, attribute: &str, id: &Value, day: Date) -> Option<&Value> {
        let holding = self.spans(attribute, id).iter().filter(|span| span.holds_on(day));
        holding.max_by_key(|span| span.from).map(|span| &span.value)
    }
}

/// The vocabulary of a dated column.
fn value_words(attribute: &str) -> &str {
    if attribute == "above_designated_size" { "yes_no" } else { attribute }
}

/// Establishments open on each stock day, with the attributes of that day: `yes` while a certificate
/// runs (its last day included), and `_this_year` once the thing has happened in the calendar year.
pub(super) fn establishments(inputs: &FactInputs<'_>) -> Frame {
    let all = inputs.table("establishments");
    let attributes = Attributes::of(&inputs.table("establishment_attributes"));
    let (open_from, open_to) = (all.column_or_missing("open_from"), all.column_or_missing("open_to"));
    let mut months = Vec::new();
    for day in stock_days(inputs.as_of) {
        let is_open = |row: usize| {
            open_from.get(row).as_date().is_none_or(|from| from <= day)
                && open_to.get(row).as_date().is_none_or(|to| to > day)
        };
        let mut frame = keep(&all, is_open);
        let ids = frame.column_or_missing("id");
        for name in DATED.into_iter().filter(|name| attributes.0.contains_key(*name)) {
            let own = frame.column_or_missing(name);
            let dated = ids
                .iter()
                .zip(own.iter())
                .map(|(id, own)| attributes.value_on(name, id, day).unwrap_or(own).clone());
            let dated = Coded::from_values(dated);
            frame.set(name, dated);
        }
        for name in inputs.attributes {
            let any =
                |id: &Value, test: &dyn Fn(&Span) -> bool| word(attributes.spans(name, id).iter().any(test));
            let holds = ids.map(|id| any(id, &|span| span.holds_on(day)));
            let this_year = ids.map(|id| any(id, &|span| span.from <= day && span.from.year() == day.year()));
            frame.set(name, holds);
            frame.set(&format!("{name}_this_year"), this_year);
        }
        let licensed = frame.column_or_missing("licence").map(|licence| word(!licence.is_missing()));
        frame.set("licensed", licensed);
        frame.set("day", Coded::constant(Value::Date(day), frame.rows()));
        months.push(frame);
    }
    Frame::concat(&months)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn stock_days_are_month_ends_up_to_the_day() {
        assert_eq!(stock_days(date(2020, 3, 15)), [date(2020, 1, 31), date(2020, 2, 29), date(2020, 3, 15)]);
        assert_eq!(stock_days(date(2020, 12, 31)).len(), 12);
    }
}
