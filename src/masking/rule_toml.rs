//! Rules as policies write them: read with "did you mean", and written for drafts.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::rule::{Mask, Rule};
use crate::sql::nearest;

/// The keys that say which form a rule has.
pub(in crate::masking) const FORMS: &[&str] = &[
    "mask",
    "sql",
    "constant",
    "json",
    "hstore",
    "xml",
    "attributes",
    "when",
];

/// Those of the forms that hold rules of their own.
const NESTED: &[&str] = FORMS.split_at(3).1;

/// Options that every form takes.
const SHARED: &[&str] = &["domain", "unique", "with"];

impl Rule {
    /// Reads a rule as a policy writes it.
    ///
    /// # Errors
    /// A sentence that names the unknown mask or option, with the nearest known one.
    pub fn from_toml(value: &Value) -> Result<Self, String> {
        let mut table = match value {
            Value::String(name) => Table::from_iter([("mask".to_owned(), name.as_str().into())]),
            Value::Table(table) => table.clone(),
            _ => return Err("a rule is a string or a table".to_owned()),
        };
        let domain = take_text(&mut table, "domain")?;
        let with = take_text(&mut table, "with")?;
        let unique = match table.remove("unique") {
            None => false,
            Some(Value::Boolean(unique)) => unique,
            Some(_) => return Err("`unique` is true or false".to_owned()),
        };
        let mask = match read_nested(&mut table)? {
            Some(mask) => mask,
            None => {
                expand_short_forms(&mut table)?;
                if !table.contains_key("mask") {
                    return Err(no_mask(&table));
                }
                Mask::deserialize(Value::Table(table)).map_err(|error| explain(error.message()))?
            }
        };
        Ok(Self {
            mask,
            domain,
            unique,
            with,
        })
    }

    /// The rule as a policy writes it: the shortest form that [`Rule::from_toml`] reads back.
    #[must_use]
    pub fn to_toml(&self) -> Value {
        let mut table = match &self.mask {
            Mask::Json { paths, otherwise } => written("json", paths, otherwise),
            Mask::Xml { paths, otherwise } => written("xml", paths, otherwise),
            Mask::Hstore { keys, otherwise } => written("hstore", keys, otherwise),
            Mask::Attributes { attributes } => {
                Table::from_iter([("attributes".to_owned(), all_written(attributes))])
            }
            Mask::When {
                condition,
                then,
                otherwise,
            } => Table::from_iter([
                ("when".to_owned(), condition.as_str().into()),
                ("then".to_owned(), then.to_toml()),
                ("otherwise".to_owned(), otherwise.to_toml()),
            ]),
            Mask::Sql { expression } => {
                Table::from_iter([("sql".to_owned(), expression.as_str().into())])
            }
            Mask::Constant { value } => {
                Table::from_iter([("constant".to_owned(), value.as_str().into())])
            }
            mask => match Value::try_from(mask) {
                Ok(Value::Table(table)) => table,
                _ => Table::from_iter([("mask".to_owned(), mask.name().into())]),
            },
        };
        if self.unique {
            table.insert("unique".to_owned(), true.into());
        }
        for (key, value) in [("domain", &self.domain), ("with", &self.with)] {
            if let Some(text) = value {
                table.insert(key.to_owned(), text.as_str().into());
            }
        }
        match (table.len(), table.get("mask")) {
            (1, Some(name)) => name.clone(),
            _ => Value::Table(table),
        }
    }
}

