//! Puts two tables side by side: the columns that both have, by name, and the key that both keep.

use super::form::{Compared, Form, Types};
use super::result::Remark;
use crate::catalog::{Column, Index, Table};
use crate::sql::Ident;

/// A table of one side.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The table.
    pub table: &'a Table,
    /// The types of its database.
    pub types: &'a Types,
}

/// How two tables are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alignment {
    /// Columns that are compared, in the order of the source.
    pub columns: Vec<Compared>,
    /// Columns that tell a row on both sides; empty when there are none: then rows are counted as
    /// a multiset, and a changed row is one missing and one extra.
    pub key: Vec<Compared>,
    /// What differs in the tables themselves.
    pub remarks: Vec<Remark>,
}

impl Side<'_> {
    fn form(&self, column: &Column) -> Form {
        self.types.form(column.type_oid)
    }

    /// Sets of columns that tell every row, the primary key first. All are `NOT NULL`.
    fn keys(&self) -> Vec<Vec<&Ident>> {
        let not_null = |name: &&Ident| {
            self.table
                .column(name.as_str())
                .is_some_and(|column| column.not_null)
        };
        let mut indexes: Vec<&Index> = self.table.indexes.iter().collect();
        indexes.sort_by_key(|index| !index.primary);
        indexes
            .into_iter()
            // A deferrable primary key holds in every snapshot, too.
            .filter(|index| index.is_key() || (index.primary && index.valid))
            .filter_map(Index::key_columns)
            .filter(|columns| columns.iter().all(not_null))
            .collect()
    }
}

/// Aligns `source` and `target` by the names of their columns, or by those in `only`. Neither the
/// order of columns nor dropped ones matter; a generated column counts as any other.
#[must_use]
pub fn align(source: Side<'_>, target: Side<'_>, only: Option<&[Ident]>) -> Alignment {
    let wanted = |name: &Ident| only.is_none_or(|only| only.contains(name));
    let mut columns = Vec::new();
    let mut remarks = Vec::new();
    for column in source.table.columns.iter().filter(|c| wanted(&c.name)) {
        let name = column.name.clone();
        match target.table.column(name.as_str()) {
            None => remarks.push(Remark::ColumnOnlyInSource { column: name }),
            Some(other) => {
                let (left, right) = (source.form(column), target.form(other));
                let form = if left == right { left } else { Form::Text };
                if column.data_type != other.data_type {
                    remarks.push(Remark::TypeDiffers {
                        column: name.clone(),
                        source: column.data_type.clone(),
                        target: other.data_type.clone(),
                    });
                }
                columns.push(Compared { name, form });
            }
        }
    }
    for column in target.table.columns.iter().filter(|c| wanted(&c.name)) {
        if source.table.column(column.name.as_str()).is_none() {
            let column = column.name.clone();
            remarks.push(Remark::ColumnOnlyInTarget { column });
        }
    }
    for name in only.unwrap_or_default() {
        let known = |side: Side<'_>| side.table.column(name.as_str()).is_some();
        if !known(source) && !known(target) {
            let column = name.clone();
            remarks.push(Remark::ColumnNowhere { column });
        }
    }
    let key = shared_key(source, target, &columns);
    Alignment {
        columns,
        key,
        remarks,
    }
}

/// The first key of the source whose columns are all compared and are a key of the target, too.
fn shared_key(source: Side<'_>, target: Side<'_>, columns: &[Compared]) -> Vec<Compared> {
    let sorted = |mut key: Vec<&Ident>| {
        key.sort_unstable();
        key.into_iter().cloned().collect::<Vec<_>>()
    };
    let theirs: Vec<Vec<Ident>> = target.keys().into_iter().map(sorted).collect();
    source
        .keys()
        .into_iter()
        .filter(|key| theirs.contains(&sorted(key.clone())))
        .find_map(|key| {
            key.into_iter()
                .map(|name| columns.iter().find(|c| c.name == *name).cloned())
                .collect::<Option<Vec<_>>>()
        })
        .unwrap_or_default()
}
