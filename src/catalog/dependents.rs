//! What depends on a column: what would block dropping it, and what would vanish with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::dependency::{Fate, ObjectId, ObjectSort, PG_CLASS, PG_CONSTRAINT, Reached, Strength};
use super::model::Catalog;
use super::table::{ReplicaIdentity, Table};
use crate::sql::{Ident, QualifiedName};

/// One object that depends on a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependent {
    /// What becomes of it when the column is dropped without `CASCADE`.
    pub effect: Effect,
    /// Its sort.
    pub kind: DependentKind,
    /// Its bare name.
    pub name: String,
    /// A description for people, for example `view public.cheap`.
    pub object: String,
    /// The object through which it depends on the column, unless it does so directly.
    pub via: Option<String>,
}

/// What `DROP COLUMN` without `CASCADE` does about a dependent object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The column is not dropped.
    Blocks,
    /// The object goes away without a word.
    DroppedSilently,
}

/// Sort of a [`Dependent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependentKind {
    /// The column is (part of) the partition key of the table or of one below it.
    PartitionKey,
    /// The column of a parent it is inherited from (blocks), or that of a child that inherits it
    /// (goes away).
    InheritedColumn,
    /// The composite type that a table was made of.
    TableType,
    /// A foreign key that refers to the column.
    InboundForeignKey,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A rewrite rule.
    Rule,
    /// A trigger with `UPDATE OF` or `WHEN`.
    Trigger,
    /// A row security policy.
    Policy,
    /// A function with a body that PostgreSQL has parsed.
    Function,
    /// A publication with a row filter or a column list.
    Publication,
    /// A column computed from this one.
    GeneratedColumn,
    /// The default of this or another column.
    Default,
    /// A sequence that the column owns.
    Sequence,
    /// The primary key.
    PrimaryKey,
    /// A unique constraint.
    Unique,
    /// A check.
    Check,
    /// A foreign key of the table itself.
    ForeignKey,
    /// An exclusion constraint.
    Exclusion,
    /// A `NOT NULL` with a name (PostgreSQL 18).
    NotNull,
    /// An index that belongs to no constraint.
    Index,
    /// Extended statistics.
    Statistics,
    /// Logical replication identifies rows by an index over this column.
    ReplicaIdentity,
    /// Privileges on this column alone.
    Grant,
    /// The comment on the column.
    Comment,
    /// Something else; `object` says what.
    Other,
}

impl fmt::Display for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Blocks => "blocks",
            Effect::DroppedSilently => "is dropped with it",
        };
        write!(f, "{} {effect}", self.object)
    }
}

