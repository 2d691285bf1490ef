//! Watches how long Tidegate holds ACCESS EXCLUSIVE on the shop's tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::outcome::LockFigures;
use crate::clock::Clock;
use crate::config::Target;
use crate::error::Result;
use crate::postgres::Session;

const PAUSE: Duration = Duration::from_millis(1);

/// Samples until it is stopped. A hold lasts from its first sample to the one that no longer sees
/// it, so the figure is off by at most the gaps at its two ends; a hold that fits between two
/// samples is not seen at all. The largest gap is therefore part of the result.
pub(super) async fn watch(
    target: Target,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<LockFigures> {
    let session = Session::connect(&target, "demo-locks").await?;
    let statement = session
        .prepare(
            "select l.pid, l.relation::bigint, l.virtualtransaction from pg_catalog.pg_locks as l \
             join pg_catalog.pg_class as c on c.oid = l.relation \
             join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
             join pg_catalog.pg_stat_activity as a on a.pid = l.pid \
             where l.mode = 'AccessExclusiveLock' and l.granted and n.nspname = 'public' \
             and c.relkind = 'r' and a.application_name like 'tidegate/%'",
        )
        .await?;
    let mut held: BTreeMap<(i32, i64, String), Duration> = BTreeMap::new();
    let (mut longest, mut gap) = (Duration::ZERO, Duration::ZERO);
    let (mut samples, mut holds) = (0_u32, 0_u32);
    let started = clock.monotonic();
    let mut last = started;
    while !stop.is_cancelled() {
        let rows = session.query(&statement, &[]).await?;
        let now = clock.monotonic();
        let seen: Vec<(i32, i64, String)> = rows
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect();
        held.retain(|key, since| {
            longest = longest.max(now.saturating_sub(*since));
            seen.contains(key)
        });
        for key in seen {
            held.entry(key).or_insert_with(|| {
                holds += 1;
                now
            });
        }
        gap = gap.max(now.saturating_sub(last));
        last = now;
        samples += 1;
        tokio::time::sleep(PAUSE).await;
    }
    let total = clock.monotonic().saturating_sub(started).as_secs_f64() * 1000.0;
    Ok(LockFigures {
        longest_access_exclusive_ms: longest.as_secs_f64() * 1000.0,
        resolution_ms: total / f64::from(samples.max(1)),
        largest_gap_ms: gap.as_secs_f64() * 1000.0,
        holds,
    })
}
