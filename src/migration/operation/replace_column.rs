//! `replace_column`: the new column stands beside the old one, a trigger keeps both in step, and
//! the old one goes when nobody needs it any more.

use serde::{Deserialize, Serialize};

use super::add_column::{comment, foreign_key};
use super::column::NewColumn;
use super::planning::{GateSpec, Planning, Probe};
use super::set_not_null::backfill_steps;
use super::{mirror, not_null};
use crate::catalog::{Column, Table};
use crate::error::{Error, Kind, Result};
use crate::migration::dual_write::{ColumnPart, DualWrite};
use crate::migration::step::Undo;
use crate::migration::{Phase, Step};
use crate::sql::{Ident, LockMode, QualifiedName};

/// `replace_column`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceColumn {
    /// The table.
    pub table: String,
    /// The old column.
    pub from: Ident,
    /// The new column.
    pub to: NewColumn,
    /// The new value from the row with the old one.
    pub up: String,
    /// The old value from the row with the new one: what keeps the old app alive.
    pub down: String,
    /// How both apps see their column.
    #[serde(default)]
    pub mode: Mode,
    /// Objects that may go with the old column: indexes, constraints, statistics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_with: Vec<String>,
}

/// How both app releases see their column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each uses its own column of the table; the trigger keeps both in step.
    #[default]
    Columns,
}

/// What a replacement needs while it plans a phase.
struct Pair<'a> {
    table: &'a Table,
    old: &'a Column,
    carriers: Vec<QualifiedName>,
}

impl ReplaceColumn {
    pub(super) fn acts_in(&self, phase: Phase) -> bool {
        phase != Phase::Enforce || self.to.not_null
    }

