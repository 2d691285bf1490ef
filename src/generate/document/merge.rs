//! JSON Schemas made of others: `$ref`, `allOf`, `anyOf` and `oneOf` become a list of plain schemas, of
//! which each document fulfils one.

use serde_json::{Map, Value, json};

use super::admit;
use super::schema::{Place, Read, Wrong, known};

/// Keywords that make a schema of others, and those that hold the others.
pub(super) const MADE_OF: [&str; 6] = ["$ref", "allOf", "anyOf", "oneOf", "$defs", "definitions"];
/// How often a reference may be followed from itself.
const AGAIN: usize = 3;
/// Plain schemas of one at most.
const ALTERNATIVES: usize = 64;

pub(super) type Plain = Map<String, Value>;

/// The document that references point into.
pub(super) struct Merge<'s> {
    pub(super) root: &'s Value,
}

impl Merge<'_> {
    /// The plain schemas that a schema allows, and all references that were followed to read them.
    ///
    /// # Errors
    /// [`Wrong::Endless`] where it only leads to itself; else what is not understood.
    pub(super) fn alternatives(
        &self,
        schema: &Plain,
        place: &Place<'_>,
    ) -> Read<(Vec<Plain>, Vec<String>)> {
        known(schema, place)?;
        let mut refs = place.refs.clone();
        let base = schema.iter();
        let base = base.filter(|(keyword, _)| !MADE_OF.contains(&keyword.as_str()));
        let base: Plain = base.map(|(k, v)| (k.clone(), v.clone())).collect();
        let mut all = vec![base];
        if let Some(reference) = schema.get("$ref") {
            let (found, followed) = self.follow(reference, place)?;
            refs = followed;
            all = product(&all, &found, place)?;
        }
        for (at, part) in parts(schema, "allOf", place)?.iter().enumerate() {
            let (found, followed) = self.part(part, &place.inside("allOf", at))?;
            refs.extend(followed.into_iter().skip(place.refs.len()));
            all = product(&all, &found, place)?;
        }
        for keyword in ["anyOf", "oneOf"] {
            let branches = parts(schema, keyword, place)?;
            let mut found = Vec::with_capacity(branches.len());
            for (at, part) in branches.iter().enumerate() {
                match self.part(part, &place.inside(keyword, at)) {
                    Ok((plain, followed)) => {
                        refs.extend(followed.into_iter().skip(place.refs.len()));
                        found.push(plain);
                    }
                    Err(Wrong::Endless(_)) => found.push(Vec::new()),
                    Err(wrong) => return Err(wrong),
                }
            }
            if branches.is_empty() {
                continue;
            }
            if found.iter().all(Vec::is_empty) {
                return place.endless();
            }
            if keyword == "oneOf" {
                self.one_of(&all, &found, place)?;
            }
            let found: Vec<Plain> = found.into_iter().flatten().collect();
            all = product(&all, &found, place)?;
        }
        Ok((all, refs))
    }

    fn part(&self, part: &Value, place: &Place<'_>) -> Read<(Vec<Plain>, Vec<String>)> {
        match part {
            Value::Object(schema) => self.alternatives(schema, place),
            Value::Bool(true) => Ok((vec![Plain::new()], place.refs.clone())),
            _ => place.wrong("a schema is an object"),
        }
    }

    fn follow(&self, reference: &Value, place: &Place<'_>) -> Read<(Vec<Plain>, Vec<String>)> {
        let text = reference.as_str().unwrap_or_default();
        let Some(pointer) = text.strip_prefix('#') else {
            return place.wrong(format!(
                "$ref {reference} is not in the schema itself, such as \"#/$defs/name\""
            ));
        };
        if place.refs.iter().filter(|known| *known == pointer).count() >= AGAIN {
            return place.endless();
        }
        let Some(target) = self.root.pointer(pointer) else {
            return place.wrong(format!("$ref {reference}: the schema has no such part"));
        };
        let mut refs = place.refs.clone();
        refs.push(pointer.to_owned());
        let there = Place {
            path: pointer.to_owned(),
            name: place.name,
            depth: place.depth,
            refs,
        };
        self.part(target, &there)
    }

    /// Refuses a `oneOf` of which a document may fulfil two; `rest` is what else the schema says.
    fn one_of(&self, rest: &[Plain], branches: &[Vec<Plain>], place: &Place<'_>) -> Read<()> {
        let whole = |branch: &Vec<Plain>| product(rest, branch, place);
        for (at, one) in branches.iter().enumerate() {
            for (other, two) in branches.iter().enumerate().skip(at + 1) {
                let (Ok(one), Ok(two)) = (whole(one), whole(two)) else {
                    // What contradicts the rest is never made.
                    continue;
                };
                let apart = |a: &Plain| two.iter().all(|b| admit::apart(self.root, a, b));
                if !one.iter().all(apart) {
                    return place.wrong(format!(
                        "a document may fulfil both {at} and {other} of oneOf: tell them apart by a required member with const, or say anyOf"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn parts<'s>(schema: &'s Plain, keyword: &str, place: &Place<'_>) -> Read<&'s [Value]> {
    match schema.get(keyword) {
        None => Ok(&[]),
        Some(Value::Array(parts)) if !parts.is_empty() => Ok(parts),
        Some(_) => place.wrong(format!("{keyword} is a list of schemas")),
    }
}

/// Each of both merged, those left out that contradict each other.
fn product(all: &[Plain], set: &[Plain], place: &Place<'_>) -> Read<Vec<Plain>> {
    let mut found = Vec::new();
    for one in all {
        for two in set {
            match merge(one, two) {
                Ok(Some(plain)) => found.push(plain),
                Ok(None) => {}
                Err(why) => return place.wrong(why),
            }
        }
    }
    if found.is_empty() {
        return place.wrong("its parts contradict each other: no document fulfils all");
    }
    if found.len() > ALTERNATIVES {
        return place.wrong(format!("it has more than {ALTERNATIVES} alternatives"));
    }
    Ok(found)
}

/// The schema of what fulfils both; `None` when nothing does.
fn merge(one: &Plain, two: &Plain) -> Result<Option<Plain>, String> {
    let mut merged = one.clone();
    for (keyword, value) in two {
        let Some(known) = merged.get(keyword).filter(|known| *known != value) else {
            merged.insert(keyword.clone(), value.clone());
            continue;
        };
        let number = |of: &Value| of.as_f64().unwrap_or_default();
        let both = match keyword.as_str() {
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" => {
                if number(known) > number(value) {
                    known
                } else {
                    value
                }
                .clone()
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" => {
                if number(known) < number(value) {
                    known
                } else {
                    value
                }
                .clone()
            }
            "type" => match types(known, value) {
                types if types.is_empty() => return Ok(None),
                types if types.len() == 1 => json!(types[0]),
                types => json!(types),
            },
            "enum" => {
                let values = known.as_array().into_iter().flatten();
                let other = value.as_array();
                let both = values.filter(|v| other.is_some_and(|other| other.contains(v)));
                json!(both.collect::<Vec<_>>())
            }
            "const" => return Ok(None),
            "required" => {
                let names = [known, value].map(|names| names.as_array().cloned());
                let mut names: Vec<Value> = names.into_iter().flatten().flatten().collect();
                let mut seen = Vec::new();
                names.retain(|name| {
                    let new = !seen.contains(name);
                    seen.push(name.clone());
                    new
                });
                json!(names)
            }
            "properties" => properties(known, value),
            "items" => json!({ "allOf": [known, value] }),
            "additionalProperties" => json!(false),
            "pattern" | "format" | "multipleOf" => {
                return Err(format!(
                    "two of {keyword} for the same value: {known} and {value}"
                ));
            }
            // Remarks.
            _ => continue,
        };
        merged.insert(keyword.clone(), both);
    }
    close(&mut merged, one, two);
    close(&mut merged, two, one);
    Ok(Some(merged))
}

/// The types that both name; an integer is a number.
fn types(one: &Value, two: &Value) -> Vec<String> {
    let list = |of: &Value| match of {
        Value::Array(types) => types
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        other => other
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect::<Vec<String>>(),
    };
    let (one, two) = (list(one), list(two));
    let has = |of: &[String], kind: &str| {
        of.iter()
            .any(|known| known == kind || known == "number" && kind == "integer")
    };
    let mut both: Vec<String> = one.iter().filter(|kind| has(&two, kind)).cloned().collect();
    let more = two
        .iter()
        .filter(|kind| has(&one, kind) && !both.contains(kind));
    let more: Vec<String> = more.cloned().collect();
    both.extend(more);
    both
}

fn properties(one: &Value, two: &Value) -> Value {
    let mut all = one.as_object().cloned().unwrap_or_default();
    for (name, schema) in two.as_object().into_iter().flatten() {
        let both = match all.get(name) {
            Some(known) if known != schema => json!({ "allOf": [known, schema] }),
            _ => schema.clone(),
        };
        all.insert(name.clone(), both);
    }
    Value::Object(all)
}

/// Leaves out the members that `closed` does not allow, when it allows no others than its own.
fn close(merged: &mut Plain, closed: &Plain, other: &Plain) {
    if closed.get("additionalProperties") != Some(&Value::Bool(false)) {
        return;
    }
    let own = closed.get("properties").and_then(Value::as_object);
    let foreign = other.get("properties").and_then(Value::as_object);
    let Some(all) = merged.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for name in foreign.into_iter().flatten().map(|(name, _)| name) {
        if !own.is_some_and(|own| own.contains_key(name)) {
            all.shift_remove(name);
        }
    }
}
