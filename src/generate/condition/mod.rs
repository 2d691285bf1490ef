//! What rows must satisfy: CHECK constraints, read and evaluated without the server.

mod evaluate;
mod expression;
mod facts;
mod order;
mod read;
mod regex;
mod term;
#[cfg(test)]
mod tests;
mod token;

pub use expression::{Comparison, Expression, Function, Operator, Pattern, Truth};
pub(super) use order::compare;
pub(super) use read::read;

use serde::{Deserialize, Serialize};

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
