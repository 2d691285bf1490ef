//! `tidegate restore`: a cluster out of the repository, or tables.

mod follow;
mod logical;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::App;
use super::access::{admit, note};
use super::backup::open;
use super::render::{Output, Page, Report, Style};
use super::server::setting;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::migration::Release;
use crate::recovery::{
    BackupManifest, Lsn, RecoveryTarget, RestorePoint, before_release, bytes, point_named, seconds,
};
use crate::service::backup::Shelf;
use crate::service::rescue::{Rescue, Rescued};
use crate::service::restore::{
    Deadline, Deadlines, PassedOver, Picked, Restore, RestorePhase, Restored, TablespaceMapping,
    is_unmet, pick, points,
};
use crate::storage::Repository;

/// What comes of a restore that was stopped: it has no state to go on from.
const ANEW: &str = "the same command begins anew";

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder that does not exist or is empty; the cluster is in `data` below it
    #[arg(long, value_name = "DIR", required_unless_present_any = ["patch", "engine"])]
    to: Option<PathBuf>,
    /// Bring back this table only: what the backup holds of it and the environment's database does
    /// not, or with --engine logical all of it; may be repeated
    #[arg(long = "table", value_name = "TABLE", requires = "tables_into")]
    tables: Vec<String>,
    /// Where the SQL goes that brings the tables back, to be read and run by a person. The cluster is
    /// restored into a temporary folder and goes away again
    #[arg(long, value_name = "FILE", group = "tables_into", requires = "tables", conflicts_with_all = ["to", "keep_running", "tablespace_mapping"])]
    patch: Option<PathBuf>,
    /// logical: bring tables of a logical backup into the environment's database, in one transaction;
    /// they must be empty there, or missing
    #[arg(long, value_name = "NAME", value_parser = ["logical"], group = "tables_into", conflicts_with_all = ["to", "patch", "target", "deadline", "settings", "keep_running", "tablespace_mapping"])]
    engine: Option<String>,
    /// With --engine logical: without owners and grants, whose roles may not be there
    #[arg(long, requires = "engine", conflicts_with_all = ["to", "patch"])]
    no_owner: bool,
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// The backup [default: the newest from which the target can be reached, or that holds the tables]
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Up to the last transaction committed until then: 2026-11-26T02:15:00Z
    #[arg(long, value_name = "TIME", group = "target")]
    target_time: Option<DateTime<Utc>>,
    /// Up to a place in the WAL: 0/3000028
    #[arg(long, value_name = "LSN", group = "target")]
    target_lsn: Option<Lsn>,
    /// Up to a restore point (`pg_create_restore_point`)
    #[arg(long, value_name = "NAME", group = "target", value_parser = point)]
    target_name: Option<String>,
    /// Up to and with a transaction
    #[arg(long, value_name = "XID", group = "target")]
    target_xid: Option<u64>,
    /// Up to the moment before the first phase of a release was applied; `migrate apply` writes
    /// restore points there when [backup] names a repository
    #[arg(long, value_name = "VERSION", group = "target")]
    before_release: Option<Release>,
    /// Only until the base backup is consistent
    #[arg(long, group = "target")]
    immediate: bool,
    /// A tablespace that is to lie elsewhere, for each one that is; a "=" in a path is
    /// written "\=" [default: a folder of its own in `tablespaces` below DIR]
    #[arg(long, value_name = "OLD=NEW")]
    tablespace_mapping: Vec<TablespaceMapping>,
    /// How long a phase may take: fetch, verify or replay [default: 24h], or promote [default: 1h]
    #[arg(long, value_name = "PHASE=TIME")]
    deadline: Vec<Deadline>,
    /// A setting of the server that recovers, when its own choice does not do: a limit that was raised
    /// very far after the base backup, or the libraries of an extension with WAL of its own
    /// (shared_preload_libraries); may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Leave the server running, on a socket in the folder
    #[arg(long)]
    keep_running: bool,
    /// Go on replaying all that comes into the repository, until it is stopped, and answer readers on a
    /// socket in the folder; started again it goes on from there
    #[arg(long, conflicts_with_all = ["target", "keep_running", "patch", "tables", "engine"])]
    follow: bool,
}

