//! Columns that the server computes: rows go by COPY into a temporary table that has these columns as
//! generated ones, and from there into their table, in the transaction of their range.
//!
//! That a generated column takes nothing but an immutable expression over its row is the server's rule;
//! so a derived value hangs on the row's other values alone, and the same seed gives the same.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::rehearse::is_of_rows;
use crate::error::{Error, Kind, Result};
use crate::generate::{Derived, TablePlan};
use crate::postgres::from_postgres;
use crate::sql::Ident;

/// The temporary table that rows wait in.
pub(super) const WAITING: &str = "pg_temp.tidegate_waiting";

/// Makes the temporary table for the rows of a plan; `into` is their table. It goes with the
/// transaction.
///
/// # Errors
/// [`Kind::SeedSpec`] with the column when the server does not take its expression; those of the database.
pub(super) async fn wait(
    transaction: &Transaction<'_>,
    plan: &TablePlan,
    into: &str,
) -> Result<()> {
    let table = format!(
        "create temporary table tidegate_waiting on commit drop as select {} from {into} with no data",
        list(written(plan))
    );
    transaction
        .execute(&table, &[])
        .await
        .map_err(from_postgres)?;
    for derived in &plan.derived {
        let Derived {
            name,
            data_type,
            expression,
            ..
        } = derived;
        let column = format!(
            "alter table {WAITING} add column {name} {data_type} generated always as ({expression}\n) stored"
        );
        let added = transaction.execute(&column, &[]).await;
        added.map_err(|error| refused(plan, derived, error))?;
    }
    Ok(())
}

/// Moves the waiting rows on; how many there were.
///
/// # Errors
/// Those of the database.
pub(super) async fn move_on(
    transaction: &Transaction<'_>,
    plan: &TablePlan,
    into: &str,
) -> std::result::Result<u64, tokio_postgres::Error> {
    let names = written(plan).chain(plan.derived.iter().map(|derived| &derived.name));
    let names = list(names);
    // COPY writes identity columns without being told to.
    let sql = format!(
        "insert into {into} ({names}) overriding system value select {names} from {WAITING}"
    );
    transaction.execute(&sql, &[]).await
}

/// Refuses a table whose rules would rewrite what moves the rows on; COPY passes them by.
///
/// # Errors
/// [`Kind::SeedPlan`], those of the database.
pub(super) async fn refuse_rules(transaction: &Transaction<'_>, plan: &TablePlan) -> Result<()> {
    let sql = "select exists (select from pg_catalog.pg_rewrite \
        where ev_class = pg_catalog.to_regclass($1) and ev_type = '3' and ev_enabled <> 'D')";
    let row = transaction
        .query_one(sql, &[&plan.name.to_string()])
        .await?;
    if !row.get::<_, bool>(0) {
        return Ok(());
    }
    let message = format!(
        "{}: rules for inserts, and columns derived by SQL",
        plan.name.plain()
    );
    Err(Error::new(Kind::SeedPlan, message)
        .hint("drop the rules, or give the columns another generator"))
}

/// What the digest of each row covers beside its bytes: the expressions, whose values are not known
/// here.
pub(super) fn salt(plan: &TablePlan) -> Vec<u8> {
    let mut salt = Vec::new();
    for derived in &plan.derived {
        for part in [derived.name.as_str(), &derived.expression] {
            salt.extend_from_slice(&(part.len() as u64).to_be_bytes());
            salt.extend_from_slice(part.as_bytes());
        }
    }
    salt
}

fn written(plan: &TablePlan) -> impl Iterator<Item = &Ident> {
    plan.columns.iter().map(|column| &column.name)
}

fn list<'i>(names: impl Iterator<Item = &'i Ident>) -> String {
    let names: Vec<String> = names.map(ToString::to_string).collect();
    names.join(", ")
}

/// What the server says of an expression; it has seen no row yet, so its words hold no value but those of
/// the expression itself.
fn refused(plan: &TablePlan, derived: &Derived, error: tokio_postgres::Error) -> Error {
    let Some(server) = error.as_db_error() else {
        return from_postgres(error);
    };
    let spec = |why: &str| wrong(plan, derived, why);
    match server.code() {
        &SqlState::INVALID_OBJECT_DEFINITION if server.message().contains("immutable") => spec(
            "the expression may give another value another time",
        )
        .hint("use immutable functions alone: no now(), no random(), no casts that hang on the time zone"),
        code if code.code().starts_with("42") || code.code().starts_with("0A") => {
            spec(server.message()).hint("it is an expression over the row's other columns, without subqueries")
        }
        code if is_of_rows(code.code()) => fails(plan, derived, code.code()),
        _ => from_postgres(error),
    }
}

fn wrong(plan: &TablePlan, derived: &Derived, why: &str) -> Error {
    let name = format!("{}.{}", plan.name.plain(), derived.name.as_str());
    let error = Error::new(Kind::SeedSpec, format!("{name}: sql: {why}"));
    match &derived.place {
        Some(place) => error.at(place.clone()),
        None => error,
    }
}

/// The error of an expression that has no value of the column's type for a row.
pub(super) fn fails(plan: &TablePlan, derived: &Derived, code: &str) -> Error {
    let kind = &derived.data_type;
    let why = format!("it gives no value of type {kind} for a row [{code}]");
    wrong(plan, derived, &why).hint("make it fit all rows: left(..., n), nullif(..., 0), a case")
}
