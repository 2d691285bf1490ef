//! A Unix socket through which a server on this machine hands over and fetches WAL. The key never
//! leaves this process, and the server's user needs no access to the repository.
//!
//! A request is a line: `push NAME LENGTH` with so many bytes behind it, or `fetch NAME`. The
//! answer is a line: `ok LENGTH` with so many bytes behind it, `at PATH` of a file that is the
//! asker's, `beyond`, or `error TEXT`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::follower::Follower;
use super::foreign_path::foreign_path;
use super::ready::ReadyFolder;
use super::{Fetched, Pusher, chain, fetch, fetch_brought, fetch_live};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::Identity;
use crate::recovery::{Brought, Lsn, Presence, Segment, TimelineHistory, WalChain};
use crate::storage::{Repository, room};

/// Segments that are fetched before they are asked for, and the most that they may take together.
const AHEAD: u32 = 4;
const AHEAD_BYTES: u32 = 256 << 20;
/// A file of WAL is at most this long.
const LONGEST: u64 = 1 << 30;

type Ahead = BTreeMap<Segment, JoinHandle<Result<Fetched>>>;

/// What the server at the other end is going to ask for.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Size of its segments; 0 when it only hands WAL over.
    pub segment_bytes: u32,
    /// Segments that its base backup has brought along. Then the log was followed to wherever the
    /// recovery is to end.
    pub brought: Option<Brought>,
    /// A folder to be made in the file system of the server's data, where segments lie ready before
    /// they are asked for [default: they wait in memory, and are sent].
    pub ready: Option<PathBuf>,
    /// Where the log is taken to end: segments that begin there or behind it are not served, whatever
    /// has come into the repository since. None to follow it as far as it comes.
    pub until: Option<Lsn>,
    /// Paths of tablespaces that the server may write to though they are the source's.
    pub shared_paths: Vec<PathBuf>,
    /// Whether the server fails when the log ends before its target: then the log is cut in front of a
    /// tablespace that is made at another path. Else it is refused.
    pub cuts: bool,
    /// Whether the server goes on for as long as the repository does: what is not there yet is asked for
    /// again, and is no fault.
    pub follows: bool,
}

/// A socket that is served until the value is dropped.
#[derive(Debug)]
pub struct WalSocket {
    path: PathBuf,
    task: JoinHandle<()>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    repository: Repository,
    pusher: Pusher,
    clock: Arc<dyn Clock>,
    /// Size of a segment; 0 when WAL is only handed over.
    bytes: u32,
    brought: Option<Brought>,
    ready: Option<Arc<ReadyFolder>>,
    until: Option<Lsn>,
    shared_paths: Vec<PathBuf>,
    cuts: bool,
    cut: Mutex<Option<Error>>,
    follower: Option<Follower>,
    chain: tokio::sync::Mutex<WalChain>,
    ahead: Mutex<Ahead>,
    fault: Mutex<Option<Error>>,
    longest: Mutex<Duration>,
}

