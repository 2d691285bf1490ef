//! The coordinator's side of a copy that is shared: it holds the snapshot and waits until the
//! workers have loaded every range, and loads them itself when no worker is there.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Opened;
use super::load::{self, Load, Task};
use super::run::Site;
use crate::control::{Operator, copy as ledger};
use crate::dispatch::{Dispatcher, Order, Unit};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Purpose of a helper's sessions, by which the coordinator sees that it is there.
pub(super) const PURPOSE: &str = "copy-worker";

/// Workers that may take part at once. An order that finds nothing to do ends at once.
const SHARES: u16 = 16;

/// Time between two looks at the ledger.
const ROUND: Duration = Duration::from_millis(250);

/// How long nobody may be at work before the coordinator takes the ranges itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Machine and process, for the ledger.
pub(super) fn worker_name() -> String {
    let host = Operator::of_process(None).host;
    format!("{host}, process {}", std::process::id())
}

impl Opened {
    /// Hands the ranges to the workers and sees to it that all of them are loaded. What is done is
    /// told by the ledger alone; a worker that died or was cut off has left nothing in it.
    pub(super) async fn share(
        &self,
        site: &Site,
        load: &Arc<Load>,
        queue: &dyn Dispatcher,
    ) -> Result<()> {
        let order = Order {
            environment: site.mark.to.clone(),
            unit: Unit::CopyRanges {
                from: site.mark.from.clone(),
                database: site.name.as_str().to_owned(),
                run: site.mark.run.clone(),
            },
        };
        queue.dispatch(&order, SHARES).await?;
        let waited = self.until_loaded(site, load).await;
        queue.recall(&order, SHARES).await?;
        waited
    }

    async fn until_loaded(&self, site: &Site, load: &Arc<Load>) -> Result<()> {
        let copy = Session::connect(&load.copy, "copy").await?;
        let clock = &self.engine.clock;
        let mut seen = clock.monotonic();
        while ledger::left(&*copy, &load.instant).await? > 0 {
            self.snapshot.check().await?;
            if self.databases.sessions(&site.name, PURPOSE).await? > 0 {
                seen = clock.monotonic();
            } else if clock.monotonic().saturating_sub(seen) >= PATIENCE {
                self.note("no worker is there: the rows are loaded here");
                load::work(load, Task::Load, self.engine.options.workers).await?;
            }
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                () = load.cancel.cancelled() => return Err(stopped()),
            }
        }
        Ok(())
    }
}

/// The error of a copy that was asked to stop.
pub(super) fn stopped() -> Error {
    Error::new(
        Kind::Cancelled,
        "the copy was stopped; finished ranges are kept",
    )
    .hint("the same command goes on")
}
