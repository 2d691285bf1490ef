//! Where a recovery is to end.

use chrono::{DateTime, Utc};

use super::{BackupManifest, Lsn};

/// Where a recovery ends; the cluster is promoted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryTarget {
    /// At the end of the WAL that there is.
    Latest,
    /// As soon as the base backup is consistent.
    Immediate,
    /// At a named restore point.
    Name(String),
    /// After the last transaction that was committed until then.
    Time(DateTime<Utc>),
    /// At a place in the WAL.
    Lsn(Lsn),
    /// With a transaction.
    Xid(u64),
}

/// The backups from which a target can be reached, newest first. That of a name or a transaction
/// cannot be told from here.
#[must_use]
pub fn reaching<'a>(
    backups: &'a [BackupManifest],
    target: &RecoveryTarget,
) -> Vec<&'a BackupManifest> {
    let serves = |backup: &&BackupManifest| match target {
        RecoveryTarget::Time(time) => backup.ended_at <= *time,
        RecoveryTarget::Lsn(lsn) => backup.end <= *lsn,
        _ => true,
    };
    let mut found: Vec<&BackupManifest> = backups.iter().filter(serves).collect();
    found.sort_by_key(|backup| std::cmp::Reverse((backup.ended_at, &backup.id)));
    found
}

impl RecoveryTarget {
    /// The settings of a server that is to recover to it.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        let target = match self {
            Self::Latest => None,
            Self::Immediate => Some(("recovery_target", "immediate".to_owned())),
            Self::Name(name) => Some(("recovery_target_name", name.clone())),
            Self::Time(time) => Some(("recovery_target_time", time.to_rfc3339())),
            Self::Lsn(lsn) => Some(("recovery_target_lsn", lsn.to_string())),
            Self::Xid(xid) => Some(("recovery_target_xid", xid.to_string())),
        };
        let fixed = [
            ("recovery_target_action", "promote".to_owned()),
            ("recovery_target_timeline", "latest".to_owned()),
        ];
        let all = fixed.into_iter().chain(target);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_place_is_named() {
        let names = |target: RecoveryTarget| -> Vec<String> {
            let all = target.settings().into_iter().map(|(name, _)| name);
            all.filter(|name| !name.ends_with("action") && !name.ends_with("timeline"))
                .collect()
        };
        assert_eq!(names(RecoveryTarget::Latest), [""; 0]);
        assert_eq!(names(RecoveryTarget::Immediate), ["recovery_target"]);
        assert_eq!(names(RecoveryTarget::Lsn(Lsn(7))), ["recovery_target_lsn"]);
    }

    #[test]
    fn the_newest_backup_before_the_target_is_chosen() {
        use super::super::manifest::tests::sample;
        let early = sample("20261126T021500Z-0f3a9c", 1);
        let late = BackupManifest {
            end: Lsn(0x0900_0100),
            ..sample("20261127T021500Z-0f3a9c", 1)
        };
        let all = [early.clone(), late.clone()];
        let chosen = |target| reaching(&all, &target).first().map(|one| one.id.as_str());
        assert_eq!(chosen(RecoveryTarget::Latest), Some(late.id.as_str()));
        let before = RecoveryTarget::Time(late.ended_at - chrono::TimeDelta::seconds(1));
        assert_eq!(chosen(before), Some(early.id.as_str()));
        assert_eq!(
            chosen(RecoveryTarget::Time(late.ended_at)),
            Some(late.id.as_str())
        );
        assert_eq!(
            chosen(RecoveryTarget::Lsn(Lsn(0x0900_00ff))),
            Some(early.id.as_str())
        );
        assert_eq!(chosen(RecoveryTarget::Time(early.started_at)), None);
    }
}
