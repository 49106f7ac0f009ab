//! `sampling_forms.csv`: the platform's export of sampling forms, three lines of heading and all.

use std::path::Path;

use super::calendar::plus;
use super::catalogue::Sold;
use super::csv_file::{CsvFile, PLATFORM};
use super::dice::{Dice, Stream};
use super::dirt::{DUPLICATES, Dirt, FORM_FAULTS, Targets};
use super::food::{Food, Producer};
use super::identity::bar_code;
use super::people::Person;
use super::township::nowhere;
use super::truth::{Fate, Truth};
use super::words::Stage;
use super::world::World;
use super::{FileSummary, SimulateError};

const TITLE: &str = "国家食品安全抽样检验信息系统  抽样单导出";

/// Sections and their columns, in order. Names repeat, as they do in the platform's export.
#[rustfmt::skip]
const SECTIONS: [(&str, &[&str]); 5] = [
    (
        "基础",
        &[
            "任务来源", "报送分类", "检验机构名称", "部署机构", "抽样类型", "抽样环节", "抽样地点",
            "食品大类", "食品亚类", "食品次亚类", "食品细类", "抽样单编号", "检验目的/任务类别",
        ],
    ),
    (
        "抽样单位",
        &["单位名称", "单位地址", "所在省份", "抽样人员", "联系人", "电子邮箱", "电话", "传真", "邮编"],
    ),
    (
        "抽检场所",
        &[
            "所在地(省)", "所在地(市)", "所在地(县)", "区域类型", "单位名称", "单位地址",
            "营业执照/社会信用代码", "许可证类型", "经营许可证号", "年销售额", "单位法人", "联系人", "电话",
            "传真", "邮编", "摊位号或姓名", "身份证号",
        ],
    ),
    (
        "生产企业",
        &[
            "所在地(省)", "所在地(市)", "所在地(县)", "企业地址", "企业名称", "生产许可证编号",
            "生产单位联系人", "生产单位电话", "是否存在第三方企业信息", "第三方企业省份", "第三方企业市区",
            "第三方企业县区", "第三方企业地址", "第三方企业名称", "第三方企业许可证编号",
            "第三方企业联系人", "第三方企业电话", "第三方企业性质",
        ],
    ),
    (
        "样品",
        &[
            "样品条码", "样品商标", "样品类型", "样品来源", "样品属性", "包装分类", "样品名称",
            "购进日期/\n生产日期", "保质期", "样品批号", "规格型号", "质量等级", "单价", "是否进口",
            "原产地", "抽样日期", "抽样方式", "样品形态", "样品包装", "抽样工具", "抽样时样品储存条件",
            "抽样基数", "抽样数量", "备样数量", "抽样数量单位", "执行标准/技术文件", "备注",
        ],
    ),
];

const STAGE: usize = 5;
const CODE: usize = 11;
const PURPOSE: usize = 12;
const SAMPLED_ON: usize = 72;

const TARGETS: Targets = Targets {
    code: Some(CODE),
    required: &[CODE, SAMPLED_ON],
    dates: &[SAMPLED_ON],
    words: &[(STAGE, "待定"), (PURPOSE, "详见任务书")],
};

#[derive(Debug)]
pub struct Forms(CsvFile);

impl Forms {
    pub fn create(folder: &Path) -> Result<Forms, SimulateError> {
        let mut file = CsvFile::open(folder, "sampling_forms.csv", PLATFORM)?;
        file.put(&[TITLE])?;
        let mut sections: Vec<&str> = Vec::new();
        let mut header: Vec<&str> = Vec::new();
        for (section, columns) in SECTIONS {
            sections.push(section);
            sections.resize(header.len() + columns.len(), "");
            header.extend(columns);
        }
        file.put(&sections)?;
        file.put(&header)?;
        Ok(Forms(file))
    }

    /// Writes the form of a sample, and again where it is repeated. False if the form must be refused, so
    /// that the sample is in no figure.
    pub fn write(&mut self, world: &World, food: &Food, truth: &mut Truth) -> Result<bool, SimulateError> {
        let mut dirt = world.dirt(Stream::Form, food.index);
        let mut row = row(world, food, &mut dirt);
        let fault = dirt.fault(FORM_FAULTS).filter(|_| !food.spared);
        if let Some(fault) = fault {
            dirt.spoil(&mut row, fault, &TARGETS);
        }
        self.0.row(&row, Fate::of(fault))?;
        if fault.is_some() {
            return Ok(false);
        }
        if dirt.strikes(DUPLICATES) {
            self.0.repeat(self::row(world, food, &mut dirt))?;
        }
        if !food.rapid && world.period.counts(food.sampled_on) {
            truth.batch(food.township.map(|township| township.code));
            let producer = match food.producer {
                Producer::Local(own) => Some(own.name.as_str()),
                Producer::Nobody | Producer::Elsewhere(_) => None,
            };
            truth.sampled(producer, food.unit.map(|unit| unit.name.as_str()));
        }
        Ok(true)
    }

