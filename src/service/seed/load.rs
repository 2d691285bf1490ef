//! Workers that lease ranges of rows from the ledger and write them.

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::asked::{AllAsked, Asked, Into, ROUNDS};
use super::derive;
use super::engine::{Engine, stopped};
use super::make::Maker;
use super::rehearse::refused;
use super::session::several;
use super::staging;
use crate::control::seed as ledger;
use crate::control::seed::Chunk;
use crate::copy::{HEADER, RowSum, TRAILER};
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::postgres::Session;

/// Batches of one worker that are made ahead of the connection.
const AHEAD: usize = 3;
/// Pause of a worker that finds only ranges that others hold: a killed process's sessions may live
/// a moment longer, and give theirs back.
const PAUSE: Duration = Duration::from_millis(200);
/// Time between two lines of progress.
const TICK: Duration = Duration::from_secs(5);

struct Load {
    engine: Engine,
    maker: Maker,
    /// What the server is asked of the rows, by table.
    asked: AllAsked,
    run: i64,
    rows: AtomicU64,
}

/// Writes all ranges of a run that are not written; the first error ends all workers.
pub(super) async fn load(engine: &Engine, maker: &Maker, run: i64) -> Result<()> {
    let stop = engine.cancel.child_token();
    let (asked, _) = staging::read(&mut engine.session().await?, &maker.plan).await?;
    let load = Arc::new(Load {
        engine: engine.clone(),
        maker: maker.clone(),
        asked,
        run,
        rows: AtomicU64::new(0),
    });
    let mut set = JoinSet::new();
    for session in several(engine, engine.options.workers).await? {
        let (load, stop) = (Arc::clone(&load), stop.clone());
        set.spawn(async move { load.worker(session, &stop).await });
    }
    let mut first = None;
    let mut ticks = tokio::time::interval(TICK);
    ticks.tick().await;
    loop {
        tokio::select! {
            ended = set.join_next() => match ended {
                None => break,
                Some(ended) => {
                    let ended = ended
                        .unwrap_or_else(|error| Err(Error::new(Kind::Internal, error.to_string())));
                    if let Err(error) = ended {
                        stop.cancel();
                        first.get_or_insert(error);
                    }
                }
            },
            _ = ticks.tick() => load.tell(),
        }
    }
    if engine.cancel.is_cancelled() {
        return Err(stopped());
    }
    first.map_or(Ok(()), Err)
}

impl Load {
    fn tell(&self) {
        let (rows, all) = (self.rows.load(Ordering::Relaxed), self.maker.plan.rows());
        let text = format!("{rows} of {all} rows in this run");
        self.engine.events.emit(Event::Note(text));
    }

    async fn worker(&self, mut session: Session, stop: &CancellationToken) -> Result<()> {
        // A range that a crash of the server takes back, takes its record back too.
        session
            .batch_execute("set synchronous_commit = off")
            .await?;
        while !stop.is_cancelled() {
            let transaction = session.transaction().await?;
            let Some(chunk) = ledger::lease(&transaction, self.run).await? else {
                transaction.rollback().await?;
                if ledger::left(&*session, self.run).await? == 0 {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let sum = self.write(&transaction, &chunk, stop).await?;
            ledger::chunk_done(&transaction, self.run, &chunk, &sum).await?;
            // A deferred constraint speaks up only here.
            let name = &self.maker.plan.tables[chunk.table].name;
            let failed = |error| refused(name, error);
            transaction.commit().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Writes rows of which the server must say whether they are right.
    async fn ask(
        &self,
        asked: &Asked,
        transaction: &tokio_postgres::Transaction<'_>,
        chunk: &Chunk,
        stop: &CancellationToken,
    ) -> Result<RowSum> {
        let name = self.maker.plan.tables[chunk.table].name.to_string();
        let into = Into {
            table: chunk.table,
            name: &name,
            rounds: ROUNDS,
            stop,
        };
        let numbers = (chunk.from..chunk.to).collect();
        let sum = asked
            .write(transaction, &self.maker, numbers, &into)
            .await?;
        self.rows.fetch_add(sum.rows, Ordering::Relaxed);
        Ok(sum)
    }

    async fn write(
        &self,
        transaction: &tokio_postgres::Transaction<'_>,
        chunk: &Chunk,
        stop: &CancellationToken,
    ) -> Result<RowSum> {
        let table = self.maker.plan.tables.get(chunk.table);
        let table = table.ok_or_else(|| {
            Error::new(Kind::Internal, "the ledger and the plan name other tables")
        })?;
        let failed = |error| refused(&table.name, error);
        let name = table.name.to_string();
        if let Some(asked) = self.asked.get(&chunk.table) {
            return self.ask(asked, transaction, chunk, stop).await;
        }
        let into = if table.derived.is_empty() {
            &name
        } else {
            derive::wait(transaction, table, &name).await?;
            derive::WAITING
        };
        let sql = self.maker.copy_in(chunk.table, into);
        let mut sink = pin!(
            transaction
                .copy_in::<_, Bytes>(&sql)
                .await
                .map_err(failed)?
        );
        if table.is_binary() {
            sink.feed(Bytes::from_static(HEADER))
                .await
                .map_err(failed)?;
        }
        let ranges = self.maker.batches(chunk.table, chunk.from..chunk.to);
        let make = |rows: Range<u64>| self.maker.batch(chunk.table, rows);
        let mut batches = pin!(stream::iter(ranges).map(make).buffered(AHEAD));
        let mut sum = RowSum::default();
        while let Some(batch) = batches.next().await {
            if stop.is_cancelled() {
                return Err(stopped());
            }
            let batch = batch?;
            sum.merge(&batch.sum);
            sink.feed(Bytes::from(batch.bytes)).await.map_err(failed)?;
            self.rows.fetch_add(batch.sum.rows, Ordering::Relaxed);
        }
        if table.is_binary() {
            sink.feed(Bytes::from_static(TRAILER))
                .await
                .map_err(failed)?;
        }
        let mut written = sink.finish().await.map_err(failed)?;
        if !table.derived.is_empty() {
            let moved = derive::move_on(transaction, table, &name).await;
            written = moved.map_err(failed)?;
        }
        if written != sum.rows {
            return Err(Error::new(
                Kind::Internal,
                format!("{name}: {} rows were made, {written} written", sum.rows),
            ));
        }
        Ok(sum)
    }
}
