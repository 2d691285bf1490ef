//! Rules as policies write them: read with "did you mean", and written for drafts.

use serde::Deserialize;
use toml::{Table, Value};

use super::rule::{Mask, Rule};
use crate::sql::nearest;

/// Options that every mask takes.
const SHARED: &[&str] = &["mask", "domain", "unique", "with"];

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
        if let Some(paths) = table.remove("json") {
            let mask = read_json(paths, table)?;
            return Ok(Self {
                mask,
                domain,
                unique,
                with,
            });
        }
        expand_short_forms(&mut table)?;
        if !table.contains_key("mask") {
            return Err(no_mask(&table));
        }
        let mask =
            Mask::deserialize(Value::Table(table)).map_err(|error| explain(error.message()))?;
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
            Mask::Json { paths, otherwise } => {
                let paths = paths
                    .iter()
                    .map(|(path, rule)| (path.clone(), rule.to_toml()));
                let mut table = Table::new();
                table.insert("json".to_owned(), Value::Table(paths.collect()));
                table.insert("otherwise".to_owned(), otherwise.to_toml());
                table
            }
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

fn read_json(paths: Value, mut rest: Table) -> Result<Mask, String> {
    let Value::Table(paths) = paths else {
        return Err("`json` is a table of paths".to_owned());
    };
    let otherwise = match rest.remove("otherwise") {
        None => Rule::new(Mask::Redact),
        Some(value) => read_at(&value, "otherwise")?,
    };
    if let Some((key, _)) = rest.iter().next() {
        return Err(unknown(
            "option",
            key,
            &["json", "otherwise", "domain", "unique", "with"],
        ));
    }
    let paths = paths
        .iter()
        .map(|(path, value)| Ok((path.clone(), read_at(value, path)?)))
        .collect::<Result<_, String>>()?;
    Ok(Mask::Json {
        paths,
        otherwise: Box::new(otherwise),
    })
}

fn read_at(value: &Value, place: &str) -> Result<Rule, String> {
    Rule::from_toml(value).map_err(|why| format!("{place}: {why}"))
}

fn no_mask(table: &Table) -> String {
    let forms = ["mask", "sql", "constant", "json"];
    let near = table.keys().find_map(|key| nearest(key, &forms));
    match near {
        Some(near) => format!("a rule needs the key `mask`; did you mean \"{near}\"?"),
        None => "a rule needs the key `mask`, `sql`, `constant` or `json`".to_owned(),
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
        let known: Vec<&str> = known.iter().chain(SHARED).copied().collect();
        return unknown("option", name, &known);
    }
    message.to_owned()
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
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
            r#"{ sql = "left(zip, 3)" }"#,
            r#"{ constant = "n/a" }"#,
            r#"{ json = { "$.phone" = "phone", "$.prefs.*" = "keep" }, otherwise = "redact" }"#,
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
            ("3", "a string or a table"),
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
