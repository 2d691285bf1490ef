//! Documents: leaves are masked by path, everything that no path names by a rule of its own.
//! The text is scanned once and copied; only masked leaves are written anew.

use std::sync::Arc;

use super::json_path::Step;
use super::json_scan::{NOT_JSON, Scanner};
use super::leaf::{Rules, Syntax};
use super::site::{Compiled, Site};
use crate::masking::{FieldMask, Masked, Row, Rule, Shape, Unmaskable};

pub(super) fn compile(
    site: &Site<'_>,
    paths: &std::collections::BTreeMap<String, Rule>,
    otherwise: &Rule,
) -> Compiled {
    let shape = site.facts.shape;
    if !matches!(shape, Shape::Json | Shape::Jsonb | Shape::Text) {
        return Err(site.unfit("json, jsonb and JSON in text"));
    }
    let rules = Rules::of(
        site,
        paths,
        otherwise,
        &Syntax {
            steps: Step::parse,
            write: "write $.phone, $.prefs.*, $.items[*].email",
            fewer: "use wildcards: $.prefs.*",
        },
    )?;
    Ok(Arc::new(Json { rules, shape }))
}

#[derive(Debug)]
struct Json {
    rules: Rules,
    shape: Shape,
}

impl FieldMask for Json {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let mut bytes = value;
        if self.shape == Shape::Jsonb {
            let (version, rest) = value.split_first().ok_or(NOT_JSON)?;
            if *version != 1 {
                return Err(Unmaskable {
                    reason: "jsonb of an unknown version",
                });
            }
            out.push(1);
            bytes = rest;
        }
        if self.shape == Shape::Text && bytes.is_empty() {
            return Ok(Masked::Value);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NOT_JSON)?;
        let start = out.len();
        Scanner::new(&self.rules, text, row).document(out)?;
        self.rules.fits(&out[start..], NOT_JSON)?;
        Ok(Masked::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::tests_support::{facts, mask, masked_in, refusal, text};

    const RULE: &str = r#"{ json = { "$.phone" = "phone", "$.prefs.*" = "keep", "$.items[*].email" = "email", "$.items[*].n" = "keep", "$.age" = "age_band", "$.gone" = "null", "$.who" = { constant = "x" }, "$['odd key']" = "keep" }, otherwise = "redact" }"#;

    fn masked(input: &Value) -> Value {
        let out = text(&mask(RULE, "json"), &input.to_string());
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn leaves_follow_their_paths_and_all_else_is_denied() {
        let out = masked(&json!({
            "phone": "+49 30 901820", "prefs": {"a": 1, "deep": {"b": [true, "x"]}},
            "items": [{"email": "a@b.example", "n": 1.50, "secret": "s"}, {"email": null}],
            "age": 37, "gone": 1, "who": 3, "odd key": "k",
            "name": "Anna", "balance": 12.5, "vip": true, "nothing": null, "list": ["a", 1]
        }));
        assert_eq!(out["prefs"], json!({"a": 1, "deep": {"b": [true, "x"]}}));
        assert_eq!(out["items"][0]["n"], json!(1.5));
        assert_eq!(out["items"][0]["secret"], "***");
        assert!(
            out["items"][0]["email"]
                .as_str()
                .unwrap()
                .ends_with("@example.com")
        );
        assert!(out["items"][1]["email"].is_null());
        assert!(out["phone"].as_str().unwrap().starts_with("+49 3"));
        assert_ne!(out["phone"], "+49 30 901820");
        assert_eq!(out["age"].as_f64(), Some(35.0));
        assert_eq!(
            (&out["gone"], &out["who"], &out["odd key"]),
            (&json!(null), &json!("x"), &json!("k"))
        );
        assert_eq!(
            (&out["name"], &out["balance"], &out["vip"]),
            (&json!("***"), &json!(0), &json!(false))
        );
        assert_eq!(out["list"], json!(["***", 0]));
        assert!(out["nothing"].is_null());
    }

    #[test]
    fn escapes_are_read_before_masking_and_keys_before_matching() {
        let mask = mask(RULE, "json");
        let plain = text(&mask, r#"{"items":[{"email":"a@b.example"}]}"#);
        let escaped = text(
            &mask,
            r#"{ "it\u0065ms" : [ {"email":"\u0061@b.example"} ] }"#,
        );
        assert_eq!(
            serde_json::from_str::<Value>(&plain).unwrap(),
            serde_json::from_str::<Value>(&escaped).unwrap()
        );
        let regex =
            r#"{ json = { "$.a" = { mask = "regex", pattern = "x", replace = "\"\\\n" } } }"#;
        let out = text(
            &super::super::tests_support::mask(regex, "json"),
            r#"{"a":"x"}"#,
        );
        assert_eq!(out, r#"{"a":"\"\\\n"}"#);
    }

    #[test]
    fn a_leaf_that_breaks_its_format_is_redacted() {
        assert_eq!(
            masked(&json!({"phone": "call Bob"})),
            json!({"phone": "***"})
        );
        assert_eq!(masked(&json!({"age": "old"})), json!({"age": "***"}));
        assert_eq!(
            masked(&json!({"phone": {"home": "+4930901820"}}))["phone"]["home"]
                .as_str()
                .map(str::len),
            Some(11)
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let mask = mask(RULE, "json");
        let deep = "[".repeat(2000);
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\" 1}",
            "nul",
            "01",
            "1.",
            "\"a",
            "[1] x",
            "{\"a\":1,}",
            "\"\\x\"",
            "\"\u{1}\"",
            "-",
            "1e",
            &deep,
        ] {
            assert!(masked_in(&mask, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        let jsonb = super::super::tests_support::mask(RULE, "jsonb");
        assert!(masked_in(&jsonb, 1, b"{}").is_err());
        assert_eq!(masked_in(&jsonb, 1, b"\x01{}").unwrap(), b"\x01{}");
        for (rule, part) in [
            (
                r#"{ json = { "phone" = "phone" } }"#,
                "has the path \"phone\"",
            ),
            (
                r#"{ json = { "$.a" = { sql = "1" } } }"#,
                "inside a document",
            ),
            (
                r#"{ json = { "$.a" = "mac" }, with = "id" }"#,
                "works on point",
            ),
        ] {
            let data_type = if part.contains("point") {
                "point"
            } else {
                "json"
            };
            let error = refusal(rule, &facts(data_type));
            assert!(
                error.contains(part) || error.contains("does not work on point"),
                "{error}"
            );
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9_f64..1e9).prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[\\x00-\\x7f]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\é]{0,4}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn keep_copies_and_redact_leaves_no_text(value in any_json()) {
            let keep = mask(r#"{ json = {}, otherwise = "keep" }"#, "json");
            prop_assert_eq!(text(&keep, &value.to_string()), value.to_string());
            let redact = mask(r#"{ json = {} }"#, "json");
            let out: Value = serde_json::from_str(&text(&redact, &value.to_string())).unwrap();
            fn check(value: &Value) -> bool {
                match value {
                    Value::String(text) => text == "***",
                    Value::Number(number) => number.as_i64() == Some(0),
                    Value::Bool(flag) => !flag,
                    Value::Array(items) => items.iter().all(check),
                    Value::Object(map) => map.values().all(check),
                    Value::Null => true,
                }
            }
            prop_assert!(check(&out), "{}", out);
        }
    }
}
