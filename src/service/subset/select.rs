//! The subset as a whole: scopes, seeds, walk, budget.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::coverage::coverage_rows;
use super::lookup::follow;
use super::seeds::{by_leaf, seed_rows};
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Kind, Result};
use crate::masking::{Mask, MaskKey, MaskPlan, Rows, SeedRows};
use crate::postgres::Session;
use crate::sql::QualifiedName;
use crate::subset::{Closure, Leaf, Reference, RowSet, Scope, Scopes};

/// Tables up to so many rows come complete when any of their rows is needed.
const SMALL: f64 = 1_000.0;
/// Tries to come below the budget; each takes the share that the last one suggests.
const TRIES: u32 = 5;

/// The rows that a copy carries.
#[derive(Debug)]
pub struct Selection {
    leaves: BTreeMap<QualifiedName, (Scope, Option<RowSet>)>,
    /// What was picked of each leaf, for the report.
    pub shares: Vec<TableShare>,
    /// The part of the asked percentages that fits the budget, above 0 to 1.
    pub share: f64,
}

/// What was picked of one leaf.
#[derive(Debug, Clone, Serialize)]
pub struct TableShare {
    /// The leaf.
    pub table: String,
    /// How it takes part.
    pub scope: Scope,
    /// Rows picked; `None` for all.
    pub rows: Option<u64>,
    /// Rows of the source, estimated.
    pub of: u64,
    /// Bytes, estimated.
    pub bytes: u64,
}

impl Selection {
    /// The rows of a leaf that are carried: `None` when all of them are.
    #[must_use]
    pub fn rows(&self, leaf: &QualifiedName) -> Option<&RowSet> {
        self.leaves.get(leaf)?.1.as_ref()
    }
}

/// Picks the rows, when the plan does not carry everything. `session` reads under the snapshot of
/// the copy, and resolves names as the user's SQL does.
///
/// # Errors
/// [`Kind::MaskRule`] when carried rows refer to rows that the policy leaves out; what the server
/// says of a condition.
pub async fn select(
    session: &Session,
    catalog: &Catalog,
    plan: &MaskPlan,
    key: &MaskKey,
) -> Result<Option<Selection>> {
    let ask = Ask::new(catalog, plan);
    if ask.seeds.is_empty() && ask.empty.is_empty() {
        return Ok(None);
    }
    let budget = plan.subset.as_ref().and_then(|subset| subset.max_bytes);
    let mut share = 1.0;
    for _ in 0..TRIES {
        let closure = ask.walk(session, catalog, key, share).await?;
        let selection = Selection::new(catalog, &closure, share);
        let bytes: u64 = selection.shares.iter().map(|table| table.bytes).sum();
        match budget {
            Some(budget) if bytes > budget => share *= smaller(budget, bytes),
            _ => return Ok(Some(selection)),
        }
    }
    Err(Error::new(
        Kind::MaskRule,
        "the subset does not come below its max_size",
    )
    .hint("what the picked rows need is larger than that: raise max_size, or leave tables out with rows = \"none\""))
}

#[allow(clippy::cast_precision_loss, reason = "a ratio")]
fn smaller(budget: u64, bytes: u64) -> f64 {
    budget as f64 / bytes as f64 * 0.95
}

/// What the plan asks for.
struct Ask {
    seeds: Vec<SeedRows>,
    references: Vec<Reference>,
    scopes: Scopes,
    empty: BTreeSet<QualifiedName>,
    /// Leaves of which the policy says by a condition which rows there are: no others are added so
    /// that every kind of row is there.
    complete: BTreeSet<QualifiedName>,
}

impl Ask {
    fn new(catalog: &Catalog, plan: &MaskPlan) -> Self {
        let rules = plan.subset.clone().unwrap_or_default();
        let mut references = Reference::all(catalog, &rules.references);
        references.retain(|reference| !becomes_null(plan, catalog, reference));
        let empty = empty(catalog, plan);
        let mut seeds = rules.seed_rows;
        // A filter alone makes no other table smaller than what hangs on the filtered rows.
        let shrinks = !seeds.is_empty();
        let complete = filtered(catalog, plan, &mut seeds);
        let seeded = seeds
            .iter()
            .flat_map(|rule| known_as(catalog, &rule.table))
            .collect();
        let tables = catalog.tables.keys().cloned();
        let mut scopes = if seeds.is_empty() {
            // Nothing is picked: whatever is not left out is carried whole.
            Scopes::new(tables, &[], &seeded, &empty)
        } else {
            Scopes::new(tables, &references, &seeded, &empty)
        };
        for table in scopes.with(&[Scope::Needed]) {
            let leaves = catalog.leaves(&table);
            let left_out = leaves.iter().any(|leaf| empty.contains(&leaf.name));
            if !shrinks || !left_out && rows_of(catalog, &table).is_some_and(|rows| rows <= SMALL) {
                scopes.widen(&table);
            }
        }
        Self {
            seeds,
            references,
            scopes,
            empty,
            complete: if plan.subset.is_some() {
                complete
            } else {
                catalog.tables.keys().cloned().collect()
            },
        }
    }

