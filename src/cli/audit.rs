//! `tidegate audit`: shows and verifies the log of what was done.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report, Style};
use crate::control::{AuditFilter, Control};
use crate::error::Result;
use crate::governance::{AuditEntry, Hash};

/// Commands of `audit`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print entries, the oldest first
    Show(ShowArgs),
    /// Check the hash chain from the first entry to the head
    Verify(VerifyArgs),
}

/// Arguments of `audit show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Print at most so many entries, the newest; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Print nothing older: a date, a moment (RFC 3339), or a time ago such as 90m, 12h, 7d
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Print this action only, or all below it: `migrate` stands for `migrate.apply` and others
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
}

/// Arguments of `audit verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// A hash that an earlier `audit verify` printed; it must still be in the log
    #[arg(long, value_name = "HASH")]
    expect_head: Option<Hash>,
}

/// A moment on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    At(DateTime<Utc>),
    Ago(chrono::TimeDelta),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(at.to_utc()));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::At(date.and_time(NaiveTime::MIN).and_utc()));
        }
        let ago = |number: &str, seconds: i64| {
            let count: i64 = number.parse::<u32>().ok()?.into();
            chrono::TimeDelta::try_seconds(count * seconds).map(Self::Ago)
        };
        [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
            .iter()
            .find_map(|(unit, seconds)| ago(text.strip_suffix(unit)?, *seconds))
            .ok_or_else(|| {
                "a date (2026-11-20), a moment (2026-11-20T09:00:00Z) or a time ago (12h)"
                    .to_owned()
            })
    }
}

pub(super) async fn run(app: &App, command: &Command) -> Result<Output> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let control = Control::open(&target).await?;
    match command {
        Command::Show(args) => show(app, &control, args).await,
        Command::Verify(args) => {
            let head = control.verify_audit(args.expect_head).await?;
            Ok(Output::report(Verified {
                holds: true,
                entries: head.entries,
                head: head.hash,
            }))
        }
    }
}

async fn show(app: &App, control: &Control, args: &ShowArgs) -> Result<Output> {
    let filter = AuditFilter {
        since: args.since.map(|since| match since {
            Since::At(at) => at,
            Since::Ago(ago) => app.clock.now() - ago,
        }),
        action: args.action.clone(),
        limit: (args.limit > 0).then_some(args.limit),
    };
    let entries = control.audit_entries(&filter).await?;
    Ok(Output::report(Shown { entries }))
}

#[derive(Debug, Serialize)]
struct Shown {
    entries: Vec<AuditEntry>,
}

impl Report for Shown {
    fn kind(&self) -> &'static str {
        "audit_show"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.entries.is_empty() {
            return page.line("No entries.");
        }
        let rows = self
            .entries
            .iter()
            .map(|entry| {
                vec![
                    entry.seq.to_string(),
                    entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                    entry.actor.clone(),
                    entry.environment.clone(),
                    entry.action.clone(),
                    entry.detail.clone(),
                ]
            })
            .collect();
        page.table(
            &["", "At (UTC)", "Actor", "Environment", "Action", "Detail"],
            rows,
        )
    }
}

#[derive(Debug, Serialize)]
struct Verified {
    holds: bool,
    entries: i64,
    head: Hash,
}

impl Report for Verified {
    fn kind(&self) -> &'static str {
        "audit_verify"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let ok = page.styled(Style::Good, "ok");
        page.line(format!("{ok}  {} entries, the chain holds", self.entries))?;
        page.line(format!("head {}", self.head))?;
        page.line(
            "Note the head down where the database's owner cannot write; a later\n\
             `tidegate audit verify --expect-head HASH` then finds a log rewritten as a whole.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_three_forms() {
        let day: Since = "2026-11-20".parse().unwrap();
        assert_eq!(day, "2026-11-20T01:00:00+01:00".parse().unwrap());
        assert_eq!("12h".parse(), Ok(Since::Ago(chrono::TimeDelta::hours(12))));
        assert!("yesterday".parse::<Since>().is_err());
        assert!("-5h".parse::<Since>().is_err());
    }
}
