//! Rows of one range on their way: read, masked, written, in three stages beside each other.

use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::copy::{
    HEADER, MAX_ROW_BYTES, Malformed, Range, Refused, RowSum, Rows, Splicer, TRAILER, TableCopy,
    Wire, copy_outs, widest_rows,
};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Session, from_postgres};
use crate::subset::RowSet;

/// Bytes that are masked and sent in one go: large enough that the cost of a hand-over is nothing,
/// small enough that it stays in the processor's cache.
const BATCH_BYTES: usize = 128 << 10;

/// Batches between two stages.
const AHEAD: usize = 2;

/// Batches on their way, by their size: one wide row takes the place of all.
const SLOTS: usize = 2 * AHEAD + 2;

/// Rows on their way, and the room that they take.
type Batch = (Vec<u8>, OwnedSemaphorePermit);

/// What a range is read and written by.
#[derive(Debug)]
pub(super) struct Pipe<'a> {
    pub(super) table: &'a TableCopy,
    pub(super) splicer: &'a Arc<Splicer>,
    pub(super) range: Range,
    /// The rows that are carried; `None` for all.
    pub(super) picked: Option<&'a RowSet>,
    pub(super) copy_in: String,
}

impl Pipe<'_> {
    /// Reads the range and writes it; the sum over what was read.
    pub(super) async fn run(
        &self,
        source: &Session,
        target: &tokio_postgres::Transaction<'_>,
    ) -> Result<RowSum> {
        let (to_mask, batches) = mpsc::channel(AHEAD);
        let (sum, written) = tokio::try_join!(
            self.read(source, Some(to_mask)),
            self.write(target, batches)
        )?;
        if written != sum.rows {
            return Err(Error::new(
                Kind::Internal,
                format!(
                    "{}: {} rows were read and {written} written",
                    self.table.name.plain(),
                    sum.rows
                ),
            ));
        }
        Ok(sum)
    }

    /// The bytes of the widest row, asked before one is read.
    pub(super) async fn widest(&self, source: &Session) -> Result<u64> {
        let mut widest = 0;
        for sql in widest_rows(self.table, self.range, self.picked) {
            let bytes: i64 = source.query_one(&sql, &[]).await?.get(0);
            widest = widest.max(u64::try_from(bytes).unwrap_or_default());
        }
        if widest > MAX_ROW_BYTES as u64 {
            return Err(self.malformed(Malformed::TooLarge));
        }
        Ok(widest)
    }

    fn malformed(&self, error: Malformed) -> Error {
        let text = format!("{}: {error}", self.table.name.plain());
        match error {
            Malformed::Broken(_) => Error::new(Kind::CopySource, text),
            Malformed::TooLarge => Error::new(Kind::Unsupported, text)
                .hint("leave the table empty (rows = \"none\"), leave such rows out (rows = a condition), or set the column to null"),
        }
    }

    /// Reads the range and hands its rows on in batches; without anybody to hand them to, only the
    /// sum is taken.
    pub(super) async fn read(
        &self,
        source: &Session,
        to: Option<mpsc::Sender<Batch>>,
    ) -> Result<RowSum> {
        let mut sum = RowSum::default();
        for sql in copy_outs(self.table, self.range, self.picked) {
            self.read_by(&sql, source, to.as_ref(), &mut sum).await?;
        }
        Ok(sum)
    }

    async fn read_by(
        &self,
        sql: &str,
        source: &Session,
        to: Option<&mpsc::Sender<Batch>>,
        sum: &mut RowSum,
    ) -> Result<()> {
        let failed = |error| row_error("the source", self.table, error);
        let mut stream = pin!(source.copy_out(sql).await.map_err(failed)?);
        let mut rows = Rows::new(self.table.wire);
        let mut batch = Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 4);
        let malformed = |error: Malformed| self.malformed(error);
        let slots = Arc::new(Semaphore::new(SLOTS));
        while let Some(data) = stream.try_next().await.map_err(failed)? {
            source.spend(data.len()).await;
            rows.push(&data, |row| {
                sum.add(row);
                if to.is_some() {
                    batch.extend_from_slice(row);
                }
            })
            .map_err(malformed)?;
            if batch.len() >= BATCH_BYTES
                && let Some(to) = to
            {
                let full = std::mem::replace(
                    &mut batch,
                    Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 4),
                );
                hand_on(to, full, &slots).await?;
            }
        }
        rows.finish().map_err(malformed)?;
        if let Some(to) = to {
            hand_on(to, batch, &slots).await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        target: &tokio_postgres::Transaction<'_>,
        mut batches: mpsc::Receiver<Batch>,
    ) -> Result<u64> {
        let failed = |error| row_error("the copy", self.table, error);
        let sink = target.copy_in::<_, Cursor<Vec<u8>>>(&self.copy_in);
        let mut sink = pin!(sink.await.map_err(failed)?);
        let binary = self.table.wire == Wire::Binary;
        if binary {
            sink.feed(Cursor::new(HEADER.to_vec()))
                .await
                .map_err(failed)?;
        }
        let incoming = stream::poll_fn(move |context| batches.poll_recv(context));
        let mask = async |(batch, room): Batch| self.mask(batch).await.map(|rows| (rows, room));
        let mut masked = pin!(incoming.map(mask).buffered(AHEAD));
        while let Some(batch) = masked.next().await {
            let (rows, room) = batch?;
            sink.feed(Cursor::new(rows)).await.map_err(failed)?;
            drop(room);
        }
        if binary {
            sink.feed(Cursor::new(TRAILER.to_vec()))
                .await
                .map_err(failed)?;
        }
        sink.finish().await.map_err(failed)
    }

    /// Masks a batch on the pool of threads that computes.
    async fn mask(&self, batch: Vec<u8>) -> Result<Vec<u8>> {
        if self.splicer.is_idle() || batch.is_empty() {
            return Ok(batch);
        }
        let (done, masked) = oneshot::channel();
        let splicer = Arc::clone(self.splicer);
        rayon::spawn(move || {
            let mut out = Vec::with_capacity(batch.len() + batch.len() / 4);
            let result = splicer.splice(&batch, &mut out);
            let _ = done.send(result.map(|()| out));
        });
        match masked.await {
            Ok(result) => result.map_err(|refused| self.refused(&refused)),
            Err(_) => Err(Error::new(Kind::Internal, "a thread that masks has died")),
        }
    }

    fn refused(&self, refused: &Refused) -> Error {
        let column = self.table.columns.get(refused.column);
        Error::new(
            Kind::MaskValue,
            format!(
                "{}.{}: {refused}",
                self.table.name.plain(),
                column.map_or("?", |column| column.name.as_str())
            ),
        )
    }
}

