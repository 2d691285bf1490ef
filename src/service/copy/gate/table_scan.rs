//! Streams a table of the target through the scanner.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use tokio_util::sync::CancellationToken;

use super::batches::{BATCH, Batches, Full};
use super::comparison::Compared;
use super::findings::Findings;
use super::relations::Relation;
use super::row_bound::bounded;
use super::scanner::{Scanner, Sought};
use crate::copy::Range;
use crate::error::Result;
use crate::masking::leak::{CellKind, Expectation};
use crate::postgres::Session;

/// A range of blocks of a relation.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// What is searched, and the place of its first column; the others follow.
    pub(super) searched: Option<(&'a Relation, u32)>,
    /// What is compared in the same stream.
    pub(super) compared: Option<&'a Compared<'a>>,
    pub(super) range: Range,
}

/// What the scans of one pass share.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) sought: Sought,
    findings: Mutex<Findings>,
    pub(super) batches: Arc<Batches>,
}

impl Scan {
    pub(super) fn new(sought: Sought, cancel: &CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            sought,
            findings: Mutex::default(),
            batches: Batches::new(cancel),
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
        self.batches.finish().await?;
        Ok(std::mem::take(
            &mut *self.findings.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }

    pub(super) fn check(&self) -> Result<()> {
        self.batches.check()
    }

    /// Searches the rows of a part of a relation, or compares them, or both.
    pub(super) async fn part(self: &Arc<Self>, session: &Session, part: &Part<'_>) -> Result<()> {
        match (part.compared, part.searched) {
            (Some(compared), searched) => {
                self.joint(session, compared, (searched, part.range)).await
            }
            (None, Some(searched)) => self.text(session, searched, part.range).await,
            (None, None) => Ok(()),
        }
    }

    async fn text(
        self: &Arc<Self>,
        session: &Session,
        (relation, first): (&Relation, u32),
        range: Range,
    ) -> Result<()> {
        let columns: Arc<[Cell]> = (first..)
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
            if let Some(full) = self.batches.gather(&mut batch, &chunk).await? {
                self.batch(full, &columns);
            }
        }
        let room = self.batches.room(batch.len()).await?;
        self.batch((batch, room), &columns);
        Ok(())
    }

    fn batch(self: &Arc<Self>, (rows, room): Full, columns: &Arc<[Cell]>) {
        if rows.is_empty() {
            return;
        }
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
            drop(room);
        });
    }
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    place: u32,
    kind: CellKind,
    expects: Expectation,
}