    async fn walk(
        &self,
        session: &Session,
        catalog: &Catalog,
        key: &MaskKey,
        share: f64,
    ) -> Result<Closure> {
        let leaves = catalog.tables.values().filter(|table| table.stores_rows());
        let leaves = leaves.map(|table| leaf(catalog, table)).collect();
        let mut closure = Closure::new(self.references.clone(), self.scopes.clone(), leaves);
        for rule in &self.seeds {
            for (leaf, rows) in by_leaf(seed_rows(session, catalog, rule, key, share).await?) {
                closure.pick(leaf, &rows);
            }
        }
        let picked: Vec<u32> = closure.leaves().map(|leaf| leaf.oid).collect();
        for oid in picked {
            if matches!(closure.scope(oid), Scope::Seeded | Scope::Dependent)
                && let Some(table) = catalog.tables.values().find(|table| table.oid == oid)
                && !self.complete.contains(&table.name)
            {
                for (leaf, rows) in by_leaf(coverage_rows(session, catalog, table).await?) {
                    closure.pick(leaf, &rows);
                }
            }
        }
        while let Some(step) = closure.next_step() {
            follow(session, catalog, &mut closure, &step).await?;
        }
        if let Some((reference, rows)) = closure.broken().first() {
            return Err(Error::new(
                Kind::MaskRule,
                format!(
                    "the policy leaves out the rows of {}, but rows of {} refer to {rows} of them ({})",
                    reference.to.plain(),
                    reference.from.plain(),
                    reference.name
                ),
            )
            .hint("leave the referring rows out, too, or mask the referring column with \"null\""));
        }
        Ok(closure)
    }
}

/// Whether the plan sets a column of the reference to null, so that no row refers any more.
fn becomes_null(plan: &MaskPlan, catalog: &Catalog, reference: &Reference) -> bool {
    let mut leaves = catalog.leaves(&reference.from).into_iter();
    leaves.all(|leaf| {
        plan.table(&leaf.name).is_some_and(|table| {
            table.columns.iter().any(|column| {
                column.rule.mask == Mask::Null && reference.columns.contains(&column.column)
            })
        })
    })
}

/// Rows of a table with its partitions, estimated; `None` when that is not known.
fn rows_of(catalog: &Catalog, table: &QualifiedName) -> Option<f64> {
    let leaves = catalog.leaves(table);
    let known = leaves.iter().all(|leaf| leaf.reltuples >= 0.0);
    known.then(|| leaves.iter().map(|leaf| leaf.reltuples).sum())
}

fn leaf(catalog: &Catalog, table: &Table) -> Leaf {
    Leaf {
        oid: table.oid,
        name: table.name.clone(),
        known_as: known_as(catalog, &table.name),
    }
}

/// A table and its partitioned parents, the nearest first.
fn known_as(catalog: &Catalog, table: &QualifiedName) -> Vec<QualifiedName> {
    let parent = |name: &QualifiedName| catalog.table(name)?.partition_of.clone();
    std::iter::successors(Some(table.clone()), parent).collect()
}

/// The leaves whose rows the policy leaves out, and the partitioned tables that have no other ones.
fn empty(catalog: &Catalog, plan: &MaskPlan) -> BTreeSet<QualifiedName> {
    let is_empty = |leaf: &&Table| {
        plan.table(&leaf.name)
            .is_some_and(|table| table.rows == Rows::None)
    };
    let tables = catalog.tables.keys().filter(|table| {
        let leaves = catalog.leaves(table);
        !leaves.is_empty() && leaves.iter().all(is_empty)
    });
    tables.cloned().collect()
}

/// Adds seeds for the leaves that the policy filters, and returns their names. Where one partition
/// is filtered or left out, its siblings are seeds with all their rows: references lead to the
/// partitioned table, which is carried in part.
fn filtered(
    catalog: &Catalog,
    plan: &MaskPlan,
    seeds: &mut Vec<SeedRows>,
) -> BTreeSet<QualifiedName> {
    let mut complete = BTreeSet::new();
    for table in &plan.tables {
        let filter = match &table.rows {
            Rows::None => continue,
            Rows::Where(condition) => Some(condition.clone()),
            Rows::All => {
                let parents = known_as(catalog, &table.name);
                let siblings = parents
                    .iter()
                    .skip(1)
                    .flat_map(|parent| catalog.leaves(parent));
                let mut rows = siblings.filter_map(|leaf| plan.table(&leaf.name));
                let asked = |rule: &SeedRows| parents.contains(&rule.table);
                if seeds.iter().any(asked) || rows.all(|leaf| leaf.rows == Rows::All) {
                    continue;
                }
                None
            }
        };
        complete.insert(table.name.clone());
        seeds.push(SeedRows {
            table: table.name.clone(),
            percent: None,
            stable_by: None,
            filter,
        });
    }
    complete
}

impl Selection {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "estimates, not negative"
    )]
    fn new(catalog: &Catalog, closure: &Closure, share: f64) -> Self {
        let mut leaves = BTreeMap::new();
        let mut shares = Vec::new();
        for leaf in closure.leaves() {
            let Some(table) = catalog.table(&leaf.name) else {
                continue;
            };
            let scope = closure.scope(leaf.oid);
            let rows = closure.rows(leaf.oid);
            let of = table.reltuples.max(0.0);
            let picked = rows.as_ref().map(RowSet::len);
            let part = picked.map_or(1.0, |rows| (rows as f64 / of.max(1.0)).min(1.0));
            shares.push(TableShare {
                table: leaf.name.plain(),
                scope,
                rows: picked,
                of: of as u64,
                bytes: (table.table_bytes as f64 * part) as u64,
            });
            leaves.insert(leaf.name.clone(), (scope, rows));
        }
        Self {
            leaves,
            shares,
            share,
        }
    }
}
