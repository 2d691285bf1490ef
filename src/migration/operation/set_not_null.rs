//! `set_not_null`: a column that exists becomes NOT NULL, with an optional value for the rows
//! that lack one.

use serde::{Deserialize, Serialize};

use super::not_null;
use super::planning::{GateSpec, Planning, Probe};
use crate::backfill::Spec;
use crate::catalog::Table;
use crate::error::{Error, Kind, Result};
use crate::migration::dual_write::{ColumnPart, DualWrite};
use crate::migration::step::{Action, Cost, Undo};
use crate::migration::{Phase, Step};
use crate::sql::{Ident, LockMode};

/// `set_not_null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetNotNull {
    /// The table.
    pub table: String,
    /// The column.
    pub column: Ident,
    /// Value for rows that have NULL, as an expression over the row; without it such rows keep
    /// the gate of enforce closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<String>,
}

impl SetNotNull {
    pub(super) fn acts_in(&self, phase: Phase) -> bool {
        match phase {
            Phase::Enforce => true,
            Phase::Expand | Phase::Backfill | Phase::Contract => self.up.is_some(),
        }
    }

    fn table<'a>(&self, planning: &Planning<'a>) -> Result<&'a Table> {
        let table = planning.table_named(&self.table, "table")?;
        planning.supported_table(table)?;
        if self.up.is_some() {
            planning.refuse_rules(table, &["update"])?;
        }
        let column = planning.column_of(table, &self.column, "column")?;
        if column.generated.is_some() {
            return Err(planning.at(
                Error::new(
                    Kind::Unsupported,
                    format!(
                        "{}.{} is a generated column",
                        table.name.plain(),
                        self.column.as_str()
                    ),
                ),
                "column",
            ));
        }
        Ok(table)
    }

    pub(super) fn steps(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<Step>> {
        let table = self.table(planning)?;
        match (phase, &self.up) {
            (Phase::Enforce, _) => not_null::steps(&table.name, &self.column, planning.rows(table)),
            (_, None) => Ok(Vec::new()),
            (Phase::Expand | Phase::Contract, Some(up)) => {
                let data_type = &planning.column_of(table, &self.column, "column")?.data_type;
                fill_trigger(
                    phase,
                    planning,
                    table,
                    &ColumnPart {
                        name: self.column.clone(),
                        data_type,
                        from: up,
                    },
                )
            }
            (Phase::Backfill, Some(up)) => {
                planning.expression(up, "up")?;
                fill_backfill(planning, table, &self.column, up)
            }
        }
    }

    pub(super) fn gates(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<GateSpec>> {
        let table = self.table(planning)?.name.clone();
        let column = self.column.clone();
        Ok(match phase {
            Phase::Enforce if self.up.is_some() => vec![
                GateSpec::BackfillComplete {
                    table: table.clone(),
                    column: column.clone(),
                },
                GateSpec::NoNulls { table, column },
            ],
            Phase::Enforce => vec![GateSpec::NoNulls { table, column }],
            Phase::Contract => vec![
                GateSpec::Enforced,
                GateSpec::Soak,
                GateSpec::AppVersions {
                    needs_at_least: planning.change.schedule.enforce.clone(),
                },
            ],
            Phase::Expand | Phase::Backfill => Vec::new(),
        })
    }

    pub(super) fn probes(&self, planning: &Planning<'_>) -> Result<Vec<Probe>> {
        let table = self.table(planning)?;
        let Some(up) = &self.up else {
            return Ok(Vec::new());
        };
        planning.expression(up, "up")?;
        let data_type = &planning.column_of(table, &self.column, "column")?.data_type;
        Ok(vec![Probe {
            sql: format!(
                "select from {} as {} where cast((\n{up}\n) as {data_type}) is null",
                table.name, table.name.name
            ),
            place: planning.place("up"),
            subject: "up".to_owned(),
        }])
    }
}

/// Arms (expand) or removes (contract) the trigger that fills a column which the old app leaves
/// NULL.
pub(super) fn fill_trigger(
    phase: Phase,
    planning: &Planning<'_>,
    table: &Table,
    column: &ColumnPart<'_>,
) -> Result<Vec<Step>> {
    let carriers = planning.carriers(table);
    let guard = planning.guard("fill_", &column.name)?;
    let trigger = DualWrite {
        table,
        carriers: &carriers,
        function: guard.function,
        trigger: guard.trigger,
        new: column,
        old: None,
        default: None,
        search_path: planning.search_path,
    };
    let subject = format!("{}.{}", table.name.plain(), column.name.as_str());
    Ok(vec![if phase == Phase::Contract {
        let mut step = Step::transaction(
            format!("stop filling {subject}"),
            LockMode::AccessExclusive,
            trigger.remove(),
        );
        step.undo = Undo::Impossible {
            reason: "the phase is the point of no return".to_owned(),
        };
        step
    } else {
        Step::transaction(
            format!("fill {subject} in rows that are written without it"),
            LockMode::ShareRowExclusive,
            trigger.create(),
        )
        .undone_by(trigger.remove())
    }])
}

/// Fills the column in the rows that exist.
pub(super) fn fill_backfill(
    planning: &Planning<'_>,
    table: &Table,
    column: &Ident,
    up: &str,
) -> Result<Vec<Step>> {
    let spec = planning.backfill(table, column, up);
    Ok(backfill_steps(&spec, planning.rows(table)))
}

/// Main pass and sweep of one backfill.
pub(super) fn backfill_steps(spec: &Spec, rows: f64) -> Vec<Step> {
    let subject = format!("{}.{}", spec.table.plain(), spec.column.as_str());
    let step = |title: String, action: Action, rate: f64| Step {
        title,
        action,
        lock: LockMode::RowExclusive,
        rewrites: false,
        cost: Cost {
            wal_bytes: 0,
            ..Cost::of(rows, rate)
        },
        undo: Undo::Nothing,
    };
    vec![
        step(
            format!("backfill {subject}"),
            Action::Backfill {
                spec: Box::new(spec.clone()),
            },
            BACKFILL_RATE,
        ),
        step(
            format!("prove {subject} in every row"),
            Action::Sweep {
                spec: Box::new(spec.clone()),
            },
            not_null::SCAN_RATE / 4.0,
        ),
    ]
}

/// Rows a second of a throttled backfill, on modest hardware; only used for the estimate.
const BACKFILL_RATE: f64 = 60_000.0;
