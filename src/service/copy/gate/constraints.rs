//! Every constraint of the source holds in the copy, too.

use std::collections::BTreeSet;

use super::Subject;
use crate::error::Result;
use crate::postgres::Session;
use crate::service::copy::Check;

/// Constraints of the copy that were checked against its rows.
const VALID: &str = "select n.nspname::text, c.relname::text, k.conname::text \
    from pg_catalog.pg_constraint as k join pg_catalog.pg_class as c on c.oid = k.conrelid \
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where k.convalidated";

pub(super) async fn check(subject: &Subject<'_>, session: &Session) -> Result<Check> {
    let rows = session.query(VALID, &[]).await?;
    let valid: BTreeSet<(String, String, String)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let mut missing = Vec::new();
    let mut count = 0;
    for table in subject.catalog.tables.values() {
        if !table.stores_rows() && !table.is_partitioned() {
            continue;
        }
        for constraint in table.constraints.iter().filter(|one| one.validated) {
            count += 1;
            let key = (
                table.name.schema.as_str().to_owned(),
                table.name.name.as_str().to_owned(),
                constraint.name.as_str().to_owned(),
            );
            if !valid.contains(&key) {
                missing.push(format!(
                    "{}.{}",
                    table.name.plain(),
                    constraint.name.as_str()
                ));
            }
        }
    }
    Ok(Check {
        name: "constraints".to_owned(),
        passed: missing.is_empty(),
        detail: if missing.is_empty() {
            format!("{count} of {count} hold")
        } else {
            format!("missing or not validated: {}", missing.join(", "))
        },
    })
}
