//! One value that changes when the schema changes, and only then.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::facts::facts;
use super::model::Catalog;

/// SHA-256 over everything in a [`Catalog`] that a person decided: 64 hexadecimal digits.
///
/// Left out, besides what the catalog leaves out: object identifiers, physical positions of
/// columns, sizes and statistics, the version of the server, the name of the database. A column
/// that is dropped and added again gives the same fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Catalog {
    /// The fingerprint of the schema.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for (object, fields) in facts(self) {
            // Lengths keep apart what would run together.
            let text = serde_json::Value::Object(fields).to_string();
            hash.update((object.len() as u64).to_be_bytes());
            hash.update(object);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Fingerprint(hex::encode(hash.finalize()))
    }
}