impl Args {
    /// Where it ends; at the end of the WAL when nothing is said.
    fn target(&self) -> RecoveryTarget {
        if self.immediate {
            return RecoveryTarget::Immediate;
        }
        let time = self.target_time.map(RecoveryTarget::Time);
        time.or_else(|| self.target_lsn.map(RecoveryTarget::Lsn))
            .or_else(|| self.target_name.clone().map(RecoveryTarget::Name))
            .or_else(|| self.target_xid.map(RecoveryTarget::Xid))
            .unwrap_or(RecoveryTarget::Latest)
    }

    /// The folder of everything.
    fn into(&self) -> Result<PathBuf> {
        let to = self.to.as_ref();
        let to = to.ok_or_else(|| Error::new(Kind::Usage, "no folder is named"))?;
        folder(to)
    }
}

/// The name of a restore point. To a server an empty one is none, and it would recover to the end of
/// the WAL.
fn point(text: &str) -> Result<String, String> {
    match text.len() {
        1..=63 => Ok(text.to_owned()),
        0 => Err("a restore point has a name".to_owned()),
        _ => Err("a restore point has a name of 63 bytes at most".to_owned()),
    }
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let repository = open(&config, args.repository.as_deref()).await?;
    admit(app, &config, &repository).await?;
    if args.engine.is_some() {
        return logical::run(app, (&config, args), &repository).await;
    }
    if let Some(id) = &args.backup {
        logical::refuse(&repository, id).await?;
    }
    if args.follow {
        return follow::run(app, (&config, args), &repository).await;
    }
    let shelf = Shelf::read(&repository).await?;
    let (target, place) = aimed(&repository, args).await?;
    let picked = chosen(args, (&repository, &shelf), &place).await?;
    if let Some(patch) = &args.patch {
        return rescue(app, (&config, args), (&repository, &picked, &target), patch).await;
    }
    let backup = picked.backup;
    let into = args.into()?;
    let detail = json!({
        "backup": backup.id, "repository": repository.location().to_string(),
        "target": shown(&target), "into": into.display().to_string(),
    });
    note(app, &config, "restore", detail).await;
    let restore = Restore {
        repository: &repository,
        backup,
        target: &target,
        into: &into,
        tablespaces: &args.tablespace_mapping,
        settings: &args.settings,
        deadlines: Deadlines::with(&args.deadline),
        inventory: &picked.inventory,
        until: None,
        clock: &app.clock,
    };
    let done = tokio::select! {
        done = restore.run() => {
            done.map_err(|error| earlier(error, &target, (&shelf, backup)))?
        }
        () = app.cancel.cancelled() => {
            return Err(Error::new(Kind::Cancelled, "the restore was stopped; nothing is left of it").hint(ANEW));
        }
    };
    let url = done.url(None);
    let phases = phases(&done);
    let warnings = [done.warnings.clone(), done.collations().await].concat();
    let server = done.server.keep();
    if !args.keep_running {
        server.stop().await?;
    }
    Ok(Output::report(RestoredShown {
        backup: backup.id.clone(),
        passed_over: picked.passed_over,
        data: into.join("data"),
        reached: done.reached,
        phases,
        warnings,
        url: args.keep_running.then_some(url),
    }))
}

/// The folder that is meant: behind a link the one that it points to.
fn folder(to: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(to)?;
    if path.symlink_metadata().is_err() {
        return Ok(path);
    }
    match path.canonicalize() {
        Ok(real) if real.is_dir() => Ok(real),
        Ok(_) => {
            let text = format!("{} is no folder", path.display());
            Err(Error::new(Kind::Usage, text).hint("name one that is empty or not there"))
        }
        Err(error) => {
            let text = format!("{} points to no folder: {error}", path.display());
            Err(Error::new(Kind::Usage, text))
        }
    }
}

