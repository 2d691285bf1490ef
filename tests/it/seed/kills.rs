//! Processes that die or are asked to stop.

use std::time::{Duration, Instant};

use super::stage::{HARD, Stage, digests};

const ARGS: [&str; 7] = [
    "run",
    "--rows",
    "3000",
    "--seed",
    "9",
    "--chunk-rows",
    "200",
];

#[test]
fn a_killed_run_is_gone_on_with_and_gives_the_same_rows() {
    let whole = Stage::new(HARD);
    whole.project.tidegate(["migrate", "status"]).ok();
    let before = whole.schema();
    let began = Instant::now();
    let expected = digests(&whole.cli(ARGS).data());
    let usual = began.elapsed();
    let stage = Stage::new(HARD);
    let (mut killed, mut finished) = (0, None);
    for round in 0..8_u32 {
        let mut child = stage.cli(ARGS).args(["--format", "json"]).spawn();
        std::thread::sleep(usual * (2 + round) / 16);
        let working = child.runs();
        let outcome = child.kill();
        if !working || outcome.code() == Some(0) {
            finished = Some(outcome.json()["data"].take());
            break;
        }
        killed += 1;
        if done(&stage) {
            // It died between its last commit and its answer.
            break;
        }
    }
    assert!(killed >= 2, "{killed} processes were killed at work");
    if !done(&stage) {
        finished = Some(stage.cli(ARGS).data());
    }
    if let Some(data) = finished {
        assert_eq!(data["resumed"], true, "{data}");
        assert_eq!(digests(&data), expected);
    }
    let all = "select md5(string_agg(p::text, ';' order by id)) from person p";
    assert_eq!(stage.database.rows(all), whole.database.rows(all));
    assert_eq!(stage.schema(), before);
    stage.prove();
}

fn done(stage: &Stage) -> bool {
    stage
        .database
        .value("select to_regclass('tidegate.seed_run') is not null")
        && stage
            .database
            .value("select exists (select from tidegate.seed_run where state = 'done')")
}

