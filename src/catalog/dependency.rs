//! The graph of `pg_depend` and what follows when one of its objects is dropped.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// `pg_class`: the catalog that tables, their columns, indexes, views and sequences are in. Its
/// identifier is the same in all versions.
pub(super) const PG_CLASS: u32 = 1259;

/// `pg_constraint`.
pub(super) const PG_CONSTRAINT: u32 = 2606;

/// One object, as `pg_depend` names it: catalog, row, column number (0 is the whole object).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// Identifier of the system catalog.
    pub class: u32,
    /// Identifier of the object in it.
    pub oid: u32,
    /// Number of the column, or 0.
    pub sub: i32,
}

/// How strongly one object needs another.
/// <https://www.postgresql.org/docs/current/catalog-pg-depend.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strength {
    /// `DROP` of the other is refused without `CASCADE`.
    #[serde(rename = "n")]
    Normal,
    /// It goes away silently with the other.
    #[serde(rename = "a")]
    Auto,
    /// It is a part of the other.
    #[serde(rename = "i")]
    Internal,
    /// It is a part of the other, which is the parent of a partition (`P`).
    #[serde(rename = "P")]
    PartitionPrimary,
    /// As above, the other being the partition itself (`S`).
    #[serde(rename = "S")]
    PartitionSecondary,
}

/// One row of `pg_depend`: `object` needs `on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The object that needs.
    pub object: ObjectId,
    /// The object that is needed.
    pub on: ObjectId,
    /// How strongly.
    pub strength: Strength,
}

/// What is known of an object in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// Which object.
    pub id: ObjectId,
    /// Its sort.
    pub sort: ObjectSort,
    /// Its name, without schema.
    pub name: String,
    /// Identifier of the table it belongs to.
    pub relation: Option<u32>,
    /// Identifier of the table a foreign key refers to.
    pub referenced: Option<u32>,
    /// `pg_describe_object`, for example `view public.v`.
    pub description: String,
}

/// Sort of an object in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named after what it is")]
pub enum ObjectSort {
    Table,
    Column,
    Index,
    View,
    MaterializedView,
    Sequence,
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Exclusion,
    NotNull,
    Default,
    Rule,
    Trigger,
    Policy,
    Statistics,
    Publication,
    Function,
    Other,
}

/// The dependencies among the objects of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependencies {
    /// Edges, sorted.
    pub edges: Vec<Edge>,
    /// Every object that needs another, sorted by its identity.
    pub objects: Vec<ObjectInfo>,
}

/// What becomes of an object when others are dropped without `CASCADE`; of several ways to reach
/// it, the greatest counts, as in PostgreSQL: what is part of something else is not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It blocks the drop.
    Blocks,
    /// It would only go away together with something that blocks.
    Consequence,
    /// It goes away silently.
    Silent,
}

/// One object reached from those to be dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    /// What becomes of it.
    pub(super) fate: Fate,
    /// The object through which it was reached, unless directly.
    pub(super) via: Option<ObjectId>,
}

impl Dependencies {
    /// What is known of `id`.
    #[must_use]
    pub fn object(&self, id: ObjectId) -> Option<&ObjectInfo> {
        self.objects
            .binary_search_by_key(&id, |info| info.id)
            .ok()
            .map(|place| &self.objects[place])
    }

    /// Follows PostgreSQL's `findDependentObjects` (`src/backend/catalog/dependency.c`) from
    /// `start`: which objects block a drop without `CASCADE`, which go away silently. An object
    /// that is part of another one in the result is left out.
    pub(super) fn consequences(&self, start: &BTreeSet<ObjectId>) -> BTreeMap<ObjectId, Reached> {
        let needed_by = self.by(|edge| edge.on);
        let needs = self.by(|edge| edge.object);
        let mut reached: BTreeMap<ObjectId, Reached> = BTreeMap::new();
        let mut open: Vec<(ObjectId, Fate, Option<ObjectId>)> = Vec::new();
        for id in start {
            spread(*id, Fate::Silent, None, &needed_by, &mut open);
        }
        while let Some((id, fate, via)) = open.pop() {
            if start.contains(&id) || reached.get(&id).is_some_and(|known| known.fate >= fate) {
                continue;
            }
            reached.insert(id, Reached { fate, via });
            // A part cannot go without its whole: the whole shares the fate of its part.
            for edge in needs.get(&id).into_iter().flatten() {
                let settled = fate != Fate::Silent && reached.contains_key(&edge.on);
                if edge.strength == Strength::Internal && !settled {
                    open.push((edge.on, fate, via));
                }
            }
            spread(id, fate, Some(id), &needed_by, &mut open);
        }
        let parts: Vec<ObjectId> = reached
            .keys()
            .filter(|id| {
                needs.get(id).into_iter().flatten().any(|edge| {
                    edge.strength == Strength::Internal && reached.contains_key(&edge.on)
                })
            })
            .copied()
            .collect();
        for part in parts {
            reached.remove(&part);
        }
        reached
    }

    fn by(&self, key: impl Fn(&Edge) -> ObjectId) -> BTreeMap<ObjectId, Vec<&Edge>> {
        let mut map: BTreeMap<ObjectId, Vec<&Edge>> = BTreeMap::new();
        for edge in &self.edges {
            map.entry(key(edge)).or_default().push(edge);
        }
        map
    }
}

/// Queues everything that needs `id`; a whole object includes its columns.
fn spread(
    id: ObjectId,
    fate: Fate,
    via: Option<ObjectId>,
    needed_by: &BTreeMap<ObjectId, Vec<&Edge>>,
    open: &mut Vec<(ObjectId, Fate, Option<ObjectId>)>,
) {
    let last = ObjectId {
        sub: if id.sub == 0 { i32::MAX } else { id.sub },
        ..id
    };
    for edge in needed_by.range(id..=last).flat_map(|(_, edges)| edges) {
        let next = match (fate, edge.strength) {
            (_, Strength::Normal) => Fate::Blocks,
            (Fate::Silent, _) => Fate::Silent,
            _ => Fate::Consequence,
        };
        open.push((edge.object, next, via));
    }
}
