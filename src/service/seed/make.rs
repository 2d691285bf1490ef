//! Rows as bytes, a batch at a time, on the pool of threads that computes.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::derive;
use crate::copy::RowSum;
use crate::error::{Error, Kind, Result};
use crate::generate::{
    Keys, Rows, SeedPlan, Stuck, TablePlan, Value, called, write_binary, write_text,
};

/// Bytes of one batch, roughly: large enough that a hand-over costs nothing, small enough for the
/// processor's cache.
const BATCH_BYTES: u64 = 256 << 10;
/// Rows that the size of a table's rows is estimated from.
const SAMPLE: u64 = 64;

/// Makes the rows of a plan.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    pub(super) plan: Arc<SeedPlan>,
    rows: Arc<Rows>,
    /// Estimated bytes of a row, by table; at least 1.
    sizes: Arc<Vec<u64>>,
}

/// Some rows as COPY reads them.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) sum: RowSum,
}

/// A row that is made in some round.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) number: u64,
    /// How often it broke each condition of its table; empty in the first round.
    pub(super) rounds: Vec<u32>,
}

/// Some rows as COPY reads them, each with its number in front.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    pub(super) bytes: Vec<u8>,
    /// Of each row, without the number.
    pub(super) sums: Vec<(u64, RowSum)>,
}

impl Maker {
    /// Prepares the rows, and makes some of each table, on the pool: conditions may take many tries.
    pub(super) async fn ready(plan: SeedPlan, keys: Keys) -> Result<Self> {
        on_pool(move || {
            let rows = Rows::new(&plan, &keys)?;
            Self::new(Arc::new(plan), rows)
        })
        .await
    }

    fn new(plan: Arc<SeedPlan>, rows: Rows) -> Result<Self> {
        let mut maker = Self {
            plan,
            rows: Arc::new(rows),
            sizes: Arc::default(),
        };
        let mut sizes = Vec::with_capacity(maker.plan.tables.len());
        for table in 0..maker.plan.tables.len() {
            let sample = maker.make(table, maker.sample(table, SAMPLE))?;
            sizes.push(sample.sum.bytes / sample.sum.rows.max(1) + 1);
        }
        maker.sizes = Arc::new(sizes);
        Ok(maker)
    }

    /// Makes rows of these numbers on the pool.
    pub(super) async fn some(&self, table: usize, numbers: Vec<u64>) -> Result<Batch> {
        let maker = self.clone();
        on_pool(move || maker.make(table, numbers.into_iter())).await
    }

    /// At most `count` rows of a table, spread over all.
    fn sample(&self, table: usize, count: u64) -> impl Iterator<Item = u64> + use<> {
        let plan = &self.plan.tables[table];
        let (first, end) = (plan.first, plan.first + plan.rows);
        let step = (plan.rows / count.max(1)).max(1);
        (first..end)
            .step_by(usize::try_from(step).unwrap_or(usize::MAX))
            .take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Estimated bytes of a row of a table, as COPY takes them.
    pub(super) fn row_bytes(&self, table: usize) -> u64 {
        self.sizes[table]
    }

    /// Rows of a range that has about `bytes`, and at most `rows`.
    pub(super) fn rows_in(&self, table: usize, bytes: u64, rows: u64) -> u64 {
        (bytes / self.sizes[table]).clamp(1, rows.max(1))
    }

    /// Cuts a range of rows into batches.
    pub(super) fn batches(
        &self,
        table: usize,
        rows: Range<u64>,
    ) -> impl Iterator<Item = Range<u64>> + use<> {
        let step = self.rows_in(table, BATCH_BYTES, 1 << 14);
        let count = rows.end.saturating_sub(rows.start).div_ceil(step);
        (0..count).map(move |at| {
            let from = rows.start + at * step;
            from..(from + step).min(rows.end)
        })
    }

    /// Makes rows on the pool.
    pub(super) async fn batch(&self, table: usize, rows: Range<u64>) -> Result<Batch> {
        let maker = self.clone();
        on_pool(move || maker.make(table, rows)).await
    }

    /// Makes rows here.
    fn make(&self, table: usize, rows: impl Iterator<Item = u64>) -> Result<Batch> {
        let plan = &self.plan.tables[table];
        let worker = self.rows.worker();
        let (mut row, mut sum) = (Vec::new(), RowSum::default());
        let mut bytes = Vec::with_capacity(BATCH_BYTES as usize + BATCH_BYTES as usize / 4);
        let form = Form::of(plan)?;
        for number in rows {
            let made = worker.fill(table, number, &mut row);
            made.map_err(|stuck| stuck_at(plan, &stuck))?;
            form.write(&row, &mut bytes, &mut sum)?;
        }
        Ok(Batch { bytes, sum })
    }

    /// Makes rows on the pool, each with its number as a column in front. `redraw` holds, by condition,
    /// the columns that are drawn anew when it was broken.
    pub(super) async fn numbered(
        &self,
        table: usize,
        wanted: Vec<Wanted>,
        redraw: Arc<Vec<Vec<usize>>>,
    ) -> Result<Numbered> {
        let maker = self.clone();
        let work = move || {
            let plan = &maker.plan.tables[table];
            let worker = maker.rows.worker();
            let form = Form::of(plan)?;
            let (mut row, mut plain) = (Vec::new(), Vec::new());
            let mut made = Numbered::default();
            for Wanted { number, rounds } in wanted {
                let filled = if rounds.is_empty() {
                    worker.fill(table, number, &mut row)
                } else {
                    let rounds = rounds.iter().zip(&*redraw);
                    let rounds: Vec<_> = rounds.map(|(n, of)| (*n, &of[..])).collect();
                    worker.again((table, number), &rounds, &mut row)
                };
                filled.map_err(|stuck| stuck_at(plan, &stuck))?;
                let mut sum = RowSum::default();
                plain.clear();
                form.write(&row, &mut plain, &mut sum)?;
                form.number(number, &plain, &mut made.bytes);
                made.sums.push((number, sum));
            }
            Ok(made)
        };
        on_pool(work).await
    }

    /// Numbers of rows of a table: those that a person wrote, and at most `count`, spread over all.
    pub(super) fn spread(&self, table: usize, count: u64) -> Vec<u64> {
        let written = self.written(table);
        let others = self.sample(table, count);
        let others = others.filter(|number| !written.contains(number));
        written.clone().chain(others).collect()
    }

    /// Numbers of the rows of a table that a person wrote.
    pub(super) fn written(&self, table: usize) -> Range<u64> {
        let plan = &self.plan.tables[table];
        let count = (plan.fixed.len() as u64).min(plan.rows);
        if plan.first == 0 { 0..count } else { 0..0 }
    }

    /// The statement that takes the rows of a table in; `into` stands in the table's place.
    pub(super) fn copy_in(&self, table: usize, into: &str) -> String {
        let plan = &self.plan.tables[table];
        let columns: Vec<String> = plan.columns.iter().map(|c| c.name.to_string()).collect();
        let format = if plan.is_binary() { "binary" } else { "text" };
        format!(
            "copy {into} ({}) from stdin (format {format})",
            columns.join(", ")
        )
    }
}

/// How the rows of a table are written.
struct Form<'p> {
    plan: &'p TablePlan,
    count: i16,
    binary: bool,
    salt: Vec<u8>,
}

