//! One table, asked level by level on both sides at once.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::compare::{Sides, unreadable};
use crate::diff::{
    Advance, ChunkSum, Chunks, Counts, Finding, Level, Limits, Next, Reading, Reconciler,
    RowDigest, next,
};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// A comparison of one table.
pub(super) struct Scan<'a> {
    pub(super) sides: Sides<'a>,
    pub(super) source: Reading<'a>,
    pub(super) target: Reading<'a>,
    pub(super) limits: Limits,
    /// Findings that are kept, to be named.
    pub(super) keep: usize,
}

/// What it found.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Rows of the source and of the target.
    pub(super) rows: (u64, u64),
    pub(super) counts: Counts,
    pub(super) findings: Vec<Finding>,
}

/// One side of a [`Scan`].
#[derive(Clone, Copy)]
pub(super) struct Half<'a> {
    pub(super) session: &'a Session,
    pub(super) reading: &'a Reading<'a>,
    pub(super) side: &'static str,
}

impl<'a> Scan<'a> {
    pub(super) fn halves(&'a self) -> (Half<'a>, Half<'a>) {
        (
            Half {
                session: self.sides.source,
                reading: &self.source,
                side: "source",
            },
            Half {
                session: self.sides.target,
                reading: &self.target,
                side: "target",
            },
        )
    }

    pub(super) async fn run(&self) -> Result<Outcome> {
        let (source, target) = self.halves();
        let mut level = Level::first(&self.limits);
        let mut rows = None;
        loop {
            let (left, right) = tokio::try_join!(source.level(&level), target.level(&level))?;
            // The first level sees every row.
            let count = |sums: &[ChunkSum]| sums.iter().map(|sum| sum.rows).sum::<u64>();
            let rows = *rows.get_or_insert_with(|| (count(&left), count(&right)));
            match next(&level, (&left, &right), rows.0.max(rows.1), &self.limits) {
                Next::Equal => {
                    return Ok(Outcome {
                        rows,
                        ..Outcome::default()
                    });
                }
                Next::Split(finer) => level = finer,
                Next::Rows(chunks) => {
                    let (counts, findings) = self.reconcile(&chunks).await?;
                    return Ok(Outcome {
                        rows,
                        counts,
                        findings,
                    });
                }
            }
        }
    }

    /// Reads the rows of `chunks` from both sides, sorted, and matches them as they come.
    async fn reconcile(&self, chunks: &Chunks) -> Result<(Counts, Vec<Finding>)> {
        let (source, target) = self.halves();
        let (left, right) = tokio::try_join!(source.rows(chunks), target.rows(chunks))?;
        let (mut left, mut right) = (pin!(left), pin!(right));
        let (mut a, mut b) = (left.try_next().await?, right.try_next().await?);
        let mut reconciler = Reconciler::new(self.keep);
        loop {
            match reconciler.step(a.as_ref(), b.as_ref()) {
                Advance::Source => a = left.try_next().await?,
                Advance::Target => b = right.try_next().await?,
                Advance::Both => (a, b) = tokio::try_join!(left.try_next(), right.try_next())?,
                Advance::Done => return Ok(reconciler.finish()),
            }
        }
    }
}

impl<'a> Half<'a> {
    /// Count and sums of every chunk.
    async fn level(self, level: &Level) -> Result<Vec<ChunkSum>> {
        let ids = level.among.as_ref().map(|chunks| &chunks.ids);
        let sql = self.reading.level(level);
        let rows = self.stream(&sql, ids).await?;
        rows.and_then(|row| async move {
            Ok(ChunkSum {
                chunk: row.get(0),
                rows: row.get::<_, i64>(1).unsigned_abs(),
                sums: (sum(row.get(2))?, sum(row.get(3))?),
            })
        })
        .try_collect()
        .await
    }

    /// The digests of the rows of `chunks`, sorted.
    async fn rows(
        self,
        chunks: &Chunks,
    ) -> Result<impl futures_util::Stream<Item = Result<RowDigest>> + 'a> {
        let rows = self
            .stream(&self.reading.rows(chunks), Some(&chunks.ids))
            .await?;
        Ok(rows.map_ok(|row| RowDigest {
            key: (row.get(0), row.get(1)),
            row: (row.get(2), row.get(3)),
        }))
    }

    /// Runs a statement that takes a list of numbers, or nothing.
    pub(super) async fn stream(
        self,
        sql: &str,
        ids: Option<&Vec<i64>>,
    ) -> Result<impl futures_util::Stream<Item = Result<Row>> + use<'a>> {
        let named = move |error: tokio_postgres::Error| {
            unreadable(error.into(), self.side, self.reading.table)
        };
        let parameters: Vec<&(dyn ToSql + Sync)> = match &ids {
            Some(ids) => vec![*ids],
            None => Vec::new(),
        };
        let rows = self
            .session
            .query_raw(sql, parameters)
            .await
            .map_err(named)?;
        Ok(rows.map_err(named))
    }
}

/// `sum(int8)` is a numeric without a fraction; 2^63 rows of 2^63 fit.
fn sum(text: &str) -> Result<i128> {
    text.parse::<i128>().map_err(|error| {
        Error::new(Kind::Internal, format!("the sum {text:?} is no number")).because(error)
    })
}
