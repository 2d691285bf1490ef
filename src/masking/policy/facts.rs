//! What the catalog tells a mask of its column.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{Catalog, Column, Table, TypeKind};
use crate::masking::structure::max_length;
use crate::masking::{ColumnFacts, Columns, Part, Shape, Structure};

/// Bytes that a row takes at least, with its header and line pointer.
const ROW_BYTES: u64 = 28;

/// Types inside of types that are followed. PostgreSQL refuses a type that holds itself.
const DEPTH: usize = 16;

impl Columns {
    /// The columns of a table that a COPY reads, by name, in its order.
    #[must_use]
    pub fn of<'a>(
        catalog: &Catalog,
        table: &Table,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let all = table.columns.iter();
        let types: HashMap<&str, &str> = all
            .map(|column| (column.name.as_str(), column.data_type.as_str()))
            .collect();
        let base = |name: &str| types.get(name).map_or("", |found| catalog.base_type(found));
        names
            .into_iter()
            .map(|name| (name.to_owned(), base(name).to_owned()))
            .collect()
    }
}

impl ColumnFacts {
    /// The facts of a column. `columns` are the COPY's columns.
    #[must_use]
    pub fn of(catalog: &Catalog, table: &Table, column: &Column, columns: &Arc<Columns>) -> Self {
        let part = part(catalog, &column.data_type, 0);
        let alone = |index: &crate::catalog::Index| {
            index.unique && index.key_columns().is_some_and(|key| key == [&column.name])
        };
        Self {
            title: format!("{}.{}", table.name.plain(), column.name.as_str()),
            shape: Shape::of(&part.data_type),
            max_length: part.max_length,
            not_null: column.not_null || part.not_null,
            unique: table.indexes.iter().any(alone),
            rows: estimate(table),
            columns: Arc::clone(columns),
            labels: part.labels,
            structure: part.structure,
            data_type: part.data_type,
        }
    }
}

/// A type and what it consists of.
fn part(catalog: &Catalog, data_type: &str, depth: usize) -> Part {
    let base = catalog.base_type(data_type);
    Part {
        max_length: max_length(base),
        not_null: catalog.refuses_null(data_type),
        labels: catalog.labels(base).to_vec(),
        structure: if depth < DEPTH {
            structure(catalog, base, depth + 1)
        } else {
            Structure::Scalar
        },
        data_type: base.to_owned(),
    }
}

fn structure(catalog: &Catalog, data_type: &str, depth: usize) -> Structure {
    let inner = |name: &str| Box::new(part(catalog, name, depth));
    if let Some(element) = data_type.strip_suffix("[]") {
        return Structure::Array(inner(element));
    }
    if let Some(table) = catalog.row_type(data_type) {
        let columns = table.columns.iter();
        let columns = columns.map(|c| (c.name.as_str().to_owned(), *inner(&c.data_type)));
        return Structure::Composite(columns.collect());
    }
    match catalog.type_named(data_type).map(|found| &found.kind) {
        Some(TypeKind::Range {
            subtype: Some(bound),
        }) => Structure::Range(inner(bound)),
        Some(TypeKind::Composite { attributes }) => {
            let attributes = attributes.iter();
            let attributes = attributes.map(|a| (a.name.as_str().to_owned(), *inner(&a.data_type)));
            Structure::Composite(attributes.collect())
        }
        Some(_) => Structure::Scalar,
        None => match bound_of_multirange(catalog, data_type) {
            Some(bound) => Structure::Multirange(inner(bound)),
            None => Structure::built_in(data_type),
        },
    }
}

/// The type of the bounds of a user's multirange. The catalog tells ranges alone; PostgreSQL names
/// the multirange after its range unless told otherwise (`makeMultirangeTypeName`).
fn bound_of_multirange<'a>(catalog: &'a Catalog, data_type: &str) -> Option<&'a str> {
    catalog.types.values().find_map(|known| {
        let TypeKind::Range {
            subtype: Some(bound),
        } = &known.kind
        else {
            return None;
        };
        let range = known.name.name.as_str();
        let name = match range.split_once("range") {
            Some((before, after)) => format!("{before}multirange{after}"),
            None => format!("{range}_multirange"),
        };
        let schema = known.name.schema.as_str();
        let written = data_type.replace('"', "");
        (written == format!("{schema}.{name}")).then_some(bound.as_str())
    })
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
