//! The gate of a copy: a raw value of the source, planted in any channel of the target, is found
//! and its place is named; the value never is. Every other check is seen red, too.

mod audit;
mod channels;
mod digests;
mod fixture;
mod recompute;
mod speed;
