//! Rows that make a small subset behave like the whole: each label of an enum, both truths, a null
//! where nulls are.

use super::lookup::addresses;
use crate::catalog::{Catalog, Column, Table, TypeKind};
use crate::error::Result;
use crate::postgres::Session;
use crate::subset::Tid;

/// Rows of one leaf: for every nullable column the first row without a value, found in one pass;
/// for every enum and boolean column the first row of each of its values, one pass a column.
pub(super) async fn coverage_rows(
    session: &Session,
    catalog: &Catalog,
    leaf: &Table,
) -> Result<Vec<(u32, Tid)>> {
    let stored = leaf
        .columns
        .iter()
        .filter(|column| column.generated.is_none());
    let (mut nulls, mut values) = (Vec::new(), Vec::new());
    for column in stored {
        let name = &column.name;
        if !column.not_null {
            nulls.push(format!(
                "pg_catalog.min(t.ctid) filter (where t.{name} is null)"
            ));
        }
        if has_few_values(catalog, column) {
            values.push(format!(
                "select pg_catalog.min(t.ctid) as row from only {} t group by t.{name}",
                leaf.name
            ));
        }
    }
    if !nulls.is_empty() {
        values.push(format!(
            "select pg_catalog.unnest(array[{}]) as row from only {} t",
            nulls.join(", "),
            leaf.name
        ));
    }
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {}::oid, found.row::text from ({}) found where found.row is not null",
        leaf.oid,
        values.join(" union ")
    );
    addresses(session, &sql, &[]).await
}

fn has_few_values(catalog: &Catalog, column: &Column) -> bool {
    column.data_type == "boolean"
        || catalog
            .types
            .values()
            .any(|kind| kind.oid == column.type_oid && matches!(kind.kind, TypeKind::Enum { .. }))
}
