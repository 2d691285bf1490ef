//! Who still uses a column: the statements that `pg_stat_statements` has seen.
//!
//! Counters only grow, and before PostgreSQL 17 nothing says when a statement was seen first. So the
//! phases before contract note the counters of the statements that mention the column, and contract
//! asks which ones have grown since. Notes are void once the server has forgotten entries. A refused
//! contract notes them anew: the old release may well have run on for a while after the phase before.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::catalog::has_word;
use crate::control::ledger;
use crate::error::{Kind, Result};
use crate::migration::Phase;
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

/// How long a column must be out of use after contract was refused because of its readers: an
/// application of the old release that is still there reads far more often.
pub(super) const QUIET: TimeDelta = TimeDelta::minutes(1);

/// What the server has counted.
#[derive(Debug)]
pub(super) enum Seen {
    /// It cannot tell, for this reason.
    Unknown(String),
    /// Statements of this database that mention table and column.
    Known(Vec<Statement>, Epoch),
}

/// One statement.
#[derive(Debug)]
pub(super) struct Statement {
    /// Arguments of `pg_stat_statements_reset`: role, database, query.
    pub(super) key: String,
    /// How often it ran.
    pub(super) calls: i64,
    /// Its normalized text: constants are not in it.
    pub(super) text: String,
}

/// The life of the counters; notes of another one say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Epoch {
    reset: String,
    forgotten: i64,
}

/// Counters at the end of a phase, or when contract was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    epoch: Epoch,
    calls: BTreeMap<String, i64>,
    /// When contract was refused; the column must be out of use for a while from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<DateTime<Utc>>,
}

impl Note {
    /// The counters of these statements.
    pub(super) fn of(statements: &[Statement], epoch: Epoch) -> Self {
        let calls = statements
            .iter()
            .map(|one| (one.key.clone(), one.calls))
            .collect();
        Self {
            epoch,
            calls,
            refused: None,
        }
    }

    /// The same, when contract was refused because of them.
    pub(super) fn refused(statements: &[Statement], epoch: Epoch, at: DateTime<Utc>) -> Self {
        Self {
            refused: Some(at),
            ..Self::of(statements, epoch)
        }
    }

    /// Whether it is of this life of the counters.
    pub(super) fn holds(&self, epoch: &Epoch) -> bool {
        self.epoch == *epoch
    }
}

/// The statements that ran since the note, with how often. Without a valid note all of them.
pub(super) fn since<'a>(
    note: Option<&Note>,
    statements: &'a [Statement],
    epoch: &Epoch,
) -> Vec<(&'a Statement, i64)> {
    let note = note.filter(|note| note.holds(epoch));
    let before = |key: &str| {
        note.and_then(|note| note.calls.get(key))
            .copied()
            .unwrap_or(0)
    };
    statements
        .iter()
        .map(|one| match one.calls - before(&one.key) {
            // Somebody reset this one entry: it counts from there.
            fallen if fallen < 0 => (one, one.calls),
            more => (one, more),
        })
        .filter(|(_, more)| *more > 0)
        .collect()
}

/// The counters at the end of enforce, else of the backfill, or at a later refusal.
///
/// # Errors
/// Those of the database.
pub(super) async fn noted(session: &Session, change: &str, subject: &str) -> Result<Option<Note>> {
    for phase in [Phase::Enforce, Phase::Backfill] {
        let evidence = ledger::evidence(&**session, change, phase).await?;
        let note = evidence.and_then(|evidence| {
            let note = evidence.get("statements")?.get(subject)?;
            serde_json::from_value(note.clone()).ok()
        });
        if note.is_some() {
            return Ok(note);
        }
    }
    Ok(None)
}

/// Name under which a note is kept.
pub(super) fn subject(table: &QualifiedName, column: &Ident) -> String {
    format!("{table}.{column}")
}

