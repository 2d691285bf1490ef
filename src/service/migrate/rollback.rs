//! Takes phases back, newest first, until contract.

use serde::Serialize;

use super::runner::Runner;
use crate::control::ledger;
use crate::error::{Error, Kind, Result};
use crate::migration::{LedgerPhase, Phase, PhaseState, Release, Undo};

/// What is taken back.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Every phase that ran at this release or later.
    Release(Release),
    /// Every phase of one change.
    Change(String),
}

/// What was taken back.
#[derive(Debug, Clone, Serialize)]
pub struct RolledBack {
    /// `0007 enforce`, newest first.
    pub phases: Vec<String>,
}

impl Runner {
    /// Takes back what the scope names. Refuses before it begins when a phase has no way back.
    ///
    /// # Errors
    /// [`Kind::RollbackRefused`], and everything that may stop a step.
    pub async fn rollback(&mut self, scope: &Scope) -> Result<RolledBack> {
        let stored = ledger::load(&*self.session).await?;
        let mut phases: Vec<(String, Phase, LedgerPhase)> = stored
            .phases
            .into_iter()
            .filter(|(_, phase)| phase.state != PhaseState::Undone)
            .filter(|((change, _), phase)| match scope {
                Scope::Release(release) => phase.release >= *release,
                Scope::Change(id) => change == id,
            })
            .map(|((change, phase), record)| (change, phase, record))
            .collect();
        phases.sort_by(|left, right| {
            let key = |(change, phase, record): &(String, Phase, LedgerPhase)| {
                let number = change.parse::<u64>().unwrap_or(u64::MAX);
                (record.release.clone(), *phase, number, change.clone())
            };
            key(right).cmp(&key(left))
        });
        refuse(&phases)?;
        if phases.is_empty() {
            return Ok(RolledBack { phases: Vec::new() });
        }
        let names: Vec<String> = phases
            .iter()
            .map(|(change, phase, _)| format!("{change} {phase}"))
            .collect();
        self.audit("migrate.rollback", serde_json::json!({ "phases": names }))
            .await?;
        for (change, phase, record) in &phases {
            ledger::begin_undo(&*self.session, change, *phase).await?;
            for (index, step) in record.steps.iter().enumerate().rev() {
                if record.state != PhaseState::Done && !record.may_have_run(index) {
                    continue;
                }
                self.undo_step(change, *phase, index, step).await?;
            }
            ledger::finish_undo(&*self.session, change, *phase).await?;
        }
        self.audit(
            "migrate.rolled_back",
            serde_json::json!({ "phases": names }),
        )
        .await?;
        Ok(RolledBack { phases: names })
    }
}

/// Looks for a phase that cannot be taken back, before anything is.
fn refuse(phases: &[(String, Phase, LedgerPhase)]) -> Result<()> {
    for (change, phase, record) in phases {
        for (index, step) in record.steps.iter().enumerate() {
            // A contract that was begun and never came to its step has changed nothing.
            let ran = record.state == PhaseState::Done || record.may_have_run(index);
            if let (Undo::Impossible { reason }, true) = (&step.undo, ran) {
                return Err(Error::new(
                    Kind::RollbackRefused,
                    format!("{change} {phase} cannot be rolled back: {reason}"),
                ));
            }
        }
    }
    Ok(())
}
