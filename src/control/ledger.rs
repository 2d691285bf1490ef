//! The ledger of changes. It is written over the data plane's connection, so that a step and its
//! outcome are one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::GenericClient;

use crate::error::{Error, Kind, Result};
use crate::migration::{Change, Entry, Ledger, LedgerPhase, Phase, PhaseState};

/// Whether the control schema is there; commands that only look do not make it.
async fn is_there(client: &impl GenericClient) -> Result<bool> {
    Ok(client
        .query_one(
            "select pg_catalog.to_regclass('tidegate.phase') is not null",
            &[],
        )
        .await?
        .get(0))
}

/// Reads the ledger; an empty one when the control schema is not there.
///
/// # Errors
/// Those of the database, or a ledger that a newer Tidegate wrote.
pub async fn load(client: &impl GenericClient) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    if !is_there(client).await? {
        return Ok(ledger);
    }
    for row in client
        .query(
            "select id, checksum, title, definition from tidegate.change",
            &[],
        )
        .await?
    {
        let definition = read_json(row.get(3))?;
        ledger
            .changes
            .insert(row.get(0), (row.get(1), row.get(2), definition));
    }
    let rows = client
        .query(
            "select p.change_id, p.phase, p.release, p.state, p.steps, p.finished_at, \
             coalesce(pg_catalog.array_agg(s.ordinal) filter (where s.state = 'done'), '{}'), \
             coalesce(pg_catalog.array_agg(s.ordinal) filter (where s.state = 'intent'), '{}'), \
             coalesce(pg_catalog.array_agg(s.ordinal) filter (where s.state = 'failed'), '{}') \
             from tidegate.phase as p left join tidegate.step as s \
             on s.change_id = p.change_id and s.phase = p.phase \
             group by p.change_id, p.phase",
            &[],
        )
        .await?;
    for row in rows {
        let phase: Phase = row.get::<_, &str>(1).parse()?;
        ledger.phases.insert(
            (row.get(0), phase),
            LedgerPhase {
                state: state_of(row.get(3))?,
                release: row.get::<_, &str>(2).parse()?,
                steps: read_json(row.get(4))?,
                done: indexes(row.get(6)),
                intended: indexes(row.get(7)),
                failed: indexes(row.get(8)),
                finished_at: row.get(5),
            },
        );
    }
    Ok(ledger)
}

fn indexes(ordinals: Vec<i32>) -> BTreeSet<usize> {
    ordinals
        .into_iter()
        .filter_map(|index| usize::try_from(index).ok())
        .collect()
}

fn read_json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| {
        Error::new(Kind::Internal, "the ledger cannot be read")
            .hint("it was probably written by a newer Tidegate")
            .because(error)
    })
}

fn state_of(word: &str) -> Result<PhaseState> {
    match word {
        "running" => Ok(PhaseState::Running),
        "done" => Ok(PhaseState::Done),
        "undoing" => Ok(PhaseState::Undoing),
        "undone" => Ok(PhaseState::Undone),
        _ => Err(Error::new(
            Kind::Internal,
            format!("unknown state {word:?} in the ledger"),
        )),
    }
}

fn to_json(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|error| Error::new(Kind::Internal, error.to_string()))
}

fn ordinal(index: usize) -> Result<i32> {
    i32::try_from(index).map_err(|_| Error::new(Kind::Internal, "a phase has too many steps"))
}

/// Records that a phase begins, with the steps it runs by. Steps of an earlier beginning that left
/// nothing behind are replaced, since the file may have been mended; else nothing happens.
///
/// # Errors
/// Those of the database.
pub async fn begin_phase(
    client: &impl GenericClient,
    change: &Change,
    entry: &Entry,
    plan_hash: &str,
) -> Result<()> {
    client
        .execute(
            "insert into tidegate.change as c (id, title, checksum, definition) values ($1, $2, $3, $4) \
             on conflict (id) do update set title = excluded.title, checksum = excluded.checksum, \
             definition = excluded.definition",
            &[&change.id, &change.title, &entry.checksum, &to_json(&change.definition())?],
        )
        .await?;
    client
        .execute(
            "delete from tidegate.phase where change_id = $1 and phase = $2 \
             and (state = 'undone' or state = 'running' and not $3)",
            &[&entry.change, &entry.phase.as_str(), &entry.resumed],
        )
        .await?;
    client
        .execute(
            "insert into tidegate.phase (change_id, phase, release, state, plan_hash, steps) \
             values ($1, $2, $3, 'running', $4, $5) on conflict do nothing",
            &[
                &entry.change,
                &entry.phase.as_str(),
                &entry.release.to_string(),
                &plan_hash,
                &to_json(&entry.steps)?,
            ],
        )
        .await?;
    Ok(())
}

