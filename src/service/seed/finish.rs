//! What follows the rows: sequences behind them, statistics.

use crate::error::Result;
use crate::generate::SeedPlan;
use crate::postgres::Session;
use crate::sql::{Ident, literal};

/// Sequences that columns take their values from: by identity, and by a default that calls
/// `nextval`, owned or not.
const SEQUENCES: &str = "
select a.attname::text as column, n.nspname::text as schema, s.relname::text as name,
  q.seqincrement as step, q.seqmax as greatest
from pg_catalog.pg_depend d
join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
join pg_catalog.pg_namespace n on n.oid = s.relnamespace
join pg_catalog.pg_sequence q on q.seqrelid = s.oid
join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype = 'i'
  and d.refobjid = pg_catalog.to_regclass($1) and not a.attisdropped
union
select a.attname::text, n.nspname::text, s.relname::text, q.seqincrement, q.seqmax
from pg_catalog.pg_attrdef f
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = f.oid
join pg_catalog.pg_class s on s.oid = d.refobjid and s.relkind = 'S'
join pg_catalog.pg_namespace n on n.oid = s.relnamespace
join pg_catalog.pg_sequence q on q.seqrelid = s.oid
join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
where f.adrelid = pg_catalog.to_regclass($1)
  and a.atttypid in ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype, 'numeric'::pg_catalog.regtype)
order by 1, 2, 3";

/// Moves sequences behind the greatest value of their column, never back. Returns remarks.
pub(super) async fn sequences(session: &Session, plan: &SeedPlan) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for table in &plan.tables {
        for row in session.query(SEQUENCES, &[&table.name.to_string()]).await? {
            let column: String = row.get("column");
            if table.column(&column).is_none() {
                continue;
            }
            let (schema, name): (String, String) = (row.get("schema"), row.get("name"));
            let (step, greatest): (i64, i64) = (row.get("step"), row.get("greatest"));
            let sequence = crate::sql::QualifiedName::new(Ident::new(schema)?, Ident::new(name)?);
            if step < 0 {
                remarks.push(format!(
                    "sequence {} counts down and is left alone",
                    sequence.plain()
                ));
                continue;
            }
            let column = Ident::new(column)?;
            let sql = format!(
                "select pg_catalog.setval({}::pg_catalog.regclass, m.value) from \
                   (select least(pg_catalog.max({column})::int8, {greatest}) as value from {}) m, {sequence} s \
                 where m.value is not null and (m.value > s.last_value or (m.value = s.last_value and not s.is_called))",
                literal(&sequence.to_string()),
                table.name
            );
            session.query(&sql, &[]).await?;
        }
    }
    Ok(remarks)
}

/// Collects statistics of the tables of a plan.
pub(super) async fn analyze(session: &Session, plan: &SeedPlan) -> Result<()> {
    for table in &plan.tables {
        session
            .batch_execute(&format!("analyze {}", table.name))
            .await?;
    }
    Ok(())
}
