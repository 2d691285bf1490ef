//! What the commands print.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::render::{Page, Report, Style};
use super::logical;
use crate::error::Kind;
use crate::recovery::{BackupManifest, Decision, Lsn};
use crate::service::backup::{
    Created, Damaged, Expired, Gone, LogicalShelf, Remains, Shelf, Verified,
};

/// Bytes as megabytes.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

impl Report for Created {
    fn kind(&self) -> &'static str {
        "backup_create"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "backup {}   {} in {:.1} s, {} sealed in {} parts",
            page.styled(Style::Good, &self.id),
            megabytes(self.bytes),
            self.seconds,
            megabytes(self.sealed_bytes),
            self.parts
        ))?;
        page.line(format!(
            "  {} to {} on timeline {}, in {}",
            self.start, self.end, self.timeline, self.repository
        ))?;
        if let Some(parent) = &self.parent {
            page.line(format!("  an increment of {parent}: a restore needs both"))?;
        }
        page.line(if self.wal_included {
            "  it holds the WAL that it needs; for any later moment WAL must be archived: tidegate wal receive"
        } else {
            "  it needs archived WAL from its start to its end: tidegate wal audit"
        })
    }
}

/// `backup list`.
#[derive(Debug, Serialize)]
pub(super) struct List {
    repository: String,
    backups: Vec<Listed>,
    /// Logical ones.
    logical: Vec<logical::Listed>,
    damaged: Vec<Damaged>,
    unfinished: Vec<Remains>,
}

/// One backup.
#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    engine: String,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    system_identifier: String,
    postgres: u32,
    timeline: u32,
    start: Lsn,
    end: Lsn,
    wal_included: bool,
    region: Option<String>,
    parent: Option<String>,
    streams: usize,
    parts: usize,
    /// Parts that are not there.
    missing: Vec<String>,
    bytes: u64,
    sealed_bytes: u64,
}

impl List {
    pub(super) fn new(repository: String, shelf: Shelf, beside: LogicalShelf) -> Self {
        let listed = |backup: &BackupManifest| Listed {
            id: backup.id.clone(),
            engine: backup.engine.clone(),
            started_at: backup.started_at,
            ended_at: backup.ended_at,
            system_identifier: backup.system_identifier.to_string(),
            postgres: backup.postgres,
            timeline: backup.timeline,
            start: backup.start,
            end: backup.end,
            wal_included: backup.wal_included,
            region: backup.region.clone(),
            parent: backup.parent.clone(),
            streams: backup.streams.len(),
            parts: backup.parts().count(),
            missing: shelf.missing(backup).collect(),
            bytes: backup.bytes,
            sealed_bytes: backup.sealed_bytes,
        };
        Self {
            backups: shelf.backups.iter().map(listed).collect(),
            repository,
            logical: logical::Listed::of(&beside),
            damaged: [shelf.damaged, beside.damaged].concat(),
            unfinished: [shelf.remains, beside.remains].concat(),
        }
    }
}

impl Report for List {
    fn kind(&self) -> &'static str {
        "backup_list"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let none = self.backups.is_empty() && self.damaged.is_empty();
        if none && self.logical.is_empty() {
            page.line(format!("No backups in {}.", self.repository))?;
        } else if none {
            let text = "No base backups: nothing can be recovered to a moment.";
            page.line(page.styled(Style::Waiting, text))?;
        } else {
            let rows = self.backups.iter().map(|backup| {
                vec![
                    backup.id.clone(),
                    backup.ended_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                    (backup.postgres / 10_000).to_string(),
                    backup.timeline.to_string(),
                    format!("{} to {}", backup.start, backup.end),
                    megabytes(backup.bytes),
                    megabytes(backup.sealed_bytes),
                ]
            });
            let head = ["Backup", "Complete", "PG", "TL", "WAL", "Size", "Sealed"];
            page.table(&head, rows.collect())?;
        }
        for backup in &self.backups {
            if let Some(parent) = &backup.parent {
                page.line(format!("{} is an increment of {parent}", backup.id))?;
            }
            if !backup.missing.is_empty() {
                let bad = page.styled(Style::Bad, "damaged");
                page.line(format!(
                    "{bad}  {}: {} of its {} parts are not there",
                    backup.id,
                    backup.missing.len(),
                    backup.parts
                ))?;
            }
        }
        logical::Listed::page(&self.logical, page)?;
        damaged(page, &self.damaged)?;
        for remains in &self.unfinished {
            page.line(format!(
                "{}  {}, last sign of life {}",
                page.styled(Style::Waiting, "unfinished"),
                remains.id,
                remains.alive_at.format("%Y-%m-%d %H:%M:%SZ")
            ))?;
        }
        Ok(())
    }
}

