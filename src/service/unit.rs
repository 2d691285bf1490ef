//! Carries out what was dispatched.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::backfill::JobId;
use crate::clock::Clock;
use crate::config::{Config, DispatchTo, Target};
use crate::control::Control;
use crate::dispatch::{Dispatcher, Execute, InProcess, Order, Queue, Unit};
use crate::error::{Error, Kind, Result};
use crate::job::EventSink;
use crate::service::backfill::Engine;
use crate::service::process::Caller;

/// Carries out orders with the services of this process.
#[derive(Debug, Clone)]
pub struct Hands {
    /// How environments are reached.
    pub config: Config,
    /// Where an order of the environment `ad-hoc` belongs, and how commands are called there.
    pub database_url: Option<String>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
}

impl Hands {
    async fn backfill(
        &self,
        environment: &str,
        job: JobId,
        cancel: CancellationToken,
    ) -> Result<()> {
        let target = self.target(environment).await?;
        Control::open(&target).await?;
        let (clock, events) = (Arc::clone(&self.clock), Arc::clone(&self.events));
        Engine::new(target, clock, events, cancel).run(job).await?;
        Ok(())
    }

    async fn target(&self, environment: &str) -> Result<Target> {
        self.config
            .environment(Some(environment))?
            .target(&self.config)
            .await
    }

    async fn command(
        &self,
        environment: &str,
        words: &[String],
        cancel: &CancellationToken,
    ) -> Result<()> {
        let url = self.database_url.as_deref();
        let environment = Some(environment).filter(|_| url.is_none());
        let ran = Caller::new(&self.config, environment, url)?
            .call(words, cancel)
            .await?;
        if ran.exit_code == Some(0) {
            return Ok(());
        }
        let line = words.join(" ");
        let error = ran.error.unwrap_or_default();
        let kind = error["code"]
            .as_str()
            .and_then(Kind::from_code)
            .unwrap_or(Kind::Interrupted);
        let message = error["message"].as_str().unwrap_or("it gave no reason");
        Err(Error::new(kind, format!("`tidegate {line}`: {message}")))
    }
}

impl Execute for Hands {
    fn execute<'a>(
        &'a self,
        order: &'a Order,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match &order.unit {
                Unit::Backfill { job } => self.backfill(&order.environment, *job, cancel).await,
                Unit::Command { words } => self.command(&order.environment, words, &cancel).await,
            }
        })
    }
}

/// Workers that may take part in one backfill at once.
pub const SHARES: u16 = 4;

/// The dispatcher that the configuration, or a flag that goes before it, asks for.
///
/// # Errors
/// The control database is out of reach.
pub async fn dispatcher(
    hands: Hands,
    to: DispatchTo,
    environment: Option<&str>,
    cancel: CancellationToken,
) -> Result<Box<dyn Dispatcher>> {
    Ok(match to {
        DispatchTo::Here => Box::new(InProcess::new(Arc::new(hands), cancel)),
        DispatchTo::Workers => {
            let control = hands.config.control_target(environment).await?;
            Box::new(Queue::open(&control).await?)
        }
    })
}

/// Hands backfills to the workers, and then the command that finishes what waits for them: it takes
/// part in whatever is not filled yet.
///
/// # Errors
/// The queue is out of reach.
pub async fn dispatch_backfills(
    environment: &str,
    queue: &dyn Dispatcher,
    jobs: &[JobId],
    finish: Vec<String>,
) -> Result<()> {
    let order = |unit| Order {
        environment: environment.to_owned(),
        unit,
    };
    for job in jobs {
        let unit = Unit::Backfill { job: *job };
        queue.dispatch(&order(unit), SHARES).await?;
    }
    let unit = Unit::Command { words: finish };
    queue.dispatch(&order(unit), 1).await?;
    Ok(())
}
