//! Puts the answers together: everything finds the table or view it hangs on.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::read::Answers;
use super::relation::Relation;
use crate::catalog::{
    Catalog, Column, Constraint, Dependencies, Edge, Index, ObjectId, ObjectInfo, ObjectSort,
    Policy, ReplicaIdentity, Rule, Statistics, Strength, Table, Trigger, View,
};
use crate::error::{Error, Kind, Result};
use crate::sql::QualifiedName;

/// Identifiers of two system catalogs, the same in all versions.
const PG_CLASS: u32 = 1259;
const PG_ATTRDEF: u32 = 2604;

#[derive(Deserialize)]
struct Database {
    server_version: i32,
    database: String,
    encoding: String,
    collation: String,
    may_read_control: bool,
}

#[derive(Deserialize)]
struct EdgeRow {
    class: u32,
    oid: u32,
    sub: i32,
    on_class: u32,
    on_oid: u32,
    on_sub: i32,
    kind: Strength,
}

#[derive(Deserialize)]
struct ObjectRow {
    class: u32,
    oid: u32,
    sub: i32,
    kind: ObjectSort,
    name: Option<String>,
    relation: Option<u32>,
    referenced: Option<u32>,
    description: Option<String>,
}

impl ObjectRow {
    fn into_info(self, tables: &BTreeMap<u32, &Table>) -> ObjectInfo {
        let name = self.name.unwrap_or_default();
        let description = self.description.unwrap_or_else(|| {
            let table = self.relation.and_then(|oid| tables.get(&oid));
            match (self.kind, table) {
                (ObjectSort::Index, Some(table)) => {
                    format!("index {}.{name}", table.name.schema.as_str())
                }
                (ObjectSort::Index, None) => format!("index {name}"),
                (_, Some(table)) => format!("constraint {name} on table {}", full(&table.name)),
                (_, None) => format!("constraint {name}"),
            }
        });
        ObjectInfo {
            id: ObjectId {
                class: self.class,
                oid: self.oid,
                sub: self.sub,
            },
            sort: self.kind,
            name,
            relation: self.relation,
            referenced: self.referenced,
            description,
        }
    }
}

/// Debian's build of 15.20 stamps every new column with an option `pg_attver=<number>`, which no
/// documentation mentions and nobody set. The number is new with each column that is created, so
/// it says nothing about the schema: two equal databases would differ by it. Stock builds of 14 to
/// 18 do not have it and would refuse it in `ALTER COLUMN SET`.
fn is_stamp(option: &str) -> bool {
    option.starts_with("pg_attver=")
}

fn full(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema.as_str(), name.name.as_str())
}

/// Defaults are not asked for: there is one for almost every column, and the edge says it all.
fn default(edge: &Edge, tables: &BTreeMap<u32, &Table>) -> Option<ObjectInfo> {
    if edge.object.class != PG_ATTRDEF || edge.on.class != PG_CLASS {
        return None;
    }
    let table = tables.get(&edge.on.oid)?;
    let own = matches!(edge.strength, Strength::Auto | Strength::Internal);
    let column = table
        .columns
        .iter()
        .find(|column| own && i32::from(column.attnum) == edge.on.sub)?;
    let name = column.name.as_str();
    Some(ObjectInfo {
        id: edge.object,
        sort: ObjectSort::Default,
        name: name.to_owned(),
        relation: Some(edge.on.oid),
        referenced: None,
        description: format!(
            "default value for column {name} of table {}",
            full(&table.name)
        ),
    })
}

/// Reads the answers in the order of the queries. Says also whether the role may read the control
/// file.
pub(super) fn assemble(mut answers: Answers) -> Result<(Catalog, bool)> {
    let database = answers.next::<Database>()?.into_iter().next();
    let Some(database) = database else {
        return Err(Error::new(Kind::Internal, "the database has no name"));
    };
    let schemas = answers.next()?;
    let mut relations = Relations::new(answers.next()?)?;
    relations.attach(&mut answers)?;
    let sequences: Vec<crate::catalog::Sequence> = answers.next()?;
    let types: Vec<crate::catalog::Type> = answers.next()?;
    let tables = by_name(relations.tables, |table| table.name.clone());
    let mut catalog = Catalog {
        server_version: database.server_version,
        database: database.database,
        system_identifier: None,
        encoding: database.encoding,
        collation: database.collation,
        schemas,
        views: by_name(relations.views, |view| view.name.clone()),
        sequences: sequences
            .into_iter()
            .map(|sequence| (sequence.name.clone(), sequence))
            .collect(),
        types: types
            .into_iter()
            .map(|kind| (kind.name.clone(), kind))
            .collect(),
        functions: answers.next()?,
        extensions: answers.next()?,
        publications: answers.next()?,
        event_triggers: answers.next()?,
        dependencies: dependencies(&mut answers, &tables)?,
        tables,
    };
    sort(&mut catalog);
    Ok((catalog, database.may_read_control))
}

fn by_name<T>(
    items: BTreeMap<u32, T>,
    name: impl Fn(&T) -> QualifiedName,
) -> BTreeMap<QualifiedName, T> {
    items
        .into_values()
        .map(|item| (name(&item), item))
        .collect()
}

