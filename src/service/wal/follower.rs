//! WAL for a server that follows a repository for as long as that grows. What is not there yet is asked
//! for again each second, so the answer must be cheap: one file is looked for by its name. All names are
//! listed now and then only, to tell the end of the log from a hole in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::fetch::{Fetched, chain, fetch};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    Brought, Presence, Segment, TimelineHistory, WalChain, history_name, wal_name,
};
use crate::storage::Repository;

/// Time between two listings of all WAL.
const LISTING: Duration = Duration::from_secs(15);
/// How long a file is waited for that others vouch for: whoever uploads several at once may end with a
/// later one first.
const PATIENCE: Duration = Duration::from_secs(30);
/// Names that are waited for; more are forgotten.
const NAMES: usize = 16;

/// What is remembered of a server that follows. Nothing of it grows with the log.
#[derive(Debug)]
pub(super) struct Follower {
    repository: Repository,
    bytes: u32,
    brought: Option<Brought>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The last segment that was fetched.
    given: Option<Segment>,
    /// The pieces of a segment that were given, in bytes from its beginning, and when.
    pieces: Option<(Segment, u64, Duration)>,
    /// When all names were listed.
    listed: Option<Duration>,
    /// Since when a file has been missing.
    missing: BTreeMap<String, Duration>,
    /// Whether the repository was out of reach the last time.
    away: bool,
}

