//! Ad-hoc SQL over the tables of a published run, by polars. Reads what it is given and nothing else.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use polars::prelude::{
    AnyValue, DataFrame, DataType, Engine, HiveOptions, IntoLazy, LazyFrame, ParquetReader, PlRefPath,
    PolarsError, ScanArgsParquet, SerReader,
};
use polars::sql::SQLContext;
use sqlparser::ast::{Statement, TableFactor, Visit, Visitor, visit_relations};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// Where the rows of a table are.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Parquet files of a lake below the table's folder; the month that they are filed under is in their path.
    Files { folder: PathBuf, files: Vec<PathBuf> },
    /// A Parquet file in memory.
    Bytes(Vec<u8>),
}

/// A result, ready to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Name, and whether the values are whole numbers.
    pub columns: Vec<(String, bool)>,
    pub rows: Vec<Vec<Option<String>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("this is no SQL: {0}")]
    Syntax(String),
    #[error("only SELECT is answered")]
    NotASelect,
    #[error("`{0}` reads files; a query reads the tables of the lake alone")]
    ReadsFiles(String),
    #[error("{0}")]
    Engine(#[from] PolarsError),
    #[error("the SQL engine cannot answer this; write it another way")]
    Unable,
    #[error("the answer has more than {0} rows; aggregate, or add a LIMIT")]
    TooManyRows(usize),
}

/// Rows of an answer beyond which it is refused: a person cannot read them, a program should read the lake.
const ROW_LIMIT: usize = 10_000_000;

/// Answers one SELECT over the named tables.
///
/// # Errors
/// The text is no SELECT, names an unknown table or column, or asks for files.
pub fn answer(sql: &str, tables: &[(String, Rows)]) -> Result<Answer, QueryError> {
    check(sql)?;
    // polars panics where an operation lacks a type (sums of its own 128-bit counts, for one).
    let frame =
        catch_unwind(AssertUnwindSafe(|| evaluate(sql, tables))).map_err(|_| QueryError::Unable)??;
    if frame.height() > ROW_LIMIT {
        return Err(QueryError::TooManyRows(ROW_LIMIT));
    }
    Ok(spell_out(&frame))
}

fn evaluate(sql: &str, tables: &[(String, Rows)]) -> Result<DataFrame, PolarsError> {
    let mut context = SQLContext::new();
    for (name, rows) in tables {
        context.register(name, lazy(rows)?);
    }
    // One SELECT has one sink, so the result is single.
    Ok(context.execute(sql)?.collect_with_engine(Engine::InMemory)?.unwrap_single())
}

/// One SELECT, and no table function: polars would read any file that one names.
fn check(sql: &str) -> Result<(), QueryError> {
    let statements =
        Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| QueryError::Syntax(error.to_string()))?;
    let [statement @ Statement::Query(_)] = statements.as_slice() else { return Err(QueryError::NotASelect) };
    let named = visit_relations(statement, |relation| {
        // Quotes around the name change nothing of what it does.
        let name: String = relation.to_string().to_lowercase().replace(['"', '`', '['], "");
        if name.starts_with("read_") || name.contains(['/', '\\', '\'']) {
            ControlFlow::Break(name)
        } else {
            ControlFlow::Continue(())
        }
    });
    let called = visit_statements_factors(statement);
    match named.break_value().or(called) {
        Some(name) => Err(QueryError::ReadsFiles(name)),
        None => Ok(()),
    }
}

/// The first table function of a statement, whatever it is called.
fn visit_statements_factors(statement: &Statement) -> Option<String> {
    struct Functions(Option<String>);
    impl Visitor for Functions {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            match factor {
                TableFactor::Table { name, args: Some(_), .. } => self.0 = Some(name.to_string()),
                TableFactor::TableFunction { expr, .. } => self.0 = Some(expr.to_string()),
                TableFactor::Function { name, .. } => self.0 = Some(name.to_string()),
                _ => return ControlFlow::Continue(()),
            }
            ControlFlow::Break(())
        }
    }
    let mut functions = Functions(None);
    let _ = statement.visit(&mut functions);
    functions.0
}

fn lazy(rows: &Rows) -> Result<LazyFrame, PolarsError> {
    match rows {
        Rows::Bytes(bytes) => Ok(ParquetReader::new(std::io::Cursor::new(bytes.clone())).finish()?.lazy()),
        Rows::Files { folder, files } if !files.is_empty() => {
            // One scan over all files: over a union, polars counts in a type that it cannot add up.
            let hive_options = HiveOptions {
                enabled: Some(true),
                hive_start_idx: folder.to_string_lossy().len(),
                schema: None,
                try_parse_dates: false,
            };
            let options = ScanArgsParquet {
                glob: false,
                allow_missing_columns: true,
                hive_options,
                ..ScanArgsParquet::default()
            };
            let paths = files.iter().map(|path| PlRefPath::new(path.to_string_lossy().as_ref()));
            LazyFrame::scan_parquet_files(paths.collect(), options)
        }
        Rows::Files { .. } => Ok(DataFrame::empty().lazy()),
    }
}

fn spell_out(frame: &DataFrame) -> Answer {
    let columns = frame.columns();
    let heads = columns.iter().map(|column| (column.name().to_string(), is_whole(column.dtype())));
    let rows = (0..frame.height()).map(|row| {
        let cells = columns.iter().map(|column| column.get(row).ok().and_then(|value| text_of(&value)));
        cells.collect()
    });
    Answer { columns: heads.collect(), rows: rows.collect() }
}

fn is_whole(kind: &DataType) -> bool {
    kind.is_integer()
}

fn text_of(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        AnyValue::String(text) => Some((*text).to_owned()),
        AnyValue::StringOwned(text) => Some(text.to_string()),
        AnyValue::Float64(number) => Some(number.to_string()),
        AnyValue::Float32(number) => Some(number.to_string()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_selects_over_tables_are_answered() {
        for (sql, expected) in [
            ("select 1", ""),
            ("with a as (select * from samples) select count(*) from a", ""),
            ("drop table samples", "only SELECT"),
            ("select 1; select 2", "only SELECT"),
            ("selec 1", "no SQL"),
            ("select * from read_csv('/etc/passwd')", "reads files"),
            ("select * from samples where x in (select * from read_parquet('a'))", "reads files"),
            ("select * from '/etc/passwd'", "reads files"),
            ("select * from \"read_parquet\"('/tmp/x')", "reads files"),
            ("select * from unheard_of('/tmp/x')", "reads files"),
        ] {
            let found = check(sql).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(
                if expected.is_empty() { found.is_empty() } else { found.contains(expected) },
                "{sql}: {found}"
            );
        }
    }
}
