//! Columns that are not masked hold what the source holds.

use super::Subject;
use crate::copy::Take;
use crate::error::Result;
use crate::masking::Rows;
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::service::diff::{Options, Pair, Sides, Watch, compare};
use crate::sql::Ident;

pub(super) async fn check(
    subject: &Subject<'_>,
    (source, target): (&Session, &Session),
    watch: &Watch,
) -> Result<Check> {
    let pairs: Vec<Pair> = subject
        .plan
        .tables
        .iter()
        .filter_map(|table| {
            let kept = table.columns.iter().filter(|c| c.take == Take::Kept);
            let kept: Vec<_> = kept.map(|column| column.name.clone()).collect();
            let mut pair = Pair::new(table.name.clone(), table.name.clone());
            match &table.rows {
                Rows::All => {}
                Rows::None => return None,
                Rows::Where(condition) => pair.source_where = Some(condition.clone()),
            }
            if kept.is_empty() {
                return None;
            }
            pair.columns = Some(kept);
            Some(pair)
        })
        .collect();
    let path = subject.source.search_path.iter().cloned().map(Ident::new);
    let options = Options {
        search_path: path.collect::<Result<_>>()?,
        ..Options::default()
    };
    target
        .batch_execute("begin transaction isolation level repeatable read, read only")
        .await?;
    let compared = compare(Sides { source, target }, &pairs, &options, watch).await?;
    target.batch_execute("rollback").await?;
    let wrong: Vec<String> = compared
        .tables
        .iter()
        .filter(|table| !table.equal)
        .map(|table| {
            let rows = table.different + table.missing + table.extra;
            format!("{}: {rows} rows differ", table.table)
        })
        .collect();
    Ok(Check {
        name: "kept columns".to_owned(),
        passed: wrong.is_empty(),
        detail: if wrong.is_empty() {
            format!("equal in {0} of {0} tables", compared.tables.len())
        } else {
            wrong.join("; ")
        },
    })
}
