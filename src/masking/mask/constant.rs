//! Masks that look at no value: null, constants, neutral values, labels.

use std::sync::Arc;

use super::encode::encode;
use super::hstore::is_hstore;
use super::site::{Compiled, Distinct, Site};
use super::text::Seeder;
use crate::masking::{FieldMask, Masked, Row, Shape, Structure, Unmaskable};

pub(super) fn null(site: &Site<'_>) -> Compiled {
    if site.facts.not_null {
        return Err(site.refuse(
            "cannot stand in a NOT NULL column",
            "redact or constant fit, or a mask of the type",
        ));
    }
    Ok(Arc::new(Null))
}

pub(super) fn constant(site: &Site<'_>, text: &str) -> Compiled {
    site.prove_distinct(Distinct::Few)?;
    let labels = &site.facts.labels;
    let bytes = if labels.is_empty() {
        encode(text, site.facts.shape)
    } else {
        let known = labels.iter().any(|label| label == text);
        known.then(|| text.as_bytes().to_vec())
    };
    let type_name = &site.facts.data_type;
    let bytes = bytes.ok_or_else(|| {
        site.refuse(
            &format!("has a value that is none of type {type_name}"),
            "write one that the type accepts, or `{ sql = \"...\" }`",
        )
    })?;
    let fits = site
        .facts
        .max_length
        .is_none_or(|max| text.chars().count() <= max as usize);
    if site.facts.shape == Shape::Text && !fits {
        return Err(site.refuse(
            &format!("has a value too long for {type_name}"),
            "shorten it",
        ));
    }
    Ok(Arc::new(Constant {
        bytes,
        nulls: site.facts.not_null,
    }))
}

/// What stands for a redacted value, by shape.
pub(super) fn redact(site: &Site<'_>) -> Compiled {
    if let Some(kind) = Container::of(site) {
        site.prove_distinct(Distinct::Few)?;
        return Ok(Arc::new(Empty { kind }));
    }
    let text = match site.facts.shape {
        _ if !site.facts.labels.is_empty() => site.facts.labels[0].as_str(),
        Shape::Text => match site.facts.max_length {
            Some(max @ 0..3) => &"***"[..max as usize],
            _ => "***",
        },
        Shape::Json | Shape::Jsonb => "{}",
        Shape::Integer(_) | Shape::Float(_) | Shape::Numeric => "0",
        Shape::Bool => "false",
        Shape::Date | Shape::Timestamp => "1970-01-01",
        Shape::Time => "00:00:00",
        Shape::Uuid => "00000000-0000-0000-0000-000000000000",
        Shape::Inet => "0.0.0.0",
        Shape::Mac if site.facts.data_type == "macaddr8" => "0000000000000000",
        Shape::Mac => "000000000000",
        Shape::Bytes => "\\x",
        Shape::TextArray | Shape::Other => {
            return Err(site.unfit("every type that masks know"));
        }
    };
    constant(site, text)
}

/// A label chosen by the value's keyed hash.
pub(super) fn label(site: &Site<'_>) -> Compiled {
    if site.facts.labels.is_empty() {
        return Err(site.unfit("enums"));
    }
    let unique = site.facts.unique || site.rule.unique;
    let turned = unique && site.rule.with.is_none() && site.facts.labels.len() > 1;
    if !turned {
        site.prove_distinct(Distinct::Few)?;
    }
    let count = site.facts.labels.len() as u64;
    let seeder = site.seeder()?;
    Ok(Arc::new(Label {
        // Never 0; below the number of labels.
        turn: turned.then(|| 1 + seeder.prf.seed(b"turn").draws().below(count - 1) as usize),
        seeder,
        labels: site
            .facts
            .labels
            .iter()
            .map(|label| label.as_bytes().into())
            .collect(),
    }))
}

#[derive(Debug)]
struct Null;

impl FieldMask for Null {
    fn value(&self, _: &[u8], _: &Row<'_>, _: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        Ok(Masked::Null)
    }
}

#[derive(Debug)]
struct Constant {
    bytes: Vec<u8>,
    nulls: bool,
}

impl FieldMask for Constant {
    fn value(&self, _: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        self.null(row, out)
    }

    fn null(&self, _: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        out.extend_from_slice(&self.bytes);
        Ok(Masked::Value)
    }

    fn sees_nulls(&self) -> bool {
        self.nulls
    }
}

/// A value without elements, in the type's own binary form.
#[derive(Debug)]
struct Empty {
    kind: Container,
}

/// What is emptied.
#[derive(Debug, Clone, Copy)]
enum Container {
    /// No dimensions and no nulls; the element's type is that of the value.
    Array,
    /// The flag that says so (`RANGE_EMPTY`).
    Range,
    /// No ranges, no pairs: a count of 0.
    Counted,
}

