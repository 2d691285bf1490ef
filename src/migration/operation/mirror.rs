//! What hangs on the old column and must exist for the new one too: column grants and indexes.
//! What cannot be carried over is not dropped in silence: it closes the gate of contract.

use crate::catalog::{Constraint, ConstraintKind, Index, IndexColumn, Table};
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
        && (index.constraint.is_none() || index.unique && index.method == "btree")
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
    let mut wanted: Vec<Wanted> = Vec::new();
    for index in table
        .indexes
        .iter()
        .filter(|index| can_mirror(index, old, same_type))
    {
        wanted.push(counterpart(planning, table, (index, old, new), &wanted)?);
    }
    let leads = wanted
        .iter()
        .any(|wanted| wanted.columns.first() == Some(new));
    if foreign_key && !leads {
        wanted.push(Wanted {
            name: free_name(planning, table, (std::slice::from_ref(new), false), &wanted)?,
            columns: vec![new.clone()],
            included: Vec::new(),
            nulls_not_distinct: false,
            definition: format!("using btree ({new})"),
            unique: false,
            constraint: None,
        });
    }
    let mut steps = Vec::new();
    for wanted in wanted {
        if table.is_partitioned() {
            steps.extend(partitioned(planning, table, &wanted)?);
        } else {
            steps.push(concurrent(
                &table.name,
                planning.rows(table),
                (&wanted.name, &wanted),
            ));
            steps.extend(wanted.own(&table.name, &wanted.name));
        }
    }
    Ok(steps)
}

/// The index for the new column that stands for one of the old column.
fn counterpart(
    planning: &Planning<'_>,
    table: &Table,
    (index, old, new): (&Index, &Ident, &Ident),
    taken: &[Wanted],
) -> Result<Wanted> {
    let columns: Vec<String> = index
        .columns
        .iter()
        .map(|column| key(column, old, new))
        .collect();
    let columns = columns.join(", ");
    let (method, included) = (&index.method, include(&index.included));
    let nulls = nulls(index.nulls_not_distinct);
    let definition = format!("using {method} ({columns}){included}{nulls}");
    let constraint = unique_constraint(table, index);
    let columns: Vec<Ident> = index
        .columns
        .iter()
        .map(|column| renamed(column.column().unwrap_or(old), old, new).clone())
        .collect();
    // PostgreSQL's own way of naming: all columns of a constraint, then what it is.
    let named = if constraint.is_some() {
        columns.as_slice()
    } else {
        std::slice::from_ref(new)
    };
    Ok(Wanted {
        name: free_name(planning, table, (named, constraint.is_some()), taken)?,
        columns,
        included: index.included.clone(),
        nulls_not_distinct: index.nulls_not_distinct,
        definition,
        unique: index.unique,
        constraint: constraint.map(deferral),
    })
}

/// An index to build.
struct Wanted {
    name: Ident,
    columns: Vec<Ident>,
    included: Vec<Ident>,
    nulls_not_distinct: bool,
    /// What follows the table's name in `CREATE INDEX`.
    definition: String,
    unique: bool,
    /// That a UNIQUE constraint owns it, with what its declaration ends in.
    constraint: Option<&'static str>,
}

impl Wanted {
    const fn unique_word(&self) -> &'static str {
        if self.unique { "unique " } else { "" }
    }

    /// Makes the index that is there the constraint's; nothing is read for that.
    fn own(&self, table: &QualifiedName, index: &Ident) -> Option<Step> {
        let deferral = self.constraint?;
        Some(
            Step::transaction(
                format!("unique constraint {}", index.as_str()),
                LockMode::AccessExclusive,
                vec![format!(
                    "alter table {table} add constraint {index} unique using index {index}{deferral}"
                )],
            )
            .undone_by(vec![format!(
                "alter table {table} drop constraint if exists {index}"
            )]),
        )
    }

    /// The declaration of the constraint itself, for a partitioned table.
    fn declaration(&self, deferral: &str) -> String {
        let (columns, included) = (list(&self.columns), include(&self.included));
        let nulls = nulls(self.nulls_not_distinct);
        format!("unique{nulls} ({columns}){included}{deferral}")
    }
}

fn list(names: &[Ident]) -> String {
    let names: Vec<String> = names.iter().map(Ident::to_string).collect();
    names.join(", ")
}

fn include(columns: &[Ident]) -> String {
    if columns.is_empty() {
        return String::new();
    }
    format!(" include ({})", list(columns))
}

