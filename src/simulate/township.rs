//! The twenty townships of Xiping County (411721) and the ways in which addresses name them.

use super::dice::Dice;

/// A township-level unit as the statistical division codes of 2019–2022 list it.
#[derive(Debug)]
pub struct Township {
    /// Nine digits, GB/T 10114.
    pub code: &'static str,
    pub name: &'static str,
    /// Name before 2018, or the name that the county itself uses.
    former: Option<&'static str>,
    /// The bare name, where nothing else in the county is called so.
    short: Option<&'static str>,
    /// Share of the county's persons, in thousandths; also of its samples and enterprises.
    pub share: u32,
}

const fn town(
    code: &'static str,
    name: &'static str,
    former: Option<&'static str>,
    short: Option<&'static str>,
    share: u32,
) -> Township {
    Township { code, name, former, short, share }
}

/// In the order of their codes.
///
/// Aliases in use besides the names: former names 柏城街道办事处, 柏亭街道办事处, 柏苑街道办事处, 宋集乡,
/// 二郎乡 and 老王坡管委会; bare names 五沟营, 权寨, 师灵, 盆尧, 嫘祖, 重渠, 谭店, 芦庙, 专探, 蔡寨 and 老王坡.
/// The other bare names (杨庄, 人和, 焦庄 …) are also villages, roads or temples, so no address uses them.
pub const TOWNSHIPS: [Township; 20] = [
    town("411721001", "柏城街道", Some("柏城街道办事处"), None, 92),
    town("411721002", "柏亭街道", Some("柏亭街道办事处"), None, 88),
    town("411721003", "柏苑街道", Some("柏苑街道办事处"), None, 70),
    town("411721101", "五沟营镇", None, Some("五沟营"), 55),
    town("411721102", "权寨镇", None, Some("权寨"), 52),
    town("411721103", "师灵镇", None, Some("师灵"), 50),
    town("411721104", "出山镇", None, None, 48),
    town("411721105", "盆尧镇", None, Some("盆尧"), 53),
    town("411721106", "嫘祖镇", None, Some("嫘祖"), 47),
    town("411721107", "宋集镇", Some("宋集乡"), None, 49),
    town("411721108", "二郎镇", Some("二郎乡"), None, 46),
    town("411721201", "重渠乡", None, Some("重渠"), 42),
    town("411721203", "人和乡", None, None, 44),
    town("411721205", "谭店乡", None, Some("谭店"), 43),
    town("411721208", "芦庙乡", None, Some("芦庙"), 41),
    town("411721209", "杨庄乡", None, None, 40),
    town("411721210", "专探乡", None, Some("专探"), 39),
    town("411721212", "蔡寨回族乡", None, Some("蔡寨"), 36),
    town("411721213", "焦庄乡", None, None, 45),
    town("411721500", "老王坡农场", Some("老王坡管委会"), Some("老王坡"), 20),
];

/// Villages whose names hold no township's name.
const VILLAGES: [&str; 10] =
    ["于庄村", "大王村", "前张村", "后李村", "东街村", "西街村", "陈桥村", "何湾村", "康营村", "耿楼村"];
const ROADS: [&str; 6] = ["大街", "中心街", "建设路", "西大街", "工业路", "府前路"];
/// Addresses of the county town that name no township.
const NOWHERE: [&str; 5] = [
    "西平县解放大道中段",
    "西平县护城河路中段路北",
    "西平县文化路与健康路交叉口向南100米",
    "河南省驻马店市西平县西平大道东段",
    "西平县金凤大道与龙泉大道交叉口",
];

/// A township, by its share of the county.
pub fn any_township(dice: &mut Dice) -> usize {
    let total: u64 = TOWNSHIPS.iter().map(|township| u64::from(township.share)).sum();
    let drawn = dice.below(total);
    let mut reached = 0;
    let found = TOWNSHIPS.iter().position(|township| {
        reached += u64::from(township.share);
        drawn < reached
    });
    found.unwrap_or(0)
}

/// An address that names no township: the region of whatever is there stays unknown.
pub fn nowhere(dice: &mut Dice) -> String {
    format!("{}{}号", dice.pick(&NOWHERE), dice.between(1, 300))
}

impl Township {
    /// A plain address under the current name.
    pub fn plain_address(&self, dice: &mut Dice) -> String {
        format!("西平县{}{}{}号", self.name, dice.pick(&ROADS), dice.between(1, 300))
    }

    /// An address as inspectors write it: current, former or bare name, sometimes with commas, quotes or
    /// a line break in it.
    pub fn address(&self, dice: &mut Dice) -> String {
        let way = dice.below(100);
        let number = dice.between(1, 300);
        let address = match (way, self.former, self.short) {
            (0..15, _, Some(short)) => format!("西平县{short}大街{number}号"),
            (15..25, Some(former), _) => format!("西平县{former}{}", dice.pick(&VILLAGES)),
            (25..55, ..) => format!("西平县{}{}{number}号", self.name, dice.pick(&ROADS)),
            // The road is named after another township: the full name must win.
            (55..60, ..) if self.name.ends_with("街道") => format!("西平县{}嫘祖路{number}号", self.name),
            _ => format!("河南省驻马店市西平县{}{}", self.name, dice.pick(&VILLAGES)),
        };
        match dice.below(40) {
            0 => format!("{address},路南第{}家", dice.between(1, 9)),
            1 => format!("{address}\"老街\"北侧"),
            2 => format!("{address}\n（集贸市场内）"),
            _ => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::dice::Stream;

    #[test]
    fn shares_are_a_whole() {
        assert_eq!(TOWNSHIPS.iter().map(|township| township.share).sum::<u32>(), 1000);
        assert!(TOWNSHIPS.is_sorted_by_key(|township| township.code));
    }

    #[test]
    fn an_address_names_its_own_township_first() {
        let mut dice = Dice::new(1, Stream::Plan, 0);
        for township in &TOWNSHIPS {
            for _ in 0..200 {
                let address = township.address(&mut dice);
                let own = [Some(township.name), township.former, township.short].into_iter().flatten();
                assert!(own.into_iter().any(|name| address.contains(name)), "{address}");
                let full = TOWNSHIPS.iter().filter(|other| address.contains(other.name)).count();
                assert!(full <= 1, "{address}");
            }
        }
        for _ in 0..100 {
            let address = nowhere(&mut dice);
            assert!(
                TOWNSHIPS
                    .iter()
                    .all(|own| !address.contains(own.name) && own.short.is_none_or(|s| !address.contains(s)))
            );
        }
    }
}
