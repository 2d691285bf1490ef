//! A run that is killed at any moment is gone on with, while the source takes writes; the copy is
//! of one instant in the end, and equal to `mask(source)` at that instant.
//!
//! `TIDEGATE_COPY_ROWS` (4,000; up to 10,000,000) is the size of the source, `TIDEGATE_COPY_KILLS` (3)
//! how often the process is killed, `TIDEGATE_COPY_SEED` repeats the kill points of an earlier run.

mod moment;
mod oracle;
mod traffic;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use self::moment::{Moment, Watched, instant};
use self::oracle::Oracle;
use self::traffic::Traffic;
use super::rules::KEY;
use super::stage::{Stage, client, run};
use crate::support::{Cli, Database, Server};

/// Masks of every kind: keyed, one to one, constant, null, an expression; in partitions, too.
const POLICY: &str = r#"version = 1
key = { env = "TIDEGATE_MASK_KEY" }
large_objects = "keep"
[columns]
"*" = "keep"
[tables.person]
email = { mask = "email", unique = true, domain = "person" }
full_name = "person_name"
phone = "phone"
born = { mask = "shift_days", max = 30, per = "id" }
notes = { mask = "hash", length = 12 }
[tables.account]
note = { mask = "constant", value = "nothing" }
[tables.event]
payload = "null"
[tables.reading]
value = { sql = "value + 1" }
[tables.letters]
v = { mask = "hash", length = 8 }
"#;

/// Accounts whose balance does not follow from the lines. At every instant there is none.
const WRONG: &str = "select count(*) from account
    left join (select payee as id, sum(amount) as got from line group by 1) as g using (id)
    left join (select payer as id, sum(amount) as paid from line group by 1) as p using (id)
    where balance <> 1000 + coalesce(got, 0) - coalesce(paid, 0)";

fn number(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |text| text.parse().expect(name))
}

/// The source: `rows` rows, about.
fn source(rows: u64) -> Database {
    let source = Database::new();
    let part = format!(
        "create function pg_temp.part(percent numeric) returns int language sql as \
         $$ select greatest(10, {rows} * percent / 100)::int $$;"
    );
    let tables = include_str!("kills/forty.sql");
    source.execute(&format!("{part}\n{tables}\nanalyze;"));
    source
}

fn copy(stage: &Stage) -> Cli {
    let words = ["copy", "run", "--from", "production", "--to", "staging"];
    let command = stage.project().tidegate(words);
    command
        .args(["--promote", "--format", "json"])
        .env("TIDEGATE_MASK_KEY", KEY)
}