fn sort(catalog: &mut Catalog) {
    catalog.schemas.sort_by(|a, b| a.name.cmp(&b.name));
    catalog.extensions.sort_by(|a, b| a.name.cmp(&b.name));
    catalog.publications.sort_by(|a, b| a.name.cmp(&b.name));
    catalog.event_triggers.sort();
    catalog
        .functions
        .sort_by(|a, b| (&a.name, &a.identity_arguments).cmp(&(&b.name, &b.identity_arguments)));
    let grants = catalog
        .schemas
        .iter_mut()
        .map(|schema| &mut schema.grants)
        .chain(catalog.sequences.values_mut().map(|s| &mut s.grants))
        .chain(catalog.types.values_mut().map(|t| &mut t.grants))
        .chain(catalog.functions.iter_mut().map(|f| &mut f.grants));
    grants.for_each(|list| list.sort());
}

fn dependencies(
    answers: &mut Answers,
    tables: &BTreeMap<QualifiedName, Table>,
) -> Result<Dependencies> {
    let mut edges: Vec<Edge> = answers
        .next::<EdgeRow>()?
        .into_iter()
        .map(|row| Edge {
            object: ObjectId {
                class: row.class,
                oid: row.oid,
                sub: row.sub,
            },
            on: ObjectId {
                class: row.on_class,
                oid: row.on_oid,
                sub: row.on_sub,
            },
            strength: row.kind,
        })
        .collect();
    edges.sort();
    let names: BTreeMap<u32, &Table> = tables.values().map(|table| (table.oid, table)).collect();
    let mut objects: Vec<ObjectInfo> = answers
        .next::<ObjectRow>()?
        .into_iter()
        .map(|row| row.into_info(&names))
        .collect();
    objects.extend(edges.iter().filter_map(|edge| default(edge, &names)));
    objects.sort_by_key(|object| object.id);
    objects.dedup_by_key(|object| object.id);
    Ok(Dependencies { edges, objects })
}

/// Tables and views by their identifiers, while they are being filled.
struct Relations {
    tables: BTreeMap<u32, Table>,
    views: BTreeMap<u32, View>,
}

impl Relations {
    fn new(rows: Vec<Relation>) -> Result<Self> {
        let names: BTreeMap<u32, QualifiedName> =
            rows.iter().map(|row| (row.oid, row.qualified())).collect();
        let mut tables = BTreeMap::new();
        let mut views = BTreeMap::new();
        let mut children: Vec<(u32, QualifiedName)> = Vec::new();
        for mut row in rows {
            let oid = row.oid;
            if row.is_view() {
                views.insert(oid, row.into_view()?);
                continue;
            }
            let parents = row.parents.take().unwrap_or_default();
            let is_partition = row.is_partition;
            let mut table = row.into_table();
            children.extend(parents.iter().map(|parent| (*parent, table.name.clone())));
            let mut parents = parents
                .iter()
                .filter_map(|parent| names.get(parent).cloned());
            if is_partition {
                table.partition_of = parents.next();
            } else {
                table.parents = parents.collect();
            }
            tables.insert(oid, table);
        }
        children.sort();
        for (parent, child) in children {
            if let Some(table) = tables.get_mut(&parent) {
                table.children.push(child);
            }
        }
        Ok(Self { tables, views })
    }

    fn attach(&mut self, answers: &mut Answers) -> Result<()> {
        for (relation, mut column) in answers.next_attached::<Column>()? {
            column.grants.sort();
            column.options.retain(|option| !is_stamp(option));
            column.options.sort();
            if let Some(table) = self.tables.get_mut(&relation) {
                table.columns.push(column);
            } else if let Some(view) = self.views.get_mut(&relation) {
                view.columns.push(column);
            }
        }
        for (relation, constraint) in answers.next_attached::<Constraint>()? {
            if let Some(table) = self.tables.get_mut(&relation) {
                table.constraints.push(constraint);
            }
        }
        for (relation, mut index) in answers.next_attached::<Index>()? {
            index.options.sort();
            self.attach_index(relation, index);
        }
        for (relation, trigger) in answers.next_attached::<Trigger>()? {
            if let Some(table) = self.tables.get_mut(&relation) {
                table.triggers.push(trigger);
            } else if let Some(view) = self.views.get_mut(&relation) {
                view.triggers.push(trigger);
            }
        }
        for (relation, rule) in answers.next_attached::<Rule>()? {
            if let Some(table) = self.tables.get_mut(&relation) {
                table.rules.push(rule);
            } else if let Some(view) = self.views.get_mut(&relation) {
                view.rules.push(rule);
            }
        }
        for (relation, policy) in answers.next_attached::<Policy>()? {
            if let Some(table) = self.tables.get_mut(&relation) {
                table.policies.push(policy);
            }
        }
        for (relation, statistics) in answers.next_attached::<Statistics>()? {
            if let Some(table) = self.tables.get_mut(&relation) {
                table.statistics.push(statistics);
            } else if let Some(view) = self.views.get_mut(&relation) {
                view.statistics.push(statistics);
            }
        }
        Ok(())
    }

    fn attach_index(&mut self, relation: u32, index: Index) {
        if let Some(table) = self.tables.get_mut(&relation) {
            if index.replica_identity
                && let ReplicaIdentity::Index(name) = &mut table.replica_identity
            {
                *name = Some(index.name.clone());
            }
            table.index_bytes = table.index_bytes.saturating_add(index.bytes);
            table.indexes.push(index);
        } else if let Some(view) = self.views.get_mut(&relation) {
            view.indexes.push(index);
        }
    }
}
