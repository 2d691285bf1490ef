//! What a person asked for, as the ledger remembers it: the same request goes on with an unfinished
//! run, another one takes it back first.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::generate::{Options, SeedPlan, SpecText};

/// What a person asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    version: u32,
    seed: Option<u64>,
    rows: Option<u64>,
    scale: Option<f64>,
    tables: Vec<String>,
    scenario: Option<String>,
    extend: bool,
    today: i64,
    spec: String,
}

impl Request {
    /// The request that these options and files of the spec make.
    #[must_use]
    pub fn new(options: &Options, spec: &[SpecText]) -> Self {
        let mut hash = Sha256::new();
        for file in spec {
            hash.update((file.text.len() as u64).to_be_bytes());
            hash.update(file.text.as_bytes());
        }
        Self {
            version: SeedPlan::VERSION,
            seed: options.seed,
            rows: options.rows,
            scale: options.scale,
            tables: options.tables.clone(),
            scenario: options.scenario.clone(),
            extend: options.extend,
            today: options.today,
            spec: hex::encode(hash.finalize()),
        }
    }

    /// Whether it adds to what is there: then each time more rows come.
    #[must_use]
    pub fn adds(&self) -> bool {
        self.extend
    }

    /// The request as text; equal requests give equal texts.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it cannot be serialized.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::new(Kind::Internal, error.to_string()))
    }
}
