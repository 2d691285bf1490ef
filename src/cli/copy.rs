//! `tidegate copy`: the masked copy.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::render::{Output, Page, Report, Style};
use super::{App, copy_archive};
use crate::config::{Config, DispatchTo, Environment};
use crate::control::{AuditFilter, Control};
use crate::copy::{CopyPlan, Manifest, Signed, Stage};
use crate::dispatch::Queue;
use crate::error::{Error, Kind, Result};
use crate::service::copy::gate::in_use;
use crate::service::copy::{
    Databases, Engine, GateReport, Listed, Outcome, Picked, Swapped, promote, refuse_control,
    rollback,
};
use crate::service::diff::Watch;
use crate::service::masking::{key_of, load};
use crate::storage::Location;
use crate::subset::{Drift, Measure};

/// Commands of `copy`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what a copy would carry and mask
    Plan(Ends),
    /// Build a copy beside the target, or go on with one that stopped, and prove it
    Run(RunArgs),
    /// Show the copies of an environment
    Status(To),
    /// Check the signature of the copy in use, and seek the source's values in it again
    Audit(AuditArgs),
    /// Put the newest proven copy in the target's place
    Promote(To),
    /// Bring back what was in use before the last promotion
    Rollback(To),
}

impl Command {
    /// The environment whose database this command puts aside.
    pub(super) fn replaces(&self) -> Option<&str> {
        match self {
            Self::Run(args) => Some(&args.ends.to),
            Self::Promote(to) | Self::Rollback(to) => Some(&to.to),
            Self::Plan(_) | Self::Status(_) | Self::Audit(_) => None,
        }
    }
}

/// Both ends of a copy.
#[derive(Debug, clap::Args)]
pub struct Ends {
    /// The environment that the data comes from, or a location that holds a copy (file:PATH,
    /// s3://BUCKET/PREFIX)
    #[arg(long, value_name = "ENV")]
    from: String,
    /// The environment that is replaced, never of the tier production; or a location that a copy is
    /// written to
    #[arg(long, value_name = "ENV")]
    to: String,
}

/// The target of a copy.
#[derive(Debug, clap::Args)]
pub struct To {
    /// The environment that the data came from (any, when it is not named)
    #[arg(long, value_name = "ENV")]
    from: Option<String>,
    /// The target environment
    #[arg(long, value_name = "ENV")]
    to: String,
}

/// Arguments of `copy audit`.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    #[command(flatten)]
    to: To,
    /// Check the signature of the manifest alone
    #[arg(long)]
    signature_only: bool,
}