impl<'p> Form<'p> {
    fn of(plan: &'p TablePlan) -> Result<Self> {
        let count = i16::try_from(plan.columns.len())
            .map_err(|_| Error::new(Kind::SeedPlan, "too many columns"))?;
        Ok(Self {
            plan,
            count,
            binary: plan.is_binary(),
            salt: derive::salt(plan),
        })
    }

    fn write(&self, row: &[Value], bytes: &mut Vec<u8>, sum: &mut RowSum) -> Result<()> {
        let start = bytes.len();
        if self.binary {
            bytes.extend_from_slice(&self.count.to_be_bytes());
        }
        for (at, (value, column)) in row.iter().zip(&self.plan.columns).enumerate() {
            let written = if self.binary {
                write_binary(value, &column.kind, bytes)
            } else {
                if at > 0 {
                    bytes.push(b'\t');
                }
                write_text(value, &column.kind, bytes)
            };
            written.map_err(|_| misfit(self.plan, column.name.as_str()))?;
        }
        if !self.binary {
            bytes.push(b'\n');
        }
        add(sum, bytes, start, &self.salt);
        Ok(())
    }

    /// Writes a row again, with its number as an `int8` in front.
    fn number(&self, number: u64, plain: &[u8], bytes: &mut Vec<u8>) {
        if self.binary {
            let (_, fields) = plain.split_at(size_of::<i16>().min(plain.len()));
            bytes.extend_from_slice(&self.count.saturating_add(1).to_be_bytes());
            bytes.extend_from_slice(&8_i32.to_be_bytes());
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(fields);
        } else {
            bytes.extend_from_slice(format!("{number}\t").as_bytes());
            bytes.extend_from_slice(plain);
        }
    }
}

async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (done, made) = oneshot::channel();
    rayon::spawn(move || {
        let _ = done.send(work());
    });
    made.await.unwrap_or_else(|_| {
        Err(Error::new(
            Kind::Internal,
            "a thread that makes rows has died",
        ))
    })
}

/// Takes the row that begins at `start` into the sum.
fn add(sum: &mut RowSum, bytes: &mut Vec<u8>, start: usize, salt: &[u8]) {
    let end = bytes.len();
    bytes.extend_from_slice(salt);
    sum.add(&bytes[start..]);
    bytes.truncate(end);
    // The salt does not travel.
    sum.bytes -= salt.len() as u64;
}

fn stuck_at(plan: &TablePlan, stuck: &Stuck) -> Error {
    Error::new(
        Kind::SeedStuck,
        format!(
            "{}: no row {} satisfies {}",
            plan.name.plain(),
            stuck.row,
            called(&stuck.constraint)
        ),
    )
}

fn misfit(plan: &TablePlan, column: &str) -> Error {
    Error::new(
        Kind::SeedPlan,
        format!(
            "{}.{column}: a value does not fit the column's type",
            plan.name.plain()
        ),
    )
}