/// Records that a step is about to run; true when an earlier run had come just as far, so that
/// the outcome of a step without a transaction is unknown.
///
/// # Errors
/// Those of the database.
pub async fn intend(client: &impl GenericClient, entry: &Entry, index: usize) -> Result<bool> {
    let title = entry
        .steps
        .get(index)
        .map_or("", |step| step.title.as_str());
    let inserted = client
        .execute(
            "insert into tidegate.step as step (change_id, phase, ordinal, title, state) \
             values ($1, $2, $3, $4, 'intent') on conflict (change_id, phase, ordinal) do update \
             set state = 'intent', error = null, outcome_at = null, \
               intent_at = pg_catalog.clock_timestamp() where step.state = 'failed'",
            &[
                &entry.change,
                &entry.phase.as_str(),
                &ordinal(index)?,
                &title,
            ],
        )
        .await?;
    Ok(inserted == 0)
}

/// Records that a step is done; inside the step's own transaction where it has one.
///
/// # Errors
/// Those of the database.
pub async fn step_done(client: &impl GenericClient, entry: &Entry, index: usize) -> Result<()> {
    client
        .execute(
            "update tidegate.step set state = 'done', outcome_at = pg_catalog.clock_timestamp(), error = null, \
             took_ms = extract(epoch from pg_catalog.clock_timestamp() - intent_at) * 1000 \
             where change_id = $1 and phase = $2 and ordinal = $3",
            &[&entry.change, &entry.phase.as_str(), &ordinal(index)?],
        )
        .await?;
    Ok(())
}

/// Forgets the intent of a step that the server refused: it did not happen.
///
/// # Errors
/// Those of the database.
pub async fn step_refused(client: &impl GenericClient, entry: &Entry, index: usize) -> Result<()> {
    client
        .execute(
            "delete from tidegate.step where change_id = $1 and phase = $2 and ordinal = $3 and state = 'intent'",
            &[&entry.change, &entry.phase.as_str(), &ordinal(index)?],
        )
        .await?;
    Ok(())
}

/// Records that the server refused a step which may have left something behind all the same.
///
/// # Errors
/// Those of the database.
pub async fn step_failed(
    client: &impl GenericClient,
    entry: &Entry,
    index: usize,
    error: &str,
) -> Result<()> {
    client
        .execute(
            "update tidegate.step set state = 'failed', error = $4, outcome_at = pg_catalog.clock_timestamp() \
             where change_id = $1 and phase = $2 and ordinal = $3 and state = 'intent'",
            &[&entry.change, &entry.phase.as_str(), &ordinal(index)?, &error],
        )
        .await?;
    Ok(())
}

/// Records a person's word on a step that failed or whose outcome is unknown: it took effect, or it
/// is to be run again.
///
/// # Errors
/// Those of the database.
pub async fn resolve_step(
    client: &impl GenericClient,
    (change, phase, index): (&str, Phase, usize),
    applied: bool,
) -> Result<()> {
    let sql = if applied {
        "update tidegate.step set state = 'done', outcome_at = pg_catalog.clock_timestamp() \
         where change_id = $1 and phase = $2 and ordinal = $3 and state in ('intent', 'failed')"
    } else {
        "delete from tidegate.step where change_id = $1 and phase = $2 and ordinal = $3 \
         and state in ('intent', 'failed')"
    };
    client
        .execute(sql, &[&change, &phase.as_str(), &ordinal(index)?])
        .await?;
    Ok(())
}

/// Records a person's word on a whole phase: all of it is in the database, or nothing of it is.
///
/// # Errors
/// Those of the database.
pub async fn resolve_phase(
    client: &impl GenericClient,
    (change, phase): (&str, Phase),
    titles: &[&str],
    applied: bool,
) -> Result<()> {
    if applied {
        client
            .execute(
                "insert into tidegate.step as s (change_id, phase, ordinal, title, state, outcome_at) \
                 select $1, $2, t.number - 1, t.title, 'done', pg_catalog.clock_timestamp() \
                 from pg_catalog.unnest($3::text[]) with ordinality as t (title, number) \
                 on conflict (change_id, phase, ordinal) do update \
                 set state = 'done', outcome_at = coalesce(s.outcome_at, excluded.outcome_at)",
                &[&change, &phase.as_str(), &titles],
            )
            .await?;
    } else {
        client
            .execute(
                "delete from tidegate.step where change_id = $1 and phase = $2",
                &[&change, &phase.as_str()],
            )
            .await?;
    }
    let (state, said) = if applied {
        ("done", "applied")
    } else {
        ("undone", "not applied")
    };
    client
        .execute(
            "update tidegate.phase set state = $3, finished_at = pg_catalog.clock_timestamp(), \
             evidence = pg_catalog.jsonb_build_object('resolved_as', $4::text) \
             where change_id = $1 and phase = $2",
            &[&change, &phase.as_str(), &state, &said],
        )
        .await?;
    Ok(())
}

