//! Where every change stands, and what happened.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::gates::{Evidence, Gate, evaluate};
use super::gather::Gathered;
use crate::error::Result;
use crate::migration::{Change, Entry, Phase, PhaseState, Plan, Release};
use crate::postgres::Session;

/// Where one change stands.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeStatus {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The last phase that is done or begun; none when nothing ran.
    pub phase: Option<Phase>,
    /// Where that phase stands.
    pub state: Option<PhaseState>,
    /// The phase that comes next.
    pub next_phase: Option<Phase>,
    /// The release of that phase.
    pub next_release: Option<Release>,
    /// What keeps the next phase from running, as far as it can be told now.
    pub blocked_by: Vec<String>,
}

/// One step that was run.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryItem {
    /// Id of the change.
    pub change: String,
    /// The phase.
    pub phase: String,
    /// The step, from 1.
    pub step: i32,
    /// What it did.
    pub title: String,
    /// `done`, `intent` (it was begun).
    pub state: String,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took_ms: Option<f64>,
}

impl ChangeStatus {
    /// The status of every change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn all(gathered: &Gathered, evidence: &Evidence<'_>) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for change in &gathered.changes {
            all.push(Self::of(change, gathered, evidence).await?);
        }
        Ok(all)
    }

    async fn of(change: &Change, gathered: &Gathered, evidence: &Evidence<'_>) -> Result<Self> {
        let record = |phase: Phase| gathered.ledger.phases.get(&(change.id.clone(), phase));
        let ran = change
            .phases()
            .filter_map(|phase| record(phase).map(|record| (phase, record.state)))
            .filter(|(_, state)| *state != PhaseState::Undone)
            .last();
        let next = change
            .phases()
            .find(|phase| record(*phase).is_none_or(|record| record.state != PhaseState::Done));
        let mut blocked_by = Vec::new();
        if let Some(phase) = next {
            match next_entry(change, phase, gathered) {
                Ok(Some(entry)) => {
                    let gates: Vec<Gate> = evaluate(evidence, &entry).await?;
                    blocked_by.extend(
                        gates
                            .into_iter()
                            .filter(|gate| !gate.open)
                            .map(|gate| format!("{}: {}", gate.name, gate.evidence)),
                    );
                }
                Ok(None) => {}
                Err(error) => blocked_by.push(error.to_string()),
            }
        }
        Ok(Self {
            id: change.id.clone(),
            title: change.title.clone(),
            phase: ran.map(|(phase, _)| phase),
            state: ran.map(|(_, state)| state),
            next_phase: next,
            next_release: next.map(|phase| change.schedule.release(phase).clone()),
            blocked_by,
        })
    }
}

fn next_entry(change: &Change, phase: Phase, gathered: &Gathered) -> Result<Option<Entry>> {
    let plan = Plan::make(change.schedule.release(phase), &gathered.situation())?;
    Ok(plan.entries.into_iter().find(|entry| {
        entry.change == change.id && entry.phase == phase && entry.deferred.is_none()
    }))
}

impl HistoryItem {
    /// Every step that was run, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn all(session: &Session) -> Result<Vec<Self>> {
        let there: bool = session
            .query_one(
                "select pg_catalog.to_regclass('tidegate.step') is not null",
                &[],
            )
            .await?
            .get(0);
        if !there {
            return Ok(Vec::new());
        }
        let rows = session
            .query(
                "select change_id, phase, ordinal + 1, title, state, intent_at, took_ms \
                 from tidegate.step order by intent_at, ordinal",
                &[],
            )
            .await?;
        Ok(rows
            .iter()
            .map(|row| Self {
                change: row.get(0),
                phase: row.get(1),
                step: row.get(2),
                title: row.get(3),
                state: row.get(4),
                at: row.get(5),
                took_ms: row.get(6),
            })
            .collect())
    }
}