#[test]
fn an_unfinished_run_is_taken_back() {
    let stage = Stage::new(HARD);
    stage.project.tidegate(["migrate", "status"]).ok();
    let before = stage.schema();
    let child = stage
        .cli(["run", "--rows", "40000", "--chunk-rows", "500"])
        .spawn();
    let limit = Instant::now() + Duration::from_secs(60);
    let loading = "select count(*) from tidegate.seed_chunk where done";
    loop {
        let there: bool = stage
            .database
            .value("select to_regclass('tidegate.seed_chunk') is not null");
        if there && stage.database.value::<i64>(loading) > 3 {
            break;
        }
        assert!(Instant::now() < limit, "nothing was loaded");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill();
    assert_ne!(stage.schema(), before, "the load had taken nothing off");
    let refused = stage.cli(["template", "save"]).exits(4);
    assert!(
        refused.stderr.contains("is unfinished"),
        "{}",
        refused.stderr
    );
    let plan = stage.cli(["plan"]).ok().stdout;
    assert!(plan.contains("is unfinished"), "{plan}");
    let data = stage.cli(["run", "--abandon"]).data();
    assert_eq!(data["abandoned"], true);
    assert_eq!(stage.schema(), before);
    let rows = "select (select count(*) from person), (select count(*) from team), (select count(*) from visit)";
    assert_eq!(stage.database.rows(rows), ["0|0|0"]);
    // Another plan takes an unfinished one back by itself.
    let child = stage
        .cli(["run", "--rows", "40000", "--chunk-rows", "500"])
        .spawn();
    std::thread::sleep(Duration::from_secs(1));
    child.interrupt();
    assert_eq!(child.wait().code(), Some(130));
    stage.run(["--rows", "20"]);
    assert_eq!(stage.schema(), before);
    stage.prove();
}

/// What a second run with the same arguments says, and that it is not fine when somebody has changed
/// a row, taken one out, or put one in.
#[test]
fn a_run_that_died_before_its_answer_is_answered_by_the_next() {
    let expected = digests(&Stage::new(HARD).cli(ARGS).data());
    let stage = Stage::new(HARD);
    // Makes the schema of the ledger.
    stage.cli(["run", "--abandon"]).ok();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The audit log is written after the last commit: whoever cannot write it gives no answer.
    let lock = runtime.block_on(async {
        let client = stage.database.connect().await;
        let sql = "begin; lock table tidegate.audit in exclusive mode";
        client.batch_execute(sql).await.unwrap();
        client
    });
    let child = stage.cli(ARGS).spawn();
    let limit = Instant::now() + Duration::from_secs(60);
    while !done(&stage) {
        assert!(Instant::now() < limit, "the run did not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let outcome = child.kill();
    assert_ne!(
        outcome.code(),
        Some(0),
        "it has answered: {}",
        outcome.stdout
    );
    // Its session waits for the lock, and would still write once it has it.
    let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";
    runtime.block_on(lock.batch_execute(end)).unwrap();
    runtime.block_on(lock.batch_execute("rollback")).unwrap();
    let data = stage.cli(ARGS).data();
    assert_eq!(data["already"], true, "{data}");
    assert_eq!(data["looked_at"].as_array().unwrap().len(), 3);
    assert_eq!(digests(&data), expected);
    let audit = "select detail->>'already' from tidegate.audit where action = 'seed.run'";
    assert_eq!(stage.database.rows(audit), ["true"]);
    stage.prove();
    for (change, back) in [
        ("update person set note = 'x' where id = 7", false),
        ("delete from visit where id = 7", false),
        ("insert into log values (1, 'more')", true),
    ] {
        let saved = Stage::new(HARD);
        saved.run(["--rows", "50"]);
        assert_eq!(saved.run(["--rows", "50"])["already"], true);
        saved.database.execute(change);
        let outcome = saved
            .cli(["run", "--rows", "50", "--format", "json"])
            .exits(3);
        assert_eq!(outcome.error()["code"], "TG0905", "{change}");
        if back {
            // Emptied tables are seeded again.
            saved
                .database
                .execute("truncate team, person, seat, visit, log");
            let data = saved.run(["--rows", "50"]);
            assert_eq!(data["already"], false, "{data}");
        }
    }
}

/// A schema whose keys go on counting where they are.
const GROWING: &str = "
create table person (id bigint primary key, email text not null unique, code text not null unique, age int check (age between 18 and 99));
create index person_age on person (age);
create table visit (id bigint generated always as identity primary key, person_id bigint not null references person, at date not null);
";

/// `--extend` adds each time it is asked to, but the rows of a run whose answer was lost come once.
#[test]
fn rows_that_were_added_without_an_answer_are_not_added_twice() {
    const EXTEND: [&str; 6] = ["run", "--rows", "1000", "--seed", "9", "--extend"];
    let stage = Stage::new(GROWING);
    let rows = "select (select count(*) from person), (select count(*) from visit)";
    stage.cli(ARGS).ok();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lock = runtime.block_on(async {
        let client = stage.database.connect().await;
        let sql = "begin; lock table tidegate.audit in exclusive mode";
        client.batch_execute(sql).await.unwrap();
        client
    });
    let child = stage.cli(EXTEND).spawn();
    crate::schedule::eventually("the end of the run", || {
        stage
            .database
            .value::<i64>("select count(*) from tidegate.seed_run where state = 'done'")
            == 2
    });
    let outcome = child.kill();
    assert_ne!(outcome.code(), Some(0), "{}", outcome.stdout);
    let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";
    runtime.block_on(lock.batch_execute(end)).unwrap();
    runtime.block_on(lock.batch_execute("rollback")).unwrap();
    assert_eq!(stage.database.rows(rows), ["4000|4000"]);
    // The answer of the run that is there, then more rows.
    let data = stage.cli(EXTEND).data();
    assert_eq!(
        (&data["already"], &data["run"]),
        (&true.into(), &2.into()),
        "{data}"
    );
    assert_eq!(stage.database.rows(rows), ["4000|4000"]);
    let data = stage.cli(EXTEND).data();
    assert_eq!(
        (&data["already"], &data["run"]),
        (&false.into(), &3.into()),
        "{data}"
    );
    assert_eq!(stage.database.rows(rows), ["5000|5000"]);
    let once = Stage::new(GROWING);
    once.cli(["run", "--rows", "5000", "--seed", "9"]).ok();
    let all = "select md5(string_agg(p::text, ';' order by id)) from person p";
    assert_eq!(stage.database.rows(all), once.database.rows(all));
    stage.prove();
}

/// A run that adds rows and is killed at work goes on; another one does not take an unfinished run back.
#[test]
fn a_killed_run_that_adds_rows_is_gone_on_with() {
    const EXTEND: [&str; 8] = [
        "run",
        "--rows",
        "20000",
        "--seed",
        "9",
        "--extend",
        "--chunk-rows",
        "100",
    ];
    let stage = Stage::new(GROWING);
    stage.cli(ARGS).ok();
    let before = stage.schema();
    let child = stage.cli(EXTEND).spawn();
    crate::schedule::eventually("some ranges", || {
        let sql = "select count(*) from tidegate.seed_chunk where run_id = 2 and done";
        stage.database.value::<i64>(sql) > 3
    });
    let outcome = child.kill();
    assert_ne!(outcome.code(), Some(0), "{}", outcome.stdout);
    let other = [
        "run", "--rows", "7", "--seed", "9", "--extend", "--format", "json",
    ];
    let error = stage.cli(other).exits(4).error();
    assert_eq!(error["code"], "TG0903", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("run 2 of another request is unfinished"),
        "{message}"
    );
    let data = stage.cli(EXTEND).data();
    assert_eq!(
        (&data["resumed"], &data["run"]),
        (&true.into(), &2.into()),
        "{data}"
    );
    assert_eq!(
        stage.database.rows("select count(*) from person"),
        ["23000"]
    );
    assert_eq!(stage.schema(), before);
    stage.prove();
}

/// Keys that are counted by the rows of other tables are counted otherwise when these grow.
#[test]
fn keys_that_would_come_again_are_refused_before_the_first_row() {
    let stage = Stage::new(HARD);
    stage.cli(ARGS).ok();
    let before = stage.schema();
    for command in ["plan", "run"] {
        let args = [
            command, "--rows", "1000", "--seed", "9", "--extend", "--format", "json",
        ];
        let error = stage.cli(args).exits(2).error();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("seat: no rows can be added: constraint \"seat_pkey\""),
            "{message}"
        );
    }
    assert_eq!(stage.schema(), before);
    assert_eq!(stage.database.rows("select count(*) from person"), ["3000"]);
}

/// A plan that computes for long is stopped by Ctrl-C, in `plan` and in `run`.
#[test]
fn planning_is_interrupted() {
    let stage = Stage::new(
        "create table a (id bigint primary key); create table b (id bigint primary key, a_id bigint not null references a)",
    );
    stage.project.write(
        "seeds/large.toml",
        "version = 1\n[tables.a]\nrows = 3_000_000_000\n[tables.b]\nper = { parent = \"a\", count = { poisson = { mean = 2.0 } } }\n",
    );
    for command in ["plan", "run"] {
        let mut child = stage.cli([command, "--format", "json"]).spawn();
        // Its session has read the catalog, and is idle.
        let planning = "select count(*) from pg_stat_activity where datname = current_database() \
            and pid <> pg_backend_pid() and state = 'idle' and query like '%count(*)%'";
        let idle = "select count(*) from pg_stat_activity where datname = current_database() \
            and pid <> pg_backend_pid() and state = 'idle' and query not like '%advisory%'";
        crate::schedule::eventually("a plan that is made", || {
            stage.database.value::<i64>(planning) > 0 || stage.database.value::<i64>(idle) > 0
        });
        std::thread::sleep(Duration::from_millis(1500));
        assert!(child.runs(), "{command}: it had planned already");
        child.interrupt();
        let limit = Instant::now() + Duration::from_secs(30);
        while child.runs() {
            assert!(Instant::now() < limit, "{command} goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
        let outcome = child.wait();
        assert_eq!(outcome.code(), Some(130), "{command}: {}", outcome.stderr);
        assert_eq!(outcome.error()["code"], "TG0003", "{}", outcome.stderr);
    }
    assert_eq!(stage.database.rows("select count(*) from a"), ["0"]);
}

/// Both signals stop a load between two ranges; nothing of what was loaded is lost.
#[test]
fn a_load_is_stopped_by_either_signal_and_gone_on_with() {
    let args = [
        "run",
        "--rows",
        "6000",
        "--seed",
        "9",
        "--chunk-rows",
        "100",
        "--workers",
        "1",
    ];
    let whole = Stage::new(HARD);
    let expected = digests(&whole.cli(args).data());
    let stage = Stage::new(HARD);
    stage.project.tidegate(["migrate", "status"]).ok();
    let before = stage.schema();
    let loaded = || {
        let there = "select to_regclass('tidegate.seed_chunk') is not null";
        let done = "select count(*) from tidegate.seed_chunk where done";
        let there: bool = stage.database.value(there);
        if there {
            stage.database.value::<i64>(done)
        } else {
            0
        }
    };
    let mut seen = 0;
    for terminate in [true, false] {
        let child = stage.cli(args).args(["--format", "json"]).spawn();
        crate::schedule::eventually("some ranges", || loaded() > seen + 5);
        if terminate {
            child.terminate();
        } else {
            child.interrupt();
        }
        let outcome = child.wait();
        assert_eq!(outcome.code(), Some(130), "{}", outcome.stderr);
        assert_eq!(outcome.error()["code"], "TG0003", "{}", outcome.stderr);
        let now = loaded();
        assert!(now > seen, "{now} ranges after {seen}");
        seen = now;
        assert_ne!(stage.schema(), before, "it had put everything back");
    }
    let data = stage.cli(args).data();
    assert_eq!(data["resumed"], true, "{data}");
    assert_eq!(digests(&data), expected);
    assert_eq!(stage.schema(), before);
    stage.prove();
}
