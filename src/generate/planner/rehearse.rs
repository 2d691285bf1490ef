//! Tries some rows of each table before the first is written.

use crate::error::{Error, Kind, Result};
use crate::generate::plan::SeedPlan;
use crate::generate::rows::{Keys, Rows};

/// Rows that are tried of each table with conditions.
const SAMPLE: u64 = 64;

/// Makes rows of every table that has conditions, and refuses a plan that cannot fulfil them. `keys`
/// are those that [`Rows::new`] needs.
///
/// # Errors
/// [`Kind::SeedPlan`] with the name of the constraint that no try fulfilled.
pub fn rehearse(plan: &SeedPlan, keys: &Keys) -> Result<()> {
    stuck(plan, keys)?.map_or(Ok(()), |(_, error)| Err(error))
}

/// The first table of which some row was not found, and the error that says so.
pub(super) fn stuck(plan: &SeedPlan, keys: &Keys) -> Result<Option<(usize, Error)>> {
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
        let first = 0..table.rows.min(SAMPLE / 8);
        for number in first.chain(spread) {
            if let Err(stuck) = worker.fill(index, table.first + number, &mut row) {
                let name = table.name.plain();
                let constraint = &stuck.constraint;
                let message =
                    format!("{name}: no row was found that fulfils constraint \"{constraint}\"");
                return Ok(Some((index, Error::new(Kind::SeedPlan, message))));
            }
        }
    }
    Ok(None)
}
