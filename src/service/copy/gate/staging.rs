//! Jobs that a staging database would carry out on its own.

use super::leak_scan::Scanned;
use crate::error::Result;
use crate::masking::leak::LiveKind;
use crate::masking::{MaskPlan, Rows};
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::sql::{Ident, QualifiedName};

/// Tables in which known libraries keep pending jobs, and the usual names of an outbox.
const QUEUES: &str = "
select n.nspname::text, c.relname::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and (
    c.relname in (
        'que_jobs', 'delayed_jobs', 'good_jobs', 'oban_jobs', 'queue_classic_jobs',
        'procrastinate_jobs', 'django_q_ormq', 'django_q_schedule', 'celery_tasksetmeta',
        'kombu_message', 'sidekiq_jobs', 'river_job', 'hangfire_job', 'failed_jobs', 'job_queue',
        'messenger_messages', 'apalis_jobs', 'scheduled_jobs')
    or c.relname ~ '^solid_queue_.*(_executions|jobs)$'
    or c.relname ~ '(^|_)outbox(_|$)'
    or c.relname ~ '^celery_.*(task|schedule)'
    or n.nspname = 'graphile_worker' and c.relname in ('jobs', '_private_jobs')
    or n.nspname = 'pgboss' and c.relname = 'job'
    or n.nspname = 'cron' and c.relname = 'job'
    or n.nspname = 'hangfire' and c.relname in ('job', 'jobqueue')
    or n.nspname = 'pgmq' and c.relname ~ '^q_')
order by 1, 2";

/// No known queue holds a job; one of which the policy carries no rows holds none when it is empty.
pub(super) async fn queues(target: &Session, plan: &MaskPlan) -> Result<Check> {
    let (mut known, mut emptied) = (0, 0);
    let mut full = Vec::new();
    for row in target.query(QUEUES, &[]).await? {
        let name = QualifiedName::new(
            Ident::new(row.get::<_, String>(0))?,
            Ident::new(row.get::<_, String>(1))?,
        );
        known += 1;
        let sql = format!("select exists (select from only {name})");
        if target.query_one(&sql, &[]).await?.get(0) {
            full.push(name.plain());
        } else if plan.table(&name).is_some_and(|t| t.rows == Rows::None) {
            emptied += 1;
        }
    }
    Ok(Check {
        name: "pending jobs".to_owned(),
        passed: full.is_empty(),
        detail: if full.is_empty() {
            let known = format!("0 in {known} known queues");
            match emptied {
                0 => known,
                _ => format!("{known}, {emptied} of them emptied by the policy"),
            }
        } else {
            format!(
                "queues with rows: {}; give them rows = \"none\"",
                full.join(", ")
            )
        },
    })
}

/// Nothing in the copy can reach a person or a real service.
pub(super) fn live(scanned: &Scanned) -> Check {
    let count = |kind: LiveKind| -> u64 {
        let found = scanned.live.iter().filter(|(one, _)| *one == kind);
        found.map(|(_, leak)| leak.count).sum()
    };
    let (addresses, tokens) = (count(LiveKind::Address), count(LiveKind::Token));
    let mut detail = format!("{addresses} deliverable addresses, {tokens} live tokens");
    let mut places: Vec<String> = scanned
        .live
        .iter()
        .map(|(kind, leak)| format!("{} ({}: {})", leak.place, kind.name(), leak.count))
        .collect();
    places.dedup();
    if !places.is_empty() {
        detail.push_str(&format!(": {}", places.join(", ")));
    }
    Check {
        name: "staging safety".to_owned(),
        passed: scanned.live.is_empty(),
        detail,
    }
}
