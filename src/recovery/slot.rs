//! The replication slot of a receiver: how much WAL the server keeps for it, and when that ends.

use std::time::Duration;

use serde::Serialize;

use super::{bytes, seconds};
use crate::sql::{MAX_IDENT_BYTES, literal};

/// A physical replication slot, as its server tells (`pg_replication_slots`). A server keeps all WAL
/// that the slot has not confirmed: without a limit until its disk is full, with one until the slot is
/// given up.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SlotState {
    /// Its name.
    pub name: String,
    /// Whether the server has it.
    pub there: bool,
    /// Whether somebody receives through it.
    pub active: bool,
    /// `reserved`, `extended` (beyond `max_wal_size`), `unreserved` (given up at the next checkpoint) or
    /// `lost`; none for a slot that was never used.
    pub wal_status: Option<String>,
    /// Bytes of WAL that the server keeps for it.
    pub retained_bytes: Option<u64>,
    /// Bytes that may be written before it is given up; none without a limit. At or below 0 the next
    /// checkpoint gives it up.
    pub safe_bytes: Option<i64>,
    /// `max_slot_wal_keep_size` in bytes; none without a limit.
    pub keep_bytes: Option<u64>,
    /// Seconds since somebody received through it last; PostgreSQL 17 and newer.
    pub inactive_seconds: Option<f64>,
    /// Why the server gave it up; PostgreSQL 17 and newer.
    pub invalidation_reason: Option<String>,
}

impl SlotState {
    /// Whether the server has given it up: nothing is received through it any more without a hole.
    #[must_use]
    pub fn lost(&self) -> bool {
        self.wal_status.as_deref() == Some("lost")
    }

    /// What will come of a slot whose server keeps WAL without a limit; none with one.
    #[must_use]
    pub fn unguarded(&self) -> Option<String> {
        (self.there && self.keep_bytes.is_none()).then(|| {
            format!(
                "max_slot_wal_keep_size is -1: while nobody receives through the slot \"{}\", its server keeps WAL until its disk is full and it stops",
                self.name
            )
        })
    }

    /// What is wrong with it now. `silent` is how long nothing came where the server does not tell it,
    /// and none when there was nothing to come; from `patience` on that is too long.
    #[must_use]
    pub fn problem(&self, silent: Option<f64>, patience: Duration) -> Option<String> {
        let name = &self.name;
        if !self.there {
            return Some(format!("the server has no slot \"{name}\""));
        }
        if self.lost() {
            let why = self.invalidation_reason.as_deref();
            let why = why.map_or_else(String::new, |why| format!(" ({why})"));
            return Some(format!("the server has given up the slot \"{name}\"{why}"));
        }
        if self.wal_status.as_deref() == Some("unreserved") {
            return Some(format!(
                "the server gives up the slot \"{name}\" at its next checkpoint"
            ));
        }
        let idle = self.inactive_seconds.or(silent);
        let idle = idle.filter(|idle| !self.active && *idle > patience.as_secs_f64())?;
        let kept = self.retained_bytes.map_or_else(String::new, |kept| {
            format!("; the server keeps {} for it", bytes(kept))
        });
        Some(format!(
            "nobody has received through the slot \"{name}\" for {}{kept}",
            seconds(idle)
        ))
    }
}

/// Reads the name of a replication slot, as a server takes it.
///
/// # Errors
/// A sentence, when it is none.
pub fn slot_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=MAX_IDENT_BYTES).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "the name of a replication slot has 1 to {MAX_IDENT_BYTES} characters of a-z, 0-9 and _"
    ))
}

/// What to do about a server that keeps WAL for a slot without a limit.
pub const UNGUARDED_REMEDY: &str = "alter system set max_slot_wal_keep_size = '...' to less than the disk has left, and select pg_reload_conf(); a slot that falls back further is given up, and a new base backup is due";

/// What to do about a slot that was given up.
#[must_use]
pub fn lost_remedy(slot: &str) -> String {
    format!(
        "select pg_drop_replication_slot({}), remove the files of WAL in the receiver's spool once they are uploaded, start `wal receive`, which makes a new slot, and take a base backup at once; raise max_slot_wal_keep_size when the receiver was not away for long",
        literal(slot)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> SlotState {
        SlotState {
            name: "tidegate".to_owned(),
            there: true,
            wal_status: Some("reserved".to_owned()),
            retained_bytes: Some(3 << 20),
            ..SlotState::default()
        }
    }

    #[test]
    fn what_loses_wal_is_a_problem_and_an_idle_server_is_not() {
        let patience = Duration::from_secs(60);
        let problem = |slot: &SlotState, silent| slot.problem(silent, patience);
        let good = slot();
        assert_eq!(problem(&good, None), None);
        assert_eq!(problem(&good, Some(59.0)), None);
        let silent = problem(&good, Some(61.0)).unwrap();
        assert!(
            silent.contains("1 m 01 s") && silent.contains("3.1 MB"),
            "{silent}"
        );
        // Somebody receives, or the server itself tells that it was a moment ago.
        let active = SlotState {
            active: true,
            ..slot()
        };
        assert_eq!(problem(&active, Some(600.0)), None);
        let fresh = SlotState {
            inactive_seconds: Some(2.0),
            ..slot()
        };
        assert_eq!(problem(&fresh, Some(600.0)), None);
        for status in ["unreserved", "lost"] {
            let bad = SlotState {
                wal_status: Some(status.to_owned()),
                ..active.clone()
            };
            assert!(problem(&bad, None).is_some(), "{status}");
            assert_eq!(bad.lost(), status == "lost");
        }
        let none = SlotState {
            there: false,
            ..slot()
        };
        assert!(problem(&none, None).is_some());
    }

    #[test]
    fn only_a_slot_that_is_there_fills_a_disk() {
        assert!(slot().unguarded().is_some());
        let guarded = SlotState {
            keep_bytes: Some(1 << 30),
            ..slot()
        };
        assert_eq!(guarded.unguarded(), None);
        assert_eq!(SlotState::default().unguarded(), None);
    }
}
