//! The part of the ledger that is about large objects: one row each, written in the transaction
//! that made the object.

use std::collections::BTreeMap;

use tokio_postgres::GenericClient;

use crate::error::Result;

/// What is known of a large object that was carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The instant that it is of.
    pub instant: String,
    /// What the source held then.
    pub digest: String,
}

/// The objects with identifiers above `after`, up to `last` when there is one.
///
/// # Errors
/// Those of the database.
pub async fn between(
    client: &impl GenericClient,
    after: u32,
    last: Option<u32>,
) -> Result<BTreeMap<u32, Known>> {
    let rows = client
        .query(
            "select id, instant, digest from tidegate_copy.large_object \
             where id > $1 and ($2::oid is null or id <= $2)",
            &[&after, &last],
        )
        .await?;
    let known = rows.iter().map(|row| {
        let known = Known {
            instant: row.get(1),
            digest: row.get(2),
        };
        (row.get(0), known)
    });
    Ok(known.collect())
}

/// Records that an object is what the source holds at an instant.
///
/// # Errors
/// Those of the database.
pub async fn carried(client: &impl GenericClient, id: u32, known: &Known) -> Result<()> {
    client
        .execute(
            "insert into tidegate_copy.large_object values ($1, $2, $3) \
             on conflict (id) do update set instant = excluded.instant, digest = excluded.digest",
            &[&id, &known.instant, &known.digest],
        )
        .await?;
    Ok(())
}

/// Removes an object that was carried, and the record of it.
///
/// # Errors
/// Those of the database.
pub async fn remove(client: &impl GenericClient, id: u32) -> Result<()> {
    client
        .execute(
            "with gone as (delete from tidegate_copy.large_object where id = $1 returning id) \
             select pg_catalog.lo_unlink(id) from gone",
            &[&id],
        )
        .await?;
    Ok(())
}

/// The number of objects.
///
/// # Errors
/// Those of the database.
pub async fn count(client: &impl GenericClient) -> Result<u64> {
    let sql = "select count(*) as objects from tidegate_copy.large_object";
    let row = client.query_one(sql, &[]).await?;
    Ok(super::count(&row, "objects"))
}
