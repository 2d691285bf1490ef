//! Streams a table of the target through the scanner.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::findings::Findings;
use super::relations::Relation;
use super::row_bound::bounded;
use super::scanner::{Scanner, Sought};
use crate::copy::Range;
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{CellKind, Expectation};
use crate::postgres::Session;

/// Bytes handed to a core at once.
const BATCH: usize = 256 << 10;
/// Batches that wait or are searched at once, for each core: with rows of usual size the memory is
/// twice the batches.
const BATCHES_PER_CORE: usize = 3;

/// A range of blocks of a relation.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) relation: &'a Relation,
    /// The place of its first column; the others follow.
    pub(super) first: u32,
    pub(super) range: Range,
}

/// What the scans of one pass share.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) sought: Sought,
    pub(super) cancel: CancellationToken,
    findings: Mutex<Findings>,
    batches: Arc<Semaphore>,
    slots: u32,
}

impl Scan {
    pub(super) fn new(sought: Sought, cancel: &CancellationToken) -> Arc<Self> {
        let slots = rayon::current_num_threads().max(1) * BATCHES_PER_CORE;
        Arc::new(Self {
            sought,
            cancel: cancel.clone(),
            findings: Mutex::default(),
            batches: Arc::new(Semaphore::new(slots)),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
        })
    }

    pub(super) fn add(&self, findings: Findings) {
        self.findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .merge(findings);
    }

    /// Waits for all batches; what they have found.
    pub(super) async fn finish(&self) -> Result<Findings> {
        let all = self.batches.acquire_many(self.slots).await;
        drop(all.map_err(|_| Error::new(Kind::Internal, "a scan was closed"))?);
        Ok(std::mem::take(
            &mut *self.findings.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Kind::Interrupted, "the gate was interrupted"));
        }
        Ok(())
    }

    /// Searches the rows of a part of a relation.
    pub(super) async fn part(self: &Arc<Self>, session: &Session, part: &Part<'_>) -> Result<()> {
        let Part {
            relation,
            first,
            range,
        } = part;
        let columns: Arc<[Cell]> = (*first..)
            .zip(&relation.columns)
            .map(|(place, column)| Cell {
                place,
                kind: column.kind,
                expects: column.place.expects,
            })
            .collect();
        let names: Vec<String> = relation
            .columns
            .iter()
            .map(|column| column.name.to_string())
            .collect();
        let condition = range.condition();
        let filter = condition.map_or(String::new(), |condition| format!(" where {condition}"));
        let sql = format!(
            "copy (select {} from only {}{filter}) to stdout",
            names.join(", "),
            relation.name
        );
        let stream = session.copy_out(&sql).await?;
        let mut stream = std::pin::pin!(stream);
        let mut batch = Vec::with_capacity(BATCH * 2);
        while let Some(chunk) = stream.try_next().await? {
            bounded(&chunk, &relation.name)?;
            batch.extend_from_slice(&chunk);
            if batch.len() >= BATCH {
                self.check()?;
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH * 2));
                self.batch(full, &columns).await?;
            }
        }
        self.batch(batch, &columns).await
    }

    async fn batch(self: &Arc<Self>, rows: Vec<u8>, columns: &Arc<[Cell]>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let permit = Arc::clone(&self.batches)
            .acquire_owned()
            .await
            .map_err(|_| Error::new(Kind::Internal, "a scan was closed"))?;
        let scan = Arc::clone(self);
        let columns = Arc::clone(columns);
        rayon::spawn(move || {
            let mut scanner = Scanner::new(&scan.sought);
            scanner.findings.bytes += rows.len() as u64;
            for row in rows.split(|byte| *byte == b'\n') {
                for (raw, cell) in row.split(|byte| *byte == b'\t').zip(columns.iter()) {
                    if raw != b"\\N" {
                        scanner.cell(raw, cell.kind, (cell.place, cell.expects));
                    }
                }
            }
            scan.add(scanner.findings);
            drop(permit);
        });
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    place: u32,
    kind: CellKind,
    expects: Expectation,
}
