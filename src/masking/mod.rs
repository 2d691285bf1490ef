//! Masking: which columns hold personal data, what replaces a value, and under which key.
//! Pure: no I/O, no clock, no randomness; a mask is a function of key, rule and value.

mod shape;

pub use shape::Shape;