/// Arguments of `copy run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    ends: Ends,
    /// Put the copy in the target's place when it passes its gate
    #[arg(long)]
    promote: bool,
    /// Workers, each with a connection to both sides
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Who loads the rows: this process, or the workers [default: the configuration's, else here]
    #[arg(long, value_name = "here|workers")]
    dispatch: Option<DispatchTo>,
    /// Write the signed manifest into this file, too
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The region that a location outside of the environments lies in
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

pub(super) async fn run(app: &App, command: Command) -> Result<Output> {
    let config = app.config()?;
    match command {
        Command::Plan(ends) => plan(app, &config, &ends).await,
        Command::Run(args) => copy(app, &config, &args).await,
        Command::Status(to) => {
            let copies = databases(&config, &to).await?.list().await?;
            Ok(Output::report(Status { copies }))
        }
        Command::Audit(args) => audit(app, &config, &args).await,
        Command::Promote(to) => {
            let databases = databases(&config, &to).await?;
            databases.lock().await?;
            Ok(Output::report(promote(&databases).await?))
        }
        Command::Rollback(to) => {
            let databases = databases(&config, &to).await?;
            databases.lock().await?;
            Ok(Output::report(rollback(&databases).await?))
        }
    }
}

async fn engine(app: &App, config: &Config, ends: &Ends) -> Result<Engine> {
    let from = config.environment(Some(&ends.from))?;
    let to = config.environment(Some(&ends.to))?;
    Engine::between(
        config,
        (from, to),
        Arc::clone(&app.clock),
        Arc::clone(&app.events),
        app.cancel.clone(),
    )
    .await
}

async fn plan(app: &App, config: &Config, ends: &Ends) -> Result<Output> {
    let engine = engine(app, config, ends).await?;
    let gathered = engine.survey().await?;
    let (masks, key) = load(config, &ends.to, &gathered.catalog).await?;
    let plan = engine.plan(&gathered, &masks, &key)?;
    let picked = engine.pick(&gathered, &masks, &key).await?;
    Ok(Output::report(Planned {
        hash: plan.hash()?,
        subset: picked.as_ref().map(Picked::of),
        plan,
    }))
}

async fn copy(app: &App, config: &Config, args: &RunArgs) -> Result<Output> {
    let Ends { from, to } = &args.ends;
    if Location::is_one(to) {
        let region = args.region.clone();
        return copy_archive::write(app, config, (from, to), region).await;
    }
    if Location::is_one(from) {
        return copy_archive::load_from(app, config, (from, to), args.promote).await;
    }
    let mut engine = engine(app, config, &args.ends).await?;
    engine.options.promote = args.promote;
    engine.options.workers = usize::from(args.workers);
    if args.dispatch.unwrap_or_else(|| config.dispatch_to()) == DispatchTo::Workers {
        let control = config.control_target(app.globals.env.as_deref()).await?;
        refuse_control(&control, &engine.target)?;
        engine.options.helpers = Some(Arc::new(Queue::open(&control).await?));
    }
    let opened = engine.open().await?;
    let (masks, key) = load(config, &args.ends.to, &opened.gathered.catalog).await?;
    let outcome = opened.run(&masks, &key).await?;
    if let (Some(file), Some(signed)) = (&args.manifest, &outcome.manifest) {
        let text = serde_json::to_string_pretty(signed)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        std::fs::write(file, text)?;
    }
    Ok(Output::report(outcome))
}

async fn databases(config: &Config, to: &To) -> Result<Databases> {
    if let Some(from) = &to.from {
        config.environment(Some(from))?;
    }
    let environment = config.environment(Some(&to.to))?;
    let target = environment.target(config).await?;
    crate::service::copy::refuse_target(environment)?;
    Databases::open(&target).await
}

async fn audit(app: &App, config: &Config, args: &AuditArgs) -> Result<Output> {
    let environment = config.environment(Some(&args.to.to))?;
    let signed = signed(config, environment).await?;
    if args.signature_only {
        let key = key_of(config, &environment.name).await?;
        return Ok(Output::report(Audited {
            manifest: signed.verify(Some(&key))?,
            key: signed.key,
            gate: None,
        }));
    }
    // What is read here is checked with the key before anything is reported.
    let source = match &args.to.from {
        Some(from) => from.clone(),
        None => signed.verify(None)?.from,
    };
    let ends = (config.environment(Some(&source))?, environment);
    let watch = Watch {
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
    };
    let (manifest, gate) = in_use(config, ends, &signed, &watch).await?;
    Ok(Output::report(Audited {
        manifest,
        key: signed.key,
        gate: Some(gate),
    }))
}

/// The manifest of the copy in use, from its audit log.
async fn signed(config: &Config, environment: &Environment) -> Result<Signed> {
    let control = Control::open(&environment.target(config).await?).await?;
    let filter = AuditFilter {
        action: Some("copy.run".to_owned()),
        limit: Some(1),
        since: None,
    };
    let entry = control.audit_entries(&filter).await?.pop().ok_or_else(|| {
        Error::new(
            Kind::CopyGate,
            format!("{} is not a copy", environment.name),
        )
        .hint("its audit log names no run of `tidegate copy run`")
    })?;
    serde_json::from_str::<serde_json::Value>(&entry.detail)
        .ok()
        .and_then(|mut detail| serde_json::from_value(detail["manifest"].take()).ok())
        .ok_or_else(|| Error::new(Kind::CopyGate, "the entry of the copy holds no manifest"))
}

/// `copy plan`.
#[derive(Debug, Serialize)]
struct Planned {
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subset: Option<Picked>,
    #[serde(flatten)]
    plan: CopyPlan,
}

impl Report for Planned {
    fn kind(&self) -> &'static str {
        "copy_plan"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let plan = &self.plan;
        page.line(format!(
            "{} -> {}   {} tables, {} masked columns, key epoch {}",
            plan.source.environment,
            plan.target.environment,
            plan.tables.len(),
            plan.tables
                .iter()
                .map(crate::copy::TableCopy::masked)
                .sum::<usize>(),
            plan.epoch
        ))?;
        if let Some(picked) = &self.subset {
            shares(picked, page)?;
        }
        for left in &plan.left_out {
            page.line(format!("{}  {left}", page.styled(Style::Faint, "left out")))?;
        }
        page.line(format!("plan {}", self.hash))
    }
}

/// What a subset holds of each table.
fn shares(picked: &Picked, page: &mut Page) -> fmt::Result {
    let rows = picked.tables.iter().map(|table| {
        let part = match table.rows {
            Some(rows) => format!("{rows} of about {}", table.of),
            None => format!("all, about {}", table.of),
        };
        let scope = serde_json::to_value(table.scope).unwrap_or_default();
        let megabytes = format!("{:.1} MB", table.bytes as f64 / 1e6);
        let scope = scope.as_str().unwrap_or_default().to_owned();
        vec![table.table.clone(), scope, part, megabytes]
    });
    page.table(&["Table", "Scope", "Rows", "Size"], rows.collect())?;
    let bytes: u64 = picked.tables.iter().map(|table| table.bytes).sum();
    page.line(format!(
        "subset of about {:.1} MB, with {:.1} % of the rows that were asked for",
        bytes as f64 / 1e6,
        picked.share * 100.0
    ))
}

/// Columns of a subset whose distribution differs most.
fn drift(drift: &[Drift], page: &mut Page) -> fmt::Result {
    if drift.is_empty() {
        return Ok(());
    }
    let rows = drift.iter().take(10).map(|drift| {
        let measure = match drift.measure {
            Measure::TotalVariation => "total variation",
            Measure::Quantiles => "shift of quantiles",
        };
        vec![
            format!("{}.{}", drift.table, drift.column),
            measure.to_owned(),
            format!("{:.3}", drift.distance),
            format!("{:+.1} %", drift.nulls * 100.0),
        ]
    });
    page.table(&["Drift", "Measure", "", "Nulls"], rows.collect())
}