const fn nulls(not_distinct: bool) -> &'static str {
    if not_distinct {
        " nulls not distinct"
    } else {
        ""
    }
}

/// The UNIQUE constraint that owns the index.
fn unique_constraint<'a>(table: &'a Table, index: &Index) -> Option<&'a Constraint> {
    let name = index.constraint.as_ref()?;
    table
        .constraints
        .iter()
        .find(|constraint| constraint.name == *name && constraint.kind == ConstraintKind::Unique)
}

const fn deferral(constraint: &Constraint) -> &'static str {
    match (constraint.deferrable, constraint.deferred) {
        (_, true) => " deferrable initially deferred",
        (true, false) => " deferrable",
        (false, false) => "",
    }
}

fn renamed<'a>(name: &'a Ident, old: &Ident, new: &'a Ident) -> &'a Ident {
    if name == old { new } else { name }
}

fn key(column: &IndexColumn, old: &Ident, new: &Ident) -> String {
    let name = column.column().unwrap_or(old);
    let mut text = renamed(name, old, new).to_string();
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
    (columns, constraint): (&[Ident], bool),
    taken: &[Wanted],
) -> Result<Ident> {
    let names: Vec<&str> = columns.iter().map(Ident::as_str).collect();
    let column = names.join("_");
    let word = if constraint { "key" } else { "idx" };
    let mut number = 0;
    loop {
        let suffix = match number {
            0 => word.to_owned(),
            number => format!("{word}{number}"),
        };
        let base = format!("{}_{}", table.name.name.as_str(), column);
        let whole = format!("{base}_{suffix}");
        let name = if whole.len() <= MAX_IDENT_BYTES {
            Ident::new(whole)?
        } else {
            Ident::derived(table.name.name.as_str(), &format!("{column}_{suffix}"))
                .or_else(|_| Ident::derived(&base, &suffix))?
        };
        let qualified = QualifiedName::new(table.name.schema.clone(), name.clone());
        let free = !planning.catalog.has_relation(&qualified)
            && !taken.iter().any(|other| other.name == name);
        if free {
            return Ok(name);
        }
        number += 1;
    }
}

fn concurrent(table: &QualifiedName, rows: f64, (name, wanted): (&Ident, &Wanted)) -> Step {
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
            sql: format!(
                "create {}index concurrently {name} on {table} {}",
                wanted.unique_word(),
                wanted.definition
            ),
            index,
        },
    }
}

/// PostgreSQL builds no index concurrently on a partitioned table: each leaf gets its own, then
/// one that is valid at once stands for all. An index made on the parent adopts equal ones, and a
/// constraint equal constraints.
fn partitioned(planning: &Planning<'_>, table: &Table, wanted: &Wanted) -> Result<Vec<Step>> {
    let name = &wanted.name;
    let mut steps = Vec::new();
    for leaf in planning.catalog.leaves(&table.name) {
        let whole = format!("{}_{}", leaf.name.name.as_str(), name.as_str());
        let leaf_name = Ident::new(whole.clone()).or_else(|_| Ident::marked("idx", &whole))?;
        let mut step = concurrent(&leaf.name, leaf.reltuples.max(0.0), (&leaf_name, wanted));
        step.undo = Undo::Nothing;
        steps.push(step);
        steps.extend(wanted.own(&leaf.name, &leaf_name).map(|mut step| {
            step.undo = Undo::Nothing;
            step
        }));
    }
    let parent = &table.name;
    if let Some(deferral) = wanted.constraint {
        let declaration = wanted.declaration(deferral);
        let add = format!("alter table {parent} add constraint {name} {declaration}");
        let drop = format!("alter table {parent} drop constraint if exists {name}");
        steps.push(
            Step::transaction(
                format!("unique constraint {} over all partitions", name.as_str()),
                LockMode::AccessExclusive,
                vec![add],
            )
            .undone_by(vec![drop]),
        );
        return Ok(steps);
    }
    let index = QualifiedName::new(parent.schema.clone(), name.clone());
    steps.push(
        Step::transaction(
            format!("index {} over all partitions", name.as_str()),
            LockMode::Share,
            vec![format!(
                "create {}index {name} on {parent} {}",
                wanted.unique_word(),
                wanted.definition
            )],
        )
        .undone_by(vec![format!("drop index if exists {index}")]),
    );
    Ok(steps)
}
