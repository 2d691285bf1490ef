//! The masks of each table, compiled before a row is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gate::Masks;
use crate::catalog::Catalog;
use crate::copy::{CopyPlan, Form, Renumbered, Splicer, TableCopy, Take, Types, Wire};
use crate::error::{Error, Kind, Result};
use crate::masking::{ColumnFacts, Columns, FieldMask, MaskKey, MaskPlan, compile};
use crate::sql::{Ident, QualifiedName};

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
        let functions = compiled(copied, catalog, (masks, key), (source, target))?;
        let mut fields = Vec::new();
        let mut forms = Vec::new();
        for column in &copied.columns {
            let facts = table.column(column.name.as_str()).ok_or_else(missing)?;
            let masked = column.take == Take::Masked;
            fields.push(functions.get(&column.name).filter(|_| masked).cloned());
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

/// The functions of all columns that the source does not compute, for those who mask again to
/// compare.
pub(super) fn functions(
    plan: &CopyPlan,
    catalog: &Catalog,
    rules: (&MaskPlan, &MaskKey),
    types: (&Types, &Types),
) -> Result<Masks> {
    let mut all = Masks::new();
    for copied in &plan.tables {
        for (column, function) in compiled(copied, catalog, rules, types)? {
            all.insert((copied.name.clone(), column), function);
        }
    }
    Ok(all)
}

/// The functions of one table, by column.
fn compiled(
    copied: &TableCopy,
    catalog: &Catalog,
    (masks, key): (&MaskPlan, &MaskKey),
    (source, target): (&Types, &Types),
) -> Result<BTreeMap<Ident, Arc<dyn FieldMask>>> {
    let missing = || Error::new(Kind::Internal, format!("no table {}", copied.name.plain()));
    let table = catalog.table(&copied.name).ok_or_else(missing)?;
    let rules = masks.table(&copied.name).ok_or_else(missing)?;
    let names = copied.columns.iter().map(|column| column.name.as_str());
    let columns = Arc::new(Columns::of(catalog, table, names));
    let mut found = BTreeMap::new();
    let replaced = |take: &Take| matches!(take, Take::Masked | Take::Null);
    for column in copied.columns.iter().filter(|c| replaced(&c.take)) {
        let stored = table.column(column.name.as_str()).ok_or_else(missing)?;
        let facts = ColumnFacts::of(catalog, table, stored, &columns);
        let rule = rules.columns.iter().find(|rule| rule.column == column.name);
        if let Some(rule) = rule
            && let Some(function) = compile(&rule.rule, &facts, key)?
        {
            let form = source.form(stored.type_oid, target).unwrap_or(Form::Same);
            found.insert(column.name.clone(), Renumbered::around(function, form));
        }
    }
    Ok(found)
}
