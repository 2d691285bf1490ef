//! Compares the table with everything that was loaded and acknowledged.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;

use super::shop::owner;
use super::traffic::Expected;
use crate::error::Result;
use crate::postgres::Session;

/// What the comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Rows of the table.
    pub(super) rows: u64,
    /// Rows that hold something else than was written or loaded last.
    pub(super) wrong: u64,
    /// Rows that are gone though nobody deleted them.
    pub(super) missing: u64,
    /// Rows that nobody wrote.
    pub(super) extra: u64,
}

/// Walks the whole table once.
pub(super) async fn compare(
    session: &Session,
    loaded: i64,
    users: i64,
    mut expected: BTreeMap<i64, Expected>,
) -> Result<Compared> {
    let mut compared = Compared::default();
    let mut untouched = loaded - i64::try_from(expected.range(1..=loaded).count()).unwrap_or(0);
    let rows = session
        .query_raw(
            "select id, user_id, amount_cents from public.transactions",
            std::iter::empty::<i64>(),
        )
        .await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let (id, user, amount): (i64, Option<i64>, i64) = (row.get(0), row.get(1), row.get(2));
        compared.rows += 1;
        let wanted = match expected.remove(&id) {
            Some(wanted) => wanted,
            None if id <= loaded => {
                untouched -= 1;
                Expected::Row {
                    user: owner(id, users),
                    amount: id % 100_000,
                }
            }
            None => {
                compared.extra += 1;
                continue;
            }
        };
        match wanted {
            Expected::Deleted => compared.extra += 1,
            Expected::Row {
                user: wanted,
                amount: sum,
            } => {
                compared.wrong += u64::from(user != Some(wanted) || amount != sum);
            }
        }
    }
    let gone = expected
        .values()
        .filter(|value| **value != Expected::Deleted)
        .count();
    compared.missing = u64::try_from(gone).unwrap_or(0) + u64::try_from(untouched).unwrap_or(0);
    Ok(compared)
}
