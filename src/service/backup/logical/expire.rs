//! Which logical backups go. No base backup stays or goes for their sake, nor the other way round.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::expire::Gone;
use super::super::shelf::{Damaged, Remains};
use super::LogicalShelf;
use crate::error::{Error, Kind, Result};
use crate::recovery::{Decision, Held, LogicalManifest, Retention};
use crate::storage::Repository;

/// What is removed of logical backups, or would be.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LogicalExpiry {
    /// Those that stay, newest first for each set of tables, with their reasons.
    pub kept: Vec<Decision>,
    /// Those that go.
    pub expired: Vec<Gone>,
    /// Remains of those that were never completed.
    pub remains: Vec<Remains>,
    /// Those that cannot be judged; they stay.
    pub damaged: Vec<Damaged>,
}

/// Decides. The rules hold for each set of tables by itself: a backup of one table is no newer one of
/// another.
pub(in crate::service::backup) fn decide(
    shelf: &LogicalShelf,
    (retention, now): (&Retention, DateTime<Utc>),
    silent: impl Fn(&Remains) -> bool,
) -> LogicalExpiry {
    let mut expiry = LogicalExpiry {
        damaged: shelf.damaged.clone(),
        ..LogicalExpiry::default()
    };
    let mut subjects: BTreeMap<String, Vec<&LogicalManifest>> = BTreeMap::new();
    for backup in &shelf.backups {
        match shelf.missing(backup).count() {
            0 => subjects.entry(backup.subject()).or_default().push(backup),
            missing => expiry.damaged.push(Damaged {
                id: backup.id.clone(),
                problem: format!("{missing} of its parts are not there"),
            }),
        }
    }
    for (subject, backups) in subjects {
        let held: Vec<Held> = backups.iter().map(|backup| held(backup)).collect();
        for mut decision in retention.decide(now, &held) {
            if decision.reasons.is_empty() {
                let mut backups = backups.iter();
                let backup = backups.find(|backup| backup.id == decision.id);
                expiry.expired.extend(backup.map(|backup| Gone {
                    id: backup.id.clone(),
                    bytes: backup.sealed_bytes,
                }));
            } else {
                decision.reasons.push(subject.clone());
                expiry.kept.push(decision);
            }
        }
    }
    let remains = shelf.remains.iter().filter(|one| silent(one));
    expiry.remains = remains.cloned().collect();
    expiry
}

fn held(backup: &LogicalManifest) -> Held {
    Held {
        id: backup.id.clone(),
        ended_at: backup.ended_at,
        parent: None,
    }
}

/// Removes what was decided on; `stopped` is asked before each. What the store does not let go stays, and
/// the others go all the same.
///
/// # Errors
/// [`Kind::StorageLocked`] names those that stay; those of the repository.
pub(in crate::service::backup) async fn remove(
    repository: &Repository,
    expiry: &LogicalExpiry,
    stopped: impl Fn() -> Result<()>,
) -> Result<()> {
    let (mut locked, mut refused) = (Vec::new(), None);
    for Gone { id, .. } in &expiry.expired {
        stopped()?;
        match remove_backup(repository, id).await {
            Err(error) if error.kind() == Kind::StorageLocked => {
                refused.get_or_insert(error);
                locked.push(id.as_str());
            }
            done => done?,
        }
    }
    for Remains { id, .. } in &expiry.remains {
        stopped()?;
        // It may have been completed since it was listed.
        if !repository.exists(&LogicalManifest::name(id)).await? {
            let folder = LogicalManifest::folder(id);
            repository.remove_folder(&folder).await?;
        }
    }
    let told = |error: Error| {
        let stay = locked.join(", ");
        Err(error.detail(format!(
            "of the logical backups that were to go these stay: {stay}"
        )))
    };
    refused.map_or(Ok(()), told)
}

async fn remove_backup(repository: &Repository, id: &str) -> Result<()> {
    // The manifest first: what is half removed must not pass for a backup.
    repository.remove(&LogicalManifest::name(id)).await?;
    repository.remove_folder(&LogicalManifest::folder(id)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::logical_tests::{sample, table};

    #[test]
    fn a_backup_of_one_table_is_no_newer_one_of_another() {
        let (orders, users) = (table("app", "orders"), table("app", "users"));
        let ids = ["20261123", "20261124", "20261125", "20261126"];
        let ids = ids.map(|day| format!("{day}T021500Z-000001"));
        let backups = vec![
            sample(&ids[0], std::slice::from_ref(&orders)),
            sample(&ids[1], std::slice::from_ref(&users)),
            sample(&ids[2], std::slice::from_ref(&users)),
            sample(&ids[3], std::slice::from_ref(&users)),
        ];
        let there = backups[..3].iter().flat_map(LogicalManifest::parts);
        let shelf = LogicalShelf {
            files: there.map(|(name, _)| (name, 1)).collect(),
            backups: backups.clone(),
            ..LogicalShelf::default()
        };
        let rule = Retention {
            count: Some(1),
            ..Retention::default()
        };
        let now = backups[3].ended_at;
        let expiry = decide(&shelf, (&rule, now), |_| true);
        let kept: Vec<&str> = expiry.kept.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(kept, [&ids[0], &ids[2]], "the newest one misses parts");
        assert_eq!(expiry.expired[0].id, ids[1]);
        assert_eq!(expiry.expired.len(), 1);
        assert_eq!(expiry.damaged[0].id, ids[3]);
    }
}