impl WalSocket {
    /// Serves `repository` at `path`, to this user and to `identity`.
    ///
    /// # Errors
    /// The socket cannot be made; [`Kind::Storage`].
    pub async fn serve(
        repository: &Repository,
        expected: Expected,
        path: &Path,
        identity: &Identity,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self> {
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        if identity.switched {
            std::os::unix::fs::chown(path, Some(identity.uid), Some(identity.gid))?;
        }
        let known = match expected.segment_bytes {
            0 => WalChain::default(),
            bytes => chain(repository, bytes).await?,
        };
        let ready = expected.ready.as_deref();
        let ready = ready.map(|path| ReadyFolder::make(path, identity));
        let ready = ready.transpose()?.map(Arc::new);
        let follower = expected.follows.then(|| {
            let told = (expected.segment_bytes, expected.brought);
            Follower::new(repository, told, clock)
        });
        let shared = Arc::new(Shared {
            repository: repository.clone(),
            pusher: Pusher::new(repository),
            clock: Arc::clone(clock),
            bytes: expected.segment_bytes,
            brought: expected.brought,
            ready,
            until: expected.until,
            shared_paths: expected.shared_paths,
            cuts: expected.cuts,
            cut: Mutex::default(),
            follower,
            chain: tokio::sync::Mutex::new(known),
            ahead: Mutex::default(),
            fault: Mutex::default(),
            longest: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    if let Err(error) = shared.answer(stream).await {
                        tracing::debug!(%error, "a client of the WAL socket went away");
                    }
                });
            }
        });
        Ok(Self {
            path: path.to_owned(),
            task,
            shared,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first error that a server was told, which says more than the server's own log.
    #[must_use]
    pub fn fault(&self) -> Option<Error> {
        lock(&self.shared.fault).take()
    }

    /// Why the log was cut, when it was.
    #[must_use]
    pub fn cut(&self) -> Option<Error> {
        lock(&self.shared.cut).take()
    }

    /// The last segment that a server which follows was given.
    #[must_use]
    pub fn given(&self) -> Option<Segment> {
        self.shared.follower.as_ref()?.given()
    }

    /// What WAL the repository holds: for a server that follows as it was some seconds ago, else as it
    /// was when the server asked last.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn known(&self) -> Result<WalChain> {
        if let Some(follower) = &self.shared.follower {
            follower.list(&self.shared.chain).await?;
        }
        Ok(self.shared.chain.lock().await.clone())
    }

    /// The longest time that a push took.
    #[must_use]
    pub fn longest(&self) -> Duration {
        *lock(&self.shared.longest)
    }
}

impl Drop for WalSocket {
    fn drop(&mut self) {
        self.task.abort();
        let ahead = std::mem::take(&mut *lock(&self.shared.ahead));
        for (_, task) in ahead {
            task.abort();
        }
        if let Some(ready) = &self.shared.ready {
            let _ = ready.remove();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    async fn answer(self: &Arc<Self>, stream: UnixStream) -> Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let result = match words.as_slice() {
            ["push", name, length] => self.push(&mut stream, name, length).await,
            ["fetch", name] => self.fetch(name).await,
            _ => Err(Error::new(Kind::Usage, "not a request for WAL")),
        };
        let mut stream = stream.into_inner();
        match result {
            Ok(Fetched::Found(content)) => {
                let head = format!("ok {}\n", content.len());
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&content).await?;
            }
            Ok(Fetched::At(path)) => {
                let line = [b"at ", path.as_os_str().as_bytes(), b"\n"].concat();
                stream.write_all(&line).await?;
            }
            Ok(Fetched::Beyond) => stream.write_all(b"beyond\n").await?,
            Err(error) => {
                let text = error.to_string().replace('\n', " ");
                stream
                    .write_all(format!("error {text}\n").as_bytes())
                    .await?;
                lock(&self.fault).get_or_insert(error);
            }
        }
        stream.shutdown().await?;
        Ok(())
    }

    async fn push(
        &self,
        stream: &mut BufReader<UnixStream>,
        name: &str,
        length: &str,
    ) -> Result<Fetched> {
        let length: u64 = length
            .parse()
            .ok()
            .filter(|length| *length <= LONGEST)
            .ok_or_else(|| Error::new(Kind::Usage, "not the length of a file of WAL"))?;
        let mut content = room(usize::try_from(length).unwrap_or_default());
        stream.take(length).read_to_end(&mut content).await?;
        if content.len() as u64 != length {
            return Err(Error::new(Kind::Usage, format!("{name} was cut off")));
        }
        let started = self.clock.monotonic();
        self.pusher.push(name, &content).await?;
        let took = self.clock.monotonic().saturating_sub(started);
        let mut longest = lock(&self.longest);
        *longest = took.max(*longest);
        Ok(Fetched::Found(Vec::new()))
    }

