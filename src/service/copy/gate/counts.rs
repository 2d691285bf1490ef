//! Every table has as many rows as the source had at the copy's instant.

use super::Subject;
use super::recompute::Recomputed;
use crate::error::Result;
use crate::postgres::Session;
use crate::service::copy::Check;

pub(super) async fn check(
    subject: &Subject<'_>,
    session: &Session,
    recomputed: &Recomputed,
) -> Result<Check> {
    let mut wrong = Vec::new();
    for (table, sum) in subject.sums {
        let rows = match recomputed.rows.get(table) {
            // Rows that were read need not be counted again.
            Some(rows) => *rows,
            None => {
                let sql = format!("select count(*) from only {table}");
                let rows: i64 = session.query_one(&sql, &[]).await?.get(0);
                rows.unsigned_abs()
            }
        };
        if rows != sum.rows {
            wrong.push(format!("{}: {rows} instead of {}", table.plain(), sum.rows));
        }
    }
    Ok(Check {
        name: "row counts".to_owned(),
        passed: wrong.is_empty(),
        detail: if wrong.is_empty() {
            format!(
                "equal in {} of {} tables",
                subject.sums.len(),
                subject.sums.len()
            )
        } else {
            wrong.join("; ")
        },
    })
}
