//! A table's plan while it is made.

use super::scene::Scene;
use super::unique::Unique;
use crate::catalog::{Column, Table};
use crate::error::{Error, Kind};
use crate::generate::fact::Fact;
use crate::generate::pg_type::{ColumnType, PgType};
use crate::generate::plan::{ColumnPlan, TablePlan, Take};
use crate::generate::source::Source;

/// A table's plan while it is made.
pub(super) struct Draft<'a> {
    pub(super) table: &'a Table,
    pub(super) plan: TablePlan,
    /// One for each column of the plan.
    pub(super) slots: Vec<Slot<'a>>,
    pub(super) uniques: Vec<Unique>,
}

/// What is known of a column beside its plan.
pub(super) struct Slot<'a> {
    pub(super) column: &'a Column,
    pub(super) facts: Vec<Fact>,
    pub(super) not_null: bool,
    pub(super) origin: Origin,
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
        let mut draft = Self {
            table,
            plan: TablePlan {
                name: table.name.clone(),
                first: scene.first(index),
                rows: scene.wanted[index].rows,
                groups: Vec::new(),
                picks: Vec::new(),
                columns: Vec::new(),
                conditions: Vec::new(),
            },
            slots: Vec::new(),
            uniques: Vec::new(),
        };
        // A generated column is the server's to compute.
        for column in table.columns.iter().filter(|c| c.generated.is_none()) {
            let of = ColumnType::of(scene.catalog, &column.data_type);
            draft.slots.push(Slot {
                column,
                facts: Vec::new(),
                not_null: column.not_null || of.domains.iter().any(|domain| domain.not_null),
                origin: Origin::Open,
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
