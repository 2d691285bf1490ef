//! M10: WAL on its way into a repository, through kills, and what a restore makes of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tidegate::clock::{Clock, SystemClock};
use tidegate::config::{Config, Overrides, Target};
use tidegate::error::{Error, Kind};
use tidegate::postgres::private::{Ephemeral, Identity, Options, Search, discover};
use tidegate::recovery::{Lsn, Segment};
use tidegate::service::wal::{
    Expected, Fetched, Receiver, ReceiverOptions, WalSocket, archive_command, chain, fetch_through,
    inventory, restore_command,
};
use tidegate::storage::Repository;

use super::stage::{OTHER_KEY, Shelf, run, value};

const MB: u32 = 1 << 20;
const SLOT: &str = "tidegate_test";
/// More than a segment of WAL.
pub(super) const FILL: &str = "insert into t select g + (select coalesce(max(id), 0) from t), repeat(md5(g::text), 100) \
    from generate_series(1, 500) g";

/// Where the process that receives is told what to do.
const URL: &str = "TIDEGATE_TEST_RECEIVE_FROM";
const SPOOL: &str = "TIDEGATE_TEST_SPOOL";
const REPOSITORY: &str = "TIDEGATE_TEST_REPOSITORY";

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::default())
}

pub(super) async fn target(url: &str) -> Target {
    let config = Config::load(&Overrides {
        file: None,
        environment: None,
        database_url: Some(url.to_owned()),
    })
    .unwrap();
    let environment = config.environment(None).unwrap();
    environment.target(&config).await.unwrap()
}

/// A server with small segments, so that there are many.
pub(super) async fn primary(more: &[(&str, &str)]) -> Ephemeral {
    let binaries = discover(&Search::default()).await.unwrap();
    let settings = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options {
        binaries: Some(binaries),
        settings: settings.collect(),
        wal_segsize: Some(1),
        ..Options::default()
    };
    let server = Ephemeral::start(&options).await.unwrap();
    let table = "create table t (id bigint primary key, filler text not null)";
    run(&server, table).await;
    server
}

pub(super) async fn options(url: &str, spool: &Path, repository: Repository) -> ReceiverOptions {
    ReceiverOptions {
        target: target(url).await,
        binaries: discover(&Search::default()).await.unwrap(),
        repository,
        spool: spool.to_owned(),
        slot: SLOT.to_owned(),
        synchronous: false,
        clock: clock(),
    }
}

/// Not a test: the process that the tests below start and kill.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that other tests kill"]
async fn receives_until_it_is_killed() {
    let told = |name: &str| std::env::var(name).unwrap();
    let repository = Shelf::at(Path::new(&told(REPOSITORY)));
    let options = options(&told(URL), Path::new(&told(SPOOL)), repository).await;
    let receiver = Receiver::start(&options).await.unwrap();
    receiver.stopped().await;
    panic!("it ended by itself: {:?}", receiver.gone());
}

