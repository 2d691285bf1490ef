//! Compares the database with what the ledger says of changes in flight.

use serde::Serialize;

use super::drift::Drift;
use super::gather::Gathered;
use crate::error::Result;
use crate::migration::{Phase, PhaseState};
use crate::postgres::Session;

/// One thing that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Id of the change.
    pub change: String,
    /// The object.
    pub object: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What was checked and found.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// Whether nothing was found.
    pub passed: bool,
    /// Changes in flight that were looked at.
    pub changes: usize,
    /// Fingerprint of the catalog.
    pub fingerprint: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// Looks at every change that has begun: its file, its columns with their types, its triggers
    /// with their functions, its indexes and foreign keys.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(session: &Session, gathered: &Gathered) -> Result<Self> {
        let drift = Drift::gather(session, gathered).await?;
        let mut findings = Vec::new();
        let mut changes = 0;
        for (id, (checksum, title, definition)) in &gathered.ledger.changes {
            let state = |phase: Phase| {
                gathered
                    .ledger
                    .phases
                    .get(&(id.clone(), phase))
                    .map(|phase| phase.state)
            };
            let begun = Phase::ALL
                .iter()
                .any(|phase| state(*phase).is_some_and(|state| state != PhaseState::Undone));
            if !begun {
                continue;
            }
            changes += 1;
            let mut find = |object: &str, problem: String| {
                findings.push(Finding {
                    change: id.clone(),
                    object: object.to_owned(),
                    problem,
                });
            };
            match gathered.changes.iter().find(|change| change.id == *id) {
                None => find(title, "its file is gone".to_owned()),
                Some(change) if change.checksum() != *checksum => {
                    find(title, "its file was edited after it ran".to_owned())
                }
                Some(_) => {}
            }
            if state(Phase::Expand) == Some(PhaseState::Done)
                || begun && state(Phase::Expand).is_none()
            {
                for (object, problem) in drift.of(id, definition) {
                    find(&object, problem);
                }
            }
        }
        Ok(Self {
            passed: findings.is_empty(),
            changes,
            fingerprint: gathered.catalog.fingerprint().as_str().to_owned(),
            findings,
        })
    }
}
