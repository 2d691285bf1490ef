//! Documents are of their shape, and what is not understood is refused.

use serde_json::{Value as Json, json};

use super::{document, of_sample, of_schema};
use crate::generate::pg_type::PgType;
use crate::generate::source::{Locale, Source, Topic};
use crate::generate::stream::StreamKey;
use crate::generate::value::Value;

/// 2026-01-01.
const TODAY: i64 = 9497 * 86_400_000_000;

fn named(name: &str) -> Option<Source> {
    (name == "email").then_some(Source::Known {
        topic: Topic::Email,
        locale: Locale::En,
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

fn made(shape: &super::Shape) -> Vec<Json> {
    let key = StreamKey::new(3, "t", "c");
    let make = document(shape, key, &PgType::Json(true)).unwrap().unwrap();
    let empty = crate::generate::infer::Empty;
    let drawn = (0..300).map(|row| text(&make.draw(&mut key.row(row, 0), &empty)));
    let mut all: Vec<String> = drawn.collect();
    let size = make.size().unwrap().min(300);
    let counted: Vec<String> = (0..size)
        .map(|index| text(&make.nth(index, &empty)))
        .collect();
    let distinct: std::collections::BTreeSet<&String> = counted.iter().collect();
    assert_eq!(distinct.len() as u64, size, "{counted:?}");
    all.extend(counted);
    all.iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

#[test]
fn documents_fulfil_their_schema() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "email", "kind", "tags", "at"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "integer", "minimum": 10, "exclusiveMaximum": 1000 },
            "email": { "type": "string", "maxLength": 80 },
            "kind": { "enum": ["a", 2, null] },
            "code": { "type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$" },
            "price": { "type": "number", "minimum": 0.05, "maximum": 9.9, "multipleOf": 0.01 },
            "nick": { "type": ["string", "null"], "minLength": 2, "maxLength": 5 },
            "tags": { "type": "array", "items": { "type": "boolean" }, "minItems": 1, "maxItems": 2 },
            "at": { "type": "string", "format": "date-time" },
            "day": { "type": "string", "format": "date" },
            "ip": { "type": "string", "format": "ipv6" },
            "v": { "const": { "major": 1 } },
            "in \"it\"": { "properties": { "deep": { "type": "null" } } },
        },
    });
    let shape = of_schema(&schema, &named, TODAY).unwrap();
    let code = regex::Regex::new("^[A-Z]{2}-[0-9]{3}$").unwrap();
    let documents = made(&shape);
    for document in &documents {
        let id = document["id"].as_i64().unwrap();
        assert!((10..1000).contains(&id), "{document}");
        assert!(
            document["email"].as_str().unwrap().contains('@'),
            "{document}"
        );
        assert!(
            [json!("a"), json!(2), json!(null)].contains(&document["kind"]),
            "{document}"
        );
        if let Some(found) = document.get("code") {
            assert!(code.is_match(found.as_str().unwrap()), "{document}");
        }
        if let Some(price) = document.get("price") {
            let price = price.as_f64().unwrap();
            assert!((0.05..=9.9).contains(&price), "{document}");
        }
        if let Some(nick) = document.get("nick").and_then(Json::as_str) {
            assert!((2..=5).contains(&nick.chars().count()), "{document}");
        }
        let tags = document["tags"].as_array().unwrap();
        assert!(
            (1..=2).contains(&tags.len()) && tags.iter().all(Json::is_boolean),
            "{document}"
        );
        let at = document["at"].as_str().unwrap();
        assert!(
            chrono::DateTime::parse_from_rfc3339(at).is_ok() && at < "2026-01-02",
            "{document}"
        );
        if let Some(ip) = document.get("ip").and_then(Json::as_str) {
            assert!(ip.parse::<std::net::Ipv6Addr>().is_ok(), "{document}");
        }
    }
    for optional in ["code", "price", "nick", "day", "ip", "v", "in \"it\""] {
        let with = documents
            .iter()
            .filter(|document| document.get(optional).is_some())
            .count();
        assert!(with > 0 && with < documents.len(), "{optional}: {with}");
    }
    assert!(
        documents
            .iter()
            .any(|document| document["nick"].is_null() && document.get("nick").is_some())
    );
}

