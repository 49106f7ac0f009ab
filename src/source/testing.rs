//! For the tests of this room.

use super::{Layout, Request, Sheets, Wide};

/// Asks for columns of these names.
pub fn layout(names: &[&str]) -> Layout {
    let request = |name: &&str| Request {
        name: (*name).to_owned(),
        headers: vec![(*name).to_owned()],
        aliases: Vec::new(),
        required: true,
    };
    Layout {
        requests: names.iter().map(request).collect(),
        wide: Wide::None,
        sheets: Sheets::First,
        header_row: None,
        encoding: None,
        delimiter: None,
    }
}
