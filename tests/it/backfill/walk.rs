//! What a run fills, verifies, sets aside and leaves alone.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn fills_every_row_once_by_key_and_by_address() {
    for (name, key) in [("bf_key", Some("id")), ("bf_nokey", None)] {
        let (target, session) = database(name).await;
        fill(&session, 20_000).await;
        let engine = engine(&target, options());
        let job = engine.create(&spec(key)).await.unwrap();
        assert_eq!(
            job,
            engine.create(&spec(key)).await.unwrap(),
            "one job per column"
        );
        let outcome = engine.run(job).await.unwrap();
        done(&outcome, 20_000);
        assert_eq!(number(&session, WRONG).await, 0);
        let ledger_sum = session
            .query_one(
                "select sum(checksum)::text from tidegate.backfill_chunk",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(
            ledger_sum.get::<_, String>(0),
            outcome.verification.checksum
        );
        assert_eq!(
            ledger::job(&*session, job).await.unwrap().state,
            JobState::Done
        );
        assert_eq!(
            engine.run(job).await.unwrap().verification,
            outcome.verification
        );
    }
}

/// On a server of its own: a transaction in any database of a server may keep dead rows alive.
#[tokio::test]
async fn stripes_make_updates_hot_and_indexes_stay_as_they_are() {
    let server = server::Server::start(&["fsync=off", "autovacuum=off"]);
    for (name, key) in [("bf_hot_key", Some("id")), ("bf_hot_nokey", None)] {
        let (target, session) = database_on(&server, name).await;
        fill(&session, 60_000).await;
        let size = "select pg_indexes_size('public.t')";
        let before = number(&session, size).await;
        let engine = engine(
            &target,
            Options {
                settings: Settings {
                    window_rows: 20_000,
                    ..settings()
                },
                ..options()
            },
        );
        let job = engine.create(&spec(key)).await.unwrap();
        let outcome = engine.run(job).await.unwrap();
        assert!(
            outcome.totals.hot_percent() > 60.0,
            "{}",
            outcome.totals.hot_percent()
        );
        let growth = number(&session, size).await as f64 / before as f64;
        // The opposite: one stripe, and nothing is HOT.
        session
            .batch_execute("drop table public.t; truncate tidegate.backfill_job cascade")
            .await
            .unwrap();
        fill(&session, 60_000).await;
        let plain = Settings {
            stripes: Some(1),
            ..settings()
        };
        let engine = engine.with(Options {
            settings: plain,
            ..options()
        });
        let job = engine.create(&spec(key)).await.unwrap();
        let outcome = engine.run(job).await.unwrap();
        assert!(
            outcome.totals.hot_percent() < 20.0,
            "{}",
            outcome.totals.hot_percent()
        );
        // How far the two workers overlap decides how many dead rows a moment's look may prune,
        // so the bound is what the opposite cost in the same run, not a figure.
        let plain = number(&session, size).await as f64 / before as f64;
        assert!(
            (growth - 1.0) * 4.0 < plain - 1.0,
            "indexes grew to {growth}, without stripes to {plain}"
        );
    }
}

#[tokio::test]
async fn a_plan_reads_a_tid_range_and_nothing_else() {
    let (target, session) = database("bf_plan").await;
    fill(&session, 20_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(None)).await.unwrap();
    let record = ledger::job(&*session, job).await.unwrap();
    let targets = ledger::targets(&*session, job).await.unwrap();
    let sql = tidegate::backfill::Statements {
        spec: &record.spec,
        target: &targets[0].name,
        key: None,
        hash: record.hash,
    }
    .chunk();
    session
        .batch_execute(&format!(
            "set plan_cache_mode = force_custom_plan; prepare chunk as {sql}"
        ))
        .await
        .unwrap();
    let rows = session
        .query(
            "explain execute chunk (1, 1, '(0,0)', '(9,0)', 8, 0, 0, 9, 1, 0, 60, 0, 0)",
            &[],
        )
        .await
        .unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(
        plan.iter().any(|line| line.contains("Tid Range Scan on t")),
        "{plan:#?}"
    );
    assert!(
        !plan.iter().any(|line| line.contains("Seq Scan on t ")),
        "{plan:#?}"
    );
}

