//! The page that Prometheus reads. It is made anew from the ledger each time, so that every daemon
//! shows the same, and a series whose schedule is gone goes with it.

use chrono::{DateTime, Utc};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::scheduler::Scheduler;
use crate::config::Target;
use crate::control::backfill as ledger;
use crate::control::schedule::Standing;
use crate::error::Result;
use crate::job::JobState;
use crate::postgres::Session;
use crate::service::schedule::ScheduleStatus;

/// One backfill that is not over.
struct Backfill {
    job: String,
    title: String,
    state: JobState,
    totals: ledger::Totals,
}

/// Reads the ledgers and writes the page.
///
/// # Errors
/// The control database is out of reach. A managed database out of reach is a metric.
pub(super) async fn page(scheduler: &Scheduler, target: &Target) -> Result<String> {
    let keeper = &scheduler.keeper;
    let now = keeper.clock.now();
    keeper.control.bury_runs(&keeper.project).await?;
    let mut schedules = Vec::new();
    for schedule in &scheduler.schedules {
        let standing = keeper.standing(schedule).await?;
        schedules.push((ScheduleStatus::new(schedule, &standing, now), standing));
    }
    let backfills = backfills(target).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        describe();
        gauge!("tidegate_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        gauge!("tidegate_database_up", "environment" => target.environment.clone())
            .set(f64::from(u8::from(backfills.is_ok())));
        for (status, standing) in &schedules {
            write_schedule(status, standing);
        }
        for backfill in backfills.iter().flatten() {
            write_backfill(backfill);
        }
    });
    Ok(handle.render())
}

fn describe() {
    use metrics::{describe_counter, describe_gauge};
    describe_gauge!("tidegate_build_info", "1, with the version of the daemon");
    describe_gauge!(
        "tidegate_database_up",
        "Whether the managed database answers"
    );
    describe_gauge!(
        "tidegate_schedule_overdue",
        "1 when a due time should have succeeded by now and did not: alert on it"
    );
    describe_gauge!(
        "tidegate_schedule_last_success_timestamp_seconds",
        "When the last successful run ended"
    );
    describe_gauge!(
        "tidegate_schedule_next_due_timestamp_seconds",
        "When it is due next"
    );
    describe_gauge!("tidegate_schedule_running", "Runs at work now");
    describe_counter!("tidegate_schedule_runs_total", "Due times by their outcome");
    describe_gauge!("tidegate_backfill_rows_done", "Rows walked, estimated");
    describe_gauge!("tidegate_backfill_rows_total", "Rows to walk, estimated");
    describe_gauge!("tidegate_backfill_quarantined_rows", "Rows set aside");
}

fn write_schedule(status: &ScheduleStatus, standing: &Standing) {
    let name = || status.name.clone();
    let seconds = |at: DateTime<Utc>| at.timestamp_millis() as f64 / 1000.0;
    gauge!("tidegate_schedule_overdue", "schedule" => name()).set(f64::from(u8::from(status.late)));
    if let Some(at) = status.last_success {
        gauge!("tidegate_schedule_last_success_timestamp_seconds", "schedule" => name())
            .set(seconds(at));
    }
    if let Some(at) = status.next_due {
        gauge!("tidegate_schedule_next_due_timestamp_seconds", "schedule" => name())
            .set(seconds(at));
    }
    let count = |state: &str| standing.counts.get(state).copied().unwrap_or_default();
    gauge!("tidegate_schedule_running", "schedule" => name())
        .set((count("intent") + count("running")) as f64);
    for outcome in ["done", "failed", "unknown", "skipped", "missed"] {
        counter!("tidegate_schedule_runs_total", "schedule" => name(), "outcome" => outcome)
            .absolute(u64::try_from(count(outcome)).unwrap_or_default());
    }
}

fn write_backfill(backfill: &Backfill) {
    let labels = [
        ("job", backfill.job.clone()),
        ("column", backfill.title.clone()),
        ("state", backfill.state.to_string()),
    ];
    gauge!("tidegate_backfill_rows_done", &labels).set(backfill.totals.rows_walked);
    gauge!("tidegate_backfill_rows_total", &labels).set(backfill.totals.rows_total);
    gauge!("tidegate_backfill_quarantined_rows", &labels).set(backfill.totals.quarantined as f64);
}

/// The backfills of the managed database that are not given up.
async fn backfills(target: &Target) -> Result<Vec<Backfill>> {
    let session = Session::connect(target, "metrics").await?;
    let there: bool = session
        .query_one(
            "select pg_catalog.to_regclass('tidegate.backfill_job') is not null",
            &[],
        )
        .await?
        .get(0);
    let mut backfills = Vec::new();
    if !there {
        return Ok(backfills);
    }
    for job in ledger::jobs(&*session).await? {
        if job.state != JobState::Cancelled {
            backfills.push(Backfill {
                job: job.id.to_string(),
                title: job.spec.title(),
                state: job.state,
                totals: ledger::totals(&*session, job.id).await?,
            });
        }
    }
    Ok(backfills)
}
