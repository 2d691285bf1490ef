//! The plan: a value that says everything that will be done, to which database, and why it may.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::change::{Change, Definition};
use super::operation::{GateSpec, Guard, Operation, Planning, Probe};
use super::{Phase, Release, Step};
use crate::catalog::Catalog;
use crate::error::{Error, Kind, Result};
use crate::sql::Ident;

/// The database that a plan was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetIdentity {
    /// Name of the environment.
    pub environment: String,
    /// `system_identifier` of the cluster, where the role may read it.
    pub system_identifier: Option<String>,
    /// Name of the database.
    pub database: String,
    /// Fingerprint of its catalog.
    pub fingerprint: String,
}

/// What the ledger knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// Recorded changes: checksum, title and definition by id.
    pub changes: BTreeMap<String, (String, String, Definition)>,
    /// Phases that were begun.
    pub phases: BTreeMap<(String, Phase), LedgerPhase>,
}

/// A phase in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerPhase {
    /// Where it stands.
    pub state: PhaseState,
    /// Its release.
    pub release: Release,
    /// The steps that it runs by.
    pub steps: Vec<Step>,
    /// Steps that are done, by index.
    pub done: BTreeSet<usize>,
    /// Steps that were begun and whose outcome is not recorded, by index.
    pub intended: BTreeSet<usize>,
    /// Steps outside a transaction that the server refused, by index.
    pub failed: BTreeSet<usize>,
    /// When it was finished.
    pub finished_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl LedgerPhase {
    /// The first step of a phase under way that only a person can judge: it runs outside a
    /// transaction, and it failed or nobody knows how it ended.
    #[must_use]
    pub fn unresolved(&self) -> Option<usize> {
        let waits = |index: &usize| {
            let step = self.steps.get(*index);
            step.is_some_and(|step| !step.action.transactional())
        };
        (self.state == PhaseState::Running)
            .then(|| self.failed.union(&self.intended).copied().find(waits))
            .flatten()
    }

    /// Whether anything may have been changed by it: a phase whose first step the server refused
    /// has left nothing, and may be planned anew from a mended file.
    #[must_use]
    pub fn touched(&self) -> bool {
        match self.state {
            PhaseState::Undone => false,
            PhaseState::Done | PhaseState::Undoing => true,
            PhaseState::Running => (0..self.steps.len()).any(|index| self.may_have_run(index)),
        }
    }

    /// Whether the step is done, or was begun and leaves something behind when it is cut off. A
    /// step that is one transaction with its outcome leaves nothing.
    #[must_use]
    pub fn may_have_run(&self, index: usize) -> bool {
        let cut_off = || {
            self.steps
                .get(index)
                .is_some_and(|step| !step.action.transactional())
        };
        self.done.contains(&index) || self.intended.contains(&index) && cut_off()
    }
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// Begun; its missing steps run when the command is given again.
    Running,
    /// All steps done.
    Done,
    /// Its rollback was begun.
    Undoing,
    /// Rolled back.
    Undone,
}

/// Everything that a plan is made from.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The change files, in order.
    pub changes: &'a [Change],
    /// The database.
    pub catalog: &'a Catalog,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// The project's schemas.
    pub search_path: &'a [Ident],
    /// Name of the environment.
    pub environment: &'a str,
}

/// One phase of one change, as the plan runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Id of the change.
    pub change: String,
    /// Its title.
    pub title: String,
    /// Checksum of its operations.
    pub checksum: String,
    /// The phase.
    pub phase: Phase,
    /// The release that it is due at.
    pub release: Release,
    /// What is run.
    pub steps: Vec<Step>,
    /// What must hold before.
    pub gates: Vec<GateSpec>,
    /// Steps that an earlier run has done; not part of the hash.
    pub done: BTreeSet<usize>,
    /// Whether it goes on with the steps of an earlier run that left something behind.
    #[serde(skip)]
    pub resumed: bool,
    /// Why the steps can only be told when earlier changes have run.
    pub deferred: Option<String>,
}

/// What will be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the format of plans.
    pub version: u32,
    /// SHA-256 over everything that decides what will be run, and where.
    pub hash: String,
    /// The release that is applied.
    pub release: Release,
    /// The database.
    pub target: TargetIdentity,
    /// The phases, in order.
    pub entries: Vec<Entry>,
}

/// The version of plans that this binary writes and reads.
const VERSION: u32 = 1;

