//! A table as it is measured: whole, or a sample of its pages.

use crate::catalog::Table;
use crate::error::Result;
use crate::postgres::Session;
use crate::service::seed::standing::only;

/// Rows that two columns together are read from, about: there are many pairs, and each is sorted.
pub(super) const FEW: u64 = 50_000;

/// A table and how it is read.
#[derive(Debug)]
pub(super) struct Relation<'t> {
    pub(super) table: &'t Table,
    /// Its plain name.
    pub(super) name: String,
    /// Rows of it, exactly.
    pub(super) rows: u64,
    /// What follows `from`.
    pub(super) from: String,
}

impl<'t> Relation<'t> {
    /// Counts the table; one with more than `sample` rows is read by pages at random.
    pub(super) async fn new(session: &Session, table: &'t Table, sample: u64) -> Result<Self> {
        let whole = format!("{}{}", only(table), table.name);
        let sql = format!("select pg_catalog.count(*) from {whole}");
        let rows = count(session.query_one(&sql, &[]).await?.get(0));
        let from = if rows > sample {
            let percent = 100.0 * sample as f64 / rows as f64;
            format!("{whole} tablesample system ({percent:.6})")
        } else {
            whole
        };
        Ok(Self {
            table,
            name: table.name.plain(),
            rows,
            from,
        })
    }

    /// What follows `from` where about `rows` rows are enough.
    pub(super) fn some(&self, rows: u64) -> String {
        if self.rows <= rows {
            return self.from.clone();
        }
        let percent = 100.0 * rows as f64 / self.rows as f64;
        let whole = format!("{}{}", only(self.table), self.table.name);
        format!("{whole} tablesample system ({percent:.6})")
    }

    /// The values of a query's only row at the places `$1`.
    pub(super) async fn cut(
        session: &Session,
        sql: &str,
        cuts: &[f64],
    ) -> Result<Option<Vec<f64>>> {
        let row = session.query_one(sql, &[&cuts]).await?;
        Ok(row.get(0))
    }
}

/// A count as PostgreSQL gives it.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
