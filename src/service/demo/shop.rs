//! The shop: its project files and its rows.

use std::path::Path;

use tokio_postgres::Client;

use crate::error::Result;

const FILES: &[(&str, &str)] = &[
    (
        "tidegate.toml",
        include_str!("../../../fixtures/shop/tidegate.toml"),
    ),
    (
        "migrations/0001_shop.sql",
        include_str!("../../../fixtures/shop/migrations/0001_shop.sql"),
    ),
    (
        "migrations/0001_shop.down.sql",
        include_str!("../../../fixtures/shop/migrations/0001_shop.down.sql"),
    ),
    (
        "migrations/0007_user_id.toml",
        include_str!("../../../fixtures/shop/migrations/0007_user_id.toml"),
    ),
    (
        "workload/old.sql",
        include_str!("../../../fixtures/shop/workload/old.sql"),
    ),
    (
        "workload/new.sql",
        include_str!("../../../fixtures/shop/workload/new.sql"),
    ),
    (
        "masking-rules/shop.toml",
        include_str!("../../../fixtures/shop/masking-rules/shop.toml"),
    ),
    (
        "seeds/shop.toml",
        include_str!("../../../fixtures/shop/seeds/shop.toml"),
    ),
];

/// Writes the project into a folder.
pub(super) fn write(dir: &Path) -> Result<()> {
    for (name, text) in FILES {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Users for so many transactions.
pub(super) fn users(rows: u64) -> i64 {
    i64::try_from((rows / 20).max(100)).unwrap_or(100)
}

/// The user that transaction `id` was loaded with; `id` is from 1.
pub(super) fn owner(id: i64, users: i64) -> i64 {
    1 + id * 7919 % users
}

/// The transactions that the loaded items belong to.
pub(super) fn parents(rows: i64) -> impl Iterator<Item = i64> {
    (1..=rows / 10).map(move |item| 1 + item * 31 % rows)
}

/// Loads users, transactions and items.
pub(super) async fn load(client: &Client, rows: u64) -> Result<()> {
    let (users, rows) = (users(rows), i64::try_from(rows).unwrap_or(i64::MAX));
    client
        .execute(
            "insert into public.users (email, full_name) \
             select 'u' || g || '@example.org', 'User ' || g from pg_catalog.generate_series(1, $1::bigint) as g",
            &[&users],
        )
        .await?;
    client
        .execute(
            "insert into public.transactions (account_email, amount_cents, note) \
             select 'u' || (1 + g * 7919 % $2::bigint) || '@example.org', g % 100000, \
             pg_catalog.rpad('note ' || g, 70, '.') from pg_catalog.generate_series(1, $1::bigint) as g",
            &[&rows, &users],
        )
        .await?;
    client
        .execute(
            "insert into public.order_items (transaction_id, sku, quantity) \
             select 1 + g * 31 % $1::bigint, 'sku-' || g % 500, 1 + g % 5 \
             from pg_catalog.generate_series(1, $1::bigint / 10) as g",
            &[&rows],
        )
        .await?;
    client
        .batch_execute("vacuum (analyze) public.users, public.transactions, public.order_items")
        .await?;
    client.batch_execute("checkpoint").await?;
    Ok(())
}
