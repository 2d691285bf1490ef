//! What the masks' tests share.

use std::sync::Arc;

use secrecy::SecretString;

use super::{ColumnFacts, compile};
use crate::masking::structure::max_length;
use crate::masking::{FieldMask, MaskKey, Masked, Row, Rule, Shape, Structure, Unmaskable};

#[cfg(test)]
pub(in crate::masking) fn key() -> MaskKey {
    let text = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
    MaskKey::parse(&SecretString::from(text), "test", "1").unwrap()
}

#[cfg(test)]
pub(in crate::masking) fn rule(text: &str) -> Rule {
    let table: toml::Table = toml::from_str(&format!("a = {text}")).unwrap();
    Rule::from_toml(&table["a"]).unwrap()
}

#[cfg(test)]
pub(in crate::masking) fn facts(data_type: &str) -> ColumnFacts {
    let columns = [("id", "integer"), ("c", data_type)];
    let columns = columns.map(|(name, data_type)| (name.to_owned(), data_type.to_owned()));
    ColumnFacts {
        title: "t.c".to_owned(),
        data_type: data_type.to_owned(),
        shape: Shape::of(data_type),
        max_length: max_length(data_type),
        not_null: false,
        unique: false,
        rows: 1000,
        columns: Arc::new(columns.into_iter().collect()),
        labels: Vec::new(),
        structure: Structure::built_in(data_type),
    }
}

#[cfg(test)]
pub(in crate::masking) fn mask(text: &str, data_type: &str) -> Arc<dyn FieldMask> {
    compile(&rule(text), &facts(data_type), &key())
        .unwrap()
        .unwrap()
}

/// The refusal of a rule.
#[cfg(test)]
pub(in crate::masking) fn refusal(text: &str, facts: &ColumnFacts) -> String {
    compile(&rule(text), facts, &key()).unwrap_err().to_string()
}

/// Masks a value that stands in a row with an id of four bytes.
#[cfg(test)]
pub(in crate::masking) fn masked_in(
    mask: &Arc<dyn FieldMask>,
    id: u32,
    value: &[u8],
) -> Result<Vec<u8>, Unmaskable> {
    let id = id.to_be_bytes();
    let fields = [Some(id.as_slice()), Some(value)];
    let mut out = Vec::new();
    match mask.apply(Some(value), &Row { fields: &fields }, &mut out)? {
        Masked::Value => Ok(out),
        Masked::Null => Ok(b"NULL".to_vec()),
    }
}

#[cfg(test)]
pub(in crate::masking) fn masked(mask: &Arc<dyn FieldMask>, value: &[u8]) -> Vec<u8> {
    masked_in(mask, 1, value).unwrap()
}

#[cfg(test)]
pub(in crate::masking) fn text(mask: &Arc<dyn FieldMask>, value: &str) -> String {
    String::from_utf8(masked(mask, value.as_bytes())).unwrap()
}
