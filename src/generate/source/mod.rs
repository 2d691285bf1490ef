//! Where the values of a column come from: one topic a file.
//!
//! A [`Source`] is data, part of the plan. Compiled for its column's type it is a [`Make`]: it draws
//! values at random, and it counts distinct ones, which is how unique keys are made without memory.

mod agreed;
mod choice;
mod model;
mod native;
mod nested;
mod network;
mod number;
mod numbered;
mod pattern;
mod ranked;
mod realistic;
mod reference;
mod seasonal;
mod slot;
mod temporal;
#[cfg(test)]
pub(in crate::generate) mod tests_support;
mod text;
mod token;

pub use agreed::Agreed;
pub use choice::Weighted;
pub use model::{Make, RowView, Source};
pub(in crate::generate) use network::{bits, block};
pub(super) use ranked::below;
pub use realistic::{Locale, Piece, Topic};
pub use seasonal::Season;
pub(super) use slot::usual as usual_slots;
