//! Composites: each attribute has a rule of its own, and none is left out.
//!
//! Binary form (`record_send`): number of attributes, then for each the number of its type and the
//! value with its length.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::compile as compile_rule;
use super::field::write_field;
use super::site::{Compiled, Site};
use crate::masking::{FieldMask, Masked, Row, Rule, Structure, Unmaskable};
use crate::sql::{read_field, read_word};

pub(super) fn compile(site: &Site<'_>, rules: &BTreeMap<String, Rule>) -> Compiled {
    let Structure::Composite(attributes) = &site.facts.structure else {
        return Err(site.unfit("composites"));
    };
    let names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(gone) = rules.keys().find(|name| !names.contains(&name.as_str())) {
        let hint = match crate::sql::nearest(gone, &names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("its attributes are {}", names.join(", ")),
        };
        let why = format!("names the attribute \"{gone}\", which its type has not");
        return Err(site.refuse(&why, &hint));
    }
    let mut fields = Vec::with_capacity(attributes.len());
    for (name, part) in attributes {
        let Some(rule) = rules.get(name) else {
            return Err(site.refuse(
                &format!("has no rule for the attribute \"{name}\""),
                &format!("every attribute needs one: {name} = \"keep\" or a mask"),
            ));
        };
        if rule.sql().is_some() {
            return Err(site.refuse(
                &format!("has an SQL expression for the attribute \"{name}\""),
                "give the whole column one",
            ));
        }
        let facts = site.facts.part(part, &format!(".{name}"));
        fields.push(compile_rule(rule, &facts, site.key)?);
    }
    Ok(Arc::new(Composite { fields }))
}

#[derive(Debug)]
struct Composite {
    /// One for each attribute; `None` for those that stay.
    fields: Vec<Option<Arc<dyn FieldMask>>>,
}

const BAD: Unmaskable = Unmaskable {
    reason: "a composite whose binary form is broken",
};

impl FieldMask for Composite {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let mut rest = value;
        if read_word(&mut rest) != u32::try_from(self.fields.len()).ok() {
            return Err(BAD);
        }
        out.extend_from_slice(&value[..4]);
        for mask in &self.fields {
            let oid = read_word(&mut rest).ok_or(BAD)?;
            out.extend_from_slice(&oid.to_be_bytes());
            let field = read_field(&mut rest).ok_or(BAD)?;
            write_field(out, |out| match (mask, field) {
                (Some(mask), field) if field.is_some() || mask.sees_nulls() => {
                    mask.apply(field, row, out)
                }
                (_, None) => Ok(Masked::Null),
                (_, Some(field)) => {
                    out.extend_from_slice(field);
                    Ok(Masked::Value)
                }
            })?;
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
    use super::super::tests_support::{facts, key, masked, masked_in, refusal, rule};
    use crate::masking::{ColumnFacts, Part, Structure, compile};

    fn part(data_type: &str) -> Part {
        Part {
            data_type: data_type.to_owned(),
            max_length: None,
            not_null: false,
            labels: Vec::new(),
            structure: Structure::built_in(data_type),
        }
    }

    fn home() -> ColumnFacts {
        let geo = Part {
            structure: Structure::Composite(vec![
                ("lat".to_owned(), part("double precision")),
                ("tags".to_owned(), part("text[]")),
            ]),
            ..part("public.geo")
        };
        ColumnFacts {
            structure: Structure::Composite(vec![
                ("street".to_owned(), part("text")),
                ("no".to_owned(), part("integer")),
                ("geo".to_owned(), geo),
            ]),
            ..facts("public.home")
        }
    }

    fn record(fields: &[(u32, Option<&[u8]>)]) -> Vec<u8> {
        let mut bytes = (fields.len() as u32).to_be_bytes().to_vec();
        for (oid, field) in fields {
            bytes.extend(oid.to_be_bytes());
            bytes.extend(field.map_or(-1, |field| field.len() as i32).to_be_bytes());
            bytes.extend(field.unwrap_or_default());
        }
        bytes
    }

    const RULE: &str = r#"{ attributes = { street = "hash", no = "keep", geo = { attributes = { lat = { mask = "range", step = 1 }, tags = "null" } } } }"#;

    #[test]
    fn attributes_follow_their_rules_at_every_depth() {
        let mask = compile(&rule(RULE), &home(), &key()).unwrap().unwrap();
        let geo = record(&[(701, Some(&52.5_f64.to_be_bytes())), (1009, None)]);
        let raw = record(&[
            (25, Some(b"Lane")),
            (23, Some(&[0, 0, 0, 9])),
            (99, Some(&geo)),
        ]);
        let out = masked(&mask, &raw);
        let geo = record(&[(701, Some(&52_f64.to_be_bytes())), (1009, None)]);
        assert_eq!(out.len(), raw.len() + 32 - 4);
        assert!(out.ends_with(&record(&[(23, Some(&[0, 0, 0, 9])), (99, Some(&geo))])[4..]));
        assert!(!out.windows(4).any(|w| w == b"Lane"));
        assert!(masked_in(&mask, 1, &raw[..raw.len() - 1]).is_err());
        assert!(masked_in(&mask, 1, &record(&[(25, None)])).is_err());
    }

    #[test]
    fn an_attribute_without_a_rule_is_refused() {
        for (text, part) in [
            (
                r#"{ attributes = { street = "hash", no = "keep" } }"#,
                "no rule for the attribute \"geo\"",
            ),
            (
                r#"{ attributes = { stret = "hash" } }"#,
                "\"stret\", which its type has not",
            ),
            (
                r#"{ attributes = { street = "hash", no = "keep", geo = "redact" } }"#,
                "t.c.geo",
            ),
            (
                r#"{ attributes = { street = { sql = "1" }, no = "keep", geo = "null" } }"#,
                "SQL expression",
            ),
        ] {
            assert!(refusal(text, &home()).contains(part), "{text}");
        }
        assert!(
            refusal(r#"{ attributes = {} }"#, &facts("text")).contains("does not work on text")
        );
    }
}
