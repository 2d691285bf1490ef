//! Values of types that stand for themselves: addresses, documents, shapes, bits, and the types of
//! well-known extensions. Their form is what their input functions read.

mod bits;
mod document;
mod form;
mod geometry;
mod network;
mod system;

use form::Form;
pub(super) use form::native;
