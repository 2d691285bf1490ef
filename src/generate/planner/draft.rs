//! A table's plan while it is made.

use std::rc::Rc;

use super::derived;
use super::leaves::Leaf;
use super::scene::Scene;
use super::unique::Unique;
use crate::catalog::{Catalog, Column, Constraint, Index, Table};
use crate::error::{Error, Kind};
use crate::generate::deal::Deal;
use crate::generate::fact::Fact;
use crate::generate::pg_type::{ColumnType, PgType};
use crate::generate::plan::{Ask, ColumnPlan, Pick, TablePlan, Take};
use crate::generate::source::Source;
use crate::sql::Ident;

/// A table's plan while it is made.
pub(super) struct Draft<'a> {
    pub(super) table: &'a Table,
    /// Its constraints, and those that only its partitions have.
    pub(super) constraints: Vec<&'a Constraint>,
    /// Its unique indexes, and those that only its partitions have.
    pub(super) indexes: Vec<&'a Index>,
    pub(super) plan: TablePlan,
    /// One for each column of the plan.
    pub(super) slots: Vec<Slot<'a>>,
    /// One for each pick of the plan.
    pub(super) reach: Vec<Reach>,
    pub(super) uniques: Vec<Unique>,
    /// Conditions that are not understood.
    pub(super) asks: Vec<Ask>,
    /// Pairs of columns of which the first is at most the second; `true` when it is less.
    pub(super) orders: Vec<(usize, usize, bool)>,
    /// Partitions without partitions of their own.
    pub(super) leaves: Vec<Leaf>,
}

/// What is known of a pick beside its plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    /// Whether it may refer to nothing.
    pub(super) nullable: bool,
    /// To how many roots the rows of its parent are dealt out.
    pub(super) groups: u64,
    /// Children of the parent that has most, when they are counted by parent.
    pub(super) largest: u64,
    /// Parents that have children, when they are counted by parent.
    pub(super) families: u64,
    /// Columns of the key that other picks decide, with the parent's.
    pub(super) given: Vec<(usize, usize)>,
    /// How rows are dealt out, when it is a pick of tenants.
    pub(super) deal: Option<Rc<Deal>>,
}

/// What is known of a column beside its plan.
pub(super) struct Slot<'a> {
    pub(super) column: &'a Column,
    pub(super) facts: Vec<Fact>,
    pub(super) not_null: bool,
    pub(super) origin: Origin,
    /// Whether its values are places in a row, such as the beginnings of bookings: few are better than
    /// many.
    pub(super) spaced: bool,
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Not decided.
    Open,
    /// A source of its own, decided.
    Own,
    /// Numbers in the order of the rows, all different.
    Serial,
    /// The key of the row that a pick chose.
    Pick(usize),
}

impl<'a> Draft<'a> {
    pub(super) fn new(scene: &Scene<'a>, index: usize) -> Self {
        let table = scene.tables[index];
        let (constraints, mut indexes) = demands(scene.catalog, table);
        let outside = &scene.outside[index];
        indexes.retain(|index| !outside.iter().any(|name| name == index.name.as_str()));
        let mut draft = Self {
            table,
            constraints,
            indexes,
            plan: TablePlan {
                name: table.name.clone(),
                first: scene.first(index),
                rows: scene.wanted[index].rows,
                groups: Vec::new(),
                picks: Vec::new(),
                columns: Vec::new(),
                conditions: Vec::new(),
                fixed: Vec::new(),
                places: Vec::new(),
                derived: derived::list(scene, index),
            },
            slots: Vec::new(),
            reach: Vec::new(),
            uniques: Vec::new(),
            asks: Vec::new(),
            orders: Vec::new(),
            leaves: Vec::new(),
        };
        // A generated column is the server's to compute.
        for column in table.columns.iter().filter(|c| c.generated.is_none()) {
            let of = ColumnType::of(scene.catalog, &column.data_type);
            let derived = &draft.plan.derived;
            if derived.iter().any(|derived| derived.name == column.name)
                || is_left_to_default(&draft, column, &of.base)
            {
                continue;
            }
            draft.slots.push(Slot {
                column,
                facts: Vec::new(),
                not_null: column.not_null || of.domains.iter().any(|domain| domain.not_null),
                origin: Origin::Open,
                spaced: false,
            });
            draft.plan.columns.push(ColumnPlan {
                name: column.name.clone(),
                kind: of.base,
                source: Source::Null,
                take: Take::Draw,
                nulls: 0.0,
                reason: String::new(),
            });
        }
        draft
    }

