/// How the texts of a column become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Free text: width-folded, blanks collapsed, the seven spellings of "missing" removed.
    Text,
    /// An identifier: like text, without any blanks, upper case.
    Identifier,
    /// A calendar day.
    Date,
    /// A whole number that counts something.
    Integer,
    /// A decimal number, kept exactly.
    Decimal,
    /// A share such as `40.3%`: kept as the integers 403 over 1000.
    Percent,
    /// A measurement or limit as written; read by `judge`.
    Measured,
    /// A word of a closed vocabulary.
    Word(&'static str),
    /// A township: a code, a name or an address in which one is named.
    Region,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSchema {
    pub name: &'static str,
    pub kind: ColumnKind,
    /// A record without it is rejected.
    pub required: bool,
}

/// One table of the lake: its columns, the columns that name a record, the date that files it under a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSchema {
    pub name: &'static str,
    pub key: &'static [&'static str],
    pub month_of: Option<&'static str>,
    pub columns: &'static [ColumnSchema],
}

impl TableSchema {
    pub fn column(&self, name: &str) -> Option<&'static ColumnSchema> {
        self.columns.iter().find(|column| column.name == name)
    }
}

pub fn table(name: &str) -> Option<&'static TableSchema> {
    TABLES.iter().find(|table| table.name == name)
}

/// The kind of a column, by its name, in the first of `tables` that has it.
pub fn column_kind(tables: &[&str], column: &str) -> Option<ColumnKind> {
    tables.iter().find_map(|name| table(name)?.column(column)).map(|column| column.kind)
}

const fn column(name: &'static str, kind: ColumnKind) -> ColumnSchema {
    ColumnSchema { name, kind, required: false }
}

const fn required(name: &'static str, kind: ColumnKind) -> ColumnSchema {
    ColumnSchema { name, kind, required: true }
}

use ColumnKind::{Date, Decimal, Identifier, Integer, Measured, Percent, Region, Text, Word};

/// The tables of the lake. A pipeline may add columns of its own (`[dimensions]`); it cannot rename these.
pub const TABLES: &[TableSchema] = &[
    TableSchema {
        name: "samples",
        key: &["sample_code"],
        month_of: Some("sampled_on"),
        columns: &[
            required("sample_code", Identifier),
            column("domain", Word("domain")),
            column("level", Word("level")),
            column("purpose", Word("purpose")),
            column("stage", Word("stage")),
            column("venue", Text),
            column("area_type", Word("area_type")),
            column("region", Region),
            column("category", Text),
            column("subcategory", Text),
            column("product", Text),
            column("producer", Text),
            column("producer_licence", Identifier),
            column("producer_credit_code", Identifier),
            column("producer_address", Text),
            column("sampled_unit", Text),
            column("sampled_unit_licence", Identifier),
            column("credit_code", Identifier),
            column("sampled_unit_address", Text),
            column("lab", Text),
            column("report_no", Text),
            column("task_source", Text),
            column("spec", Text),
            column("produced_on", Text),
            column("batch_no", Text),
            column("barcode", Identifier),
            column("sampled_on", Date),
            column("received_on", Date),
            column("reported_on", Date),
            column("first_verdict", Word("conclusion")),
            column("final_verdict", Word("conclusion")),
            column("problem", Word("yes_no")),
            column("reinspection", Text),
            column("objection", Word("objection")),
            column("rapid_test", Word("yes_no")),
        ],
    },
    TableSchema {
        name: "determinations",
        key: &["sample_code", "analyte"],
        month_of: Some("sampled_on"),
        columns: &[
            required("sample_code", Identifier),
            required("analyte", Text),
            column("kind", Text),
            column("result_text", Measured),
            column("result_type", Text),
            column("unit", Measured),
            column("limit_text", Measured),
            column("limit_low", Measured),
            column("limit_high", Measured),
            column("limit_unit", Measured),
            column("lod", Measured),
            column("loq", Measured),
            column("lod_unit", Measured),
            column("comparison", Word("comparison")),
            column("standard", Text),
            column("verdict_basis", Text),
            column("lab_verdict", Word("conclusion")),
            column("item_note", Text),
        ],
    },
    TableSchema {
        name: "duties",
        key: &["sample_code", "part"],
        month_of: Some("notified_on"),
        columns: &[
            required("sample_code", Identifier),
            required("part", Word("part")),
            column("region", Region),
            column("agency", Text),
            required("notified_on", Date),
            column("started_on", Date),
            column("closed_on", Date),
            column("extended_to", Date),
            column("cause", Text),
            column("penalty", Text),
            column("destroyed_value", Decimal),
        ],
    },
    TableSchema {
        name: "establishments",
        key: &["id"],
        month_of: None,
        columns: &[
            column("id", Identifier),
            required("name", Text),
            column("kind", Text),
            column("school_kind", Text),
            column("size_class", Word("size_class")),
            column("above_designated_size", Word("yes_no")),
            column("licence", Identifier),
            column("credit_code", Identifier),
            column("region", Region),
            column("open_from", Date),
            column("open_to", Date),
        ],
    },
    TableSchema {
        name: "establishment_attributes",
        key: &["id", "attribute", "from"],
        month_of: None,
        columns: &[
            required("id", Identifier),
            required("attribute", Text),
            column("value", Text),
            column("from", Date),
            column("to", Date),
        ],
    },
    TableSchema {
        name: "applications",
        key: &["id"],
        month_of: Some("accepted_on"),
        columns: &[
            required("id", Identifier),
            column("kind", Word("application_kind")),
            column("trade", Text),
            column("region", Region),
            required("accepted_on", Date),
            column("due_on", Date),
            column("decided_on", Date),
        ],
    },
    TableSchema {
        name: "returns",
        key: &["indicator", "region", "period_start", "agency"],
        month_of: Some("period_start"),
        columns: &[
            required("indicator", Text),
            column("region", Region),
            required("period_start", Date),
            column("period_end", Date),
            column("agency", Text),
            column("numerator", Integer),
            column("denominator", Integer),
            column("rate", Percent),
            column("reported_on", Date),
        ],
    },
    TableSchema {
        name: "submissions",
        key: &["unit", "received_on"],
        month_of: None,
        columns: &[
            required("unit", Text),
            column("unit_kind", Text),
            column("region", Region),
            column("due_on", Date),
            column("received_on", Date),
        ],
    },
    TableSchema {
        name: "population",
        key: &["region", "year", "basis"],
        month_of: None,
        columns: &[
            required("region", Region),
            required("year", Integer),
            required("basis", Word("basis")),
            required("persons", Integer),
            column("source", Text),
            column("grade", Text),
        ],
    },
    TableSchema {
        name: "limits",
        key: &["product", "analyte"],
        month_of: None,
        columns: &[
            required("product", Text),
            column("analyte", Text),
            column("limit_low", Measured),
            column("limit_high", Measured),
            column("limit_unit", Measured),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vocabulary;

    #[test]
    fn keys_months_and_vocabularies_exist() {
        for table in TABLES {
            for name in table.key.iter().copied().chain(table.month_of) {
                let joined = table.name == "determinations" && name == "sampled_on";
                assert!(joined || table.column(name).is_some(), "{}.{name}", table.name);
            }
            for column in table.columns {
                if let ColumnKind::Word(word) = column.kind {
                    assert!(vocabulary(word).is_some(), "{}.{}: {word}", table.name, column.name);
                }
            }
        }
    }
}
