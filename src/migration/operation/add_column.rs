//! `add_column`: a new column, with a constant default, or filled from the row.

use serde::{Deserialize, Serialize};

use super::column::NewColumn;
use super::planning::{GateSpec, Planning, Probe};
use super::{not_null, set_not_null};
use crate::catalog::Table;
use crate::error::{Error, Kind, Result};
use crate::migration::dual_write::ColumnPart;
use crate::migration::{Phase, Step};
use crate::sql::{Ident, LockMode, literal};

/// `add_column`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddColumn {
    /// The table.
    pub table: String,
    /// The column.
    pub column: NewColumn,
    /// Value for rows that exist and for rows that the old app writes, as an expression over the
    /// row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<String>,
}

impl AddColumn {
    /// The expression that fills the rows: `up`, or a default that is not a constant.
    fn fill(&self) -> Option<&str> {
        self.up.as_deref().or_else(|| {
            self.column
                .default
                .as_deref()
                .filter(|_| self.column.constant_default().is_none())
        })
    }

    pub(super) fn acts_in(&self, phase: Phase) -> bool {
        match phase {
            Phase::Expand => true,
            Phase::Backfill => self.fill().is_some() || self.column.references.is_some(),
            Phase::Enforce => self.column.not_null,
            Phase::Contract => self.up.is_some(),
        }
    }

    fn table<'a>(&self, planning: &Planning<'a>) -> Result<&'a Table> {
        let table = planning.table_named(&self.table, "table")?;
        planning.supported_table(table)?;
        planning.refuse_rules(table, &["insert", "update"])?;
        if self.column.not_null && self.fill().is_none() && self.column.constant_default().is_none()
        {
            return Err(planning.at(
                Error::new(
                    Kind::ChangeValue,
                    format!(
                        "{} would be NOT NULL without a value for the rows that exist",
                        self.column.name.as_str()
                    ),
                )
                .hint("give the column a default, or the operation an `up` expression"),
                "column",
            ));
        }
        Ok(table)
    }

    pub(super) fn steps(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<Step>> {
        let table = self.table(planning)?;
        let column = &self.column;
        let part = |from| ColumnPart {
            name: column.name.clone(),
            data_type: &column.data_type,
            from,
        };
        match phase {
            Phase::Expand => {
                planning.free_column(table, &column.name, "column")?;
                let mut steps = vec![self.add(table)];
                if let Some(up) = &self.up {
                    steps.extend(set_not_null::fill_trigger(
                        phase,
                        planning,
                        table,
                        &part(up),
                    )?);
                }
                Ok(steps)
            }
            Phase::Backfill => {
                let mut steps = match self.fill() {
                    Some(up) => set_not_null::fill_backfill(planning, table, &column.name, up)?,
                    None => Vec::new(),
                };
                steps.extend(foreign_key(planning, table, column)?);
                Ok(steps)
            }
            Phase::Enforce => not_null::steps(&table.name, &column.name, planning.rows(table)),
            Phase::Contract => set_not_null::fill_trigger(phase, planning, table, &part("null")),
        }
    }

    fn add(&self, table: &Table) -> Step {
        let NewColumn {
            name, data_type, ..
        } = &self.column;
        let default = self
            .column
            .constant_default()
            .map_or_else(String::new, |default| format!(" default {default}"));
        let mut sql = vec![format!(
            "alter table {} add column {name} {data_type}{default}",
            table.name
        )];
        if let (Some(default), None) = (&self.column.default, self.column.constant_default()) {
            sql.push(format!(
                "alter table {} alter column {name} set default {default}",
                table.name
            ));
        }
        sql.extend(comment(table, &self.column));
        Step::transaction(
            format!(
                "add column {}.{} {data_type}",
                table.name.plain(),
                name.as_str()
            ),
            LockMode::AccessExclusive,
            sql,
        )
        .undone_by(vec![format!(
            "alter table {} drop column if exists {name}",
            table.name
        )])
    }

    pub(super) fn gates(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<GateSpec>> {
        let table = self.table(planning)?.name.clone();
        let column = self.column.name.clone();
        Ok(match phase {
            Phase::Expand | Phase::Backfill => Vec::new(),
            Phase::Enforce => {
                let mut gates = Vec::new();
                if self.fill().is_some() {
                    gates.push(GateSpec::BackfillComplete {
                        table: table.clone(),
                        column: column.clone(),
                    });
                }
                gates.push(GateSpec::NoNulls { table, column });
                gates
            }
            Phase::Contract => {
                let mut gates = vec![GateSpec::BackfillComplete { table, column }];
                if self.column.not_null {
                    gates.extend([GateSpec::Enforced, GateSpec::Soak]);
                }
                gates.push(GateSpec::AppVersions {
                    needs_at_least: planning.change.schedule.enforce.clone(),
                });
                gates
            }
        })
    }

    pub(super) fn probes(&self, planning: &Planning<'_>) -> Result<Vec<Probe>> {
        let table = self.table(planning)?;
        let mut probes = vec![Probe {
            sql: format!("select cast(null as {})", self.column.data_type),
            place: planning.place("column"),
            subject: "type".to_owned(),
        }];
        if let Some(fill) = self.fill() {
            let key = if self.up.is_some() { "up" } else { "column" };
            planning.expression(fill, key)?;
            probes.push(Probe {
                sql: format!(
                    "select from {} as {} where cast((\n{fill}\n) as {}) is null",
                    table.name, table.name.name, self.column.data_type
                ),
                place: planning.place(key),
                subject: "up".to_owned(),
            });
        }
        Ok(probes)
    }
}

/// The comment of a new column, when the file gives one.
pub(super) fn comment(table: &Table, column: &NewColumn) -> Option<String> {
    column.comment.as_ref().map(|text| {
        format!(
            "comment on column {}.{} is {}",
            table.name,
            column.name,
            literal(text)
        )
    })
}

/// Adds the foreign key without looking at the rows, then validates it under a weak lock.
pub(super) fn foreign_key(
    planning: &Planning<'_>,
    table: &Table,
    column: &NewColumn,
) -> Result<Vec<Step>> {
    let Some((reference, target)) = column.reference(planning)? else {
        return Ok(Vec::new());
    };
    if table.is_partitioned() && planning.catalog.major() < 18 {
        let error = Error::new(
            Kind::Unsupported,
            format!("a foreign key on the partitioned table {} cannot be added without a long lock before PostgreSQL 18", table.name.plain()),
        )
        .hint("leave `references` out, or add the key to each partition by plain SQL");
        return Err(planning.at(error, "to"));
    }
    let name: Ident = Ident::derived(
        table.name.name.as_str(),
        &format!("{}_fkey", column.name.as_str()),
    )
    .or_else(|_| Ident::marked("fkey", column.name.as_str()))?;
    Ok(vec![
        Step::transaction(
            format!("foreign key to {} (not validated)", target.plain()),
            LockMode::ShareRowExclusive,
            vec![reference.add(&table.name, &name, &column.name, &target)],
        )
        .undone_by(vec![format!(
            "alter table {} drop constraint if exists {name}",
            table.name
        )]),
        Step::transaction(
            format!("validate the foreign key to {}", target.plain()),
            LockMode::ShareUpdateExclusive,
            vec![format!(
                "alter table {} validate constraint {name}",
                table.name
            )],
        )
        .reading(planning.rows(table), not_null::SCAN_RATE / 2.0),
    ])
}