impl Container {
    fn of(site: &Site<'_>) -> Option<Self> {
        match site.facts.structure {
            Structure::Array(_) => Some(Self::Array),
            Structure::Range(_) => Some(Self::Range),
            Structure::Multirange(_) => Some(Self::Counted),
            _ if is_hstore(&site.facts.data_type) => Some(Self::Counted),
            _ => None,
        }
    }
}

impl FieldMask for Empty {
    fn value(&self, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        match self.kind {
            Container::Array => {
                let element = value.get(8..12).ok_or(super::array::BAD)?;
                out.extend_from_slice(&[0; 8]);
                out.extend_from_slice(element);
            }
            Container::Range => out.push(1),
            Container::Counted => out.extend_from_slice(&[0; 4]),
        }
        Ok(Masked::Value)
    }
}

#[derive(Debug)]
struct Label {
    seeder: Seeder,
    /// In a unique column every label becomes the one so many places further on.
    turn: Option<usize>,
    labels: Vec<Box<[u8]>>,
}

impl FieldMask for Label {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        if let Some(turn) = self.turn {
            let at = self.labels.iter().position(|label| **label == *value);
            let at = at.ok_or(Unmaskable {
                reason: "not a label of the enum",
            })?;
            out.extend_from_slice(&self.labels[(at + turn) % self.labels.len()]);
            return Ok(Masked::Value);
        }
        let mut draws = self.seeder.seed(value, row).draws();
        let choice = draws.below(self.labels.len() as u64) as usize;
        out.extend_from_slice(self.labels.get(choice).map_or(value, |label| label));
        Ok(Masked::Value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::tests_support::{facts, key, mask, masked, masked_in, refusal, rule, text};
    use crate::masking::compile;

    #[test]
    fn every_type_has_a_neutral_value() {
        for (data_type, value, expected) in [
            ("text", b"a@b.example".as_slice(), b"***".as_slice()),
            ("integer", &[0, 0, 0, 9], &[0, 0, 0, 0]),
            ("boolean", &[1], &[0]),
            ("jsonb", b"\x01[1]", b"\x01{}"),
            ("bytea", b"photo", b""),
            ("date", &[0, 0, 0, 9], &(-10_957_i32).to_be_bytes()),
            ("macaddr8", &[1; 8], &[0; 8]),
        ] {
            assert_eq!(
                masked(&mask("\"redact\"", data_type), value),
                expected,
                "{data_type}"
            );
        }
        let array = [
            0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 19, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, b'a',
        ];
        assert_eq!(
            masked(&mask("\"redact\"", "text[]"), &array)[8..],
            [0, 0, 4, 19]
        );
        assert_eq!(
            text(&mask("\"redact\"", "character varying(2)"), "ab"),
            "**"
        );
        assert!(refusal("\"redact\"", &facts("point")).contains("does not work on point"));
    }

    #[test]
    fn what_cannot_stand_in_the_column_is_refused() {
        let mut strict = facts("integer");
        strict.not_null = true;
        assert!(refusal("\"null\"", &strict).contains("NOT NULL"));
        assert!(refusal("{ constant = \"x\" }", &strict).contains("none of type integer"));
        strict.unique = true;
        assert!(refusal("{ constant = \"1\" }", &strict).contains("too few values"));
        let short = facts("character varying(3)");
        assert!(refusal("{ constant = \"four\" }", &short).contains("too long"));
        let mask = mask("\"null\"", "integer");
        assert_eq!(masked_in(&mask, 1, &[0; 4]).unwrap(), b"NULL");
    }

    #[test]
    fn constants_fill_nulls_only_where_null_is_refused() {
        let mut facts = facts("text");
        let nulls = |facts: &_| {
            let mask = compile(&rule("{ constant = \"x\" }"), facts, &key());
            mask.unwrap().unwrap().sees_nulls()
        };
        assert!(!nulls(&facts));
        facts.not_null = true;
        assert!(nulls(&facts));
    }

    #[test]
    fn labels_are_those_of_the_enum() {
        let mut facts = facts("public.mood");
        facts.labels = vec!["sad".to_owned(), "ok".to_owned(), "happy".to_owned()];
        let mask = compile(&rule("{ mask = \"enum\", with = \"id\" }"), &facts, &key());
        let mask = mask.unwrap().unwrap();
        let seen: HashSet<_> = (0..50)
            .map(|id| masked_in(&mask, id, b"sad").unwrap())
            .collect();
        assert_eq!(seen.len(), 3);
        assert!(refusal("\"hash\"", &facts).contains("does not work on public.mood"));
    }
}
