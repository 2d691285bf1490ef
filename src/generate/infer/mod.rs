//! What a column holds, told from its name, comment, type and constraints. Constraints win over
//! names: a source whose values break one is not taken.

mod about;
mod accept;
mod agreed;
mod by_type;
mod candidates;
mod column;
mod name;
mod narrow;
mod orders;
mod related;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use about::{About, Inferred, Neighbour};
pub(super) use accept::fulfils;
pub(super) use column::{Empty, column, often};
pub(super) use narrow::narrow;
pub(super) use orders::orders;
