//! A server of its own with a repository beside it.

use std::path::{Path, PathBuf};

use tidegate::postgres::private::{Ephemeral, Options, Search, discover};
use tidegate::recovery::BackupManifest;
use tidegate::storage::{Location, Repository, SealKey};

use crate::support::Cli;

/// The key of the repositories of these tests.
pub(super) const KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
/// Another one.
pub(super) const OTHER_KEY: &str =
    "9f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";

/// A folder for a repository, and one for everything temporary, so that leftovers are seen.
pub(super) struct Shelf {
    root: tempfile::TempDir,
}

impl Shelf {
    pub(super) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("tgb-").tempdir().unwrap();
        std::fs::create_dir(root.path().join("tmp")).unwrap();
        Self { root }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.path().join("repository")
    }

    pub(super) fn temp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// The library's view of the repository.
    pub(super) fn repository(&self) -> Repository {
        Self::at(&self.path())
    }

    /// The same, for a process that was told where it is.
    pub(super) fn at(path: &Path) -> Repository {
        let key = SealKey::parse(&KEY.to_owned().into()).unwrap();
        Repository::open(&Location::Folder(path.to_owned()), Vec::new(), key).unwrap()
    }

    /// `tidegate backup ...` on it.
    pub(super) fn backup(&self, args: &[&str]) -> Cli {
        let location = format!("file:{}", self.path().display());
        Cli::new(["backup"])
            .args(args.iter().copied())
            .args(["--repository", &location])
            .env("TIDEGATE_SEAL_KEY", KEY)
            .env("TMPDIR", self.temp())
    }

    /// The manifest of a backup.
    pub(super) async fn manifest(&self, id: &str) -> BackupManifest {
        let text = self
            .repository()
            .get(&BackupManifest::name(id))
            .await
            .unwrap();
        BackupManifest::from_bytes(id, &text).unwrap()
    }

    /// A part on disk.
    pub(super) fn part(&self, id: &str, number: usize) -> PathBuf {
        self.path()
            .join(BackupManifest::part_name(id, "base", number))
    }

    /// Unpacks a backup and has `pg_verifybackup` of `bin` look at every file and the WAL.
    pub(super) async fn unpack_and_verify(&self, id: &str, bin: &Path) -> tempfile::TempDir {
        let folder = tempfile::tempdir_in(self.root.path()).unwrap();
        let manifest = self.manifest(id).await;
        for stream in &manifest.streams {
            let mut text = Vec::new();
            for number in 0..stream.parts.len() {
                let name = BackupManifest::part_name(id, &stream.name, number);
                text.extend(self.repository().get(&name).await.unwrap());
            }
            let to = match stream.location {
                Some(_) => folder.path().join("pg_tblspc").join(&stream.name),
                None => folder.path().to_owned(),
            };
            tar::Archive::new(text.as_slice()).unpack(to).unwrap();
        }
        let output = std::process::Command::new(bin.join("pg_verifybackup"))
            .arg(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "pg_verifybackup: {said}");
        folder
    }
}

/// A server that archives nothing, so that a backup has what it took along and no more.
pub(super) async fn server() -> Ephemeral {
    server_with(&[]).await
}

/// The same with further settings.
pub(super) async fn server_with(more: &[(&str, &str)]) -> Ephemeral {
    let binaries = discover(&Search::default()).await.unwrap();
    let options = Options {
        binaries: Some(binaries),
        settings: [
            ("wal_level", "replica"),
            ("max_wal_senders", "5"),
            ("max_replication_slots", "5"),
        ]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect(),
        ..Options::default()
    };
    Ephemeral::start(&options).await.unwrap()
}

/// Runs statements.
pub(super) async fn run(server: &Ephemeral, sql: &str) {
    run_at(&server.url("postgres"), sql).await;
}

/// Runs statements at a connection string.
pub(super) async fn run_at(url: &str, sql: &str) {
    let client = connect_to(url).await;
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{error:?}: {sql}"));
}

/// The single value of a query, as text.
pub(super) async fn value(server: &Ephemeral, sql: &str) -> String {
    value_at(&server.url("postgres"), sql).await
}

/// The same at a connection string.
pub(super) async fn value_at(url: &str, sql: &str) -> String {
    connect_to(url)
        .await
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

async fn connect_to(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// Some megabytes, so that a backup has more than one part.
pub(super) const ROWS: &str = "create table load (id int primary key, text text not null); \
    insert into load select g, (select string_agg(md5(g::text || h::text), '') from generate_series(1, 40) h) \
    from generate_series(1, 12000) g; checkpoint";

/// Changes a file for as long as `check` runs; it keeps its owner.
pub(super) fn with(path: &Path, change: impl FnOnce(&mut Vec<u8>), check: impl FnOnce()) {
    let good = std::fs::read(path).unwrap();
    let mut bad = good.clone();
    change(&mut bad);
    std::fs::write(path, bad).unwrap();
    check();
    std::fs::write(path, good).unwrap();
}
