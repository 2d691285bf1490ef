//! What hangs on the old column and must exist for the new one too: column grants and indexes.
//! What cannot be carried over is not dropped in silence: it closes the gate of contract.

use crate::catalog::{Index, IndexColumn, Table};
use crate::error::Result;
use crate::migration::Step;
use crate::migration::step::{Action, Cost, Undo};
use crate::sql::{Ident, LockMode, MAX_IDENT_BYTES, QualifiedName};

use super::planning::Planning;

/// Rows that one index build handles a second, on modest hardware.
const INDEX_RATE: f64 = 500_000.0;

/// The grants on the old column, given on the new one.
pub(super) fn grants(table: &Table, old: &Ident, new: &Ident) -> Vec<String> {
    let Some(column) = table.column(old.as_str()) else {
        return Vec::new();
    };
    column
        .grants
        .iter()
        .filter(|grant| {
            grant
                .privilege
                .bytes()
                .all(|byte| byte.is_ascii_uppercase())
        })
        .map(|grant| {
            let grantee = grant
                .grantee
                .as_ref()
                .map_or_else(|| "public".to_owned(), Ident::to_string);
            let option = if grant.grantable {
                " with grant option"
            } else {
                ""
            };
            format!(
                "grant {} ({new}) on {} to {grantee}{option}",
                grant.privilege, table.name
            )
        })
        .collect()
}

/// Whether an index on the old column can be built for the new one by putting the new name in its
/// place.
pub(super) fn can_mirror(index: &Index, old: &Ident, same_type: bool) -> bool {
    let plain = |column: &IndexColumn| {
        column.column() != Some(old)
            || (same_type || column.opclass.is_none() && column.collation.is_none())
    };
    index.valid
        && !index.primary
        && index.predicate.is_none()
        && index.options.is_empty()
        && index
            .columns
            .iter()
            .any(|column| column.column() == Some(old))
        && !index.included.contains(old)
        && index
            .columns
            .iter()
            .all(|column| column.column().is_some() && plain(column))
        && (index.method == "btree" || same_type)
        && (index.constraint.is_none() || index.unique)
}

/// Builds the counterparts of the old column's indexes for the new column, and one that a foreign
/// key needs.
pub(super) fn indexes(
    planning: &Planning<'_>,
    table: &Table,
    (old, new): (&Ident, &Ident),
    same_type: bool,
    foreign_key: bool,
) -> Result<Vec<Step>> {
    let mut wanted: Vec<(Ident, String, bool)> = Vec::new();
    for index in table
        .indexes
        .iter()
        .filter(|index| can_mirror(index, old, same_type))
    {
        let columns: Vec<String> = index
            .columns
            .iter()
            .map(|column| key(column, old, new))
            .collect();
        let columns = columns.join(", ");
        if wanted.iter().any(|(_, have, _)| *have == columns) {
            continue;
        }
        let mut definition = format!("using {} ({columns})", index.method);
        if !index.included.is_empty() {
            let included: Vec<String> = index.included.iter().map(Ident::to_string).collect();
            definition.push_str(&format!(" include ({})", included.join(", ")));
        }
        if index.nulls_not_distinct {
            definition.push_str(" nulls not distinct");
        }
        wanted.push((
            free_name(planning, table, new, &wanted)?,
            definition,
            index.unique,
        ));
    }
    let leads = wanted
        .iter()
        .any(|(_, definition, _)| definition.contains(&format!("({new}")));
    if foreign_key && !leads {
        wanted.push((
            free_name(planning, table, new, &wanted)?,
            format!("using btree ({new})"),
            false,
        ));
    }
    let mut steps = Vec::new();
    for (name, definition, unique) in wanted {
        if table.is_partitioned() {
            steps.extend(partitioned(planning, table, (&name, &definition, unique))?);
        } else {
            steps.push(concurrent(
                &table.name,
                planning.rows(table),
                (&name, &definition, unique),
            ));
        }
    }
    Ok(steps)
}

fn key(column: &IndexColumn, old: &Ident, new: &Ident) -> String {
    let name = column.column().unwrap_or(old);
    let name = if name == old { new } else { name };
    let mut text = name.to_string();
    if column.descending {
        text.push_str(" desc");
    }
    if column.nulls_first != column.descending {
        text.push_str(if column.nulls_first {
            " nulls first"
        } else {
            " nulls last"
        });
    }
    text
}

/// A name that no relation of the schema has: an index of another table may be called the same.
fn free_name(
    planning: &Planning<'_>,
    table: &Table,
    column: &Ident,
    taken: &[(Ident, String, bool)],
) -> Result<Ident> {
    let mut number = 0;
    loop {
        let suffix = match number {
            0 => "idx".to_owned(),
            number => format!("idx{number}"),
        };
        let base = format!("{}_{}", table.name.name.as_str(), column.as_str());
        let whole = format!("{base}_{suffix}");
        let name = if whole.len() <= MAX_IDENT_BYTES {
            Ident::new(whole)?
        } else {
            Ident::derived(
                table.name.name.as_str(),
                &format!("{}_{suffix}", column.as_str()),
            )
            .or_else(|_| Ident::derived(&base, &suffix))?
        };
        let qualified = QualifiedName::new(table.name.schema.clone(), name.clone());
        let free = !planning.catalog.has_relation(&qualified)
            && !taken.iter().any(|(other, _, _)| *other == name);
        if free {
            return Ok(name);
        }
        number += 1;
    }
}

fn concurrent(
    table: &QualifiedName,
    rows: f64,
    (name, definition, unique): (&Ident, &str, bool),
) -> Step {
    let unique = if unique { "unique " } else { "" };
    let index = QualifiedName::new(table.schema.clone(), name.clone());
    Step {
        title: format!("index {}, concurrently", name.as_str()),
        lock: LockMode::ShareUpdateExclusive,
        rewrites: false,
        cost: Cost::of(rows, INDEX_RATE),
        undo: Undo::Outside {
            sql: format!("drop index concurrently if exists {index}"),
        },
        action: Action::ConcurrentIndex {
            sql: format!("create {unique}index concurrently {name} on {table} {definition}"),
            index,
        },
    }
}

/// PostgreSQL builds no index concurrently on a partitioned table: each leaf gets its own, then
/// one that is valid at once stands for all. An index made on the parent adopts equal ones.
fn partitioned(
    planning: &Planning<'_>,
    table: &Table,
    (name, definition, unique): (&Ident, &str, bool),
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for leaf in planning.catalog.leaves(&table.name) {
        let whole = format!("{}_{}", leaf.name.name.as_str(), name.as_str());
        let leaf_name = Ident::new(whole.clone()).or_else(|_| Ident::marked("idx", &whole))?;
        let mut step = concurrent(
            &leaf.name,
            leaf.reltuples.max(0.0),
            (&leaf_name, definition, unique),
        );
        step.undo = Undo::Nothing;
        steps.push(step);
    }
    let unique = if unique { "unique " } else { "" };
    let index = QualifiedName::new(table.name.schema.clone(), name.clone());
    steps.push(
        Step::transaction(
            format!("index {} over all partitions", name.as_str()),
            LockMode::Share,
            vec![format!(
                "create {unique}index {name} on {} {definition}",
                table.name
            )],
        )
        .undone_by(vec![format!("drop index if exists {index}")]),
    );
    Ok(steps)
}
