//! Runs one step: journal its intent, wait for locks politely, journal its outcome with it.

use std::time::Duration;

use backon::BackoffBuilder;

use super::gather::set_search_path;
use super::runner::Runner;
use crate::backfill::Take;
use crate::control::{append_audit_in, ledger};
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::migration::{Action, Entry, Phase, Step, Undo};
use crate::service::backfill::Engine;
use crate::sql::{Ident, QualifiedName};

/// What is run in one transaction.
pub(super) struct Batch<'a> {
    /// `0007 expand 1/4`, for events.
    pub(super) label: &'a str,
    /// The statements.
    pub(super) sql: &'a [String],
    /// Whether the user wrote them: what they set is forgotten before the outcome is journaled.
    pub(super) user: bool,
    /// What the journal says once they have run.
    pub(super) outcome: Outcome<'a>,
}

/// The journal's entry for a batch.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    /// A step is done.
    Done(&'a Entry, usize),
    /// A step is undone.
    Undone(&'a str, Phase, usize),
}

impl Runner {
    /// Runs the step with this index of the entry.
    pub(super) async fn run_step(&mut self, entry: &Entry, index: usize) -> Result<()> {
        self.check_cancelled()?;
        let Some(step) = entry.steps.get(index) else {
            return Ok(());
        };
        let label = format!(
            "{} {} {}/{}",
            entry.change,
            entry.phase,
            index + 1,
            entry.steps.len()
        );
        let started = self.clock.monotonic();
        self.events.emit(Event::StepStarted {
            step: label.clone(),
            title: step.title.clone(),
        });
        let again = ledger::intend(&*self.session, entry, index).await?;
        let result = self.perform(entry, index, &label, again).await;
        if let Err(error) = result {
            return Err(self.refused(entry, index, step, error).await);
        }
        self.events.emit(Event::StepFinished {
            step: label,
            took: self.clock.monotonic().saturating_sub(started),
        });
        Ok(())
    }

    async fn perform(
        &mut self,
        entry: &Entry,
        index: usize,
        label: &str,
        again: bool,
    ) -> Result<()> {
        let Some(step) = entry.steps.get(index) else {
            return Ok(());
        };
        let outcome = Outcome::Done(entry, index);
        match &step.action {
            Action::Transaction { sql } => {
                self.transaction(&Batch {
                    label,
                    sql,
                    user: false,
                    outcome,
                })
                .await
            }
            Action::UserTransaction { sql } => {
                self.transaction(&Batch {
                    label,
                    sql,
                    user: true,
                    outcome,
                })
                .await
            }
            Action::UserStatement { sql } => {
                if again {
                    return Err(unknown_outcome(entry, index, label));
                }
                self.outside(sql).await?;
                ledger::step_done(&*self.session, entry, index).await
            }
            Action::ConcurrentIndex { index: name, sql } => {
                self.concurrent_index(name, sql, again).await?;
                ledger::step_done(&*self.session, entry, index).await
            }
            Action::Backfill { spec } => {
                let engine = self.engine();
                let id = engine.create(spec).await?;
                engine.run(id).await?;
                ledger::step_done(&*self.session, entry, index).await
            }
            Action::Sweep { spec } => {
                let engine = self.engine();
                let id = engine.create(spec).await?;
                // The phase is under way: rows whose parent vanished meanwhile follow the old column.
                let verification = engine.sweep(id, Some(Take::Old)).await?;
                if !verification.passed() {
                    return Err(Error::new(
                        Kind::VerifyFailed,
                        format!(
                            "{}: {} rows lack their value and {} have another one than `up` gives",
                            spec.title(),
                            verification.missing,
                            verification.different
                        ),
                    ));
                }
                ledger::step_done(&*self.session, entry, index).await
            }
        }
    }

    /// The engine of the backfills on this database.
    pub(super) fn engine(&self) -> Engine {
        Engine::new(
            self.target.clone(),
            std::sync::Arc::clone(&self.clock),
            std::sync::Arc::clone(&self.events),
            self.cancel.clone(),
        )
    }

    /// What the server refused did not happen; what was interrupted stays an intent.
    async fn refused(&self, entry: &Entry, index: usize, step: &Step, error: Error) -> Error {
        let interrupted = matches!(
            error.kind(),
            Kind::ConnectionLost | Kind::OutcomeUnknown | Kind::Cancelled | Kind::Interrupted
        );
        // A refused build leaves an index that is not valid; its intent tells a rollback so.
        let leaves_something = matches!(step.action, Action::ConcurrentIndex { .. })
            && error.kind() != Kind::ObjectExists;
        if !interrupted && !leaves_something {
            let journaled = match step.action {
                Action::UserStatement { .. } => {
                    ledger::step_failed(&*self.session, entry, index, &error.to_string()).await
                }
                _ => ledger::step_refused(&*self.session, entry, index).await,
            };
            if let Err(second) = journaled {
                tracing::warn!(%second, "the refusal of a step could not be journaled");
            }
        }
        match error.kind() {
            Kind::Sql | Kind::SqlSyntax | Kind::UnknownObject | Kind::ObjectExists => {
                let kind = Kind::StepFailed;
                let mut failed = Error::new(
                    kind,
                    format!(
                        "{} {} step {} failed: {error}",
                        entry.change,
                        entry.phase,
                        index + 1
                    ),
                )
                .detail(format!("statement: {}", step.action.sql()));
                for line in error.details() {
                    failed = failed.detail(line.clone());
                }
                match step.action {
                    Action::UserStatement { .. } | Action::ConcurrentIndex { .. } => {
                        failed.hint(by_hand(entry))
                    }
                    _ => failed,
                }
            }
            _ => error,
        }
    }

    /// One transaction: the statements and their outcome. A lock that is not to be had in time is
    /// tried for again, so that the application never queues behind us for longer than
    /// `lock_timeout`.
    pub(super) async fn transaction(&mut self, batch: &Batch<'_>) -> Result<()> {
        let policy = self.target.policy.clone();
        let mut waits = backon::ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(policy.lock_timeout / 4)
            .with_max_delay(policy.lock_timeout * 4)
            .with_max_times(usize::try_from(policy.lock_attempts).unwrap_or(1))
            .build();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (result, blockers) = self.attempt(batch, policy.lock_timeout).await;
            let Err(error) = result else {
                return Ok(());
            };
            if !is_contention(&error) {
                return Err(error);
            }
            let Some(wait) = waits.next() else {
                return Err(name_blockers(error, attempt, &blockers));
            };
            self.events.emit(Event::LockWait {
                step: batch.label.to_owned(),
                attempt,
                blockers,
            });
            self.pause(wait).await?;
        }
    }

    /// One try, and who stood in its way.
    async fn attempt(
        &mut self,
        batch: &Batch<'_>,
        lock_timeout: Duration,
    ) -> (Result<()>, Vec<String>) {
        let pid = self.session.pid();
        let search_path: Result<Vec<Ident>> = self
            .target
            .search_path
            .iter()
            .map(|schema| Ident::new(schema.clone()))
            .collect();
        let environment = self.target.environment.clone();
        let guard = &self.guard;
        let session = &mut self.session;
        let operator = &self.operator;
        let work = async {
            let transaction = session.transaction().await?;
            let limit = format!("{}ms", lock_timeout.as_millis().max(1));
            transaction
                .execute(
                    "select pg_catalog.set_config('lock_timeout', $1, true)",
                    &[&limit],
                )
                .await?;
            // Our own statements hold types and defaults that the user wrote.
            let path: Vec<String> = search_path?.iter().map(Ident::to_string).collect();
            transaction
                .batch_execute(&format!("set local search_path = {}", path.join(", ")))
                .await?;
            for statement in batch.sql {
                transaction.batch_execute(statement).await?;
            }
            if batch.user {
                transaction.batch_execute(FORGET).await?;
            }
            let (action, detail) = match batch.outcome {
                Outcome::Done(entry, index) => {
                    ledger::step_done(&transaction, entry, index).await?;
                    (
                        "migrate.step",
                        serde_json::json!({ "change": entry.change, "phase": entry.phase, "step": index + 1 }),
                    )
                }
                Outcome::Undone(change, phase, index) => {
                    ledger::step_undone(&transaction, change, phase, index).await?;
                    (
                        "migrate.undo",
                        serde_json::json!({ "change": change, "phase": phase, "step": index + 1 }),
                    )
                }
            };
            append_audit_in(&transaction, &operator.event(&environment, action, detail)).await?;
            transaction.commit().await?;
            Ok::<(), Error>(())
        };
        let mut blockers = Vec::new();
        let watch = async {
            tokio::time::sleep(lock_timeout / 2).await;
            if let Ok(names) = blocking(guard, pid).await {
                blockers = names;
            }
            std::future::pending::<()>().await;
        };
        let result = tokio::select! {
            result = work => result,
            () = watch => Ok(()),
        };
        (result, blockers)
    }

    /// One statement outside a transaction, under the project's search path.
    pub(super) async fn outside(&self, sql: &str) -> Result<()> {
        let schemas: Vec<Ident> = self
            .target
            .search_path
            .iter()
            .map(|schema| Ident::new(schema.clone()))
            .collect::<Result<_>>()?;
        set_search_path(&self.session, &schemas).await?;
        let result = self.session.batch_execute(sql).await;
        if result.is_ok() || !self.session.is_closed() {
            self.session.batch_execute(FORGET).await?;
        }
        Ok(result?)
    }

    /// Builds an index without blocking writes. A build that was interrupted leaves an index that
    /// is not valid; it is removed first.
    async fn concurrent_index(&self, name: &QualifiedName, sql: &str, again: bool) -> Result<()> {
        let valid: Option<bool> = self
            .session
            .query_opt(
                "select i.indisvalid from pg_catalog.pg_index as i \
                 join pg_catalog.pg_class as c on c.oid = i.indexrelid \
                 join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
                 where n.nspname = $1 and c.relname = $2",
                &[&name.schema.as_str(), &name.name.as_str()],
            )
            .await?
            .map(|row| row.get(0));
        if again && valid == Some(true) {
            return Ok(());
        }
        // The build waits for every transaction that is older than it; it holds nothing that
        // readers or writers wait for meanwhile.
        self.session.batch_execute("set lock_timeout = 0").await?;
        if again && valid == Some(false) {
            self.session
                .batch_execute(&format!("drop index concurrently if exists {name}"))
                .await?;
        }
        // Without an intent of ours, an index of that name is somebody else's: the server says so.
        self.outside(sql).await
    }

    /// Undoes one step.
    pub(super) async fn undo_step(
        &mut self,
        change: &str,
        phase: Phase,
        index: usize,
        step: &Step,
    ) -> Result<()> {
        self.check_cancelled()?;
        let label = format!("{change} undo {phase} {}", index + 1);
        self.events.emit(Event::StepStarted {
            step: label.clone(),
            title: format!("undo: {}", step.title),
        });
        let outcome = Outcome::Undone(change, phase, index);
        let nothing = Vec::new();
        match &step.undo {
            Undo::Nothing => {
                self.transaction(&Batch {
                    label: &label,
                    sql: &nothing,
                    user: false,
                    outcome,
                })
                .await
            }
            Undo::Transaction { sql } => {
                self.transaction(&Batch {
                    label: &label,
                    sql,
                    user: false,
                    outcome,
                })
                .await
            }
            Undo::UserTransaction { sql } => {
                self.transaction(&Batch {
                    label: &label,
                    sql,
                    user: true,
                    outcome,
                })
                .await
            }
            Undo::UserStatements { sql } => {
                for statement in sql {
                    self.outside(statement).await?;
                }
                ledger::step_undone(&*self.session, change, phase, index).await
            }
            Undo::Outside { sql } => {
                self.outside(sql).await?;
                ledger::step_undone(&*self.session, change, phase, index).await
            }
            Undo::Impossible { reason } => Err(Error::new(
                Kind::RollbackRefused,
                format!(
                    "{change} {phase} step {} cannot be undone: {reason}",
                    index + 1
                ),
            )),
        }
    }
}

