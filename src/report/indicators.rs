//! Figures as tidy rows: one per indicator, cut and period. Dimensions that a row is not cut by are empty.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use super::CsvOptions;
use super::csv::{Row, Rows};
use super::table::{Cell, Column, Kind, Table};
use crate::column::Narrow;
use crate::indicator::{Cut, Definition, Figure, Status, Told};

/// What is kept back has no number, not even a zero.
pub(super) fn numerator(told: &Told) -> Option<i64> {
    (told.judgement.status != Status::Suppressed).then_some(told.numerator)
}

/// The figures of those indicators that are defined, as a table.
pub fn indicators_table(definitions: &[Definition], figures: &[Figure]) -> Table {
    let tidy = Tidy::new(definitions, figures);
    let rows = tidy.cuts.iter().flat_map(|(definition, figures)| {
        let by = by(figures);
        figures.iter().map(move |figure| (*definition, by.clone(), figure))
    });
    let row = |(definition, by, figure): (&Definition, Arc<str>, &Figure)| {
        let mut row = Vec::with_capacity(tidy.columns.len());
        row.extend([Cell::text(figure.indicator()), Cell::text(by)]);
        let texts = tidy.dimensions.iter().map(|name| figure.text_of(name));
        row.extend(texts.map(|text| text.map_or(Cell::Empty, |text| Cell::text(text.clone()))));
        row.extend(ends(figure.period).map(Cell::date));
        let Told { denominator, value, bounds, judgement, .. } = figure.told();
        let (lower, upper) = bounds.clone().unwrap_or_default();
        row.extend([
            Cell::integer(numerator(figure.told())),
            Cell::integer(*denominator),
            Cell::text(value.clone()),
            Cell::text(definition.unit.as_str()),
            Cell::text(lower),
            Cell::text(upper),
            Cell::text(judgement.status.as_str()),
        ]);
        row
    };
    let rows: Vec<(&Definition, Arc<str>, &Figure)> = rows.collect();
    Table { rows: rows.into_par_iter().map(row).collect(), columns: tidy.columns }
}

/// Writes [`indicators_table`] as CSV. What rows have in common is spelt out once.
///
/// # Errors
/// Those of `out`.
pub fn indicators_csv(
    definitions: &[Definition],
    figures: &[Figure],
    options: CsvOptions,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let tidy = Tidy::new(definitions, figures);
    let mut rows = Rows::begin(out, &tidy.columns, options)?;
    for (definition, figures) in &tidy.cuts {
        let Some(first) = figures.first() else { continue };
        let spelt = Spelt::new(definition, first.cut(), figures, &tidy.dimensions);
        rows.write(figures, |figure, row| spelt.tell(figure, row))?;
    }
    Ok(())
}

/// Names of the dimensions of a cut.
fn by(figures: &[Figure]) -> Arc<str> {
    let names = figures.first().into_iter().flat_map(Figure::group).map(|(name, _)| &**name);
    names.collect::<Vec<&str>>().join("+").into()
}

/// The first and the last day.
pub(super) fn ends(period: Option<(Date, Date)>) -> [Option<Date>; 2] {
    [period.map(|(start, _)| start), period.map(|(_, end)| end)]
}

/// Figures by cuts, and the columns that all have together.
struct Tidy<'a> {
    columns: Vec<Column>,
    /// Dimensions that any figure is cut by, months last.
    dimensions: Vec<&'a str>,
    cuts: Vec<(&'a Definition, &'a [Figure])>,
}

impl<'a> Tidy<'a> {
    fn new(definitions: &'a [Definition], figures: &'a [Figure]) -> Tidy<'a> {
        let cuts = || figures.chunk_by(|one, other| Arc::ptr_eq(one.cut(), other.cut()));
        let defined = cuts().filter_map(|figures| {
            let indicator = figures.first()?.indicator();
            Some((definitions.iter().find(|definition| definition.id == indicator)?, figures))
        });
        let mut dimensions: Vec<&str> = cuts()
            .filter_map(|figures| figures.first())
            .flat_map(Figure::group)
            .map(|(name, _)| &**name)
            .filter(|name| *name != "month")
            .collect();
        dimensions.sort_unstable();
        dimensions.dedup();
        dimensions.push("month");
        let named = [("indicator", Kind::Text), ("by", Kind::Text)]
            .into_iter()
            .chain(dimensions.iter().map(|name| (*name, Kind::Text)))
            .chain([
                ("period_start", Kind::Date),
                ("period_end", Kind::Date),
                ("numerator", Kind::Integer),
                ("denominator", Kind::Integer),
                ("value", Kind::Text),
                ("unit", Kind::Text),
                ("lower", Kind::Text),
                ("upper", Kind::Text),
                ("status", Kind::Text),
            ]);
        let columns = Table::new(&named.collect::<Vec<(&str, Kind)>>()).columns;
        Tidy { columns, dimensions, cuts: defined.collect() }
    }
}