impl Catalog {
    /// Everything that depends on `column` of `table`, by PostgreSQL's own records: first what
    /// blocks `DROP COLUMN` without `CASCADE`, then what goes away silently, each sorted. Dropping
    /// reaches into children and partitions, so theirs count too. Function bodies that are kept as
    /// text are not in those records; see [`Catalog::mentions`]. Empty when there is no such column.
    #[must_use]
    pub fn column_dependents(&self, table: &QualifiedName, column: &Ident) -> Vec<Dependent> {
        let Some(top) = self.tables.get(table) else {
            return Vec::new();
        };
        let dropped = self.dropped_columns(top, column);
        let start: BTreeSet<ObjectId> = dropped
            .iter()
            .map(|(table, column)| id_of(table, column))
            .collect();
        let reached = self.dependencies.consequences(&start);
        let mut found: Vec<Dependent> = reached
            .iter()
            .filter(|(_, reached)| reached.fate != Fate::Consequence)
            .map(|(id, reached)| self.dependent(*id, *reached))
            .collect();
        for (place, (table, column)) in dropped.iter().enumerate() {
            self.add_implicit(table, column, place > 0, &mut found);
            add_replica_identity(table, &reached, &mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    /// The column with those of children and partitions that go away with it.
    fn dropped_columns<'a>(
        &'a self,
        top: &'a Table,
        column: &Ident,
    ) -> Vec<(&'a Table, &'a Column)> {
        let mut found = Vec::new();
        found.extend(top.column(column.as_str()).map(|column| (top, column)));
        let mut next = 0;
        while let Some((table, _)) = found.get(next).copied() {
            next += 1;
            for child in table
                .children
                .iter()
                .filter_map(|name| self.tables.get(name))
            {
                if let Some(own) = child.column(column.as_str())
                    && !own.local
                    && own.inherit_count == 1
                {
                    found.push((child, own));
                }
            }
        }
        found
    }

    fn dependent(&self, id: ObjectId, reached: Reached) -> Dependent {
        let (sort, name, object) = self.described(id);
        let effect = match reached.fate {
            Fate::Silent => Effect::DroppedSilently,
            Fate::Blocks | Fate::Consequence => Effect::Blocks,
        };
        let kind = match sort {
            ObjectSort::ForeignKey if effect == Effect::Blocks => DependentKind::InboundForeignKey,
            ObjectSort::ForeignKey => DependentKind::ForeignKey,
            ObjectSort::Column => DependentKind::GeneratedColumn,
            ObjectSort::Index => DependentKind::Index,
            ObjectSort::View => DependentKind::View,
            ObjectSort::MaterializedView => DependentKind::MaterializedView,
            ObjectSort::Sequence => DependentKind::Sequence,
            ObjectSort::PrimaryKey => DependentKind::PrimaryKey,
            ObjectSort::Unique => DependentKind::Unique,
            ObjectSort::Check => DependentKind::Check,
            ObjectSort::Exclusion => DependentKind::Exclusion,
            ObjectSort::NotNull => DependentKind::NotNull,
            ObjectSort::Default => DependentKind::Default,
            ObjectSort::Rule => DependentKind::Rule,
            ObjectSort::Trigger => DependentKind::Trigger,
            ObjectSort::Policy => DependentKind::Policy,
            ObjectSort::Statistics => DependentKind::Statistics,
            ObjectSort::Publication => DependentKind::Publication,
            ObjectSort::Function => DependentKind::Function,
            ObjectSort::Table | ObjectSort::Other => DependentKind::Other,
        };
        Dependent {
            effect,
            kind,
            name,
            object,
            via: reached.via.map(|id| self.described(id).2),
        }
    }

    /// Sort, name and description. Tables, views and columns that need nothing themselves are not
    /// among the objects of the graph.
    fn described(&self, id: ObjectId) -> (ObjectSort, String, String) {
        if let Some(info) = self.dependencies.object(id) {
            return (info.sort, info.name.clone(), info.description.clone());
        }
        let view = self.views.values().find(|view| view.oid == id.oid);
        if let (PG_CLASS, Some(view)) = (id.class, view) {
            let (sort, word) = if view.materialized {
                (ObjectSort::MaterializedView, "materialized view")
            } else {
                (ObjectSort::View, "view")
            };
            let name = view.name.name.as_str().to_owned();
            return (sort, name, format!("{word} {}", full(&view.name)));
        }
        let table = self.tables.values().find(|table| table.oid == id.oid);
        if let (PG_CLASS, Some(table)) = (id.class, table) {
            let column = table
                .columns
                .iter()
                .find(|column| i32::from(column.attnum) == id.sub);
            return match column {
                Some(column) => (
                    ObjectSort::Column,
                    column.name.as_str().to_owned(),
                    column_text(table, column),
                ),
                None => (
                    ObjectSort::Table,
                    table.name.name.as_str().to_owned(),
                    format!("table {}", full(&table.name)),
                ),
            };
        }
        let text = format!("object {}/{}/{}", id.class, id.oid, id.sub);
        (ObjectSort::Other, text.clone(), text)
    }

    /// What hangs on a column without being an object of its own.
    fn add_implicit(
        &self,
        table: &Table,
        column: &Column,
        is_child: bool,
        found: &mut Vec<Dependent>,
    ) {
        use DependentKind::{Comment, Grant, InheritedColumn, PartitionKey, TableType};
        let text = column_text(table, column);
        let mut add = |effect, kind, object| {
            found.push(Dependent {
                effect,
                kind,
                name: column.name.as_str().to_owned(),
                object,
                via: None,
            });
        };
        let id = id_of(table, column);
        let whole = ObjectId { sub: 0, ..id };
        let in_key = self.dependencies.edges.iter().any(|edge| {
            edge.object == id && edge.on == whole && edge.strength == Strength::Internal
        });
        if in_key {
            let object = format!("partition key of table {}", full(&table.name));
            add(Effect::Blocks, PartitionKey, object);
        }
        if is_child {
            add(Effect::DroppedSilently, InheritedColumn, text.clone());
        } else if column.inherit_count > 0 {
            for parent in table.partition_of.iter().chain(&table.parents) {
                let parent = self.tables.get(parent);
                if let Some((parent, own)) =
                    parent.and_then(|parent| Some((parent, parent.column(column.name.as_str())?)))
                {
                    add(Effect::Blocks, InheritedColumn, column_text(parent, own));
                }
            }
        }
        if table.typed && !is_child {
            let object = format!("the type of table {}", full(&table.name));
            add(Effect::Blocks, TableType, object);
        }
        if !column.grants.is_empty() {
            add(Effect::DroppedSilently, Grant, format!("grants on {text}"));
        }
        if column.comment.is_some() {
            add(
                Effect::DroppedSilently,
                Comment,
                format!("comment on {text}"),
            );
        }
    }
}

/// Rows are no longer identified once the index they were identified by is gone.
fn add_replica_identity(
    table: &Table,
    reached: &BTreeMap<ObjectId, Reached>,
    found: &mut Vec<Dependent>,
) {
    let index = table
        .indexes
        .iter()
        .find(|index| match &table.replica_identity {
            ReplicaIdentity::Index(Some(name)) => *name == index.name,
            ReplicaIdentity::Default => index.primary,
            _ => false,
        });
    let Some(index) = index else { return };
    let goes = |class, oid| {
        let id = ObjectId { class, oid, sub: 0 };
        reached
            .get(&id)
            .is_some_and(|reached| reached.fate == Fate::Silent)
    };
    let constraint = table
        .constraints
        .iter()
        .find(|constraint| constraint.index.as_ref() == Some(&index.name));
    if goes(PG_CLASS, index.oid) || constraint.is_some_and(|c| goes(PG_CONSTRAINT, c.oid)) {
        found.push(Dependent {
            effect: Effect::DroppedSilently,
            kind: DependentKind::ReplicaIdentity,
            name: index.name.as_str().to_owned(),
            object: format!("replica identity of table {}", full(&table.name)),
            via: None,
        });
    }
}

fn id_of(table: &Table, column: &Column) -> ObjectId {
    ObjectId {
        class: PG_CLASS,
        oid: table.oid,
        sub: i32::from(column.attnum),
    }
}

fn column_text(table: &Table, column: &Column) -> String {
    format!(
        "column {} of table {}",
        column.name.as_str(),
        full(&table.name)
    )
}

fn full(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema.as_str(), name.name.as_str())
}