    async fn fetch(self: &Arc<Self>, name: &str) -> Result<Fetched> {
        let segment = Segment::parse(name, self.bytes.max(1 << 20));
        let early = segment.and_then(|segment| lock(&self.ahead).remove(&segment));
        let found = match early {
            // What went wrong early is tried once more.
            Some(task) => match task.await {
                Ok(Ok(found @ (Fetched::Found(_) | Fetched::At(_)))) => Ok(found),
                _ => self.fetch_now(name, segment).await,
            },
            None => self.fetch_now(name, segment).await,
        };
        if let (Some(segment), Ok(Fetched::Found(_) | Fetched::At(_))) = (segment, &found) {
            self.fetch_ahead(segment).await;
        }
        found
    }

    async fn fetch_now(&self, name: &str, segment: Option<Segment>) -> Result<Fetched> {
        let mut found = self.fetch_any(name, segment).await?;
        if let (Some(_), Fetched::Found(content)) = (segment, &mut found)
            && let Some((place, error)) = foreign_path(name, content, &self.shared_paths)
        {
            if !self.cuts {
                return Err(error);
            }
            content[place..].fill(0);
            lock(&self.cut).get_or_insert(error);
        }
        Ok(found)
    }

    /// Whole segments are taken by the listing at hand. Everything else may have changed since:
    /// the repository of a live server grows, and pieces go when their segment is whole.
    async fn fetch_any(&self, name: &str, segment: Option<Segment>) -> Result<Fetched> {
        if let (Some(segment), Some(until)) = (segment, self.until)
            && segment.start(self.bytes) >= until
        {
            return Ok(Fetched::Beyond);
        }
        if let Some(follower) = &self.follower {
            return follower.fetch(&self.chain, name).await;
        }
        let known = self.chain.lock().await.clone();
        if segment.is_some_and(|segment| known.presence(segment) == Presence::Whole) {
            return fetch(&self.repository, &known, name, self.bytes).await;
        }
        if let (Some(timeline), Some(brought)) = (TimelineHistory::timeline_of(name), self.brought)
            && brought.holds_history(timeline)
            && !known.has_history(timeline)
        {
            // The server has it in its own pg_wal, and looks there next.
            return Ok(Fetched::Beyond);
        }
        if let (Some(segment), Some(brought)) = (segment, self.brought)
            && brought.holds(segment)
        {
            let segment = (brought, segment);
            return fetch_brought(&self.repository, segment, self.bytes, true).await;
        }
        let (found, known) = fetch_live(&self.repository, name, self.bytes).await?;
        *self.chain.lock().await = known;
        Ok(found)
    }

    /// What was found is put down where the server takes it from, when there is such a folder.
    async fn lay_ready(&self, name: String, found: Fetched) -> Result<Fetched> {
        let (ready, content) = match (self.ready.clone(), found) {
            (Some(ready), Fetched::Found(content)) => (ready, content),
            (_, found) => return Ok(found),
        };
        let put = tokio::task::spawn_blocking(move || ready.put(&name, &content)).await;
        let put = put.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        Ok(Fetched::At(put?))
    }

    async fn fetch_ahead(self: &Arc<Self>, from: Segment) {
        let count = (AHEAD_BYTES / self.bytes.max(1)).clamp(1, AHEAD);
        let known = self.chain.lock().await;
        let mut ahead = lock(&self.ahead);
        // Those that a change of timeline left are not asked for any more.
        ahead.retain(|segment, task| {
            let wanted = segment.timeline == from.timeline && segment.number > from.number;
            if !wanted {
                task.abort();
            }
            wanted
        });
        let mut next = from;
        for _ in 0..count {
            next = next.next();
            if known.presence(next) != Presence::Whole {
                return;
            }
            let shared = Arc::clone(self);
            ahead.entry(next).or_insert_with(|| {
                tokio::spawn(async move {
                    let name = next.name(shared.bytes);
                    let found = shared.fetch_now(&name, Some(next)).await?;
                    shared.lay_ready(name, found).await
                })
            });
        }
    }
}

