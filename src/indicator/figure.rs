use std::sync::Arc;

use jiff::civil::Date;

use super::{Judgement, Status};
use crate::column::Narrow;

/// One published number. Figures can be many: what those of a cut have in common is kept once.
#[derive(Debug, Clone)]
pub struct Figure {
    of: Arc<Cut>,
    /// Its row in the cut, and what is told there.
    row: u32,
    told: u32,
    pub period: Option<(Date, Date)>,
}

/// The figures of one indicator by some dimensions; by none, the whole.
#[derive(Debug, Clone)]
pub struct Cut {
    pub indicator: String,
    pub dimensions: Vec<Dimension>,
    /// Small groups have their numbers in common with many others.
    pub told: Vec<Told>,
    /// The definition's note.
    pub note: String,
    /// Numbers shown beside the figure.
    pub shown: String,
    /// The population's basis.
    pub basis: String,
}

/// A dimension of a cut: the texts of its values, and the one of each row.
#[derive(Debug, Clone)]
pub struct Dimension {
    pub name: Arc<str>,
    pub texts: Vec<Arc<str>>,
    pub codes: Narrow,
}

/// What is told of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub numerator: i64,
    /// None for a count, and where the cut has no population.
    pub denominator: Option<i64>,
    pub value: Arc<str>,
    pub bounds: Option<(Arc<str>, Arc<str>)>,
    pub judgement: Judgement,
}

impl Figure {
    /// Of a row of the cut, which has to be there, and one of what the cut tells.
    pub(super) fn new(of: &Arc<Cut>, row: usize, told: u32, period: Option<(Date, Date)>) -> Figure {
        Figure { of: of.clone(), row: row as u32, told, period }
    }

    pub fn indicator(&self) -> &str {
        &self.of.indicator
    }

    pub fn cut(&self) -> &Arc<Cut> {
        &self.of
    }

    /// Whether it is of the whole, not of a part.
    pub fn is_whole(&self) -> bool {
        self.of.dimensions.is_empty()
    }

    /// Names of the dimensions that it is cut by, and its value of each.
    pub fn group(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.of.dimensions.iter().map(|own| (&own.name, own.text(self.row as usize)))
    }

    /// Its value of a dimension that it is cut by.
    pub fn text_of(&self, dimension: &str) -> Option<&Arc<str>> {
        self.group().find(|(name, _)| &***name == dimension).map(|(_, text)| text)
    }

    pub fn row(&self) -> usize {
        self.row as usize
    }

    /// Its place in what the cut tells.
    pub fn told_at(&self) -> usize {
        self.told as usize
    }

    pub fn told(&self) -> &Told {
        &self.of.told[self.told as usize]
    }

    pub fn status(&self) -> Status {
        self.told().judgement.status
    }

    /// All that is printed in `note`. Of what is kept back nothing is said but what it is counted by.
    pub fn whole_note(&self) -> String {
        let Cut { note, shown, basis, .. } = &*self.of;
        let notes = match self.status() {
            Status::Suppressed => ["", "", basis],
            _ => [note.as_str(), shown, basis],
        };
        notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// Figures are equal if they say the same, whatever others there are.
impl PartialEq for Figure {
    fn eq(&self, other: &Figure) -> bool {
        self.indicator() == other.indicator()
            && self.group().eq(other.group())
            && (self.period, self.told()) == (other.period, other.told())
            && self.whole_note() == other.whole_note()
    }
}

impl Eq for Figure {}

impl Told {
    /// What is kept back has no number, not even a zero.
    pub(super) fn suppressed() -> Told {
        Told {
            numerator: 0,
            denominator: None,
            value: Arc::from(""),
            bounds: None,
            judgement: Judgement { status: Status::Suppressed, needed: None },
        }
    }
}

impl Dimension {
    pub fn text(&self, row: usize) -> &Arc<str> {
        &self.texts[self.codes.code(row)]
    }
}
