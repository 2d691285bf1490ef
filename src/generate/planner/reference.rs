//! Foreign keys: which row of another table a row refers to.

use super::draft::{Draft, Origin};
use super::scene::Scene;
use crate::catalog::{Constraint, ForeignKey};
use crate::error::Result;
use crate::generate::distribution::Distribution;
use crate::generate::plan::{How, Parent, Pick};
use crate::generate::source::Source;

/// Share of rows that refer to nothing where they may.
const NULLS: f64 = 0.1;

/// Gives the columns of all foreign keys of a table their picks.
pub(super) fn link(scene: &mut Scene<'_>, drafts: &mut [Draft<'_>], table: usize) -> Result<()> {
    let mut keys: Vec<(&Constraint, &ForeignKey)> = drafts[table]
        .table
        .constraints
        .iter()
        .filter(|constraint| constraint.enforced && !constraint.inherited)
        .filter_map(|constraint| Some((constraint, constraint.foreign_key()?)))
        .collect();
    keys.sort_by_key(|(constraint, _)| (usize::MAX - constraint.columns.len(), &constraint.name));
    for (constraint, key) in keys {
        one(scene, drafts, table, (constraint, key))?;
    }
    Ok(())
}

fn one(
    scene: &mut Scene<'_>,
    drafts: &mut [Draft<'_>],
    table: usize,
    (constraint, key): (&Constraint, &ForeignKey),
) -> Result<()> {
    let name = constraint.name.as_str();
    let draft = &drafts[table];
    let own: Option<Vec<usize>> = constraint
        .columns
        .iter()
        .map(|column| draft.column(column.as_str()))
        .collect();
    let own = own.ok_or_else(|| draft.error(name, "refers by a generated column"))?;
    if own
        .iter()
        .all(|column| draft.slots[*column].origin != Origin::Open)
    {
        return Ok(());
    }
    let nullable = own.iter().all(|column| !draft.slots[*column].not_null);
    let (parent, columns) = match scene.index.get(&key.table) {
        Some(parent) => {
            let referenced = key.columns.iter();
            let columns: Option<Vec<usize>> = referenced
                .map(|column| drafts[*parent].column(column.as_str()))
                .collect();
            let columns =
                columns.ok_or_else(|| draft.error(name, "refers to a generated column"))?;
            let planned = Parent::Planned {
                table: *parent,
                rows: scene.total(*parent),
            };
            (planned, columns)
        }
        None => {
            let rows = scene.standing.tables.get(&key.table);
            let existing = Parent::Existing {
                table: key.table.clone(),
                columns: key.columns.clone(),
                rows: rows.map_or(0, |standing| standing.rows),
            };
            (existing, (0..key.columns.len()).collect())
        }
    };
    let rows = match &parent {
        Parent::Planned { rows, .. } | Parent::Existing { rows, .. } => *rows,
    };
    let draft = &mut drafts[table];
    if rows == 0 {
        if !nullable && draft.plan.rows > 0 {
            return Err(draft
                .error(
                    name,
                    &format!("refers to {}, which is empty", key.table.plain()),
                )
                .hint("seed that table too"));
        }
        for column in own {
            draft.plan.columns[column].source = Source::Null;
            draft.plan.columns[column].reason = format!("{} is empty", key.table.plain());
            draft.slots[column].origin = Origin::Own;
        }
        return Ok(());
    }
    let this = matches!(parent, Parent::Planned { table: parent, .. } if parent == table);
    let pick = draft.plan.picks.len();
    draft.plan.picks.push(Pick {
        serves: vec![name.to_owned()],
        parent,
        how: if this {
            How::Earlier
        } else {
            How::Draw(Distribution::Uniform {
                min: 0.0,
                max: (rows - 1) as f64,
            })
        },
        nulls: if nullable { NULLS } else { 0.0 },
    });
    for (own, column) in own.into_iter().zip(columns) {
        let plan = &mut draft.plan.columns[own];
        plan.source = Source::Reference { pick, column };
        plan.reason = format!("foreign key \"{name}\"");
        draft.slots[own].origin = Origin::Pick(pick);
    }
    Ok(())
}