    pub fn finish(self) -> Result<FileSummary, SimulateError> {
        self.0.finish()
    }
}

/// The cells of a form. The same sample gives the same content each time; only `dirt` spells it anew.
fn row(world: &World, food: &Food, dirt: &mut Dirt) -> Vec<String> {
    let mut dice = world.dice(Stream::Form, food.index);
    let mut row = Vec::with_capacity(SECTIONS.iter().map(|(_, columns)| columns.len()).sum());
    basics(food, dirt, &mut row);
    sampler(world, dirt, &mut dice, &mut row);
    place(world, food, dirt, &mut dice, &mut row);
    maker(world, food, dirt, &mut dice, &mut row);
    sample(food, dirt, &mut dice, &mut row);
    row
}

fn basics(food: &Food, dirt: &mut Dirt, row: &mut Vec<String>) {
    let [sub, minor, fine] = food.line.path;
    row.extend([
        food.level.source().to_owned(),
        if food.index.is_multiple_of(7) {
            "抽检监测（县级专项）"
        } else {
            "抽检监测（县级本级）"
        }
        .to_owned(),
        food.laboratory.to_owned(),
        food.level.source().to_owned(),
        if food.rapid { "快速检测" } else { "常规抽样" }.to_owned(),
        dirt.text(food.stage.text()),
        food.venue.to_owned(),
        dirt.text(food.line.class),
        sub.to_owned(),
        minor.to_owned(),
        fine.to_owned(),
        dirt.code(&food.code),
        food.purpose.text().to_owned(),
    ]);
}

fn sampler(world: &World, dirt: &mut Dirt, dice: &mut Dice, row: &mut Vec<String>) {
    let (one, other) = (world.people.anyone(dice), world.people.anyone(dice));
    row.extend([
        "西平县食品药品检验所".to_owned(),
        "河南省驻马店市西平县解放大道中段".to_owned(),
        "河南省".to_owned(),
        format!("{}、{}", one.name, other.name),
        one.name.clone(),
        dirt.blank().to_owned(),
        one.phone.clone(),
        dirt.blank().to_owned(),
        "463900".to_owned(),
    ]);
}

fn place(world: &World, food: &Food, dirt: &mut Dirt, dice: &mut Dice, row: &mut Vec<String>) {
    let person = world.people.anyone(dice);
    let address = match food.township {
        Some(township) => township.address(dice),
        None => nowhere(dice),
    };
    let urban = food.township.is_none_or(|township| township.name.ends_with("街道"));
    // A stall has no licence of its own; its holder is a person.
    let stall = matches!(food.venue, "农贸市场" | "菜市场");
    let unit = food.unit;
    let or_blank = |text: Option<String>, dirt: &mut Dirt| {
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| dirt.blank().to_owned())
    };
    let name = or_blank(unit.map(|unit| unit.name.clone()), dirt);
    let credit_code = or_blank(unit.map(|unit| unit.credit_code.clone()), dirt);
    let licence = or_blank(unit.filter(|_| !stall).map(|unit| unit.licence.clone()), dirt);
    let (stall_holder, identity) = match stall {
        true => (format!("{}号摊 {}", dice.between(1, 80), person.name), person.identity.clone()),
        false => (dirt.blank().to_owned(), dirt.blank().to_owned()),
    };
    row.extend([
        "河南省".to_owned(),
        "驻马店市".to_owned(),
        "西平县".to_owned(),
        if urban { "城市" } else { "乡村" }.to_owned(),
        dirt.text(&name),
        address,
        credit_code,
        if food.stage == Stage::Production { "生产许可证" } else { "经营许可证" }.to_owned(),
        licence,
        dirt.blank().to_owned(),
        person.name.clone(),
        person.name.clone(),
        person.phone.clone(),
        dirt.blank().to_owned(),
        "463900".to_owned(),
        stall_holder,
        identity,
    ]);
}

