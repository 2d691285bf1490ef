//! The queue that workers on any number of machines share: the crate `graphile_worker` on the
//! control database. It decides who works when; it delivers at least once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use graphile_worker::{
    IntoTaskHandlerResult, JobKeyMode, JobSpecBuilder, TaskHandler, WorkerContext, WorkerOptions,
    WorkerRecoveryConfig, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio_util::sync::CancellationToken;

use super::{Dispatcher, Execute, Order, Receipt};
use crate::config::Target;
use crate::error::{Error, Kind, Result, Retry};

/// The schema of the queue's tables; its own, since an application may use the same crate.
const SCHEMA: &str = "tidegate_queue";

/// How often an order is tried before it stays in the queue as failed. The pauses between tries
/// grow as e^n seconds up to e^10.
const ATTEMPTS: i16 = 25;

/// How long work may take to reach a safe point when its worker stops.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Hands orders to the queue.
#[derive(Clone)]
pub struct Queue {
    jobs: WorkerUtils,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    /// Opens the queue of a control database, and makes it when it is not there.
    ///
    /// # Errors
    /// Out of reach; a missing privilege.
    pub async fn open(control: &Target) -> Result<Self> {
        let jobs = WorkerUtils::new(pool(control, 2).await?, SCHEMA);
        jobs.migrate().await.map_err(failed)?;
        Ok(Self { jobs })
    }
}

impl Dispatcher for Queue {
    fn dispatch<'a>(&'a self, order: &'a Order, shares: u16) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            for share in 0..shares {
                let spec = JobSpecBuilder::new()
                    .job_key(order.key(share))
                    .job_key_mode(JobKeyMode::PreserveRunAt)
                    .max_attempts(ATTEMPTS)
                    .build();
                let task = Task {
                    order: order.clone(),
                };
                self.jobs.add_job(task, spec).await.map_err(failed)?;
            }
            Ok(Receipt::Queued(shares))
        })
    }
}

/// Takes orders from the queue and carries them out.
#[derive(Debug)]
pub struct QueueWorker {
    /// Orders at once.
    pub concurrency: usize,
    /// A sign of life is given this often; a worker silent for three times as long is dead.
    pub heartbeat: Duration,
}

impl QueueWorker {
    /// Works until `cancel` is set; orders in work are stopped at a safe point and go back.
    ///
    /// # Errors
    /// The control database is out of reach.
    pub async fn run(
        &self,
        control: &Target,
        execute: Arc<dyn Execute>,
        cancel: CancellationToken,
    ) -> Result<()> {
        let connections = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        let pool = pool(control, connections.saturating_add(4)).await?;
        let recovery = WorkerRecoveryConfig::default()
            .heartbeat_interval(self.heartbeat)
            .sweep_interval(self.heartbeat)
            .sweep_threshold(self.heartbeat * 3)
            .recovery_delay(Duration::ZERO);
        let worker = WorkerOptions::default()
            .schema(SCHEMA)
            .concurrency(self.concurrency.max(1))
            .pg_pool(pool)
            .define_job::<Task>()
            .add_extension(Hands {
                execute,
                cancel: cancel.clone(),
            })
            .worker_recovery(recovery)
            .listen_os_shutdown_signals(false)
            .shutdown_signal(cancel.cancelled_owned())
            .shutdown_grace_period(STOP_LIMIT)
            .shutdown_interrupted_job_retry_delay(Duration::ZERO)
            .init()
            .await
            .map_err(failed)?;
        worker.run().await.map_err(failed)
    }
}

/// An order in the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Task {
    order: Order,
}

/// What a task is carried out with.
#[derive(Debug, Clone)]
struct Hands {
    execute: Arc<dyn Execute>,
    cancel: CancellationToken,
}

impl TaskHandler for Task {
    const IDENTIFIER: &'static str = "order";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(hands) = context.get_ext::<Hands>().cloned() else {
            return Err("this worker has no hands".to_owned());
        };
        let unit = self.order.unit.to_string();
        tracing::info!(%unit, environment = %self.order.environment, "begun");
        match hands.execute.execute(&self.order, hands.cancel).await {
            Ok(()) => {
                tracing::info!(%unit, "done");
                Ok(())
            }
            // Trying again would end alike; the unit's own ledger says that it failed.
            Err(error)
                if error.kind().policy().retry == Retry::Never
                    && error.kind() != Kind::Cancelled =>
            {
                tracing::error!(%unit, code = error.kind().policy().code, %error, "failed");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%unit, code = error.kind().policy().code, %error, "will be tried again");
                Err(error.to_string())
            }
        }
    }
}

async fn pool(control: &Target, connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(control.sqlx_options("queue")?)
        .await?)
}

/// An error of the queue's crate, which tells its kinds only in words.
fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Sql, format!("the queue of the workers: {error}")).because(error)
}
