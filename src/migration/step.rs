//! The steps of a plan: values that say what will be run, never running it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backfill::Spec;
use crate::sql::{LockMode, QualifiedName};

/// One step of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does, in a few words.
    pub title: String,
    /// What is run.
    pub action: Action,
    /// The strongest lock it takes on a user's table.
    pub lock: LockMode,
    /// Whether it rewrites a table.
    pub rewrites: bool,
    /// What it is expected to cost; not part of the plan's hash.
    pub cost: Cost,
    /// How it is undone.
    pub undo: Undo,
}

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Statements of Tidegate, in one transaction together with the step's outcome.
    Transaction {
        /// The statements.
        sql: Vec<String>,
    },
    /// Statements of the user, in one transaction, under the project's search path.
    UserTransaction {
        /// The statements.
        sql: Vec<String>,
    },
    /// One statement of the user that cannot run inside a transaction. When it is interrupted its
    /// outcome is unknown.
    UserStatement {
        /// The statement.
        sql: String,
    },
    /// `CREATE INDEX CONCURRENTLY`; its outcome is read from the catalog.
    ConcurrentIndex {
        /// The index that is built.
        index: QualifiedName,
        /// The statement.
        sql: String,
    },
    /// Fills a column in batches.
    Backfill {
        /// What is filled with what.
        spec: Box<Spec>,
    },
    /// Repairs what the backfill could not see and proves the result.
    Sweep {
        /// The backfill it belongs to.
        spec: Box<Spec>,
    },
}

/// How a step is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Undo {
    /// Nothing to do: what the step made goes with the undo of another step.
    Nothing,
    /// Statements of Tidegate in one transaction; each may find its work done already.
    Transaction {
        /// The statements.
        sql: Vec<String>,
    },
    /// One statement outside a transaction; it may find its work done already.
    Outside {
        /// The statement.
        sql: String,
    },
    /// The user's statements, one after another, some of which cannot run inside a transaction.
    UserStatements {
        /// The statements.
        sql: Vec<String>,
    },
    /// The user's statements, in one transaction.
    UserTransaction {
        /// The statements.
        sql: Vec<String>,
    },
    /// There is no way back.
    Impossible {
        /// Why.
        reason: String,
    },
}

/// What a step is expected to cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds.
    pub seconds: f64,
    /// Rows that are read or written.
    pub rows: u64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
}

impl Step {
    /// A quick step of Tidegate in one transaction.
    #[must_use]
    pub fn transaction(title: impl Into<String>, lock: LockMode, sql: Vec<String>) -> Self {
        Self {
            title: title.into(),
            action: Action::Transaction { sql },
            lock,
            rewrites: false,
            cost: Cost {
                seconds: 0.01,
                ..Cost::default()
            },
            undo: Undo::Nothing,
        }
    }

    /// The same step with this undo.
    #[must_use]
    pub fn undone_by(mut self, sql: Vec<String>) -> Self {
        self.undo = Undo::Transaction { sql };
        self
    }

    /// The same step, reading or writing `rows` rows at `rows_per_second`.
    #[must_use]
    pub fn reading(mut self, rows: f64, rows_per_second: f64) -> Self {
        self.cost = Cost::of(rows, rows_per_second);
        self
    }
}

impl Cost {
    /// The cost of handling so many rows at such a rate.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, clamped to be positive"
    )]
    pub fn of(rows: f64, rows_per_second: f64) -> Self {
        Self {
            seconds: (rows / rows_per_second).max(0.01),
            rows: rows.max(0.0) as u64,
            wal_bytes: 0,
        }
    }
}

impl Action {
    /// The SQL as text, for people and for the hash.
    #[must_use]
    pub fn sql(&self) -> String {
        match self {
            Self::Transaction { sql } | Self::UserTransaction { sql } => sql.join(";\n"),
            Self::UserStatement { sql } | Self::ConcurrentIndex { sql, .. } => sql.clone(),
            Self::Backfill { spec } => format!(
                "update {} set {} = ({})",
                spec.table, spec.column, spec.expression
            ),
            Self::Sweep { spec } => format!(
                "select count(*) from {} where {} is distinct from ({})",
                spec.table, spec.column, spec.expression
            ),
        }
    }

    /// Whether the step and its outcome are one transaction.
    #[must_use]
    pub const fn transactional(&self) -> bool {
        matches!(
            self,
            Self::Transaction { .. } | Self::UserTransaction { .. }
        )
    }
}

impl Undo {
    /// The SQL as text; none when there is nothing to run or no way back.
    #[must_use]
    pub fn sql(&self) -> Option<String> {
        match self {
            Self::Nothing | Self::Impossible { .. } => None,
            Self::Transaction { sql }
            | Self::UserTransaction { sql }
            | Self::UserStatements { sql } => Some(sql.join(";\n")),
            Self::Outside { sql } => Some(sql.clone()),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self.seconds {
            seconds if seconds <= 0.01 => "<10 ms".to_owned(),
            seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
            seconds if seconds < 90.0 => format!("{seconds:.0} s"),
            seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
            seconds => format!("{:.1} h", seconds / 3600.0),
        })
    }
}
