//! What it keeps.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Barman;
use super::call::SERVER;
use super::wal::Archive;
use crate::engines::kept_files::copy;
use crate::engines::{Doubt, Keeper, Labelled};
use crate::error::{Error, Kind, Result};
use crate::recovery::Kept;
use crate::storage::Files;

impl Keeper for Barman {
    fn folder(&self) -> &'static str {
        Self::FOLDER
    }

    fn labels(&self) -> BoxFuture<'_, Result<Vec<Labelled>>> {
        async { self.known(&CancellationToken::new()).await }.boxed()
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

    /// It removes the WAL before the oldest backup that it has left by itself.
    fn remove<'a>(&'a self, labels: &'a [String], _: Option<usize>) -> BoxFuture<'a, Result<()>> {
        async move {
            let never = CancellationToken::new();
            for label in labels {
                let arguments = ["delete", SERVER, label];
                let said = self.program.run(&arguments, &[], &never);
                said.await?.good()?;
            }
            let left = self.labels().await?;
            match left.iter().find(|one| labels.contains(&one.label)) {
                Some(still) => {
                    let text = format!("barman still has {} after delete", still.label);
                    Err(Error::new(Kind::BackupTool, text))
                }
                None => self.seals.sweep(&self.program.home().join("wals")),
            }
        }
        .boxed()
    }

    /// A backup is a plain data folder; each file is compared while it is copied, which
    /// `barman recover` does not do.
    fn restore<'a>(&'a self, kept: &'a Kept, data: &'a Path) -> BoxFuture<'a, Result<()>> {
        async move {
            let place = self.program.home().join("base").join(&kept.label);
            let prefix = format!("{}/{}/data/", Self::FOLDER, kept.label);
            copy(place.join("data"), prefix, kept.clone(), data.to_owned()).await
        }
        .boxed()
    }

    fn wal(&self) -> Arc<dyn Files> {
        Arc::new(Archive::of(self.clone()))
    }
}
