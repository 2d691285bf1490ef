//! Whether a value fulfils a JSON Schema, and whether two schemas have no document in common. What is
//! not known counts as fulfilled, and as in common.

use serde_json::{Map, Value};

use super::merge::Plain;

/// Levels that are looked at.
const DEPTH: usize = 12;

/// Whether a value may fulfil a schema; `root` is what its references point into.
pub(super) fn admits(root: &Value, schema: &Value, value: &Value) -> bool {
    Judge { root }.admits(schema, value, 0)
}

/// Whether it is certain that no document fulfils both.
pub(super) fn apart(root: &Value, one: &Plain, two: &Plain) -> bool {
    Judge { root }.plain_apart(one, two, 0)
}

struct Judge<'s> {
    root: &'s Value,
}

fn parts<'s>(schema: &'s Map<String, Value>, keyword: &str) -> Option<&'s Vec<Value>> {
    schema.get(keyword).and_then(Value::as_array)
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn kinds(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(kind) => Some(vec![kind]),
        Value::Array(kinds) => Some(kinds.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn requires(schema: &Map<String, Value>) -> Vec<&str> {
    let names = parts(schema, "required").into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

fn member<'s>(schema: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    schema.get("properties")?.get(name)
}

fn is_closed(schema: &Map<String, Value>) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}

/// The only values that a schema allows, when it lists them.
fn listed(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    match schema.get("const") {
        Some(value) => Some(vec![value]),
        None => parts(schema, "enum").map(|values| values.iter().collect()),
    }
}

impl Judge<'_> {
    fn admits(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        let schema = match schema {
            Value::Bool(truth) => return *truth,
            Value::Object(schema) if depth < DEPTH => schema,
            _ => return true,
        };
        let all = parts(schema, "allOf").into_iter().flatten();
        let mut every = schema
            .get("$ref")
            .and_then(|to| self.target(to))
            .into_iter()
            .chain(all);
        let fits = |part: &Value| self.admits(part, value, depth + 1);
        let one = |keyword: &str| parts(schema, keyword).is_none_or(|parts| parts.iter().any(fits));
        every.all(fits)
            && one("anyOf")
            && one("oneOf")
            && kinds(schema).is_none_or(|kinds| kinds.iter().any(|kind| is_of(value, kind)))
            && listed(schema).is_none_or(|values| values.contains(&value))
            && within(schema, value)
            && self.members(schema, value, depth)
    }

    fn target(&self, reference: &Value) -> Option<&Value> {
        self.root.pointer(reference.as_str()?.strip_prefix('#')?)
    }

    fn members(&self, schema: &Map<String, Value>, value: &Value, depth: usize) -> bool {
        match value {
            Value::Object(members) => {
                let fits = |(name, value): (&String, &Value)| match member(schema, name) {
                    Some(schema) => self.admits(schema, value, depth + 1),
                    None => !is_closed(schema),
                };
                requires(schema)
                    .iter()
                    .all(|name| members.contains_key(*name))
                    && members.iter().all(fits)
            }
            Value::Array(elements) => {
                let items = schema.get("items");
                let mut elements = elements.iter();
                items.is_none_or(|items| elements.all(|value| self.admits(items, value, depth + 1)))
            }
            _ => true,
        }
    }

    fn plain_apart(&self, one: &Plain, two: &Plain, depth: usize) -> bool {
        if depth > DEPTH {
            return false;
        }
        if let (Some(one), Some(two)) = (kinds(one), kinds(two)) {
            let meets = |kind: &&str| {
                two.iter().any(|other| {
                    other == kind
                        || matches!(
                            (*kind, *other),
                            ("integer", "number") | ("number", "integer")
                        )
                })
            };
            if !one.iter().any(meets) {
                return true;
            }
        }
        for (one, two) in [(one, two), (two, one)] {
            let whole = Value::Object(two.clone());
            if listed(one)
                .is_some_and(|values| !values.iter().any(|v| self.admits(&whole, v, depth)))
            {
                return true;
            }
            let of_objects = |of: &Plain| kinds(of).is_none_or(|kinds| kinds == ["object"]);
            let lacks = requires(two)
                .into_iter()
                .any(|name| member(one, name).is_none());
            if is_closed(one) && of_objects(one) && of_objects(two) && lacks {
                return true;
            }
            if bound(one, "maximum") < bound(two, "minimum") {
                return true;
            }
        }
        let shared = requires(one)
            .into_iter()
            .filter(|name| requires(two).contains(name));
        let objects = [one, two]
            .iter()
            .all(|of| kinds(of).is_some_and(|kinds| kinds == ["object"]) || kinds(of).is_none());
        objects
            && shared
                .into_iter()
                .any(|name| match (member(one, name), member(two, name)) {
                    (Some(one), Some(two)) => self.apart(one, two, depth + 1),
                    _ => false,
                })
    }

    /// The same of schemas as they are written: their references are followed.
    fn apart(&self, one: &Value, two: &Value, depth: usize) -> bool {
        let (Some(one), Some(two)) = (one.as_object(), two.as_object()) else {
            return false;
        };
        if depth > DEPTH {
            return false;
        }
        // What is made of several is apart when a part is.
        let some = |of: &Plain, other: &Plain| {
            let other = Value::Object(other.clone());
            let target = of.get("$ref").and_then(|to| self.target(to));
            let all = parts(of, "allOf").into_iter().flatten();
            let mut all = target.into_iter().chain(all);
            all.any(|part| self.apart(part, &other, depth + 1))
        };
        self.plain_apart(one, two, depth) || some(one, two) || some(two, one)
    }
}

/// A bound of numbers; what is no number compares with none.
fn bound(schema: &Plain, keyword: &str) -> f64 {
    schema
        .get(keyword)
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN)
}

/// The bounds of numbers, strings and arrays, and patterns.
fn within(schema: &Map<String, Value>, value: &Value) -> bool {
    let says = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let between = |number: f64, least: &str, most: &str| {
        says(least).is_none_or(|least| number >= least)
            && says(most).is_none_or(|most| number <= most)
    };
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            between(number, "minimum", "maximum")
                && says("exclusiveMinimum").is_none_or(|less| number > less)
                && says("exclusiveMaximum").is_none_or(|more| number < more)
                && says("multipleOf").is_none_or(|unit| {
                    let units = number / unit;
                    (units - units.round()).abs() < 1e-9
                })
        }
        Value::String(text) => {
            let pattern = schema.get("pattern").and_then(Value::as_str);
            let pattern = pattern.and_then(|pattern| regex::Regex::new(pattern).ok());
            between(text.chars().count() as f64, "minLength", "maxLength")
                && pattern.is_none_or(|pattern| pattern.is_match(text))
        }
        Value::Array(elements) => between(elements.len() as f64, "minItems", "maxItems"),
        _ => true,
    }
}
