//! What it keeps.

use std::io::ErrorKind::NotFound;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Barman;
use super::call::SERVER;
use super::wal::Archive;
use crate::engines::kept_files::{at, copy};
use crate::engines::{Doubt, Keeper, Labelled, Landing};
use crate::error::{Error, Kind, Result};
use crate::recovery::Kept;
use crate::storage::Files;

impl Keeper for Barman {
    fn folder(&self) -> &'static str {
        Self::FOLDER
    }

    fn labels(&self) -> BoxFuture<'_, Result<Vec<Labelled>>> {
        async { self.known(true, &CancellationToken::new()).await }.boxed()
    }

    /// Barman keeps what failed until it is told otherwise, and gives a backup its name only at its
    /// end. What was begun before nobody was at work is being made by nobody.
    fn begun(&self) -> BoxFuture<'_, Result<Vec<Labelled>>> {
        async {
            let begun = self.known(false, &CancellationToken::new()).await?;
            Ok(match self.program.at_work()? {
                true => Vec::new(),
                false => begun,
            })
        }
        .boxed()
    }

    fn doubts(&self) -> BoxFuture<'_, Result<Vec<Doubt>>> {
        async {
            let never = CancellationToken::new();
            let mut doubts = Vec::new();
            for one in self.labels().await? {
                let arguments = ["verify-backup", SERVER, &one.label];
                let said = self.program.run(&arguments, &[], &never).await?;
                if !said.well {
                    doubts.push(Doubt {
                        problem: format!("barman verify-backup: {}", said.text()),
                        label: Some(one.label),
                    });
                }
            }
            Ok(doubts)
        }
        .boxed()
    }

    /// `barman delete` would remove WAL by a judgement of its own, so the folders are removed here: what
    /// has no `backup.info` is no backup for Barman, as after its own first step.
    fn remove<'a>(&'a self, labels: &'a [String]) -> BoxFuture<'a, Result<()>> {
        async move {
            let never = CancellationToken::new();
            let base = self.program.home().join("base");
            for label in labels {
                let folder = base.join(label);
                for gone in [
                    std::fs::remove_file(folder.join("backup.info")),
                    std::fs::remove_dir_all(&folder),
                ] {
                    match gone {
                        Err(error) if error.kind() != NotFound => return Err(at(&folder, &error)),
                        _ => {}
                    }
                }
            }
            let left = self.labels().await?;
            if let Some(still) = left.iter().find(|one| labels.contains(&one.label)) {
                let text = format!("barman still has {} after its folder went", still.label);
                return Err(Error::new(Kind::BackupTool, text));
            }
            // Its list of WAL speaks of files that are gone.
            self.take_over(&never).await?.good()?;
            let rebuild = ["rebuild-xlogdb", SERVER];
            let rebuilt = self.program.run(&rebuild, &[], &never);
            rebuilt.await?.good()?;
            let wal = [self.program.incoming(), self.program.home().join("wals")];
            self.seals.sweep(&wal)
        }
        .boxed()
    }

    /// A backup is a plain data folder with its tablespaces beside it; each file is compared while it
    /// is copied, which `barman recover` does not do.
    fn restore(&self, kept: &Kept, landing: &Landing) -> Result<()> {
        let place = self.program.home().join("base").join(&kept.label);
        let data = ("data".to_owned(), &landing.data);
        let tablespaces = landing.tablespaces.iter();
        let tablespaces = tablespaces.map(|(oid, folder)| (oid.clone(), folder));
        for (inside, to) in std::iter::once(data).chain(tablespaces) {
            let prefix = format!("{}/{}/{inside}/", Self::FOLDER, kept.label);
            copy(&place.join(&inside), &prefix, kept, to, &landing.stop)?;
        }
        Ok(())
    }

    fn wal(&self) -> Arc<dyn Files> {
        Arc::new(Archive::of(self.clone()))
    }
}