fn take_text(table: &mut Table, key: &str) -> Result<Option<String>, String> {
    match table.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` is a text")),
    }
}

/// `{ sql = "..." }` and `{ constant = "..." }`.
fn expand_short_forms(table: &mut Table) -> Result<(), String> {
    for (key, option) in [("sql", "expression"), ("constant", "value")] {
        if let Some(value) = table.remove(key) {
            if table.contains_key("mask") {
                return Err(format!("`{key}` and `mask` exclude each other"));
            }
            let text = match value {
                Value::String(text) => text,
                other @ (Value::Integer(_) | Value::Float(_) | Value::Boolean(_)) => {
                    other.to_string()
                }
                _ => return Err(format!("`{key}` is a text")),
            };
            table.insert("mask".to_owned(), key.into());
            table.insert(option.to_owned(), text.into());
        }
    }
    Ok(())
}

fn all_written(rules: &BTreeMap<String, Rule>) -> Value {
    let rules = rules.iter();
    Value::Table(
        rules
            .map(|(key, rule)| (key.clone(), rule.to_toml()))
            .collect(),
    )
}

fn written(form: &str, rules: &BTreeMap<String, Rule>, otherwise: &Rule) -> Table {
    Table::from_iter([
        (form.to_owned(), all_written(rules)),
        ("otherwise".to_owned(), otherwise.to_toml()),
    ])
}

/// The forms that hold rules of their own. `{ street = ..., city = ... }`, as the dotted keys
/// `home.street` and `home.city` give it, is short for `{ attributes = { ... } }`.
fn read_nested(table: &mut Table) -> Result<Option<Mask>, String> {
    let Some(form) = NESTED.iter().find(|form| table.contains_key(**form)) else {
        return match dotted(table) {
            true => read_all(std::mem::take(table))
                .map(|attributes| Some(Mask::Attributes { attributes })),
            false => Ok(None),
        };
    };
    let form = *form;
    let value = table.remove(form);
    let part = |table: &mut Table, key: &str| table.remove(key).map(|value| read_at(&value, key));
    let otherwise = match form {
        "attributes" => None,
        _ => part(table, "otherwise").transpose()?,
    };
    let then = match form {
        "when" => part(table, "then").transpose()?,
        _ => None,
    };
    if let Some((key, _)) = table.iter().next() {
        let own: &[&str] = match form {
            "attributes" => &["attributes"],
            "when" => &["when", "then", "otherwise"],
            _ => &["json", "hstore", "xml", "otherwise"],
        };
        return Err(unknown("option", key, &[own, SHARED].concat()));
    }
    let otherwise = Box::new(otherwise.unwrap_or_else(|| Rule::new(Mask::Redact)));
    if form == "when" {
        let Some(Value::String(condition)) = value else {
            return Err("`when` is a condition: \"kind = 'person'\"".to_owned());
        };
        let then = then.ok_or("`when` needs the rule `then`")?;
        let then = Box::new(then);
        return Ok(Some(Mask::When {
            condition,
            then,
            otherwise,
        }));
    }
    let Some(Value::Table(rules)) = value else {
        return Err(format!("`{form}` is a table of rules"));
    };
    let rules = read_all(rules)?;
    Ok(Some(match form {
        "json" => Mask::Json {
            paths: rules,
            otherwise,
        },
        "xml" => Mask::Xml {
            paths: rules,
            otherwise,
        },
        "hstore" => Mask::Hstore {
            keys: rules,
            otherwise,
        },
        _ => Mask::Attributes { attributes: rules },
    }))
}

/// Whether a table holds rules by attribute: no key is that of a form or one letter off, and every
/// value may be a rule.
fn dotted(table: &Table) -> bool {
    let beside = ["then", "class", "otherwise"];
    let meant = |key: &str| {
        let mut known = FORMS.iter().chain(&beside);
        known.any(|form| strsim::osa_distance(key, form) < 2)
    };
    let rule = |value: &Value| matches!(value, Value::String(_) | Value::Table(_));
    !table.is_empty() && table.iter().all(|(key, value)| rule(value) && !meant(key))
}

fn read_all(rules: Table) -> Result<BTreeMap<String, Rule>, String> {
    rules
        .iter()
        .map(|(key, value)| Ok((key.clone(), read_at(value, key)?)))
        .collect()
}

fn read_at(value: &Value, place: &str) -> Result<Rule, String> {
    Rule::from_toml(value).map_err(|why| format!("{place}: {why}"))
}

fn no_mask(table: &Table) -> String {
    let near = table.keys().find_map(|key| nearest(key, FORMS));
    match near {
        Some(near) => format!("a rule needs the key `mask`; did you mean \"{near}\"?"),
        None => format!("a rule needs one of the keys `{}`", FORMS.join("`, `")),
    }
}

/// serde lists the known names between backticks after the unknown one.
fn explain(message: &str) -> String {
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((name, known)) = words.split_first() else {
        return message.to_owned();
    };
    if message.starts_with("unknown variant") {
        return match Mask::deserialize(Value::Table(Table::from_iter([(
            "mask".to_owned(),
            (*name).into(),
        )]))) {
            // The variant of an option (a locale), not of the mask.
            Err(error) if error.message() != message => unknown("value", name, known),
            _ => unknown("mask", name, known),
        };
    }
    if message.starts_with("unknown field") {
        return unknown("option", name, &[known, &["mask"], SHARED].concat());
    }
    message.to_owned()
}

/// Masks that people know from elsewhere and that are not offered, with what is.
const NOT_OFFERED: &[(&str, &str)] = &[
    (
        "shuffle",
        "it needs all values of a column at once, and hands real values to other people; use permute, enum or a mask of the class",
    ),
    (
        "scramble",
        "it leaves the letters of each value; use permute",
    ),
];

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    if let Some((_, why)) = NOT_OFFERED.iter().find(|(other, _)| *other == name) {
        return format!("there is no {what} \"{name}\": {why}");
    }
    match nearest(name, known) {
        Some(near) => format!("there is no {what} \"{name}\"; did you mean \"{near}\"?"),
        None => format!(
            "there is no {what} \"{name}\"; known are {}",
            known.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rule, String> {
        let table: Table = toml::from_str(&format!("a = {text}")).unwrap();
        Rule::from_toml(&table["a"])
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        for text in [
            r#""keep""#,
            r#""email""#,
            r#"{ mask = "email", unique = true, domain = "person" }"#,
            r#"{ mask = "person_name", locale = "de_DE" }"#,
            r#"{ mask = "shift_days", max = 30, per = "id" }"#,
            r#"{ mask = "noise", percent = 2.5 }"#,
            r#"{ mask = "partial", last = 4, fill = "x" }"#,
            r#"{ mask = "email", with = "id" }"#,
            r#"{ mask = "redact_text", names = ["first_name"] }"#,
            r#"{ sql = "left(zip, 3)" }"#,
            r#"{ constant = "n/a" }"#,
            r#"{ json = { "$.phone" = "phone", "$.prefs.*" = "keep" }, otherwise = "redact" }"#,
            r#"{ xml = { "/a/@id" = "keep" }, otherwise = "null" }"#,
            r#"{ hstore = { phone = "phone" }, otherwise = "redact" }"#,
            r#"{ attributes = { street = "address", geo = { attributes = { lat = "redact" } } } }"#,
            r#"{ when = "kind = 'person'", then = "email", otherwise = "keep" }"#,
        ] {
            let rule = read(text).unwrap();
            let written = rule.to_toml();
            let table: Table = toml::from_str(&format!("a = {text}")).unwrap();
            assert_eq!(written, table["a"], "{text}");
            assert_eq!(Rule::from_toml(&written), Ok(rule.clone()));
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        }
    }

    #[test]
    fn mistakes_are_named_with_what_was_meant() {
        for (text, part) in [
            (
                r#""emial""#,
                "there is no mask \"emial\"; did you mean \"email\"?",
            ),
            (
                r#"{ mask = "shift_days", maxx = 3 }"#,
                "no option \"maxx\"; did you mean \"max\"?",
            ),
            (
                r#"{ mask = "email", domian = "x" }"#,
                "did you mean \"domain\"?",
            ),
            (
                r#"{ mask = "person_name", locale = "de_D" }"#,
                "did you mean \"de_DE\"?",
            ),
            (r#"{ mask = "shift_days" }"#, "max"),
            (r#"{ maks = "email" }"#, "did you mean \"mask\"?"),
            (r#"{ json = { "$.a" = "emial" } }"#, "$.a: there is no mask"),
            (
                r#"{ json = { "$.a" = "email" }, otherwse = "keep" }"#,
                "did you mean \"otherwise\"?",
            ),
            (
                r#""shuffle""#,
                "there is no mask \"shuffle\": it needs all values",
            ),
            ("3", "a string or a table"),
            (r#"{ when = "a = 1" }"#, "needs the rule `then`"),
            (
                r#"{ attributes = { a = "keep" }, otherwise = "keep" }"#,
                "no option \"otherwise\"",
            ),
            (r#"{ street = "emial" }"#, "street: there is no mask"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn names_are_those_of_the_files() {
        for name in [
            "keep",
            "null",
            "user_agent",
            "zip3",
            "redact_text",
            "enum",
            "top_coding",
        ] {
            let rule = read(&format!("\"{name}\"")).unwrap();
            assert_eq!(rule.name(), name);
            assert_eq!(serde_json::to_value(&rule.mask).unwrap()["mask"], name);
        }
    }
}
