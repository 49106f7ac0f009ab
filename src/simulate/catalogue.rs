//! The 34 classes of food, what is sold under each, and what is looked for in it.

use super::analyte::*;
use super::dice::Dice;

/// A line of products: one path through the four-level classification.
#[derive(Debug)]
pub struct Line {
    /// 食品大类: one of the 34 classes.
    pub class: &'static str,
    /// 食品亚类, 次亚类, 细类.
    pub path: [&'static str; 3],
    pub products: &'static [&'static str],
    /// Share of the samples, in thousandths.
    pub weight: u32,
    pub sold: Sold,
    panels: &'static [&'static [Analyte]],
}

/// How a line reaches people, which decides stage, packaging and whether a producer is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sold {
    /// In packages, from a factory.
    Packaged,
    /// From the market stall.
    Fresh,
    /// On a plate.
    Cooked,
}

impl Line {
    /// Analytes of this line.
    pub fn panel_size(&self) -> usize {
        self.panels.iter().map(|panel| panel.len()).sum()
    }

    /// The `index`-th analyte, counting round and round.
    pub fn analyte(&self, index: usize) -> &'static Analyte {
        let mut left = index % self.panel_size();
        for panel in self.panels {
            match panel.get(left) {
                Some(analyte) => return analyte,
                None => left -= panel.len(),
            }
        }
        &ADDITIVES[0]
    }
}

/// A line, by its share of the samples.
pub fn any_line(dice: &mut Dice) -> &'static Line {
    let mut left = dice.below(LINES.iter().map(|line| u64::from(line.weight)).sum());
    for line in LINES {
        match left.checked_sub(u64::from(line.weight)) {
            Some(rest) => left = rest,
            None => return line,
        }
    }
    &LINES[0]
}

const fn line(
    class: &'static str,
    path: [&'static str; 3],
    products: &'static [&'static str],
    weight: u32,
    sold: Sold,
    panels: &'static [&'static [Analyte]],
) -> Line {
    Line { class, path, products, weight, sold, panels }
}

use Sold::{Cooked, Fresh, Packaged};

