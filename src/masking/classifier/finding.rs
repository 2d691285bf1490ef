//! What was found out about one column.

use serde::Serialize;

use crate::masking::Class;

/// Findings that are less likely than this are not reported. Chosen so that a missed column is
/// rarer than a false alarm: a false alarm costs a look, a missed column is a leak.
pub const REPORTED: f64 = 0.4;

/// A class that a column seems to have, how likely, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The class.
    pub class: Class,
    /// Above 0, below 1.
    pub confidence: f64,
    /// In words, without any value of the column.
    pub reason: String,
}

impl Finding {
    /// A finding; the confidence is kept between 0.01 and 0.99 and rounded to hundredths.
    pub fn new(class: Class, confidence: f64, reason: impl Into<String>) -> Self {
        Self {
            class,
            confidence: (confidence.clamp(0.01, 0.99) * 100.0).round() / 100.0,
            reason: reason.into(),
        }
    }

    /// Whether it is likely enough to be told.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        self.confidence >= REPORTED
    }

    /// The same finding, less or more likely.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self::new(self.class, self.confidence * factor, self.reason)
    }
}
