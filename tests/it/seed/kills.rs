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
