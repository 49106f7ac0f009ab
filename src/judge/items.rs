use crate::column::{Coded, Frame};
use crate::model::Value;

/// Which verdicts the laboratory gave to the items of a sample, as whole tokens: 不合格项 is no 合格项.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Items {
    fails: bool,
    passes: bool,
    problem: bool,
    unjudged: bool,
}

impl Items {
    /// The items of each of some samples by the code of their determinations.
    pub fn by_sample(determinations: &Frame, codes: &Coded<Value>) -> Vec<Items> {
        let verdicts = determinations.column_or_missing("lab_verdict");
        let tokens: Vec<Items> = verdicts.values().iter().map(Items::of).collect();
        let mut by_code = vec![Items::default(); codes.values().len()];
        for (code, verdict) in codes.codes().iter().zip(verdicts.codes()) {
            by_code[*code as usize].add(tokens[*verdict as usize]);
        }
        by_code
    }

    fn of(verdict: &Value) -> Items {
        let none = Items::default();
        match verdict.as_text() {
            Some("nonconforming") => Items { fails: true, ..none },
            Some("conforming") => Items { passes: true, ..none },
            Some("undetermined+problem") => Items { problem: true, ..none },
            Some("undetermined+unjudged") => Items { unjudged: true, ..none },
            _ => none,
        }
    }

    fn add(&mut self, other: Items) {
        self.fails |= other.fails;
        self.passes |= other.passes;
        self.problem |= other.problem;
        self.unjudged |= other.unjudged;
    }

    /// The nine conclusions, in the order in which the national system derives them.
    pub fn conclusion(self) -> &'static str {
        match self {
            Items { fails: true, problem: true, .. } => "nonconforming+problem",
            Items { fails: true, unjudged: true, .. } => "nonconforming+unjudged",
            Items { fails: true, .. } => "nonconforming+only",
            Items { passes: true, problem: true, .. } => "conforming+problem",
            Items { passes: true, unjudged: true, .. } => "conforming+unjudged",
            Items { passes: true, .. } => "conforming+only",
            Items { problem: true, .. } => "undetermined+problem",
            Items { unjudged: true, .. } => "undetermined+unjudged",
            _ => "undetermined",
        }
    }

    /// What the monitored items gave; none without any item.
    pub fn monitored(self) -> Option<&'static str> {
        self.conclusion().split_once('+').map(|(_, monitored)| monitored)
    }

    /// Whether a stated conclusion can be the one that the items lead to; a plain verdict says nothing about
    /// monitored items, and a sample without items agrees with anything.
    pub fn agrees_with(self, stated: &str) -> bool {
        let own = self.conclusion();
        let verdict = own.split('+').next().unwrap_or(own);
        self == Items::default() || stated == own || stated == verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_conclusions_from_whole_tokens() {
        for (tokens, expected, plain, other) in [
            (
                "nonconforming undetermined+problem conforming undetermined+unjudged",
                "nonconforming+problem",
                "nonconforming",
                "conforming",
            ),
            (
                "nonconforming undetermined+unjudged conforming",
                "nonconforming+unjudged",
                "nonconforming",
                "nonconforming+only",
            ),
            (
                "conforming undetermined+problem undetermined+unjudged",
                "conforming+problem",
                "conforming",
                "conforming+only",
            ),
            ("conforming undetermined+unjudged", "conforming+unjudged", "conforming", "conforming+problem"),
            ("nonconforming conforming", "nonconforming+only", "nonconforming", "conforming+only"),
            ("conforming conforming", "conforming+only", "conforming", "nonconforming"),
            (
                "undetermined+problem undetermined+unjudged",
                "undetermined+problem",
                "undetermined",
                "undetermined+unjudged",
            ),
            ("undetermined+unjudged", "undetermined+unjudged", "undetermined", "conforming"),
        ] {
            let mut items = Items::default();
            for token in tokens.split(' ') {
                items.add(Items::of(&Value::text(token)));
            }
            assert_eq!(items.conclusion(), expected, "{tokens}");
            assert!(items.agrees_with(expected) && items.agrees_with(plain), "{tokens}");
            assert!(!items.agrees_with(other), "{tokens} {other}");
        }
        assert_eq!(Items::default().conclusion(), "undetermined");
        assert!(Items::default().agrees_with("conforming"), "nothing contradicts nothing");
        assert_eq!(Items::of(&Value::text("undetermined")), Items::default());
    }
}
