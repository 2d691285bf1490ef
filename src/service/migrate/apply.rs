//! Applies a release: plans what is due, checks the gates, runs the steps, and plans again what
//! could only be told after earlier changes ran.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::gates::{Evidence, Gate, evaluate};
use super::gather::Gathered;
use super::readers::{self, Epoch, Note, Seen, Statement};
use super::runner::Runner;
use crate::backfill::JobId;
use crate::control::ledger;
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::migration::{Action, Change, Entry, Operation, Phase, Plan, Release};
use crate::storage::Repository;

/// What is to be applied, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The release.
    pub release: Release,
    /// A plan that was shown or approved before; it must still fit.
    pub plan: Option<Plan>,
    /// What becomes of backfills.
    pub backfill: Backfill,
    /// How long a closed gate is waited for.
    pub wait_gates: Duration,
    /// Where backups lie: each phase is preceded by a restore point then.
    pub repository: Option<Repository>,
}

/// What becomes of backfills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backfill {
    /// They run to their end.
    Wait,
    /// Their jobs are recorded, for other processes to run ([`Applied::jobs`]).
    Detach,
    /// They are left to a later run.
    Skip,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    /// The release.
    pub release: Release,
    /// Hash of the plan.
    pub plan: String,
    /// The phases that this run finished.
    pub phases: Vec<AppliedPhase>,
    /// Phases that are due but were left: backfills that were skipped, and what waits for them.
    pub left: Vec<String>,
    /// Jobs of the backfills that were left to others.
    pub jobs: Vec<JobId>,
    /// What the user should know of it.
    pub remarks: Vec<String>,
}

/// One phase that was finished.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedPhase {
    /// Id of the change.
    pub change: String,
    /// Its title.
    pub title: String,
    /// The phase.
    pub phase: Phase,
    /// Steps that this run made.
    pub steps: usize,
    /// How long they took.
    pub seconds: f64,
    /// The gates, as they were found.
    pub gates: Vec<Gate>,
    /// The restore point before it, for `restore --target-name`; none without a repository, or when
    /// it could not be made.
    pub restore_point: Option<String>,
}

/// What a phase is a part of.
#[derive(Clone, Copy)]
struct Due<'a> {
    request: &'a Request,
    plan: &'a Plan,
    gathered: &'a Gathered,
}

impl Runner {
    /// Runs every phase that is due at the release. Applying again does what is left, or nothing.
    ///
    /// # Errors
    /// A stale plan, a missing approval, a closed gate, a failed step; all that was finished
    /// before stays, journaled.
    pub async fn apply(&mut self, request: &Request) -> Result<Applied> {
        let mut gathered = self.gather().await?;
        let mut plan = gathered.plan(&self.session, &request.release).await?;
        if let Some(shown) = &request.plan {
            check_shown(shown, &plan, &gathered)?;
        }
        self.check_approvals(&plan).await?;
        let mut applied = Applied {
            release: request.release.clone(),
            plan: plan.hash.clone(),
            phases: Vec::new(),
            left: Vec::new(),
            jobs: Vec::new(),
            remarks: Vec::new(),
        };
        if plan.entries.is_empty() {
            return Ok(applied);
        }
        self.audit(
            "migrate.apply",
            serde_json::json!({ "release": request.release, "plan": plan.hash }),
        )
        .await?;
        loop {
            let deferred = self
                .run_entries(request, &plan, &gathered, &mut applied)
                .await?;
            if !deferred {
                break;
            }
            let before = applied.phases.len();
            gathered = self.gather().await?;
            plan = gathered.plan(&self.session, &request.release).await?;
            let stuck = plan
                .entries
                .first()
                .is_some_and(|entry| entry.deferred.is_some());
            if stuck || before == 0 {
                let reason = plan
                    .entries
                    .iter()
                    .find_map(|entry| entry.deferred.clone())
                    .unwrap_or_default();
                return Err(Error::new(
                    Kind::UnknownObject,
                    format!("{reason}, after all earlier changes ran"),
                ));
            }
        }
        let phases: Vec<String> = applied
            .phases
            .iter()
            .map(|phase| format!("{} {}", phase.change, phase.phase))
            .collect();
        self.audit(
            "migrate.applied",
            serde_json::json!({ "release": request.release, "phases": phases }),
        )
        .await?;
        Ok(applied)
    }

