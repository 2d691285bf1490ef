//! What it keeps.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::PgBackRest;
use super::verdict;
use super::wal::Archive;
use crate::engines::{Doubt, Keeper, Labelled, Landing};
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

    fn remove<'a>(&'a self, labels: &'a [String]) -> BoxFuture<'a, Result<()>> {
        async move {
            let never = CancellationToken::new();
            for label in labels {
                let call = self.program.call("expire").by_owner();
                let call = call.with(format!("--set={label}"));
                // So many backups are never there: nothing but this one goes, and no WAL.
                let call = call.with(format!("--repo1-retention-full={ALL}"));
                call.run(&never).await?;
            }
            let left = self.labels().await?;
            if let Some(still) = left.iter().find(|one| labels.contains(&one.label)) {
                let text = format!("pgbackrest still has {} after expire", still.label);
                return Err(Error::new(Kind::BackupTool, text));
            }
            Ok(())
        }
        .boxed()
    }

    fn restore(&self, kept: &Kept, landing: &Landing) -> Result<()> {
        let data = &landing.data;
        let mut call = self.program.call("restore").at("--pg1-path=", data);
        call = call.with(format!("--set={}", kept.label));
        // Where recovery ends, and from where it gets WAL, is not the program's to say.
        call = call.with("--type=none");
        for (oid, folder) in &landing.tablespaces {
            call = call.at(&format!("--tablespace-map={oid}="), folder);
        }
        let failed = |error: Error| match error.kind() {
            Kind::BackupTool => Error::new(Kind::RestoreFailed, error.to_string()),
            _ => error,
        };
        call.run_blocking(&landing.stop).map_err(failed)?;
        for name in ["PG_VERSION", "global/pg_control", "backup_label"] {
            if !data.join(name).is_file() {
                let text = format!("pgbackrest restore ended well, but there is no {name}");
                return Err(Error::new(Kind::RestoreFailed, text));
            }
        }
        for (oid, folder) in &landing.tablespaces {
            let link = data.join("pg_tblspc").join(oid);
            if link.read_link().ok().as_ref() != Some(folder) {
                let text = format!(
                    "pgbackrest restore ended well, but the tablespace {oid} is not where it was mapped to"
                );
                return Err(Error::new(Kind::RestoreFailed, text));
            }
        }
        Ok(())
    }

    fn wal(&self) -> Arc<dyn Files> {
        Arc::new(Archive::of(self.clone()))
    }
}
