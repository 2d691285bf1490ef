//! Windows on lease.

use tokio_postgres::{GenericClient, Row};

use super::targets::{TargetRecord, read_target};
use crate::backfill::{JobId, Window};
use crate::error::{Error, Kind, Result};

/// How much a new window may hold; computed by the engine for each target.
pub type Cut<'a> = dyn Fn(&TargetRecord) -> (i64, i32) + Send + Sync + 'a;

/// What asking for a window gave.
#[derive(Debug)]
pub enum Lease {
    /// A window to walk.
    Taken(Window),
    /// All windows are cut; others still walk theirs.
    OthersWork,
    /// Nothing is left.
    Finished,
}

const WINDOW: &str = "w.id, w.ordinal, w.from_block, w.to_block, w.stripes, w.next_stripe, \
    w.position, w.fence";

fn read_window(row: &Row) -> Window {
    Window {
        id: row.get(0),
        ordinal: row.get(1),
        from_block: row.get(2),
        to_block: row.get(3),
        stripes: row.get(4),
        next_stripe: row.get(5),
        position: row.get(6),
        fence: row.get(7),
    }
}

/// Takes over a window whose owner is gone or late, else cuts a new one. The session becomes its
/// owner for `seconds`.
///
/// # Errors
/// The ledger cannot be written.
pub async fn lease(
    client: &mut tokio_postgres::Client,
    id: JobId,
    seconds: f64,
    cut: &Cut<'_>,
) -> Result<Lease> {
    // A backend whose start may not be seen (another role's) counts as alive: its lease runs out.
    let sql = format!(
        "update tidegate.backfill_window as w set fence = w.fence + 1, \
           owner_pid = pg_catalog.pg_backend_pid(), owner_started = me.backend_start, \
           lease_until = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $2) \
         from pg_catalog.pg_stat_activity me where me.pid = pg_catalog.pg_backend_pid() \
           and w.id = (select o.id from tidegate.backfill_window o \
             where o.job_id = $1 and not o.finished \
               and (o.lease_until < pg_catalog.clock_timestamp() or o.owner_pid is null \
                 or not exists (select 1 from pg_catalog.pg_stat_activity a where a.pid = o.owner_pid \
                   and (a.backend_start is null or a.backend_start = o.owner_started))) \
             order by o.id limit 1 for update skip locked) \
         returning {WINDOW}"
    );
    if let Some(row) = client.query_opt(&sql, &[&id.0, &seconds]).await? {
        return Ok(Lease::Taken(read_window(&row)));
    }
    if let Some(window) = cut_window(client, id, seconds, cut).await? {
        return Ok(Lease::Taken(window));
    }
    let row = client
        .query_one(
            "select exists (select 1 from tidegate.backfill_window \
               where job_id = $1 and not finished)",
            &[&id.0],
        )
        .await?;
    Ok(if row.get(0) {
        Lease::OthersWork
    } else {
        Lease::Finished
    })
}

async fn cut_window(
    client: &mut tokio_postgres::Client,
    id: JobId,
    seconds: f64,
    cut: &Cut<'_>,
) -> Result<Option<Window>> {
    let transaction = client.transaction().await?;
    let row = transaction
        .query_opt(
            "select ordinal, schema_name, table_name, blocks, rows_estimate, fillfactor, stripe_key, \
               next_block \
             from tidegate.backfill_target where job_id = $1 and next_block < blocks \
             order by ordinal limit 1 for update",
            &[&id.0],
        )
        .await?;
    let Some(row) = row else {
        // A row locked by another cutter may have been used up meanwhile; ask again only if some
        // other target is left.
        transaction.commit().await?;
        let left = client
            .query_one(
                "select exists (select 1 from tidegate.backfill_target \
                   where job_id = $1 and next_block < blocks)",
                &[&id.0],
            )
            .await?;
        return if left.get(0) {
            Box::pin(cut_window(client, id, seconds, cut)).await
        } else {
            Ok(None)
        };
    };
    let target = read_target(&row)?;
    let from: i64 = row.get(7);
    let (blocks, stripes) = cut(&target);
    let to = from.saturating_add(blocks.max(1)).min(target.blocks);
    transaction
        .execute(
            "update tidegate.backfill_target set next_block = $3 where job_id = $1 and ordinal = $2",
            &[&id.0, &target.ordinal, &to],
        )
        .await?;
    let sql = format!(
        "insert into tidegate.backfill_window as w (job_id, ordinal, from_block, to_block, stripes, \
           position, owner_pid, owner_started, lease_until) \
         select $1, $2, $3, $4, $5, $3, me.pid, me.backend_start, \
           pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $6) \
         from pg_catalog.pg_stat_activity me where me.pid = pg_catalog.pg_backend_pid() \
         returning {WINDOW}"
    );
    let row = transaction
        .query_one(
            &sql,
            &[&id.0, &target.ordinal, &from, &to, &stripes, &seconds],
        )
        .await?;
    transaction.commit().await?;
    Ok(Some(read_window(&row)))
}

/// Gives a window back before its end.
///
/// # Errors
/// The ledger cannot be written.
pub async fn release(client: &impl GenericClient, window: &Window) -> Result<()> {
    client
        .execute(
            "update tidegate.backfill_window set owner_pid = null \
             where id = $1 and fence = $2 and not finished",
            &[&window.id, &window.fence],
        )
        .await?;
    Ok(())
}

/// Moves a window past a chunk whose rows were dealt with one by one.
///
/// # Errors
/// [`Kind::LeaseLost`].
pub async fn move_on(
    client: &impl GenericClient,
    window: &Window,
    next: (i32, i64),
    rows: i64,
) -> Result<()> {
    let moved = client
        .execute(
            "update tidegate.backfill_window set next_stripe = $3, position = $4, \
               finished = $3 >= stripes, rows = rows + $5, chunks = chunks + 1 \
             where id = $1 and fence = $2",
            &[&window.id, &window.fence, &next.0, &next.1, &rows],
        )
        .await?;
    if moved == 0 {
        return Err(Error::new(
            Kind::LeaseLost,
            format!("the lease of window {} was taken over", window.id),
        ));
    }
    Ok(())
}