/// Hands a file over through the socket of a drill or of a daemon.
///
/// # Errors
/// What the other side says.
pub async fn push_through(socket: &Path, file: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let content = tokio::fs::read(file).await?;
    let head = format!("push {name} {}\n", content.len());
    match ask(socket, &head, &content).await? {
        Fetched::Found(_) => Ok(()),
        Fetched::At(_) | Fetched::Beyond => {
            Err(Error::new(Kind::Internal, "a push was answered as a fetch"))
        }
    }
}

/// Fetches a file through the socket of a restore.
///
/// # Errors
/// What the other side says.
pub async fn fetch_through(socket: &Path, name: &str) -> Result<Fetched> {
    ask(socket, &format!("fetch {name}\n"), &[]).await
}

async fn ask(socket: &Path, head: &str, content: &[u8]) -> Result<Fetched> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(content).await?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    let line = line.strip_suffix(b"\n").unwrap_or_default();
    if let Some(path) = line.strip_prefix(b"at ") {
        return Ok(Fetched::At(OsStr::from_bytes(path).into()));
    }
    let line = String::from_utf8_lossy(line);
    if line == "beyond" {
        return Ok(Fetched::Beyond);
    }
    if let Some(length) = line
        .strip_prefix("ok ")
        .and_then(|text| text.parse::<u64>().ok())
    {
        let mut content = room(usize::try_from(length.min(LONGEST)).unwrap_or_default());
        stream.take(length).read_to_end(&mut content).await?;
        if content.len() as u64 == length {
            return Ok(Fetched::Found(content));
        }
    }
    let text = line
        .strip_prefix("error ")
        .unwrap_or("the answer was cut off");
    Err(Error::new(Kind::WalMissing, text))
}

#[cfg(test)]
mod tests {
    use super::super::push::tests::{repository, wal};
    use super::*;
    use crate::clock::SystemClock;
    use crate::recovery::{BackupManifest, Increment, increment_name, manifest_tests::sample};

    const MB: u32 = 1 << 20;

