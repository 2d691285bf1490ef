//! The temporary table in which rows wait for the server's answer: the columns of theirs, under domains
//! with the types of those, so that no domain refuses a row before it is asked.

use std::sync::Arc;

use tokio_postgres::Transaction;

use super::asked::{AllAsked, Asked};
use super::derive;
use crate::error::{Kind, Result};
use crate::generate::{Ask, SeedPlan, TablePlan};
use crate::postgres::{Session, from_postgres};
use crate::sql::{Ident, tokens};

const NAME: &str = "pg_temp.tidegate_asked";
/// The column with a row's number.
const NUMBER: &str = "tidegate_row";

/// The columns of a table as the staging one has them: `name type`, and the expression of a generated
/// one. A domain gives way to the type under it, a collation stays.
const COLUMNS: &str = "
with recursive typed as (
  select a.attnum, a.attname, a.attcollation, a.attgenerated <> '' as generated, a.atttypid as type, a.atttypmod as modifier,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) as expression
  from pg_catalog.pg_attribute a
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.attgenerated <> ''
  where a.attrelid = pg_catalog.to_regclass($1) and a.attnum > 0 and not a.attisdropped
  union all
  select b.attnum, b.attname, b.attcollation, b.generated, t.typbasetype, t.typtypmod, b.expression
  from typed b join pg_catalog.pg_type t on t.oid = b.type and t.typtype = 'd')
select c.attname::text as name, c.generated, c.expression,
  pg_catalog.format_type(c.type, c.modifier) || coalesce(
    (select pg_catalog.format(' collate %I.%I', n.nspname, l.collname) from pg_catalog.pg_collation l
     join pg_catalog.pg_namespace n on n.oid = l.collnamespace
     where l.oid = c.attcollation and l.oid <> t.typcollation), '') as type
from typed c join pg_catalog.pg_type t on t.oid = c.type and t.typtype <> 'd'
order by c.attnum";

/// That some partition takes a row, as one expression over its columns.
const PARTITIONS: &str = "
select pg_catalog.string_agg('(' || coalesce(pg_catalog.pg_get_partition_constraintdef(relid), 'true') || ')', ' or ')
from pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) where isleaf";

/// The temporary table of one table, and what is asked of its rows.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    create: String,
    /// Constraints and their expressions.
    conditions: Vec<(String, String)>,
}

/// Reads what the plan asks the server. Returns remarks on what cannot be asked of single rows: that
/// shows only when the rows are written.
pub(super) async fn read(
    session: &mut Session,
    plan: &SeedPlan,
) -> Result<(AllAsked, Vec<String>)> {
    let (mut all, mut remarks) = (AllAsked::new(), Vec::new());
    for (at, table) in plan.tables.iter().enumerate().filter(|(_, t)| t.rows > 0) {
        let asks: Vec<&Ask> = plan.asks.iter().filter(|ask| ask.table == at).collect();
        if asks.is_empty() {
            continue;
        }
        let transaction = session.transaction().await?;
        derive::refuse_rules(&transaction, table).await?;
        let staging = Staging::read(&transaction, table, &asks, &mut remarks).await;
        transaction.rollback().await?;
        let staging = match staging {
            Err(error) if error.kind() == Kind::Privilege && table.derived.is_empty() => {
                remarks.push(format!(
                    "{}: no condition is asked of a row before it is written: the role may not make temporary tables",
                    table.name.plain()
                ));
                None
            }
            other => other?,
        };
        if let Some((staging, redraw)) = staging {
            let redraw = Arc::new(redraw);
            all.insert(at, Asked { staging, redraw });
        }
    }
    Ok((all, remarks))
}

impl Staging {
    async fn read(
        transaction: &Transaction<'_>,
        plan: &TablePlan,
        asks: &[&Ask],
        remarks: &mut Vec<String>,
    ) -> Result<Option<(Self, Vec<Vec<usize>>)>> {
        let name = plan.name.to_string();
        let mut columns = vec![format!("{NUMBER} pg_catalog.int8")];
        for row in transaction.query(COLUMNS, &[&name]).await? {
            let column = Ident::new(row.get::<_, String>("name"))?;
            let (kind, expression): (String, Option<String>) =
                (row.get("type"), row.get("expression"));
            let derived = plan.derived.iter().find(|derived| derived.name == column);
            let expression = derived
                .map(|derived| derived.expression.clone())
                .or(expression);
            // What is made from columns that are derived here cannot be generated beside them.
            if row.get::<_, bool>("generated") && !plan.derived.is_empty() {
                continue;
            }
            columns.push(match expression {
                Some(made) => format!("{column} {kind} generated always as ({made}\n) stored"),
                None => format!("{column} {kind}"),
            });
        }
        let mut staging = Self {
            create: format!(
                "create temporary table tidegate_asked ({}) on commit drop",
                columns.join(", ")
            ),
            conditions: Vec::new(),
        };
        if !plan.derived.is_empty() {
            derive::wait(transaction, plan, &name).await?;
        }
        staging.create(transaction).await?;
        let mut redraw = Vec::new();
        for ask in asks {
            let expression = expression(transaction, &name, ask).await?;
            let savepoint = "savepoint tidegate_ask";
            transaction.batch_execute(savepoint).await?;
            let asked = format!("select 1 from {NAME} where ({expression}\n) is false");
            if transaction.batch_execute(&asked).await.is_ok() {
                staging
                    .conditions
                    .push((ask.constraint.clone(), expression));
                redraw.push(ask.redraw.clone());
            } else {
                transaction
                    .batch_execute("rollback to savepoint tidegate_ask")
                    .await?;
                remarks.push(format!(
                    "{}: constraint \"{}\" cannot be asked of a row before it is written",
                    plan.name.plain(),
                    ask.constraint
                ));
            }
        }
        Ok((!redraw.is_empty()).then_some((staging, redraw)))
    }

