use std::collections::HashMap;

use super::ReferenceError;
use super::record::read;
use crate::model::{half_width, is_blank};

/// The headers that exports use, and the columns of our tables they stand for.
#[derive(Debug, Clone)]
pub struct HeaderAliases {
    by_header: HashMap<String, Meaning>,
    /// Column and header, in the order of the table.
    in_order: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Column(String),
    /// Known, and read into no column, for this reason.
    None(String),
}

impl HeaderAliases {
    pub(super) fn read(file: &str, text: &str) -> Result<HeaderAliases, ReferenceError> {
        let mut by_header = HashMap::new();
        let mut in_order = Vec::new();
        read(file, text, |record| {
            record.provenance()?;
            let meaning = match (record.optional("column")?, record.optional("reason")?) {
                (Some(column), None) => Meaning::Column(column.to_owned()),
                (None, Some(reason)) => Meaning::None(reason.to_owned()),
                _ => return Err(record.fault("reason", "a column or a reason why there is none, not both")),
            };
            if let Meaning::Column(column) = &meaning {
                in_order.push((column.clone(), record.required("alias")?.to_owned()));
            }
            match by_header.insert(fold_header(record.required("alias")?), meaning.clone()) {
                Some(earlier) if earlier != meaning => {
                    Err(record.fault("alias", "one meaning for each header"))
                }
                _ => Ok(()),
            }
        })?;
        Ok(HeaderAliases { by_header, in_order })
    }

    /// The headers that stand for a column, in the order of the table.
    pub fn headers_of(&self, column: &str) -> Vec<String> {
        self.in_order.iter().filter(|(own, _)| own == column).map(|(_, header)| header.clone()).collect()
    }

    /// The column that a header stands for.
    pub fn column_of(&self, header: &str) -> Option<&str> {
        match self.by_header.get(&fold_header(header))? {
            Meaning::Column(column) => Some(column),
            Meaning::None(_) => None,
        }
    }

    /// Why a known header stands for no column; none for headers that do and for unknown ones.
    pub fn why_not(&self, header: &str) -> Option<&str> {
        match self.by_header.get(&fold_header(header))? {
            Meaning::Column(_) => None,
            Meaning::None(reason) => Some(reason),
        }
    }
}

/// A header as it is compared: half-width, without blanks and line breaks, without the `*` that marks required
/// columns, its packed-cell separators unified.
pub fn fold_header(header: &str) -> String {
    let unify = |character| match half_width(character) {
        '‖' | '║' | '︱' => '|',
        other => other,
    };
    let folded: String = header.chars().filter(|c| !is_blank(*c)).map(unify).collect();
    folded.trim_end_matches('*').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;

    /// The columns of the two tables that sampling exports fill.
    const COLUMNS: &[&str] = &[
        "sample_code",
        "domain",
        "level",
        "purpose",
        "stage",
        "venue",
        "area_type",
        "region",
        "category",
        "subcategory",
        "product",
        "producer",
        "producer_licence",
        "producer_credit_code",
        "producer_address",
        "sampled_unit",
        "sampled_unit_licence",
        "credit_code",
        "sampled_unit_address",
        "lab",
        "sampled_on",
        "received_on",
        "reported_on",
        "first_verdict",
        "final_verdict",
        "problem",
        "reinspection",
        "rapid_test",
        "report_no",
        "task_source",
        "spec",
        "produced_on",
        "batch_no",
        "analyte",
        "replicate",
        "kind",
        "result_text",
        "unit",
        "limit_low",
        "limit_high",
        "limit_text",
        "limit_unit",
        "lod",
        "lod_unit",
        "standard",
        "verdict_basis",
        "lab_verdict",
        "item_note",
    ];

    #[test]
    fn headers_stand_for_columns() {
        let aliases = Reference::built_in().expect("seeds").aliases;
        for (header, expected) in [
            ("抽样单编号", Some("sample_code")),
            (" 抽样编号＊", Some("sample_code")),
            ("标称生产企业/\r\n进货来源名称", Some("producer")),
            ("生产(购进)日期/批号", Some("produced_on")),
            ("检验结果", Some("result_text")),
            ("检验结果*", Some("result_text")),
            ("检验目的/任务类别", Some("purpose")),
            ("结论", Some("first_verdict")),
            ("检验结论", Some("final_verdict")),
            ("最大允许限单位", Some("limit_unit")),
            ("最小允许限单位", None),
            ("不合格项目 ‖检验结果 ‖标准值", None),
            ("身份证号", None),
            ("无人用过的表头", None),
        ] {
            assert_eq!(aliases.column_of(header), expected, "{header:?}");
        }
        assert_eq!(aliases.why_not("身份证号"), Some("personal data, dropped on reading"));
        assert_eq!(aliases.why_not("抽样单编号"), None);
        assert_eq!(aliases.why_not("无人用过的表头"), None);
    }

    #[test]
    fn every_alias_has_a_column_or_a_reason() {
        let reference = Reference::built_in().expect("seeds");
        let (_, text) =
            reference.texts().find(|(name, _)| *name == "header_aliases.csv").expect("header_aliases.csv");
        let listed = read("header_aliases.csv", text, |record| Ok(record.required("alias")?.to_owned()));
        let listed = listed.expect("rows");
        for alias in &listed {
            match (reference.aliases.column_of(alias), reference.aliases.why_not(alias)) {
                (Some(column), None) => assert!(COLUMNS.contains(&column), "{alias}: {column}"),
                (None, Some(_)) => {}
                other => panic!("{alias}: {other:?}"),
            }
        }
        for column in COLUMNS {
            let reached = listed.iter().any(|alias| reference.aliases.column_of(alias) == Some(column));
            assert!(reached, "no header leads to {column}");
        }
    }

    #[test]
    fn a_header_with_two_meanings_is_refused() {
        let text = "column,alias,reason,source,as_of\nunit,单位,,s,2020\nlab,单位*,,s,2020\n";
        let error = HeaderAliases::read("header_aliases.csv", text).expect_err("two meanings").to_string();
        assert_eq!(
            error,
            "header_aliases.csv, line 3, column `alias`: found `单位*`, expected one meaning for each header"
        );
    }
}
