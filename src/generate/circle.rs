//! Rows that need whole rows of each other.

use super::plan::{ColumnPlan, How, Parent, SeedPlan};
use super::source::Source;
use crate::error::{Error, Kind, Result};

/// Refuses rows that need whole rows of each other in a circle. A value that takes part in a
/// condition is known only from its whole row.
pub(super) fn refuse(plan: &SeedPlan, redrawn: impl Fn(usize, usize) -> bool) -> Result<()> {
    let needs = |index: usize| {
        let table = &plan.tables[index];
        let redrawn = &redrawn;
        let of = move |column: &ColumnPlan| {
            let (pick, wanted) = match column.source {
                Source::Reference { pick, column } => (pick, column),
                Source::After {
                    pick: Some(pick),
                    column,
                    ..
                } => (pick, column),
                _ => return None,
            };
            let pick = table.picks.get(pick)?;
            let Parent::Planned { table: parent, .. } = pick.parent else {
                return None;
            };
            // Rows before a row are fewer each time.
            let before = matches!(
                pick.how,
                How::Earlier | How::EarlierOf { .. } | How::Tree { .. }
            );
            (redrawn(parent, wanted) && !before).then_some(parent)
        };
        table.columns.iter().filter_map(of)
    };
    // Tables that need no whole rows are finished, then those that need only finished ones.
    let mut open: Vec<usize> = (0..plan.tables.len()).collect();
    loop {
        let before = open.len();
        let waiting = open.clone();
        open.retain(|index| needs(*index).any(|parent| waiting.contains(&parent)));
        match open.first() {
            None => return Ok(()),
            Some(first) if open.len() == before => {
                let names: Vec<String> =
                    open.iter().map(|i| plan.tables[*i].name.plain()).collect();
                let conditions = plan.tables[*first]
                    .conditions
                    .iter()
                    .map(|c| c.name.clone());
                let message = format!(
                    "{}: rows need each other, because keys take part in constraint \"{}\"",
                    names.join(", "),
                    conditions.collect::<Vec<_>>().join("\", \"")
                );
                return Err(Error::new(Kind::SeedPlan, message));
            }
            Some(_) => {}
        }
    }
}
