//! What is taken off the tables for a load: computed from the catalog alone.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Constraint, ConstraintKind, Firing, Index, Table};
use crate::control::seed::{HookKind, Unhooked};
use crate::sql::QualifiedName;

/// The planned tables and all their partitions.
pub(super) fn with_partitions(
    catalog: &Catalog,
    tables: impl IntoIterator<Item = QualifiedName>,
) -> Vec<QualifiedName> {
    let mut all: Vec<QualifiedName> = tables.into_iter().collect();
    let mut at = 0;
    while let Some(table) = all.get(at).and_then(|name| catalog.table(name)) {
        if table.is_partitioned() {
            let new = table.children.iter().filter(|child| !all.contains(child));
            let new: Vec<_> = new.cloned().collect();
            all.extend(new);
        }
        at += 1;
    }
    all
}

/// What to take off, in this order: triggers and foreign keys of all planned tables and their
/// partitions; keys and indexes of those that are empty and stand alone. Foreign keys that refer to
/// a planned table from outside go too, since they need its key.
pub(super) fn hooks(
    catalog: &Catalog,
    planned: &[QualifiedName],
    empty: &BTreeSet<QualifiedName>,
) -> Vec<Unhooked> {
    let mut hooks = Vec::new();
    let tables: Vec<&Table> = planned.iter().filter_map(|n| catalog.table(n)).collect();
    for table in &tables {
        for trigger in &table.triggers {
            let word = match trigger.enabled {
                Firing::Origin => "enable trigger",
                Firing::Replica => "enable replica trigger",
                Firing::Always => "enable always trigger",
                Firing::Disabled => continue,
            };
            let name = trigger.name.clone();
            hooks.push(hook(table, HookKind::Trigger, name, word, None));
        }
    }
    for table in catalog.tables.values() {
        for key in table.foreign_keys() {
            let refers = key
                .foreign_key()
                .is_some_and(|f| planned.contains(&f.table));
            if planned.contains(&table.name) || refers {
                let (name, text) = (key.name.clone(), key.definition.as_str());
                hooks.push(hook(
                    table,
                    HookKind::ForeignKey,
                    name,
                    text,
                    key.comment.clone(),
                ));
            }
        }
    }
    let alone = tables.iter().filter(|table| {
        table.stores_rows()
            && table.partition_of.is_none()
            && table.parents.is_empty()
            && table.children.is_empty()
            && empty.contains(&table.name)
    });
    for table in alone {
        for key in table.constraints.iter().filter(|key| is_remade(table, key)) {
            let (name, text) = (key.name.clone(), key.definition.as_str());
            hooks.push(hook(table, HookKind::Key, name, text, key.comment.clone()));
        }
        let free = table
            .indexes
            .iter()
            .filter(|index| index.constraint.is_none());
        for index in free.filter(|index| is_plain(index)) {
            let (name, text) = (index.name.clone(), index.definition.as_str());
            hooks.push(hook(
                table,
                HookKind::Index,
                name,
                text,
                index.comment.clone(),
            ));
        }
    }
    for (id, hook) in (0_i32..).zip(&mut hooks) {
        hook.id = id;
    }
    hooks
}

fn hook(
    table: &Table,
    kind: HookKind,
    name: crate::sql::Ident,
    definition: &str,
    comment: Option<String>,
) -> Unhooked {
    Unhooked {
        id: 0,
        table: table.name.clone(),
        kind,
        name,
        definition: definition.to_owned(),
        comment,
        added: false,
    }
}

/// Whether an index is made again by its definition alone, to the last property.
fn is_plain(index: &Index) -> bool {
    index.valid
        && index.ready
        && !index.clustered
        && !index.replica_identity
        && index.parent.is_none()
        && index.tablespace.is_none()
}

/// Whether a constraint is one over an index, and is made again by its definition alone: that of a
/// key says nothing of the index's parameters, operator classes, collations and order.
fn is_remade(table: &Table, key: &Constraint) -> bool {
    let index = key.index.as_ref();
    let Some(index) = index.and_then(|name| table.index(name.as_str())) else {
        return false;
    };
    let usual =
        index.key_columns().is_some() && index.columns.iter().all(|column| column.is_plain());
    let fits = match key.kind {
        ConstraintKind::PrimaryKey | ConstraintKind::Unique => usual,
        ConstraintKind::Exclusion => true,
        _ => false,
    };
    fits && !key.inherited && is_plain(index) && index.options.is_empty() && index.comment.is_none()
}