/// Every class occurs; fresh produce is the largest, as in the plans of counties.
#[rustfmt::skip]
pub const LINES: &[Line] = &[
    line("食用农产品", ["蔬菜", "鳞茎类蔬菜", "韭菜"], &["韭菜", "大葱", "蒜苗"], 110, Fresh, &[PESTICIDES]),
    line("食用农产品", ["蔬菜", "叶菜类蔬菜", "芹菜"], &["芹菜", "普通白菜", "菠菜", "油麦菜"], 100, Fresh, &[PESTICIDES]),
    line("食用农产品", ["水果类", "柑橘类水果", "橘"], &["橘", "苹果", "香蕉", "葡萄"], 60, Fresh, &[PESTICIDES]),
    line("食用农产品", ["畜禽肉及副产品", "畜肉", "猪肉"], &["猪肉", "鸡肉", "牛肉"], 60, Fresh, &[VETERINARY]),
    line("食用农产品", ["水产品", "淡水产品", "淡水鱼"], &["鲤鱼", "草鱼", "鲫鱼"], 40, Fresh, &[VETERINARY]),
    line("食用农产品", ["鲜蛋", "鲜蛋", "鸡蛋"], &["鸡蛋", "鸭蛋"], 30, Fresh, &[VETERINARY]),
    line("粮食加工品", ["小麦粉", "小麦粉", "小麦粉"], &["小麦粉", "高筋小麦粉"], 35, Packaged, &[GRAIN, METALS]),
    line("粮食加工品", ["挂面", "挂面", "普通挂面"], &["鸡蛋挂面", "原味挂面"], 20, Packaged, &[GRAIN, ADDITIVES]),
    line("粮食加工品", ["大米", "大米", "大米"], &["大米", "东北大米"], 15, Packaged, &[GRAIN, METALS]),
    line("食用油、油脂及其制品", ["食用植物油", "食用植物油", "花生油"], &["花生油", "芝麻香油"], 25, Packaged, &[OIL, METALS]),
    line("调味品", ["酱油", "酱油", "酿造酱油"], &["酿造酱油", "老抽王"], 20, Packaged, &[ADDITIVES, METALS]),
    line("调味品", ["食醋", "食醋", "酿造食醋"], &["陈醋", "米醋"], 15, Packaged, &[ADDITIVES]),
    line("肉制品", ["熟肉制品", "酱卤肉制品", "酱卤肉制品"], &["酱牛肉", "烧鸡", "卤猪蹄"], 25, Packaged, &[MEAT, ADDITIVES]),
    line("乳制品", ["液体乳", "灭菌乳", "灭菌乳"], &["纯牛奶", "全脂灭菌乳"], 15, Packaged, &[DAIRY]),
    line("饮料", ["包装饮用水", "饮用纯净水", "饮用纯净水"], &["饮用纯净水", "饮用天然水"], 25, Packaged, &[WATER]),
    line("饮料", ["果蔬汁类及其饮料", "果蔬汁饮料", "果味饮料"], &["橙汁饮料", "山楂果汁饮料"], 12, Packaged, &[ADDITIVES]),
    line("方便食品", ["方便面", "油炸面", "方便面"], &["红烧牛肉面", "麻辣面"], 12, Packaged, &[OIL, ADDITIVES]),
    line("方便食品", ["调味面制品", "调味面制品", "辣条"], &["大面筋", "亲嘴烧"], 12, Packaged, &[ADDITIVES, HYGIENE]),
    line("饼干", ["饼干", "饼干", "饼干"], &["苏打饼干", "曲奇饼干"], 12, Packaged, &[HYGIENE, ADDITIVES]),
    line("罐头", ["罐头", "水果类罐头", "水果类罐头"], &["黄桃罐头", "橘子罐头"], 8, Packaged, &[ADDITIVES, METALS]),
    line("冷冻饮品", ["冷冻饮品", "冰淇淋", "冰淇淋"], &["冰淇淋", "雪糕"], 8, Packaged, &[HYGIENE, ADDITIVES]),
    line("速冻食品", ["速冻面米食品", "生制品", "水饺"], &["猪肉水饺", "黑芝麻汤圆"], 12, Packaged, &[OIL, HYGIENE, METALS]),
    line("薯类和膨化食品", ["膨化食品", "含油型膨化食品", "膨化食品"], &["锅巴", "薯片"], 10, Packaged, &[OIL, ADDITIVES]),
    line("糖果制品", ["糖果", "糖果", "糖果"], &["花生酥糖", "水果硬糖"], 8, Packaged, &[ADDITIVES, METALS]),
    line("茶叶及相关制品", ["茶叶", "绿茶", "绿茶"], &["信阳毛尖", "绿茶"], 8, Packaged, &[PESTICIDES]),
    line("酒类", ["蒸馏酒", "白酒", "白酒"], &["浓香型白酒", "高粱酒"], 25, Packaged, &[LIQUOR]),
    line("蔬菜制品", ["酱腌菜", "酱腌菜", "酱腌菜"], &["榨菜", "酱黄瓜"], 12, Packaged, &[SULPHITED, ADDITIVES]),
    line("水果制品", ["蜜饯", "蜜饯类", "凉果类"], &["话梅", "山楂片"], 8, Packaged, &[SULPHITED, ADDITIVES]),
    line("炒货食品及坚果制品", ["炒货食品", "其他", "瓜子"], &["五香瓜子", "炒花生"], 10, Packaged, &[OIL, ADDITIVES]),
    line("蛋制品", ["蛋制品", "再制蛋", "咸蛋"], &["咸鸭蛋", "松花蛋"], 6, Packaged, &[METALS, HYGIENE]),
    line("可可及焙烤咖啡产品", ["焙炒咖啡", "焙炒咖啡", "焙炒咖啡"], &["焙炒咖啡豆", "可可粉"], 2, Packaged, &[METALS, HYGIENE]),
    line("食糖", ["食糖", "食糖", "白砂糖"], &["白砂糖", "绵白糖", "红糖"], 8, Packaged, &[SULPHITED, METALS]),
    line("水产制品", ["水产制品", "干制水产品", "虾米"], &["虾皮", "干海带"], 6, Packaged, &[SULPHITED, METALS]),
    line("淀粉及淀粉制品", ["淀粉制品", "粉丝粉条", "粉条"], &["红薯粉条", "绿豆粉丝"], 14, Packaged, &[SULPHITED, METALS]),
    line("糕点", ["糕点", "糕点", "糕点"], &["沙琪玛", "蛋糕", "月饼"], 30, Packaged, &[ADDITIVES, HYGIENE]),
    line("豆制品", ["豆制品", "非发酵性豆制品", "豆干"], &["豆腐干", "腐竹"], 10, Packaged, &[ADDITIVES, METALS]),
    line("蜂产品", ["蜂产品", "蜂蜜", "蜂蜜"], &["槐花蜂蜜", "枣花蜂蜜"], 6, Packaged, &[HONEY, METALS]),
    line("保健食品", ["保健食品", "保健食品", "补充维生素"], &["维生素C咀嚼片", "钙片"], 4, Packaged, &[METALS, HYGIENE]),
    line("特殊医学用途配方食品", ["特殊医学用途配方食品", "全营养", "全营养"], &["全营养配方粉"], 2, Packaged, &[DAIRY, METALS]),
    line("婴幼儿配方食品", ["婴幼儿配方食品", "乳基", "较大婴儿"], &["婴儿配方奶粉", "较大婴儿配方奶粉"], 4, Packaged, &[DAIRY, METALS]),
    line("特殊膳食食品", ["婴幼儿辅助食品", "谷类", "米粉"], &["婴幼儿营养米粉"], 3, Packaged, &[GRAIN, METALS]),
    line("其他食品", ["其他食品", "其他食品", "其他食品"], &["芝麻糊", "即食山药粉"], 4, Packaged, &[ADDITIVES, METALS]),
    line("食品添加剂", ["食品添加剂", "复配食品添加剂", "膨松剂"], &["复配膨松剂", "食用香精"], 3, Packaged, &[METALS]),
    line("餐饮食品", ["发酵面制品", "发酵面制品", "馒头花卷"], &["馒头", "花卷"], 30, Cooked, &[CATERING, ADDITIVES]),
    line("餐饮食品", ["油炸面制品", "油炸面制品", "油条油饼"], &["油条", "油饼"], 30, Cooked, &[CATERING, ADDITIVES]),
    line("餐饮食品", ["煎炸过程用油", "煎炸过程用油", "煎炸过程用油"], &["煎炸过程用油"], 15, Cooked, &[CATERING, OIL]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_occurs() {
        let classes: BTreeSet<&str> = LINES.iter().map(|line| line.class).collect();
        assert_eq!(classes.len(), 34);
    }

    #[test]
    fn a_panel_names_an_analyte_at_most_twice() {
        for line in LINES {
            let names: BTreeSet<&str> =
                (0..line.panel_size()).map(|index| line.analyte(index).name).collect();
            assert!(names.len() >= 4 && line.panel_size() - names.len() <= 3, "{}", line.path[2]);
        }
    }
}