fn diff(oracle: &Oracle, stage: &Stage) -> crate::support::Outcome {
    let (source, target) = (oracle.url(), Server::shared().url(&stage.target));
    Cli::new(["diff", &source, &target, "--format", "json"]).run()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_at_random_points_equals_the_masked_source() {
    let size = number("TIDEGATE_COPY_ROWS", 4_000).min(10_000_000);
    let kills = number("TIDEGATE_COPY_KILLS", 3);
    let seed = number("TIDEGATE_COPY_SEED", rand::random::<u32>().into());
    eprintln!("kill points of the seed {seed}: TIDEGATE_COPY_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::of(source(size));
    stage.project().write("masking-rules/forty.toml", POLICY);
    let traffic = Traffic::begin(stage.source.name(), seed).await;
    let watched = Watched::first(&stage.target, copy(&stage)).await;
    let mut killed = 0;
    let mut round = 0;
    let mut order = Moment::ALL.to_vec();
    order.shuffle(&mut random);
    while killed < kills {
        round += 1;
        assert!(
            round <= 3 * kills + 3,
            "{killed} of {kills} runs were killed at work"
        );
        let moment = order[killed as usize % order.len()];
        let share = random.random_range(0.0..1.0);
        if watched.kill(copy(&stage), moment, share).await {
            killed += 1;
            eprintln!("killed: {moment:?} at {:.0} %", share * 100.0);
        }
        // Whatever was killed, what people work with is a whole copy.
        assert_eq!(stage.rows(WRONG).await, ["0"], "{moment:?}");
    }
    let (outcome, oracle) = Oracle::beside(&stage, copy(&stage)).await;
    assert!(traffic.end().await > 50);
    let outcome = outcome.json()["data"].take();
    assert_eq!(outcome["promoted"], true, "{outcome}");
    equal_and_nothing_left(&stage, &oracle).await;
    red_when_a_chunk_is_lost(&stage, &oracle).await;
}

/// What follows the rows is taken away again; the rows are compared, not loaded once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_after_its_rows_keeps_them() {
    let stage = Stage::of(source(4_000));
    stage.project().write("masking-rules/forty.toml", POLICY);
    let watched = Watched::first(&stage.target, copy(&stage)).await;
    let mut killed = 0;
    for (moment, share) in [(Moment::Indexes, 0.3), (Moment::Indexes, 0.9)] {
        // One that had swapped before it died has left nothing to go on with.
        if watched.kill(copy(&stage), moment, share).await && instant(&stage.target).await.is_some()
        {
            killed += 1;
            keeps_rows(&copy(&stage).run());
        }
    }
    assert!(killed > 0, "no run was killed at work");
    let working = watched.kill(copy(&stage), Moment::Gate, 0.5).await
        && instant(&stage.target).await.is_some();
    let (outcome, oracle) = Oracle::beside(&stage, copy(&stage)).await;
    if working {
        keeps_rows(&outcome);
    }
    equal_and_nothing_left(&stage, &oracle).await;
}

fn keeps_rows(outcome: &crate::support::Outcome) {
    let kept = outcome.json()["data"]["ranges_kept"].as_u64();
    assert!(kept > Some(40), "{kept:?} {}", outcome.stderr);
}

async fn equal_and_nothing_left(stage: &Stage, oracle: &Oracle) {
    let found = diff(oracle, stage);
    assert_eq!(found.code(), Some(0), "{} {}", found.stdout, found.stderr);
    let tables = found.json()["data"]["tables"].as_array().unwrap().len();
    assert!(tables >= 40, "{tables} tables");
    assert_eq!(stage.rows(WRONG).await, ["0"]);
    let large =
        "select oid, md5(lo_get(oid)), lomowner::regrole from pg_largeobject_metadata order by oid";
    assert_eq!(stage.rows(large).await, oracle.rows(large).await);
    let views = "select count(*) from totals full join (select payer, sum(amount) as total from line group by 1) as now
        using (payer) where totals.total is distinct from now.total";
    assert_eq!(stage.rows(views).await, ["0"]);
    let objects = "select (select count(*) from pg_index where indrelid::regclass::text !~ '^pg_|tidegate'),
        (select count(*) from pg_constraint where connamespace::regnamespace::text !~ 'pg_|tidegate'),
        (select count(*) from pg_trigger where tgrelid::regclass::text !~ '^tidegate'),
        (select count(*) from pg_policy), (select count(*) from pg_statistic_ext)";
    assert_eq!(stage.rows(objects).await, stage.source.rows(objects));
    let left = stage.databases().await.list().await.unwrap();
    let stages: Vec<_> = left.iter().map(|one| one.mark.stage).collect();
    assert_eq!(stages.len(), 2, "in use and before: {stages:?}");
}

/// The proof can fail: some rows next to each other are taken out of the copy.
async fn red_when_a_chunk_is_lost(stage: &Stage, oracle: &Oracle) {
    let target = client(&stage.target).await;
    let lose = "set session_replication_role = replica; \
        delete from only metric_1 where ctid in (select ctid from only metric_1 limit 50)";
    target.batch_execute(lose).await.unwrap();
    let found = diff(oracle, stage);
    assert_eq!(found.code(), Some(3), "{} {}", found.stdout, found.stderr);
    let tables = found.json()["data"]["tables"].take();
    let unequal = tables.as_array().unwrap().iter();
    let unequal: Vec<_> = unequal.filter(|table| table["equal"] == false).collect();
    assert_eq!(unequal.len(), 1, "{unequal:?}");
    assert!(unequal[0]["missing"].as_u64().unwrap() > 0, "{unequal:?}");
}

/// Each payment changes two accounts and writes a line. `cold` never changes.
const BANK: &str = "
create table account (id int primary key, balance bigint not null, note text) with (fillfactor = 90);
create table line (id bigint generated always as identity primary key, payer int not null references account,
    payee int not null references account, amount bigint not null);
create table cold (id int primary key, filling text);
insert into account select i, 1000, repeat('x', 100) from generate_series(1, 3000) i;
insert into cold select i, repeat('y', 200) from generate_series(1, 20000) i;
";

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
    assert_eq!(stage.rows(WRONG).await, ["0"]);
    for table in ["account", "cold", "line"] {
        let sql = format!("select md5(string_agg(t::text, ';' order by id)) from {table} t");
        assert_eq!(stage.rows(&sql).await, stage.source.rows(&sql), "{table}");
    }
}