fn damaged(page: &mut Page, damaged: &[Damaged]) -> fmt::Result {
    for one in damaged {
        let bad = page.styled(Style::Bad, "damaged");
        page.line(format!("{bad}  {}: {}", one.id, one.problem))?;
    }
    Ok(())
}

impl Report for Verified {
    fn kind(&self) -> &'static str {
        "backup_verify"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        for finding in &self.findings {
            let bad = page.styled(Style::Bad, "damaged");
            page.line(format!("{bad}  {}: {}", finding.file, finding.problem))?;
        }
        page.line(format!(
            "{} backups, {} of {} parts opened, {} in {:.1} s; {}",
            self.backups.len(),
            self.opened,
            self.parts,
            megabytes(self.bytes),
            self.seconds,
            match self.findings.len() {
                0 => page.styled(Style::Good, "all are what was written"),
                wrong => page.styled(Style::Bad, format!("{wrong} are damaged")),
            }
        ))?;
        if self.contents > 0 {
            page.line(format!(
                "pg_restore reads the tables of contents of {} logical archives",
                self.contents
            ))?;
        }
        match &self.coverage {
            Some(coverage) => page.line(format!(
                "turns so far prove {} of {} parts{}",
                coverage.proven,
                coverage.parts,
                coverage.oldest.map_or_else(String::new, |at| format!(
                    ", the longest ago on {}",
                    at.format("%Y-%m-%d")
                ))
            )),
            None => Ok(()),
        }
    }

    fn exit(&self) -> u8 {
        if self.findings.is_empty() {
            0
        } else {
            Kind::SealBroken.policy().exit
        }
    }
}

/// What stays and what goes.
fn judged(
    page: &mut Page,
    (kept, expired, remains): (&[Decision], &[Gone], &[Remains]),
    goes: &str,
) -> fmt::Result {
    for kept in kept {
        let word = page.styled(Style::Good, "kept");
        page.line(format!("{word}  {}  {}", kept.id, kept.reasons.join(", ")))?;
    }
    for gone in expired {
        let word = page.styled(Style::Waiting, goes);
        page.line(format!("{word}  {}  {}", gone.id, megabytes(gone.bytes)))?;
    }
    for remains in remains {
        page.line(format!(
            "{}  {}  {}, never completed",
            page.styled(Style::Waiting, goes),
            remains.id,
            megabytes(remains.bytes)
        ))?;
    }
    Ok(())
}

impl Report for Expired {
    fn kind(&self) -> &'static str {
        "backup_expire"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let goes = if self.dry_run { "would go" } else { "removed" };
        judged(page, (&self.kept, &self.expired, &self.remains), goes)?;
        let beside = &self.logical;
        judged(page, (&beside.kept, &beside.expired, &beside.remains), goes)?;
        damaged(page, &beside.damaged)?;
        damaged(page, &self.damaged)?;
        match self.wal.before {
            Some(before) => page.line(format!(
                "{} files of WAL before {before}, {}: {goes}",
                self.wal.files,
                megabytes(self.wal.bytes)
            )),
            None => page.line("all WAL stays"),
        }
    }
}
