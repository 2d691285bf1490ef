//! `tidegate migrate plan`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::command::{look, release};
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::{Error, Kind, Result};
use crate::migration::{Action, Entry, GateSpec, Phase, Plan, Release, Undo};
use crate::service::migrate::{Evidence, Gate, Gathered, evaluate};

/// Arguments of `migrate plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The release [default: the last that the change files name]
    #[arg(long, value_name = "VERSION")]
    release: Option<Release>,
    /// Write the plan into this file, for approval and `migrate apply --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Shown {
    hash: String,
    release: Release,
    environment: String,
    database: String,
    server_version: i32,
    fingerprint: String,
    steps: Vec<ShownStep>,
    gates: Vec<ShownGate>,
    deferred: Vec<String>,
    /// What will stand in the way of a later contract.
    notices: Vec<String>,
    point_of_no_return: Option<usize>,
    approvals_needed: u32,
}

#[derive(Debug, Serialize)]
struct ShownStep {
    number: usize,
    change: String,
    phase: Phase,
    release: Release,
    title: String,
    sql: String,
    lock: String,
    transactional: bool,
    rewrites_table: bool,
    estimate: String,
    estimate_seconds: f64,
    undo: Option<String>,
    undo_impossible: Option<String>,
    done: bool,
}

#[derive(Debug, Serialize)]
struct ShownGate {
    #[serde(flatten)]
    gate: Gate,
    /// Closed now, but an earlier step of this plan may open it.
    opens_in_plan: bool,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let (session, gathered, target) = look(app, &config).await?;
    let release = release(args.release.as_ref(), &gathered)?;
    let plan = gathered.plan(&session, &release).await?;
    if let Some(file) = &args.out {
        let text = serde_json::to_string_pretty(&plan)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        std::fs::write(file, text + "\n").map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot write {}: {error}", file.display()),
            )
        })?;
    }
    let evidence = Evidence {
        session: &session,
        config: &config,
        target: &target,
        clock: app.clock.as_ref(),
    };
    let mut gates = Vec::new();
    for (index, entry) in plan.entries.iter().enumerate() {
        for (gate, spec) in evaluate(&evidence, entry)
            .await?
            .into_iter()
            .zip(&entry.gates)
        {
            let opens_in_plan =
                !gate.open && opened_by(spec, entry, plan.entries.get(..index).unwrap_or_default());
            gates.push(ShownGate {
                gate,
                opens_in_plan,
            });
        }
    }
    let mut notices = Vec::new();
    for entry in &plan.entries {
        notices.extend(notices_of(&evidence, &gathered, entry).await?);
    }
    Ok(Output::report(Shown {
        notices,
        hash: plan.hash.clone(),
        environment: plan.target.environment.clone(),
        database: plan.target.database.clone(),
        server_version: gathered.catalog.server_version,
        fingerprint: plan.target.fingerprint.clone(),
        point_of_no_return: plan.point_of_no_return(),
        approvals_needed: target.policy.approvals,
        deferred: plan
            .entries
            .iter()
            .filter_map(|entry| {
                entry
                    .deferred
                    .as_ref()
                    .map(|why| format!("{} {}: {why}", entry.change, entry.phase))
            })
            .collect(),
        steps: steps(&plan),
        gates,
        release,
    }))
}

/// What the schema holds today that will keep the contract of this change closed.
async fn notices_of(
    evidence: &Evidence<'_>,
    gathered: &Gathered,
    entry: &Entry,
) -> Result<Vec<String>> {
    let mut later = entry.clone();
    later.gates = gathered.situation().ahead(entry);
    let gates = evaluate(evidence, &later).await?;
    Ok(gates
        .into_iter()
        .filter(|gate| !gate.open)
        .map(|gate| {
            format!(
                "{} will not contract while {}; {}",
                entry.change, gate.evidence, gate.remedy
            )
        })
        .collect())
}

