//! Masks of texts tried on sampled values: a mask that refuses one of them must not be drafted.

use std::sync::{Arc, LazyLock};

use crate::masking::{
    ColumnFacts, FieldMask, Locale, Mask, MaskKey, Row, Rule, Shape, Structure, compile,
};

/// The masks that refuse values of another form than theirs, by name.
static MASKS: LazyLock<Vec<(&'static str, Arc<dyn FieldMask>)>> = LazyLock::new(|| {
    let facts = ColumnFacts {
        title: String::new(),
        data_type: "text".to_owned(),
        shape: Shape::Text,
        max_length: None,
        not_null: false,
        unique: false,
        rows: 0,
        columns: Arc::default(),
        labels: Vec::new(),
        structure: Structure::Scalar,
    };
    let host = || "example.com".to_owned();
    let locale = Locale::default();
    let strict = [
        Mask::Phone,
        Mask::CardNumber,
        Mask::Iban,
        Mask::Ip,
        Mask::Mac,
        Mask::PostalCode,
        Mask::Permute,
        Mask::Url { host: host() },
        Mask::Email {
            locale,
            host: host(),
            ignore_case: false,
        },
    ];
    strict
        .into_iter()
        .filter_map(|mask| {
            let name = mask.name();
            let function = compile(&Rule::new(mask), &facts, &MaskKey::throw_away());
            Some((name, function.ok()??))
        })
        .collect()
});

/// Masks that refused a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refusals(u16);

impl Refusals {
    /// Tries every mask that refused nothing so far.
    pub(super) fn try_on(&mut self, value: &str) {
        let mut out = Vec::new();
        for (place, (_, mask)) in MASKS.iter().enumerate() {
            let bit = 1 << place;
            if self.0 & bit == 0 {
                out.clear();
                let row = Row { fields: &[] };
                let refused = mask.apply(Some(value.as_bytes()), &row, &mut out).is_err();
                self.0 |= if refused { bit } else { 0 };
            }
        }
    }

    /// Their names.
    pub(super) fn names(self) -> Vec<&'static str> {
        let places = MASKS.iter().enumerate();
        places
            .filter(|(place, _)| self.0 >> place & 1 == 1)
            .map(|(_, (name, _))| *name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_that_refuses_a_value_is_named() {
        let mut refusals = Refusals::default();
        refusals.try_on("+49 30 1234567");
        assert!(!refusals.names().contains(&"phone"));
        refusals.try_on("n/a");
        let names = refusals.names();
        assert!(
            names.contains(&"phone") && names.contains(&"iban"),
            "{names:?}"
        );
        assert!(!names.contains(&"permute"), "{names:?}");
        refusals.try_on("—");
        assert!(refusals.names().contains(&"permute"));
    }
}
