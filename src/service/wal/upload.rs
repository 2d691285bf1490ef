//! From the spool of a receiver into the repository: whole segments, histories, and what is new
//! of the segment that is being written.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::piece::{LONGEST, PAGE, settled};
use super::push::{Pusher, put};
use super::spool::{Spool, Spooled};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::recovery::{Increment, Segment, increment_name, is_segment_size, wal_name};
use crate::storage::{Repository, room};

/// The upload of one receiver.
#[derive(Debug)]
pub(super) struct Upload {
    pusher: Pusher,
    repository: Repository,
    spool: PathBuf,
    clock: Arc<dyn Clock>,
    /// Of each segment that is not whole, how many of its bytes are in the repository.
    sent: BTreeMap<Segment, u64>,
    /// Whole segments of the spool that are in the repository.
    done: BTreeSet<String>,
    /// The longest round.
    pub(super) longest: Duration,
    /// Bytes of the last round.
    pub(super) last: u64,
}

impl Upload {
    pub(super) fn new(repository: &Repository, spool: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            pusher: Pusher::new(repository),
            repository: repository.clone(),
            spool,
            clock,
            sent: BTreeMap::new(),
            done: BTreeSet::new(),
            longest: Duration::ZERO,
            last: 0,
        }
    }

    /// Uploads what is new. What was uploaded before an error is not uploaded again.
    ///
    /// # Errors
    /// Those of the repository and the spool; [`lasting`] tells which of them stay.
    pub(super) async fn round(&mut self) -> Result<()> {
        let started = self.clock.monotonic();
        self.last = 0;
        let names = Spool::names(&self.spool)?;
        let known = || names.iter().filter_map(|name| Spooled::of(name));
        let newest = known().filter_map(Spooled::order).max();
        for name in &names {
            match Spooled::of(name) {
                Some(Spooled::Whole(name)) => self.whole(name).await?,
                Some(Spooled::Partial(whole)) => self.partial(name, whole).await?,
                Some(Spooled::History) => self.history(name).await?,
                None => {}
            }
        }
        // The program looks here for the place to go on from; the newest one tells it.
        for file in known().filter(|file| file.order() < newest) {
            if let Spooled::Whole(name) = file {
                tokio::fs::remove_file(self.spool.join(name)).await?;
                self.done.remove(name);
            }
        }
        let took = self.clock.monotonic().saturating_sub(started);
        self.longest = self.longest.max(took);
        Ok(())
    }

    async fn history(&mut self, name: &str) -> Result<()> {
        let path = self.spool.join(name);
        let content = tokio::fs::read(&path).await?;
        self.pusher.push(name, &content).await?;
        self.last += content.len() as u64;
        tokio::fs::remove_file(path).await?;
        Ok(())
    }

    async fn whole(&mut self, name: &str) -> Result<()> {
        if self.done.contains(name) {
            return Ok(());
        }
        let content = whole(&self.spool.join(name)).await?;
        self.pusher.push(name, &content).await?;
        self.last += content.len() as u64;
        // Its pieces say nothing more, those of earlier receivers neither.
        let bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
        if let Some(segment) = Segment::parse(name, bytes) {
            let pieces = format!("{}.partial", wal_name(segment, bytes));
            // They are in nobody's way: a store that keeps them must not hold up what comes next.
            if let Err(error) = self.repository.remove_folder(&pieces).await {
                tracing::warn!(%error, "pieces of a whole segment stay until they expire");
            }
            self.sent.remove(&segment);
        }
        self.done.insert(name.to_owned());
        Ok(())
    }

    /// What is new of the segment that is being written.
    async fn partial(&mut self, file: &str, name: &str) -> Result<()> {
        let path = self.spool.join(file);
        let file = match std::fs::File::open(&path) {
            Ok(file) => Arc::new(file),
            // It was completed meanwhile; the next round takes it as a whole.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // While it is made it is shorter.
        let bytes = u32::try_from(file.metadata()?.len()).unwrap_or(u32::MAX);
        let Some(segment) = Segment::parse(name, bytes).filter(|_| is_segment_size(bytes)) else {
            return Ok(());
        };
        loop {
            let sent = self.sent.get(&segment).copied().unwrap_or(0);
            // The page that was written last may have grown, so it is sent again.
            let from = sent.saturating_sub(1) / PAGE as u64 * PAGE as u64;
            let reading = Arc::clone(&file);
            let read = move || settled(|place, length| read_at(&reading, place, length), from);
            let content = tokio::task::spawn_blocking(read)
                .await
                .map_err(|error| Error::new(Kind::Internal, error.to_string()))??;
            let length = content.len() as u64;
            if length == 0 || from + length <= sent {
                return Ok(());
            }
            if from == 0 {
                self.pusher.check(segment, bytes, &content).await?;
            }
            let piece = Increment {
                offset: u32::try_from(from).unwrap_or(u32::MAX),
                bytes: u32::try_from(length).unwrap_or(u32::MAX),
            };
            let to = increment_name(segment, piece, bytes);
            put(&self.repository, &to, &content).await?;
            self.last += length;
            self.sent.insert(segment, from + length);
            if content.len() < LONGEST {
                return Ok(());
            }
        }
    }
}

