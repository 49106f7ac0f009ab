use super::text::is_missing;
use crate::model::{Code, Fault};

/// One determination out of a packed cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedItem {
    pub analyte: String,
    pub result: String,
    pub limit: String,
}

/// What stands between the three parts of an item, the unmistakable ones first. A single `|` may also stand
/// inside a limit, so it separates only where nothing else does.
const SEPARATORS: [&str; 7] = ["║", "‖", "︱", "丨", "||", "｜", "|"];

/// Reads 不合格项目║检验结果║标准值, the cell in which notices of non-conforming food list what failed.
///
/// Items follow each other behind `；` or a line break. Both also separate determinations and the parts of a
/// limit, so the last one before the next item's result is taken: the name of an analyte holds neither.
///
/// # Errors
/// `bad_result` where the parts are not three by three, or an analyte or a result is empty.
pub fn unpack(text: &str) -> Result<Vec<PackedItem>, Fault> {
    let text = text.trim();
    if is_missing(text) {
        return Ok(Vec::new());
    }
    let bad = || Fault::new(Code::BadResult, "项目║结果║标准值, and so on behind a ；");
    let separator = SEPARATORS.into_iter().find(|separator| text.contains(separator)).ok_or_else(bad)?;
    let fields: Vec<&str> = text.split(separator).map(str::trim).collect();
    let (Some((last, inner)), true) = (fields.split_last(), fields.len() >= 3 && fields.len() % 2 == 1)
    else {
        return Err(bad());
    };
    let mut items = Vec::new();
    let mut analyte = inner.first().copied().unwrap_or_default();
    for pair in inner.get(1..).unwrap_or_default().chunks(2) {
        let (result, limit, next) = match *pair {
            [result, junction] => {
                let (limit, next) = junction.rsplit_once(['；', ';', '\n']).ok_or_else(bad)?;
                (result, limit, next)
            }
            [result] => (result, last.trim_end_matches(['；', ';', '。']), ""),
            _ => return Err(bad()),
        };
        if analyte.is_empty() || result.is_empty() {
            return Err(bad());
        }
        let own = |text: &str| text.trim().to_owned();
        items.push(PackedItem { analyte: own(analyte), result: own(result), limit: own(limit) });
        analyte = next;
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_cells_are_unpacked_or_refused() {
        for (text, expected) in [
            ("甜蜜素║0.9g/kg║≤0.65g/kg", "甜蜜素 0.9g/kg ≤0.65g/kg"),
            ("甜蜜素‖0.9g/kg‖0.65g/kg", "甜蜜素 0.9g/kg 0.65g/kg"),
            ("甜蜜素||0.9g/kg||0.65g/kg", "甜蜜素 0.9g/kg 0.65g/kg"),
            ("甜蜜素|0.9g/kg|0.65g/kg", "甜蜜素 0.9g/kg 0.65g/kg"),
            ("甜蜜素︱0.9g/kg︱   0.65g/kg", "甜蜜素 0.9g/kg 0.65g/kg"),
            ("甜蜜素丨0.9g/kg丨0.65g/kg", "甜蜜素 0.9g/kg 0.65g/kg"),
            ("甜蜜素｜0.9g/kg｜0.65g/kg；", "甜蜜素 0.9g/kg 0.65g/kg"),
            ("铅║0.5║0.2；镉║0.3║0.1", "铅 0.5 0.2, 镉 0.3 0.1"),
            ("铅║0.5║0.2\n镉║0.3║0.1\n砷║1║0.5", "铅 0.5 0.2, 镉 0.3 0.1, 砷 1 0.5"),
            (
                "菌落总数║1.3×10⁵；2.8×10³║n=5；c=2；m=10⁴；M=10⁵；大肠菌群║20║10",
                "菌落总数 1.3×10⁵；2.8×10³ n=5；c=2；m=10⁴；M=10⁵, 大肠菌群 20 10",
            ),
            ("氨║300.0|2║3.0|0.5", "氨 300.0|2 3.0|0.5"),
            ("铅║0.5║", "铅 0.5 "),
            ("/", ""),
            ("", ""),
            ("铅 0.5 0.2", "bad_result"),
            ("铅║0.5", "bad_result"),
            ("铅║0.5║0.2║镉║0.3║0.1", "bad_result"),
            ("铅║0.5║0.2镉║0.3║0.1", "bad_result"),
            ("║0.5║0.2", "bad_result"),
            ("铅║║0.2", "bad_result"),
        ] {
            let shown = match unpack(text) {
                Err(fault) => fault.code.to_string(),
                Ok(items) => {
                    let items =
                        items.iter().map(|own| format!("{} {} {}", own.analyte, own.result, own.limit));
                    items.collect::<Vec<_>>().join(", ")
                }
            };
            assert_eq!(shown, expected, "{text}");
        }
    }
}