/// A target that is not met may lie before the backup: nobody can tell the place of a transaction, or
/// of a name that is not on record, beforehand.
fn earlier(
    error: Error,
    target: &RecoveryTarget,
    (shelf, backup): (&Shelf, &BackupManifest),
) -> Error {
    if !is_unmet(&error) {
        return error;
    }
    let what = match target {
        RecoveryTarget::Name(name) => format!("the restore point {name}"),
        RecoveryTarget::Xid(xid) => format!("transaction {xid}"),
        RecoveryTarget::Time(_) | RecoveryTarget::Lsn(_) => return behind(error, target),
        RecoveryTarget::Latest | RecoveryTarget::Immediate => return error,
    };
    let older = shelf.backups.iter().rev();
    let older = older.filter(|one| one.ended_at < backup.ended_at && shelf.problem(one).is_none());
    let advice = match older.map(|one| &one.id).next() {
        Some(id) => format!("it may lie before that backup; begin with an older one: --backup {id}"),
        None => "is it spelled right, and is its WAL in the repository? `tidegate wal audit` shows how far that goes".to_owned(),
    };
    let text = format!("{what} is not in the WAL after backup {}", backup.id);
    Error::new(Kind::RestoreFailed, text).hint(advice)
}

/// A moment behind the last commit, or a place behind the last record.
fn behind(error: Error, target: &RecoveryTarget) -> Error {
    let text = match target {
        RecoveryTarget::Time(time) => {
            format!("no transaction that ended at {time} or later is in the WAL")
        }
        RecoveryTarget::Lsn(lsn) => format!("the WAL ends before {lsn}"),
        _ => return error,
    };
    Error::new(Kind::RestoreFailed, text)
        .hint("leave the target out to go to the end, or name one before it; a server without writes has no commit at its newest times")
        .because(error)
}

/// The backup to begin with, which is whole: the one that is named, else the newest that reaches `place`.
async fn chosen<'a>(
    args: &Args,
    (repository, shelf): (&Repository, &'a Shelf),
    place: &RecoveryTarget,
) -> Result<Picked<'a>> {
    let picked = match &args.backup {
        Some(id) => Picked::named(repository, shelf.backup(id)?).await?,
        None => pick(repository, shelf, place).await?,
    };
    shelf.whole(picked.backup)?;
    Ok(picked)
}

/// What is recovered to, and its place. A name says nothing of its place; the record of a release's
/// point does.
async fn aimed(repository: &Repository, args: &Args) -> Result<(RecoveryTarget, RecoveryTarget)> {
    let point = match (&args.before_release, &args.target_name) {
        (Some(release), _) => before(repository, release).await?,
        (None, Some(name)) => match point_named(&known_points(repository).await?, name) {
            Some(point) => point.clone(),
            None => return Ok((args.target(), args.target())),
        },
        (None, None) => return Ok((args.target(), args.target())),
    };
    let place = RecoveryTarget::Lsn(point.lsn);
    Ok((RecoveryTarget::Name(point.name), place))
}

/// The points on record; those that cannot be read are told.
async fn known_points(repository: &Repository) -> Result<Vec<RestorePoint>> {
    let points = points(repository).await?;
    for problem in &points.damaged {
        tracing::warn!("a restore point is passed over: {problem}");
    }
    Ok(points.known)
}

fn phases(done: &Restored) -> Vec<PhaseShown> {
    let all = [
        (RestorePhase::Fetch, done.fetch),
        (RestorePhase::Verify, done.verify),
        (RestorePhase::Replay, done.replay),
        (RestorePhase::Promote, done.promote),
    ];
    let shown = all.map(|(phase, took)| PhaseShown {
        name: phase.name(),
        seconds: took.seconds,
        bytes: took.bytes,
    });
    shown.into()
}

