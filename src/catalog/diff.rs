//! The structural difference of two catalogs.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::facts::facts;
use super::model::Catalog;

/// One object in which two catalogs differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    /// The object, for example `column public.orders.id`.
    pub object: String,
    /// How it differs.
    pub kind: DifferenceKind,
    /// What the left catalog says of it: the fields that differ, or all of them when the right one
    /// does not have it.
    pub left: Option<String>,
    /// What the right catalog says of it, likewise.
    pub right: Option<String>,
}

/// How an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// In the left catalog only.
    Missing,
    /// In the right catalog only.
    Extra,
    /// In both, not alike.
    Changed,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.left, &self.right) {
            (Some(left), Some(right)) => write!(f, "{}: {left} -> {right}", self.object),
            (Some(_), None) => write!(f, "{}: missing", self.object),
            (None, _) => write!(f, "{}: extra", self.object),
        }
    }
}

/// Everything in which `right` differs from `left`, sorted by object; empty exactly when their
/// fingerprints are equal. Parts of a missing or extra table are not told one by one.
#[must_use]
pub fn diff(left: &Catalog, right: &Catalog) -> Vec<Difference> {
    let (left, right) = (facts(left), facts(right));
    let mut found = Vec::new();
    for (object, fields) in &left {
        match right.get(object) {
            None => found.push(Difference {
                object: object.clone(),
                kind: DifferenceKind::Missing,
                left: Some(told(fields)),
                right: None,
            }),
            Some(other) if other != fields => found.push(changed(object, fields, other)),
            Some(_) => {}
        }
    }
    for (object, fields) in &right {
        if !left.contains_key(object) {
            found.push(Difference {
                object: object.clone(),
                kind: DifferenceKind::Extra,
                left: None,
                right: Some(told(fields)),
            });
        }
    }
    let whole: Vec<String> = found
        .iter()
        .filter(|difference| difference.kind != DifferenceKind::Changed)
        .filter_map(|difference| {
            let (sort, name) = difference.object.split_once(' ')?;
            matches!(sort, "table" | "view").then(|| name.to_owned())
        })
        .collect();
    found.retain(|difference| !whole.iter().any(|name| is_part(&difference.object, name)));
    found.sort();
    found
}

/// Whether `object` is told by the line of the relation `name` already.
fn is_part(object: &str, name: &str) -> bool {
    if let Some(column) = object.strip_prefix("column ") {
        let rest = column.strip_prefix(name);
        return rest.is_some_and(|rest| rest.starts_with('.'));
    }
    let rest = object.strip_suffix(name);
    rest.is_some_and(|rest| rest.ends_with(" on "))
}

fn changed(object: &str, left: &Map<String, Value>, right: &Map<String, Value>) -> Difference {
    let only = |fields: &Map<String, Value>, other: &Map<String, Value>| {
        let differing: BTreeMap<&String, &Value> = fields
            .iter()
            .filter(|(name, value)| other.get(*name) != Some(value))
            .collect();
        let missing = other.keys().filter(|name| !fields.contains_key(*name));
        let mut parts: BTreeMap<&str, String> = differing
            .into_iter()
            .map(|(name, value)| (name.as_str(), field(name, value)))
            .collect();
        parts.extend(missing.map(|name| (name.as_str(), format!("no {}", name.replace('_', " ")))));
        parts.into_values().collect::<Vec<_>>().join("; ")
    };
    Difference {
        object: object.to_owned(),
        kind: DifferenceKind::Changed,
        left: Some(only(left, right)),
        right: Some(only(right, left)),
    }
}

fn told(fields: &Map<String, Value>) -> String {
    // The definition says it all where there is one.
    if let Some(Value::String(definition)) = fields.get("definition") {
        return definition.clone();
    }
    fields
        .iter()
        .filter(|(name, value)| *name != "name" && !is_nothing(value))
        .map(|(name, value)| field(name, value))
        .collect::<Vec<_>>()
        .join("; ")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn field(name: &str, value: &Value) -> String {
    let name = name.replace('_', " ");
    match value {
        Value::Bool(true) => name,
        Value::Bool(false) => format!("not {name}"),
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    }
}