impl Plan {
    /// Plans every phase that is due at `release` and not done. Pure: the same situation gives the
    /// same plan.
    ///
    /// # Errors
    /// A change that was edited or lost after it ran, and every refusal of an operation.
    pub fn make(release: &Release, situation: &Situation<'_>) -> Result<Self> {
        check_history(situation)?;
        let mut entries = Vec::new();
        for (change, phase) in due(release, situation) {
            let entry = plan_entry(change, phase, situation, &entries)?;
            if !entry.steps.is_empty() || entry.deferred.is_some() {
                entries.push(entry);
            }
        }
        let mut plan = Self {
            version: VERSION,
            hash: String::new(),
            release: release.clone(),
            target: TargetIdentity {
                environment: situation.environment.to_owned(),
                system_identifier: situation.catalog.system_identifier.clone(),
                database: situation.catalog.database.clone(),
                fingerprint: situation.catalog.fingerprint().as_str().to_owned(),
            },
            entries,
        };
        plan.hash = plan.compute_hash();
        Ok(plan)
    }

    /// The hash of this plan's content; differs from `hash` when somebody edited the plan.
    #[must_use]
    pub fn compute_hash(&self) -> String {
        let mut bare = self.clone();
        bare.hash.clear();
        for entry in &mut bare.entries {
            entry.done.clear();
            for step in &mut entry.steps {
                step.cost = super::Cost::default();
            }
        }
        let json = serde_json::to_vec(&bare).unwrap_or_default();
        hex::encode(Sha256::digest(json))
    }

    /// The first entry and step after which a rollback is impossible, counted from 1 over all
    /// steps.
    #[must_use]
    pub fn point_of_no_return(&self) -> Option<usize> {
        self.entries
            .iter()
            .flat_map(|entry| entry.steps.iter().map(move |step| (entry.phase, step)))
            .position(|(phase, step)| {
                phase == Phase::Contract && matches!(step.undo, super::Undo::Impossible { .. })
            })
            .map(|index| index + 1)
    }

    /// What the server is asked about before the plan is trusted: expressions and types of the
    /// changes whose expand is in it.
    ///
    /// # Errors
    /// Unknown objects.
    pub fn probes(&self, situation: &Situation<'_>) -> Result<Vec<Probe>> {
        let mut probes = Vec::new();
        for entry in &self.entries {
            if entry.deferred.is_some() || entry.phase == Phase::Contract || !entry.done.is_empty()
            {
                continue;
            }
            let begun = situation
                .ledger
                .phases
                .iter()
                .any(|((id, _), phase)| *id == entry.change && phase.touched());
            let Some(change) = situation
                .changes
                .iter()
                .find(|change| change.id == entry.change)
            else {
                continue;
            };
            if begun {
                continue;
            }
            for (planning, operation) in plannings(change, situation) {
                probes.extend(operation.probes(&planning)?);
            }
        }
        Ok(probes)
    }
}

impl Situation<'_> {
    /// What the contract of a change that now expands will ask of the schema: it is better told
    /// before the first step than weeks later.
    #[must_use]
    pub fn ahead(&self, entry: &Entry) -> Vec<GateSpec> {
        let change = self.changes.iter().find(|change| change.id == entry.change);
        let Some(change) = change.filter(|_| entry.phase == Phase::Expand) else {
            return Vec::new();
        };
        plannings(change, self)
            .filter_map(|(planning, operation)| operation.gates(Phase::Contract, &planning).ok())
            .flatten()
            .filter(|gate| matches!(gate, GateSpec::Dependents { .. }))
            .collect()
    }

    /// The trigger that works for an operation of `change`; none when it needs none.
    #[must_use]
    pub fn guard(&self, change: &Change, index: usize, operation: &Operation) -> Option<Guard> {
        let planning = Planning {
            change,
            index,
            catalog: self.catalog,
            search_path: self.search_path,
        };
        operation.guard(&planning).ok().flatten()
    }
}

