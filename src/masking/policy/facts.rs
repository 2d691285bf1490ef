//! What the catalog tells a mask of its column.

use super::family::base_type;
use crate::catalog::{Catalog, Column, Table};
use crate::masking::{ColumnFacts, Shape};

/// Bytes that a row takes at least, with its header and line pointer.
const ROW_BYTES: u64 = 28;

impl ColumnFacts {
    /// The facts of a column. `columns` are the names of the COPY's columns, in order.
    #[must_use]
    pub fn of(catalog: &Catalog, table: &Table, column: &Column, columns: &[String]) -> Self {
        let (data_type, labels) = base_type(catalog, column);
        let alone = |index: &crate::catalog::Index| {
            index.unique && index.key_columns().is_some_and(|key| key == [&column.name])
        };
        Self {
            title: format!("{}.{}", table.name.plain(), column.name.as_str()),
            shape: Shape::of(&data_type),
            max_length: max_length(&data_type),
            not_null: column.not_null,
            unique: table.indexes.iter().any(alone),
            rows: estimate(table),
            columns: columns.to_vec(),
            labels,
            data_type,
        }
    }
}

/// Rows of a table: as the statistics say, else as many as its bytes can hold.
fn estimate(table: &Table) -> u64 {
    if table.reltuples >= 0.0 {
        // A float that is not negative fits; beyond u64 it saturates.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates"
        )]
        return table.reltuples as u64;
    }
    table.table_bytes / ROW_BYTES
}

/// The number in `character varying(40)`.
fn max_length(data_type: &str) -> Option<u32> {
    if !data_type.starts_with("character") && !data_type.starts_with("bpchar") {
        return None;
    }
    let (_, rest) = data_type.split_once('(')?;
    rest.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_texts() {
        assert_eq!(max_length("character varying(40)"), Some(40));
        assert_eq!(max_length("character(3)"), Some(3));
        assert_eq!(max_length("text"), None);
        assert_eq!(max_length("numeric(10,2)"), None);
    }
}
