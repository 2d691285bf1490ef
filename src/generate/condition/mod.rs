//! What rows must satisfy: CHECK constraints, read and evaluated without the server.

mod evaluate;
mod expression;
mod facts;
mod named;
mod order;
mod read;
mod regex;
mod term;
#[cfg(test)]
mod tests;
mod ways;

pub use expression::{Comparison, Expression, Function, Operator, Pattern, Truth};
pub use named::Condition;
pub(super) use order::compare;
pub(super) use read::read;
pub(super) use ways::both;
pub use ways::{Way, Wish};
