//! What recovery must achieve, and what a way of keeping WAL can lose at worst.

use serde::{Deserialize, Serialize};

/// What recovery must achieve; what is not named is measured and not judged.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Seconds from the disaster to the first write of the application, at most.
    pub rto_seconds: Option<f64>,
    /// Seconds of acknowledged work that may be lost, at most.
    pub rpo_seconds: Option<f64>,
}

/// How WAL gets into the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WalMode {
    /// Whole segments, by the server's `archive_command`.
    Archive,
    /// A receiver on another machine, which uploads also what is not a whole segment yet.
    Stream,
    /// The same, and commits wait for the receiver.
    Sync,
}

impl WalMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Archive, Self::Stream, Self::Sync];

    /// As the command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Stream => "stream",
            Self::Sync => "sync",
        }
    }
}

/// What the worst case depends on; seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalFacts {
    /// The server's `archive_timeout`.
    pub archive_timeout: f64,
    /// Time between two uploads of the receiver.
    pub upload_interval: f64,
    /// The longest time that an upload took.
    pub longest_upload: f64,
}

/// The most that can be lost, in theory; no sample may ever exceed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorstCase {
    /// Seconds of acknowledged work.
    pub seconds: f64,
    /// What it is made of.
    pub because: String,
}

/// How late the checkpointer may notice that `archive_timeout` is over, and the archiver that
/// a segment is full: both sleep up to a second.
const SERVER_NAPS: f64 = 2.0;

impl WalMode {
    /// The worst case of this mode: the disaster comes a moment before the next upload is done.
    /// A receiver is taken to be lost with the primary, except for `sync`, whose promise is that
    /// a commit is on two machines.
    #[must_use]
    pub fn worst_case(self, facts: &WalFacts) -> WorstCase {
        let WalFacts {
            archive_timeout,
            upload_interval,
            longest_upload,
        } = *facts;
        match self {
            Self::Archive => WorstCase {
                seconds: archive_timeout + SERVER_NAPS + longest_upload,
                because: format!(
                    "archive_timeout {archive_timeout:.0} s, {SERVER_NAPS:.0} s until the server acts, {longest_upload:.1} s for a push"
                ),
            },
            Self::Stream => WorstCase {
                seconds: upload_interval + longest_upload,
                because: format!(
                    "the receiver is lost, too: an upload each {upload_interval:.1} s, which takes {longest_upload:.1} s"
                ),
            },
            Self::Sync => WorstCase {
                seconds: 0.0,
                because: "a commit waits until the receiver has it on its disk, and the receiver survives".to_owned(),
            },
        }
    }
}

/// The age of a base backup, in seconds, above which replaying the WAL since then takes longer
/// than the objective leaves. `rest` are the seconds of all phases but the replay; rates are
/// bytes a second. Without WAL any age serves.
#[must_use]
pub fn oldest_base(objective: f64, rest: f64, replay_rate: f64, wal_rate: f64) -> Option<f64> {
    (wal_rate > 0.0 && replay_rate > 0.0)
        .then(|| (objective - rest).max(0.0) * replay_rate / wal_rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_case_grows_with_what_it_is_made_of() {
        let facts = WalFacts {
            archive_timeout: 60.0,
            upload_interval: 1.0,
            longest_upload: 0.5,
        };
        let seconds = |mode: WalMode, facts| mode.worst_case(&facts).seconds;
        assert!((seconds(WalMode::Archive, facts) - 62.5).abs() < 1e-9);
        assert!((seconds(WalMode::Stream, facts) - 1.5).abs() < 1e-9);
        assert!(seconds(WalMode::Sync, facts).abs() < 1e-9);
        let slow = WalFacts {
            longest_upload: 9.0,
            ..facts
        };
        assert!(seconds(WalMode::Stream, slow) > seconds(WalMode::Stream, facts));
    }

    #[test]
    fn an_older_base_means_more_to_replay() {
        // An hour, 1,800 s of it taken; 10 MB/s replayed, 1 MB/s written: five hours.
        let age = oldest_base(3600.0, 1800.0, 10e6, 1e6).unwrap();
        assert!((age - 18_000.0).abs() < 1e-6);
        assert_eq!(oldest_base(10.0, 20.0, 10e6, 1e6), Some(0.0));
        assert_eq!(oldest_base(10.0, 20.0, 10e6, 0.0), None);
    }
}