fn receive(server: &Ephemeral, shelf: &Shelf) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "recovery::wal::receives_until_it_is_killed",
            "--exact",
            "--ignored",
        ])
        .env(URL, server.url("postgres"))
        .env(SPOOL, spool(shelf))
        .env(REPOSITORY, shelf.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn spool(shelf: &Shelf) -> PathBuf {
    shelf.temp().join("spool")
}

fn kill(mut child: Child) {
    assert!(
        child.try_wait().unwrap().is_none(),
        "the receiver had ended"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Writes rows one by one; the greatest number that was acknowledged.
struct Writer {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    async fn start(server: &Ephemeral) -> Self {
        let url = server.url("postgres");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicI64::new(0));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let task = tokio::spawn(async move {
            let insert = "insert into t values ($1, repeat(md5(($1::bigint)::text), 200))";
            let insert = client.prepare(insert).await.unwrap();
            for id in 1_i64.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                client.execute(&insert, &[&id]).await.unwrap();
                counted.store(id, Ordering::Relaxed);
            }
        });
        Self {
            stop,
            acknowledged,
            task,
        }
    }

    async fn stop(self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.acknowledged.load(Ordering::Relaxed)
    }
}

/// Closes the segment at hand and waits until it is in the repository.
async fn arrived(server: &Ephemeral, repository: &Repository) -> Segment {
    // A segment in which nothing is written yet is not closed.
    run(server, "select pg_create_restore_point('here')").await;
    let name = value(server, "select pg_walfile_name(pg_switch_wal())").await;
    let segment = Segment::parse(&name, MB).unwrap();
    for _ in 0..600 {
        let known = chain(repository, MB).await.unwrap();
        if known
            .newest_whole(1)
            .is_some_and(|newest| newest >= segment)
        {
            return segment;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} did not arrive in 30 s");
}

async fn backup(server: &Ephemeral, shelf: &Shelf) -> String {
    let url = server.url("postgres");
    let data = shelf.backup(&["create", "--database-url", &url]).data();
    data["id"].as_str().unwrap().to_owned()
}

/// A folder that the server's user passes through when this is root.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("tgr-").tempdir_in("/tmp");
    let folder = folder.unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(folder.path(), open).unwrap();
    folder
}

/// Unpacks a backup and lets the server itself ask for its WAL; the rows that are there at the
/// end of the log, in number and up to which. An error is the one that the server was told.
async fn restored(
    shelf: &Shelf,
    repository: &Repository,
    id: &str,
) -> Result<(String, String), Error> {
    let manifest = shelf.manifest(id).await;
    let binaries = discover(&Search::default()).await.unwrap();
    let (place, identity) = (open_folder(), Identity::current().unwrap());
    let (into, data) = (place.path().join("r"), place.path().join("r/data"));
    std::fs::create_dir(&into).unwrap();
    let unpacked = shelf.unpack_and_verify(id, &binaries.dir).await.keep();
    std::fs::rename(unpacked, &data).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&data, private).unwrap();
    // All WAL comes from the repository.
    std::fs::remove_dir_all(data.join("pg_wal")).unwrap();
    std::fs::create_dir(data.join("pg_wal")).unwrap();
    std::fs::write(data.join("recovery.signal"), "").unwrap();
    if identity.switched {
        let owner = format!("{}:{}", identity.uid, identity.gid);
        let mut chown = Command::new("chown");
        assert!(
            chown
                .arg("-R")
                .arg(owner)
                .arg(&data)
                .status()
                .unwrap()
                .success()
        );
    }
    let program = program(place.path());
    let (path, bytes) = (place.path().join("s"), manifest.wal_segment_bytes);
    let socket = WalSocket::serve(repository, expected(bytes), &path, &identity, &clock()).await?;
    let options = Options {
        binaries: Some(binaries),
        settings: vec![
            (
                "restore_command".to_owned(),
                restore_command(&program, &path),
            ),
            ("hot_standby".to_owned(), "off".to_owned()),
        ],
        ..Options::default()
    };
    let server = match Ephemeral::start_in(&into, &options).await {
        Ok(server) => server,
        Err(error) => return Err(socket.fault().unwrap_or(error)),
    };
    let count = value(&server, "select count(*)::text from t").await;
    let last = value(&server, "select coalesce(max(id), 0)::text from t").await;
    server.stop().await;
    Ok((count, last))
}

