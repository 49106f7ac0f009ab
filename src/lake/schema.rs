//! Columns of a table, between Arrow's types and Delta's.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::LakeError;

/// The partition column. It is in no data file: Delta keeps it in the log, readers add it.
pub const MONTH: &str = "month";

/// A column, in Delta's words. Every column may be empty, so that later runs can add some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What a lake stores. A dictionary is of the kind of its values: coding is the writer's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    Text,
    Integer,
    Long,
    Date,
    Decimal(u8, i8),
}

impl Kind {
    fn of(kind: &DataType) -> Option<Kind> {
        match kind {
            DataType::Utf8 => Some(Kind::Text),
            DataType::Dictionary(_, values) => Kind::of(values),
            DataType::Int32 => Some(Kind::Integer),
            DataType::Int64 => Some(Kind::Long),
            DataType::Date32 => Some(Kind::Date),
            DataType::Decimal128(precision, scale) => Some(Kind::Decimal(*precision, *scale)),
            _ => None,
        }
    }

    pub(super) fn arrow(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Integer => DataType::Int32,
            Kind::Long => DataType::Int64,
            Kind::Date => DataType::Date32,
            Kind::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Text => out.write_str("string"),
            Kind::Integer => out.write_str("integer"),
            Kind::Long => out.write_str("long"),
            Kind::Date => out.write_str("date"),
            Kind::Decimal(precision, scale) => write!(out, "decimal({precision},{scale})"),
        }
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> String {
        kind.to_string()
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let kind = match text {
            "string" => Some(Kind::Text),
            "integer" => Some(Kind::Integer),
            "long" => Some(Kind::Long),
            "date" => Some(Kind::Date),
            _ => text.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')')).and_then(|inside| {
                let (precision, scale) = inside.split_once(',')?;
                Some(Kind::Decimal(precision.parse().ok()?, scale.parse().ok()?))
            }),
        };
        kind.ok_or_else(|| format!("`{text}` is not a type of the lake"))
    }
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(text: String) -> Result<Kind, String> {
        text.parse()
    }
}

/// Columns of a batch, without the partition column.
pub(super) fn columns_of(table: &str, schema: &Schema) -> Result<Vec<Column>, LakeError> {
    let stored = schema.fields().iter().filter(|field| field.name() != MONTH);
    stored
        .map(|field| match Kind::of(field.data_type()) {
            Some(kind) => Ok(Column { name: field.name().clone(), kind }),
            None => Err(LakeError::Type {
                table: table.to_owned(),
                column: field.name().clone(),
                found: field.data_type().to_string(),
            }),
        })
        .collect()
}

/// Adds the columns that are new; a column that stays must keep its type.
pub(super) fn extend(table: &str, columns: &mut Vec<Column>, more: &[Column]) -> Result<(), LakeError> {
    for column in more {
        match columns.iter().find(|known| known.name == column.name) {
            None => columns.push(column.clone()),
            Some(known) if known.kind == column.kind => {}
            Some(known) => {
                return Err(LakeError::Schema {
                    table: table.to_owned(),
                    column: column.name.clone(),
                    was: known.kind.to_string(),
                    now: column.kind.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Delta's schema, as its log writes it; the partition column comes last.
pub(super) fn delta_schema(columns: &[Column], partitioned: bool) -> Value {
    let month = partitioned.then(|| Column { name: MONTH.to_owned(), kind: Kind::Text });
    let fields = columns.iter().chain(month.iter()).map(|column| {
        json!({ "name": column.name, "type": column.kind.to_string(), "nullable": true, "metadata": {} })
    });
    json!({ "type": "struct", "fields": fields.collect::<Vec<Value>>() })
}

/// The batch as it goes into a file: without the partition column.
pub(super) fn without_month(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let stays = |(_, field): &(usize, &Arc<Field>)| field.name() != MONTH;
    let kept: Vec<usize> =
        batch.schema().fields().iter().enumerate().filter(stays).map(|(index, _)| index).collect();
    if kept.len() == batch.num_columns() { Ok(batch) } else { batch.project(&kept) }
}

/// What lies in a data file.
pub(super) fn stored_schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| Field::new(&column.name, column.kind.arrow(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_back_as_it_is_written() {
        let kinds = [Kind::Text, Kind::Integer, Kind::Long, Kind::Date, Kind::Decimal(38, 12)];
        for kind in kinds {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(Kind::of(&kind.arrow()), Some(kind));
        }
        assert!("struct".parse::<Kind>().is_err());
    }

    #[test]
    fn a_column_may_come_but_not_change() {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        let mut columns = vec![column("a", Kind::Text)];
        extend("t", &mut columns, &[column("b", Kind::Date), column("a", Kind::Text)]).expect("extends");
        assert_eq!(columns, [column("a", Kind::Text), column("b", Kind::Date)]);
        assert!(matches!(
            extend("t", &mut columns, &[column("b", Kind::Long)]),
            Err(LakeError::Schema { .. })
        ));
    }
}