#[test]
fn what_a_schema_says_and_is_not_understood_has_a_place() {
    let deep = (0..20).fold(json!({ "type": "null" }), |of, _| json!({ "items": of }));
    for (schema, says) in [
        (
            json!({ "type": "object", "requires": {} }),
            "schema /: \"requires\" is not understood; did you mean \"required\"?",
        ),
        (
            json!({ "properties": { "a/b": { "oneOf": [] } } }),
            "schema /properties/a~1b: oneOf is a list of schemas",
        ),
        (
            json!({ "items": { "$ref": "#/x" } }),
            "schema /items: $ref \"#/x\": the schema has no such part",
        ),
        (
            json!({ "type": "array", "uniqueItems": true, "items": {} }),
            "uniqueItems",
        ),
        (
            json!({ "properties": { "a": {} } }),
            "schema /properties/a: it says no type",
        ),
        (json!({ "type": "text" }), "there is no type \"text\""),
        (
            json!({ "type": "integer", "minimum": 5, "maximum": 4 }),
            "between its bounds",
        ),
        (
            json!({ "type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 6 }),
            "between its bounds",
        ),
        (
            json!({ "type": "integer", "multipleOf": 7 }),
            "multipleOf 7",
        ),
        (
            json!({ "type": "number", "multipleOf": 0.03 }),
            "multipleOf 0.03",
        ),
        (
            json!({ "type": "string", "format": "fax" }),
            "format \"fax\" is not one of",
        ),
        (
            json!({ "type": "string", "format": "uuid", "maxLength": 30 }),
            "have the length",
        ),
        (
            json!({ "type": "string", "pattern": "(" }),
            "pattern \"(\" is not understood",
        ),
        (
            json!({ "type": "string", "minLength": 3, "maxLength": 2 }),
            "no string has this length",
        ),
        (
            json!({ "type": "array", "items": { "type": "null" }, "minItems": 2000 }),
            "1000 elements",
        ),
        (
            json!({ "type": "object", "required": ["x"] }),
            "\"x\" is required",
        ),
        (json!({ "enum": [] }), "enum is a list"),
        (json!(true), "a schema is an object"),
        (deep, "16 levels"),
    ] {
        let error = of_schema(&schema, &named, TODAY).unwrap_err();
        assert!(error.contains(says), "{schema}: {error}");
    }
}

#[test]
fn schemas_are_made_of_others() {
    let schema = json!({
        "$defs": {
            "amount": { "type": "number", "minimum": 0 },
            "list": { "type": ["object", "null"], "required": ["next"], "properties": { "next": { "$ref": "#/$defs/list" } } },
            "value": { "anyOf": [{ "type": "integer", "maximum": 9 }, { "type": "array", "items": { "$ref": "#/$defs/value" }, "minItems": 1 }] },
        },
        "type": "object",
        "required": ["a", "b", "c"],
        "properties": {
            "a": { "$ref": "#/$defs/amount", "maximum": 3 },
            "b": { "allOf": [{ "type": "integer", "minimum": 2 }, { "type": "number", "maximum": 5 }, { "enum": [1, 2.5, 3, 9, "x"] }] },
            "c": { "$ref": "#/$defs/value" },
            "d": { "oneOf": [{ "type": "string", "maxLength": 3 }, { "type": "boolean" }] },
            "e": { "$ref": "#/$defs/list" },
            "f": { "allOf": [
                { "properties": { "x": { "type": "null" }, "y": { "type": "null" } }, "additionalProperties": false },
                { "properties": { "x": {"type": ["null", "string"]}, "z": { "type": "null" } }, "required": ["x"] }] },
        },
    });
    let shape = of_schema(&schema, &named, TODAY).unwrap();
    let mut nested = 0;
    for document in made(&shape) {
        let a = document["a"].as_f64().unwrap();
        assert!((0.0..=3.0).contains(&a), "{document}");
        assert_eq!(document["b"], 3, "{document}");
        fn is_value(value: &Json) -> bool {
            match value {
                Json::Array(values) => !values.is_empty() && values.iter().all(is_value),
                value => value.as_i64().is_some_and(|number| number <= 9),
            }
        }
        assert!(is_value(&document["c"]), "{document}");
        nested += usize::from(document["c"][0][0].is_number());
        if let Some(d) = document.get("d") {
            let text = d.as_str().is_some_and(|text| text.chars().count() <= 3);
            assert!(text || d.is_boolean(), "{document}");
        }
        if let Some(f) = document.get("f") {
            assert!(
                f["x"].is_null() && f.get("x").is_some() && f.get("z").is_none(),
                "{document}"
            );
        }
    }
    assert!(nested > 10, "{nested}");
}

#[test]
fn what_cannot_be_made_of_others_is_refused() {
    for (schema, says) in [
        (
            json!({ "$ref": "https://example.com/a.json" }),
            "schema /: $ref \"https://example.com/a.json\" is not in the schema itself",
        ),
        (
            json!({ "$defs": { "a": { "required": ["b"], "properties": { "b": { "$ref": "#/$defs/a" } } } }, "$ref": "#/$defs/a" }),
            "leads to itself without an end",
        ),
        (
            json!({ "$defs": { "a": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
            "leads to itself without an end",
        ),
        (
            json!({ "oneOf": [{ "type": "integer" }, { "type": "number", "minimum": 3 }] }),
            "both 0 and 1 of oneOf",
        ),
        (
            json!({ "oneOf": [{ "required": ["a"], "properties": { "a": { "type": "null" } } }, { "properties": { "b": { "type": "null" } } }] }),
            "both 0 and 1 of oneOf",
        ),
        (
            json!({ "allOf": [{ "type": "integer" }, { "type": "string" }] }),
            "its parts contradict each other",
        ),
        (
            json!({ "allOf": [{ "type": "string", "pattern": "a" }, { "pattern": "b" }] }),
            "two of pattern",
        ),
        (
            json!({ "anyOf": { "type": "null" } }),
            "anyOf is a list of schemas",
        ),
        (
            json!({ "type": "integer", "enum": ["a"] }),
            "none of them fulfils the rest",
        ),
        (
            json!({ "not": { "type": "null" } }),
            "\"not\" is not understood",
        ),
        (
            json!({ "$defs": { "n": { "type": "object", "properties": (0..9).map(|n| (n.to_string(), json!({ "$ref": "#/$defs/m" }))).collect::<serde_json::Map<_, _>>() },
                "m": { "type": "object", "properties": (0..9).map(|n| (n.to_string(), json!({ "$ref": "#/$defs/n" }))).collect::<serde_json::Map<_, _>>() } }, "$ref": "#/$defs/n" }),
            "more than 4096 parts",
        ),
    ] {
        let error = of_schema(&schema, &named, TODAY).unwrap_err();
        assert!(error.contains(says), "{schema}: {error}");
    }
}

#[test]
fn a_sample_shows_its_shape() {
    let sample = json!({
        "id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "email": "none", "count": 40, "share": 0.25, "debt": -5,
        "site": "https://example.com/x", "at": "2024-05-01T10:00:00Z", "day": "2024-05-01", "address": { "city": "Bonn", "ip": "10.1.2.3" },
        "tags": ["one", "three"], "mixed": [1, "a"], "none": null, "empty": [], "flag": false, "note": "some words",
    });
    let shape = of_sample(&sample, &named, TODAY).unwrap();
    let names: Vec<&String> = sample.as_object().unwrap().keys().collect();
    for document in made(&shape) {
        let found: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(found, names);
        assert!(document["email"].as_str().unwrap().contains('@'));
        assert!(
            (0..=80).contains(&document["count"].as_i64().unwrap()),
            "{document}"
        );
        assert!(
            (-10..=0).contains(&document["debt"].as_i64().unwrap()),
            "{document}"
        );
        assert!(
            (0.0..=0.5).contains(&document["share"].as_f64().unwrap()),
            "{document}"
        );
        assert!(
            document["address"]["ip"]
                .as_str()
                .unwrap()
                .starts_with("10.")
        );
        assert!((1..=3).contains(&document["tags"].as_array().unwrap().len()));
        assert!(
            document["mixed"]
                .as_array()
                .unwrap()
                .iter()
                .all(|m| m.is_i64() || m.is_string())
        );
        assert!(
            document["none"].is_null()
                && document["empty"] == json!([])
                && document["flag"].is_boolean()
        );
        assert!(
            (5..=15).contains(&document["note"].as_str().unwrap().len()),
            "{document}"
        );
    }
    let deep = (0..20).fold(json!(1), |of, _| json!([of]));
    assert!(
        of_sample(&deep, &named, TODAY)
            .unwrap_err()
            .contains("16 levels")
    );
}
