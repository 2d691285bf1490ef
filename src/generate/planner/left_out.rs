//! Tables that get no rows, and why.

use crate::catalog::{Catalog, Table, TableKind};

/// Why a table gets no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// Its rows, or those of a partition, are on another server: it is no part of the plan.
    Elsewhere(String),
    /// Nothing can be written into it: it is planned with no rows.
    Nothing(String),
}

/// Why a table gets no rows; `None` when it may get some.
pub(super) fn why(catalog: &Catalog, table: &Table) -> Option<Why> {
    if table.kind == TableKind::Foreign {
        let text = "a foreign table; its rows are elsewhere";
        return Some(Why::Elsewhere(text.to_owned()));
    }
    if let Some(part) = catalog.foreign_partition(table) {
        return Some(Why::Elsewhere(format!(
            "partition {} is a foreign table, whose rows are elsewhere",
            part.name.plain()
        )));
    }
    let below = catalog.descendants(&table.name);
    if table.is_partitioned() && !below.iter().any(|part| part.stores_rows()) {
        return Some(Why::Nothing("it has no partition".to_owned()));
    }
    let generated = table
        .columns
        .iter()
        .all(|column| column.generated.is_some());
    generated.then(|| Why::Nothing("it has no column that is not generated".to_owned()))
}
