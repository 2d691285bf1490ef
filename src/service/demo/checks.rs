//! Compares the tables with everything that was loaded and acknowledged.

use futures_util::TryStreamExt as _;

use super::record::{Compared, Comparison, Record};
use super::shop;
use crate::error::Result;
use crate::postgres::Session;

/// Walks all transactions once; they have `user_id`.
pub(super) async fn compare(session: &Session, record: &Record) -> Result<Compared> {
    let mut comparison = Comparison::new(record);
    let rows = session
        .query_raw(
            "select id, user_id, amount_cents from public.transactions",
            std::iter::empty::<i64>(),
        )
        .await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        comparison.row(row.get(0), row.get(1), row.get(2));
    }
    Ok(comparison.finish())
}

/// Items there are, and how many there may be: fewest and most.
pub(super) async fn items(
    session: &Session,
    record: &Record,
    loaded: i64,
) -> Result<(u64, (u64, u64))> {
    let found: i64 = session
        .query_one("select pg_catalog.count(*) from public.order_items", &[])
        .await?
        .get(0);
    let found = u64::try_from(found).unwrap_or(0);
    Ok((found, record.items(shop::parents(loaded))))
}

/// Rows whose old column is not the e-mail of the user in the new one. 0 as long as both apps may
/// run: each must find what the other wrote.
pub(super) async fn columns_differ(session: &Session) -> Result<i64> {
    Ok(session
        .query_one(
            "select pg_catalog.count(*) from public.transactions as t \
             left join public.users as u on u.id = t.user_id \
             where u.email is distinct from t.account_email",
            &[],
        )
        .await?
        .get(0))
}

/// Whether transactions have a column `user_id`, or a trigger other than those of constraints.
pub(super) async fn traces(session: &Session) -> Result<i64> {
    Ok(session
        .query_one(
            "select (select pg_catalog.count(*) from pg_catalog.pg_attribute \
               where attrelid = 'public.transactions'::pg_catalog.regclass \
                 and attname = 'user_id' and not attisdropped) \
             + (select pg_catalog.count(*) from pg_catalog.pg_trigger \
               where tgrelid = 'public.transactions'::pg_catalog.regclass and not tgisinternal)",
            &[],
        )
        .await?
        .get(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{Config, Overrides, Target};
    use crate::postgres::private::{Ephemeral, Options};
    use crate::service::demo::locks;
    use crate::service::demo::record::Expected;
    use crate::service::demo::traffic::{App, Client, Shared};

    const ROWS: i64 = 2_000;

    async fn shop_with_both_columns() -> (Ephemeral, Target, Session) {
        let server = Ephemeral::start(&Options::default()).await.unwrap();
        server.ensure_database("shop").await.unwrap();
        let config = Config::load(&Overrides {
            file: None,
            environment: None,
            database_url: Some(server.url("shop")),
        })
        .unwrap();
        let environment = config.environment(None).unwrap();
        let target = environment.target(&config).await.unwrap();
        let session = Session::connect(&target, "test").await.unwrap();
        let schema = include_str!("../../../fixtures/shop/migrations/0001_shop.sql");
        let schema = format!("set search_path = public; {schema}; set search_path = pg_catalog");
        session.batch_execute(&schema).await.unwrap();
        shop::load(&session, ROWS.unsigned_abs()).await.unwrap();
        assert_eq!(traces(&session).await.unwrap(), 0);
        session
            .batch_execute(
                "alter table public.transactions add column user_id bigint, \
                   alter column account_email drop not null; \
                 update public.transactions as t set user_id = u.id \
                 from public.users as u where u.email = t.account_email",
            )
            .await
            .unwrap();
        (server, target, session)
    }

    #[tokio::test]
    async fn the_checks_go_red_when_rows_are_tampered_with() {
        let (server, _, session) = shop_with_both_columns().await;
        assert_eq!(traces(&session).await.unwrap(), 1);
        let mut record = Record::new(ROWS, shop::users(ROWS.unsigned_abs()));
        let compared = compare(&session, &record).await.unwrap();
        assert_eq!((compared.rows, compared.lost()), (2_000, 0));
        assert_eq!(columns_differ(&session).await.unwrap(), 0);
        let (found, bounds) = items(&session, &record, ROWS).await.unwrap();
        assert_eq!((found, bounds), (200, (200, 200)));

        // Item 1 belongs to transaction 32.
        session
            .batch_execute(
                "update public.transactions set user_id = user_id % 100 + 1 where id = 17; \
                 update public.transactions set user_id = null where id = 18; \
                 delete from public.transactions where id = 32; \
                 insert into public.transactions (account_email, amount_cents, note, user_id) \
                 select email, 1, '', id from public.users limit 1",
            )
            .await
            .unwrap();
        let compared = compare(&session, &record).await.unwrap();
        assert_eq!(
            (compared.wrong, compared.missing, compared.extra),
            (2, 1, 1)
        );
        assert_eq!(columns_differ(&session).await.unwrap(), 2);
        let (found, (fewest, _)) = items(&session, &record, ROWS).await.unwrap();
        assert!(found < fewest, "{found} of {fewest} items");
        record.acknowledged(32, Expected::Deleted);
        let (found, bounds) = items(&session, &record, ROWS).await.unwrap();
        assert_eq!((found, found), bounds, "an acknowledged delete is no loss");
        server.stop().await;
    }

    #[tokio::test]
    async fn the_lock_watcher_sees_tidegate_hold_a_table_and_nobody_else() {
        let (server, target, session) = shop_with_both_columns().await;
        let stop = CancellationToken::new();
        let clock = Arc::new(SystemClock::default());
        let watcher = tokio::spawn(locks::watch(target, clock, stop.clone()));
        tokio::time::sleep(Duration::from_millis(200)).await;
        session
            .batch_execute(
                "set application_name = 'psql'; \
                 begin; lock table public.users; select pg_sleep(0.9); commit; \
                 set application_name = 'tidegate/test'; \
                 begin; lock table public.transactions; select pg_sleep(0.4); commit",
            )
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
        let seen = watcher.await.unwrap().unwrap();
        // The bounds are those of the figures themselves, so that a slow machine is no failure.
        assert!(
            seen.longest_access_exclusive_ms + 2.0 * seen.largest_gap_ms >= 400.0,
            "{seen:?}"
        );
        assert_eq!(
            seen.holds, 1,
            "the other session is not Tidegate's: {seen:?}"
        );
        assert!(seen.resolution_ms <= seen.largest_gap_ms, "{seen:?}");
        server.stop().await;
    }

    #[tokio::test]
    async fn an_app_that_is_thrown_out_is_an_error_also_between_two_statements() {
        let (server, target, session) = shop_with_both_columns().await;
        let shared = Shared::new(target, Arc::new(SystemClock::default()), ROWS).unwrap();
        let shared = Arc::new(shared);
        let thrown = Client::start(&shared, App::Both, "shop/thrown", 0)
            .await
            .unwrap();
        let stays = Client::start(&shared, App::New, "shop/stays", 1)
            .await
            .unwrap();
        session
            .batch_execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity \
                 where application_name = 'shop/thrown'",
            )
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        thrown.stop().await;
        assert!(shared.errors.load(Ordering::Relaxed) > 0);
        let before = shared.errors.load(Ordering::Relaxed);
        stays.stop().await;
        let texts = shared.error_texts.lock().unwrap().clone();
        assert_eq!(shared.errors.load(Ordering::Relaxed), before, "{texts:?}");
        assert!(
            texts.iter().any(|text| text.contains("shop/thrown")),
            "{texts:?}"
        );
        server.stop().await;
    }
}
