//! What a server says of the slots that it keeps WAL for.

use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::recovery::{SlotState, lost_remedy};

/// The slot of a receiver that names none.
pub const DEFAULT_SLOT: &str = "tidegate";

/// The lasting physical slots. A column that a version does not have is null in the row's JSON. A
/// standby keeps WAL up to what it has received.
const SLOTS: &str = "select s.slot_name::text, s.active, s.wal_status, s.safe_wal_size, \
     pg_catalog.pg_wal_lsn_diff(case when pg_catalog.pg_is_in_recovery() \
       then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) \
       else pg_catalog.pg_current_wal_lsn() end, s.restart_lsn)::bigint as retained, \
     case when not s.active then extract(epoch from pg_catalog.clock_timestamp() \
       - (pg_catalog.to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8 end as inactive, \
     pg_catalog.to_jsonb(s) ->> 'invalidation_reason' as reason \
     from pg_catalog.pg_replication_slots as s where s.slot_type = 'physical' and not s.temporary order by 1";

/// In megabytes; -1 is without a limit.
const KEEP: &str =
    "select setting::bigint from pg_catalog.pg_settings where name = 'max_slot_wal_keep_size'";

/// Every slot through which WAL is received from a server, but for temporary ones, which end with their
/// connection.
///
/// # Errors
/// The server is out of reach.
pub async fn slots(session: &Session) -> Result<Vec<SlotState>> {
    let keep_bytes = keep_bytes(session).await?;
    let rows = session.query(SLOTS, &[]).await?;
    rows.iter()
        .map(|row| {
            let retained: Option<i64> = row.try_get("retained")?;
            Ok(SlotState {
                name: row.try_get("slot_name")?,
                there: true,
                active: row.try_get("active")?,
                wal_status: row.try_get("wal_status")?,
                retained_bytes: retained.map(|bytes| u64::try_from(bytes).unwrap_or_default()),
                safe_bytes: row.try_get("safe_wal_size")?,
                keep_bytes,
                inactive_seconds: row.try_get("inactive")?,
                invalidation_reason: row.try_get("reason")?,
            })
        })
        .collect()
}

/// The slot of that name, whether it is there or not.
///
/// # Errors
/// As [`slots`].
pub async fn slot(session: &Session, name: &str) -> Result<SlotState> {
    let known = slots(session).await?;
    let found = known.into_iter().find(|slot| slot.name == name);
    match found {
        Some(found) => Ok(found),
        None => Ok(SlotState {
            name: name.to_owned(),
            keep_bytes: keep_bytes(session).await?,
            ..SlotState::default()
        }),
    }
}

/// Refuses a slot that its server has given up. `pg_receivewal` would not always: with an empty spool it
/// goes on from the end of the log, and the hole is found by nobody until somebody restores.
///
/// # Errors
/// [`Kind::WalMissing`] with the remedy; the server is out of reach.
pub(super) async fn refuse_lost(session: &Session, target: &Target, name: &str) -> Result<()> {
    let slot = slot(session, name).await?;
    if !slot.lost() {
        return Ok(());
    }
    let limit = slot.keep_bytes.map_or_else(String::new, |limit| {
        let limit = crate::recovery::bytes(limit);
        format!(" (max_slot_wal_keep_size is {limit})")
    });
    let why = slot.invalidation_reason.map_or_else(
        || "it needed WAL that was removed".to_owned(),
        |reason| format!("its reason is {reason}"),
    );
    Err(Error::new(
        Kind::WalMissing,
        format!(
            "the replication slot \"{name}\" is lost: {} has given it up, {why}{limit}",
            target.label()
        ),
    )
    .hint(lost_remedy(name)))
}

async fn keep_bytes(session: &Session) -> Result<Option<u64>> {
    let row = session.query_one(KEEP, &[]).await?;
    let megabytes = u64::try_from(row.try_get::<_, i64>(0)?).ok();
    Ok(megabytes.map(|megabytes| megabytes << 20))
}
