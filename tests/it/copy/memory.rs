//! Memory and reading are bounded by constants, whatever a table holds.

use std::fs;
use std::time::Duration;

use super::rules::KEY;
use super::stage::Stage;
use crate::support::{Cli, Outcome};

const KEEP: &str =
    "version = 1\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n[columns]\n\"*\" = \"keep\"\n";

/// kB that a process may have in memory.
const BOUND: u64 = 200 << 10;

fn copy(stage: &Stage, more: &[&'static str]) -> Cli {
    stage.project().write("masking-rules/rules.toml", KEEP);
    let words = [
        "copy",
        "run",
        "--from",
        "production",
        "--to",
        "staging",
        "--format",
        "json",
    ];
    let command = stage.project().tidegate(words).args(more.iter().copied());
    command.env("TIDEGATE_MASK_KEY", KEY)
}

/// Runs it to its end; the most memory that it had, in kB.
fn watched(command: Cli) -> (Outcome, u64) {
    let mut run = command.spawn();
    let status = format!("/proc/{}/status", run.pid());
    let mut peak = 0;
    while run.runs() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(now.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    (run.wait(), peak)
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_a_huge_field_is_refused_before_it_is_read() {
    for (kind, value) in [
        ("text", "repeat(md5('x'), 3200000)"),
        ("bytea", "decode(repeat(md5('x'), 3200000), 'hex')"),
        ("jsonb", "to_jsonb(repeat(md5('x'), 3200000))"),
    ] {
        let stage = Stage::new(&format!(
            "create table wide (id int, v {kind}); insert into wide values (1, {value})"
        ));
        let (outcome, peak) = watched(copy(&stage, &[]));
        assert_ne!(outcome.code(), Some(0));
        let error = outcome.error();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("wide") && message.contains("8 MB"),
            "{message}"
        );
        assert!(peak > 0 && peak < 100 << 10, "{kind}: {peak} kB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_rows_of_the_widest_kind_that_is_carried_need_less_than_200_mb() {
    let table = |name: &str| {
        format!(
            "create table {name} (id int primary key, v text); alter table {name} alter v set storage external; \
             insert into {name} select i, repeat(md5(i::text), 245000) from generate_series(1, 3) i;"
        )
    };
    let tables: Vec<String> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| table(name))
        .collect();
    let stage = Stage::new(&tables.concat());
    let (outcome, peak) = watched(copy(&stage, &["--workers", "4", "--promote"]));
    assert_eq!(
        outcome.code(),
        Some(0),
        "{} {}",
        outcome.stderr,
        outcome.stdout
    );
    eprintln!("4 tables of rows of 7.8 MB, 4 workers: {} MB", peak >> 10);
    assert!(peak > 0 && peak < BOUND, "{peak} kB");
    let rows = "select sum(hashtextextended(v, 0)) from (table a union all table b union all table c union all table d) t";
    assert_eq!(stage.rows(rows).await, stage.source.rows(rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_the_source_is_not_read_faster_than_it_may_be() {
    let stage = Stage::new(
        "create table t as select i as id, repeat('x', 200) as filling from generate_series(1, 10000) i",
    );
    let by_flag = copy(&stage, &["--max-rate", "1MB"]).run();
    assert_eq!(by_flag.code(), Some(0), "{}", by_flag.stderr);
    let found = by_flag.json()["data"].take();
    let (bytes, seconds) = (
        found["bytes"].as_f64().unwrap(),
        found["load_seconds"].as_f64().unwrap(),
    );
    assert!(
        bytes > 2e6 && seconds > bytes / 1e6 - 0.3,
        "{bytes} bytes in {seconds} s"
    );
    assert!(
        found["seconds"].as_f64().unwrap() > 2.0 * (bytes / 1e6 - 0.3),
        "the gate reads, too: {found}"
    );

    let config = stage.project().read("tidegate.toml");
    let limited = |rate: &str| {
        let text = format!("{config}\n[copy]\nmax_rate = \"{rate}\"\n");
        stage.project().write("tidegate.toml", &text);
        copy(&stage, &[]).run()
    };
    let found = limited("1MB").json()["data"].take();
    assert!(
        found["load_seconds"].as_f64().unwrap() > bytes / 1e6 - 0.3,
        "{found}"
    );
    let wrong = limited("fast");
    assert_eq!(wrong.code(), Some(2), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("50MB"), "{}", wrong.stderr);
}
