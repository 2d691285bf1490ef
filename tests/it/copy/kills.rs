//! A run that is killed at any moment is gone on with, while the source takes writes; the copy is
//! of one instant in the end.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::stage::{Stage, client, engine, run};

const CONFIG: &str = "TIDEGATE_COPY_CHILD";

/// Each payment changes two accounts and writes a line; the balances follow from the lines, at
/// every instant. `cold` never changes.
const BANK: &str = "
create table account (id int primary key, balance bigint not null, note text) with (fillfactor = 90);
create table line (id bigint generated always as identity primary key, payer int not null references account,
    payee int not null references account, amount bigint not null);
create table cold (id int primary key, filling text);
insert into account select i, 1000, repeat('x', 100) from generate_series(1, 3000) i;
insert into cold select i, repeat('y', 200) from generate_series(1, 20000) i;
";

/// Accounts whose balance does not follow from the lines, and the number of lines.
const WRONG: &str = "select (select count(*) from account a where balance <> 1000
    + coalesce((select sum(amount) from line where payee = a.id), 0)
    - coalesce((select sum(amount) from line where payer = a.id), 0)),
    (select sum(balance) from account), (select count(*) from account), (select count(*) from cold)";

/// Not a test: what the killed processes run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_killed_run_is_gone_on_with"]
async fn child() {
    let Some(config) = std::env::var_os(CONFIG) else {
        return;
    };
    let mut engine = engine(PathBuf::from(config)).await;
    engine.options.chunk_bytes = 64 << 10;
    run(engine, &[]).await.unwrap();
}

async fn pay(database: String, stop: Arc<AtomicBool>) -> u64 {
    let mut client = client(&database).await;
    let mut count = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let (payer, payee) = (
            (count * 7 % 3000 + 1) as i32,
            (count * 11 % 2999 + 2) as i32,
        );
        let amount = (count % 50) as i64;
        let transaction = client.transaction().await.unwrap();
        for (id, change) in [(payer, -amount), (payee, amount)] {
            transaction
                .execute(
                    "update account set balance = balance + $2 where id = $1",
                    &[&id, &change],
                )
                .await
                .unwrap();
        }
        transaction
            .execute(
                "insert into line (payer, payee, amount) values ($1, $2, $3)",
                &[&payer, &payee, &amount],
            )
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        count += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_gone_on_with() {
    let stage = Stage::new(BANK);
    let stop = Arc::new(AtomicBool::new(false));
    let payments = tokio::spawn(pay(stage.source.name().to_owned(), Arc::clone(&stop)));
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "copy::kills::child", "--ignored"])
            .env(CONFIG, stage.project().path().join("tidegate.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let began = Instant::now();
    let mut undisturbed = start();
    let waited = tokio::task::spawn_blocking(move || undisturbed.wait().unwrap());
    assert!(waited.await.unwrap().success());
    let usual = began.elapsed();
    let mut killed = 0;
    for round in 0..20_u32 {
        let mut child = start();
        // From before the schema is there to the gate.
        tokio::time::sleep(usual * (1 + round * 7 % 20) / 22).await;
        if child.try_wait().unwrap().is_none() {
            killed += 1;
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(killed >= 10, "{killed} of 20 processes were killed at work");
    let outcome = stage.copy(&[], true).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(payments.await.unwrap() > 100);
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert_eq!(stage.rows(WRONG).await, ["0|3000000|3000|20000"]);
    assert_eq!(
        stage
            .rows("select md5(string_agg(c::text, ';' order by id)) from cold c")
            .await,
        stage
            .source
            .rows("select md5(string_agg(c::text, ';' order by id)) from cold c")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_ranges_are_kept_unless_the_source_has_changed_there() {
    let stage = Stage::new(BANK);
    let mut engine = stage.engine().await;
    engine.options.chunk_bytes = 64 << 10;
    engine.options.workers = 1;
    // The last table by size holds a row whose expression fails: everything before it is loaded.
    stage.source.execute("create table bad as select 0 as zero");
    let failing = [(
        "bad.zero",
        tidegate::masking::Mask::Sql {
            expression: "1 / zero".to_owned(),
        },
    )];
    run(engine, &failing).await.unwrap_err();
    stage.source.execute(
        "update bad set zero = 1; update account set balance = balance - 1 where id = 17; \
         update account set balance = balance + 1 where id = 18; \
         insert into line (payer, payee, amount) values (17, 18, 1); delete from cold where id % 5000 = 0",
    );
    let mut engine = stage.engine().await;
    engine.options.chunk_bytes = 64 << 10;
    engine.options.promote = true;
    let outcome = run(engine, &failing).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert!(
        outcome.ranges_kept > 20,
        "{} ranges kept",
        outcome.ranges_kept
    );
    assert_eq!(stage.rows(WRONG).await, ["0|3000000|3000|19996"]);
    for table in ["account", "cold", "line"] {
        let sql = format!("select md5(string_agg(t::text, ';' order by id)) from {table} t");
        assert_eq!(stage.rows(&sql).await, stage.source.rows(&sql), "{table}");
    }
}