/// Single tables, as a patch.
async fn rescue(
    app: &App,
    (config, args): (&Config, &Args),
    (repository, picked, moment): (&Repository, &Picked<'_>, &RecoveryTarget),
    patch: &Path,
) -> Result<Output> {
    let environment = config.environment(app.globals.env.as_deref())?;
    let backup = picked.backup;
    let detail = json!({
        "backup": backup.id, "repository": repository.location().to_string(),
        "target": shown(moment), "tables": args.tables, "patch": patch.display().to_string(),
    });
    note(app, config, "restore.table", detail).await;
    let rescue = Rescue {
        repository,
        backup,
        moment,
        settings: &args.settings,
        deadlines: Deadlines::with(&args.deadline),
        inventory: &picked.inventory,
        living: &environment.target(config).await?,
        tables: &args.tables,
        patch,
        clock: &app.clock,
        cancel: &app.cancel,
    };
    Ok(Output::report(rescue.run().await?))
}

/// A target as the server is told.
fn shown(target: &RecoveryTarget) -> Value {
    let settings = target.settings().into_iter();
    let settings = settings.map(|(name, value)| (name, Value::from(value)));
    settings.collect::<Map<_, _>>().into()
}

impl Report for Rescued {
    fn kind(&self) -> &'static str {
        "rescue"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "Compared with backup {}, recovered to {}",
            self.backup, self.reached
        ))?;
        for table in &self.tables {
            let what = match table.gone {
                true => format!("gone; the patch makes it anew with {} rows", table.missing),
                false => format!(
                    "{} rows gone, {} changed; {} came later and stay",
                    table.missing, table.changed, table.added
                ),
            };
            page.line(format!("  {}  {what}", table.table))?;
            for remark in &table.remarks {
                page.line(format!("      {remark}"))?;
            }
        }
        page.line(format!(
            "Read {0}, then: psql -X -v ON_ERROR_STOP=1 -f {0}",
            self.patch.display()
        ))
    }
}

/// The restore point before a release.
async fn before(repository: &Repository, release: &Release) -> Result<RestorePoint> {
    let points = known_points(repository).await?;
    if let Some(point) = before_release(&points, &release.to_string()) {
        return Ok(point.clone());
    }
    let known: BTreeSet<&str> = points.iter().map(|point| point.release.as_str()).collect();
    let error = Error::new(
        Kind::BackupMissing,
        format!(
            "{} knows no restore point before release {release}",
            repository.location()
        ),
    );
    Err(if known.is_empty() {
        error.hint("`migrate apply` writes them when [backup] repository is configured; else name a moment: --target-time")
    } else {
        let known: Vec<&str> = known.into_iter().collect();
        error.hint(format!("it knows those of {}", known.join(", ")))
    })
}

#[derive(Debug, Serialize)]
struct PhaseShown {
    name: &'static str,
    seconds: f64,
    bytes: u64,
}

/// What was restored.
#[derive(Debug, Serialize)]
struct RestoredShown {
    backup: String,
    /// Newer backups that are of no use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<PassedOver>,
    data: PathBuf,
    reached: Lsn,
    phases: Vec<PhaseShown>,
    /// What this machine lacks of what the source had.
    warnings: Vec<String>,
    url: Option<String>,
}

impl Report for RestoredShown {
    fn kind(&self) -> &'static str {
        "restore"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "Restored backup {} up to {} into {}",
            self.backup,
            self.reached,
            self.data.display()
        ))?;
        for PassedOver { id, why } in &self.passed_over {
            page.line(format!("  passed over the newer backup {id}: {why}"))?;
        }
        for warning in &self.warnings {
            let word = page.styled(Style::Waiting, "warning");
            page.line(format!("  {word} {warning}"))?;
        }
        for phase in &self.phases {
            page.line(format!(
                "  {:<18}{:>10}  {}",
                phase.name,
                seconds(phase.seconds),
                bytes(phase.bytes)
            ))?;
        }
        match &self.url {
            Some(url) => page.line(format!("running: {url}")),
            None => page.line(
                "stopped; archiving, standbys and subscriptions are off in its postgresql.auto.conf until you say otherwise",
            ),
        }
    }
}