    /// Place of a column in the plan; `None` for a generated one.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.plan.column(name).map(|(index, _)| index)
    }

    /// Places of several columns; `None` when one is generated.
    pub(super) fn columns(&self, names: &[Ident]) -> Option<Vec<usize>> {
        names
            .iter()
            .map(|name| self.column(name.as_str()))
            .collect()
    }

    /// Adds a pick; `pairs` are the columns it decides, with the parent's.
    pub(super) fn pick(&mut self, pick: Pick, reach: Reach, pairs: &[(usize, usize)]) {
        let index = self.plan.picks.len();
        let names: Vec<String> = pick
            .serves
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect();
        for (own, column) in pairs {
            let plan = &mut self.plan.columns[*own];
            plan.source = Source::Reference {
                pick: index,
                column: *column,
            };
            plan.nulls = 0.0;
            plan.reason = format!("foreign key {}", names.join(", "));
            self.slots[*own].origin = Origin::Pick(index);
        }
        self.plan.picks.push(pick);
        self.reach.push(reach);
    }

    /// Makes columns null in every row.
    pub(super) fn set_null(&mut self, columns: &[usize], reason: &str) {
        for column in columns {
            let plan = &mut self.plan.columns[*column];
            plan.source = Source::Null;
            plan.nulls = 0.0;
            reason.clone_into(&mut plan.reason);
            self.slots[*column].origin = Origin::Own;
        }
    }

    pub(super) fn kind(&self, column: usize) -> &PgType {
        &self.plan.columns[column].kind
    }

    /// All rows of the table, those of earlier runs included.
    pub(super) fn total(&self) -> u64 {
        self.plan.first.saturating_add(self.plan.rows)
    }

    /// An error that names one of its constraints.
    pub(super) fn error(&self, constraint: &str, why: &str) -> Error {
        Error::new(
            Kind::SeedPlan,
            format!(
                "{}: constraint \"{constraint}\" {why}",
                self.plan.name.plain()
            ),
        )
    }
}

/// The constraints and unique indexes of a table. What a partition has for itself is demanded of
/// all rows, because any row may land there; its checks are not, because they tell what lands there.
fn demands<'a>(catalog: &'a Catalog, table: &'a Table) -> (Vec<&'a Constraint>, Vec<&'a Index>) {
    let mut constraints: Vec<&Constraint> = table.constraints.iter().collect();
    let mut indexes: Vec<&Index> = table.indexes.iter().filter(|index| index.unique).collect();
    if !table.is_partitioned() {
        return (constraints, indexes);
    }
    for part in catalog.descendants(&table.name) {
        for constraint in part.constraints.iter().filter(|c| !c.inherited) {
            let known = constraints
                .iter()
                .any(|c| c.kind == constraint.kind && c.columns == constraint.columns);
            if !known && constraint.check().is_none() {
                constraints.push(constraint);
            }
        }
        for index in part
            .indexes
            .iter()
            .filter(|i| i.unique && i.parent.is_none())
        {
            let known = indexes.iter().any(|i| i.columns == index.columns);
            if !known && index.constraint.is_none() {
                indexes.push(index);
            }
        }
    }
    (constraints, indexes)
}

/// Whether a column takes its default, because its type is not known here and no key needs it.
fn is_left_to_default(draft: &Draft<'_>, column: &Column, kind: &PgType) -> bool {
    let keys = draft.constraints.iter().filter(|c| c.check().is_none());
    let mut keys = keys.flat_map(|c| &c.columns);
    matches!(kind, PgType::Other(_))
        && column.default.is_some()
        && !keys.any(|key| *key == column.name)
}