    /// Makes the temporary table; it goes with the transaction.
    pub(super) async fn create(&self, transaction: &Transaction<'_>) -> Result<()> {
        let made = transaction.batch_execute(&self.create).await;
        made.map_err(from_postgres)
    }

    /// The statement that takes rows in, each with its number in front.
    pub(super) fn copy_in(&self, plan: &TablePlan) -> String {
        let format = if plan.is_binary() { "binary" } else { "text" };
        format!(
            "copy {NAME} ({NUMBER}, {}) from stdin (format {format})",
            list(plan.columns.iter().map(|column| &column.name))
        )
    }

    /// Takes the rows out that break a condition: their numbers, in order, and which conditions each
    /// breaks, by place.
    pub(super) async fn take_broken(
        &self,
        transaction: &Transaction<'_>,
    ) -> std::result::Result<Vec<(u64, Vec<usize>)>, tokio_postgres::Error> {
        let all = self.conditions.iter().map(|(_, expression)| expression);
        let each: Vec<String> = all.map(|e| format!("({e}\n) is false")).collect();
        let sql = format!(
            "delete from {NAME} where {} returning {NUMBER}, array[{}]",
            each.join(" or "),
            each.join(", ")
        );
        let rows = transaction.query(&sql, &[]).await?;
        let broken = rows.iter().map(|row| {
            let each: Vec<bool> = row.get(1);
            let places = each.into_iter().enumerate().filter(|(_, broken)| *broken);
            let number = row.get::<_, i64>(0).unsigned_abs();
            (number, places.map(|(place, _)| place).collect())
        });
        let mut broken: Vec<(u64, Vec<usize>)> = broken.collect();
        broken.sort_unstable();
        Ok(broken)
    }

    /// The name of a condition's constraint.
    pub(super) fn constraint(&self, place: usize) -> &str {
        self.conditions.get(place).map_or("", |(name, _)| name)
    }

    /// Moves the waiting rows into the table, or what stands in its place; how many there were.
    pub(super) async fn move_on(
        &self,
        transaction: &Transaction<'_>,
        plan: &TablePlan,
        into: &str,
    ) -> std::result::Result<u64, tokio_postgres::Error> {
        let names = plan.columns.iter().map(|column| &column.name);
        let names = list(names.chain(plan.derived.iter().map(|derived| &derived.name)));
        // COPY writes identity columns without being told to.
        let sql = format!(
            "insert into {into} ({names}) overriding system value select {names} from {NAME} order by {NUMBER}"
        );
        let moved = transaction.execute(&sql, &[]).await?;
        transaction
            .batch_execute(&format!("truncate {NAME}"))
            .await?;
        Ok(moved)
    }
}

/// The condition over the staging table's columns.
async fn expression(transaction: &Transaction<'_>, table: &str, ask: &Ask) -> Result<String> {
    if ask.partitions {
        let row = transaction.query_one(PARTITIONS, &[&table]).await?;
        let found: Option<String> = row.get(0);
        return Ok(found.unwrap_or_else(|| "false".to_owned()));
    }
    Ok(match &ask.column {
        Some(column) => of_value(&ask.expression, column),
        None => ask.expression.clone(),
    })
}

/// A domain's condition with a column in the place of `VALUE`.
fn of_value(expression: &str, column: &Ident) -> String {
    let mut text = expression.to_owned();
    let all = tokens(expression).unwrap_or_default();
    for (token, span) in all.into_iter().rev() {
        if token.is_word("VALUE") {
            text.replace_range(span, &column.to_string());
        }
    }
    text
}

fn list<'i>(names: impl Iterator<Item = &'i Ident>) -> String {
    let names: Vec<String> = names.map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_stands_for_the_value() {
        let column = Ident::new("the value").unwrap();
        let text = "((VALUE)::text ~ 'VALUE'::text) AND (\"VALUE\" > length(VALUE))";
        assert_eq!(
            of_value(text, &column),
            "((\"the value\")::text ~ 'VALUE'::text) AND (\"VALUE\" > length(\"the value\"))"
        );
    }
}
