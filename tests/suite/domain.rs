//! What the texts of a small export lead to, from the file to the published lines.

use std::fs;
use std::path::Path;

use super::support::{assay_ok, records, workshop};

const HEAD: &str = "[pipeline]\nname = \"x\"\nas_of = \"2022-12-31\"\n";

const RATE: &str = r#"
[[indicator]]
id = "rate"
fact = "determinations"
numerator = "verdict = 'conforming'"
denominator = "verdict in ('conforming', 'nonconforming')"
period = "all"
"#;

/// Runs a pipeline over its files and hands over the folder with `out`.
fn run(toml: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = workshop();
    fs::write(folder.path().join("x.toml"), toml).expect("writes");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    assay_ok(folder.path(), &["run", "x.toml", "--quiet"]);
    folder
}

/// The named columns of a published list, joined by blanks, a line per record.
fn lines(out: &Path, file: &str, columns: &[&str]) -> Vec<String> {
    let shown = records(&out.join(file))
        .into_iter()
        .map(|record| columns.iter().map(|column| record[*column].clone()).collect::<Vec<_>>().join(" "));
    shown.collect()
}

const ITEMS: &str = r#"
[source.items]
files = "items.csv"
into = ["samples", "determinations"]

[source.items.columns]
sample_code = "code"
sampled_on = "day"
category = "category"
product = "product"
analyte = "item"
result_text = "result"
unit = "unit"
limit_text = "limit"
lod = "lod"
lab_verdict = "verdict"
comparison = "comparison"
"#;

#[test]
fn the_limit_is_that_of_the_day_of_sampling() {
    let export = "code,day,category,product,item,result,unit,limit,lod,verdict,comparison
A,2019-06-01,食用农产品,韭菜,腐霉利,1.5,mg/kg,,0.01,合格,
B,2021-09-02,食用农产品,韭菜,腐霉利,1.5,mg/kg,/,0.01,合格,
C,2021-09-03,食用农产品,韭菜,腐霉利,1.5,mg/kg,,0.01,合格,
D,2022-06-01,食用农产品,韭菜,腐霉利,5001,μg/kg,,,合格,
E,2022-06-01,食用农产品,韭菜,腐霉利,1.5,mg/kg,0.2,,合格,
F,2022-06-01,食用农产品,韭菜,腐霉利,1.5,mg/kg,产品明示标准,,合格,
G,2022-06-01,食用农产品,芹菜,腐霉利,1.5,mg/kg,,,合格,
";
    let folder = run(&format!("{HEAD}{ITEMS}{RATE}"), &[("items.csv", export)]);
    let out = folder.path().join("out");
    assert_eq!(
        lines(&out, "disagreements.csv", &["sample_code", "limit_text", "limit_source", "judged_verdict"]),
        [
            "A ≤0.2mg/kg GB 2763-2019 nonconforming",
            "B ≤0.2mg/kg GB 2763-2019 nonconforming",
            "D ≤5mg/kg GB 2763-2021 nonconforming",
            "E 0.2 record nonconforming",
        ]
    );
    assert_eq!(
        lines(&out, "scorecard.csv", &["numerator", "denominator"]),
        ["7 7"],
        "the laboratory's count"
    );
}

#[test]
fn a_pipeline_can_make_our_verdict_the_official_one() {
    let export = "code,day,category,product,item,result,unit,limit,lod,verdict,comparison
A,2020-06-01,x,x,铅,0.21,mg/kg,0.2,,合格,
B,2020-06-01,x,x,铅,0.204,mg/kg,0.20,,合格,修约值比较法
C,2020-06-01,x,x,铅,0.204,mg/kg,0.20,,合格,
D,2020-06-01,x,x,铅,0.1,mg/kg,,,不合格,
";
    let official = HEAD.replace("name = ", "official_verdict = \"judged\"\nname = ");
    for (head, expected) in [(HEAD, "3 4"), (official.as_str(), "1 4")] {
        let folder = run(&format!("{head}{ITEMS}{RATE}"), &[("items.csv", export)]);
        let out = folder.path().join("out");
        assert_eq!(lines(&out, "scorecard.csv", &["numerator", "denominator"]), [expected]);
        assert_eq!(lines(&out, "disagreements.csv", &["sample_code"]), ["A", "C"], "asked about either way");
    }
}

