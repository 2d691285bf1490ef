//! What a drill drives: base backups, the way of WAL, restores. Everything of the product that a
//! drill proves is called from here, as its commands call it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::primary::Primary;
use super::run::Drill;
use crate::config::Target;
use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::postgres::Session;
use crate::postgres::private::Identity;
use crate::recovery::{BackupManifest, DrillPhase, Lsn, RECOVERY_PHASES, RecoveryTarget, WalMode};
use crate::service::backup::{Backup, Parent, Shelf};
use crate::service::restore::{Deadlines, Picked, Restore, Restored, newest_living, reachable};
use crate::service::wal::{
    Drained, Expected, Receiver, ReceiverOptions, WalSocket, archive_command,
};
use crate::storage::{Location, Repository, SealKey};

/// What the receiver calls itself.
pub(super) const RECEIVER: &str = "tidegate_drill";
/// The product, as a drill uses it.
#[derive(Debug)]
pub(super) struct Engine<'a> {
    pub(super) drill: &'a Drill<'a>,
    /// What is restored from.
    pub(super) repository: Repository,
    /// The folder that the drill works in.
    pub(super) folder: PathBuf,
    /// Who takes base backups.
    name: String,
}

/// A key that nobody else has.
///
/// # Errors
/// None in practice.
pub(super) fn random_key() -> Result<SealKey> {
    SealKey::parse(&SecretString::from(hex::encode(rand::random::<[u8; 32]>())))
}

/// Enters a database of a restored cluster. One that its owner has made read only is written to by
/// nobody else here.
///
/// # Errors
/// It cannot be entered.
pub(super) async fn enter(target: &Target) -> Result<Session> {
    let session = Session::connect(target, "drill").await?;
    session
        .batch_execute("set default_transaction_read_only = off")
        .await?;
    Ok(session)
}

/// The name of a drill that began at `at`.
pub(super) fn id(at: DateTime<Utc>) -> String {
    BackupManifest::id_at(at, rand::random())
}

impl<'a> Engine<'a> {
    /// Over a repository of the drill's own, in its folder, under a key that goes with it.
    pub(super) async fn sandbox(drill: &'a Drill<'a>, folder: &Path, name: &str) -> Result<Self> {
        let location = Location::Folder(folder.join("repository"));
        let repository = Repository::open(&location, Vec::new(), random_key()?)?;
        let (repository, name) = engines::open(repository, Some(name)).await?;
        Ok(Self {
            drill,
            repository,
            folder: folder.to_owned(),
            name,
        })
    }

    /// Over somebody's repository, which is only read.
    pub(super) fn over(drill: &'a Drill<'a>, repository: &Repository, folder: &Path) -> Self {
        Self {
            drill,
            repository: repository.clone(),
            folder: folder.to_owned(),
            name: BackupManifest::NATIVE.to_owned(),
        }
    }

    /// Tells how far the drill is.
    pub(super) fn say(&self, words: &str) {
        let note = Event::Note(format!("drill: {words}"));
        self.drill.events.emit(note);
    }

    /// The newest base backup that the newest timeline passes through.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`]; those of the repository.
    pub(super) async fn newest(repository: &Repository) -> Result<BackupManifest> {
        let shelf = Shelf::read(repository).await?;
        let newest = newest_living(repository, &shelf).await?;
        Ok(newest.backup.clone())
    }

    async fn manifest(repository: &Repository, id: &str) -> Result<BackupManifest> {
        Shelf::read(repository).await?.backup(id).cloned()
    }

    /// Takes a base backup.
    pub(super) async fn backup_of(
        &self,
        target: &Target,
        repository: &Repository,
        parent: Option<Parent>,
    ) -> Result<BackupManifest> {
        let backup = Backup {
            target,
            repository,
            region: None,
            max_rate: None,
            staging: None,
            parent,
            // A sandbox holds random bytes.
            encrypted_volume: true,
            clock: Arc::clone(&self.drill.clock),
            events: Arc::clone(&self.drill.events),
            cancel: self.drill.cancel.clone(),
        };
        let engine = engines::engine(repository, &self.name)?;
        let created = backup.create(engine.as_ref()).await?;
        Self::manifest(repository, &created.id).await
    }

    /// Restores, and leaves a server that takes connections.
    pub(super) async fn restore(
        &self,
        (repository, id): (&Repository, Option<&str>),
        target: RecoveryTarget,
        into: &Path,
    ) -> Result<Recovered> {
        let backup = match id {
            Some(id) => Self::manifest(repository, id).await?,
            None => Self::newest(repository).await?,
        };
        let picked = Picked::named(repository, &backup).await?;
        self.recover((repository, &picked), (&target, None), into)
            .await
    }

