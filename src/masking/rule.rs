//! One masking rule, as a policy writes it.

use serde::{Deserialize, Serialize};

/// What replaces the values of one column.
///
/// In a policy a rule is a string (`"keep"`, `"email"`), or a table with a key `mask` and options
/// (`{ mask = "shift_days", max = 30, per = "id" }`), or one of the forms with their own key
/// (`{ sql = "..." }`, `{ json = { ... }, otherwise = "redact" }`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// How.
    pub mask: Mask,
    /// Values of one domain get the same mask wherever they stand; the mask's own name by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether distinct values must keep distinct masks; set for columns of unique keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
}

/// The masks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mask")]
pub enum Mask {
    /// The value stays.
    Keep,
    /// Null, in every row.
    Null,
    /// One text for every row, read by the type's input function.
    Constant {
        /// The text.
        value: String,
    },
    /// An SQL expression over the row, computed by the source: `{ sql = "left(zip, 3)" }`.
    Sql {
        /// The expression.
        expression: String,
    },
}

impl Rule {
    /// The rule of columns that hold nothing personal.
    #[must_use]
    pub fn keep() -> Self {
        Self {
            mask: Mask::Keep,
            domain: None,
            unique: false,
        }
    }

    /// Whether values stay as they are.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        self.mask == Mask::Keep
    }

    /// The expression that the source computes instead of reading the column.
    #[must_use]
    pub fn sql(&self) -> Option<&str> {
        match &self.mask {
            Mask::Sql { expression } => Some(expression),
            _ => None,
        }
    }

    /// The name of its mask, as a policy writes it.
    #[must_use]
    pub fn name(&self) -> String {
        serde_json::to_value(&self.mask)
            .ok()
            .and_then(|value| Some(value.get("mask")?.as_str()?.to_owned()))
            .unwrap_or_default()
    }

    /// Reads a rule as a policy writes it.
    ///
    /// # Errors
    /// A sentence that names the unknown mask or option, with the nearest known one.
    pub fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let name = match value {
            toml::Value::String(name) => name.as_str(),
            toml::Value::Table(table) => table
                .get("mask")
                .and_then(toml::Value::as_str)
                .ok_or_else(|| "a rule needs the key `mask`".to_owned())?,
            _ => return Err("a rule is a string or a table".to_owned()),
        };
        match name {
            "keep" => Ok(Self::keep()),
            "null" => Ok(Self {
                mask: Mask::Null,
                ..Self::keep()
            }),
            other => Err(format!("there is no mask \"{other}\"")),
        }
    }
}
