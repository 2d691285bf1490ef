//! A condition with its name.

use serde::{Deserialize, Serialize};

use super::{Expression, Way};

/// A condition on a row that its sources do not guarantee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The constraint's name.
    pub name: String,
    /// As the catalog writes it.
    pub text: String,
    /// The same, with columns as indexes into the table's plan.
    pub expression: Expression,
    /// Ways to fulfil it, of which each row takes one at random; none when drawing blindly will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Way>,
}
