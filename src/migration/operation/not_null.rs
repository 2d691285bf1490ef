//! NOT NULL without a long lock: a CHECK that is not valid yet, its validation under a weak lock,
//! then SET NOT NULL, which finds the proof and does not scan.
//! <https://www.postgresql.org/docs/current/sql-altertable.html> ("if a valid CHECK constraint
//! exists which proves that no NULL can exist, then the table scan is skipped")

use crate::error::Result;
use crate::migration::Step;
use crate::sql::{Ident, LockMode, QualifiedName};

/// Rows that one validation reads a second, on modest hardware.
pub(super) const SCAN_RATE: f64 = 2_000_000.0;

/// The three steps.
pub(super) fn steps(table: &QualifiedName, column: &Ident, rows: f64) -> Result<Vec<Step>> {
    let check = Ident::derived(
        &format!("{}_{}", table.name.as_str(), column.as_str()),
        "tg_not_null",
    )?;
    let drop_check = format!("alter table {table} drop constraint if exists {check}");
    Ok(vec![
        Step::transaction(
            format!(
                "{}.{} may not be NULL (not validated)",
                table.plain(),
                column.as_str()
            ),
            LockMode::AccessExclusive,
            vec![format!(
                "alter table {table} add constraint {check} check ({column} is not null) not valid"
            )],
        )
        .undone_by(vec![drop_check.clone()]),
        Step::transaction(
            format!("validate {}.{}", table.plain(), column.as_str()),
            LockMode::ShareUpdateExclusive,
            vec![format!("alter table {table} validate constraint {check}")],
        )
        .reading(rows, SCAN_RATE),
        Step::transaction(
            format!("{}.{} set not null", table.plain(), column.as_str()),
            LockMode::AccessExclusive,
            vec![
                format!("alter table {table} alter column {column} set not null"),
                drop_check,
            ],
        )
        .undone_by(vec![format!(
            "alter table {table} alter column {column} drop not null"
        )]),
    ])
}