    /// The same of a backup that is known, along a log that is taken to end at a place.
    pub(super) async fn recover(
        &self,
        (repository, picked): (&Repository, &Picked<'_>),
        (target, until): (&RecoveryTarget, Option<Lsn>),
        into: &Path,
    ) -> Result<Recovered> {
        let restored = Restore {
            repository,
            backup: picked.backup,
            target,
            into,
            tablespaces: &[],
            settings: &[],
            deadlines: Deadlines::default(),
            inventory: &picked.inventory,
            until,
            clock: &self.drill.clock,
        }
        .run()
        .await?;
        Ok(Recovered {
            target: crate::service::scratch::target(&restored.url(None), None).await?,
            restored,
        })
    }

    /// Restores, and throws the result away; tells how far it came.
    pub(super) async fn attempt(
        &self,
        from: (&Repository, Option<&str>),
        target: RecoveryTarget,
        into: &Path,
    ) -> Result<String> {
        let recovered = self.restore(from, target, into).await?;
        let reached = recovered.restored.reached.to_string();
        recovered.stop().await;
        Ok(reached)
    }
}

/// A restored server.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Its database `postgres`.
    pub(super) target: Target,
    pub(super) restored: Restored,
}

impl Recovered {
    /// The phases of the recovery; `last` is the time in seconds from its end to the first write.
    pub(super) fn phases(&self, last: f64) -> Vec<DrillPhase> {
        let Restored {
            fetch,
            verify,
            replay,
            promote,
            ..
        } = &self.restored;
        let [_, first, second, third] = RECOVERY_PHASES;
        vec![
            DrillPhase::new(first, fetch.seconds + verify.seconds, fetch.bytes),
            DrillPhase::new(second, replay.seconds, replay.bytes),
            DrillPhase::new(third, promote.seconds + last, 0),
        ]
    }

    /// Stops the server and removes its folder.
    pub(super) async fn stop(self) {
        self.restored.server.stop().await;
    }
}

/// How WAL gets into the repository while the primary lives.
#[derive(Debug)]
pub(super) enum Wal {
    /// The server's archiver calls a program, which speaks to this socket.
    Archive { socket: WalSocket, command: String },
    /// A receiver; none before the server runs.
    Stream {
        synchronous: bool,
        receiver: Option<Receiver>,
    },
}

impl Wal {
    /// Prepares it.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub(super) async fn prepare(engine: &Engine<'_>, mode: WalMode) -> Result<Self> {
        if mode != WalMode::Archive {
            return Ok(Self::Stream {
                synchronous: mode == WalMode::Sync,
                receiver: None,
            });
        }
        let identity = Identity::current()?;
        // pgBackRest wants to read its name in archive_command.
        let path = engine.folder.join(format!("{}.sock", engine.name));
        let clock = &engine.drill.clock;
        let socket = WalSocket::serve(
            &engine.repository,
            Expected::default(),
            &path,
            &identity,
            clock,
        )
        .await?;
        let program = reachable(&identity, &engine.folder)?;
        let command = archive_command(&program, socket.path());
        Ok(Self::Archive { socket, command })
    }

    /// What the primary's archiver runs.
    pub(super) fn archive_command(&self) -> Option<&str> {
        match self {
            Self::Archive { command, .. } => Some(command),
            Self::Stream { .. } => None,
        }
    }

    /// Connects to the primary.
    ///
    /// # Errors
    /// The receiver does not start.
    pub(super) async fn begin(&mut self, engine: &Engine<'_>, primary: &Primary) -> Result<()> {
        if let Self::Stream {
            synchronous,
            receiver,
        } = self
        {
            let options = ReceiverOptions {
                target: primary.target.clone(),
                binaries: primary.server.binaries.clone(),
                repository: engine.repository.clone(),
                spool: engine.folder.join("spool"),
                slot: RECEIVER.to_owned(),
                synchronous: *synchronous,
                clock: Arc::clone(&engine.drill.clock),
            };
            *receiver = Some(Receiver::start(&options).await?);
        }
        Ok(())
    }

    /// Forgets what failed before the first backup: an engine that keeps WAL itself takes none
    /// before it knows the cluster, and the server tries again.
    pub(super) fn begun(&self, engine: &Engine<'_>) {
        if let Self::Archive { socket, .. } = self
            && engine.name != BackupManifest::NATIVE
        {
            drop(socket.fault());
        }
    }

    /// Fails when WAL does not get into the repository any more.
    ///
    /// # Errors
    /// Why, as far as it is known.
    pub(super) fn check(&mut self) -> Result<()> {
        let works = match self {
            Self::Archive { socket, .. } => return socket.fault().map_or(Ok(()), Err),
            Self::Stream { receiver, .. } => receiver.as_ref().is_some_and(Receiver::works),
        };
        if works {
            return Ok(());
        }
        Err(Error::new(
            Kind::Interrupted,
            "the receiver ended before the disaster",
        ))
    }

    /// Hands over the rest.
    ///
    /// # Errors
    /// Those of the uploads.
    pub(super) async fn drain(self) -> Result<Drained> {
        match self {
            Self::Archive { socket, .. } => Ok(Drained {
                bytes: 0,
                longest_upload: socket.longest().as_secs_f64(),
            }),
            Self::Stream {
                receiver: Some(receiver),
                ..
            } => receiver.drain().await,
            Self::Stream { .. } => Ok(Drained::default()),
        }
    }
}
