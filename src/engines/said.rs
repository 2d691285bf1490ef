//! What `pg_basebackup` says on stderr: where the backup begins and ends, how far it is, and why it
//! failed.

use crate::error::{Error, Kind};
use crate::recovery::Lsn;

/// Lines of an error that are kept.
const KEPT: usize = 20;

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The start of the backup's WAL and its timeline.
    pub(super) start: Option<(Lsn, u32)>,
    /// Its end.
    pub(super) end: Option<Lsn>,
    lines: Vec<String>,
}

impl Said {
    /// Takes one line.
    pub(super) fn line(&mut self, line: &str) {
        let line = line.trim();
        if let Some((_, rest)) = line.split_once("write-ahead log start point: ") {
            self.start = rest
                .split_once(" on timeline ")
                .and_then(|(lsn, timeline)| Some((lsn.parse().ok()?, timeline.parse().ok()?)));
        } else if let Some((_, rest)) = line.split_once("write-ahead log end point: ") {
            self.end = rest.parse().ok();
        } else if !line.is_empty() && !is_progress(line) {
            if self.lines.len() == KEPT {
                self.lines.remove(0);
            }
            self.lines.push(line.to_owned());
        }
    }

    /// The error that its failure means, with the remedy where it is known.
    pub(super) fn error(&self, status: impl std::fmt::Display, role: &str) -> Error {
        let said = self.lines.join("\n");
        let has = |words: &str| said.contains(words);
        let error = refused(&said, role).unwrap_or_else(|| {
            let error = Error::new(
                Kind::BackupTool,
                format!("pg_basebackup ended with {status}"),
            );
            if let Some(refused) = no_increment(&said) {
                refused
            } else if has("max_wal_senders") {
                error.hint("all WAL senders are in use: raise max_wal_senders, or wait")
            } else if has("has already been removed") {
                error.hint("the server recycled WAL that the backup needs: leave it a free replication slot (max_replication_slots), or raise wal_keep_size")
            } else {
                error
            }
        });
        self.lines
            .iter()
            .fold(error, |error, line| error.detail(line))
    }
}

/// The error that is meant when a server says that it opens `role` no replication connection; none when it
/// says something else.
#[must_use]
pub fn refused(said: &str, role: &str) -> Option<Error> {
    let has = |words: &str| said.contains(words);
    if has("no pg_hba.conf entry for replication") || has("pg_hba.conf rejects replication") {
        let error = Error::new(
            Kind::Privilege,
            format!("pg_hba.conf lets {role} open no replication connection"),
        );
        return Some(error.hint(format!(
            "add a line such as `host replication {role} ADDRESS scram-sha-256` to pg_hba.conf (`all` does not cover replication), then `select pg_reload_conf()`"
        )));
    }
    let unable = has("permission denied to start WAL sender")
        || has("must be superuser or replication role");
    unable.then(|| no_replication(role))
}

/// Why the server makes no increment of this parent, in the words of `basebackup_incremental.c`.
fn no_increment(said: &str) -> Option<Error> {
    let has = |words: &str| said.contains(words);
    let (what, remedy) = if has("WAL summaries are required") {
        (
            "the server has no summaries of all WAL since the parent",
            "take a full backup, then increments of it; summarize_wal must stay on, and wal_summary_keep_time must be longer than the time between two backups",
        )
    } else if has("WAL summarization is not progressing") {
        (
            "the server does not get on with the summaries of its WAL",
            "look at its log for the WAL summarizer; a full backup needs none",
        )
    } else if has("not in this server's history") || has("manifest requires WAL from") {
        (
            "the parent does not lie in the past of this server",
            "take a full backup; on a standby wait for its next restartpoint",
        )
    } else {
        return None;
    };
    Some(
        Error::new(
            Kind::BackupRefused,
            format!("no increment can be made: {what}"),
        )
        .hint(remedy),
    )
}

/// The error of a role that may not take backups, with all that it needs.
#[must_use]
pub fn no_replication(role: &str) -> Error {
    let name =
        crate::sql::Ident::new(role).map_or_else(|_| "ROLE".to_owned(), |name| name.to_string());
    Error::new(
        Kind::Privilege,
        format!("{role} may not take backups: it lacks REPLICATION"),
    )
    .hint(format!(
        "as a superuser: `alter role {name} replication`, and in pg_hba.conf a line such as `host replication {role} ADDRESS scram-sha-256` (`all` does not cover replication)"
    ))
}

/// `  1234/56789 kB (2%), 0/1 tablespace`.
fn is_progress(line: &str) -> bool {
    line.contains(" kB (") && line.contains("tablespace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_and_progress_is_not_kept() {
        let mut said = Said::default();
        for line in [
            "pg_basebackup: checkpoint completed",
            "pg_basebackup: write-ahead log start point: 16/B2000028 on timeline 3",
            " 1024/23018 kB (4%), 0/1 tablespace",
            "pg_basebackup: write-ahead log end point: 16/B2000138",
            "pg_basebackup: base backup completed",
        ] {
            said.line(line);
        }
        assert_eq!(said.start, Some(("16/B2000028".parse().unwrap(), 3)));
        assert_eq!(said.end, "16/B2000138".parse().ok());
        assert_eq!(said.lines.len(), 2);
    }

    #[test]
    fn refusals_name_their_remedy() {
        let error = |line: &str| {
            let mut said = Said::default();
            said.line(line);
            said.error("exit status: 1", "backup")
        };
        for (line, kind, hint) in [
            (
                "FATAL:  no pg_hba.conf entry for replication connection from host \"10.0.0.1\"",
                Kind::Privilege,
                "replication backup ADDRESS",
            ),
            (
                "FATAL:  must be superuser or replication role to start walsender",
                Kind::Privilege,
                "alter role \"backup\" replication",
            ),
            (
                "FATAL:  permission denied to start WAL sender",
                Kind::Privilege,
                "alter role \"backup\" replication",
            ),
            (
                "ERROR:  requested WAL segment 000000010000000000000003 has already been removed",
                Kind::BackupTool,
                "wal_keep_size",
            ),
            (
                "ERROR:  WAL summaries are required on timeline 1 from 0/2000028 to 0/4000028, but the summaries for that timeline and LSN range are incomplete",
                Kind::BackupRefused,
                "wal_summary_keep_time",
            ),
            (
                "ERROR:  timeline 2 found in manifest, but not in this server's history",
                Kind::BackupRefused,
                "take a full backup",
            ),
        ] {
            let error = error(line);
            assert_eq!(error.kind(), kind, "{line}");
            assert!(error.hint_text().contains(hint), "{}", error.hint_text());
        }
    }
}
