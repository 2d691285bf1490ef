//! One chunk: the statement, and what is done when a row in it cannot be converted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Statement;

use super::run::Run;
use super::trouble::Trouble;
use crate::backfill::{Chunk, Window};
use crate::control::backfill as ledger;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// A connection that walks windows.
#[derive(Debug)]
pub(super) struct Walker {
    pub(super) session: Session,
    pub(super) run: Arc<Run>,
    prepared: HashMap<i32, Statement>,
    /// The session's counters of updates and HOT updates on each target.
    counters: HashMap<i32, (i64, i64)>,
}

/// What a chunk did.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkDone {
    pub(super) rows: i64,
    pub(super) hot_rows: i64,
    pub(super) took: Duration,
}

/// A row address as text.
fn tid(block: i64, offset: i64) -> String {
    format!("({block},{offset})")
}

impl Walker {
    pub(super) fn new(session: Session, run: Arc<Run>) -> Self {
        Self {
            session,
            run,
            prepared: HashMap::new(),
            counters: HashMap::new(),
        }
    }

    async fn statement(&mut self, ordinal: i32) -> Result<Statement> {
        if let Some(statement) = self.prepared.get(&ordinal) {
            return Ok(statement.clone());
        }
        let sql = self.run.statements(self.run.target(ordinal)?).chunk();
        let statement = self.session.prepare(&sql).await?;
        self.prepared.insert(ordinal, statement.clone());
        Ok(statement)
    }

    /// Runs one chunk and its ledger entry in one transaction.
    pub(super) async fn chunk(
        &mut self,
        window: &Window,
        chunk: &Chunk,
    ) -> Result<ChunkDone, Trouble> {
        let statement = self.statement(window.ordinal).await?;
        let (updates, hot) = self
            .counters
            .get(&window.ordinal)
            .copied()
            .unwrap_or((0, 0));
        let (next_stripe, next_block) = window.after(chunk);
        let row = self
            .session
            .query_one(
                &statement,
                &[
                    &window.id,
                    &window.fence,
                    &tid(chunk.from_block, 0),
                    &tid(chunk.to_block, 0),
                    &window.stripes,
                    &chunk.stripe,
                    &chunk.from_block,
                    &chunk.to_block,
                    &next_stripe,
                    &next_block,
                    &self.run.options.lease.as_secs_f64(),
                    &updates,
                    &hot,
                ],
            )
            .await?;
        self.counters
            .insert(window.ordinal, (row.get(2), row.get(3)));
        let ms: f64 = row.get(4);
        Ok(ChunkDone {
            rows: row.get(0),
            hot_rows: row.get(1),
            took: Duration::from_secs_f64(ms.max(0.0) / 1e3),
        })
    }

    /// Fills the rows of a chunk of one block one at a time; those that fail are set aside.
    pub(super) async fn row_by_row(
        &mut self,
        window: &Window,
        chunk: &Chunk,
    ) -> Result<ChunkDone, Trouble> {
        let run = Arc::clone(&self.run);
        let target = run.target(window.ordinal)?;
        let statements = run.statements(target);
        let rows = self
            .session
            .query(
                &statements.candidates(),
                &[
                    &tid(chunk.from_block, 0),
                    &tid(chunk.to_block, 0),
                    &window.stripes,
                    &chunk.stripe,
                ],
            )
            .await?;
        let single = statements.single();
        let mut filled = 0i64;
        for row in rows {
            let address: String = row.get(0);
            let key: Option<String> = row.get(1);
            let message = match self.session.execute(&single, &[&address]).await {
                Ok(count) => {
                    filled += i64::try_from(count).unwrap_or(0);
                    continue;
                }
                Err(error) => match Trouble::from(error) {
                    Trouble::Data(message) => message,
                    Trouble::Timeout => "the row alone takes longer than the limit".to_owned(),
                    other => return Err(other),
                },
            };
            self.set_aside(&target.name, (&address, key.as_deref()), &message)
                .await?;
        }
        let next = window.after(chunk);
        ledger::move_on(&*self.session, window, next, filled).await?;
        Ok(ChunkDone {
            rows: filled,
            hot_rows: 0,
            took: Duration::ZERO,
        })
    }

    async fn set_aside(
        &self,
        relation: &crate::sql::QualifiedName,
        row: (&str, Option<&str>),
        message: &str,
    ) -> Result<()> {
        let run = &self.run;
        let count = ledger::quarantine(&*self.session, run.job, relation, row, message).await?;
        let name = row.1.unwrap_or(row.0);
        tracing::warn!(
            row = name,
            table = relation.plain(),
            message,
            "row set aside"
        );
        if count > i64::try_from(run.settings().quarantine_limit).unwrap_or(i64::MAX) {
            return Err(Error::new(
                Kind::QuarantineFull,
                format!(
                    "{}: {count} rows could not be converted; the last one is {name}: {message}",
                    run.spec.title()
                ),
            ));
        }
        Ok(())
    }
}
