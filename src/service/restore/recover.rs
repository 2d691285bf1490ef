//! The server that recovers a restored cluster.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::deadline::{Deadlines, RestorePhase};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Binaries, Ephemeral, Options};
use crate::recovery::{BackupManifest, Lsn, RecoveryTarget};
use crate::service::wal::restore_command;

/// How often the server's log is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Settings that a server in recovery must not have lower than its source.
const MINIMUMS: [&str; 5] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
];

/// What a restored cluster is told before it runs on its own: the source's settings could make it
/// archive into the source's repository, or wait for the source's standbys.
const QUIET: &str = "# Written by the restore; the source's own is postgresql.auto.conf.source.\n\
    archive_mode = off\n\
    primary_conninfo = ''\n\
    synchronous_standby_names = ''\n";

/// Settings that keep the source's own from doing harm: everything that it was configured with is
/// left behind, but for what a standby must not fall short of.
pub(super) fn settings(
    backup: &BackupManifest,
    target: &RecoveryTarget,
    program: &Path,
    socket: &Path,
) -> Vec<(String, String)> {
    let mut settings = vec![
        (
            "restore_command".to_owned(),
            restore_command(program, socket),
        ),
        ("archive_mode".to_owned(), "off".to_owned()),
        // A hot standby says that it is ready long before it takes writes.
        ("hot_standby".to_owned(), "off".to_owned()),
        ("max_wal_size".to_owned(), "4GB".to_owned()),
    ];
    settings.extend(target.settings());
    let known = &backup.settings.parameters;
    settings.extend(
        MINIMUMS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), known.get(*name)?.clone()))),
    );
    settings
}

/// Takes off what the source was configured with, and asks for recovery.
pub(super) fn prepare(data: &Path) -> Result<()> {
    let own = data.join("postgresql.auto.conf");
    if own.exists() {
        std::fs::rename(&own, data.join("postgresql.auto.conf.source"))?;
    }
    std::fs::write(own, QUIET)?;
    let main = data.join("postgresql.conf");
    if !main.exists() {
        std::fs::write(
            main,
            "# The source keeps its settings outside of its data folder.\n",
        )?;
    }
    // The map has the folders of the source, and a server that finds it points its links there.
    for name in [
        "standby.signal",
        "postmaster.pid",
        "postmaster.opts",
        "tablespace_map",
    ] {
        match std::fs::remove_file(data.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    std::fs::write(data.join("recovery.signal"), "")?;
    Ok(())
}

/// A start that is to end with a server that takes writes.
#[derive(Debug)]
pub(super) struct Recovery<'a> {
    /// The folder of the restore.
    pub(super) into: &'a Path,
    pub(super) deadlines: &'a Deadlines,
    pub(super) clock: &'a Arc<dyn Clock>,
}

/// When the replay was over, on the clock that measures, and where.
pub(super) type Replayed = Option<(Duration, Lsn)>;

impl Recovery<'_> {
    /// Starts the server, and tells when the replay was over, and where. That is read from the
    /// server's log, since nothing can be asked before the base backup is consistent.
    pub(super) async fn run(
        &self,
        binaries: &Binaries,
        settings: Vec<(String, String)>,
    ) -> (Result<Ephemeral>, Replayed) {
        let (replay, promote) = (
            self.deadlines.of(RestorePhase::Replay),
            self.deadlines.of(RestorePhase::Promote),
        );
        let options = Options {
            binaries: Some(binaries.clone()),
            settings,
            // The phases have deadlines of their own, which come first.
            patience: Some((replay + promote).saturating_mul(2)),
            ..Options::default()
        };
        let begun = self.clock.monotonic();
        let mut replayed: Replayed = None;
        let mut starting = std::pin::pin!(Ephemeral::start_in(self.into, &options));
        loop {
            tokio::select! {
                started = &mut starting => return (started, replayed.or_else(|| self.look())),
                () = tokio::time::sleep(LOOK) => {}
            }
            replayed = replayed.or_else(|| self.look());
            let now = self.clock.monotonic();
            let (phase, since, limit) = match replayed {
                None => (RestorePhase::Replay, begun, replay),
                Some((end, _)) => (RestorePhase::Promote, end, promote),
            };
            if now.saturating_sub(since) > limit {
                return (Err(self.deadlines.missed(phase)), replayed);
            }
        }
    }

    fn look(&self) -> Replayed {
        let text = std::fs::read_to_string(self.into.join("start.log")).ok()?;
        Some((self.clock.monotonic(), redo_done(&text)?))
    }
}

/// `redo done at 0/5000110`: the last record that was replayed.
fn redo_done(log: &str) -> Option<Lsn> {
    let (_, rest) = log.rsplit_once("redo done at ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What a server that did not come up means for the restore.
pub(super) fn failed(error: Error) -> Error {
    if error.kind() == Kind::RestoreFailed {
        return error;
    }
    let mut failure = Error::new(Kind::RestoreFailed, format!("the restored server: {error}"));
    let lines = error.details().iter();
    for line in lines
        .filter(|line| line.contains("FATAL") || line.contains("PANIC") || line.contains("DETAIL"))
    {
        failure = failure.detail(line.clone());
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_where_redo_ended() {
        let log =
            "LOG:  redo starts at 0/2000028\nLOG:  redo done at 0/5000110 system usage: CPU\n";
        assert_eq!(redo_done(log), Some(Lsn(0x500_0110)));
        assert_eq!(redo_done("LOG:  redo starts at 0/2000028"), None);
    }
}
