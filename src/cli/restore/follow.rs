//! `restore --follow`: the daemon that keeps a restored instance at the end of the log.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::super::App;
use super::super::access::note;
use super::super::render::{Output, Page, Report};
use super::{Args, chosen};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::recovery::{Lsn, RecoveryTarget, bytes};
use crate::service::backup::Shelf;
use crate::service::restore::{Deadlines, Follow, FollowMark, Following, Progress, Restore};
use crate::storage::Repository;

/// Time between two looks at the instance.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two questions of how far it has come.
const ASKED: u32 = 10;
/// Looks between two words about it.
const TOLD: u32 = 60;

/// Follows until it is stopped.
pub(super) async fn run(
    app: &App,
    (config, args): (&Config, &Args),
    repository: &Repository,
) -> Result<Output> {
    let into = args.into()?;
    let follow = Follow {
        repository,
        into: &into,
        settings: &args.settings,
        deadlines: Deadlines::with(&args.deadline),
        clock: &app.clock,
        cancel: &app.cancel,
    };
    let mark = FollowMark::read(&into)?;
    let place = json!({
        "repository": repository.location().to_string(), "into": into.display().to_string(),
        "resumed": mark.is_some(),
    });
    let (backup, following) = match mark {
        Some(mark) => {
            let backup = mark.backup.id.clone();
            same(args.backup.as_deref(), &backup, &into)?;
            note(app, config, "restore.follow", place).await;
            (backup, follow.resume(mark).await?)
        }
        None => {
            note(app, config, "restore.follow", place).await;
            begin(args, &follow).await?
        }
    };
    let mut shown = Followed {
        backup,
        data: into.join("data"),
        replayed: None,
        warnings: Vec::new(),
    };
    let Some(following) = following else {
        return Ok(Output::report(shown));
    };
    shown.warnings.clone_from(&following.warnings);
    let url = following.url(None);
    app.events
        .emit(Event::Note(format!("answers readers at {url}")));
    let watched = watch(app, &following, &mut shown.replayed).await;
    let stopped = following.stop().await;
    watched?;
    stopped?;
    Ok(Output::report(shown))
}

/// Restores the base backup first.
async fn begin(args: &Args, follow: &Follow<'_>) -> Result<(String, Option<Following>)> {
    let repository = follow.repository;
    let shelf = Shelf::read(repository).await?;
    let picked = chosen(args, (repository, &shelf), &RecoveryTarget::Latest).await?;
    let restore = Restore {
        repository,
        backup: picked.backup,
        target: &RecoveryTarget::Latest,
        into: follow.into,
        tablespaces: &args.tablespace_mapping,
        settings: follow.settings,
        deadlines: follow.deadlines,
        inventory: &picked.inventory,
        until: None,
        clock: follow.clock,
    };
    let following = follow.begin(&restore).await?;
    Ok((picked.backup.id.clone(), following))
}

/// Refuses to take a folder for another backup than the one that it came from.
fn same(named: Option<&str>, own: &str, into: &Path) -> Result<()> {
    match named {
        Some(named) if named != own => Err(Error::new(
            Kind::Usage,
            format!("{} came from backup {own}, not {named}", into.display()),
        )
        .hint("leave --backup out to go on there, or name another folder")),
        _ => Ok(()),
    }
}

/// Waits until it is to stop or cannot go on; says now and then how far it has come.
async fn watch(app: &App, following: &Following, replayed: &mut Option<Lsn>) -> Result<()> {
    let (mut looks, mut known) = (0_u32, None);
    loop {
        following.check()?;
        if looks.is_multiple_of(ASKED)
            && let Some(progress) = following.progress().await?
        {
            *replayed = Some(progress.replayed);
            let level = progress.behind.map(|bytes| bytes == 0);
            // A change between "at the end" and "behind" is told at once.
            if looks.is_multiple_of(TOLD) || level != known {
                app.events.emit(Event::Note(told(&progress)));
            }
            known = level;
        }
        looks += 1;
        tokio::select! {
            () = app.cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn told(progress: &Progress) -> String {
    let behind = match progress.behind {
        Some(0) => "the end of the repository".to_owned(),
        Some(count) => format!("{} behind the repository", bytes(count)),
        None => "the repository is out of reach".to_owned(),
    };
    let last = progress.committed.map_or(String::new(), |time| {
        format!(", last commit {}", time.format("%Y-%m-%dT%H:%M:%SZ"))
    });
    format!("replayed to {}{last}; {behind}", progress.replayed)
}

/// How it ended.
#[derive(Debug, Serialize)]
struct Followed {
    backup: String,
    data: PathBuf,
    /// The end of what was replayed, when it was asked last.
    replayed: Option<Lsn>,
    /// What this machine lacks of what the source had.
    warnings: Vec<String>,
}

impl Report for Followed {
    fn kind(&self) -> &'static str {
        "restore_follow"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(match self.replayed {
            Some(replayed) => format!("stopped at {replayed}; started again it goes on from there"),
            None => "stopped; started again it goes on".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_in_words() {
        let mut progress = Progress {
            replayed: Lsn(0x500_0110),
            committed: "2026-11-26T02:15:00Z".parse().ok(),
            behind: Some(0),
        };
        assert_eq!(
            told(&progress),
            "replayed to 0/5000110, last commit 2026-11-26T02:15:00Z; the end of the repository"
        );
        progress.committed = None;
        progress.behind = Some(1 << 24);
        assert_eq!(
            told(&progress),
            "replayed to 0/5000110; 17 MB behind the repository"
        );
    }
}
