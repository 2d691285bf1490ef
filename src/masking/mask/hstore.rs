//! hstore: values are masked by key, everything that no key names by a rule of its own; keys stay.
//!
//! Binary form (`hstore_send`): number of pairs, then for each the key and the value with their
//! lengths.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::field::write_field;
use super::leaf::Leaf;
use super::site::{Compiled, Site};
use crate::masking::policy::Pattern;
use crate::masking::{FieldMask, Masked, Row, Rule, Unmaskable};
use crate::sql::{NULL_FIELD, begin_field, end_field, read_field, read_word};

/// Whether a type, as `format_type` writes it, is that of the extension.
pub(super) fn is_hstore(data_type: &str) -> bool {
    data_type == "hstore" || data_type.ends_with(".hstore")
}

pub(super) fn compile(
    site: &Site<'_>,
    keys: &BTreeMap<String, Rule>,
    otherwise: &Rule,
) -> Compiled {
    if !is_hstore(&site.facts.data_type) {
        return Err(site.unfit("hstore"));
    }
    let mut rules = Vec::with_capacity(keys.len());
    for (key, rule) in keys {
        rules.push((Pattern::new(key.as_str()), Leaf::of(site, key, rule)?));
    }
    // Whoever says most of a key comes first.
    rules.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.weight()));
    Ok(Arc::new(Hstore {
        rules,
        otherwise: Leaf::of(site, "otherwise", otherwise)?,
    }))
}

#[derive(Debug)]
struct Hstore {
    rules: Vec<(Pattern, Leaf)>,
    otherwise: Leaf,
}

const BAD: Unmaskable = Unmaskable {
    reason: "an hstore whose binary form is broken",
};

impl FieldMask for Hstore {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let mut rest = value;
        let pairs = read_word(&mut rest).ok_or(BAD)?;
        out.extend_from_slice(&pairs.to_be_bytes());
        for _ in 0..pairs {
            let key = read_field(&mut rest).flatten().ok_or(BAD)?;
            let name = std::str::from_utf8(key).map_err(|_| BAD)?;
            let place = begin_field(out);
            out.extend_from_slice(key);
            end_field(out, place).ok_or(BAD)?;
            let found = self.rules.iter().find(|(pattern, _)| pattern.matches(name));
            let leaf = found.map_or(&self.otherwise, |(_, leaf)| leaf);
            match read_field(&mut rest).ok_or(BAD)? {
                None => out.extend_from_slice(&NULL_FIELD),
                Some(text) => {
                    let text = std::str::from_utf8(text).map_err(|_| BAD)?;
                    write_field(out, |out| Ok(leaf.text(text, row, out)))?;
                }
            }
        }
        if rest.is_empty() {
            Ok(Masked::Value)
        } else {
            Err(BAD)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked, masked_in, refusal};
    use super::*;

    type Pairs = Vec<(String, Option<String>)>;

    fn write(pairs: &Pairs) -> Vec<u8> {
        let mut bytes = (pairs.len() as u32).to_be_bytes().to_vec();
        for (key, value) in pairs {
            bytes.extend((key.len() as u32).to_be_bytes());
            bytes.extend(key.bytes());
            match value {
                None => bytes.extend((-1_i32).to_be_bytes()),
                Some(value) => {
                    bytes.extend((value.len() as u32).to_be_bytes());
                    bytes.extend(value.bytes());
                }
            }
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Pairs {
        let mut rest = bytes;
        let count = read_word(&mut rest).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (0..count)
            .map(|_| {
                let key = text(read_field(&mut rest).unwrap().unwrap());
                (key, read_field(&mut rest).unwrap().map(text))
            })
            .collect()
    }

    const RULE: &str = r#"{ hstore = { phone = "phone", "pref_*" = "keep", gone = "null", fix = { constant = "x" }, age = "age_band" } }"#;

    proptest! {
        #[test]
        fn only_kept_keys_keep_their_values(
            values in prop::collection::btree_map("[a-z_]{1,8}|pref_[a-z]{1,4}", prop::option::of("\\PC{4,20}"), 0..9)
        ) {
            let pairs: Pairs = values.into_iter().collect();
            let out = read(&masked(&mask(RULE, "public.hstore"), &write(&pairs)));
            for ((key, value), (masked_key, masked)) in pairs.iter().zip(&out) {
                prop_assert_eq!(key, masked_key);
                match (key.starts_with("pref_"), value) {
                    (true, value) => prop_assert_eq!(masked, value),
                    (false, Some(value)) => prop_assert!(masked.as_ref() != Some(value)),
                    (false, None) => prop_assert!(masked.is_none()),
                }
            }
        }
    }

    #[test]
    fn keys_follow_their_rules_and_broken_values_are_redacted() {
        let pair = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        let pairs = vec![
            pair("phone", "call me"),
            pair("gone", "x"),
            pair("fix", "y"),
            pair("age", "7"),
            pair("z", "z"),
        ];
        let mask = mask(RULE, "public.hstore");
        let out = read(&masked(&mask, &write(&pairs)));
        let shown: Vec<_> = out.iter().map(|(_, value)| value.as_deref()).collect();
        assert_eq!(
            shown,
            [Some("***"), None, Some("x"), Some("***"), Some("***")]
        );
        let mut cut = write(&pairs);
        cut.pop();
        assert!(masked_in(&mask, 1, &cut).is_err());
        assert!(refusal(RULE, &facts("text")).contains("does not work on text"));
    }
}
