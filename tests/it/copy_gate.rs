//! The gate of a copy: a raw value of the source, planted in any channel of the target, is found
//! and its place is named; the value never is.

mod channels;
mod fixture;
