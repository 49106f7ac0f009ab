//! What laboratories look for, with the limits in force in 2020.

/// A decimal number: `digits` / 10^`scale`. 0.20 is 20 with scale 2.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    pub digits: u64,
    pub scale: u32,
}

impl Fixed {
    /// The number as written, with all its decimals.
    pub fn text(self) -> String {
        let power = 10u64.saturating_pow(self.scale);
        match self.scale {
            0 => self.digits.to_string(),
            scale => {
                format!("{}.{:0width$}", self.digits / power, self.digits % power, width = scale as usize)
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// At most.
    Max(Fixed),
    /// At least.
    Min(Fixed),
    /// Not to be found, or not to be used: the words of the limit.
    Banned(&'static str),
    /// Of five portions at most `c` above `m`, none above `big_m`.
    Counts { c: u32, m: u64, big_m: u64 },
    /// Absent in each of five portions.
    Absent,
}

#[derive(Debug)]
pub struct Analyte {
    pub name: &'static str,
    pub limit: Limit,
    pub unit: &'static str,
    /// Limit of detection in `unit`; empty for what always yields a number.
    pub lod: &'static str,
    /// Standard of the method.
    pub method: &'static str,
    /// Standard that sets the limit.
    pub basis: &'static str,
}

const FOOD_ADDITIVES: &str = "GB 2760-2014";
const CONTAMINANTS: &str = "GB 2762-2017";
const MYCOTOXINS: &str = "GB 2761-2017";
const PESTICIDE_LIMITS: &str = "GB 2763-2019";
const VETERINARY_LIMITS: &str = "GB 31650-2019";
const BANNED_DRUGS: &str = "农业农村部公告第250号";

const fn max(
    name: &'static str,
    (digits, scale): (u64, u32),
    unit: &'static str,
    lod: &'static str,
    method: &'static str,
    basis: &'static str,
) -> Analyte {
    Analyte { name, limit: Limit::Max(Fixed { digits, scale }), unit, lod, method, basis }
}

const fn banned(
    name: &'static str,
    words: &'static str,
    unit: &'static str,
    lod: &'static str,
    method: &'static str,
    basis: &'static str,
) -> Analyte {
    Analyte { name, limit: Limit::Banned(words), unit, lod, method, basis }
}

const fn min(
    name: &'static str,
    (digits, scale): (u64, u32),
    unit: &'static str,
    method: &'static str,
    basis: &'static str,
) -> Analyte {
    Analyte { name, limit: Limit::Min(Fixed { digits, scale }), unit, lod: "", method, basis }
}

const fn counts(
    name: &'static str,
    c: u32,
    m: u64,
    big_m: u64,
    method: &'static str,
    basis: &'static str,
) -> Analyte {
    Analyte { name, limit: Limit::Counts { c, m, big_m }, unit: "CFU/g", lod: "", method, basis }
}

const fn absent(name: &'static str, method: &'static str) -> Analyte {
    Analyte { name, limit: Limit::Absent, unit: "/25g", lod: "", method, basis: "GB 29921-2013" }
}

/// Additives of everything that keeps on a shelf.
pub const ADDITIVES: &[Analyte] = &[
    max("苯甲酸及其钠盐（以苯甲酸计）", (10, 1), "g/kg", "0.005", "GB 5009.28-2016", FOOD_ADDITIVES),
    max("山梨酸及其钾盐（以山梨酸计）", (10, 1), "g/kg", "0.005", "GB 5009.28-2016", FOOD_ADDITIVES),
    max("脱氢乙酸及其钠盐（以脱氢乙酸计）", (5, 1), "g/kg", "0.005", "GB 5009.121-2016", FOOD_ADDITIVES),
    max("糖精钠（以糖精计）", (15, 2), "g/kg", "0.005", "GB 5009.28-2016", FOOD_ADDITIVES),
    max("甜蜜素（以环己基氨基磺酸计）", (65, 2), "g/kg", "0.030", "GB 5009.97-2016", FOOD_ADDITIVES),
    max("安赛蜜", (3, 1), "g/kg", "0.010", "GB/T 5009.140-2003", FOOD_ADDITIVES),
    max("柠檬黄", (10, 2), "g/kg", "0.005", "GB 5009.35-2016", FOOD_ADDITIVES),
    max("日落黄", (10, 2), "g/kg", "0.005", "GB 5009.35-2016", FOOD_ADDITIVES),
    max("胭脂红", (5, 2), "g/kg", "0.005", "GB 5009.35-2016", FOOD_ADDITIVES),
    max("丙酸及其钠盐、钙盐（以丙酸计）", (25, 1), "g/kg", "0.10", "GB 5009.120-2016", FOOD_ADDITIVES),
];

/// Heavy metals of processed food.
pub const METALS: &[Analyte] = &[
    max("铅（以Pb计）", (5, 1), "mg/kg", "0.02", "GB 5009.12-2017", CONTAMINANTS),
    max("镉（以Cd计）", (1, 1), "mg/kg", "0.001", "GB 5009.15-2014", CONTAMINANTS),
    max("总砷（以As计）", (5, 1), "mg/kg", "0.003", "GB 5009.11-2014", CONTAMINANTS),
    max("总汞（以Hg计）", (2, 2), "mg/kg", "0.001", "GB 5009.17-2014", CONTAMINANTS),
];

/// Moulds' toxins and what else cereals carry.
pub const GRAIN: &[Analyte] = &[
    max("黄曲霉毒素B1", (50, 1), "μg/kg", "0.1", "GB 5009.22-2016", MYCOTOXINS),
    max("脱氧雪腐镰刀菌烯醇", (1000, 0), "μg/kg", "20", "GB 5009.111-2016", MYCOTOXINS),
    max("玉米赤霉烯酮", (60, 0), "μg/kg", "5", "GB 5009.209-2016", MYCOTOXINS),
    max("赭曲霉毒素A", (50, 1), "μg/kg", "0.3", "GB 5009.96-2016", MYCOTOXINS),
    max("苯并[a]芘", (50, 1), "μg/kg", "0.2", "GB 5009.27-2016", CONTAMINANTS),
    banned("过氧化苯甲酰", "不得使用", "g/kg", "0.005", "GB/T 22325-2008", "卫生部公告2011年第4号"),
    max("铝的残留量（干样品，以Al计）", (100, 0), "mg/kg", "8", "GB 5009.182-2017", FOOD_ADDITIVES),
];

pub const OIL: &[Analyte] = &[
    max("酸价（KOH）", (30, 1), "mg/g", "", "GB 5009.229-2016", "GB 2716-2018"),
    max("过氧化值", (25, 2), "g/100g", "", "GB 5009.227-2016", "GB 2716-2018"),
    max("黄曲霉毒素B1", (10, 0), "μg/kg", "0.1", "GB 5009.22-2016", MYCOTOXINS),
    max("苯并[a]芘", (10, 0), "μg/kg", "0.2", "GB 5009.27-2016", CONTAMINANTS),
    max("溶剂残留量", (20, 0), "mg/kg", "2", "GB 5009.262-2016", "GB 2716-2018"),
    max("特丁基对苯二酚（TBHQ）", (2, 1), "g/kg", "0.01", "GB 5009.32-2016", FOOD_ADDITIVES),
];

pub const MEAT: &[Analyte] = &[
    max("亚硝酸盐残留量（以亚硝酸钠计）", (30, 0), "mg/kg", "1", "GB 5009.33-2016", FOOD_ADDITIVES),
    max("N-二甲基亚硝胺", (30, 1), "μg/kg", "0.3", "GB 5009.26-2016", CONTAMINANTS),
    max("铬（以Cr计）", (10, 1), "mg/kg", "0.01", "GB 5009.123-2014", CONTAMINANTS),
    banned("氯霉素", "不得检出", "μg/kg", "0.1", "GB/T 22338-2008", BANNED_DRUGS),
    absent("沙门氏菌", "GB 4789.4-2016"),
    absent("单核细胞增生李斯特氏菌", "GB 4789.30-2016"),
    counts("金黄色葡萄球菌", 1, 100, 1000, "GB 4789.10-2016", "GB 29921-2013"),
    counts("菌落总数", 2, 10_000, 100_000, "GB 4789.2-2016", "GB 2726-2016"),
    counts("大肠菌群", 2, 10, 100, "GB 4789.3-2016", "GB 2726-2016"),
];

/// Hygiene indicators of baked and cooked food.
pub const HYGIENE: &[Analyte] = &[
    counts("菌落总数", 2, 10_000, 100_000, "GB 4789.2-2016", "GB 7099-2015"),
    counts("大肠菌群", 2, 10, 100, "GB 4789.3-2016", "GB 7099-2015"),
    max("霉菌", (150, 0), "CFU/g", "10", "GB 4789.15-2016", "GB 7099-2015"),
    absent("沙门氏菌", "GB 4789.4-2016"),
];

pub const DAIRY: &[Analyte] = &[
    min("蛋白质", (29, 1), "g/100g", "GB 5009.5-2016", "GB 25190-2010"),
    min("脂肪", (31, 1), "g/100g", "GB 5009.6-2016", "GB 25190-2010"),
    min("非脂乳固体", (81, 1), "g/100g", "GB 5413.39-2010", "GB 25190-2010"),
    max("黄曲霉毒素M1", (5, 1), "μg/kg", "0.005", "GB 5009.24-2016", MYCOTOXINS),
    max("三聚氰胺", (25, 1), "mg/kg", "0.05", "GB/T 22388-2008", "卫生部公告2011年第10号"),
    max("铅（以Pb计）", (5, 2), "mg/kg", "0.02", "GB 5009.12-2017", CONTAMINANTS),
    counts("大肠菌群", 2, 10, 100, "GB 4789.3-2016", "GB 19302-2010"),
];

pub const WATER: &[Analyte] = &[
    max("溴酸盐", (10, 3), "mg/L", "0.005", "GB 8538-2016", "GB 19298-2014"),
    max("亚硝酸盐（以NO2-计）", (5, 3), "mg/L", "0.002", "GB 8538-2016", "GB 19298-2014"),
    max("余氯（游离氯）", (5, 2), "mg/L", "0.01", "GB/T 5750.11-2006", "GB 19298-2014"),
    max("耗氧量（以O2计）", (20, 1), "mg/L", "", "GB/T 5750.7-2006", "GB 19298-2014"),
    max("三氯甲烷", (2, 2), "mg/L", "0.001", "GB/T 5750.8-2006", "GB 19298-2014"),
];

pub const LIQUOR: &[Analyte] = &[
    max("甲醇", (6, 1), "g/L", "0.01", "GB 5009.266-2016", "GB 2757-2012"),
    max("氰化物（以HCN计）", (80, 1), "mg/L", "0.5", "GB 5009.36-2016", "GB 2757-2012"),
    max("铅（以Pb计）", (5, 1), "mg/kg", "0.02", "GB 5009.12-2017", CONTAMINANTS),
    banned("甜蜜素（以环己基氨基磺酸计）", "不得使用", "g/kg", "0.030", "GB 5009.97-2016", FOOD_ADDITIVES),
    banned("糖精钠（以糖精计）", "不得使用", "g/kg", "0.005", "GB 5009.28-2016", FOOD_ADDITIVES),
];

pub const SULPHITED: &[Analyte] = &[
    max("二氧化硫残留量", (20, 2), "g/kg", "0.003", "GB 5009.34-2016", FOOD_ADDITIVES),
    max("铝的残留量（干样品，以Al计）", (200, 0), "mg/kg", "8", "GB 5009.182-2017", "卫计委公告2015年第1号"),
    max("亚硝酸盐（以NaNO2计）", (20, 0), "mg/kg", "1", "GB 5009.33-2016", CONTAMINANTS),
];

pub const HONEY: &[Analyte] = &[
    min("果糖和葡萄糖", (60, 0), "g/100g", "GB 5009.8-2016", "GB 14963-2011"),
    max("蔗糖", (5, 0), "g/100g", "", "GB 5009.8-2016", "GB 14963-2011"),
    banned("氯霉素", "不得检出", "μg/kg", "0.1", "GB/T 18932.19-2003", BANNED_DRUGS),
    max("菌落总数", (1000, 0), "CFU/g", "10", "GB 4789.2-2016", "GB 14963-2011"),
];

pub const CATERING: &[Analyte] = &[
    max("铝的残留量（干样品，以Al计）", (100, 0), "mg/kg", "8", "GB 5009.182-2017", FOOD_ADDITIVES),
    max("极性组分", (27, 0), "%", "", "GB 5009.202-2016", "GB 2716-2018"),
    max("酸价（KOH）", (50, 1), "mg/g", "", "GB 5009.229-2016", "GB 2716-2018"),
    max("亚硝酸盐残留量（以亚硝酸钠计）", (30, 0), "mg/kg", "1", "GB 5009.33-2016", FOOD_ADDITIVES),
    banned("罂粟碱", "不得检出", "μg/kg", "20", "DB31/2010-2012", "整顿办函〔2011〕1号"),
    banned("甜蜜素（以环己基氨基磺酸计）", "不得使用", "g/kg", "0.030", "GB 5009.97-2016", FOOD_ADDITIVES),
];

/// Pesticides and metals of fresh vegetables and fruit.
pub const PESTICIDES: &[Analyte] = &[
    max("毒死蜱", (10, 2), "mg/kg", "0.02", "NY/T 761-2008", PESTICIDE_LIMITS),
    max("克百威", (2, 2), "mg/kg", "0.01", "NY/T 761-2008", PESTICIDE_LIMITS),
    max("氧乐果", (2, 2), "mg/kg", "0.01", "NY/T 761-2008", PESTICIDE_LIMITS),
    max("甲拌磷", (1, 2), "mg/kg", "0.004", "GB 23200.113-2018", PESTICIDE_LIMITS),
    max("水胺硫磷", (5, 2), "mg/kg", "0.01", "NY/T 761-2008", PESTICIDE_LIMITS),
    max("氟虫腈", (2, 2), "mg/kg", "0.002", "GB 23200.113-2018", PESTICIDE_LIMITS),
    max("甲胺磷", (5, 2), "mg/kg", "0.01", "NY/T 761-2008", PESTICIDE_LIMITS),
    max("腐霉利", (2, 1), "mg/kg", "0.01", "GB 23200.113-2018", PESTICIDE_LIMITS),
    max("阿维菌素", (5, 2), "mg/kg", "0.005", "GB 23200.20-2016", PESTICIDE_LIMITS),
    max("灭蝇胺", (5, 1), "mg/kg", "0.02", "NY/T 1725-2009", PESTICIDE_LIMITS),
    max("氯氰菊酯和高效氯氰菊酯", (10, 1), "mg/kg", "0.02", "NY/T 761-2008", PESTICIDE_LIMITS),
    max("啶虫脒", (10, 1), "mg/kg", "0.01", "GB/T 20769-2008", PESTICIDE_LIMITS),
    max("多菌灵", (5, 1), "mg/kg", "0.01", "GB/T 20769-2008", PESTICIDE_LIMITS),
    max("铅（以Pb计）", (3, 1), "mg/kg", "0.02", "GB 5009.12-2017", CONTAMINANTS),
    max("镉（以Cd计）", (20, 2), "mg/kg", "0.001", "GB 5009.15-2014", CONTAMINANTS),
];

/// Veterinary drugs of fresh meat, eggs and fish.
pub const VETERINARY: &[Analyte] = &[
    max(
        "恩诺沙星（以恩诺沙星与环丙沙星之和计）",
        (100, 0),
        "μg/kg",
        "2",
        "GB/T 21312-2007",
        VETERINARY_LIMITS,
    ),
    max("磺胺类（总量）", (100, 0), "μg/kg", "2", "GB/T 21316-2007", VETERINARY_LIMITS),
    max("氟苯尼考", (100, 0), "μg/kg", "0.1", "GB/T 22338-2008", VETERINARY_LIMITS),
    max("多西环素", (100, 0), "μg/kg", "5", "GB/T 21317-2007", VETERINARY_LIMITS),
    banned("呋喃唑酮代谢物", "不得检出", "μg/kg", "0.5", "GB/T 21311-2007", BANNED_DRUGS),
    banned("呋喃西林代谢物", "不得检出", "μg/kg", "0.5", "GB/T 21311-2007", BANNED_DRUGS),
    banned("氯霉素", "不得检出", "μg/kg", "0.1", "GB/T 22338-2008", BANNED_DRUGS),
    banned("克伦特罗", "不得检出", "μg/kg", "0.5", "GB/T 22286-2008", BANNED_DRUGS),
    banned("孔雀石绿", "不得检出", "μg/kg", "0.5", "GB/T 19857-2005", BANNED_DRUGS),
    banned("地西泮", "不得检出", "μg/kg", "0.5", "SN/T 3235-2012", VETERINARY_LIMITS),
    max("挥发性盐基氮", (15, 0), "mg/100g", "", "GB 5009.228-2016", "GB 2707-2016"),
    max("总汞（以Hg计）", (5, 2), "mg/kg", "0.003", "GB 5009.17-2014", CONTAMINANTS),
    max("铬（以Cr计）", (10, 1), "mg/kg", "0.05", "GB 5009.123-2014", CONTAMINANTS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_the_standards_write_them() {
        for (digits, scale, text) in
            [(20, 2, "0.20"), (5, 2, "0.05"), (30, 1, "3.0"), (1000, 0, "1000"), (10, 3, "0.010")]
        {
            assert_eq!(Fixed { digits, scale }.text(), text);
        }
    }
}
