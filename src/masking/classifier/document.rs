//! Leaves of documents and elements of arrays.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::value::{Kind, kinds};

/// Leaves that are looked at in one document.
const LEAVES: usize = 500;
const DEPTH: usize = 16;

/// The scalar leaves of a document with their paths: `$.address.city`, `$.phones[*]`. A key that
/// may be data itself (an e-mail address, a number, a name) is written `*`.
pub(super) fn leaves(json: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(json, "$", DEPTH, &mut found);
    found
}

fn walk(value: &Value, path: &str, depth: usize, found: &mut Vec<(String, String)>) {
    if found.len() >= LEAVES || depth == 0 {
        return;
    }
    match value {
        Value::Object(members) => {
            let many = members.len() > 60;
            for (key, member) in members {
                let key = if many { "*".to_owned() } else { shown_key(key) };
                walk(member, &format!("{path}.{key}"), depth - 1, found);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                walk(element, &format!("{path}[*]"), depth - 1, found);
            }
        }
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Number(number) => found.push((path.to_owned(), number.to_string())),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The key, or `*` when it may be somebody's data.
fn shown_key(key: &str) -> String {
    let plain = key.len() <= 40
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && key.bytes().filter(u8::is_ascii_digit).count() <= 3;
    let looks = kinds(key);
    let personal = [
        Kind::GivenName,
        Kind::FamilyName,
        Kind::City,
        Kind::RandomText,
        Kind::HexSecret,
        Kind::Bic,
        Kind::NationalId,
        Kind::Iban,
    ];
    let known = super::tokens::tokens(key)
        .iter()
        .any(|word| super::vocabulary::phrase(word).is_some());
    let harmless =
        known || !looks.has(Kind::UserName) && !personal.iter().any(|kind| looks.has(*kind));
    if plain && harmless {
        key.to_owned()
    } else {
        "*".to_owned()
    }
}

/// Different keys below one parent that may be names of fields; more of them are data.
const FIELDS: usize = 40;

/// The paths, in their order, with `*` where too many different keys stand below one parent.
pub(super) fn without_data_keys(paths: &[&String]) -> Vec<String> {
    let mut split: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
    let deepest = split.iter().map(Vec::len).max().unwrap_or(0);
    for level in 1..deepest {
        let mut keys: HashMap<Vec<&str>, HashSet<&str>> = HashMap::new();
        for path in split.iter().filter(|path| path.len() > level) {
            keys.entry(path[..level].to_vec())
                .or_default()
                .insert(path[level]);
        }
        for path in split.iter_mut().filter(|path| path.len() > level) {
            if keys
                .get(&path[..level])
                .is_some_and(|keys| keys.len() > FIELDS)
            {
                path[level] = "*";
            }
        }
    }
    split.into_iter().map(|path| path.join(".")).collect()
}

/// Leaves of `hstore` (`"a"=>"1"`) and of XML, whose paths are keys and names of elements.
pub(super) fn marked_leaves(text: &str) -> Vec<(String, String)> {
    let trimmed = text.trim();
    if trimmed.starts_with('<') {
        xml(trimmed)
    } else {
        hstore(trimmed)
    }
}

fn hstore(text: &str) -> Vec<(String, String)> {
    let strings = quoted(text);
    strings
        .chunks(2)
        .filter_map(|pair| match pair {
            [key, value] => Some((format!("$.{}", shown_key(key)), value.clone())),
            _ => None,
        })
        .take(LEAVES)
        .collect()
}

/// The strings between double quotes; an unquoted `NULL` counts as an empty one.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '"' {
            let mut word = String::new();
            while let Some(c) = rest.next() {
                match c {
                    '"' => break,
                    '\\' => word.extend(rest.next()),
                    other => word.push(other),
                }
            }
            found.push(word);
        } else if c == 'N' && rest.peek() == Some(&'U') {
            found.push(String::new());
        }
    }
    found
}

fn xml(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut name = String::from("*");
    for piece in text.split('<').skip(1).take(LEAVES) {
        let Some((tag, after)) = piece.split_once('>') else {
            continue;
        };
        let opened = tag.split([' ', '/']).next().unwrap_or_default();
        if !opened.is_empty() && !opened.starts_with(['?', '!']) {
            name = shown_key(opened);
        }
        for attribute in tag.split(' ').filter_map(|part| part.split_once("=\"")) {
            let value = attribute.1.trim_end_matches(['"', '/']);
            found.push((
                format!("$.{name}.{}", shown_key(attribute.0)),
                value.to_owned(),
            ));
        }
        if !after.trim().is_empty() {
            found.push((format!("$.{name}"), after.trim().to_owned()));
        }
    }
    found
}

/// The elements of an array as PostgreSQL prints it: `{a,"b c",NULL}`, of any dimension.
pub(super) fn array_elements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut inside = false;
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match c {
            '"' => inside = !inside,
            '\\' => word.extend(letters.next()),
            '{' | '}' | ',' if !inside => {
                if !word.is_empty() && word != "NULL" {
                    found.push(std::mem::take(&mut word));
                }
                word.clear();
            }
            other => word.push(other),
        }
        if found.len() >= LEAVES {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_keys_but_not_data() {
        let json = serde_json::json!({
            "contact": {"phones": ["+49 30 1"], "email": "a@b.example"},
            "by_mail": {"a@b.example": {"n": 1}, "Maria": 2, "4711": 3},
            "on": true, "none": null,
        });
        let paths: Vec<String> = leaves(&json).into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                "$.contact.phones[*]",
                "$.contact.email",
                "$.by_mail.*.n",
                "$.by_mail.*",
                "$.by_mail.*"
            ]
        );
    }

    #[test]
    fn many_keys_below_one_parent_are_data() {
        let paths: Vec<String> = (0..50)
            .map(|i| {
                format!("$.by.k{}x.mail", (b'a' + i % 26) as char)
                    .replace('k', &"k".repeat(1 + usize::from(i / 26)))
            })
            .collect();
        let shown = without_data_keys(&paths.iter().collect::<Vec<_>>());
        assert!(shown.iter().all(|path| path == "$.by.*.mail"), "{shown:?}");
        let few = ["$.a.b".to_owned(), "$.a.c".to_owned()];
        assert_eq!(without_data_keys(&few.iter().collect::<Vec<_>>()), few);
    }

    #[test]
    fn other_documents_and_arrays() {
        assert_eq!(
            marked_leaves(r#""email"=>"a@b.example", "n"=>NULL"#),
            [
                ("$.email".into(), "a@b.example".into()),
                ("$.n".into(), String::new())
            ]
        );
        assert_eq!(
            marked_leaves("<p><name>Ada</name><tel no=\"12\"/></p>"),
            [
                ("$.name".into(), "Ada".to_owned()),
                ("$.tel.no".into(), "12".into())
            ]
        );
        assert_eq!(array_elements(r#"{a,"b, c",NULL,{d}}"#), ["a", "b, c", "d"]);
    }
}
