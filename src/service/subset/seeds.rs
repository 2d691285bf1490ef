//! The rows that a subset begins with.

use super::lookup::{addresses, relation};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::masking::{MaskKey, SeedRows};
use crate::postgres::Session;
use crate::subset::{RowSet, Tid};

/// Looks up the rows that one rule asks for, `share` (0 to 1) of its percentage.
///
/// A row is in when the keyed hash of its column is below the percentage: the same rows come every
/// week, and a larger percentage holds all rows of a smaller one.
pub(super) async fn seed_rows(
    session: &Session,
    catalog: &Catalog,
    rule: &SeedRows,
    key: &MaskKey,
    share: f64,
) -> Result<Vec<(u32, Tid)>> {
    let mut conditions = Vec::new();
    if let Some(filter) = &rule.filter {
        conditions.push(format!("({filter}\n)"));
    }
    let percent = rule.percent.unwrap_or(100.0) * share;
    let threshold = threshold(percent);
    let seed = seed(key)?;
    // A condition may name the table.
    let alias = &rule.table.name;
    let by = rule
        .stable_by
        .as_ref()
        .map(|column| format!("{alias}.{column}"));
    let by = by.unwrap_or_else(|| format!("({alias}.*)"));
    let sampled = percent < 100.0;
    if sampled {
        conditions.push(format!(
            "(pg_catalog.hashtextextended({by}::text, $1) & 9223372036854775807) < $2"
        ));
    }
    let conditions = if conditions.is_empty() {
        "true".to_owned()
    } else {
        conditions.join(" and ")
    };
    let sql = format!(
        "select {alias}.tableoid, {alias}.ctid::text from {} as {alias} where {conditions}",
        relation(catalog, &rule.table)
    );
    if sampled {
        addresses(session, &sql, &[&seed, &threshold]).await
    } else {
        addresses(session, &sql, &[]).await
    }
}

/// The seed of the hash: from the masking key, so that nobody without it can tell who is in.
fn seed(key: &MaskKey) -> Result<i64> {
    let digest = key.derive("subset")?.digest(b"stable rows");
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    Ok(i64::from_be_bytes(bytes))
}

/// Hashes of 63 bits below this are in.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a share of 2^63, clamped by the cast"
)]
fn threshold(percent: f64) -> i64 {
    (percent / 100.0 * i64::MAX as f64) as i64
}

/// By leaf.
pub(super) fn by_leaf(rows: Vec<(u32, Tid)>) -> Vec<(u32, RowSet)> {
    let mut sets = std::collections::BTreeMap::<u32, RowSet>::new();
    for (leaf, row) in rows {
        sets.entry(leaf).or_default().insert(row);
    }
    sets.into_iter().collect()
}
