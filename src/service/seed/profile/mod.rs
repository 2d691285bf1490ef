//! `seed profile`: what a database's rows look like, measured by the server and protected before
//! anything of it is written, and the search of a profile for values of persons.

mod classes;
mod column;
mod guard;
mod measure;
mod pairs;
mod plans;
mod relation;

pub use classes::Classes;
pub use guard::{Leak, search};
pub use measure::{Measuring, measure};
pub use plans::plans_of;