    fn pair<'a>(&self, planning: &Planning<'a>) -> Result<Pair<'a>> {
        let table = planning.table_named(&self.table, "table")?;
        planning.supported_table(table)?;
        planning.refuse_rules(table, &["insert", "update"])?;
        let old = planning.column_of(table, &self.from, "from")?;
        let refuse =
            |reason: String| Err(planning.at(Error::new(Kind::Unsupported, reason), "from"));
        let subject = format!("{}.{}", table.name.plain(), self.from.as_str());
        if old.generated.is_some() {
            return refuse(format!("{subject} is a generated column"));
        }
        if old.identity.is_some() {
            return refuse(format!("{subject} is an identity column"));
        }
        if table
            .primary_key()
            .is_some_and(|key| key.columns.contains(&self.from))
        {
            return refuse(format!("{subject} is part of the primary key"));
        }
        if !old.local || old.inherit_count > 0 {
            return refuse(format!("{subject} is inherited; change the parent table"));
        }
        if old.default.is_some() && self.to.default.is_none() {
            return refuse(format!(
                "{subject} has a default, which the new column would not have; give `to` a default"
            ));
        }
        Ok(Pair {
            table,
            old,
            carriers: planning.carriers(table),
        })
    }

    /// What makes the change impossible from its start, because contract could never drop the
    /// old column.
    fn refuse_hopeless(&self, planning: &Planning<'_>, pair: &Pair<'_>) -> Result<()> {
        use crate::catalog::DependentKind::{
            InboundForeignKey, InheritedColumn, PartitionKey, ReplicaIdentity,
        };
        let hopeless = planning
            .catalog
            .column_dependents(&pair.table.name, &self.from)
            .into_iter()
            .find(|dependent| {
                matches!(
                    dependent.kind,
                    InboundForeignKey | PartitionKey | ReplicaIdentity
                ) || dependent.kind == InheritedColumn && pair.table.children.is_empty()
            });
        match hopeless {
            None => Ok(()),
            Some(dependent) => Err(planning.at(
                Error::new(
                    Kind::Unsupported,
                    format!(
                        "{}.{} cannot be replaced: {} depends on it",
                        pair.table.name.plain(),
                        self.from.as_str(),
                        dependent.object
                    ),
                ),
                "from",
            )),
        }
    }

    pub(super) fn steps(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<Step>> {
        let pair = self.pair(planning)?;
        match phase {
            Phase::Expand => {
                planning.free_column(pair.table, &self.to.name, "to")?;
                self.refuse_hopeless(planning, &pair)?;
                let guard = planning.guard("keep_", &self.to.name)?;
                planning.refuse_later_triggers(pair.table, &guard.trigger)?;
                self.expand(planning, &pair)
            }
            Phase::Backfill => self.backfill(planning, &pair),
            Phase::Enforce => {
                not_null::steps(&pair.table.name, &self.to.name, planning.rows(pair.table))
            }
            Phase::Contract => self.contract(planning, &pair),
        }
    }

    fn expand(&self, planning: &Planning<'_>, pair: &Pair<'_>) -> Result<Vec<Step>> {
        let table = &pair.table.name;
        let NewColumn {
            name, data_type, ..
        } = &self.to;
        let mut add = vec![format!("alter table {table} add column {name} {data_type}")];
        add.extend(mirror::grants(pair.table, &self.from, name));
        let mut to = self.to.clone();
        to.comment = to.comment.or_else(|| pair.old.comment.clone());
        add.extend(comment(pair.table, &to));
        let subject = format!("{}.{}", table.plain(), name.as_str());
        let mut steps = vec![
            Step::transaction(
                format!("add column {subject} {data_type}"),
                LockMode::AccessExclusive,
                add,
            )
            .undone_by(vec![format!(
                "alter table {table} drop column if exists {name}"
            )]),
        ];
        self.with_trigger(planning, pair, |trigger| {
            steps.push(
                Step::transaction(
                    format!("keep {} and {} in step", self.from.as_str(), name.as_str()),
                    LockMode::ShareRowExclusive,
                    trigger.create(),
                )
                .undone_by(trigger.remove()),
            );
        })?;
        Ok(steps)
    }

    fn with_trigger(
        &self,
        planning: &Planning<'_>,
        pair: &Pair<'_>,
        act: impl FnOnce(&DualWrite<'_>),
    ) -> Result<()> {
        let new = ColumnPart {
            name: self.to.name.clone(),
            data_type: &self.to.data_type,
            from: &self.up,
        };
        let old = ColumnPart {
            name: self.from.clone(),
            data_type: &pair.old.data_type,
            from: &self.down,
        };
        let guard = planning.guard("keep_", &self.to.name)?;
        act(&DualWrite {
            table: pair.table,
            carriers: &pair.carriers,
            function: guard.function,
            trigger: guard.trigger,
            new: &new,
            old: Some(&old),
            default: self.to.default.as_deref(),
            search_path: planning.search_path,
        });
        Ok(())
    }

    fn backfill(&self, planning: &Planning<'_>, pair: &Pair<'_>) -> Result<Vec<Step>> {
        let mut spec = planning.backfill(pair.table, &self.to.name, &self.up);
        spec.source = vec![self.from.clone()];
        spec.inverse = Some((self.from.clone(), self.down.clone()));
        spec.inverse_type = Some(pair.old.data_type.clone());
        let mut steps = backfill_steps(&spec, planning.rows(pair.table));
        let mut keys = foreign_key(planning, pair.table, &self.to)?.into_iter();
        if let Some(add) = keys.next() {
            // The key goes between the two: the sweep then repairs rows whose parent vanished
            // while the backfill ran, and no new ones can appear.
            steps.insert(1, add);
        }
        steps.extend(keys);
        let same_type = pair.old.data_type == self.to.data_type;
        steps.extend(mirror::indexes(
            planning,
            pair.table,
            (&self.from, &self.to.name),
            same_type,
            self.to.references.is_some(),
        )?);
        Ok(steps)
    }

    fn contract(&self, planning: &Planning<'_>, pair: &Pair<'_>) -> Result<Vec<Step>> {
        let table = &pair.table.name;
        let mut sql = Vec::new();
        self.with_trigger(planning, pair, |trigger| sql = trigger.remove())?;
        // Grants that the old column was given since expand.
        sql.extend(mirror::grants(pair.table, &self.from, &self.to.name));
        sql.push(format!("alter table {table} drop column {}", self.from));
        if let Some(default) = &self.to.default {
            sql.push(format!(
                "alter table {table} alter column {} set default {default}",
                self.to.name
            ));
        }
        let mut step = Step::transaction(
            format!(
                "drop column {}.{} and what kept it in step",
                table.plain(),
                self.from.as_str()
            ),
            LockMode::AccessExclusive,
            sql,
        );
        step.undo = Undo::Impossible {
            reason: "the values of the old column are gone".to_owned(),
        };
        Ok(vec![step])
    }

    pub(super) fn gates(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<GateSpec>> {
        let table = self.pair(planning)?.table;
        let column = self.to.name.clone();
        let complete = GateSpec::BackfillComplete {
            table: table.name.clone(),
            column: column.clone(),
        };
        Ok(match phase {
            Phase::Expand | Phase::Backfill => Vec::new(),
            Phase::Enforce => vec![
                complete,
                GateSpec::NoNulls {
                    table: table.name.clone(),
                    column,
                },
            ],
            Phase::Contract => {
                let mut gates = vec![complete];
                if self.to.not_null {
                    gates.push(GateSpec::Enforced);
                }
                gates.extend([
                    GateSpec::Soak,
                    GateSpec::AppVersions {
                        needs_at_least: planning.change.schedule.enforce.clone(),
                    },
                    GateSpec::NoReader {
                        table: table.name.clone(),
                        column: self.from.clone(),
                    },
                    GateSpec::Dependents {
                        table: table.name.clone(),
                        column: self.from.clone(),
                        accepted: self.accepted(planning, table),
                    },
                ]);
                gates
            }
        })
    }

    /// What may go with the old column: what the file accepts, and the indexes that the new
    /// column has too.
    fn accepted(&self, planning: &Planning<'_>, table: &Table) -> Vec<String> {
        let same_type = table
            .column(self.from.as_str())
            .is_some_and(|old| old.data_type == self.to.data_type);
        let mut accepted = self.drop_with.clone();
        for relation in std::iter::once(table).chain(planning.catalog.leaves(&table.name)) {
            accepted.extend(
                relation
                    .indexes
                    .iter()
                    .filter(|index| mirror::can_mirror(index, &self.from, same_type))
                    .map(|index| index.name.as_str().to_owned()),
            );
        }
        accepted
    }

    pub(super) fn probes(&self, planning: &Planning<'_>) -> Result<Vec<Probe>> {
        let pair = self.pair(planning)?;
        planning.expression(&self.up, "up")?;
        planning.expression(&self.down, "down")?;
        let table = &pair.table.name;
        let NewColumn {
            name, data_type, ..
        } = &self.to;
        let probe = |sql: String, key: &str, subject: &str| Probe {
            sql,
            place: planning.place(key),
            subject: subject.to_owned(),
        };
        Ok(vec![
            probe(format!("select cast(null as {data_type})"), "to", "type"),
            probe(
                format!(
                    "select from {table} as {} where cast((\n{}\n) as {data_type}) is null",
                    table.name, self.up
                ),
                "up",
                "up",
            ),
            probe(
                format!(
                    "select from (select tidegate_row.*, cast(null as {data_type}) as {name} \
                     from {table} as tidegate_row) as {} where cast((\n{}\n) as {}) is null",
                    table.name, self.down, pair.old.data_type
                ),
                "down",
                "down",
            ),
        ])
    }
}
