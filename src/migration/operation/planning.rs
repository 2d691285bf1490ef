//! What an operation sees while it plans: its change, the catalog, and how to point at the file.

use serde::{Deserialize, Serialize};

use crate::backfill::Spec;
use crate::catalog::{Catalog, Column, Table, Timing};
use crate::error::{Error, Kind, Place, Result};
use crate::migration::{Change, Release};
use crate::sql::{Ident, QualifiedName, check_expression};

/// What an operation sees while it plans.
#[derive(Debug, Clone, Copy)]
pub struct Planning<'a> {
    /// The change that holds the operation.
    pub change: &'a Change,
    /// The operation's index inside the change.
    pub index: usize,
    /// The database.
    pub catalog: &'a Catalog,
    /// The project's schemas, in order.
    pub search_path: &'a [Ident],
}

/// What guards a column while both releases run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The trigger.
    pub trigger: Ident,
    /// Its function, in schema `tidegate`.
    pub function: Ident,
}

/// A statement that the server is asked to parse and analyse, never to run, before a plan is
/// made: it proves that the user's expressions and types mean something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The statement.
    pub sql: String,
    /// Where the user wrote what it proves.
    pub place: Place,
    /// What it proves, for the message: `up`, `type`.
    pub subject: String,
}

/// A condition that evidence must meet before a phase runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GateSpec {
    /// The backfill of the column is complete, and a check made now says so.
    BackfillComplete {
        /// Table of the column.
        table: QualifiedName,
        /// The column.
        column: Ident,
    },
    /// No row has NULL in the column.
    NoNulls {
        /// Table of the column.
        table: QualifiedName,
        /// The column.
        column: Ident,
    },
    /// The enforce phase of the change is done.
    Enforced,
    /// So much time has passed since enforce as the environment's policy asks.
    Soak,
    /// No session of the app older than this release is connected.
    AppVersions {
        /// The first release that does not need what is removed.
        needs_at_least: Release,
    },
    /// Nothing in the database hangs on the column that the drop would break or lose silently.
    Dependents {
        /// Table of the column.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// Objects whose loss the change accepts.
        accepted: Vec<String>,
    },
    /// No statement that mentions the column has run since the counters of `pg_stat_statements` were
    /// noted: at the end of enforce, else of the backfill, or when contract was refused.
    NoReader {
        /// Table of the column.
        table: QualifiedName,
        /// The column.
        column: Ident,
    },
}

impl<'a> Planning<'a> {
    /// Points `error` at the value of `key` in the operation.
    #[must_use]
    pub fn at(&self, error: Error, key: &str) -> Error {
        if error.place().is_some() {
            return error;
        }
        error.at(self.place(key))
    }

