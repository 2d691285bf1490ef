//! Signs of life of a backup that is being made: what lies in its folder may be removed once they
//! have stopped.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::Result;
use crate::storage::Repository;

/// The folder of the signs inside a backup's.
const FOLDER: &str = "alive";
/// Time between two signs of life of a backup that is being made.
pub const SIGN_EVERY: Duration = Duration::from_secs(300);
const FORM: &str = "%Y%m%dT%H%M%SZ";

/// Gives signs of life until it is stopped.
#[derive(Debug)]
pub(super) struct Beat {
    repository: Repository,
    backup: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Beat {
    /// Gives the first sign in the folder of a backup, and further ones in the background.
    pub(super) async fn start(
        repository: &Repository,
        backup: String,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self> {
        sign(repository, &backup, clock.now()).await?;
        let stop = CancellationToken::new();
        let (own, name) = (repository.clone(), backup.clone());
        let (stopped, clock) = (stop.clone(), Arc::clone(clock));
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(SIGN_EVERY) => {}
                    () = stopped.cancelled() => return,
                }
                if let Err(error) = sign(&own, &name, clock.now()).await {
                    tracing::warn!(%error, "a sign of life of the backup could not be written");
                }
            }
        });
        Ok(Self {
            repository: repository.clone(),
            backup,
            stop,
            task,
        })
    }

    /// Ends it, and removes the signs. An error of that harms nothing: beside a manifest they say
    /// nothing.
    pub(super) async fn end(self) -> Result<()> {
        self.stop.cancel();
        let _ = self.task.await;
        let folder = format!("{}/{FOLDER}", self.backup);
        self.repository.remove_folder(&folder).await
    }
}

async fn sign(repository: &Repository, backup: &str, now: DateTime<Utc>) -> Result<()> {
    let name = format!("{backup}/{FOLDER}/{}", now.format(FORM));
    repository.put(&name, Vec::new()).await.map(|_| ())
}

/// When the sign was given that lies in a backup's folder under this name; none when it is none.
pub(super) fn given(inside: &str) -> Option<DateTime<Utc>> {
    let time = inside.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let time = NaiveDateTime::parse_from_str(time, FORM).ok()?;
    Some(time.and_utc())
}