/// Hands rows on as soon as there is room for them.
async fn hand_on(to: &mpsc::Sender<Batch>, rows: Vec<u8>, slots: &Arc<Semaphore>) -> Result<()> {
    let weight = (rows.len() / BATCH_BYTES).clamp(1, SLOTS);
    let weight = u32::try_from(weight).unwrap_or(1);
    let room = Arc::clone(slots).acquire_many_owned(weight).await;
    let room = room.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    // Nobody listens when the target failed; that error is the one that counts.
    let _ = to.send((rows, room)).await;
    Ok(())
}

/// An error of the server about a row, without its words: they quote values.
fn row_error(side: &str, table: &TableCopy, error: tokio_postgres::Error) -> Error {
    let Some(server) = error.as_db_error() else {
        return from_postgres(error);
    };
    let mut text = format!("{}: {side} refused a row", table.name.plain());
    for (word, name) in [
        ("column", server.column()),
        ("constraint", server.constraint()),
        ("type", server.datatype()),
    ] {
        if let Some(name) = name {
            text.push_str(&format!(", {word} {name}"));
        }
    }
    text.push_str(&format!(" [{}]", server.code().code()));
    let kind = match from_postgres(error).kind() {
        Kind::UnknownObject => Kind::CopySource,
        other => other,
    };
    Error::new(kind, text)
}