/// What the rows of a cut are made of, as CSV.
struct Spelt<'a> {
    /// Indicator and names of the dimensions.
    head: String,
    /// Of each dimension that has a column the codes of the cut's rows and the texts, if the cut has it.
    dimensions: Vec<Option<(&'a Narrow, Vec<String>)>>,
    periods: Vec<(Option<(Date, Date)>, String)>,
    told: Vec<String>,
}

impl<'a> Spelt<'a> {
    fn new(definition: &Definition, cut: &'a Cut, figures: &[Figure], dimensions: &[&str]) -> Spelt<'a> {
        let spelt = |write: &dyn Fn(&mut Row<'_>)| {
            let mut text = String::new();
            write(&mut Row::new(&mut text));
            text
        };
        let columns = dimensions.iter().map(|name| {
            let own = cut.dimensions.iter().find(|own| &*own.name == *name)?;
            let texts = own.texts.par_iter().map(|text| spelt(&|row| row.text(text)));
            Some((&own.codes, texts.collect()))
        });
        let mut periods: Vec<Option<(Date, Date)>> = figures.iter().map(|figure| figure.period).collect();
        periods.dedup();
        periods.sort_unstable();
        periods.dedup();
        let dates = |period| spelt(&|row| ends(period).into_iter().for_each(|day| row.date(day)));
        let tell = |told: &Told| {
            spelt(&|row| {
                row.integer(numerator(told));
                row.integer(told.denominator);
                row.text(&told.value);
                row.text(definition.unit.as_str());
                let bounds = told.bounds.as_ref().map_or(["", ""], |(lower, upper)| [lower, upper]);
                bounds.into_iter().for_each(|bound| row.text(bound));
                row.text(told.judgement.status.as_str());
            })
        };
        Spelt {
            head: spelt(&|row| {
                row.text(&cut.indicator);
                row.text(&by(figures));
            }),
            dimensions: columns.collect(),
            periods: periods.into_iter().map(|period| (period, dates(period))).collect(),
            told: cut.told.par_iter().map(tell).collect(),
        }
    }

    fn tell(&self, figure: &Figure, row: &mut Row<'_>) {
        row.spelt(&self.head);
        for column in &self.dimensions {
            let text = column.as_ref().map(|(codes, texts)| &texts[codes.code(figure.row())]);
            row.spelt(text.map_or("", String::as_str));
        }
        let period = self.periods.iter().find(|(period, _)| *period == figure.period);
        row.spelt(period.map_or(",", |(_, dates)| dates));
        row.spelt(&self.told[figure.told_at()]);
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::super::{in_memory, write_csv};
    use super::*;
    use crate::cube::Cells;
    use crate::indicator::testing::{cut, definition};
    use crate::indicator::{Context, Populations, evaluate, suppress_figures};

    proptest! {
        /// However many figures are spelt out, they are those of the table.
        #[test]
        fn figures_are_written_as_their_table_is(
            cells in proptest::collection::vec(
                (prop_oneof!["[a-c]{1,2}", Just("=1+1".to_owned()), Just("a,\"b\"".to_owned())], 0u8..3, 1i8..13, 0i64..40), 0..20),
            hidden in any::<u64>(),
            byte_order_mark: bool,
        ) {
            let names = ["region", "stage"].map(str::to_owned);
            let spelt = cells.iter().map(|(region, stage, month, n)| {
                (vec![region.clone(), stage.to_string()], Some(date(2020, *month, 7)), *n)
            });
            let cells = Cells::from_texts("samples", &names, spelt);
            let cuts = [&["region"][..], &["month"], &["stage", "region", "month"]].map(cut).to_vec();
            let definitions = [
                Definition { cuts: cuts.clone(), ..definition("all", "true", None) },
                Definition { cuts, ..definition("share", "stage = '1'", Some("region <> 'a'")) },
            ];
            let (as_of, populations) = (date(2020, 12, 31), Populations::default());
            let regions = ["a".to_owned(), "z".to_owned()];
            let context = Context { as_of, populations: &populations, regions: &regions, period: None };
            let figures: Vec<Figure> =
                definitions.iter().flat_map(|own| evaluate(own, &cells, &own.cuts, &context)).collect();
            let hidden: Vec<bool> = (0..figures.len()).map(|place| hidden >> (place % 64) & 1 == 1).collect();
            let figures = [suppress_figures(&figures, &hidden), figures].concat();
            let options = CsvOptions { byte_order_mark };
            let csv = in_memory(|bytes| indicators_csv(&definitions, &figures, options, bytes));
            prop_assert_eq!(csv, write_csv(&indicators_table(&definitions, &figures), options));
            // Of what is not defined nothing is told.
            let csv = in_memory(|bytes| indicators_csv(&definitions[..1], &figures, options, bytes));
            prop_assert_eq!(csv, write_csv(&indicators_table(&definitions[..1], &figures), options));
        }
    }
}
