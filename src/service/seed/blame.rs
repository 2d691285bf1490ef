//! Why rows were refused before the run: the written row, the derived column or the index that is to
//! blame, each tried alone.

use super::derive;
use super::rehearse::{Trial, Tried, is_of_rows};
use crate::error::{Error, Kind, Result};
use crate::generate::{Derived, TablePlan};
use crate::postgres::{Session, from_postgres};

/// Rows that a person wrote of which each is tried.
const WRITTEN: usize = 200;
/// Rows that a derived column is tried with.
const ROWS: u64 = 200;

/// Indexes over expressions.
const INDEXES: &str = "
select x.relname::text from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
where i.indrelid = pg_catalog.to_regclass($1) and (i.indexprs is not null or i.indpred is not null) order by 1";

/// Checks of a table, by name, and their expressions.
const CHECKS: &str = "
select conname::text, pg_catalog.pg_get_expr(conbin, conrelid) from pg_catalog.pg_constraint
where conrelid = pg_catalog.to_regclass($1) and contype = 'c' order by 1";

/// A table of the rows without its checks.
const BARE: &str = "tidegate_bare";

/// The error with what is to blame, as far as that shows.
pub(super) async fn blame(session: &mut Session, trial: &Trial<'_>, error: Error) -> Error {
    if !matches!(error.kind(), Kind::SeedPlan) {
        return error;
    }
    // What cannot be tried is not to blame.
    if let Ok(Some(of_row)) = written(session, trial).await {
        return of_row;
    }
    if let Ok(Some(of_column)) = derived(session, trial).await {
        return of_column;
    }
    if let Ok(names) = raising(session, trial).await
        && !names.is_empty()
    {
        let word = if names.len() == 1 {
            "constraint"
        } else {
            "constraints"
        };
        return error.detail(format!(
            "{word} \"{}\" cannot be evaluated for the values that are generated",
            names.join("\", \"")
        ));
    }
    match indexes(session, trial).await {
        Ok(names) if !names.is_empty() => error.detail(format!(
            "an index cannot be made of it: one of {}",
            names.join(", ")
        )),
        _ => error,
    }
}

/// The checks that raise an error for rows of the trial, each evaluated alone.
async fn raising(session: &mut Session, trial: &Trial<'_>) -> Result<Vec<String>> {
    if !trial.plan.derived.is_empty() {
        return Ok(Vec::new());
    }
    let name = trial.plan.name.to_string();
    let found = session.query(CHECKS, &[&name]).await?;
    let transaction = session.transaction().await?;
    let bare = format!(
        "create temporary table {BARE} (like {name} including generated including defaults)"
    );
    transaction
        .batch_execute(&bare)
        .await
        .map_err(from_postgres)?;
    let rows = trial.maker.spread(trial.at, ROWS);
    trial
        .copy(&transaction, rows, &format!("pg_temp.{BARE}"))
        .await?
        .map_err(from_postgres)?;
    let mut names = Vec::new();
    for row in &found {
        let (constraint, expression) = (row.get::<_, String>(0), row.get::<_, String>(1));
        let each =
            format!("savepoint tidegate_check; select count({expression}) from pg_temp.{BARE}");
        if let Err(error) = transaction.batch_execute(&each).await {
            let code = error.code().map(|code| code.code().to_owned());
            if code.is_some_and(|code| is_of_rows(&code)) {
                names.push(constraint);
            }
            transaction
                .batch_execute("rollback to savepoint tidegate_check")
                .await
                .map_err(from_postgres)?;
        }
    }
    transaction.rollback().await?;
    Ok(names)
}

/// The first row that a person wrote and that is refused by itself.
async fn written(session: &mut Session, trial: &Trial<'_>) -> Result<Option<Error>> {
    for number in trial.maker.written(trial.at).take(WRITTEN) {
        let place = trial.plan.places.get(number as usize);
        if let (Err(error), Some(place)) = (trial.run(session, vec![number], true).await, place) {
            return Ok(Some(error.at(place.clone())));
        }
    }
    Ok(None)
}

/// The first derived column that has no value for some row.
async fn derived(session: &mut Session, trial: &Trial<'_>) -> Result<Option<Error>> {
    for derived in &trial.plan.derived {
        let plan = only(trial.plan, derived);
        let transaction = session.transaction().await?;
        derive::wait(&transaction, &plan, &plan.name.to_string()).await?;
        let rows = trial.maker.spread(trial.at, ROWS);
        let sent = trial.copy(&transaction, rows, derive::WAITING).await?;
        transaction.rollback().await?;
        let code = sent
            .err()
            .and_then(|error| error.code().map(|code| code.code().to_owned()));
        if let Some(code) = code.filter(|code| is_of_rows(code)) {
            return Ok(Some(derive::fails(trial.plan, derived, &code)));
        }
    }
    Ok(None)
}

/// The table with one derived column.
fn only(plan: &TablePlan, derived: &Derived) -> TablePlan {
    TablePlan {
        derived: vec![derived.clone()],
        ..plan.clone()
    }
}

/// Indexes over expressions or of a part of the rows, when the rows are fine without them.
async fn indexes(session: &mut Session, trial: &Trial<'_>) -> Result<Vec<String>> {
    let rows = trial.maker.spread(trial.at, ROWS);
    if trial.run(session, rows, false).await? == Tried::Not {
        return Ok(Vec::new());
    }
    let name = trial.plan.name.to_string();
    let found = session.query(INDEXES, &[&name]).await?;
    let names = found
        .iter()
        .map(|row| format!("\"{}\"", row.get::<_, String>(0)));
    Ok(names.collect())
}