    #[tokio::test]
    async fn a_repository_that_grows_and_loses_pieces_is_read_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(&dir.path().join("repository"));
        let expected = Expected {
            segment_bytes: MB,
            ..Expected::default()
        };
        let identity = Identity {
            uid: 0,
            gid: 0,
            switched: false,
        };
        let pusher = Pusher::new(&repository);
        let [third, fourth] = [3, 4].map(|number| wal(number, 7));
        pusher.push(&third.0, &third.1).await.unwrap();
        let segment = Segment::parse(&fourth.0, MB).unwrap();
        let begun = Increment {
            offset: 0,
            bytes: 40,
        };
        let piece = increment_name(segment, begun, MB);
        let text = fourth.1[..40].to_vec();
        repository.put(&piece, text).await.unwrap();

        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let path = dir.path().join("s");
        let socket = WalSocket::serve(&repository, expected, &path, &identity, &clock);
        let socket = socket.await.unwrap();
        let fetched = async |name: &str| fetch_through(&path, name).await.unwrap();
        let after = segment.next().name(MB);
        assert_eq!(fetched(&after).await, Fetched::Beyond);
        assert_eq!(fetched(&third.0).await, Fetched::Found(third.1));
        // The segment becomes whole while the server replays the one before.
        let mut whole = fourth.1.clone();
        whole[9000] = 1;
        push_whole(&path, &fourth.0, &whole).await;
        repository.remove(&piece).await.unwrap();
        assert_eq!(fetched(&fourth.0).await, Fetched::Found(whole));
        let (name, content) = wal(5, 7);
        assert_eq!(name, after);
        push_whole(&path, &name, &content).await;
        assert_eq!(fetched(&name).await, Fetched::Found(content));
        assert!(socket.fault().is_none());
    }

    #[tokio::test]
    async fn what_comes_behind_an_end_that_was_set_is_not_served() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(&dir.path().join("repository"));
        let pusher = Pusher::new(&repository);
        let all = [3, 4, 5].map(|number| wal(number, 7));
        for (name, content) in &all {
            pusher.push(name, content).await.unwrap();
        }
        let identity = Identity {
            uid: 0,
            gid: 0,
            switched: false,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        // In the middle of segment 4, at its beginning, and nowhere.
        let ends = [
            (Some(Lsn(4 * u64::from(MB) + 8192)), 2),
            (Some(Lsn(4 * u64::from(MB))), 1),
            (None, 3),
        ];
        for (until, served) in ends {
            let expected = Expected {
                segment_bytes: MB,
                until,
                ..Expected::default()
            };
            let path = dir.path().join(format!("s{served}"));
            let socket = WalSocket::serve(&repository, expected, &path, &identity, &clock);
            let socket = socket.await.unwrap();
            for (place, (name, content)) in all.iter().enumerate() {
                let found = fetch_through(&path, name).await.unwrap();
                let wanted = match place < served {
                    true => Fetched::Found(content.clone()),
                    false => Fetched::Beyond,
                };
                assert!(found == wanted, "{until:?} {name}");
            }
            assert!(socket.fault().is_none());
        }
    }

    /// A cluster that never archived the history of its timeline, and a backup of it.
    #[tokio::test]
    async fn the_histories_that_a_backup_brings_along_are_not_missing() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(&dir.path().join("repository"));
        for timeline in [2, 3] {
            let segment = Segment {
                timeline,
                number: 9,
            };
            let name = crate::recovery::wal_name(segment, MB);
            repository.put(&name, vec![1; 100]).await.unwrap();
        }
        let backup = BackupManifest {
            timeline: 2,
            wal_segment_bytes: MB,
            ..sample("20261126T021500Z-0f3a9c", 1)
        };
        let expected = Expected {
            segment_bytes: MB,
            brought: backup.brought(),
            ..Expected::default()
        };
        let identity = Identity {
            uid: 0,
            gid: 0,
            switched: false,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let path = dir.path().join("s");
        let socket = WalSocket::serve(&repository, expected, &path, &identity, &clock);
        let socket = socket.await.unwrap();
        let own = fetch_through(&path, "00000002.history").await;
        assert_eq!(own.unwrap(), Fetched::Beyond);
        assert!(fetch_through(&path, "00000003.history").await.is_err());
        assert_eq!(socket.fault().unwrap().kind(), Kind::WalMissing);
    }

    #[tokio::test]
    async fn segments_that_follow_lie_ready() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(&dir.path().join("repository"));
        let pusher = Pusher::new(&repository);
        let [third, fourth] = [3, 4].map(|number| wal(number, 7));
        for (name, content) in [&third, &fourth] {
            pusher.push(name, content).await.unwrap();
        }
        let ready = dir.path().join("ready");
        let expected = Expected {
            segment_bytes: MB,
            ready: Some(ready.clone()),
            ..Expected::default()
        };
        let identity = Identity::current().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let path = dir.path().join("s");
        let socket = WalSocket::serve(&repository, expected, &path, &identity, &clock);
        let socket = socket.await.unwrap();
        let fetched = async |name: &str| fetch_through(&path, name).await.unwrap();
        assert_eq!(fetched(&third.0).await, Fetched::Found(third.1));
        let file = ready.join(&fourth.0);
        assert_eq!(fetched(&fourth.0).await, Fetched::At(file.clone()));
        assert_eq!(std::fs::read(file).unwrap(), fourth.1);
        // A server asks again for what it could not take.
        assert_eq!(fetched(&fourth.0).await, Fetched::Found(fourth.1));
        drop(socket);
        assert!(!ready.exists());
    }

    async fn push_whole(socket: &Path, name: &str, content: &[u8]) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        std::fs::write(&file, content).unwrap();
        push_through(socket, &file).await.unwrap();
    }
}