#[tokio::test]
async fn live_writes_with_dual_write_lose_nothing() {
    let (target, session) = database("bf_live").await;
    fill(&session, 30_000).await;
    session
        .batch_execute(
            "create function public.dual() returns trigger language plpgsql as \
               $$ begin new.c := new.n * 2; return new; end $$; \
             create trigger dual before insert or update on public.t for each row \
               when (pg_catalog.current_setting('tidegate.backfill', true) is distinct from 'on') \
               execute function public.dual()",
        )
        .await
        .unwrap();
    let engine = engine(&target, options());
    let job = engine.create(&spec(Some("id"))).await.unwrap();
    let stop = CancellationToken::new();
    let writer = tokio::spawn({
        let (target, stop) = (target.clone(), stop.clone());
        async move {
            let app = Session::connect(&target, "app").await.unwrap();
            let (mut key, mut fresh) = (1i64, 100_000i64);
            while !stop.is_cancelled() {
                key = (key * 7_919 + 13) % 30_000;
                app.execute("update public.t set n = n + 1 where id = $1", &[&(key + 1)])
                    .await
                    .unwrap();
                fresh += 1;
                app.execute("insert into public.t (id, n) values ($1, $1)", &[&fresh])
                    .await
                    .unwrap();
                app.execute("delete from public.t where id = $1", &[&(key + 5)])
                    .await
                    .unwrap();
            }
        }
    });
    let outcome = engine.run(job).await.unwrap();
    stop.cancel();
    writer.await.unwrap();
    assert!(outcome.verification.passed());
    assert_eq!(number(&session, WRONG).await, 0);
}

#[tokio::test]
async fn without_dual_write_the_sweep_mends_what_was_missed() {
    let (target, session) = database("bf_sweep").await;
    fill(&session, 5_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(None)).await.unwrap();
    engine.run(job).await.unwrap();
    session
        .batch_execute(
            "insert into public.t (id, n) values (9001, 1), (9002, 2); \
             update public.t set n = n + 1 where id between 10 and 19",
        )
        .await
        .unwrap();
    let found = engine.verify(job).await.unwrap();
    assert_eq!((found.missing, found.different), (2, 10));
    assert!(!found.passed());
    let found = engine.sweep(job, None).await.unwrap();
    assert_eq!((found.missing, found.different), (0, 10), "values are kept");
    assert!(engine.sweep(job, Some(Take::Old)).await.unwrap().passed());
    assert_eq!(number(&session, WRONG).await, 0);
}

#[tokio::test]
async fn an_inverse_that_holds_makes_a_row_consistent() {
    let (target, session) = database("bf_inverse").await;
    fill(&session, 1_000).await;
    let lossy = Spec {
        expression: "t.n / 10".into(),
        inverse: Some((ident("n"), "t.c".into())),
        inverse_type: None,
        ..spec(None)
    };
    let engine = engine(&target, options());
    let job = engine.create(&lossy).await.unwrap();
    engine.run(job).await.unwrap();
    // The new app wrote these: old follows from new, though new does not follow from old.
    session
        .batch_execute("update public.t set c = n where id < 50")
        .await
        .unwrap();
    assert!(engine.verify(job).await.unwrap().passed());
    session
        .batch_execute("update public.t set c = n + 1000 where id = 7")
        .await
        .unwrap();
    assert_eq!(engine.verify(job).await.unwrap().different, 1);
}

#[tokio::test]
async fn leaf_partitions_and_odd_names() {
    let (target, session) = database("bf_parts").await;
    session
        .batch_execute(
            "create table public.\"T'\"\"x\" (id bigint, \"N n\" bigint, c json) partition by range (id); \
             create table public.p1 partition of public.\"T'\"\"x\" for values from (0) to (2000); \
             create table public.\"P'2\" partition of public.\"T'\"\"x\" for values from (2000) to (9000); \
             insert into public.\"T'\"\"x\" select g, g from generate_series(1, 5000) g; analyze",
        )
        .await
        .unwrap();
    let parts = Spec {
        change: "0002".into(),
        table: table("T'\"x"),
        targets: vec![table("p1"), table("P'2")],
        column: ident("c"),
        expression: "to_json(\"T'\"\"x\".\"N n\")".into(),
        source: vec![ident("N n")],
        inverse: None,
        inverse_type: None,
        stripe_key: vec![(table("p1"), Some(ident("id")))],
    };
    let engine = engine(&target, options());
    let job = engine.create(&parts).await.unwrap();
    let result = engine.run(job).await;
    assert_eq!(
        number(
            &session,
            "select count(*) from public.\"T'\"\"x\" where c is not null"
        )
        .await,
        5_000
    );
    done(&result.unwrap(), 5_000);
}