impl Follower {
    pub(super) fn new(
        repository: &Repository,
        (bytes, brought): (u32, Option<Brought>),
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            repository: repository.clone(),
            bytes,
            brought,
            clock: Arc::clone(clock),
            memory: Mutex::new(Memory {
                // The names were listed when the socket was made.
                listed: Some(clock.monotonic()),
                ..Memory::default()
            }),
        }
    }

    /// The last segment that was fetched for the server, whole or in pieces.
    pub(super) fn given(&self) -> Option<Segment> {
        self.memory().given
    }

    /// Fetches a file; `known` is the last listing, and is brought up to date.
    ///
    /// # Errors
    /// What waiting does not cure: a damaged file, and one that has been missing for long though later
    /// ones are there.
    pub(super) async fn fetch(
        &self,
        known: &tokio::sync::Mutex<WalChain>,
        name: &str,
    ) -> Result<Fetched> {
        let found = match self.look(name).await {
            Ok(None) => self.judge(known, name).await,
            Ok(Some(found)) => {
                if let (Fetched::Found(_), Err(error)) = (&found, self.list(known).await) {
                    tracing::debug!(%error, "the WAL was not listed anew");
                }
                Ok(found)
            }
            Err(error) => Err(error),
        };
        self.settle(name, found)
    }

    /// The file, when it is there and the server has not got it; none when nothing is known of it.
    async fn look(&self, name: &str) -> Result<Option<Fetched>> {
        if let Some(timeline) = TimelineHistory::timeline_of(name) {
            let file = history_name(timeline);
            if self.repository.exists(&file).await? {
                return Ok(Some(Fetched::Found(self.repository.get(&file).await?)));
            }
            // The server has it in its own pg_wal, and looks there next.
            let brought = self.brought.is_some_and(|own| own.holds_history(timeline));
            return Ok(brought.then_some(Fetched::Beyond));
        }
        let Some(segment) = Segment::parse(name, self.bytes) else {
            return Ok(Some(Fetched::Beyond));
        };
        let own = self.brought.filter(|own| own.holds(segment));
        if own.is_some_and(|own| !own.is_less_than(segment, u64::MAX)) {
            return Ok(Some(Fetched::Beyond));
        }
        let there = self.there(segment).await?;
        let covered = match there.presence(segment) {
            Presence::Whole => None,
            Presence::Partial(pieces) => Some(pieces.covered()),
            _ => return Ok(own.map(|_| Fetched::Beyond)),
        };
        if let Some(covered) = covered
            && (own.is_some_and(|own| !own.is_less_than(segment, covered))
                || self.has(segment, covered))
        {
            return Ok(Some(Fetched::Beyond));
        }
        let found = fetch(&self.repository, &there, name, self.bytes).await?;
        let now = self.clock.monotonic();
        let mut memory = self.memory();
        memory.given = Some(segment);
        memory.pieces = covered.map(|covered| (segment, covered, now));
        Ok(Some(found))
    }

    /// What there is of one segment.
    async fn there(&self, segment: Segment) -> Result<WalChain> {
        let whole = wal_name(segment, self.bytes);
        if self.repository.exists(&whole).await? {
            return Ok(WalChain::of([whole.as_str()], self.bytes));
        }
        let pieces = self.repository.list(&format!("{whole}.partial")).await?;
        let names = pieces.iter().map(|(name, _)| name.as_str());
        Ok(WalChain::of(names, self.bytes))
    }

    /// Whether the server has got these pieces, and looks in its own `pg_wal` for them. It may have lost
    /// them there, so that it gets them once more after a while.
    fn has(&self, segment: Segment, covered: u64) -> bool {
        let now = self.clock.monotonic();
        self.memory().pieces.is_some_and(|(known, bytes, at)| {
            known == segment && bytes == covered && now.saturating_sub(at) < LISTING
        })
    }

    /// What it means that a file is not there.
    async fn judge(&self, known: &tokio::sync::Mutex<WalChain>, name: &str) -> Result<Fetched> {
        self.list(known).await?;
        let known = known.lock().await;
        fetch(&self.repository, &known, name, self.bytes).await
    }

    /// Lists all names, when that was long ago.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub(super) async fn list(&self, known: &tokio::sync::Mutex<WalChain>) -> Result<()> {
        let mut known = known.lock().await;
        let now = self.clock.monotonic();
        let due = |at: Duration| now.saturating_sub(at) >= LISTING;
        if self.memory().listed.is_none_or(due) {
            *known = chain(&self.repository, self.bytes).await?;
            self.memory().listed = Some(self.clock.monotonic());
        }
        Ok(())
    }

    /// Makes an answer of what was found. A repository that is out of reach has no file for now.
    fn settle(&self, name: &str, found: Result<Fetched>) -> Result<Fetched> {
        let now = self.clock.monotonic();
        let mut memory = self.memory();
        let error = match found {
            Ok(found) => {
                memory.missing.remove(name);
                if std::mem::take(&mut memory.away) {
                    tracing::info!("the repository is within reach again");
                }
                return Ok(found);
            }
            Err(error) => error,
        };
        match error.kind() {
            Kind::Storage => {
                if !std::mem::replace(&mut memory.away, true) {
                    tracing::warn!(%error, "the repository is out of reach; the replay waits for it");
                }
                Ok(Fetched::Beyond)
            }
            Kind::WalMissing => {
                if memory.missing.len() >= NAMES && !memory.missing.contains_key(name) {
                    memory.missing.clear();
                }
                let since = *memory.missing.entry(name.to_owned()).or_insert(now);
                match now.saturating_sub(since) < PATIENCE {
                    true => Ok(Fetched::Beyond),
                    false => Err(lost(error)),
                }
            }
            _ => Err(error),
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about WAL that does not come any more.
fn lost(error: Error) -> Error {
    error.hint(
        "see `tidegate wal audit`; when it is gone for good, remove the folder and begin anew from a newer backup",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Pusher;
    use super::super::push::tests::{repository, wal};
    use super::*;
    use crate::clock::ManualClock;
    use crate::recovery::{Increment, increment_name};

    const MB: u32 = 1 << 20;

    struct Place {
        dir: tempfile::TempDir,
        repository: Repository,
        clock: Arc<ManualClock>,
        known: tokio::sync::Mutex<WalChain>,
        follower: Follower,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let repository = repository(&dir.path().join("repository"));
            let clock = Arc::new(ManualClock::new(chrono::DateTime::UNIX_EPOCH));
            let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
            Self {
                follower: Follower::new(&repository, (MB, None), &as_clock),
                known: tokio::sync::Mutex::new(WalChain::of([], MB)),
                dir,
                repository,
                clock,
            }
        }

        async fn push(&self, number: u64) -> (String, Vec<u8>) {
            let (name, content) = wal(number, 7);
            let pusher = Pusher::new(&self.repository);
            pusher.push(&name, &content).await.unwrap();
            (name, content)
        }

        async fn ask(&self, name: &str) -> Result<Fetched> {
            self.follower.fetch(&self.known, name).await
        }

        fn file(&self, name: &str) -> std::path::PathBuf {
            self.dir.path().join("repository/wal/00000001").join(name)
        }
    }

    #[tokio::test]
    async fn what_comes_later_is_found_and_a_hole_is_told_after_a_while() {
        let place = Place::new();
        let (third, content) = wal(3, 7);
        assert_eq!(place.ask(&third).await.unwrap(), Fetched::Beyond);
        assert_eq!(
            place.ask("00000002.history").await.unwrap(),
            Fetched::Beyond
        );
        place.push(3).await;
        assert_eq!(place.ask(&third).await.unwrap(), Fetched::Found(content));
        place.push(5).await;
        let (fourth, content) = wal(4, 7);
        for _ in 0..2 {
            place.clock.advance(LISTING);
            assert_eq!(place.ask(&fourth).await.unwrap(), Fetched::Beyond);
            let history = place.ask("00000002.history").await;
            assert_eq!(history.unwrap(), Fetched::Beyond);
        }
        place.clock.advance(LISTING);
        let error = place.ask(&fourth).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalMissing);
        assert!(error.to_string().contains(&fourth), "{error}");
        place.push(4).await;
        assert_eq!(place.ask(&fourth).await.unwrap(), Fetched::Found(content));
        assert!(place.follower.memory().missing.is_empty());
    }

    #[tokio::test]
    async fn pieces_are_given_once_and_again_when_they_grow_or_a_while_later() {
        let place = Place::new();
        let (name, content) = wal(4, 7);
        let segment = Segment::parse(&name, MB).unwrap();
        let put = async |offset: u32, bytes: u32| {
            let piece = increment_name(segment, Increment { offset, bytes }, MB);
            let text = content[offset as usize..(offset + bytes) as usize].to_vec();
            place.repository.put(&piece, text).await.unwrap();
        };
        let given = async || match place.ask(&name).await.unwrap() {
            Fetched::Found(found) => found.len() == MB as usize,
            _ => false,
        };
        put(0, 8192).await;
        assert!(given().await && !given().await && !given().await);
        put(8192, 8192).await;
        assert!(given().await && !given().await);
        place.clock.advance(LISTING);
        assert!(given().await && !given().await);
        place.push(4).await;
        assert!(given().await && given().await);
        assert_eq!(place.follower.given(), Some(segment));
    }

    #[tokio::test]
    async fn damage_is_told_at_once_and_a_store_that_is_away_is_waited_for() {
        let place = Place::new();
        let (third, content) = place.push(3).await;
        let (file, aside) = (place.file(&third), place.dir.path().join("aside"));
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::write(&file, bad).unwrap();
        let error = place.ask(&third).await.unwrap_err();
        assert_eq!(error.kind(), Kind::SealBroken, "{error}");
        std::fs::write(&file, good).unwrap();

        let wal = place.dir.path().join("repository/wal");
        std::fs::rename(&wal, &aside).unwrap();
        std::fs::write(&wal, "no folder").unwrap();
        for _ in 0..4 {
            place.clock.advance(PATIENCE);
            assert_eq!(place.ask(&third).await.unwrap(), Fetched::Beyond);
        }
        std::fs::remove_file(&wal).unwrap();
        std::fs::rename(&aside, &wal).unwrap();
        assert_eq!(place.ask(&third).await.unwrap(), Fetched::Found(content));
    }
}