/// Whether an error of an upload stays, however often it is tried.
pub(super) fn lasting(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::WalConflict | Kind::SealKey | Kind::SealBroken | Kind::Usage | Kind::Internal
    )
}

/// A file of WAL.
async fn whole(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = tokio::fs::File::open(path).await?;
    let length = usize::try_from(file.metadata().await?.len()).unwrap_or_default();
    let mut content = room(length);
    file.read_to_end(&mut content).await?;
    Ok(content)
}

fn read_at(file: &std::fs::File, place: u64, length: usize) -> std::io::Result<Vec<u8>> {
    let mut content = room(length);
    content.resize(length, 0);
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut content[filled..], place + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content.truncate(filled);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::super::push::tests::{repository, wal};
    use super::*;
    use crate::clock::SystemClock;
    use crate::recovery::Presence;
    use crate::service::wal::{Fetched, chain, fetch};

    const MB: u32 = 1 << 20;

    struct Place {
        dir: tempfile::TempDir,
        repository: Repository,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let repository = repository(&dir.path().join("repository"));
            std::fs::create_dir(dir.path().join("spool")).unwrap();
            Self { dir, repository }
        }

        fn spool(&self) -> PathBuf {
            self.dir.path().join("spool")
        }

        fn upload(&self) -> Upload {
            let clock = Arc::new(SystemClock::default());
            Upload::new(&self.repository, self.spool(), clock)
        }

        fn write(&self, name: &str, content: &[u8]) {
            std::fs::write(self.spool().join(name), content).unwrap();
        }

        fn names(&self) -> Vec<String> {
            Spool::names(&self.spool()).unwrap()
        }

        async fn stored(&self) -> Vec<String> {
            let files = self.repository.list("wal").await.unwrap();
            files.into_iter().map(|(name, _)| name).collect()
        }

        async fn fetched(&self, name: &str) -> Fetched {
            let known = chain(&self.repository, MB).await.unwrap();
            fetch(&self.repository, &known, name, MB).await.unwrap()
        }
    }

    #[tokio::test]
    async fn the_newest_whole_segment_stays_until_a_later_file_is_there() {
        let place = Place::new();
        let mut upload = place.upload();
        let (third, content) = wal(3, 7);
        place.write(&third, &content);
        upload.round().await.unwrap();
        assert_eq!(upload.last, u64::from(MB));
        assert_eq!(place.names(), std::slice::from_ref(&third));
        upload.round().await.unwrap();
        assert_eq!(upload.last, 0, "it is uploaded once");
        let (fourth, _) = wal(4, 7);
        place.write(&format!("{fourth}.partial"), b"");
        upload.round().await.unwrap();
        assert_eq!(place.names(), [format!("{fourth}.partial")]);
        assert_eq!(place.fetched(&third).await, Fetched::Found(content));
    }

    #[tokio::test]
    async fn pieces_grow_by_page_and_go_with_their_segment_whoever_sent_them() {
        let place = Place::new();
        let (name, mut content) = wal(3, 7);
        let partial = format!("{name}.partial");
        content[PAGE..PAGE + 10].fill(1);
        place.write(&partial, &content);
        let mut upload = place.upload();
        upload.round().await.unwrap();
        upload.round().await.unwrap();
        assert_eq!(upload.last, 0);
        content[PAGE + 10..3 * PAGE].fill(2);
        place.write(&partial, &content);
        // Another process goes on where the first one was killed.
        let mut upload = place.upload();
        upload.round().await.unwrap();
        content[3 * PAGE..5 * PAGE].fill(3);
        place.write(&partial, &content);
        upload.round().await.unwrap();
        assert_eq!(upload.last, 3 * PAGE as u64);
        assert_eq!(place.stored().await.len(), 3);
        let known = chain(&place.repository, MB).await.unwrap();
        let segment = Segment::parse(&name, MB).unwrap();
        assert!(matches!(known.presence(segment), Presence::Partial(_)));
        assert_eq!(place.fetched(&name).await, Fetched::Found(content.clone()));
        std::fs::rename(place.spool().join(&partial), place.spool().join(&name)).unwrap();
        upload.round().await.unwrap();
        let segment = Segment::parse(&name, MB).unwrap();
        assert_eq!(place.stored().await, [wal_name(segment, MB)]);
        assert_eq!(place.fetched(&name).await, Fetched::Found(content));
    }

    #[tokio::test]
    async fn strange_files_are_passed_over_and_conflicts_are_told() {
        let place = Place::new();
        place.write("00000002.history.tmp", b"half");
        place.write("note.txt", b"x");
        place.write("00000002.history", b"1 0/3000000 x\n");
        let mut upload = place.upload();
        upload.round().await.unwrap();
        assert_eq!(place.names(), ["00000002.history.tmp", "note.txt"]);
        assert_eq!(place.stored().await, ["wal/history/00000002"]);
        let (name, content) = wal(3, 7);
        place.write(&name, &content);
        upload.round().await.unwrap();
        let (name, content) = wal(4, 8);
        place.write(&name, &content);
        let error = upload.round().await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
        assert!(lasting(&error));
        assert!(place.names().contains(&name), "nothing is thrown away");
    }
}
