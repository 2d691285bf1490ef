//! Streams of a gate: batches of rows are computed on the pool of threads beside the stream that
//! brings them.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::binary_rows::without_header;
use super::row_bound::bounded;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// Bytes handed to a core at once.
pub(super) const BATCH: usize = 256 << 10;
/// Batches that wait or are computed at once, for each core: with rows of usual size the memory is
/// twice the batches.
const PER_CORE: usize = 3;

/// What computes a batch of whole rows.
pub(super) type Compute = dyn Fn(&[u8]) -> Result<()> + Send + Sync;

/// A batch of rows and the room that it takes.
pub(super) type Full = (Vec<u8>, OwnedSemaphorePermit);

/// The batches of some streams.
#[derive(Debug)]
pub(super) struct Batches {
    permits: Arc<Semaphore>,
    slots: u32,
    failed: Mutex<Option<Error>>,
    cancel: CancellationToken,
}

impl Batches {
    pub(super) fn new(cancel: &CancellationToken) -> Arc<Self> {
        let slots = rayon::current_num_threads().max(1) * PER_CORE;
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(slots)),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
            failed: Mutex::default(),
            cancel: cancel.clone(),
        })
    }

    /// Fails when the gate was interrupted.
    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Kind::Interrupted, "the gate was interrupted"));
        }
        Ok(())
    }

    /// Waits until there is room for another batch of so many bytes. A wide row takes the place of
    /// many batches: memory is bounded by bytes.
    pub(super) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        self.check()?;
        let weight = (bytes / BATCH).clamp(1, self.slots as usize);
        let weight = u32::try_from(weight).unwrap_or(self.slots);
        let permit = Arc::clone(&self.permits).acquire_many_owned(weight).await;
        permit.map_err(|_| Error::new(Kind::Internal, "a stream of the gate was closed"))
    }

    /// Runs a COPY in binary format; whole rows go to `compute`. It has seen all of them after
    /// [`Batches::finish`].
    pub(super) async fn stream(
        self: &Arc<Self>,
        session: &Session,
        (sql, table): (&str, &QualifiedName),
        compute: &Arc<Compute>,
    ) -> Result<()> {
        let stream = session.copy_out(sql).await?;
        let mut stream = std::pin::pin!(stream);
        let mut batch = Vec::with_capacity(BATCH * 2);
        let mut first = true;
        // The server sends one row a message.
        while let Some(message) = stream.try_next().await? {
            session.spend(message.len()).await;
            bounded(&message, table)?;
            let rows = if std::mem::take(&mut first) {
                without_header(&message)?
            } else {
                &message
            };
            if let Some(full) = self.gather(&mut batch, rows).await? {
                self.spawn(full, compute);
            }
        }
        let room = self.room(batch.len()).await?;
        self.spawn((batch, room), compute);
        Ok(())
    }

    /// Adds rows to a batch; the batch with its room when it is full. The room is waited for before
    /// the rows are copied, so that a stream that waits holds a wide row once.
    pub(super) async fn gather(&self, batch: &mut Vec<u8>, rows: &[u8]) -> Result<Option<Full>> {
        let bytes = batch.len() + rows.len();
        if bytes < BATCH {
            batch.extend_from_slice(rows);
            return Ok(None);
        }
        let room = self.room(bytes).await?;
        batch.extend_from_slice(rows);
        let full = std::mem::replace(batch, Vec::with_capacity(BATCH * 2));
        Ok(Some((full, room)))
    }

    fn spawn(self: &Arc<Self>, (rows, room): Full, compute: &Arc<Compute>) {
        let (batches, compute) = (Arc::clone(self), Arc::clone(compute));
        rayon::spawn(move || {
            if let Err(error) = compute(&rows) {
                let failed = batches.failed.lock();
                let mut failed = failed.unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(error);
            }
            drop(room);
        });
    }

    /// Waits for all batches.
    ///
    /// # Errors
    /// The first one of a batch.
    pub(super) async fn finish(&self) -> Result<()> {
        let all = self.permits.acquire_many(self.slots).await;
        drop(all.map_err(|_| Error::new(Kind::Internal, "a stream of the gate was closed"))?);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), Err)
    }
}
