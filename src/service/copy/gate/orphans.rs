//! No row of a subset lacks a row that it refers to. PostgreSQL itself has checked the foreign keys;
//! this is about references that only the policy declares.

use super::Subject;
use crate::error::Result;
use crate::postgres::{Scope, Session, search_path};
use crate::service::copy::Check;
use crate::service::subset::relation;
use crate::subset::Reference;

/// Orphans of every declared reference. Rows that refer to nothing at the source already do so in
/// the copy, too, and are told apart.
pub(super) async fn check(
    subject: &Subject<'_>,
    (source, target): (&Session, &Session),
) -> Result<Option<Check>> {
    let rules = subject.masks.subset.as_ref();
    let declared = rules.map_or(&[][..], |rules| rules.references.as_slice());
    if declared.is_empty() {
        return Ok(None);
    }
    let (mut wrong, mut dangling) = (Vec::new(), 0);
    for reference in Reference::declared(declared) {
        let orphans = in_copy(subject, target, &reference).await?;
        if orphans == 0 {
            continue;
        }
        let before = at_source(subject, source, &reference).await?;
        dangling += before;
        if orphans != before {
            wrong.push(format!(
                "{}: {orphans} rows refer to no row of {}, {before} of them at the source",
                reference.from.plain(),
                reference.to.plain()
            ));
        }
    }
    Ok(Some(Check {
        name: "orphans".to_owned(),
        passed: wrong.is_empty(),
        detail: match (wrong.is_empty(), dangling) {
            (true, 0) => format!("0 in {} declared references", declared.len()),
            (true, _) => format!("{dangling}, all of which refer to nothing at the source, too"),
            (false, _) => wrong.join("; "),
        },
    }))
}

async fn in_copy(subject: &Subject<'_>, target: &Session, reference: &Reference) -> Result<u64> {
    target.batch_execute("begin read only").await?;
    let path = search_path(&subject.source.search_path, Scope::Transaction)?;
    target.batch_execute(&path).await?;
    let from = relation(subject.catalog, &reference.from);
    let count = count(subject, target, reference, &from).await?;
    target.batch_execute("rollback").await?;
    Ok(count)
}

/// Of the rows that were carried.
async fn at_source(subject: &Subject<'_>, source: &Session, reference: &Reference) -> Result<u64> {
    let path = search_path(&subject.source.search_path, Scope::Transaction)?;
    source.batch_execute(&path).await?;
    let mut orphans = 0;
    for leaf in subject.catalog.leaves(&reference.from) {
        let picked = subject
            .selection
            .and_then(|selection| selection.rows(&leaf.name));
        let Some(picked) = picked else {
            let from = format!("only {}", leaf.name);
            orphans += count(subject, source, reference, &from).await?;
            continue;
        };
        for condition in picked.conditions(0, None) {
            let from = format!(
                "(select *, tableoid, ctid from only {} where {condition})",
                leaf.name
            );
            orphans += count(subject, source, reference, &from).await?;
        }
    }
    let pinned = "set local search_path = pg_catalog";
    source.batch_execute(pinned).await?;
    Ok(orphans)
}

async fn count(
    subject: &Subject<'_>,
    session: &Session,
    reference: &Reference,
    from: &str,
) -> Result<u64> {
    let columns = reference.columns.iter();
    let refers: Vec<String> = columns
        .map(|column| format!("c.{column} is not null"))
        .collect();
    let sql = format!(
        "select pg_catalog.count(*) from {} where {} \
         and not exists (select from {} p where {})",
        reference.referring(from),
        refers.join(" and "),
        relation(subject.catalog, &reference.to),
        reference.condition()
    );
    let rows: i64 = session.query_one(&sql, &[]).await?.get(0);
    Ok(rows.unsigned_abs())
}