    /// The place of the value of `key`.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        self.change.file.place(self.index, key)
    }

    /// The table that the value of `key` names.
    pub(super) fn table_named(&self, name: &str, key: &str) -> Result<&'a Table> {
        let path: Vec<String> = self
            .search_path
            .iter()
            .map(|schema| schema.as_str().to_owned())
            .collect();
        self.catalog.resolve(name, &path).ok_or_else(|| {
            let error = Error::new(Kind::UnknownObject, format!("unknown table \"{name}\""));
            let error = match self.catalog.suggest(name) {
                Some(near) => error.hint(format!("did you mean \"{}\"?", near.plain())),
                None => error,
            };
            let label = format!("not in {}", path.join(", "));
            error.at(self.place(key).label(label))
        })
    }

    /// The column of `table`.
    pub(super) fn column_of(
        &self,
        table: &'a Table,
        name: &Ident,
        key: &str,
    ) -> Result<&'a Column> {
        table.column(name.as_str()).ok_or_else(|| {
            let names = table.columns.iter().map(|column| column.name.as_str());
            let near = names
                .map(|candidate| (strsim::jaro_winkler(candidate, name.as_str()), candidate))
                .filter(|(score, _)| *score > 0.75)
                .max_by(|left, right| left.0.total_cmp(&right.0));
            let error = Error::new(
                Kind::UnknownObject,
                format!(
                    "unknown column \"{}\" of {}",
                    name.as_str(),
                    table.name.plain()
                ),
            );
            let error = match near {
                Some((_, near)) => error.hint(format!("did you mean \"{near}\"?")),
                None => error,
            };
            self.at(error, key)
        })
    }

    /// Refuses a column that is there already.
    pub(super) fn free_column(&self, table: &Table, name: &Ident, key: &str) -> Result<()> {
        if table.column(name.as_str()).is_some() {
            let error = Error::new(
                Kind::ObjectExists,
                format!(
                    "{} has a column \"{}\" already",
                    table.name.plain(),
                    name.as_str()
                ),
            );
            return Err(self.at(error, key));
        }
        Ok(())
    }

    /// Checks the syntax of a user's expression.
    pub(super) fn expression(&self, text: &str, key: &str) -> Result<()> {
        check_expression(text).map_err(|problem| {
            Error::new(
                Kind::SqlSyntax,
                format!("\"{key}\" is not one SQL expression: {}", problem.message),
            )
            .at(self.place(key))
        })
    }

    /// A name that belongs to this operation: change, operation, column.
    pub(super) fn own_name(&self, prefix: &str, column: &Ident) -> Result<Ident> {
        let base = format!("{prefix}{}_{}", self.change.id, self.index + 1);
        Ident::marked(&base, column.as_str())
    }

    /// The guard of `column`; `prefix` is that of its function.
    pub(super) fn guard(&self, prefix: &str, column: &Ident) -> Result<Guard> {
        Ok(Guard {
            trigger: self.own_name("zzz_tidegate_", column)?,
            function: self.own_name(prefix, column)?,
        })
    }

    /// Refuses a table on which the operation cannot keep its promises.
    pub(super) fn supported_table(&self, table: &Table) -> Result<()> {
        if !table.stores_rows() && !table.is_partitioned() {
            return Err(self.at(
                Error::new(
                    Kind::Unsupported,
                    format!(
                        "{} is not an ordinary or partitioned table",
                        table.name.plain()
                    ),
                ),
                "table",
            ));
        }
        let foreign = self
            .catalog
            .leaves(&table.name)
            .into_iter()
            .find(|leaf| !leaf.stores_rows());
        let hopeless = match foreign {
            _ if table.typed => {
                Some("is made of a composite type, which decides its columns".to_owned())
            }
            Some(leaf) => Some(format!(
                "keeps rows in {}, a foreign table",
                leaf.name.plain()
            )),
            None => None,
        };
        if let Some(reason) = hopeless {
            let error = Error::new(
                Kind::Unsupported,
                format!("{} {reason}", table.name.plain()),
            );
            return Err(self.at(error, "table"));
        }
        if table.partition_of.is_some() {
            return Err(self.at(
                Error::new(
                    Kind::Unsupported,
                    format!("{} is a partition", table.name.plain()),
                )
                .hint("change the partitioned table; its partitions follow"),
                "table",
            ));
        }
        Ok(())
    }

    /// Refuses a table with a rewrite rule on `events` (`insert`, `update`): a rule keeps the columns
    /// of the day it was made, so it drops the values of a newer column, and PostgreSQL runs no
    /// update inside `WITH` past it.
    pub(super) fn refuse_rules(&self, table: &Table, events: &[&str]) -> Result<()> {
        for relation in std::iter::once(table).chain(self.catalog.leaves(&table.name)) {
            let mut rules = relation.rules.iter();
            if let Some(rule) = rules.find(|rule| events.contains(&rule.event.as_str())) {
                let error = Error::new(
                    Kind::Unsupported,
                    format!(
                        "{} has the rule {} on {}, which does not know the new column",
                        relation.name.plain(),
                        rule.name.as_str(),
                        rule.event
                    ),
                )
                .hint("put a trigger or a partitioned table in the place of the rule first");
                return Err(self.at(error, "table"));
            }
        }
        Ok(())
    }

    /// Refuses a table with a trigger that would fire after `last` and could change the row once
    /// more, unseen. Triggers of one moment fire in the byte order of their names.
    pub(super) fn refuse_later_triggers(&self, table: &Table, last: &Ident) -> Result<()> {
        for relation in std::iter::once(table).chain(self.catalog.leaves(&table.name)) {
            let later = relation.triggers.iter().find(|trigger| {
                trigger.timing == Timing::Before
                    && trigger.for_each_row
                    && trigger.name.as_str() > last.as_str()
                    && !trigger.name.as_str().starts_with("zzz_tidegate_")
                    && trigger.events.iter().any(|event| event != "delete")
            });
            if let Some(trigger) = later {
                let error = Error::new(
                    Kind::Unsupported,
                    format!(
                        "the trigger {} of {} fires after the one that keeps the columns in step",
                        trigger.name.as_str(),
                        relation.name.plain()
                    ),
                )
                .hint("rename it so that it comes first: alter trigger ... rename to ...");
                return Err(self.at(error, "table"));
            }
        }
        Ok(())
    }

    /// The relations that carry row triggers: the table, and its inheritance children.
    pub(super) fn carriers(&self, table: &Table) -> Vec<QualifiedName> {
        if table.is_partitioned() {
            return vec![table.name.clone()];
        }
        self.catalog
            .leaves(&table.name)
            .into_iter()
            .map(|leaf| leaf.name.clone())
            .collect()
    }

    /// The backfill of `column` from the row expression `up`.
    pub(super) fn backfill(&self, table: &Table, column: &Ident, up: &str) -> Spec {
        let leaves = self.catalog.leaves(&table.name);
        Spec {
            change: self.change.id.clone(),
            table: table.name.clone(),
            targets: leaves.iter().map(|leaf| leaf.name.clone()).collect(),
            column: column.clone(),
            expression: up.to_owned(),
            source: Vec::new(),
            inverse: None,
            inverse_type: None,
            stripe_key: leaves
                .iter()
                .map(|leaf| (leaf.name.clone(), stripe_key(leaf)))
                .collect(),
        }
    }

    /// Rows of the table, estimated by the planner's statistics.
    pub(super) fn rows(&self, table: &Table) -> f64 {
        self.catalog
            .leaves(&table.name)
            .into_iter()
            .map(|leaf| leaf.reltuples.max(0.0))
            .sum()
    }
}

/// The single integer column of the primary key, which cuts stripes evenly.
fn stripe_key(table: &Table) -> Option<Ident> {
    let key = table.primary_key()?;
    let [only] = key.columns.as_slice() else {
        return None;
    };
    let column = table.column(only.as_str())?;
    ["bigint", "integer", "smallint"]
        .contains(&column.data_type.as_str())
        .then(|| only.clone())
}