#[tokio::test]
async fn rows_without_a_value_are_visited_and_left_alone() {
    let (target, session) = database("bf_null").await;
    fill(&session, 4_000).await;
    session
        .batch_execute("update public.t set n = null where id % 4 = 0")
        .await
        .unwrap();
    session.batch_execute("vacuum public.t").await.unwrap();
    let half = Spec {
        expression: "nullif(t.n * 2, 6)".into(),
        ..spec(None)
    };
    let engine = engine(&target, options());
    let job = engine.create(&half).await.unwrap();
    let outcome = engine.run(job).await.unwrap();
    assert_eq!(outcome.totals.rows_changed, 2_999);
    assert_eq!(outcome.verification.null_with_source, 1);
}

#[tokio::test]
async fn a_locked_row_delays_only() {
    let (target, mut session) = database("bf_locked").await;
    fill(&session, 2_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(None)).await.unwrap();
    let held = session.transaction().await.unwrap();
    held.execute("select 1 from public.t where id = 55 for update", &[])
        .await
        .unwrap();
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(job).await }
    });
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!running.is_finished());
    held.rollback().await.unwrap();
    done(&running.await.unwrap().unwrap(), 2_000);
}

#[tokio::test]
async fn a_column_made_anew_gets_a_new_job() {
    let (target, session) = database("bf_again").await;
    fill(&session, 1_000).await;
    let engine = engine(&target, options());
    let first = engine.create(&spec(None)).await.unwrap();
    engine.run(first).await.unwrap();
    session
        .batch_execute("alter table public.t drop c; alter table public.t add c bigint")
        .await
        .unwrap();
    let second = engine.create(&spec(None)).await.unwrap();
    assert_ne!(first, second);
    done(&engine.run(second).await.unwrap(), 1_000);
}

#[tokio::test]
async fn rows_that_cannot_be_converted_are_set_aside() {
    let (target, session) = database("bf_poison").await;
    fill(&session, 5_000).await;
    let mut poison = spec(Some("id"));
    poison.expression = "case when t.id in (77, 4001) then 1 / (t.n - t.n) else t.n * 2 end".into();
    let engine = engine(&target, options());
    let job = engine.create(&poison).await.unwrap();
    let error = engine.run(job).await.unwrap_err();
    assert_eq!(error.kind(), Kind::VerifyFailed, "{error}");
    assert_eq!(
        number(&session, "select count(*) from public.t where c = n * 2").await,
        4_998
    );
    let rows = session
        .query(
            "select row_key, error from tidegate.backfill_quarantine order by row_key::int",
            &[],
        )
        .await
        .unwrap();
    let keys: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(keys, ["77", "4001"]);
    assert!(rows[0].get::<_, String>(1).contains("division by zero"));
    let record = ledger::job(&*session, job).await.unwrap();
    assert_eq!(record.state, JobState::Failed);
    assert_eq!(record.verification.unwrap().quarantined, 2);
    session
        .batch_execute("update public.t set c = n * 2 where id in (77, 4001)")
        .await
        .unwrap();
    let outcome = engine.run(job).await;
    assert!(
        outcome.is_err(),
        "the expression still fails on these rows: {outcome:?}"
    );
}

#[tokio::test]
async fn too_many_bad_rows_end_the_run() {
    let (target, session) = database("bf_full").await;
    fill(&session, 500).await;
    let mut poison = spec(Some("id"));
    poison.expression = "1 / (t.n - t.n)".into();
    let engine = engine(
        &target,
        Options {
            settings: Settings {
                quarantine_limit: 3,
                ..settings()
            },
            ..Options::default()
        },
    );
    let job = engine.create(&poison).await.unwrap();
    assert_eq!(
        engine.run(job).await.unwrap_err().kind(),
        Kind::QuarantineFull
    );
}