/// Refuses changes that were edited or lost after they ran.
fn check_history(situation: &Situation<'_>) -> Result<()> {
    for (id, (checksum, title, _)) in &situation.ledger.changes {
        let active = situation
            .ledger
            .phases
            .iter()
            .any(|((change, _), phase)| change == id && phase.touched());
        if !active {
            continue;
        }
        let Some(change) = situation.changes.iter().find(|change| change.id == *id) else {
            return Err(Error::new(
                Kind::ChangeMissing,
                format!("change {id} \"{title}\" ran here, but its file is gone"),
            ));
        };
        if change.checksum() != *checksum {
            return Err(Error::new(
                Kind::ChangeEdited,
                format!("{} was edited after it ran", change.file.path.display()),
            )
            .at(change.file.place(0, "up")));
        }
    }
    Ok(())
}

/// The phases that are due and not done, in the order of release, then phase by change.
fn due<'a>(release: &Release, situation: &Situation<'a>) -> Vec<(&'a Change, Phase)> {
    let mut due: Vec<(&Change, Phase)> = situation
        .changes
        .iter()
        .flat_map(|change| change.phases().map(move |phase| (change, phase)))
        .filter(|(change, phase)| {
            let state = situation
                .ledger
                .phases
                .get(&(change.id.clone(), *phase))
                .map(|phase| phase.state);
            change.schedule.release(*phase) <= release && state != Some(PhaseState::Done)
        })
        .collect();
    due.sort_by(|left, right| {
        let key =
            |(change, phase): &(&Change, Phase)| (change.schedule.release(*phase).clone(), *phase);
        key(left).cmp(&key(right))
    });
    due
}

fn plannings<'a>(
    change: &'a Change,
    situation: &Situation<'a>,
) -> impl Iterator<Item = (Planning<'a>, &'a Operation)> + use<'a> {
    let (catalog, search_path) = (situation.catalog, situation.search_path);
    change
        .operations
        .iter()
        .enumerate()
        .map(move |(index, operation)| {
            (
                Planning {
                    change,
                    index,
                    catalog,
                    search_path,
                },
                operation,
            )
        })
}

fn plan_entry(
    change: &Change,
    phase: Phase,
    situation: &Situation<'_>,
    earlier: &[Entry],
) -> Result<Entry> {
    let mut entry = Entry {
        change: change.id.clone(),
        title: change.title.clone(),
        checksum: change.checksum(),
        phase,
        release: change.schedule.release(phase).clone(),
        steps: Vec::new(),
        gates: Vec::new(),
        done: BTreeSet::new(),
        resumed: false,
        deferred: None,
    };
    let begun = situation.ledger.phases.get(&(change.id.clone(), phase));
    if let Some(begun) = begun.filter(|begun| begun.state == PhaseState::Running && begun.touched())
    {
        entry.steps.clone_from(&begun.steps);
        entry.done.clone_from(&begun.done);
        entry.resumed = true;
        return Ok(entry);
    }
    if begun.is_some_and(|begun| begun.state == PhaseState::Undoing) {
        return Err(Error::new(
            Kind::RollbackRefused,
            format!(
                "the rollback of {} {phase} was begun and not finished",
                change.id
            ),
        )
        .hint(format!(
            "run `tidegate migrate rollback --change {}` again first",
            change.id
        )));
    }
    for (planning, operation) in plannings(change, situation) {
        let steps = operation.steps(phase, &planning);
        let gates = operation.gates(phase, &planning);
        match steps.and_then(|steps| Ok((steps, gates?))) {
            Ok((steps, gates)) => {
                entry.steps.extend(steps);
                entry.gates.extend(
                    gates
                        .into_iter()
                        .filter(|gate| !entry.gates.contains(gate))
                        .collect::<Vec<_>>(),
                );
            }
            Err(error)
                if error.kind() == Kind::UnknownObject
                    && creates_it(&error, change, earlier, situation) =>
            {
                entry.steps.clear();
                entry.gates.clear();
                entry.deferred = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(entry)
}

/// Whether an earlier entry of the plan, of another change, may create what `error` misses.
fn creates_it(
    error: &Error,
    change: &Change,
    earlier: &[Entry],
    situation: &Situation<'_>,
) -> bool {
    let message = error.to_string();
    let Some(missing) = message.split('"').nth(1) else {
        return false;
    };
    let bare = missing.rsplit('.').next().unwrap_or(missing).to_lowercase();
    earlier
        .iter()
        .filter(|entry| entry.change != change.id)
        .filter_map(|entry| {
            situation
                .changes
                .iter()
                .find(|change| change.id == entry.change)
        })
        .flat_map(|change| &change.operations)
        .flat_map(|operation| operation.mentions())
        .any(|text| text.to_lowercase().contains(&bare))
}
