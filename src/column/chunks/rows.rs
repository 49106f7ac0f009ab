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
}

impl RowCodes {
    pub fn len(&self) -> usize {
        match self {
            RowCodes::Each(codes) => codes.len(),
            RowCodes::ByKey { keys, .. } => keys.len(),
            RowCodes::Same { rows, .. } => *rows,
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
        }
    }
}

impl From<Vec<u32>> for RowCodes {
    fn from(codes: Vec<u32>) -> Self {
        RowCodes::Each(codes)
    }
}