/// The binary, where the server's user can run it.
fn program(folder: &Path) -> PathBuf {
    let there = folder.join("tidegate");
    std::fs::copy(env!("CARGO_BIN_EXE_tidegate"), &there).unwrap();
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_every_acknowledged_row_survives_receivers_that_are_killed() {
    let (server, shelf) = (primary(&[]).await, Shelf::new());
    let repository = shelf.repository();
    let mut child = receive(&server, &shelf);
    // The slot keeps WAL from its first use on; the backup comes after it.
    in_use(&server, true).await;
    arrived(&server, &repository).await;
    let id = backup(&server, &shelf).await;
    let writer = Writer::start(&server).await;
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        kill(child);
        tokio::time::sleep(Duration::from_millis(700)).await;
        if round == 1 {
            // The whole machine of the receiver went down.
            end_programs(&spool(&shelf));
        }
        child = receive(&server, &shelf);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let acknowledged = writer.stop().await;
    arrived(&server, &repository).await;
    kill(child);
    end_programs(&spool(&shelf));
    server.stop().await;
    assert!(acknowledged > 500, "{acknowledged} rows");
    let expected = acknowledged.to_string();
    let found = restored(&shelf, &repository, &id).await.unwrap();
    assert_eq!(found, (expected.clone(), expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_without_its_spool_goes_on_from_its_slot() {
    let (server, shelf) = (primary(&[]).await, Shelf::new());
    let repository = shelf.repository();
    let child = receive(&server, &shelf);
    in_use(&server, true).await;
    arrived(&server, &repository).await;
    let id = backup(&server, &shelf).await;
    arrived(&server, &repository).await;
    kill(child);
    end_programs(&spool(&shelf));
    std::fs::remove_dir_all(spool(&shelf)).unwrap();
    in_use(&server, false).await;
    let rows = "insert into t select g, repeat(md5(g::text), 50) from generate_series(1, 3000) g";
    run(&server, rows).await;
    let child = receive(&server, &shelf);
    in_use(&server, true).await;
    arrived(&server, &repository).await;
    kill(child);
    end_programs(&spool(&shelf));
    server.stop().await;
    let found = restored(&shelf, &repository, &id).await.unwrap();
    assert_eq!(found, ("3000".to_owned(), "3000".to_owned()));
}

/// Ends the `pg_receivewal` of a spool, as the loss of its machine would.
fn end_programs(spool: &Path) {
    let spool = spool.canonicalize().unwrap();
    for entry in Path::new("/proc").read_dir().unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.parse().ok().and_then(rustix::process::Pid::from_raw);
        if line.contains("pg_receivewal")
            && line.contains(&*spool.to_string_lossy())
            && let Some(pid) = pid
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_not_whole_yet_is_recovered_up_to_the_last_second() {
    let (server, shelf) = (primary(&[]).await, Shelf::new());
    let repository = shelf.repository();
    let url = server.url("postgres");
    let options = options(&url, &spool(&shelf), shelf.repository()).await;
    let receiver = Receiver::start(&options).await.unwrap();
    let id = backup(&server, &shelf).await;
    run(
        &server,
        "insert into t select g, 'x' from generate_series(1, 100) g",
    )
    .await;
    let sent = "select coalesce(bool_and(write_lsn >= pg_current_wal_lsn()), false)::text from pg_stat_replication";
    holds(&server, sent).await;
    // Behind the commit, whose record ends in a zero byte: the highest one of its time.
    let end = value(&server, "select pg_current_wal_flush_lsn()::text").await;
    server.lose(|| ()).await.unwrap();
    receiver.stopped().await;
    assert!(receiver.gone().is_some() && !receiver.works());
    receiver.drain().await.unwrap();
    server.stop().await;
    let manifest = shelf.manifest(&id).await;
    let told = inventory(&repository, &manifest).await.unwrap();
    let told = told.follow(&manifest).reach.to;
    assert!(told >= end.parse::<Lsn>().unwrap(), "{told} of {end}");
    let found = restored(&shelf, &repository, &id).await.unwrap();
    assert_eq!(found, ("100".to_owned(), "100".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_stops_the_receiver_and_an_unreachable_repository_does_not() {
    let (server, shelf) = (primary(&[]).await, Shelf::new());
    let repository = shelf.repository();
    let url = server.url("postgres");
    let options = options(&url, &spool(&shelf), shelf.repository()).await;
    let receiver = Receiver::start(&options).await.unwrap();
    arrived(&server, &repository).await;
    // A file where the folder of WAL should be.
    let wal = shelf.path().join("wal");
    std::fs::rename(&wal, shelf.path().join("away")).unwrap();
    std::fs::write(&wal, "").unwrap();
    run(&server, "insert into t values (1, 'x')").await;
    until("trouble is told", || receiver.trouble().is_some()).await;
    assert!(receiver.works());
    std::fs::remove_file(&wal).unwrap();
    std::fs::rename(shelf.path().join("away"), &wal).unwrap();
    until("trouble is over", || receiver.trouble().is_none()).await;
    // Another server wrote the next segment.
    let now = value(&server, "select pg_walfile_name(pg_current_wal_lsn())").await;
    let name = format!("wal/00000001/{now}");
    repository.put(&name, vec![7; 9]).await.unwrap();
    run(&server, "select pg_switch_wal()").await;
    run(&server, "insert into t values (2, 'x')").await;
    let stopped = tokio::time::timeout(Duration::from_secs(20), receiver.stopped());
    stopped.await.expect("the receiver stops");
    let error = receiver.drain().await.unwrap_err();
    assert_eq!(error.kind(), Kind::WalConflict, "{error}");
    assert!(error.to_string().contains(&now), "{error}");
    // Nobody relies on a receiver that does not upload.
    in_use(&server, false).await;
    server.stop().await;
}

/// Waits until WAL streams through the slot, or until nobody holds it.
/// The server was told that nobody needs its WAL, as after a failover to one without the slot.
#[tokio::test(flavor = "multi_thread")]
async fn wal_that_the_server_has_not_got_any_more_ends_the_receiver_with_the_remedy() {
    let settings = [("min_wal_size", "2MB"), ("max_wal_size", "2MB")];
    let (server, shelf) = (primary(&settings).await, Shelf::new());
    let options = options(&server.url("postgres"), &spool(&shelf), shelf.repository()).await;
    let receiver = Receiver::start(&options).await.unwrap();
    run(&server, "insert into t values (1, 'x')").await;
    arrived(&server, &shelf.repository()).await;
    receiver.drain().await.unwrap();
    in_use(&server, false).await;
    run(
        &server,
        &format!("select pg_drop_replication_slot('{SLOT}')"),
    )
    .await;
    for _ in 0..6 {
        run(&server, FILL).await;
        run(&server, "select pg_switch_wal()").await;
        run(&server, "checkpoint").await;
    }
    let error = Receiver::start(&options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::WalMissing, "{error}");
    assert!(Receiver::is_lasting(&error));
    assert!(error.hint_text().contains("base backup"), "{error}");
    server.stop().await;
}

async fn in_use(server: &Ephemeral, wanted: bool) {
    let question = if wanted {
        "select (count(*) > 0)::text from pg_stat_replication where state = 'streaming'"
    } else {
        "select (count(*) = 0)::text from pg_replication_slots where active"
    };
    holds(server, question).await;
}

/// Asks until the answer is true.
pub(super) async fn holds(server: &Ephemeral, question: &str) {
    for _ in 0..400 {
        if value(server, question).await == "true" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 20 s: {question}");
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..800 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 40 s: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wal_that_is_archived_through_the_socket_is_whole_or_its_damage_is_named() {
    let shelf = Shelf::new();
    let repository = shelf.repository();
    let identity = Identity::current().unwrap();
    let place = open_folder();
    let path = place.path().join("s");
    let clock = clock();
    let serving = WalSocket::serve(&repository, expected(MB), &path, &identity, &clock);
    let socket = serving.await.unwrap();
    let program = program(place.path());
    let command = archive_command(&program, &path);
    let settings = [
        ("archive_mode", "on"),
        ("archive_command", command.as_str()),
    ];
    let server = primary(&settings).await;
    let id = backup(&server, &shelf).await;
    let rows = "insert into t select g, repeat(md5(g::text), 50) from generate_series(1, 3000) g";
    run(&server, rows).await;
    let last = arrived(&server, &repository).await;
    assert!(socket.fault().is_none());
    let beyond = fetch_through(&path, &last.next().next().name(MB)).await;
    assert_eq!(beyond.unwrap(), Fetched::Beyond);
    server.stop().await;
    let found = restored(&shelf, &repository, &id).await.unwrap();
    assert_eq!(found, ("3000".to_owned(), "3000".to_owned()));

    let middle = Segment {
        number: last.number - 1,
        ..last
    };
    let name = middle.name(MB);
    let file = shelf.path().join("wal/00000001").join(&name);
    let good = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = restored(&shelf, &repository, &id).await.unwrap_err();
    assert_eq!(error.kind(), Kind::WalMissing, "{error}");
    assert!(error.to_string().contains(&name), "{error}");
    // A server that asks by itself is stopped by it, too.
    let told = fetch_through(&path, &name).await.unwrap_err();
    assert!(told.to_string().contains(&name), "{told}");

    let mut flipped = good.clone();
    let at = flipped.len() / 2;
    flipped[at] ^= 1;
    std::fs::write(&file, flipped).unwrap();
    let error = restored(&shelf, &repository, &id).await.unwrap_err();
    assert_eq!(error.kind(), Kind::SealBroken, "{error}");
    assert!(error.to_string().contains(&name), "{error}");
    std::fs::write(&file, good).unwrap();

    let key = tidegate::storage::SealKey::parse(&OTHER_KEY.to_owned().into()).unwrap();
    let error = restored(&shelf, &repository.with_key(key).unwrap(), &id).await;
    assert_eq!(error.unwrap_err().kind(), Kind::SealKey);
}

#[test]
fn a_restore_command_that_is_wrong_never_says_that_the_log_ends() {
    use crate::support::Cli;
    Cli::new(["wal", "fetch", "--no-such-option", "x", "f", "p"]).exits(255);
    Cli::new(["wal", "fetch"]).exits(255);
    Cli::new(["wal", "fetch", "--socket", "/nowhere", "f", "p"]).exits(255);
    Cli::new(["--format", "json", "wal", "fetch", "f"]).exits(255);
    Cli::new(["wal", "fetch", "--help"]).exits(0);
    Cli::new(["wal", "push"]).exits(2);
}

/// A server that has nothing of its own in `pg_wal`.
fn expected(segment_bytes: u32) -> Expected {
    Expected {
        segment_bytes,
        ..Expected::default()
    }
}
