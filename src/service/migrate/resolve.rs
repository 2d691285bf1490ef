//! A person's word on what became of a step that the ledger cannot judge.

use serde::Serialize;

use super::runner::Runner;
use crate::control::{append_audit_in, ledger};
use crate::error::{Error, Kind, Result};
use crate::migration::Phase;

/// What a person says of a change.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// Id of the change.
    pub change: String,
    /// The step, from 1; none: the whole phase that is under way.
    pub step: Option<usize>,
    /// Whether it is in the database now; else nothing of it is.
    pub applied: bool,
}

/// What the ledger says now.
#[derive(Debug, Clone, Serialize)]
pub struct Resolved {
    /// Id of the change.
    pub change: String,
    /// The phase.
    pub phase: Phase,
    /// The step, from 1; null for the whole phase.
    pub step: Option<usize>,
    /// Whether it counts as done.
    pub done: bool,
}

impl Runner {
    /// Records what became of a step that failed or whose outcome is unknown, or of its whole phase,
    /// with the audit log's entry in one transaction. Runs nothing.
    ///
    /// # Errors
    /// [`Kind::Usage`] when no step of the change waits for it.
    pub async fn resolve(&mut self, said: &Resolution) -> Result<Resolved> {
        let stored = ledger::load(&*self.session).await?;
        let waiting = stored.phases.iter().find_map(|((id, phase), record)| {
            let index = record.unresolved().filter(|_| *id == said.change)?;
            Some((*phase, index, record))
        });
        let fits = |index: usize| said.step.is_none_or(|step| step == index + 1);
        let Some((phase, index, record)) = waiting.filter(|(_, index, _)| fits(*index)) else {
            let step = said
                .step
                .map_or_else(String::new, |step| format!("step {step} of "));
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "{step}{}: no step outside a transaction has failed or has an unknown outcome",
                    said.change
                ),
            )
            .hint("`tidegate migrate history` shows every step"));
        };
        let resolved = Resolved {
            change: said.change.clone(),
            phase,
            step: said.step,
            done: said.applied,
        };
        let detail = serde_json::json!(resolved);
        let environment = &self.target.environment;
        let event = self.operator.event(environment, "migrate.resolve", detail);
        let transaction = self.session.transaction().await?;
        if said.step.is_some() {
            let step = (said.change.as_str(), phase, index);
            ledger::resolve_step(&transaction, step, said.applied).await?;
        } else {
            let titles: Vec<&str> = record
                .steps
                .iter()
                .map(|step| step.title.as_str())
                .collect();
            let whole = (said.change.as_str(), phase);
            ledger::resolve_phase(&transaction, whole, &titles, said.applied).await?;
        }
        append_audit_in(&transaction, &event).await?;
        transaction.commit().await?;
        Ok(resolved)
    }
}