fn maker(world: &World, food: &Food, dirt: &mut Dirt, dice: &mut Dice, row: &mut Vec<String>) {
    let person: &Person = world.people.anyone(dice);
    let road = dice.between(1, 300);
    let [province, city, county, address, name, licence] = match food.producer {
        Producer::Nobody => [(); 6].map(|()| dirt.blank().to_owned()),
        Producer::Local(own) => [
            "河南省".to_owned(),
            "驻马店市".to_owned(),
            "西平县".to_owned(),
            format!("河南省驻马店市西平县工业大道{road}号"),
            dirt.text(&own.name),
            if own.is_licensed() { own.licence.clone() } else { dirt.blank().to_owned() },
        ],
        Producer::Elsewhere(name) => [
            dirt.blank().to_owned(),
            dirt.blank().to_owned(),
            dirt.blank().to_owned(),
            format!("高新技术产业开发区创业路{road}号"),
            name.to_owned(),
            dirt.blank().to_owned(),
        ],
    };
    let known = !matches!(food.producer, Producer::Nobody);
    let contact = if known { person.name.clone() } else { dirt.blank().to_owned() };
    let phone = if known { person.phone.clone() } else { dirt.blank().to_owned() };
    row.extend([province, city, county, address, name, licence, contact, phone, "否".to_owned()]);
    row.extend((0..9).map(|_| dirt.blank().to_owned()));
}

/// Remarks as people type them, structure and all.
const REMARKS: [&str; 6] =
    ["见附件照片,共3张", "散装称重\n自封袋装", "标签注明\"零添加\"", "现场加工", "已拍照", "消费者送检"];

fn sample(food: &Food, dirt: &mut Dirt, dice: &mut Dice, row: &mut Vec<String>) {
    let packaged = food.line.sold == Sold::Packaged;
    let produced_on = plus(food.sampled_on, -dice.between(1, 120));
    let batch = produced_on.to_string().replace('-', "");
    let kind = match food.line.sold {
        Sold::Packaged => "工业加工食品",
        Sold::Fresh => "食用农产品",
        Sold::Cooked => "餐饮食品",
    };
    let barcode = bar_code(dice);
    let if_packaged = |text: String, dirt: &mut Dirt| if packaged { text } else { dirt.blank().to_owned() };
    let remark = match dice.below(12) {
        0 => dice.pick(&REMARKS).to_owned(),
        _ => dirt.blank().to_owned(),
    };
    row.extend([
        if_packaged(barcode, dirt),
        dirt.blank().to_owned(),
        kind.to_owned(),
        if food.stage == Stage::Production { "加工/自制" } else { "外购" }.to_owned(),
        "普通食品".to_owned(),
        if packaged { "预包装" } else { "无包装" }.to_owned(),
        dirt.text(food.product),
        produced_on.to_string(),
        if_packaged("12个月".to_owned(), dirt),
        if_packaged(batch, dirt),
        if_packaged(format!("{}g/袋", dice.between(1, 20) * 50), dirt),
        dirt.blank().to_owned(),
        format!("{}.{}", dice.between(1, 60), dice.below(10)),
        "否".to_owned(),
        "中国".to_owned(),
        dirt.date(food.sampled_on),
        "非无菌采样".to_owned(),
        "固体".to_owned(),
        if packaged { "完整包装" } else { "塑料袋" }.to_owned(),
        dirt.blank().to_owned(),
        if food.line.sold == Sold::Fresh { "冷藏" } else { "常温" }.to_owned(),
        format!("{}kg", dice.between(5, 200)),
        format!("{}", dice.between(1, 6)),
        format!("{}", dice.between(1, 3)),
        if packaged { "袋" } else { "kg" }.to_owned(),
        dirt.blank().to_owned(),
        remark,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::food::Food;
    use crate::simulate::measure::Spread;
    use crate::simulate::{Layout, Options};

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        let header: Vec<&str> = SECTIONS.iter().flat_map(|(_, columns)| columns.iter().copied()).collect();
        assert_eq!(header.len(), 84);
        for (column, name) in [
            (STAGE, "抽样环节"),
            (CODE, "抽样单编号"),
            (PURPOSE, "检验目的/任务类别"),
            (SAMPLED_ON, "抽样日期"),
        ] {
            assert_eq!(header[column], name);
        }
    }

    #[test]
    fn every_form_fills_every_column() {
        let world = World::new(&Options::new(2020, Layout::County, "unused".into()));
        for index in 0..300 {
            let food = Food::tell(&world, index, Spread::Wide, true);
            let mut clean = Dirt::new(false, 0, Stream::Form, index);
            assert_eq!(row(&world, &food, &mut clean).len(), 84);
        }
    }
}
