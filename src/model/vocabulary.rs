/// The closed vocabularies: canonical words, and the spellings that exports use for them.
///
/// Spellings follow the selection lists of the national sampling system (2018–2022).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vocabulary {
    pub name: &'static str,
    /// Canonical word, Chinese label, accepted spellings.
    pub words: &'static [(&'static str, &'static str, &'static [&'static str])],
}

impl Vocabulary {
    /// The canonical word for a folded text; canonical words stand for themselves. Blanks inside (合 格) say
    /// nothing.
    pub fn canonical(&self, text: &str) -> Option<&'static str> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let mut words = self.words.iter();
        words
            .find(|(word, zh, spellings)| *word == text || *zh == text || spellings.contains(&text.as_str()))
            .map(|(word, _, _)| *word)
    }

    /// What a rejection says was expected.
    pub fn expected(&self) -> String {
        let labels: Vec<&str> = self.words.iter().map(|(_, zh, _)| *zh).collect();
        labels.join(" / ")
    }
}

/// Looks a vocabulary up by its name.
pub fn vocabulary(name: &str) -> Option<&'static Vocabulary> {
    VOCABULARIES.iter().find(|vocabulary| vocabulary.name == name)
}

const VOCABULARIES: &[Vocabulary] = &[
    Vocabulary {
        name: "domain", words: &[("food", "食品", &[]), ("agri", "农产品", &["食用农产品"])]
    },
    Vocabulary {
        name: "level",
        words: &[
            ("national", "国家级", &["国抽", "国家", "GC", "国家抽检"]),
            ("provincial", "省级", &["省抽", "省", "SC"]),
            ("municipal", "市级", &["市抽", "市", "DC", "地市级"]),
            ("county", "县级", &["县抽", "县", "XC", "区县级"]),
        ],
    },
    Vocabulary {
        name: "purpose",
        words: &[
            ("supervisory", "监督抽检", &["监督抽查"]),
            ("sampling_monitoring", "抽检监测", &[]),
            ("evaluative", "评价性抽检", &["评价抽检"]),
            ("risk_monitoring", "风险监测", &[]),
            ("routine_monitoring", "例行监测", &[]),
            ("special", "专项监测", &["专项抽检"]),
        ],
    },
    Vocabulary {
        name: "stage",
        words: &[
            ("production", "生产", &["生产环节", "加工"]),
            ("distribution", "流通", &["流通环节", "销售"]),
            ("catering", "餐饮", &["餐饮环节", "餐饮服务"]),
        ],
    },
    Vocabulary {
        name: "part",
        words: &[
            ("production", "生产", &["生产环节"]),
            ("distribution", "流通", &["流通环节", "销售"]),
            ("catering", "餐饮", &["餐饮环节"]),
            ("online", "网抽", &["网络", "网购"]),
        ],
    },
    Vocabulary {
        name: "area_type",
        words: &[("urban", "城市", &["城镇"]), ("rural", "乡村", &["农村"]), ("scenic", "景点", &["景区"])],
    },
    Vocabulary {
        name: "yes_no",
        words: &[
            ("yes", "是", &["有", "1", "true", "Y", "y", "TRUE", "√"]),
            ("no", "否", &["无", "0", "false", "N", "n", "FALSE", "×"]),
        ],
    },
    // The nine conclusions of the national system, in the order in which it derives them, and plain words,
    // which say nothing about monitored items.
    Vocabulary {
        name: "conclusion",
        words: &[
            ("nonconforming+problem", "抽检不合格样品并监测问题样品", &[]),
            ("nonconforming+unjudged", "抽检不合格样品并监测不判定样品", &[]),
            ("conforming+problem", "抽检合格样品并监测问题样品", &[]),
            ("conforming+unjudged", "抽检合格样品并监测不判定样品", &[]),
            ("nonconforming+only", "纯抽检不合格样品", &[]),
            ("conforming+only", "纯抽检合格样品", &[]),
            ("undetermined+problem", "纯监测问题样品", &["问题样品", "问题项"]),
            ("undetermined+unjudged", "纯监测不判定合格样品", &["不判定样品", "不判定项", "不判定"]),
            ("undetermined", "未检验样品", &["未检验", "未判定"]),
            ("nonconforming", "不合格", &["不合格样品", "不符合", "不合格项", "不符合要求"]),
            ("conforming", "合格", &["合格样品", "符合", "合格项", "合格(阴性)", "符合要求"]),
        ],
    },
    // What became of an objection (异议), which is a procedure beside re-inspection.
    Vocabulary {
        name: "objection",
        words: &[
            ("none", "逾期未提异议", &["未提异议", "无异议", "无"]),
            ("filed", "异议处理中", &["处理中", "已受理"]),
            ("rejected", "异议不认可", &["不认可"]),
            ("upheld", "省局认可异议", &["认可异议", "异议认可", "认可"]),
        ],
    },
    // How a value meets its limit (GB/T 8170-2008, 4.3).
    Vocabulary {
        name: "comparison",
        words: &[("whole", "全数值比较法", &["全数值"]), ("rounded", "修约值比较法", &["修约值"])],
    },
    Vocabulary {
        name: "size_class",
        words: &[
            ("large", "大型", &[]),
            ("medium", "中型", &[]),
            ("small", "小型", &[]),
            ("micro", "微型", &[]),
        ],
    },
    Vocabulary {
        name: "application_kind",
        words: &[("licence", "许可", &[]), ("registration", "登记", &[]), ("filing", "备案", &[])],
    },
    Vocabulary {
        name: "basis",
        words: &[("resident", "常住", &["常住人口"]), ("registered", "户籍", &["户籍人口"])],
    },
];
