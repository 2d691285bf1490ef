//! What happens to a leaf of a document (JSON, hstore, XML), and which rule a path has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::{ColumnFacts, compile as compile_rule};
use super::json_path::{Paths, Spot, Step};
use super::site::Site;
use crate::error::Result;
use crate::masking::{FieldMask, Mask, Masked, Row, Rule, Shape, Structure, Unmaskable};

/// What happens to a leaf.
#[derive(Debug)]
pub(super) enum Leaf {
    /// It stays.
    Keep,
    /// It becomes null.
    Null,
    /// A text becomes `***`, a number 0, a boolean false.
    Redact,
    /// It becomes this value.
    Constant {
        /// As JSON.
        json: Vec<u8>,
        /// As text.
        text: String,
    },
    /// A mask of texts, for numbers in their decimal form, too.
    Text(Arc<dyn FieldMask>),
    /// A mask of numbers; texts are redacted.
    Number(Arc<dyn FieldMask>),
}

/// What stands for a text that is redacted, and for one that breaks the format of its mask.
const REDACTED: &[u8] = b"***";

impl Leaf {
    /// Compiles the rule of a path.
    pub(super) fn of(site: &Site<'_>, path: &str, rule: &Rule) -> Result<Self> {
        let facts = |data_type: &str| ColumnFacts {
            title: format!("{} {path}", site.facts.title),
            data_type: data_type.to_owned(),
            shape: Shape::of(data_type),
            max_length: None,
            not_null: false,
            unique: false,
            labels: Vec::new(),
            structure: Structure::Scalar,
            ..site.facts.clone()
        };
        let inside = |compiled: Result<Option<Arc<dyn FieldMask>>>| {
            compiled?.ok_or_else(|| unfit(site, path))
        };
        Ok(match &rule.mask {
            Mask::Keep => Self::Keep,
            Mask::Null => Self::Null,
            Mask::Redact => Self::Redact,
            Mask::Constant { value } => {
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok();
                let json = match is_json {
                    true => value.clone(),
                    false => serde_json::Value::from(value.as_str()).to_string(),
                };
                Self::Constant {
                    json: json.into_bytes(),
                    text: value.clone(),
                }
            }
            Mask::Sql { .. }
            | Mask::Json { .. }
            | Mask::Hstore { .. }
            | Mask::Xml { .. }
            | Mask::Attributes { .. }
            | Mask::When { .. }
            | Mask::Enum => return Err(unfit(site, path)),
            Mask::Noise { .. }
            | Mask::Range { .. }
            | Mask::AgeBand { .. }
            | Mask::TopCoding { .. } => Self::Number(inside(compile_rule(
                rule,
                &facts("double precision"),
                site.key,
            ))?),
            Mask::Uuid => {
                // In a document a UUID is a text; digits and letters are permuted.
                let text = Rule {
                    mask: Mask::Permute,
                    ..rule.clone()
                };
                Self::Text(inside(compile_rule(&text, &facts("text"), site.key))?)
            }
            _ => Self::Text(inside(compile_rule(rule, &facts("text"), site.key))?),
        })
    }

    /// Appends what stands for a text. A leaf that breaks the format of its mask is redacted.
    pub(super) fn text(&self, text: &str, row: &Row<'_>, out: &mut Vec<u8>) -> Masked {
        match self {
            Self::Keep => out.extend_from_slice(text.as_bytes()),
            Self::Null => return Masked::Null,
            Self::Redact | Self::Number(_) => out.extend_from_slice(REDACTED),
            Self::Constant { text, .. } => out.extend_from_slice(text.as_bytes()),
            Self::Text(mask) => {
                let start = out.len();
                match mask.value(text.as_bytes(), row, out) {
                    Ok(masked) => return masked,
                    Err(_) => {
                        out.truncate(start);
                        out.extend_from_slice(REDACTED);
                    }
                }
            }
        }
        Masked::Value
    }
}

/// How paths into a kind of document are written.
pub(super) struct Syntax {
    /// The steps of a path, or why it is none.
    pub(super) steps: fn(&str) -> std::result::Result<Vec<Step>, String>,
    /// Examples, for hints.
    pub(super) write: &'static str,
    /// What helps against too many paths.
    pub(super) fewer: &'static str,
}

/// The rules of a document by path.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) paths: Paths,
    leaves: Vec<Leaf>,
    otherwise: Leaf,
    /// Characters that the document may have.
    max_length: Option<usize>,
}

impl Rules {
    /// Compiles the rules of paths, and the one of every leaf that no path names.
    pub(super) fn of(
        site: &Site<'_>,
        rules: &BTreeMap<String, Rule>,
        otherwise: &Rule,
        syntax: &Syntax,
    ) -> Result<Self> {
        let (mut steps, mut leaves) = (Vec::new(), Vec::new());
        for (path, rule) in rules {
            let parsed = (syntax.steps)(path).map_err(|why| {
                site.refuse(&format!("has the path \"{path}\", {why}"), syntax.write)
            })?;
            steps.push(parsed);
            leaves.push(Leaf::of(site, path, rule)?);
        }
        Ok(Self {
            paths: Paths::new(steps)
                .ok_or_else(|| site.refuse("has more than 64 paths", syntax.fewer))?,
            leaves,
            otherwise: Leaf::of(site, "otherwise", otherwise)?,
            max_length: site.facts.max_length.map(|n| n as usize),
        })
    }

    /// What happens at a place: the rule of the path that ends there, else what holds for its
    /// container.
    pub(super) fn leaf(&self, spot: Spot) -> &Leaf {
        let rule = spot.rule.and_then(|rule| self.leaves.get(rule));
        rule.unwrap_or(&self.otherwise)
    }

    /// Refuses a masked document that its column does not hold; `broken` says that it is no text.
    pub(super) fn fits(
        &self,
        masked: &[u8],
        broken: Unmaskable,
    ) -> std::result::Result<(), Unmaskable> {
        let Some(limit) = self.max_length else {
            return Ok(());
        };
        let text = std::str::from_utf8(masked).map_err(|_| broken)?;
        if text.chars().count() > limit {
            return Err(Unmaskable {
                reason: "a document that is too long for its column after masking",
            });
        }
        Ok(())
    }
}

fn unfit(site: &Site<'_>, path: &str) -> crate::error::Error {
    site.refuse(
        &format!("has a rule at {path} that does not work inside a document"),
        "keep, null, redact, constant and masks of texts and numbers do",
    )
}
