//! What lies beside the tables of a schema and is not carried, counted, so that nobody is surprised.

use crate::error::Result;
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

/// The tables that extensions declare as their configuration
/// (<https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES>),
/// each with the condition on rows of users, and whether the role may read it.
const CONFIGURATION: &str = "
select e.extname::text, n.nspname::text, c.relname::text, coalesce(k.condition, ''),
    pg_catalog.has_table_privilege(c.oid, 'select')
from pg_catalog.pg_extension e,
    lateral unnest(e.extconfig, e.extcondition) as k (oid, condition)
join pg_catalog.pg_class c on c.oid = k.oid and c.relkind = 'r'
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by 1, 2, 3";

/// Looks at the source, in the transaction of the snapshot. Returns remarks.
pub(super) async fn remarks(source: &Session) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for row in source.query(CONFIGURATION, &[]).await? {
        let extension: String = row.get(0);
        let table = QualifiedName::new(
            Ident::new(row.get::<_, String>(1))?,
            Ident::new(row.get::<_, String>(2))?,
        );
        let has_rows = if row.get(4) {
            let condition: String = row.get(3);
            let sql = format!("select exists (select from only {table} {condition})");
            source.query_one(&sql, &[]).await?.get(0)
        } else {
            true
        };
        if has_rows {
            remarks.push(format!(
                "rows of {}, a table of the extension {extension}, are not carried",
                table.plain()
            ));
        }
    }
    Ok(remarks)
}
