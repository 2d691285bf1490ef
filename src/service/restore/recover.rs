//! The server that recovers a restored cluster.

use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::deadline::{Deadlines, RestorePhase};
use super::neutral::quiet;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Binaries, Ephemeral, Options};
use crate::recovery::{Lsn, TimelineHistory};

/// How often the server's log is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of a line of the log that are looked at.
const LINE: usize = 4096;

/// By which a server recovers up to a target and then takes writes.
pub(super) const RECOVERS: &str = "recovery.signal";
/// By which a server replays whatever comes, and takes no writes.
pub(super) const STANDS_BY: &str = "standby.signal";

/// Takes off what the source, of the major version `major`, was configured with, and asks for recovery
/// by the file `signal`.
pub(super) fn prepare(data: &Path, major: u32, signal: &str) -> Result<()> {
    let own = data.join("postgresql.auto.conf");
    if own.exists() {
        std::fs::rename(&own, data.join("postgresql.auto.conf.source"))?;
    }
    std::fs::write(own, quiet(major))?;
    let main = data.join("postgresql.conf");
    if !main.exists() {
        std::fs::write(
            main,
            "# The source keeps its settings outside of its data folder.\n",
        )?;
    }
    // The map has the folders of the source, and a server that finds it points its links there.
    for name in [
        STANDS_BY,
        "postmaster.pid",
        "postmaster.opts",
        "tablespace_map",
    ] {
        match std::fs::remove_file(data.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    std::fs::write(data.join(signal), "")?;
    Ok(())
}

/// A start that is to end with a server that takes writes.
#[derive(Debug)]
pub(super) struct Recovery<'a> {
    /// The folder of the restore.
    pub(super) into: &'a Path,
    /// Whether it was there before, and stays when the recovery fails.
    pub(super) folder_stays: bool,
    pub(super) deadlines: &'a Deadlines,
    pub(super) clock: &'a Arc<dyn Clock>,
}

/// When the replay was over, on the clock that measures, and where its last record began.
pub(super) type Replayed = Option<(Duration, Lsn)>;

impl Recovery<'_> {
    /// Starts the server, and tells when the replay was over. That is read from the server's log,
    /// since nothing can be asked before the base backup is consistent.
    pub(super) async fn run(
        &self,
        binaries: &Binaries,
        settings: Vec<(String, String)>,
    ) -> (Result<Ephemeral>, Replayed) {
        let (replay, promote) = (
            self.deadlines.of(RestorePhase::Replay),
            self.deadlines.of(RestorePhase::Promote),
        );
        let options = self.options(binaries, settings);
        let begun = self.clock.monotonic();
        let (mut log, mut replayed) = (Log::default(), Replayed::None);
        let mut starting = std::pin::pin!(Ephemeral::start_in(self.into, &options));
        loop {
            tokio::select! {
                started = &mut starting => {
                    return (started, replayed.or_else(|| self.look(&mut log)));
                }
                () = tokio::time::sleep(LOOK) => {}
            }
            replayed = replayed.or_else(|| self.look(&mut log));
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

    /// Starts a server that has recovered once more.
    pub(super) async fn again(
        &self,
        binaries: &Binaries,
        settings: Vec<(String, String)>,
    ) -> Result<Ephemeral> {
        Ephemeral::start_in(self.into, &self.options(binaries, settings)).await
    }

    fn options(&self, binaries: &Binaries, settings: Vec<(String, String)>) -> Options {
        let limit = |phase| self.deadlines.of(phase);
        let both = limit(RestorePhase::Replay) + limit(RestorePhase::Promote);
        Options {
            binaries: Some(binaries.clone()),
            settings,
            folder_stays: self.folder_stays,
            // The phases have deadlines of their own, which come first.
            patience: Some(both.saturating_mul(2)),
            ..Options::default()
        }
    }

    fn look(&self, log: &mut Log) -> Replayed {
        let found = log.redo_done(&self.into.join("start.log")).ok()?;
        Some((self.clock.monotonic(), found?))
    }
}

/// What was read of a server's log. It grows by a line for each segment, and is read but once.
#[derive(Debug, Default)]
struct Log {
    /// Bytes that were read.
    at: u64,
    /// The beginning of a line whose end is not there yet.
    line: Vec<u8>,
}

impl Log {
    /// Reads on, up to `redo done at 0/5000110`: the last record that was replayed. Words of users may be
    /// in any encoding.
    fn redo_done(&mut self, path: &Path) -> std::io::Result<Option<Lsn>> {
        let mut file = std::fs::File::open(path)?;
        if file.metadata()?.len() < self.at {
            // The server was started once more.
            *self = Self::default();
        }
        file.seek(std::io::SeekFrom::Start(self.at))?;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = file.read(&mut chunk)?;
            if count == 0 {
                return Ok(None);
            }
            self.at += count as u64;
            for piece in chunk[..count].split_inclusive(|byte| *byte == b'\n') {
                if self.line.len() < LINE {
                    self.line.extend_from_slice(piece);
                }
                if piece.ends_with(b"\n") {
                    let line = std::mem::take(&mut self.line);
                    if let Some(lsn) = redo_done(&String::from_utf8_lossy(&line)) {
                        return Ok(Some(lsn));
                    }
                }
            }
        }
    }
}

fn redo_done(line: &str) -> Option<Lsn> {
    let (_, rest) = line.rsplit_once("redo done at ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Where the recovery of the promoted cluster in `data` ended: behind its last record. The server
/// writes it down as the place at which its new timeline leaves the old one.
pub(super) fn ended_at(data: &Path) -> Result<Option<Lsn>> {
    let mut newest = None;
    for entry in data.join("pg_wal").read_dir()? {
        let name = entry?.file_name();
        newest = newest.max(TimelineHistory::timeline_of(&name.to_string_lossy()));
    }
    let Some(timeline) = newest else {
        return Ok(None);
    };
    let path = data.join("pg_wal").join(TimelineHistory::name(timeline));
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let history = TimelineHistory::parse(timeline, &text)
        .map_err(|why| Error::new(Kind::RestoreFailed, why))?;
    Ok(history.branches.last().map(|branch| branch.at))
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
    fn the_log_tells_where_redo_ended_whatever_else_it_holds() {
        use std::io::Write as _;
        let dir = tempfile::tempdir().unwrap();
        let (path, mut log) = (dir.path().join("start.log"), Log::default());
        assert!(log.redo_done(&path).is_err(), "it is not there yet");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut long = vec![b'x'; 200_000];
        long.push(b'\n');
        let parts: [(&[u8], Option<Lsn>); 5] = [
            (b"LOG:  redo starts at 0/2000028\n", None),
            (b"LOG:  restored \xe4\xff\n", None),
            (&long, None),
            (b"LOG:  redo done at 0/50", None),
            (b"00110 system usage: CPU\n", Some(Lsn(0x500_0110))),
        ];
        for (part, found) in parts {
            file.write_all(part).unwrap();
            assert_eq!(log.redo_done(&path).unwrap(), found);
        }
        assert_eq!(log.at, path.metadata().unwrap().len());
        std::fs::write(&path, "LOG:  redo done at 0/60 system\n").unwrap();
        assert_eq!(log.redo_done(&path).unwrap(), Some(Lsn(0x60)));
    }

    #[test]
    fn the_newest_history_tells_where_the_recovery_ended() {
        let dir = tempfile::tempdir().unwrap();
        let wal = dir.path().join("pg_wal");
        std::fs::create_dir(&wal).unwrap();
        assert_eq!(ended_at(dir.path()).unwrap(), None);
        for (name, text) in [
            ("00000002.history", "1\t0/3000100\tx\n"),
            ("00000003.history", "1\t0/3000100\tx\n\n2\t0/40000D8\tx\n"),
            ("000000030000000000000004", "wal"),
        ] {
            std::fs::write(wal.join(name), text).unwrap();
        }
        assert_eq!(ended_at(dir.path()).unwrap(), Some(Lsn(0x400_00D8)));
    }
}
