//! What a restored server is told, so that nothing of its source's configuration does harm.

use std::fmt::Write as _;
use std::path::Path;

use super::commit_times::SETTING;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::check_setting;
use crate::recovery::{BackupManifest, RecoveryTarget};
use crate::service::wal::restore_command;
use crate::sql::literal;

/// Settings that a server in recovery must not have lower than its source had them, and how low they
/// are at least: what was raised after the base backup stands in the WAL alone. A prepared
/// transaction, a subscription's origin or a slot above the limit ends a recovery.
const MINIMUMS: [(&str, u32); 7] = [
    ("max_connections", 0),
    ("max_locks_per_transaction", 0),
    ("max_prepared_transactions", 1000),
    ("max_wal_senders", 0),
    ("max_worker_processes", 0),
    ("max_replication_slots", 1000),
    ("max_active_replication_origins", 1000),
];

/// The first major version with its own limit of origins.
const ORIGINS: u32 = 18;
/// The first major version whose standbys copy slots from their primary.
const SYNCHRONIZED_SLOTS: u32 = 17;

/// Settings of a restored cluster by which its source's could make it archive into the source's
/// repository, wait for the source's standbys, follow its primary, or take the changes that the
/// source's subscriptions are to have: a publisher sends each of them but once.
const QUIET: [(&str, &str); 4] = [
    ("archive_mode", "off"),
    ("primary_conninfo", ""),
    ("synchronous_standby_names", ""),
    ("max_logical_replication_workers", "0"),
];

/// What a cluster is told before it runs on its own.
pub(super) fn quiet(major: u32) -> String {
    let mut text = String::from(
        "# Written by the restore; the source's own is postgresql.auto.conf.source.\n\
         # Without workers no subscription takes changes from its publisher, which would be lost to the\n\
         # subscriber in use. Disable or drop them before you let them work.\n",
    );
    for (name, value) in told(major) {
        let _ = writeln!(text, "{name} = {}", literal(value));
    }
    text
}

fn told(major: u32) -> impl Iterator<Item = (&'static str, &'static str)> {
    let slots = (major >= SYNCHRONIZED_SLOTS).then_some(("sync_replication_slots", "off"));
    QUIET.into_iter().chain(slots)
}

/// The settings of the server that recovers. Everything that the source was configured with is left
/// behind, but for what a standby must not fall short of; `wanted` comes last.
pub(super) fn settings(
    backup: &BackupManifest,
    target: &RecoveryTarget,
    (program, socket): (&Path, &Path),
    wanted: &[(String, String)],
) -> Vec<(String, String)> {
    let fixed = [
        ("restore_command", restore_command(program, socket)),
        // A hot standby says that it is ready long before it takes writes.
        ("hot_standby", "off".to_owned()),
        ("max_wal_size", "4GB".to_owned()),
        // A server that ends its recovery without it removes what the source has kept.
        (SETTING, "on".to_owned()),
    ];
    let major = backup.postgres / 10_000;
    let quiet = told(major).map(|(name, value)| (name, value.to_owned()));
    let minimums = MINIMUMS.into_iter().filter_map(|(name, least)| {
        let known = backup.settings.parameters.get(name);
        let value = match known.map(|known| known.parse::<u32>()) {
            Some(Ok(known)) => known.max(least),
            _ if least > 0 && (name != "max_active_replication_origins" || major >= ORIGINS) => {
                least
            }
            _ => return None,
        };
        Some((name, value.to_string()))
    });
    let all = quiet.chain(fixed).chain(minimums);
    let mut settings: Vec<_> = all.map(|(name, value)| (name.to_owned(), value)).collect();
    settings.extend(target.settings());
    settings.extend(wanted.iter().cloned());
    settings
}

/// Refuses settings without which a restore would be none, or would do harm.
///
/// # Errors
/// [`Kind::Usage`], [`Kind::ConfigValue`].
pub(super) fn allowed(wanted: &[(String, String)]) -> Result<()> {
    for (name, _) in wanted {
        check_setting(name)?;
        let lower = name.to_ascii_lowercase();
        let own = told(u32::MAX).any(|(name, _)| name == lower)
            || lower.starts_with("recovery_")
            || matches!(lower.as_str(), "restore_command" | "hot_standby");
        if own {
            return Err(
                Error::new(Kind::Usage, format!("a restore sets {lower} by itself"))
                    .hint("change it in the restored cluster, when nothing can come to harm by it"),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::manifest_tests::sample;

    #[test]
    fn limits_are_those_of_the_source_and_not_too_low() {
        let mut backup = sample("20261126T021500Z-0f3a9c", 1);
        for (name, value) in [
            ("max_connections", "20"),
            ("max_prepared_transactions", "0"),
            ("max_replication_slots", "5000"),
        ] {
            let known = &mut backup.settings.parameters;
            known.insert(name.to_owned(), value.to_owned());
        }
        let here = (Path::new("/p"), Path::new("/s"));
        let wanted = [("work_mem".to_owned(), "1GB".to_owned())];
        let mut last = |name: &str, postgres| {
            backup.postgres = postgres;
            let all = settings(&backup, &RecoveryTarget::Latest, here, &wanted);
            let found = all.into_iter().rev().find(|(known, _)| known == name);
            found.map(|(_, value)| value)
        };
        for (name, before, after) in [
            ("max_connections", Some("20"), Some("20")),
            ("max_wal_senders", None, None),
            ("max_prepared_transactions", Some("1000"), Some("1000")),
            ("max_replication_slots", Some("5000"), Some("5000")),
            ("max_active_replication_origins", None, Some("1000")),
            ("max_logical_replication_workers", Some("0"), Some("0")),
            ("sync_replication_slots", None, Some("off")),
            ("track_commit_timestamp", Some("on"), Some("on")),
            ("work_mem", Some("1GB"), Some("1GB")),
        ] {
            assert_eq!(last(name, 160_004).as_deref(), before, "{name}");
            assert_eq!(last(name, 180_001).as_deref(), after, "{name}");
        }
    }

    #[test]
    fn what_a_restore_needs_is_not_changed() {
        let one = |name: &str| allowed(&[(name.to_owned(), "x".to_owned())]);
        assert!(one("shared_preload_libraries").is_ok());
        for name in [
            "Archive_Mode",
            "recovery_target_time",
            "restore_command",
            "port",
            "a b",
        ] {
            assert!(one(name).is_err(), "{name}");
        }
        assert!(quiet(16).contains("max_logical_replication_workers = '0'\n"));
        assert!(!quiet(16).contains("sync_replication_slots"));
        assert!(quiet(17).contains("sync_replication_slots = 'off'\n"));
    }
}
