//! The masks of each table, compiled before a row is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{Catalog, Column, ConstraintKind, IndexKey, Table, TypeKind};
use crate::copy::{CopyPlan, Form, Splicer, TableCopy, Take, Types, Wire};
use crate::error::{Error, Kind, Result};
use crate::masking::{ColumnFacts, MaskKey, MaskPlan, Shape, compile};
use crate::sql::QualifiedName;

/// What happens to the rows of every table. `types` are those of the source and of the copy.
pub(super) fn splicers(
    plan: &CopyPlan,
    catalog: &Catalog,
    (masks, key): (&MaskPlan, &MaskKey),
    (source, target): (&Types, &Types),
) -> Result<BTreeMap<QualifiedName, Arc<Splicer>>> {
    let mut all = BTreeMap::new();
    for copied in &plan.tables {
        let missing = || Error::new(Kind::Internal, format!("no table {}", copied.name.plain()));
        let table = catalog.table(&copied.name).ok_or_else(missing)?;
        let rules = masks.table(&copied.name).ok_or_else(missing)?;
        let mut fields = Vec::new();
        let mut forms = Vec::new();
        for column in &copied.columns {
            let facts = table.column(column.name.as_str()).ok_or_else(missing)?;
            let rule = rules.columns.iter().find(|rule| rule.column == column.name);
            fields.push(match (&column.take, rule) {
                (Take::Masked, Some(rule)) => compile(
                    &rule.rule,
                    &column_facts(catalog, table, facts, copied),
                    key,
                )?,
                _ => None,
            });
            let form = match (copied.wire, &column.take) {
                (Wire::Binary, Take::Kept | Take::Computed(_)) => {
                    source.form(facts.type_oid, target).ok_or_else(|| {
                        Error::new(
                            Kind::UnknownObject,
                            format!("the type {} is missing in the copy", facts.data_type),
                        )
                    })?
                }
                _ => Form::Same,
            };
            forms.push(form);
        }
        all.insert(copied.name.clone(), Arc::new(Splicer::new(fields, forms)));
    }
    Ok(all)
}

fn column_facts(
    catalog: &Catalog,
    table: &Table,
    column: &Column,
    copied: &TableCopy,
) -> ColumnFacts {
    let data_type = base_type(catalog, &column.data_type);
    // A table that was never analyzed says -1; its size bounds its rows, at 24 bytes each.
    let counted = if table.reltuples >= 0.0 {
        table.reltuples as u64
    } else {
        table.table_bytes / 24
    };
    ColumnFacts {
        title: format!("{}.{}", table.name.plain(), column.name.as_str()),
        shape: Shape::of(&data_type),
        max_length: max_length(&data_type),
        labels: labels(catalog, &data_type),
        data_type,
        not_null: column.not_null,
        unique: is_unique(table, column),
        rows: counted,
        columns: copied
            .columns
            .iter()
            .map(|c| c.name.as_str().to_owned())
            .collect(),
    }
}

/// The type below all domains.
fn base_type(catalog: &Catalog, data_type: &str) -> String {
    let mut name = data_type.to_owned();
    for _ in 0..32 {
        let Some(TypeKind::Domain(domain)) = type_named(catalog, &name) else {
            break;
        };
        name.clone_from(&domain.base);
    }
    name
}

fn type_named<'a>(catalog: &'a Catalog, data_type: &str) -> Option<&'a TypeKind> {
    let printed = |part: &crate::sql::Ident| {
        let plain = part.as_str();
        let bare = plain
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if bare {
            plain.to_owned()
        } else {
            part.to_string()
        }
    };
    catalog
        .types
        .values()
        .find(|kind| {
            format!(
                "{}.{}",
                printed(&kind.name.schema),
                printed(&kind.name.name)
            ) == data_type
        })
        .map(|kind| &kind.kind)
}

fn labels(catalog: &Catalog, data_type: &str) -> Vec<String> {
    match type_named(catalog, data_type) {
        Some(TypeKind::Enum { labels }) => labels.clone(),
        _ => Vec::new(),
    }
}

/// `character varying(40)`: 40.
fn max_length(data_type: &str) -> Option<u32> {
    let (name, rest) = data_type.split_once('(')?;
    if !matches!(name.trim(), "character varying" | "character") {
        return None;
    }
    rest.split(')').next()?.trim().parse().ok()
}

fn is_unique(table: &Table, column: &Column) -> bool {
    let by_constraint = table.constraints.iter().any(|constraint| {
        matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique
        ) && constraint.columns == [column.name.clone()]
    });
    let by_index = table.indexes.iter().any(|index| {
        index.unique
            && matches!(index.columns.as_slice(),
                [only] if only.key == IndexKey::Column(column.name.clone()))
    });
    by_constraint || by_index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_types() {
        assert_eq!(max_length("character varying(40)"), Some(40));
        assert_eq!(max_length("numeric(10,2)"), None);
        assert_eq!(max_length("text"), None);
    }
}