/// Ends what a user's statements may have set for the session: the pinned settings come back.
const FORGET: &str = "reset session authorization; reset role; reset all; set client_connection_check_interval = '1s'";

/// The ways on after a statement outside a transaction was refused.
fn by_hand(entry: &Entry) -> String {
    format!(
        "mend the cause, then run the command again; or finish the change or clean it up by hand, then say so: `tidegate migrate resolve {} --as applied --yes` (or not-applied)",
        entry.change
    )
}

/// A step outside a transaction that was begun, and nobody knows how it ended.
fn unknown_outcome(entry: &Entry, index: usize, label: &str) -> Error {
    let title = entry
        .steps
        .get(index)
        .map_or("", |step| step.title.as_str());
    Error::new(
        Kind::OutcomeUnknown,
        format!("{label} was interrupted: {title}"),
    )
    .hint(format!(
        "look whether it took effect, then run `tidegate migrate resolve {} --step {} --as applied` (or not-applied)",
        entry.change,
        index + 1
    ))
}

/// Whether trying again may help: a lock that was not to be had, a deadlock, a serialization
/// failure.
fn is_contention(error: &Error) -> bool {
    error.kind() == Kind::LockTimeout
        || ["[40P01]", "[40001]"]
            .iter()
            .any(|code| error.to_string().contains(code))
}

fn name_blockers(error: Error, attempts: u32, blockers: &[String]) -> Error {
    let mut named = Error::new(
        Kind::LockTimeout,
        format!("no lock after {attempts} tries: {error}"),
    );
    for blocker in blockers {
        named = named.detail(format!("held by {blocker}"));
    }
    named
}

/// Who blocks the session, in words.
async fn blocking(guard: &crate::postgres::Session, pid: i32) -> Result<Vec<String>> {
    let rows = guard
        .query(
            "select a.pid, coalesce(a.application_name, ''), coalesce(a.state, ''), \
             coalesce(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8, 0), \
             pg_catalog.left(coalesce(a.query, ''), 80) \
             from pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) as b (pid) \
             join pg_catalog.pg_stat_activity as a on a.pid = b.pid",
            &[&pid],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            format!(
                "pid {} ({}, {}, transaction of {:.0} s): {}",
                row.get::<_, i32>(0),
                row.get::<_, &str>(1),
                row.get::<_, &str>(2),
                row.get::<_, f64>(3),
                row.get::<_, &str>(4)
            )
        })
        .collect())
}
