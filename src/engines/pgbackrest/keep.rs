//! What it keeps.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::PgBackRest;
use super::verdict;
use super::wal::Archive;
use crate::engines::{Doubt, Keeper, Labelled};
use crate::error::{Error, Kind, Result};
use crate::recovery::Kept;
use crate::storage::Files;

/// Backups that are kept when nothing but those named is to go: the most that it takes.
const ALL: usize = 9_999_999;

impl Keeper for PgBackRest {
    fn folder(&self) -> &'static str {
        Self::FOLDER
    }

    fn labels(&self) -> BoxFuture<'_, Result<Vec<Labelled>>> {
        async {
            let known = self.info(&CancellationToken::new()).await?;
            let all = known.map_or_else(Vec::new, |stanza| stanza.backup);
            Ok(all.iter().map(|backup| backup.labelled()).collect())
        }
        .boxed()
    }

    fn doubts(&self) -> BoxFuture<'_, Result<Vec<Doubt>>> {
        async {
            let labels = self.labels().await?.into_iter().map(|one| one.label);
            let labels: Vec<String> = labels.collect();
            let verify = self.program.call("verify").by_owner();
            let verify = verify.with("--output=text").with("--verbose");
            let said = verify.run(&CancellationToken::new()).await?;
            verdict::doubts(&String::from_utf8_lossy(&said.stdout), &labels)
        }
        .boxed()
    }

    fn remove<'a>(
        &'a self,
        labels: &'a [String],
        stay: Option<usize>,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let never = CancellationToken::new();
            for label in labels {
                let call = self.program.call("expire").by_owner();
                let call = call.with(format!("--set={label}"));
                let call = call.with(format!("--repo1-retention-full={ALL}"));
                call.run(&never).await?;
            }
            let left = self.labels().await?;
            if let Some(still) = left.iter().find(|one| labels.contains(&one.label)) {
                let text = format!("pgbackrest still has {} after expire", still.label);
                return Err(Error::new(Kind::BackupTool, text));
            }
            // So many full backups are kept, which are all: what goes is the WAL before them. A
            // backup that Tidegate does not know would be counted, so then nothing goes.
            if stay.is_some_and(|stay| stay > 0 && stay == left.len()) {
                let call = self.program.call("expire").by_owner();
                let call = call.with(format!("--repo1-retention-full={}", left.len()));
                call.run(&never).await?;
                if self.labels().await? != left {
                    let text = "pgbackrest expire removed backups that were to stay";
                    return Err(Error::new(Kind::BackupTool, text));
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn restore<'a>(&'a self, kept: &'a Kept, data: &'a Path) -> BoxFuture<'a, Result<()>> {
        async move {
            let call = self.program.call("restore").at("--pg1-path=", data);
            let call = call.with(format!("--set={}", kept.label));
            // Where recovery ends, and from where it gets WAL, is not the program's to say.
            let call = call.with("--type=none");
            let done = call.run(&CancellationToken::new()).await;
            done.map_err(|error| Error::new(Kind::RestoreFailed, error.to_string()))?;
            for name in ["PG_VERSION", "global/pg_control", "backup_label"] {
                if !data.join(name).is_file() {
                    let text = format!("pgbackrest restore ended well, but there is no {name}");
                    return Err(Error::new(Kind::RestoreFailed, text));
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn wal(&self) -> Arc<dyn Files> {
        Arc::new(Archive::of(self.clone()))
    }
}
