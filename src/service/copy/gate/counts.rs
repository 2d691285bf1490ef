//! Every table has as many rows as the source had at the copy's instant.

use super::Subject;
use crate::error::Result;
use crate::postgres::Session;
use crate::service::copy::Check;

pub(super) async fn check(subject: &Subject<'_>, session: &Session) -> Result<Check> {
    let mut wrong = Vec::new();
    for (table, sum) in subject.sums {
        let sql = format!("select count(*) from only {table}");
        let rows: i64 = session.query_one(&sql, &[]).await?.get(0);
        if u64::try_from(rows) != Ok(sum.rows) {
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
