//! Stops, kills, take-overs, pauses: nothing is lost, nothing is done twice.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn stopped_after_every_number_of_chunks_it_ends_the_same() {
    let (target, session) = database("bf_resume").await;
    fill(&session, 3_000).await;
    let undisturbed = engine(&target, options());
    let job = undisturbed.create(&spec(Some("id"))).await.unwrap();
    let whole = undisturbed.run(job).await.unwrap();
    for limit in 1..=u64::try_from(whole.totals.chunks).unwrap() {
        session
            .batch_execute("drop table public.t; truncate tidegate.backfill_job cascade")
            .await
            .unwrap();
        fill(&session, 3_000).await;
        let limited = engine(
            &target,
            Options {
                max_chunks: Some(limit),
                ..options()
            },
        );
        let job = limited.create(&spec(Some("id"))).await.unwrap();
        match limited.run(job).await {
            Ok(outcome) => done(&outcome, 3_000),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Interrupted, "{error}");
                let outcome = engine(&target, options()).run(job).await.unwrap();
                done(&outcome, 3_000);
                assert_eq!(outcome.verification.checksum, whole.verification.checksum);
            }
        }
    }
}

#[tokio::test]
async fn killed_backends_lose_nothing() {
    let (target, session) = database("bf_kill").await;
    fill(&session, 60_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(None)).await.unwrap();
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(job).await }
    });
    let mut killed = 0;
    while !running.is_finished() {
        killed += number(
            &session,
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name = 'tidegate/backfill' and datname = current_database() \
               and query like 'with changed%' and random() < 0.5",
        )
        .await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    done(&running.await.unwrap().unwrap(), 60_000);
    assert!(killed > 0, "no worker was hit");
    assert_eq!(number(&session, WRONG).await, 0);
}

#[tokio::test]
async fn an_aborted_engine_is_taken_over() {
    let (target, session) = database("bf_abort").await;
    fill(&session, 40_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(Some("id"))).await.unwrap();
    let first = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(job).await }
    });
    while number(&session, "select count(*) from tidegate.backfill_chunk").await == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    done(&engine.run(job).await.unwrap(), 40_000);
}

#[tokio::test]
async fn two_engines_share_one_job() {
    let (target, session) = database("bf_two").await;
    fill(&session, 40_000).await;
    let (one, two) = (engine(&target, options()), engine(&target, options()));
    let job = one.create(&spec(None)).await.unwrap();
    let (first, second) = tokio::join!(one.run(job), two.run(job));
    done(&first.unwrap(), 40_000);
    second.unwrap();
    assert_eq!(
        number(&session, "select count(*) - count(distinct (window_id, stripe, from_block)) from tidegate.backfill_chunk").await,
        0
    );
    assert_eq!(number(&session, WRONG).await, 0);
}

#[tokio::test]
async fn an_old_fence_has_no_effect() {
    let (target, session) = database("bf_fence").await;
    fill(&session, 2_000).await;
    let engine = engine(
        &target,
        Options {
            max_chunks: Some(1),
            ..options()
        },
    );
    let job = engine.create(&spec(Some("id"))).await.unwrap();
    assert_eq!(engine.run(job).await.unwrap_err().kind(), Kind::Interrupted);
    let row = session
        .query_one("select id, fence, next_stripe, stripes, to_block from tidegate.backfill_window where not finished limit 1", &[])
        .await
        .unwrap();
    let (id, fence, stripe, stripes, to): (i64, i64, i32, i32, i64) =
        (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
    let record = ledger::job(&*session, job).await.unwrap();
    let sql = tidegate::backfill::Statements {
        spec: &record.spec,
        target: &record.spec.targets[0],
        key: Some(&ident("id")),
        hash: record.hash,
    }
    .chunk();
    let before = number(&session, "select count(c) from public.t").await;
    let end = format!("({to},0)");
    let next = stripe + 1;
    let attempt = |fence: i64| {
        let (session, sql, end) = (&session, &sql, &end);
        async move {
            session
                .query_one(
                    sql,
                    &[
                        &id, &fence, &"(0,0)", end, &stripes, &stripe, &0i64, &to, &next, &0i64,
                        &60f64, &0i64, &0i64,
                    ],
                )
                .await
        }
    };
    let error = attempt(fence - 1).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "TGF01");
    assert_eq!(
        number(&session, "select count(c) from public.t").await,
        before
    );
    attempt(fence).await.unwrap();
    assert!(number(&session, "select count(c) from public.t").await > before);
    let error = attempt(fence).await.unwrap_err();
    assert_eq!(
        error.code().unwrap().code(),
        "TGF01",
        "a chunk is done once"
    );
}

