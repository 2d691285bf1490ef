//! Compares the database with what the ledger says of changes in flight.

use serde::Serialize;

use super::gather::Gathered;
use crate::migration::{Operation, Phase, PhaseState};

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
    /// Looks at every change that has begun and not contracted.
    #[must_use]
    pub fn of(gathered: &Gathered) -> Self {
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
            if state(Phase::Expand) == Some(PhaseState::Done) {
                let contracted = state(Phase::Contract) == Some(PhaseState::Done);
                let enforced = state(Phase::Enforce) == Some(PhaseState::Done);
                for operation in &definition.operations {
                    for (object, problem) in drift(operation, gathered, contracted, enforced) {
                        find(&object, problem);
                    }
                }
            }
        }
        Self {
            passed: findings.is_empty(),
            changes,
            fingerprint: gathered.catalog.fingerprint().as_str().to_owned(),
            findings,
        }
    }
}

/// What is missing of an operation whose expand is done.
fn drift(
    operation: &Operation,
    gathered: &Gathered,
    contracted: bool,
    enforced: bool,
) -> Vec<(String, String)> {
    let (name, column, not_null, old, armed) = match operation {
        Operation::ReplaceColumn(replace) => (
            &replace.table,
            &replace.to.name,
            replace.to.not_null,
            Some(&replace.from),
            true,
        ),
        Operation::AddColumn(add) => (
            &add.table,
            &add.column.name,
            add.column.not_null,
            None,
            add.up.is_some(),
        ),
        Operation::SetNotNull(set) => (&set.table, &set.column, true, None, set.up.is_some()),
        Operation::DropColumn(_) | Operation::Sql(_) => return Vec::new(),
    };
    let path: Vec<String> = gathered
        .search_path
        .iter()
        .map(|schema| schema.as_str().to_owned())
        .collect();
    let Some(table) = gathered.catalog.resolve(name, &path) else {
        return vec![(name.clone(), "the table is gone".to_owned())];
    };
    let mut found = Vec::new();
    let object = format!("{}.{}", table.name.plain(), column.as_str());
    match table.column(column.as_str()) {
        None => found.push((object, "the column is gone".to_owned())),
        Some(there) if enforced && not_null && !there.not_null => {
            found.push((object, "the column is no longer NOT NULL".to_owned()));
        }
        Some(_) => {}
    }
    if contracted {
        return found;
    }
    if let Some(old) = old
        && table.column(old.as_str()).is_none()
    {
        found.push((
            format!("{}.{}", table.name.plain(), old.as_str()),
            "the old column is gone before contract".to_owned(),
        ));
    }
    let armed_now = table
        .triggers
        .iter()
        .any(|trigger| trigger.name.as_str().starts_with("zzz_tidegate_"));
    if armed && !armed_now {
        found.push((
            table.name.plain(),
            "the trigger that keeps the columns in step is gone".to_owned(),
        ));
    }
    found
}
