//! What a column holds, told from its name, comment, type and constraints. Constraints win over
//! names: a source whose values break one is not taken.

mod about;
mod by_type;
mod column;

pub(super) use about::About;
pub(super) use column::column;
