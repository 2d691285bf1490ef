//! The pieces of a drill on a real server, each made to go red.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::checks::Checks;
use super::load::{Load, Mode};
use super::probe::{self, Probe};
use super::{oracle, primary, shop};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides, Target};
use crate::postgres::Session;
use crate::postgres::private::{Ephemeral, Options};
use crate::recovery::DrillCheck;

async fn sandbox() -> (Ephemeral, Target, Session) {
    let options = Options {
        settings: vec![("max_prepared_transactions".to_owned(), "20".to_owned())],
        wal_segsize: Some(1),
        ..Options::default()
    };
    let server = Ephemeral::start(&options).await.unwrap();
    server.ensure_database("drill").await.unwrap();
    let config = Config::load(&Overrides {
        database_url: Some(server.url("drill")),
        ..Overrides::default()
    })
    .unwrap();
    let target = config.environment(None).unwrap();
    let target = target.target(&config).await.unwrap();
    let session = Session::connect(&target, "test").await.unwrap();
    primary::tablespace(&session, &server).await.unwrap();
    shop::fill(&session, 2_000_000, &CancellationToken::new())
        .await
        .unwrap();
    (server, target, session)
}

fn state(checks: &[DrillCheck], name: &str) -> Option<bool> {
    let found = checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name}")).passed
}

#[tokio::test]
async fn the_oracle_sees_one_changed_row_and_the_checks_see_each_damage() {
    let (server, target, session) = sandbox().await;
    let load = Load::start(&target).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    load.set(Mode::Stop).await;
    load.check().unwrap();
    assert!(load.rounds() > 3);
    let before = oracle::read(&session).await.unwrap();
    assert_eq!(before.prepared, ["drill-2"]);
    assert!(before.tables.contains_key("pg_catalog.pg_largeobject"));
    assert_eq!(before.unlogged, ["public.sessions"]);
    assert!(
        !oracle::filled_unlogged(&session, &before)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        before.differences(&oracle::read(&session).await.unwrap()),
        [""; 0]
    );

    session
        .batch_execute("update public.filler set payload = pg_catalog.set_byte(payload, 7, pg_catalog.get_byte(payload, 7) # 1) where id = 3")
        .await
        .unwrap();
    let after = oracle::read(&session).await.unwrap();
    assert_eq!(
        before.differences(&after),
        ["public.filler: rows hold other values"]
    );
    session
        .batch_execute(
            "select pg_catalog.lo_put(content, 5, 'y'::bytea) from public.attachments where id = 1",
        )
        .await
        .unwrap();
    assert_eq!(
        before
            .differences(&oracle::read(&session).await.unwrap())
            .len(),
        2
    );

    let sound = Checks::default()
        .all(&session, &target, &server.binaries)
        .await
        .unwrap();
    for check in &sound {
        assert_ne!(check.passed, Some(false), "{check:?}");
    }
    assert_eq!(state(&sound, "foreign keys"), Some(true));
    // What does not come to its end has found nothing wrong.
    let hasty = Checks {
        jobs: 2,
        patience: Duration::from_millis(1),
    };
    let hasty = hasty.all(&session, &target, &server.binaries).await;
    assert_eq!(state(&hasty.unwrap(), "pg_amcheck"), None);
    session
        .batch_execute(
            "set session_replication_role = replica; delete from public.customers where id = 9; \
             reset session_replication_role; \
             update pg_catalog.pg_index set indisvalid = false where indexrelid = 'public.orders_customer'::regclass",
        )
        .await
        .unwrap();
    let broken = Checks::default()
        .all(&session, &target, &server.binaries)
        .await
        .unwrap();
    assert_eq!(state(&broken, "foreign keys"), Some(false));
    assert_eq!(state(&broken, "invalid indexes"), Some(false));
    server.stop().await;
}

#[tokio::test]
async fn what_is_lost_of_each_kind_is_a_difference() {
    let (server, target, session) = sandbox().await;
    let load = Load::start(&target).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    load.set(Mode::Stop).await;
    load.check().unwrap();
    let before = oracle::read(&session).await.unwrap();
    let count = before.count();
    assert!(count.large_object_pages > 0 && count.sequences >= 3);
    assert_eq!(
        (count.prepared, count.unlogged, count.tablespaces),
        (1, 1, 1)
    );
    assert_eq!(before.tampered().len(), 6, "one falsehood for each kind");
    for (damage, words) in [
        (
            "select pg_catalog.lo_unlink(content) from public.attachments where id = 1",
            "pg_catalog.pg_largeobject: ",
        ),
        (
            "select pg_catalog.setval('public.orders_id_seq', 3)",
            "sequence public.orders_id_seq went back",
        ),
        (
            "alter table public.far set tablespace pg_default",
            "other tablespaces",
        ),
        (
            "drop table public.sessions",
            "the unlogged tables are others",
        ),
    ] {
        session.batch_execute(damage).await.unwrap();
        let found = before.differences(&oracle::read(&session).await.unwrap());
        assert!(found.iter().any(|one| one.contains(words)), "{found:?}");
    }

    let sound = oracle::finish_prepared(&session, &before).await.unwrap();
    assert_eq!(sound.passed, Some(true), "{sound:?}");
    // It is committed now, which is another way to be lost; so is one that held nothing.
    let found = before.differences(&oracle::read(&session).await.unwrap());
    assert!(
        found.contains(&"prepared transactions: 0 of 1".to_owned()),
        "{found:?}"
    );
    let lost = oracle::finish_prepared(&session, &before).await.unwrap();
    assert_eq!(lost.passed, Some(false), "{lost:?}");
    session
        .batch_execute("begin; delete from public.orders where note = 'drill-2'; prepare transaction 'drill-2'")
        .await
        .unwrap();
    let hollow = oracle::finish_prepared(&session, &before).await.unwrap();
    assert_eq!(hollow.passed, Some(false), "{hollow:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_was_lost_leaves_a_log_of_what_it_acknowledged() {
    let (server, target, _session) = sandbox().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let probe = Probe::start(&target, &clock).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let paused = probe.pause().await;
    let count = probe.count();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(count > 20 && probe.count() == count, "{count}");
    let reader = Session::connect(&target, "test").await.unwrap();
    drop(paused);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(probe.alive() && probe.count() > count);
    probe::first_write(&reader).await.unwrap();
    let paused = probe.pause().await;
    let rows = reader
        .query(
            "select writer, number, value from public.drill_probe where writer >= 0",
            &[],
        )
        .await
        .unwrap();
    drop(paused);

    let (data, folder) = (server.data.clone(), server.folder().to_owned());
    let mut children_gone = false;
    server
        .lose(|| children_gone = data.join("PG_VERSION").exists())
        .await
        .unwrap();
    assert!(children_gone, "the data outlives the processes");
    assert!(!data.exists() && folder.exists());
    let log = probe.end().await;
    let rows = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2)));
    let loss = log.compare(rows);
    assert_eq!((loss.gaps, loss.wrong), (0, 0), "{loss:?}");
    assert_eq!(loss.acknowledged, log.count());
    server.stop().await;
    assert!(!folder.exists());
}
