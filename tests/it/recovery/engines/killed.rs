//! M10: the programs of a backup end with the process that started them, however that ends.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::source::{Engine, Source};
use crate::recovery::stage::value;

every_engine!(a_killed_backup_leaves_no_program_behind);

/// The processes below one, with their command lines.
fn below(root: u32) -> Vec<(i32, String)> {
    let mut all: Vec<(i32, i32)> = Vec::new();
    for entry in PathBuf::from("/proc").read_dir().unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').map(|(_, rest)| rest);
        let parent = parent.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        all.extend(parent.map(|parent: i32| (pid, parent)));
    }
    let mut found = vec![i32::try_from(root).unwrap()];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(
            all.iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        at += 1;
    }
    let line = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    };
    found[1..].iter().map(|pid| (*pid, line(pid))).collect()
}

fn lives(pid: i32) -> bool {
    let gone = test_kill_process(Pid::from_raw(pid).unwrap()).is_err();
    // One that nobody waits for any more is dead, too.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !gone
        && !stat
            .rsplit_once(')')
            .is_none_or(|(_, rest)| rest.starts_with(" Z"))
}

async fn a_killed_backup_leaves_no_program_behind(engine: Engine) {
    let source = Source::new(engine).await;
    source.create().data();
    let what = match engine {
        Engine::Native => "pg_basebackup",
        Engine::PgBackRest => "pgbackrest backup",
        Engine::Barman => "backup tidegate",
    };
    // A backup begins with a checkpoint, and waits for it for ever.
    let sql = "select pid::text from pg_stat_activity where backend_type = 'checkpointer'";
    let checkpointer: i32 = value(&source.primary, sql).await.parse().unwrap();
    let checkpointer = Pid::from_raw(checkpointer).unwrap();
    kill_process(checkpointer, Signal::STOP).unwrap();
    let running = source.create().spawn();
    let until = Instant::now() + Duration::from_secs(60);
    let mut programs = Vec::new();
    let waiting = "select count(*)::text from pg_stat_activity where wait_event in ('CheckpointStart', 'CheckpointDone')";
    while programs.is_empty() || value(&source.primary, waiting).await == "0" {
        programs = below(running.pid());
        programs.retain(|(_, line)| !line.contains("leash"));
        if !programs.iter().any(|(_, line)| line.contains(what)) {
            programs.clear();
        }
        assert!(Instant::now() < until, "{what} did not begin to wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(running.kill().signal(), Some(9));
    let until = Instant::now() + Duration::from_secs(20);
    let left = || {
        let mut left = programs.clone();
        left.retain(|(pid, _)| lives(*pid));
        left
    };
    while !left().is_empty() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left = left();
    kill_process(checkpointer, Signal::CONT).unwrap();
    assert!(left.is_empty(), "{left:#?}");
    // What it left is no backup, and goes.
    source.create().data();
    let expire = [
        "backup",
        "expire",
        "--keep-count",
        "5",
        "--abandoned-after",
        "0s",
    ];
    let data = source.command(&expire).data();
    assert_eq!(data["remains"].as_array().unwrap().len(), 1, "{data:#}");
    assert_eq!(source.backups().len(), 2, "{:?}", source.backups());
    source.command(&["backup", "verify"]).ok();
}
