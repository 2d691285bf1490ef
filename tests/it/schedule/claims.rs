//! Claims, with a clock that the test moves.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tidegate::clock::{Clock, ManualClock};
use tidegate::config::{Config, Overrides};
use tidegate::control::schedule::Presence;
use tidegate::control::{Control, Operator};
use tidegate::error::Kind;
use tidegate::service::process::Caller;
use tidegate::service::schedule::Keeper;

use super::project;
use crate::support::Database;

async fn keeper(config: &Config, clock: &Arc<ManualClock>) -> Keeper {
    let target = config.control_target(None).await.unwrap();
    let operator = Operator::of_process(None);
    Keeper {
        project: config.project.clone(),
        environment: "dev".to_owned(),
        control: Control::open(&target).await.unwrap(),
        presence: Presence::enter(&target, &operator).await.unwrap(),
        operator,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        caller: Caller::new(config, None, None).unwrap(),
    }
}

fn config(database: &Database, cron: &str) -> Config {
    let project = project(database, cron, "env list", "timezone = \"Europe/Berlin\"\n");
    Config::load(&Overrides {
        file: Some(project.path().join("tidegate.toml")),
        ..Overrides::default()
    })
    .unwrap()
}

#[tokio::test]
async fn m18_of_eight_that_claim_at_once_one_gets_the_time() {
    let database = Database::new();
    let config = config(&database, "* * * * *");
    let schedule = config.schedules().unwrap().remove(0);
    let start: DateTime<Utc> = "2026-03-28T23:30:30Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let mut keepers = Vec::new();
    for _ in 0..8 {
        keepers.push(keeper(&config, &clock).await);
    }
    let control = &keepers[0].control;
    control
        .watch_schedule("shop", &schedule, start)
        .await
        .unwrap();
    for _ in 0..20 {
        clock.advance(std::time::Duration::from_secs(60));
        let tries = keepers
            .iter()
            .map(|keeper| keeper.take_due(&schedule, start));
        let taken = futures_util::future::join_all(tries).await;
        let mine: Vec<_> = taken.into_iter().filter_map(|got| got.unwrap().1).collect();
        assert_eq!(mine.len(), 1, "{mine:?}");
        // Alive: neither the next due time nor a person gets another run.
        let error = keepers[1].take_now(&schedule).await.unwrap_err();
        assert_eq!(error.kind(), Kind::RunnerBusy);
        database.execute(&format!(
            "update tidegate.schedule_run set state = 'done' where id = {}",
            mine[0].id
        ));
    }
    let runs: i64 = database.value("select count(*) from tidegate.schedule_run");
    assert_eq!(runs, 20);
}

#[tokio::test]
async fn a_daily_run_meets_the_gap_of_spring_and_the_hour_twice_of_autumn_once() {
    for (start, due) in [
        (
            "2026-03-28T12:00:00Z",
            ["2026-03-29 01:00:00", "2026-03-30 00:30:00"],
        ),
        (
            "2026-10-24T12:00:00Z",
            ["2026-10-25 00:30:00", "2026-10-26 01:30:00"],
        ),
    ] {
        let database = Database::new();
        let config = config(&database, "30 2 * * *");
        let schedule = config.schedules().unwrap().remove(0);
        let start: DateTime<Utc> = start.parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let keeper = keeper(&config, &clock).await;
        keeper
            .control
            .watch_schedule("shop", &schedule, start)
            .await
            .unwrap();
        // A daemon that looks each ten minutes for two days.
        for _ in 0..6 * 24 * 2 {
            clock.advance(std::time::Duration::from_secs(600));
            if let (_, Some(occasion)) = keeper.take_due(&schedule, start).await.unwrap() {
                database.execute(&format!(
                    "update tidegate.schedule_run set state = 'done' where id = {}",
                    occasion.id
                ));
            }
        }
        let found = database.rows(
            "select to_char(due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') \
             from tidegate.schedule_run order by due_at",
        );
        assert_eq!(found, due);
    }
}

#[tokio::test]
async fn an_owner_lives_by_its_lock_and_its_signs() {
    let database = Database::new();
    let config = config(&database, "* * * * *");
    let schedule = config.schedules().unwrap().remove(0);
    let start: DateTime<Utc> = "2026-05-01T00:00:30Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let keeper = keeper(&config, &clock).await;
    let control = &keeper.control;
    control
        .watch_schedule("shop", &schedule, start)
        .await
        .unwrap();
    clock.advance(std::time::Duration::from_secs(60));
    assert!(keeper.take_due(&schedule, start).await.unwrap().1.is_some());
    let silent = |seconds: u32| {
        database.execute(&format!(
            "update tidegate.schedule_run set heartbeat_at = now() - interval '{seconds} s'"
        ));
    };
    silent(60);
    assert_eq!(
        control.bury_runs("shop").await.unwrap(),
        0,
        "it holds its lock"
    );
    keeper.presence.beat(control).await.unwrap();
    let fresh = "select heartbeat_at > now() - interval '10 s' from tidegate.schedule_run";
    assert!(database.value::<bool>(fresh));
    silent(121);
    assert_eq!(
        control.bury_runs("shop").await.unwrap(),
        1,
        "cut off for too long"
    );
    database.execute("update tidegate.schedule_run set state = 'running'");
    silent(60);
    let killed: i64 = database.value(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where application_name = 'tidegate/presence' and datname = current_database()",
    );
    assert_eq!(killed, 1);
    // The server lets the lock go once the backend has ended.
    super::eventually("the lock to be let go", || {
        database.value::<i64>(
            "select count(*) from pg_locks where locktype = 'advisory' \
             and database = (select oid from pg_database where datname = current_database())",
        ) == 0
    });
    silent(10);
    assert_eq!(
        control.bury_runs("shop").await.unwrap(),
        0,
        "it may connect anew"
    );
    silent(21);
    assert_eq!(control.bury_runs("shop").await.unwrap(), 1, "dead");
}
