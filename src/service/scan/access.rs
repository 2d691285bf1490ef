//! What the session may read.

use std::collections::{HashMap, HashSet};

use crate::catalog::Catalog;
use crate::error::Result;
use crate::postgres::Session;

const READABLE: &str = "select c.oid, \
    pg_catalog.row_security_active(c.oid), \
    array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 \
        and not a.attisdropped and pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')) \
    from pg_catalog.pg_class c where c.oid = any($1) \
    and pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')";

/// One table as far as it can be read.
#[derive(Debug, Default, Clone)]
pub(super) struct Access {
    /// Whether row security hides rows.
    pub(super) rows_hidden: bool,
    /// Physical places of the columns that may be read.
    pub(super) columns: HashSet<i16>,
}

/// What may be read of each table, by object identifier; tables of schemas without `USAGE` are
/// missing.
pub(super) async fn access(session: &Session, catalog: &Catalog) -> Result<HashMap<u32, Access>> {
    let oids: Vec<u32> = catalog.tables.values().map(|table| table.oid).collect();
    let rows = session.query(READABLE, &[&oids]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let access = Access {
                rows_hidden: row.get(1),
                columns: row.get::<_, Vec<i16>>(2).into_iter().collect(),
            };
            (row.get(0), access)
        })
        .collect())
}