/// Reads the statements that mention table and column. Definitions of objects, statements inside of
/// functions and those of Tidegate do not count.
///
/// # Errors
/// The database is out of reach.
pub(super) async fn mentioning(
    session: &Session,
    table: &QualifiedName,
    column: &Ident,
) -> Result<Seen> {
    let schema: Option<String> = session
        .query_opt(
            "select n.nspname::text from pg_catalog.pg_extension as e \
             join pg_catalog.pg_namespace as n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'",
            &[],
        )
        .await?
        .map(|row| row.get(0));
    let Some(schema) = schema else {
        return Ok(Seen::Unknown(
            "pg_stat_statements is not installed".to_owned(),
        ));
    };
    match read(session, &Ident::new(schema)?, (table, column)).await {
        Err(error) if !matches!(error.kind(), Kind::ConnectionLost | Kind::Unreachable) => Ok(
            Seen::Unknown(format!("pg_stat_statements cannot be read: {error}")),
        ),
        other => other,
    }
}

async fn read(
    session: &Session,
    schema: &Ident,
    (table, column): (&QualifiedName, &Ident),
) -> Result<Seen> {
    let info = format!("select stats_reset::text, dealloc from {schema}.pg_stat_statements_info");
    let row = session.query_one(&info, &[]).await?;
    let epoch = Epoch {
        reset: row.get(0),
        forgotten: row.get(1),
    };
    let sql = format!(
        "select pg_catalog.concat_ws(', ', s.userid, s.dbid, s.queryid), s.calls, s.query \
         from {schema}.pg_stat_statements as s join pg_catalog.pg_database as d on d.oid = s.dbid \
         where d.datname = pg_catalog.current_database() and s.toplevel and (s.queryid is null \
           or pg_catalog.strpos(pg_catalog.lower(s.query), pg_catalog.lower($1)) > 0 \
           and pg_catalog.strpos(pg_catalog.lower(s.query), pg_catalog.lower($2)) > 0 \
           and pg_catalog.strpos(s.query, '/* tidegate */') = 0 \
           and s.query !~* '^\\s*(alter|analyze|comment|create|drop|grant|reindex|revoke|vacuum)\\M')"
    );
    let words = [table.name.as_str(), column.as_str()];
    let rows = session.query(&sql, &[&words[0], &words[1]]).await?;
    let mut hidden = 0;
    let mut found = Vec::new();
    for row in rows {
        let text: Option<String> = row.get(2);
        match text.filter(|text| text != "<insufficient privilege>") {
            None => hidden += 1,
            Some(text) if words.iter().all(|word| has_word(&text, word)) => {
                found.push(Statement {
                    key: row.get(0),
                    calls: row.get(1),
                    text: text.split_whitespace().collect::<Vec<_>>().join(" "),
                });
            }
            Some(_) => {}
        }
    }
    if hidden > 0 && found.is_empty() {
        return Ok(Seen::Unknown(format!(
            "{hidden} statements of other roles are hidden; grant pg_read_all_stats to this one"
        )));
    }
    Ok(Seen::Known(found, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(forgotten: i64) -> Epoch {
        Epoch {
            reset: "then".to_owned(),
            forgotten,
        }
    }

    fn ran(key: &str, calls: i64) -> Statement {
        Statement {
            key: key.to_owned(),
            calls,
            text: String::new(),
        }
    }

    #[test]
    fn only_what_grew_counts_and_a_note_of_another_life_does_not() {
        let note = Note::of(&[ran("a", 5), ran("b", 5), ran("c", 5)], epoch(1));
        let now = [ran("a", 5), ran("b", 7), ran("c", 2), ran("d", 1)];
        let grown = |note, epoch| -> Vec<(String, i64)> {
            let rows = since(note, &now, &epoch);
            rows.into_iter()
                .map(|(one, more)| (one.key.clone(), more))
                .collect()
        };
        let own = |rows: &[(&str, i64)]| -> Vec<(String, i64)> {
            rows.iter()
                .map(|(key, more)| ((*key).to_owned(), *more))
                .collect()
        };
        assert_eq!(
            grown(Some(&note), epoch(1)),
            own(&[("b", 2), ("c", 2), ("d", 1)])
        );
        let all = own(&[("a", 5), ("b", 7), ("c", 2), ("d", 1)]);
        assert_eq!(grown(Some(&note), epoch(2)), all);
        assert_eq!(grown(None, epoch(1)), all);
    }
}
