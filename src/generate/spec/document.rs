//! JSON in a spec: as TOML, or as a string that holds JSON.

use serde_json::Value;

/// Levels at most; what is deeper is no document that anybody wrote by hand.
const DEPTH: usize = 64;

/// The JSON that `value` is; `what` is its key.
pub(super) fn read(value: &toml::Value, what: &str) -> Result<Value, String> {
    match value {
        toml::Value::String(text) => {
            serde_json::from_str(text).map_err(|error| format!("{what} is no JSON: {error}"))
        }
        other => convert(other, 0).ok_or_else(|| format!("{what} cannot be written as JSON")),
    }
}

fn convert(value: &toml::Value, depth: usize) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(truth) => Value::from(*truth),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(values) => {
            let values = values.iter().map(|value| convert(value, depth + 1));
            Value::Array(values.collect::<Option<_>>()?)
        }
        toml::Value::Table(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, value)| Some((name.clone(), convert(value, depth + 1)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}
