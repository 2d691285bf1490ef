//! A drill from its beginning to its record.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::checks::Checks;
use super::{passive, record, sandbox};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::job::EventSink;
use crate::recovery::{
    Choice, DrillCheck, DrillReport, Objectives, Told, WalMode, extrapolate, seconds,
};
use crate::service::scratch::Folder;
use crate::storage::Repository;

/// A drill that is to be done.
#[derive(Debug)]
pub struct Drill<'a> {
    /// With a primary of its own; none for a passive drill, which needs the repository.
    pub sandbox: Option<Sandbox>,
    /// What must be achieved.
    pub objectives: Objectives,
    /// Negative controls.
    pub controls: Choice,
    /// How the restored cluster is checked.
    pub checks: Checks,
    /// Bytes of a cluster whose RTO is to be told.
    pub extrapolate: Option<u64>,
    /// The engine of a sandbox: `native`, or one that keeps its own files.
    pub engine: String,
    /// Consent to install PostgreSQL when it is missing.
    pub install: bool,
    /// Where it is recorded, and what a passive drill restores from.
    pub repository: Option<&'a Repository>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Stops it; nothing is left behind.
    pub cancel: CancellationToken,
}

/// The primary of a sandbox drill.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox {
    /// Bytes of its database.
    pub bytes: u64,
    /// How its WAL is kept.
    pub wal: WalMode,
    /// Whether an increment follows the base backup, and both are restored.
    pub incremental: bool,
}

/// A drill that was done.
#[derive(Debug)]
pub struct Done {
    /// What was found.
    pub report: DrillReport,
    /// All drills recorded, this one last.
    pub history: Vec<DrillReport>,
    /// Name of the record, when there is a repository.
    pub recorded: Option<String>,
}

/// Does a drill and records it. What was missed or failed is part of the result, not an error.
///
/// # Errors
/// The drill could not be carried out: no programs, no backup, a repository out of reach. Nothing
/// is left behind then, either.
pub async fn run(drill: &Drill<'_>) -> Result<Done> {
    let history = match drill.repository {
        Some(repository) => record::look(repository).await?,
        None => record::History::default(),
    };
    let told = history.told;
    let folder = Folder::make()?;
    let work = async {
        match (&drill.sandbox, drill.repository) {
            (Some(sandbox), _) => sandbox::run(drill, sandbox, folder.path(), told.len()).await,
            (None, Some(repository)) => {
                passive::run(drill, repository, folder.path(), told.len()).await
            }
            (None, None) => Err(Error::new(
                Kind::Usage,
                "a drill without --sandbox needs a repository",
            )
            .hint("name it with --repository, or in [backup] of tidegate.toml")),
        }
    };
    let mut report = tokio::select! {
        biased;
        () = drill.cancel.cancelled() => {
            return Err(Error::new(Kind::Cancelled, "the drill was interrupted").hint("run it again; nothing was left behind"));
        }
        report = work => report?,
    };
    report.checks.push(teardown(folder));
    for problem in history.problems {
        let words = format!("the history of drills is not whole: {problem}");
        report.warnings.push(words);
    }
    judge(drill, &told, &mut report);
    let Some(repository) = drill.repository else {
        return Ok(Done {
            history: vec![report.clone()],
            report,
            recorded: None,
        });
    };
    let reports = |told: Vec<Told>| told.into_iter().map(|told| told.record.report);
    match record::append(repository, &report).await {
        Ok(told) => Ok(Done {
            report,
            recorded: told.last().map(|told| told.file.clone()),
            history: reports(told).collect(),
        }),
        // What was found is told all the same to somebody who may only read there.
        Err(error) if error.kind() == Kind::Storage => {
            let words = format!("this drill is not recorded: {error}");
            tracing::warn!("{words}");
            report.warnings.push(words);
            Ok(Done {
                history: reports(told).chain([report.clone()]).collect(),
                report,
                recorded: None,
            })
        }
        Err(error) => Err(error),
    }
}

fn teardown(folder: Folder) -> DrillCheck {
    let path = folder.path().to_owned();
    let (passed, found) = match folder.remove() {
        Ok(()) if !path.exists() => (true, "nothing is left".to_owned()),
        Ok(()) => (false, format!("{} is still there", path.display())),
        Err(error) => (false, error.to_string()),
    };
    DrillCheck {
        name: "teardown".to_owned(),
        passed: Some(passed),
        found,
    }
}

/// Verdict, advice and extrapolation.
fn judge(drill: &Drill<'_>, told: &[Told], report: &mut DrillReport) {
    report.judge();
    let asked = match drill.controls {
        Choice::Some(count) => count,
        Choice::All => usize::MAX,
    };
    // Nothing was tried on a backup that does not come back.
    let asked = report.rto_seconds.map_or(0, |_| asked);
    report.warnings.extend(report.doubts(asked));
    if let Some(age) = report.oldest_base() {
        let words = format!(
            "at the WAL rate of this drill a base backup older than {} breaks the objective",
            seconds(age)
        );
        report.warnings.push(words);
    }
    if let Some(bytes) = drill.extrapolate {
        let earlier = told.iter().map(|told| &told.record.report);
        let all = earlier.chain([&*report]);
        let samples: Vec<_> = all.filter_map(DrillReport::sample).collect();
        report.extrapolation = extrapolate(&samples, bytes, report.source.wal_bytes);
        if report.extrapolation.is_none() {
            report
                .warnings
                .push("too few drills, or too much alike, to extrapolate from".to_owned());
        }
    }
    if drill.repository.is_none() {
        report
            .warnings
            .push("this drill is not recorded: no repository is named".to_owned());
    }
}
