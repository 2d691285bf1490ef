//! Which masked columns must keep distinct values distinct.

use super::decide::Decision;
use crate::catalog::{Catalog, Column, Index, IndexKey, Table};
use crate::masking::{Mask, MaskPlan};

/// Marks the rule of a column that is part of a unique key, of its table or of one below it.
pub(super) fn marked(
    mut decision: Decision,
    catalog: &Catalog,
    table: &Table,
    column: &Column,
) -> Decision {
    if decision.rule.is_keep() || decision.rule.mask == Mask::Null || !decision.is_covered() {
        return decision;
    }
    let mut tables = std::iter::once(table).chain(catalog.descendants(&table.name));
    let in_key = |table: &Table| {
        table
            .indexes
            .iter()
            .any(|index| index.unique && speaks_of(index, column))
    };
    if tables.any(in_key) {
        decision.rule.unique = true;
    }
    decision
}

/// Whether the key of an index holds the column, also inside an expression.
fn speaks_of(index: &Index, column: &Column) -> bool {
    let name = column.name.as_str();
    index.columns.iter().any(|part| match &part.key {
        IndexKey::Column(own) => own == &column.name,
        // Rather too often than not: a word inside a text counts, too.
        IndexKey::Expression(text) => {
            text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .any(|word| word == name)
                || text.contains(&column.name.to_string())
        }
    })
}

/// In a domain that is named, the strictest column speaks for all: the same value gets the same
/// mask whether its column is a key or refers to one without a declared foreign key.
pub(super) fn spread(plan: &mut MaskPlan) {
    let strict: Vec<_> = plan
        .tables
        .iter()
        .flat_map(|table| &table.columns)
        .map(|column| &column.rule)
        .filter(|rule| rule.unique && rule.domain.is_some())
        .cloned()
        .collect();
    for column in plan.tables.iter_mut().flat_map(|table| &mut table.columns) {
        let rule = &mut column.rule;
        if strict
            .iter()
            .any(|s| s.domain == rule.domain && s.mask == rule.mask && s.with == rule.with)
        {
            rule.unique = true;
        }
    }
}
