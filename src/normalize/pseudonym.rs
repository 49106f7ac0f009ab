//! Stand-ins for what names a person: equal texts have equal ones, and without the key nobody finds the text again.

use crate::model::Value;

/// Made from the content of a pipeline's key file.
#[derive(Clone, PartialEq, Eq)]
pub struct PseudonymKey([u8; 32]);

/// Bytes that a key file has at least: fewer could be guessed.
pub const KEY_MIN: usize = 16;

impl PseudonymKey {
    /// None if the content is too short to be secret.
    pub fn new(content: &[u8]) -> Option<PseudonymKey> {
        let content = content.trim_ascii();
        (content.len() >= KEY_MIN)
            .then(|| PseudonymKey(blake3::derive_key("assay 2026 pseudonyms of persons", content)))
    }

    /// 128 bits of the keyed BLAKE3 of a value, in hexadecimal; nothing stays nothing.
    pub fn stand_in(&self, value: &Value) -> Value {
        if value.is_missing() {
            return Value::Missing;
        }
        let hash = blake3::keyed_hash(&self.0, value.to_string().as_bytes()).to_hex();
        Value::text(hash.get(..32).unwrap_or(&hash))
    }
}

/// A key is shown to nobody, not in a message and not in a panic.
impl std::fmt::Debug for PseudonymKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PseudonymKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_equal_stand_ins_under_one_key() {
        let key = |text: &str| PseudonymKey::new(text.as_bytes());
        assert_eq!(key("too short"), None);
        let (one, other) = (key("sixteen bytes and more"), key("sixteen bytes or more!"));
        let (one, other) = (one.expect("long enough"), other.expect("long enough"));
        let id = Value::text("411721199001011234");
        assert_eq!(one.stand_in(&id), one.stand_in(&id.clone()));
        assert_ne!(one.stand_in(&id), other.stand_in(&id));
        assert_ne!(one.stand_in(&id), one.stand_in(&Value::text("411721199001011235")));
        assert_eq!(one.stand_in(&Value::Missing), Value::Missing);
        assert_eq!(format!("{one:?}"), "PseudonymKey(***)");
    }
}
