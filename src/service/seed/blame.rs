//! Why rows were refused before the run: the written row, the derived column or the index that is to
//! blame, each tried alone.

use super::derive;
use super::rehearse::{Trial, Tried, is_of_rows};
use crate::error::{Error, Kind, Result};
use crate::generate::{Derived, TablePlan};
use crate::postgres::Session;

/// Rows that a person wrote of which each is tried.
const WRITTEN: usize = 200;
/// Rows that a derived column is tried with.
const ROWS: u64 = 200;

/// Indexes over expressions.
const INDEXES: &str = "
select x.relname::text from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
where i.indrelid = pg_catalog.to_regclass($1) and (i.indexprs is not null or i.indpred is not null) order by 1";

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
    match indexes(session, trial).await {
        Ok(names) if !names.is_empty() => error.detail(format!(
            "an index cannot be made of it: one of {}",
            names.join(", ")
        )),
        _ => error,
    }
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