#[test]
fn a_packed_cell_is_its_determinations() {
    let toml = format!(
        "{HEAD}{RATE}
[source.notice]
files = \"notice.csv\"
into = \"samples\"
packed = [\"不合格项目\", \"不合格项目║检验结果║标准值\"]
columns = {{ sample_code = \"编号\", sampled_on = \"日期\" }}
"
    );
    let export = "编号,日期,不合格项目║检验结果║标准值
A,2020-06-01,\"菌落总数║1.3×10⁵；2.8×10³；10；10；10CFU/g║n=5,c=2,m=10⁴,M=10⁵CFU/g；铅(以Pb计)║0.1mg/kg║0.2mg/kg\"
B,2020-06-01,甜蜜素‖0.9g/kg‖不得使用
C,2020-06-01,甜蜜素 0.9g/kg
D,2020-06-01,/
";
    let folder = run(&toml, &[("notice.csv", export)]);
    let out = folder.path().join("out");
    assert_eq!(lines(&out, "scorecard.csv", &["numerator", "denominator"]), ["1 3"]);
    assert_eq!(
        lines(&out, "rejections.csv", &["line", "column", "scope", "code", "found"]),
        ["4 packed cell bad_result 甜蜜素 0.9g/kg"]
    );
}

#[test]
fn a_statement_that_its_items_contradict_is_listed_and_stands() {
    let toml = format!(
        "{HEAD}
[source.heads]
files = \"heads.csv\"
into = \"samples\"
columns = {{ sample_code = \"编号\", sampled_on = \"日期\", first_verdict = \"结论\", final_verdict = \"检验结论\" }}
[source.items]
files = \"items.csv\"
into = \"determinations\"
columns = {{ sample_code = \"编号\", analyte = \"项目\", result_text = \"结果\", lab_verdict = \"判定\" }}
[[indicator]]
id = \"mixed\"
fact = \"samples\"
numerator = \"final_verdict = 'conforming'\"
denominator = \"final_verdict in ('conforming', 'nonconforming')\"
period = \"all\"
"
    );
    let heads = "编号,日期,结论,检验结论
A,2020-06-01,纯抽检合格样品,
B,2020-06-01,抽检合格样品并监测问题样品,
C,2020-06-01,不合格,合格
D,2020-06-01,合格,
E,2020-06-01,纯抽检合格样品,
F,2020-06-01,纯抽检合格样品,
";
    let items = "编号,项目,结果,判定
A,铅,1,合格项
A,镉,1,不合格项
B,铅,1,合格项
B,镉,1,问题项
C,铅,1,不合格项
D,铅,1,合格项
D,镉,1,不判定项
E,铅,1,合格项
E,镉,1,不判定项
";
    let folder = run(&toml, &[("heads.csv", heads), ("items.csv", items)]);
    let out = folder.path().join("out");
    assert_eq!(
        lines(&out, "warnings.csv", &["line", "code", "found", "expected"]),
        [
            "2 conclusion_differs 纯抽检合格样品 纯抽检不合格样品",
            "6 conclusion_differs 纯抽检合格样品 抽检合格样品并监测不判定样品",
        ]
    );
    assert_eq!(lines(&out, "scorecard.csv", &["numerator", "denominator"]), ["6 6"]);
}

#[test]
fn means_of_non_detects_are_bounds() {
    let export = "code,day,category,product,item,result,unit,limit,lod,verdict,comparison
A,2022-06-01,肉,x,铅,0.3,mg/kg,,0.01,,
B,2022-06-01,肉,x,铅,未检出,mg/kg,,0.01,,
C,2022-06-01,肉,x,铅,<LOD,mg/kg,,20μg/kg,,
D,2022-06-01,菜,x,铅,未检出,mg/kg,,,,
E,2021-06-01,菜,x,铅,9,mg/kg,,,,
";
    let folder = run(&format!("{HEAD}{ITEMS}{RATE}[means]\nby = [\"category\"]\n"), &[("items.csv", export)]);
    assert_eq!(
        lines(
            &folder.path().join("out"),
            "means.csv",
            &["analyte", "category", "results", "results_censored", "mean_lower", "mean_upper", "unit"]
        ),
        ["铅 肉 3 2 0.100000 0.110000 mg/kg", "铅 菜 1 1 0  mg/kg"]
    );
}

#[test]
fn a_slip_of_a_thousand_is_listed() {
    let mut export = "code,day,category,product,item,result,unit,limit,lod,verdict,comparison\n".to_owned();
    for sample in 0..60 {
        let (value, unit) = match sample {
            17 => ("152".to_owned(), "mg/kg"),
            30 => (format!("0.{}", 100 + sample), "μg/kg"),
            _ => (format!("0.{}", 100 + sample), "mg/kg"),
        };
        export.push_str(&format!("S{sample},2020-06-01,肉,x,铅,{value},{unit},0.2,0.01,合格,\n"));
    }
    let folder = run(&format!("{HEAD}{ITEMS}{RATE}"), &[("items.csv", &export)]);
    let listed = lines(&folder.path().join("out"), "warnings.csv", &["line", "code", "found"]);
    assert_eq!(listed, ["19 suspicious_value 152 mg/kg", "32 suspicious_value 0.130 μg/kg"]);
}

/// Slips of a thousand planted into one in a hundred results of an export: the unit changed, or the value.
#[test]
fn planted_slips_of_a_thousand_are_caught() {
    let folder = workshop();
    let simulate =
        ["simulate", "--layout", "flat", "--samples", "4000", "--seed", "1", "--out", "data", "--quiet"];
    assay_ok(folder.path(), &simulate);
    let mut reader = csv::Reader::from_path(folder.path().join("data/flat.csv")).expect("opens");
    let header = reader.headers().expect("a header").clone();
    let place = |name: &str| header.iter().position(|own| own.ends_with(name)).expect(name);
    let (result, unit) = (place("检验结果"), place("结果单位"));
    let mut writer = csv::Writer::from_path(folder.path().join("slips.csv")).expect("opens");
    writer.write_record(&header).expect("writes");
    let (mut quantified, mut planted) = (0usize, std::collections::BTreeSet::new());
    for (index, record) in reader.records().enumerate() {
        let mut cells: Vec<String> = record.expect("a record").iter().map(str::to_owned).collect();
        let line = (index + 2).to_string();
        let number = cells[result].parse::<f64>().is_ok_and(|value| value > 0.0);
        quantified += usize::from(number);
        let other = match cells[unit].as_str() {
            "mg/kg" => "μg/kg",
            "μg/kg" => "mg/kg",
            "g/kg" => "mg/kg",
            _ => "",
        };
        if number && !other.is_empty() && (index * 2_654_435_761) % 100 == 0 {
            match planted.len() % 2 {
                0 => other.clone_into(&mut cells[unit]),
                _ => cells[result].push_str("×10^3"),
            }
            planted.insert(line);
        }
        writer.write_record(&cells).expect("writes");
    }
    writer.flush().expect("writes");
    let pipeline = super::support::pipeline("flat.toml");
    assay_ok(folder.path(), &["run", &pipeline, "--param", "file=slips.csv", "--quiet"]);
    let out = folder.path().join("out");
    let lines_of = |file: &str| -> std::collections::BTreeSet<String> {
        records(&out.join(file)).into_iter().map(|row| row["line"].clone()).collect()
    };
    let suspicious = lines_of("warnings.csv");
    let listed: Vec<_> = [&suspicious, &lines_of("rejections.csv"), &lines_of("disagreements.csv")]
        .into_iter()
        .flat_map(|lines| lines.intersection(&planted).cloned())
        .collect();
    let caught = listed.iter().collect::<std::collections::BTreeSet<_>>().len();
    let alarms = suspicious.difference(&planted).count();
    assert!(planted.len() > 50, "{} planted in {quantified}", planted.len());
    assert!(caught * 100 >= planted.len() * 98, "{caught} of {} caught", planted.len());
    assert!(alarms * 1000 <= quantified, "{alarms} false alarms in {quantified}");
}

#[test]
fn enterprises_are_covered_by_number_or_name_and_near_misses_listed() {
    let toml = format!(
        "{HEAD}region = \"411721\"
[source.samples]
files = \"samples.csv\"
into = \"samples\"
columns = {{ sample_code = \"编号\", sampled_on = \"日期\", producer = \"生产者\", producer_licence = \"许可证\", producer_credit_code = \"信用代码\", region = \"地区\", barcode = \"条码\" }}
[source.register]
files = \"register.csv\"
into = \"establishments\"
columns = {{ name = \"名称\", kind = \"类别\", licence = \"许可证\", credit_code = \"信用代码\", size_class = \"规模\" }}
[source.sizes]
files = \"sizes.csv\"
into = \"establishment_attributes\"
columns = {{ id = \"许可证\", attribute = \"属性\", value = \"值\", from = \"自\" }}
[[indicator]]
id = \"sampled\"
kind = \"coverage\"
fact = \"establishments\"
where = \"size_class = 'large'\"
numerator = \"producer_sampled_this_year = 'yes'\"
denominator = \"producer_sampled_this_year in ('yes', 'no')\"
[[indicator]]
id = \"levels\"
fact = \"samples\"
where = \"level = 'county' and region = 'unknown'\"
"
    );
    let samples = "编号,日期,生产者,许可证,信用代码,地区,条码
XC22411721463930001,2022-03-01,豫粮,SC10314012101087,/,柏城街道,6901234567892
XC22411721463930002,2022-03-02,西平金麦食品有限公司,SC10212011600532,/,412824,6901234567893
GC21411721463930003,2022-03-03,西平豫良面业有限公司,/,/,柏城街道,/
";
    let register = "名称,类别,许可证,信用代码,规模
西平豫粮面业有限公司,producer,SC10314012101087,/,小型
西平金麦食品有限公司,producer,SC10212011600523,/,大型
西平福满食品有限公司,producer,/,/,大型
";
    let sizes = "许可证,属性,值,自\nSC10314012101087,size_class,大型,2022-02-01\n";
    let folder = run(&toml, &[("samples.csv", samples), ("register.csv", register), ("sizes.csv", sizes)]);
    let out = folder.path().join("out");
    // 豫粮 by its licence and large since February, 金麦 by its name: two of three. 豫良 is nobody.
    assert_eq!(lines(&out, "scorecard.csv", &["numerator", "denominator"]), ["2 3", "1 "]);
    assert_eq!(
        lines(&out, "warnings.csv", &["line", "code", "found"]),
        [
            "2 near_miss 豫粮",
            "3 check_digit 6901234567893",
            "3 near_miss SC10212011600532",
            "3 check_digit SC10212011600532",
            "3 retired_region 412824",
            "4 near_miss 西平豫良面业有限公司",
            "4 code_differs GC21411721463930003: 2021",
        ]
    );
}

#[test]
fn a_re_inspection_has_the_last_word_and_an_objection_has_none() {
    let toml = format!(
        "{HEAD}
[source.heads]
files = \"heads.csv\"
into = \"samples\"
columns = {{ sample_code = \"编号\", sampled_on = \"日期\", first_verdict = \"结论\", reinspection = \"复检\", objection = \"异议\" }}
[[indicator]]
id = \"final\"
fact = \"samples\"
numerator = \"final_verdict = 'conforming'\"
denominator = \"final_verdict in ('conforming', 'nonconforming')\"
period = \"all\"
[[indicator]]
id = \"first\"
fact = \"samples\"
numerator = \"first_verdict = 'conforming'\"
denominator = \"first_verdict in ('conforming', 'nonconforming')\"
period = \"all\"
"
    );
    let heads = "编号,日期,结论,复检,异议
A,2020-06-01,不合格,复检合格,/
B,2020-06-01,不合格,复检不合格,异议不认可
C,2020-06-01,不 合 格,复检中,异议处理中
D,2020-06-01,不合格,/,省局认可异议
E,2020-06-01,合格,/,逾期未提异议
";
    let folder = run(&toml, &[("heads.csv", heads)]);
    let out = folder.path().join("out");
    assert_eq!(lines(&out, "scorecard.csv", &["numerator", "denominator"]), ["2 5", "1 5"]);
    assert_eq!(lines(&out, "warnings.csv", &["line", "column", "code"]), ["5 objection conclusion_differs"]);
}
