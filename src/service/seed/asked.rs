//! Conditions that only the server evaluates: rows go by COPY into a temporary table first, those that
//! fulfil all conditions move on, the others are drawn again.
//!
//! Which round of a row is taken hangs on the row alone, so that workers, ranges and resumed runs give
//! the same; a condition that reads other rows or the clock is not one that PostgreSQL allows.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use tokio_postgres::Transaction;
use tokio_util::sync::CancellationToken;

use super::engine::stopped;
use super::make::{Maker, Numbered, Wanted};
use super::rehearse::refused;
use super::staging::Staging;
use crate::copy::{HEADER, RowSum, TRAILER};
use crate::error::{Error, Kind, Result};
use crate::generate::TablePlan;

/// Rows that are made and sent at a time.
const BATCH: usize = 4 << 10;
/// Batches that are made ahead of the connection.
const AHEAD: usize = 3;

/// Rounds in which a row of a load is drawn again for a condition. One that passes the rehearsal is
/// fulfilled by about one draw in fifty at least; that all of these miss it has a chance below 10^-35.
pub(super) const ROUNDS: u32 = 4096;
/// Rounds in the rehearsal: fewer, so that what is found there is found in the load.
pub(super) const ROUNDS_TRIED: u32 = 400;
/// Rounds after which a condition is given up that no row has fulfilled.
const HOPELESS: u32 = 64;
/// Rows of each such table that are tried before the first row.
pub(super) const ROWS_TRIED: u64 = 1000;

/// The conditions of the tables of a plan, by table.
pub(super) type AllAsked = BTreeMap<usize, Asked>;

/// The conditions of one table, and where rows wait for the answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) staging: Staging,
    /// Columns that are drawn again, by condition.
    pub(super) redraw: Arc<Vec<Vec<usize>>>,
}

/// Where rows go, and how often they are drawn again.
pub(super) struct Into<'a> {
    pub(super) table: usize,
    /// The relation that stands in the table's place.
    pub(super) name: &'a str,
    pub(super) rounds: u32,
    pub(super) stop: &'a CancellationToken,
}

impl Asked {
    /// Writes rows of a table: each in the first round in which it fulfils all conditions.
    ///
    /// # Errors
    /// [`Kind::SeedPlan`] with the constraint when some row never does; those of the database.
    pub(super) async fn write(
        &self,
        transaction: &Transaction<'_>,
        maker: &Maker,
        numbers: Vec<u64>,
        into: &Into<'_>,
    ) -> Result<RowSum> {
        let plan = &maker.plan.tables[into.table];
        let failed = |error| refused(&plan.name, error);
        self.staging.create(transaction).await?;
        let mut sum = RowSum::default();
        let first = |number| Wanted {
            number,
            rounds: Vec::new(),
        };
        let mut wanted: Vec<Wanted> = numbers.into_iter().map(first).collect();
        // Whether a row has fulfilled each condition.
        let mut met = vec![false; self.redraw.len()];
        while !wanted.is_empty() {
            let rounds: BTreeMap<u64, Vec<u32>> = wanted
                .iter()
                .filter(|row| !row.rounds.is_empty())
                .map(|row| (row.number, row.rounds.clone()))
                .collect();
            let mut sums = self.send(transaction, maker, wanted, into).await?;
            let broken = self.staging.take_broken(transaction).await;
            let broken = broken.map_err(failed)?;
            for (place, met) in met.iter_mut().enumerate() {
                let breaking = broken.iter().filter(|(_, c)| c.contains(&place)).count();
                *met |= breaking < sums.len();
            }
            wanted = Vec::new();
            for (number, conditions) in broken {
                sums.remove(&number);
                let before = rounds.get(&number).cloned().unwrap_or_default();
                let most = |place: usize| if met[place] { into.rounds } else { HOPELESS };
                let rounds = self.next(plan, before, (&conditions, &most))?;
                wanted.push(Wanted { number, rounds });
            }
            let moved = self.staging.move_on(transaction, plan, into.name).await;
            if moved.map_err(failed)? != sums.len() as u64 {
                let message = format!("{}: not every row was written", plan.name.plain());
                return Err(Error::new(Kind::Internal, message));
            }
            sums.values().for_each(|row| sum.merge(row));
        }
        Ok(sum)
    }

    /// The rounds of a row that broke some conditions once more; the error that names one when the row
    /// is drawn no more.
    fn next(
        &self,
        plan: &TablePlan,
        mut rounds: Vec<u32>,
        (broken, most): (&[usize], &dyn Fn(usize) -> u32),
    ) -> Result<Vec<u32>> {
        rounds.resize(self.redraw.len(), 0);
        for place in broken {
            let nothing = self.redraw.get(*place).is_none_or(Vec::is_empty);
            let Some(round) = rounds
                .get_mut(*place)
                .filter(|n| !nothing && **n < most(*place))
            else {
                let drawn = rounds.get(*place).copied().unwrap_or(0) + 1;
                return Err(self.stuck(plan, *place, (!nothing).then_some(drawn)));
            };
            *round += 1;
        }
        Ok(rounds)
    }

    fn stuck(&self, plan: &TablePlan, place: usize, drawn: Option<u32>) -> Error {
        let table = plan.name.plain();
        let constraint = self.staging.constraint(place);
        let why = match drawn {
            None => "keys and unique columns decide, which are not drawn again".to_owned(),
            Some(times) => format!("a row was drawn {times} times"),
        };
        let message = format!(
            "{table}: no row was found that fulfils constraint \"{constraint}\", which only the server evaluates; {why}"
        );
        Error::new(Kind::SeedPlan, message)
    }

    /// Makes rows and sends them into the temporary table; the sums of each.
    async fn send(
        &self,
        transaction: &Transaction<'_>,
        maker: &Maker,
        wanted: Vec<Wanted>,
        into: &Into<'_>,
    ) -> Result<BTreeMap<u64, RowSum>> {
        let plan = &maker.plan.tables[into.table];
        let failed = |error| refused(&plan.name, error);
        let sql = self.staging.copy_in(plan);
        let sink = transaction.copy_in::<_, Bytes>(&sql).await;
        let mut sink = pin!(sink.map_err(failed)?);
        if plan.is_binary() {
            let header = Bytes::from_static(HEADER);
            sink.feed(header).await.map_err(failed)?;
        }
        let batches: Vec<Vec<Wanted>> = wanted.chunks(BATCH).map(<[Wanted]>::to_vec).collect();
        let make =
            |wanted: Vec<Wanted>| maker.numbered(into.table, wanted, Arc::clone(&self.redraw));
        let mut batches = pin!(stream::iter(batches).map(make).buffered(AHEAD));
        let mut sums = BTreeMap::new();
        while let Some(batch) = batches.next().await {
            if into.stop.is_cancelled() {
                return Err(stopped());
            }
            let Numbered { bytes, sums: some } = batch?;
            sums.extend(some);
            sink.feed(Bytes::from(bytes)).await.map_err(failed)?;
        }
        if plan.is_binary() {
            let trailer = Bytes::from_static(TRAILER);
            sink.feed(trailer).await.map_err(failed)?;
        }
        sink.finish().await.map_err(failed)?;
        Ok(sums)
    }
}