/// Whether an earlier entry of the plan brings the evidence that the gate asks for.
fn opened_by(spec: &GateSpec, entry: &Entry, earlier: &[Entry]) -> bool {
    let phase = match spec {
        GateSpec::BackfillComplete { .. } | GateSpec::NoNulls { .. } => Phase::Backfill,
        GateSpec::Enforced | GateSpec::Soak => Phase::Enforce,
        GateSpec::AppVersions { .. } | GateSpec::Dependents { .. } | GateSpec::NoReader { .. } => {
            return false;
        }
    };
    earlier
        .iter()
        .any(|other| other.change == entry.change && other.phase == phase)
}

fn steps(plan: &Plan) -> Vec<ShownStep> {
    let mut shown = Vec::new();
    for entry in &plan.entries {
        for (index, step) in entry.steps.iter().enumerate() {
            shown.push(ShownStep {
                number: shown.len() + 1,
                change: entry.change.clone(),
                phase: entry.phase,
                release: entry.release.clone(),
                title: step.title.clone(),
                sql: step.action.sql(),
                lock: step.lock.to_string(),
                transactional: step.action.transactional(),
                rewrites_table: step.rewrites,
                estimate: estimate(&step.action, &step.cost.to_string(), step.cost.rows),
                estimate_seconds: step.cost.seconds,
                undo: step.undo.sql(),
                undo_impossible: match &step.undo {
                    Undo::Impossible { reason } => Some(reason.clone()),
                    _ => None,
                },
                done: entry.done.contains(&index),
            });
        }
    }
    shown
}

fn estimate(action: &Action, time: &str, rows: u64) -> String {
    match action {
        Action::Backfill { .. } => format!("{time} ({rows} rows)"),
        _ => time.to_owned(),
    }
}

impl Report for Shown {
    fn kind(&self) -> &'static str {
        "migrate_plan"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let version = self.server_version;
        page.line(format!(
            "Release {} on {} ({}, PostgreSQL {}.{})   plan {}",
            self.release,
            self.environment,
            self.database,
            version / 10_000,
            version % 10_000,
            self.hash.get(..8).unwrap_or_default()
        ))?;
        if self.steps.is_empty() && self.deferred.is_empty() {
            return page.line("nothing to do: every phase that is due is done");
        }
        let mut titles: BTreeMap<&str, ()> = BTreeMap::new();
        let rows = self
            .steps
            .iter()
            .map(|step| {
                titles.insert(&step.change, ());
                vec![
                    step.number.to_string(),
                    step.change.clone(),
                    step.phase.to_string(),
                    if step.done {
                        format!("{} (done)", step.title)
                    } else {
                        step.title.clone()
                    },
                    step.lock.clone(),
                    step.estimate.clone(),
                    if step.rewrites_table { "yes" } else { "no" }.to_owned(),
                ]
            })
            .collect();
        page.table(
            &["#", "change", "phase", "step", "lock", "est.", "rewrites"],
            rows,
        )?;
        for line in &self.deferred {
            page.line(format!(
                "later: {line} (planned when the changes before it have run)"
            ))?;
        }
        self.human_gates(page)?;
        for line in &self.notices {
            page.line(format!("{}  {line}", page.styled(Style::Waiting, "note")))?;
        }
        match self.point_of_no_return {
            Some(step) => page.line(format!("Point of no return: step {step}"))?,
            None => page.line(format!(
                "Undo: `tidegate migrate rollback --release {}`",
                self.release
            ))?,
        }
        if self.approvals_needed > 0 {
            page.line(format!(
                "{} approvals needed on {}: tidegate approve request --plan {}",
                self.approvals_needed, self.environment, self.hash
            ))?;
        }
        Ok(())
    }
}

impl Shown {
    fn human_gates(&self, page: &mut Page) -> fmt::Result {
        if self.gates.is_empty() {
            return Ok(());
        }
        let rows = self
            .gates
            .iter()
            .map(|shown| {
                let gate = &shown.gate;
                let word = match (gate.open, shown.opens_in_plan) {
                    (true, _) => page.styled(Style::Good, "open"),
                    (false, true) => page.styled(Style::Waiting, "later"),
                    (false, false) => page.styled(Style::Bad, "closed"),
                };
                vec![
                    format!("{} {}", gate.change, gate.phase),
                    word,
                    gate.name.to_owned(),
                    gate.evidence.clone(),
                ]
            })
            .collect();
        page.line("")?;
        page.table(&["gate of", "now", "gate", "evidence"], rows)
    }
}
