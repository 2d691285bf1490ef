//! A condition with its name.

use serde::{Deserialize, Serialize};

use super::Expression;

/// A condition on a row that its sources do not guarantee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The constraint's name.
    pub name: String,
    /// As the catalog writes it.
    pub text: String,
    /// The same, with columns as indexes into the table's plan.
    pub expression: Expression,
}