    /// Runs the entries in order; true when it met one that must be planned anew.
    async fn run_entries(
        &mut self,
        request: &Request,
        plan: &Plan,
        gathered: &Gathered,
        applied: &mut Applied,
    ) -> Result<bool> {
        for entry in &plan.entries {
            if entry.deferred.is_some() {
                return Ok(true);
            }
            let waits_for_skipped = applied
                .left
                .iter()
                .any(|left| left.starts_with(&format!("{} ", entry.change)));
            if waits_for_skipped || request.backfill != Backfill::Wait && fills(entry) {
                if request.backfill == Backfill::Detach && !waits_for_skipped {
                    applied.jobs.extend(self.jobs_of(entry).await?);
                }
                applied
                    .left
                    .push(format!("{} {}", entry.change, entry.phase));
                continue;
            }
            let due = Due {
                request,
                plan,
                gathered,
            };
            let phase = self.run_entry(due, entry, applied).await?;
            applied.phases.push(phase);
        }
        Ok(false)
    }

    /// Records the jobs of a phase that others will run; none while its gates are closed.
    async fn jobs_of(&self, entry: &Entry) -> Result<Vec<JobId>> {
        match self.pass_gates(entry, Duration::ZERO).await {
            Err(error) if error.kind() == Kind::GateClosed => return Ok(Vec::new()),
            gates => gates?,
        };
        let engine = self.engine();
        let mut jobs = Vec::new();
        for step in &entry.steps {
            if let Action::Backfill { spec } = &step.action {
                jobs.push(engine.create(spec).await?);
            }
        }
        Ok(jobs)
    }

    /// The statements that mention a column which contract will drop, by the name of its note.
    async fn readers(
        &self,
        gathered: &Gathered,
        change: &Change,
    ) -> Result<Vec<(String, Vec<Statement>, Epoch)>> {
        let mut found = Vec::new();
        for operation in &change.operations {
            let Operation::ReplaceColumn(replace) = operation else {
                continue;
            };
            let Some(table) = gathered.table(&replace.table) else {
                continue;
            };
            let seen = readers::mentioning(&self.session, &table.name, &replace.from).await?;
            if let Seen::Known(statements, epoch) = seen {
                let subject = readers::subject(&table.name, &replace.from);
                found.push((subject, statements, epoch));
            }
        }
        Ok(found)
    }

    /// Contract was refused: uses of an old column that was read meanwhile count anew from here.
    async fn note_refusal(
        &self,
        gathered: &Gathered,
        change: &Change,
        entry: &Entry,
    ) -> Result<()> {
        if entry.phase != Phase::Contract {
            return Ok(());
        }
        let mut notes = BTreeMap::new();
        for (subject, statements, epoch) in self.readers(gathered, change).await? {
            let stored = readers::noted(&self.session, &entry.change, &subject).await?;
            let note = if readers::since(stored.as_ref(), &statements, &epoch).is_empty() {
                stored
            } else {
                Some(Note::refused(&statements, epoch, self.clock.now()))
            };
            notes.extend(note.map(|note| (subject, note)));
        }
        let statements = serde_json::json!({ "statements": notes });
        ledger::add_evidence(&*self.session, &entry.change, &statements).await
    }

    async fn run_entry(
        &mut self,
        due: Due<'_>,
        entry: &Entry,
        applied: &mut Applied,
    ) -> Result<AppliedPhase> {
        let Due {
            request,
            plan,
            gathered,
        } = due;
        let change = gathered.change(&entry.change)?;
        let started = self.clock.monotonic();
        let gates = if entry.done.is_empty() {
            match self.pass_gates(entry, request.wait_gates).await {
                Err(error) if error.kind() == Kind::GateClosed => {
                    self.note_refusal(gathered, change, entry).await?;
                    return Err(error);
                }
                gates => gates?,
            }
        } else {
            Vec::new()
        };
        let restore_point = if entry.done.is_empty() {
            self.restore_point(request, entry, applied).await
        } else {
            None
        };
        ledger::begin_phase(&*self.session, change, entry, &plan.hash).await?;
        let mut steps = 0;
        for index in 0..entry.steps.len() {
            if entry.done.contains(&index) {
                continue;
            }
            self.run_step(entry, index).await?;
            steps += 1;
        }
        let mut statements = BTreeMap::new();
        if matches!(entry.phase, Phase::Backfill | Phase::Enforce) {
            for (subject, seen, epoch) in self.readers(gathered, change).await? {
                statements.insert(subject, Note::of(&seen, epoch));
            }
        }
        let evidence = serde_json::json!({ "gates": gates, "statements": statements });
        ledger::finish_phase(&*self.session, entry, &evidence).await?;
        Ok(AppliedPhase {
            change: entry.change.clone(),
            title: entry.title.clone(),
            phase: entry.phase,
            steps,
            seconds: self.clock.monotonic().saturating_sub(started).as_secs_f64(),
            gates,
            restore_point,
        })
    }

