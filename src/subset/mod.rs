//! Which rows a copy carries when it does not carry all: the rows that are asked for, what hangs
//! on them, and everything that any of these refers to.
//!
//! A row is known by its address (`ctid`) under the snapshot of the copy, so no key is needed, a
//! set of rows takes a few bits a row, and composite, nullable, cyclic and undeclared references
//! are all walked in one way. Nothing here talks to a database: [`Closure`] says which addresses to
//! look up next and is told what was found.

mod closure;
mod drift;
mod reference;
mod rows;
mod scope;

pub use closure::{Closure, Direction, Leaf, Step};
pub use drift::{Drift, Measure, Sketch};
pub use reference::Reference;
pub use rows::{RowSet, Tid};
pub use scope::{Scope, Scopes};