/// Records that a phase is done, with its evidence.
///
/// # Errors
/// Those of the database.
pub async fn finish_phase(
    client: &impl GenericClient,
    entry: &Entry,
    evidence: &serde_json::Value,
) -> Result<()> {
    client
        .execute(
            "update tidegate.phase set state = 'done', evidence = $3, finished_at = pg_catalog.clock_timestamp() \
             where change_id = $1 and phase = $2",
            &[&entry.change, &entry.phase.as_str(), evidence],
        )
        .await?;
    Ok(())
}

/// Records that the rollback of a phase begins.
///
/// # Errors
/// Those of the database.
pub async fn begin_undo(client: &impl GenericClient, change: &str, phase: Phase) -> Result<()> {
    client
        .execute(
            "update tidegate.phase set state = 'undoing' where change_id = $1 and phase = $2",
            &[&change, &phase.as_str()],
        )
        .await?;
    Ok(())
}

/// Forgets a step that was undone; inside the undo's own transaction where it has one.
///
/// # Errors
/// Those of the database.
pub async fn step_undone(
    client: &impl GenericClient,
    change: &str,
    phase: Phase,
    index: usize,
) -> Result<()> {
    client
        .execute(
            "delete from tidegate.step where change_id = $1 and phase = $2 and ordinal = $3",
            &[&change, &phase.as_str(), &ordinal(index)?],
        )
        .await?;
    Ok(())
}

/// Records that a phase is rolled back.
///
/// # Errors
/// Those of the database.
pub async fn finish_undo(client: &impl GenericClient, change: &str, phase: Phase) -> Result<()> {
    client
        .execute(
            "update tidegate.phase set state = 'undone', finished_at = pg_catalog.clock_timestamp() \
             where change_id = $1 and phase = $2",
            &[&change, &phase.as_str()],
        )
        .await?;
    Ok(())
}

/// When a phase was finished, if it is done.
///
/// # Errors
/// Those of the database.
pub async fn done_since(
    client: &impl GenericClient,
    change: &str,
    phase: Phase,
) -> Result<Option<DateTime<Utc>>> {
    if !is_there(client).await? {
        return Ok(None);
    }
    Ok(client
        .query_opt(
            "select finished_at from tidegate.phase where change_id = $1 and phase = $2 and state = 'done'",
            &[&change, &phase.as_str()],
        )
        .await?
        .and_then(|row| row.get(0)))
}

/// The evidence of a phase, if it is done.
///
/// # Errors
/// Those of the database.
pub async fn evidence(
    client: &impl GenericClient,
    change: &str,
    phase: Phase,
) -> Result<Option<serde_json::Value>> {
    if !is_there(client).await? {
        return Ok(None);
    }
    Ok(client
        .query_opt(
            "select evidence from tidegate.phase where change_id = $1 and phase = $2 and state = 'done'",
            &[&change, &phase.as_str()],
        )
        .await?
        .and_then(|row| row.get(0)))
}

/// Adds to what the last phase of a change before contract recorded; keys that are there are
/// replaced.
///
/// # Errors
/// Those of the database.
pub async fn add_evidence(
    client: &impl GenericClient,
    change: &str,
    evidence: &serde_json::Value,
) -> Result<()> {
    client
        .execute(
            "update tidegate.phase set evidence = coalesce(evidence || $2, $2) \
             where change_id = $1 and state = 'done' and phase = ( \
               select p.phase from tidegate.phase as p where p.change_id = $1 and p.state = 'done' \
                 and p.phase in ('enforce', 'backfill') order by p.phase = 'enforce' desc limit 1)",
            &[&change, evidence],
        )
        .await?;
    Ok(())
}

/// People who granted the plan, each counted once, unless somebody denied it.
///
/// # Errors
/// Those of the database.
pub async fn grants(
    client: &impl GenericClient,
    plan_hash: &str,
    environment: &str,
) -> Result<u32> {
    let row = client
        .query_one(
            "select case when pg_catalog.bool_or(state = 'denied') then 0 \
             else pg_catalog.count(distinct actor) filter (where state = 'granted') end \
             from tidegate.approval where plan_hash = $1 and environment = $2",
            &[&plan_hash, &environment],
        )
        .await?;
    Ok(u32::try_from(row.get::<_, Option<i64>>(0).unwrap_or(0)).unwrap_or(0))
}
