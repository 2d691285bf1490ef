//! `wal audit`: the map of what can be recovered.

use std::fmt;

use crate::cli::App;
use crate::cli::backup::open;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::Result;
use crate::postgres::Session;
use crate::recovery::{Reach, TimelineHistory, bytes, seconds};
use crate::service::wal::{Audit, Watched, audit};

/// Arguments of `wal audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// Open every file of WAL: see what a listing cannot show
    #[arg(long)]
    deep: bool,
    /// Also ask the environment's server how far the repository is behind it
    #[arg(long)]
    live: bool,
    /// With --live, the slot that WAL is received through; the audit fails when the server has not got it
    /// [default: tidegate, when it is there]
    #[arg(long, value_name = "NAME", requires = "live")]
    slot: Option<String>,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let repository = open(&config, args.repository.as_deref()).await?;
    let mut found = audit(&repository, args.deep, &app.events, &app.cancel).await?;
    if args.live {
        let target = app.target(&config).await?;
        let session = Session::connect(&target, "wal").await?;
        let allowed = (app.clock.now(), config.backup().rpo);
        found.compare(&session, &repository, allowed).await?;
        let named = args.slot.as_deref();
        found.watch(&session, named, config.backup().rpo).await?;
    }
    Ok(Output::report(found))
}

impl Report for Audit {
    fn kind(&self) -> &'static str {
        "wal_audit"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!("Repository {}", self.repository))?;
        if self.map.backups.is_empty() {
            page.line(page.styled(Style::Bad, "no complete backup: nothing can be recovered"))?;
        } else {
            let rows = self.map.backups.iter().map(|reach| row(page, reach));
            let rows = rows.collect();
            page.table(
                &["backup", "from", "LSN", "to", "LSN", "timeline", "segments"],
                rows,
            )?;
        }
        for hole in &self.map.holes {
            page.line(format!(
                "{} {} segments from {} to {}: {} cannot be carried past it",
                page.styled(Style::Bad, "missing"),
                hole.segments,
                hole.first,
                hole.last,
                hole.blocks.join(", ")
            ))?;
        }
        for timeline in &self.map.lost_histories {
            page.line(format!(
                "{} {}: what WAL of timeline {timeline} continues is not known, nothing is recovered onto it",
                page.styled(Style::Bad, "missing"),
                TimelineHistory::name(*timeline)
            ))?;
        }
        for reason in &self.damaged {
            page.line(format!("{} {reason}", page.styled(Style::Bad, "damaged")))?;
        }
        if self.map.unused_segments > 0 {
            page.line(format!(
                "{} segments come before every backup",
                self.map.unused_segments
            ))?;
        }
        if self.opened > 0 {
            page.line(format!("{} files of WAL opened", self.opened))?;
        }
        if let Some(behind) = &self.behind {
            page.line(format!(
                "server at {}, repository at {}: {} would be lost with it",
                behind.server,
                behind.repository,
                bytes(behind.bytes)
            ))?;
            if let Some(age) = behind.seconds {
                let words = format!("  nothing came for {}", seconds(age));
                let late = if behind.late {
                    ": more than the RPO"
                } else {
                    ""
                };
                page.line(format!("{words}{}", page.styled(Style::Bad, late)))?;
            }
            for (name, flushed) in &behind.receivers {
                let place = flushed.map_or_else(|| "nothing yet".to_owned(), |lsn| lsn.to_string());
                page.line(format!("  {name} has {place}"))?;
            }
        }
        match &self.slot {
            Some(slot) => watched(page, slot),
            None => Ok(()),
        }
    }

    fn exit(&self) -> u8 {
        if self.passed() { 0 } else { 3 }
    }
}

fn watched(page: &mut Page, slot: &Watched) -> fmt::Result {
    let state = &slot.state;
    if state.there {
        let mut facts = vec![if state.active { "in use" } else { "not in use" }.to_owned()];
        facts.extend(state.wal_status.clone());
        facts.extend(
            state
                .retained_bytes
                .map(|kept| format!("{} kept", bytes(kept))),
        );
        facts.push(match state.keep_bytes {
            Some(limit) => format!("{} at most", bytes(limit)),
            None => "without a limit".to_owned(),
        });
        page.line(format!("slot {}: {}", state.name, facts.join(", ")))?;
    }
    if let Some(problem) = &slot.problem {
        page.line(page.styled(Style::Bad, problem))?;
    }
    match state.unguarded() {
        Some(words) => page.line(format!(
            "{} {words}",
            page.styled(Style::Waiting, "warning")
        )),
        None => Ok(()),
    }
}

fn row(page: &Page, reach: &Reach) -> Vec<String> {
    let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S").to_string();
    let to = match (reach.broken, reach.to_time) {
        (true, _) => page.styled(Style::Bad, "not consistent"),
        (false, Some(at)) => time(at),
        (false, None) => "its own end".to_owned(),
    };
    vec![
        reach.id.clone(),
        time(reach.from_time),
        reach.from.to_string(),
        to,
        reach.to.to_string(),
        match reach.left_by {
            None => reach.timeline.to_string(),
            Some(newest) => {
                page.styled(Style::Bad, format!("{}, left by {newest}", reach.timeline))
            }
        },
        reach.segments.to_string(),
    ]
}
