//! Rows of users in the tables that extensions declare as their configuration
//! (<https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES>),
//! `spatial_ref_sys` of PostGIS for one. They are carried by the extension's own condition when the
//! policy allows it: such a table may hold jobs or secrets as well.

use std::io::Cursor;
use std::pin::pin;

use futures_util::{SinkExt, TryStreamExt};

use crate::error::Result;
use crate::masking::Allowed;
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

/// Tables and sequences of extensions' configuration, each with the condition on rows of users,
/// whether the role may read it, whether it is a sequence, and the columns that store a value.
const CONFIGURATION: &str = "
select e.extname::text, n.nspname::text, c.relname::text, coalesce(k.condition, ''),
    pg_catalog.has_table_privilege(c.oid, 'select'), c.relkind = 'S',
    array(select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0
        and not a.attisdropped and a.attgenerated = '' order by a.attnum)
from pg_catalog.pg_extension e,
    lateral unnest(e.extconfig, e.extcondition) with ordinality as k (oid, condition, number)
join pg_catalog.pg_class c on c.oid = k.oid and c.relkind in ('r', 'S')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by 1, k.number";

/// One table or sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configuration {
    extension: String,
    /// Its name.
    pub(super) name: QualifiedName,
    condition: String,
    readable: bool,
    is_sequence: bool,
    columns: Vec<String>,
}

/// All of them, as the session sees them.
pub(super) async fn configuration(source: &Session) -> Result<Vec<Configuration>> {
    let rows = source.query(CONFIGURATION, &[]).await?;
    rows.iter()
        .map(|row| {
            let columns: Vec<String> = row.get(6);
            let quoted = columns
                .into_iter()
                .map(|name| Ident::new(name).map(|ident| ident.to_string()));
            Ok(Configuration {
                extension: row.get(0),
                name: QualifiedName::new(
                    Ident::new(row.get::<_, String>(1))?,
                    Ident::new(row.get::<_, String>(2))?,
                ),
                condition: row.get(3),
                readable: row.get(4),
                is_sequence: row.get(5),
                columns: quoted.collect::<Result<_>>()?,
            })
        })
        .collect()
}

impl Configuration {
    /// Whether the policy allows it, and the role can read it.
    pub(super) fn is_carried(&self, allowed: &Allowed) -> bool {
        self.readable && Allowed::permits(&allowed.extension_rows, &self.name.plain())
    }

    /// The rows of users.
    fn rows(&self) -> String {
        let (columns, name, condition) = (self.columns.join(", "), &self.name, &self.condition);
        format!("select {columns} from only {name} {condition}")
    }

    /// The number of rows of users and a sum over their texts: equal in both databases.
    pub(super) async fn sum(&self, session: &Session) -> Result<(i64, String)> {
        let sql = if self.is_sequence {
            format!("select 1::bigint, last_value::text from {}", self.name)
        } else {
            format!(
                "select pg_catalog.count(*), coalesce(pg_catalog.sum(('x' || pg_catalog.left(pg_catalog.md5(t::text), 15))::bit(60)::bigint), 0)::text \
                 from ({}) as t",
                self.rows()
            )
        };
        let row = session.query_one(&sql, &[]).await?;
        Ok((row.get(0), row.get(1)))
    }

    async fn carry(&self, source: &Session, copy: &Session) -> Result<()> {
        if self.is_sequence {
            let sql = format!("select last_value, is_called from {}", self.name);
            let row = source.query_one(&sql, &[]).await?;
            let (last, called): (i64, bool) = (row.get(0), row.get(1));
            let name = self.name.to_string();
            let set = "select pg_catalog.setval($1::text::pg_catalog.regclass, $2, $3)";
            copy.execute(set, &[&name, &last, &called]).await?;
            return Ok(());
        }
        // An earlier run may have carried them as of another instant.
        let (name, condition) = (&self.name, &self.condition);
        let clear = format!("begin; delete from only {name} {condition}");
        copy.batch_execute(&clear).await?;
        let out = format!("copy ({}) to stdout", self.rows());
        let mut rows = pin!(source.copy_out(&out).await?);
        let copy_in = format!("copy {name} ({}) from stdin", self.columns.join(", "));
        let mut sink = pin!(copy.copy_in::<_, Cursor<Vec<u8>>>(&copy_in).await?);
        while let Some(data) = rows.try_next().await? {
            sink.feed(Cursor::new(data.to_vec())).await?;
        }
        sink.finish().await?;
        Ok(copy.batch_execute("commit").await?)
    }
}

/// Carries what the policy allows, from the snapshot's transaction. Returns remarks about the rest.
pub(super) async fn carry(
    source: &Session,
    copy: &Session,
    allowed: &Allowed,
) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for one in configuration(source).await? {
        if one.is_carried(allowed) {
            one.carry(source, copy).await?;
            continue;
        }
        let has_rows = if one.readable && !one.is_sequence {
            one.sum(source).await?.0 > 0
        } else {
            !one.readable
        };
        if has_rows {
            remarks.push(format!(
                "rows of {}, a table of the extension {}, are not carried: [allow] extension_rows does not name it",
                one.name.plain(),
                one.extension
            ));
        }
    }
    Ok(remarks)
}
