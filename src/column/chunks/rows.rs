use std::sync::Arc;

/// The code of each row of a column that is stored, or was.
#[derive(Debug, Clone)]
pub enum RowCodes {
    Each(Vec<u32>),
    /// Columns that repeat together share the key of each row, and have a code for each key. The rows' own codes are made
    /// when the column is encoded, so that never those of many columns are there at a time.
    ByKey {
        of_keys: Vec<u32>,
        keys: Arc<Vec<u32>>,
    },
    Same {
        code: u32,
        rows: usize,
    },
    /// Codes that repeat, each with the row behind the last that has it.
    Runs(Vec<(u32, u32)>),
}

impl RowCodes {
    pub fn len(&self) -> usize {
        match self {
            RowCodes::Each(codes) => codes.len(),
            RowCodes::ByKey { keys, .. } => keys.len(),
            RowCodes::Same { rows, .. } => *rows,
            RowCodes::Runs(runs) => runs.last().map_or(0, |(_, end)| *end as usize),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn into_rows(self) -> Vec<u32> {
        match self {
            RowCodes::Each(codes) => codes,
            RowCodes::ByKey { of_keys, keys } => {
                let code = |key: &u32| of_keys.get(*key as usize).copied().unwrap_or_default();
                keys.iter().map(code).collect()
            }
            RowCodes::Same { code, rows } => vec![code; rows],
            RowCodes::Runs(_) => {
                let mut codes = Vec::with_capacity(self.len());
                if let RowCodes::Runs(runs) = self {
                    runs.into_iter().for_each(|(code, end)| codes.resize(end as usize, code));
                }
                codes
            }
        }
    }

    /// The codes under other names.
    pub fn renamed(&self, name: impl Fn(u32) -> u32) -> RowCodes {
        let each = |codes: &[u32]| codes.iter().map(|code| name(*code)).collect();
        match self {
            RowCodes::Each(codes) => RowCodes::Each(each(codes)),
            RowCodes::ByKey { of_keys, keys } => {
                RowCodes::ByKey { of_keys: each(of_keys), keys: keys.clone() }
            }
            RowCodes::Same { code, rows } => RowCodes::Same { code: name(*code), rows: *rows },
            RowCodes::Runs(runs) => {
                RowCodes::Runs(runs.iter().map(|(code, end)| (name(*code), *end)).collect())
            }
        }
    }
}

impl From<Vec<u32>> for RowCodes {
    fn from(codes: Vec<u32>) -> Self {
        RowCodes::Each(codes)
    }
}
