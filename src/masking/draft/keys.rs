//! Columns that must have one rule because foreign keys tie them together.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Table};
use crate::sql::{Ident, QualifiedName};

/// A column by the name of its table and its own.
pub(super) type Place<'a> = (&'a QualifiedName, &'a Ident);

/// Sets of columns that foreign keys join, directly or over others.
#[derive(Debug)]
pub(super) struct Joined<'a> {
    above: BTreeMap<Place<'a>, Place<'a>>,
}

impl<'a> Joined<'a> {
    /// Follows every foreign key of `catalog`; those of partitions count for their parent.
    pub(super) fn of(catalog: &'a Catalog) -> Self {
        let mut joined = Self {
            above: BTreeMap::new(),
        };
        for table in catalog.tables.values() {
            let own = root(catalog, table);
            for constraint in table.foreign_keys() {
                let Some(key) = constraint.foreign_key() else {
                    continue;
                };
                let Some(other) = catalog.table(&key.table).map(|t| root(catalog, t)) else {
                    continue;
                };
                for (from, to) in constraint.columns.iter().zip(&key.columns) {
                    let ends = (own.column(from.as_str()), other.column(to.as_str()));
                    if let (Some(from), Some(to)) = ends {
                        joined.join((&own.name, &from.name), (&other.name, &to.name));
                    }
                }
            }
        }
        joined
    }

    /// The member that stands for the set of a column; the column itself when it is alone.
    pub(super) fn head(&self, mut place: Place<'a>) -> Place<'a> {
        while let Some(above) = self.above.get(&place) {
            place = *above;
        }
        place
    }

    fn join(&mut self, from: Place<'a>, to: Place<'a>) {
        let (from, to) = (self.head(from), self.head(to));
        if from != to {
            self.above.insert(from, to);
        }
    }
}

/// The table at the top of a partition tree.
fn root<'a>(catalog: &'a Catalog, table: &'a Table) -> &'a Table {
    let mut table = table;
    while let Some(parent) = table.partition_of.as_ref().and_then(|n| catalog.table(n)) {
        table = parent;
    }
    table
}
