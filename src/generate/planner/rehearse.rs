//! Tries some rows of each table before the first is written.

use super::written;
use crate::error::{Error, Kind, Result};
use crate::generate::condition::{Comparison, Expression};
use crate::generate::partition::called;
use crate::generate::plan::{SeedPlan, TablePlan};
use crate::generate::rows::{Keys, Rows};
use crate::generate::touched::mentioned;

/// Rows that are tried of each table with conditions.
const SAMPLE: u64 = 64;

/// Makes rows of every table that has conditions, and refuses a plan that cannot fulfil them. `keys`
/// are those that [`Rows::new`] needs.
///
/// # Errors
/// [`Kind::SeedPlan`] with the name of the constraint that no try fulfilled.
pub fn rehearse(plan: &SeedPlan, keys: &Keys) -> Result<()> {
    stuck(plan, keys)?.map_or(Ok(()), |row| Err(row.error))
}

/// The error with the remedy for an equation that decides one column.
fn hinted(table: &TablePlan, constraint: &str, error: Error) -> Error {
    let broken = table.conditions.iter().find(|c| c.name == constraint);
    let column = match broken.map(|condition| &condition.expression) {
        Some(Expression::Compare(Comparison::Equal, left, right)) => match (&**left, &**right) {
            (Expression::Column(column), made) | (made, Expression::Column(column))
                if !mentioned(made).is_empty() =>
            {
                table.columns.get(*column)
            }
            _ => None,
        },
        _ => None,
    };
    match column {
        Some(column) => error.hint(format!(
            "say in seeds/*.toml how it is made from the others: [tables.{}] columns.{} = {{ sql = \"...\" }}",
            table.name.name.as_str(),
            column.name.as_str()
        )),
        None => error,
    }
}

/// A row that was not found.
pub(super) struct NotFound {
    pub(super) table: usize,
    /// The error that says so, with the place of a row that a person wrote.
    pub(super) error: Error,
    /// Whether a person wrote it so that it cannot be found.
    pub(super) written: bool,
}

/// The first row that was not found.
pub(super) fn stuck(plan: &SeedPlan, keys: &Keys) -> Result<Option<NotFound>> {
    let rows = Rows::new(plan, keys)?;
    let worker = rows.worker();
    let mut row = Vec::new();
    for (index, table) in plan.tables.iter().enumerate() {
        if table.conditions.is_empty() {
            continue;
        }
        // The first rows, where self references begin, and others from everywhere.
        let step = (table.rows / SAMPLE).max(1);
        let spread = (0..table.rows).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        let first = 0..table.rows.min((SAMPLE / 8).max(table.fixed.len() as u64));
        for number in first.chain(spread) {
            if let Err(stuck) = worker.fill(index, table.first + number, &mut row) {
                let name = table.name.plain();
                let constraint = &stuck.constraint;
                let constraint_named = called(constraint);
                let message = format!("{name}: no row was found that fulfils {constraint_named}");
                let error = hinted(table, constraint, Error::new(Kind::SeedPlan, message));
                let broken = written::breaks(table, stuck.row, constraint);
                let written = broken.is_some();
                let error = broken.unwrap_or_else(|| written::placed(table, stuck.row, error));
                return Ok(Some(NotFound {
                    table: index,
                    error,
                    written,
                }));
            }
        }
    }
    Ok(None)
}
