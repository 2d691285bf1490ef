//! What a drill found, for people and for machines: one HTML file with its plots inside, Markdown,
//! JUnit for CI, and the text format of Prometheus. Pure: a report is a value, its text another.

mod html;
mod junit;
mod markdown;
mod prometheus;
mod svg;

pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use prometheus::prometheus;