impl Report for Outcome {
    fn kind(&self) -> &'static str {
        "copy_run"
    }

    fn exit(&self) -> u8 {
        if self.gate.passed { 0 } else { 3 }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "{} -> {}   snapshot {}, {} tables, {} masked columns, key epoch {}",
            self.from, self.to, self.snapshot_lsn, self.tables, self.masked_columns, self.epoch
        ))?;
        page.line(format!(
            "  {:<16} {:.1} MB, {} rows in {:.1} s",
            "copied",
            self.bytes as f64 / 1e6,
            self.rows,
            self.load_seconds
        ))?;
        if self.workers.len() > 1 {
            page.line(format!("  shared      by {} workers", self.workers.len()))?;
        }
        gate(page, &self.gate)?;
        drift(&self.drift, page)?;
        for remark in &self.remarks {
            page.line(format!(
                "  {}      {remark}",
                page.styled(Style::Waiting, "remark")
            ))?;
        }
        if self.promoted {
            page.line(format!(
                "promoted; what was in use is kept: tidegate copy rollback --to {}",
                self.to
            ))
        } else if self.gate.passed {
            page.line(format!("ready: tidegate copy promote --to {}", self.to))
        } else {
            page.line(format!(
                "not promoted; {} is kept for inspection, closed to everybody",
                self.database
            ))
        }
    }
}

/// Every check, and each place of a leak with what kind of data it is.
fn gate(page: &mut Page, report: &GateReport) -> fmt::Result {
    for check in &report.checks {
        let style = if check.passed {
            Style::Good
        } else {
            Style::Bad
        };
        let name = page.styled(style, format!("{:<16}", check.name));
        page.line(format!("  {name} {}", check.detail))?;
    }
    for leak in &report.leaks {
        let word = page.styled(Style::Bad, format!("{:<16}", "leak"));
        let class = leak
            .class
            .map_or(String::new(), |class| format!(" of {class}"));
        page.line(format!(
            "  {word} {}: {} values{class}",
            leak.place, leak.count
        ))?;
    }
    Ok(())
}

/// `copy status`.
#[derive(Debug, Serialize)]
struct Status {
    copies: Vec<Listed>,
}

impl Report for Status {
    fn kind(&self) -> &'static str {
        "copy_status"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.copies.is_empty() {
            return page.line("No copies.");
        }
        let rows = self
            .copies
            .iter()
            .map(|copy| {
                let (style, word) = match copy.mark.stage {
                    Stage::Building => (Style::Waiting, "unfinished"),
                    Stage::Ready => (Style::Good, "ready"),
                    Stage::Failed => (Style::Bad, "did not pass"),
                    Stage::Promoted => (Style::Good, "in use"),
                    Stage::Before => (Style::Faint, "kept for rollback"),
                    Stage::RolledBack => (Style::Faint, "rolled back"),
                };
                vec![
                    copy.mark.run.clone(),
                    copy.mark.from.clone(),
                    page.styled(style, word),
                    copy.name.as_str().to_owned(),
                ]
            })
            .collect();
        page.table(&["Run", "From", "State", "Database"], rows)
    }
}

/// `copy audit`.
#[derive(Debug, Serialize)]
struct Audited {
    key: String,
    manifest: Manifest,
    /// What the gate found in the copy in use; none when the signature alone was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateReport>,
}

impl Report for Audited {
    fn kind(&self) -> &'static str {
        "copy_audit"
    }

    fn exit(&self) -> u8 {
        match &self.gate {
            Some(gate) if !gate.passed => 3,
            _ => 0,
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let manifest = &self.manifest;
        page.line(format!(
            "{}  run {} of {} at {}, snapshot {}, key epoch {}",
            page.styled(Style::Good, "signature holds"),
            manifest.run,
            manifest.from,
            manifest.at.format("%Y-%m-%d %H:%M"),
            manifest.snapshot_lsn,
            manifest.epoch
        ))?;
        let rows: u64 = manifest.tables.iter().map(|table| table.source.rows).sum();
        page.line(format!("  {} tables, {rows} rows", manifest.tables.len()))?;
        page.line(format!("  policy {}", manifest.policy))?;
        page.line(format!("  signed by {}", self.key))?;
        match &self.gate {
            Some(found) => gate(page, found),
            None => Ok(()),
        }
    }
}

impl Report for Swapped {
    fn kind(&self) -> &'static str {
        "copy_swap"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        match &self.run {
            Some(run) => page.line(format!("run {run} is in use"))?,
            None => page.line("what was in use before is in use again")?,
        }
        if let Some(kept) = &self.kept {
            page.line(format!("kept: {}", kept.as_str()))?;
        }
        for old in &self.dropped {
            page.line(format!("dropped: {}", old.as_str()))?;
        }
        Ok(())
    }
}
