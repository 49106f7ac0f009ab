//! The vocabularies of the national system, as far as the simulation uses them.

use super::dice::Dice;

/// Who ordered the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    National,
    Provincial,
    Municipal,
    County,
}

impl Level {
    pub fn source(self) -> &'static str {
        match self {
            Level::National => "国家市场监督管理总局",
            Level::Provincial => "河南省市场监督管理局",
            Level::Municipal => "驻马店市市场监督管理局",
            Level::County => "西平县市场监督管理局",
        }
    }

    /// First letters of its sample codes.
    pub fn prefix(self) -> &'static str {
        match self {
            Level::National => "GC",
            Level::Provincial => "SC",
            Level::Municipal => "DC",
            Level::County => "XC",
        }
    }
}

/// What for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Supervisory,
    Evaluative,
    SamplingMonitoring,
    RiskMonitoring,
}

impl Purpose {
    pub fn text(self) -> &'static str {
        match self {
            Purpose::Supervisory => "监督抽检",
            Purpose::Evaluative => "评价性抽检",
            Purpose::SamplingMonitoring => "抽检监测",
            Purpose::RiskMonitoring => "风险监测",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Production,
    Distribution,
    Catering,
}

impl Stage {
    pub fn text(self) -> &'static str {
        match self {
            Stage::Production => "生产",
            Stage::Distribution => "流通",
            Stage::Catering => "餐饮",
        }
    }

    pub fn any_venue(self, dice: &mut Dice) -> &'static str {
        dice.pick(match self {
            Stage::Production => &["成品库（已检区）", "成品库（待检区）", "原辅料库", "生产线", "其他"],
            Stage::Distribution => {
                &["农贸市场", "菜市场", "批发市场", "商场", "超市", "超市", "小食杂店", "网购", "其他"]
            }
            Stage::Catering => {
                &["大型餐馆", "中型餐馆", "小型餐馆", "学校/托幼食堂", "机关食堂", "小吃店", "中央厨房"]
            }
        })
    }
}

/// What a conclusion says of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Conforming,
    Nonconforming,
    Undetermined,
}

/// The nine conclusions of the national system, by what the inspected and the monitored items gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conclusion {
    pub verdict: Verdict,
    pub monitored: Monitored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitored {
    Nothing,
    Unjudged,
    Problem,
}

impl Conclusion {
    pub const fn new(verdict: Verdict, monitored: Monitored) -> Conclusion {
        Conclusion { verdict, monitored }
    }

    pub fn text(self) -> &'static str {
        match (self.verdict, self.monitored) {
            (Verdict::Nonconforming, Monitored::Problem) => "抽检不合格样品并监测问题样品",
            (Verdict::Nonconforming, Monitored::Unjudged) => "抽检不合格样品并监测不判定样品",
            (Verdict::Conforming, Monitored::Problem) => "抽检合格样品并监测问题样品",
            (Verdict::Conforming, Monitored::Unjudged) => "抽检合格样品并监测不判定样品",
            (Verdict::Nonconforming, Monitored::Nothing) => "纯抽检不合格样品",
            (Verdict::Conforming, Monitored::Nothing) => "纯抽检合格样品",
            (Verdict::Undetermined, Monitored::Problem) => "纯监测问题样品",
            (Verdict::Undetermined, Monitored::Unjudged) => "纯监测不判定合格样品",
            (Verdict::Undetermined, Monitored::Nothing) => "未检验样品",
        }
    }
}

/// What the laboratory says of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemVerdict {
    Passes,
    Fails,
    /// A monitored item without a limit to be judged by.
    Unjudged,
    /// A monitored item that gives cause for concern.
    Problem,
}

impl ItemVerdict {
    /// The sheet's short word, or the platform's with 项.
    pub fn text(self, long: bool) -> &'static str {
        match (self, long) {
            (ItemVerdict::Passes, false) => "合格",
            (ItemVerdict::Passes, true) => "合格项",
            (ItemVerdict::Fails, false) => "不合格",
            (ItemVerdict::Fails, true) => "不合格项",
            (ItemVerdict::Unjudged, _) => "不判定项",
            (ItemVerdict::Problem, _) => "问题项",
        }
    }
}

/// A duty of disposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Production,
    Distribution,
    Catering,
    Online,
}

impl Part {
    pub fn text(self) -> &'static str {
        match self {
            Part::Production => "生产",
            Part::Distribution => "流通",
            Part::Catering => "餐饮",
            Part::Online => "网抽",
        }
    }
}
