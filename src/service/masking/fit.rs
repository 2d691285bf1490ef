//! Whether the rules of a plan can be compiled, without any key.

use std::sync::Arc;

use serde::Serialize;

use crate::catalog::Catalog;
use crate::masking::{ColumnFacts, Columns, MaskPlan, check_rule};

/// A rule that cannot mask its column.
#[derive(Debug, Clone, Serialize)]
pub struct Unfit {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The rule's mask.
    pub mask: &'static str,
    /// Where the rule comes from.
    pub origin: String,
    /// Why it does not fit.
    pub problem: String,
    /// What would.
    pub remedy: String,
}

/// The rules that a copy would refuse: a mask that does not fit its type, null where null is
/// refused, fewer masks than a unique column of that many rows needs. Partitions are told by their
/// parent.
#[must_use]
pub fn unfit(plan: &MaskPlan, catalog: &Catalog) -> Vec<Unfit> {
    let mut found: Vec<Unfit> = Vec::new();
    for planned in &plan.tables {
        let Some(table) = catalog.table(&planned.name) else {
            continue;
        };
        let stored = table.columns.iter().filter(|c| c.generated.is_none());
        let names = stored.map(|column| column.name.as_str());
        let columns = Arc::new(Columns::of(catalog, table, names));
        for ruled in &planned.columns {
            let Some(column) = table.column(ruled.column.as_str()) else {
                continue;
            };
            let facts = ColumnFacts::of(catalog, table, column, &columns);
            if let Err(error) = check_rule(&ruled.rule, &facts) {
                found.push(Unfit {
                    table: table.name.plain(),
                    column: column.name.as_str().to_owned(),
                    mask: ruled.rule.name(),
                    origin: ruled.origin.clone(),
                    problem: error.to_string(),
                    remedy: error.hint_text().to_owned(),
                });
            }
        }
    }
    found
}