#[tokio::test]
async fn pause_resume_and_cancel() {
    let (target, session) = database("bf_pause").await;
    fill(&session, 5_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(None)).await.unwrap();
    ledger::request(&*session, job, Some("pause"))
        .await
        .unwrap();
    assert_eq!(engine.run(job).await.unwrap_err().kind(), Kind::JobPaused);
    ledger::resume(&*session, job).await.unwrap();
    done(&engine.run(job).await.unwrap(), 5_000);
    assert_eq!(
        ledger::request(&*session, job, Some("cancel"))
            .await
            .unwrap_err()
            .kind(),
        Kind::JobUnknown
    );
    assert_eq!(
        engine.run(JobId(999)).await.unwrap_err().kind(),
        Kind::JobUnknown
    );
}

#[tokio::test]
async fn a_pause_stops_a_run_under_way() {
    let (target, session) = database("bf_live_pause").await;
    fill(&session, 5_000).await;
    let slow = Spec {
        expression: "case when pg_sleep(0.01) is not null then t.n * 2 end".into(),
        ..spec(None)
    };
    let engine = engine(&target, options());
    let job = engine.create(&slow).await.unwrap();
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(job).await }
    });
    while number(&session, "select count(*) from tidegate.backfill_window").await == 0 {
        tokio::task::yield_now().await;
    }
    ledger::request(&*session, job, Some("pause"))
        .await
        .unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::JobPaused, "{error}");
    assert_eq!(
        ledger::job(&*session, job).await.unwrap().state,
        JobState::Paused
    );
}

fn command(target: &str, args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .args(["--database-url", &server().url(target), "--format", "json"])
        .args(args)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    command
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_killed_process_is_followed_by_an_exact_resume() {
    let (target, session) = database("bf_kill9").await;
    fill(&session, 40_000).await;
    let engine = engine(&target, options());
    let job = engine.create(&spec(Some("id"))).await.unwrap().to_string();
    let chunks = "select count(*) from tidegate.backfill_chunk";
    let mut kills = 0;
    loop {
        let before = number(&session, chunks).await;
        let mut child = command("bf_kill9", &["backfill", "run", &job])
            .spawn()
            .unwrap();
        while number(&session, chunks).await < before + 40 && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 0);
    assert_eq!(number(&session, WRONG).await, 0);
    let report = json(
        &command("bf_kill9", &["backfill", "status", &job])
            .output()
            .unwrap(),
    );
    let status = &report["data"]["jobs"][0];
    assert_eq!(status["state"], "done", "{report:#}");
    assert_eq!(status["verified"], true);
    assert_eq!(status["rows_done"], 40_000);
    assert_eq!(
        status["rows_changed"], 40_000,
        "each row is changed exactly once"
    );
}

#[tokio::test]
async fn the_commands_and_their_exit_codes() {
    let (target, session) = database("bf_cli").await;
    fill(&session, 2_000).await;
    let job = engine(&target, options())
        .create(&spec(None))
        .await
        .unwrap()
        .to_string();
    let run = |args: &[&str]| command("bf_cli", args).output().unwrap();
    let code = |output: &std::process::Output| output.status.code().unwrap();
    assert_eq!(code(&run(&["backfill", "pause", &job])), 0);
    assert_eq!(code(&run(&["backfill", "run", &job])), 6);
    let tuned = run(&[
        "backfill",
        "tune",
        &job,
        "--workers",
        "1",
        "--chunk-ms",
        "50",
    ]);
    assert_eq!(code(&tuned), 0);
    assert_eq!(code(&run(&["backfill", "verify", &job])), 3);
    assert_eq!(code(&run(&["backfill", "resume", &job])), 0);
    let verified = run(&["backfill", "verify", &job]);
    assert_eq!(code(&verified), 0);
    assert_eq!(json(&verified)["data"]["rows"], 2_000);
    assert_eq!(code(&run(&["backfill", "run", "b77"])), 2);
    assert_eq!(
        code(&run(&["backfill", "cancel", &job])),
        2,
        "it is done already"
    );
}
