//! What a verification found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Counts over all rows, taken in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Rows seen.
    pub rows: u64,
    /// Rows without a value although the expression gives one, with those in quarantine.
    pub missing: u64,
    /// Rows whose value agrees with the old columns neither way.
    pub different: u64,
    /// Some of the rows that are different, by their key or address: `t id=3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub different_sample: Vec<String>,
    /// Rows without a value although all their old columns have one; the expression may be null.
    pub null_with_source: u64,
    /// Rows set aside because their value cannot be computed.
    pub quarantined: u64,
    /// Sum of the hashes of all new values; equal contents give equal sums in one database.
    pub checksum: String,
    /// When it was taken.
    pub at: Option<DateTime<Utc>>,
}

impl Verification {
    /// Whether every row holds what it should.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.missing == 0 && self.different == 0
    }
}
