//! Deletes runs of long ago.

use sqlx::PgConnection;

use crate::error::Result;

/// Runs that are kept of each schedule.
const KEPT_RUNS: i64 = 1_000;

/// Deletes all but the newest [`KEPT_RUNS`] runs of a schedule, the last success, and what is at
/// work. How many there were of each state is kept with the schedule, whose row the caller has locked.
///
/// # Errors
/// Those of the database.
pub(super) async fn prune(connection: &mut PgConnection, project: &str, name: &str) -> Result<()> {
    sqlx::query(
        "with gone as ( \
           delete from tidegate.schedule_run as r where r.project = $1 and r.name = $2 \
             and r.state not in ('intent', 'running') \
             and r.id <= (select id from tidegate.schedule_run where project = $1 and name = $2 \
               order by id desc offset $3 limit 1) \
             and r.id is distinct from (select pg_catalog.max(id) from tidegate.schedule_run \
               where project = $1 and name = $2 and state = 'done') \
           returning r.state \
         ), sums as (select state, count(*) as runs from gone group by state) \
         update tidegate.schedule as s set pruned = s.pruned || ( \
             select pg_catalog.jsonb_object_agg(state, runs + coalesce((s.pruned->>state)::bigint, 0)) \
             from sums) \
         where s.project = $1 and s.name = $2 and exists (select from sums)",
    )
    .bind(project)
    .bind(name)
    .bind(KEPT_RUNS)
    .execute(connection)
    .await?;
    Ok(())
}