    /// Waits until every gate of the entry is open, at most `wait`.
    async fn pass_gates(&self, entry: &Entry, wait: Duration) -> Result<Vec<Gate>> {
        let deadline = self.clock.monotonic() + wait;
        loop {
            let evidence = Evidence {
                session: &self.session,
                config: &self.config,
                target: &self.target,
                clock: self.clock.as_ref(),
            };
            let gates = evaluate(&evidence, entry).await?;
            if gates.iter().all(|gate| gate.open) {
                return Ok(gates);
            }
            if self.clock.monotonic() >= deadline {
                return Err(closed(entry, &gates));
            }
            self.events.emit(Event::Note(format!(
                "{} {} waits for its gates",
                entry.change, entry.phase
            )));
            self.pause(Duration::from_secs(1)).await?;
        }
    }

    async fn check_approvals(&self, plan: &Plan) -> Result<()> {
        let wanted = self.target.policy.approvals;
        if wanted == 0 || plan.entries.is_empty() {
            return Ok(());
        }
        let granted = ledger::grants(&*self.session, &plan.hash, &self.target.environment).await?;
        if granted < wanted {
            return Err(Error::new(
                Kind::ApprovalMissing,
                format!(
                    "plan {} has {granted} of {wanted} approvals that {} asks for",
                    &plan.hash[..8],
                    self.target.environment
                ),
            ));
        }
        Ok(())
    }
}

fn fills(entry: &Entry) -> bool {
    entry.phase == Phase::Backfill
        && entry
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Backfill { .. }))
}

/// A plan from a file must be unaltered, for this database, and still what would be planned now;
/// once it was begun, what is left of it must be.
fn check_shown(shown: &Plan, now: &Plan, gathered: &Gathered) -> Result<()> {
    if shown.compute_hash() != shown.hash {
        return Err(Error::new(
            Kind::PlanStale,
            "the plan file was edited: its hash does not fit its content",
        ));
    }
    let same_place = shown.target.environment == now.target.environment
        && shown.target.database == now.target.database
        && shown.target.system_identifier == now.target.system_identifier;
    if !same_place {
        return Err(Error::new(
            Kind::TargetMismatch,
            format!(
                "the plan is for {} of {}, not for {} of {} (or another server of that name)",
                shown.target.database,
                shown.target.environment,
                now.target.database,
                now.target.environment
            ),
        ));
    }
    let begun = shown.entries.iter().any(|entry| {
        gathered
            .ledger
            .phases
            .contains_key(&(entry.change.clone(), entry.phase))
    });
    if begun {
        let known = now.entries.iter().all(|entry| {
            shown.entries.iter().any(|other| {
                other.change == entry.change
                    && other.phase == entry.phase
                    && other.checksum == entry.checksum
            })
        });
        if !known {
            return Err(Error::new(
                Kind::PlanStale,
                "the plan was begun, but other changes are due now",
            ));
        }
        return Ok(());
    }
    if shown.hash != now.hash {
        let what = if shown.target.fingerprint == now.target.fingerprint {
            "the change files or the ledger changed since the plan was made"
        } else {
            "the database changed since the plan was made"
        };
        return Err(Error::new(Kind::PlanStale, what));
    }
    Ok(())
}

fn closed(entry: &Entry, gates: &[Gate]) -> Error {
    let count = gates.iter().filter(|gate| !gate.open).count();
    let mut error = Error::new(
        Kind::GateClosed,
        format!(
            "{} cannot {} yet: {count} of {} gates {} closed",
            entry.change,
            entry.phase,
            gates.len(),
            if count == 1 { "is" } else { "are" }
        ),
    );
    for gate in gates {
        let state = if gate.open { "ok    " } else { "closed" };
        error = error.detail(format!("{state}  {:<18} {}", gate.name, gate.evidence));
    }
    let remedies: Vec<&str> = gates
        .iter()
        .filter(|gate| !gate.open)
        .map(|gate| gate.remedy.as_str())
        .collect();
    error.hint(format!(
        "{} (--wait DURATION waits for it)",
        remedies.join("; ")
    ))
}
