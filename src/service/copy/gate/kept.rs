//! Columns that are not masked hold what the source holds. Of tables of which some rows were carried
//! the recomputation has compared all columns already.

use std::collections::BTreeSet;

use super::Subject;
use super::recompute::Recomputed;
use crate::copy::Take;
use crate::error::Result;
use crate::masking::Rows;
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::service::diff::{Options, Pair, Sides, Watch, compare};
use crate::sql::Ident;

/// Takes what was compared while the masks were recomputed, and compares the tables of which that
/// did not cover every kept column.
pub(super) async fn check(
    subject: &Subject<'_>,
    (source, target): (&Session, &Session),
    recomputed: &Recomputed,
    watch: &Watch,
) -> Result<Check> {
    let pairs: Vec<Pair> = subject
        .plan
        .tables
        .iter()
        .filter_map(|table| {
            let kept = table.columns.iter().filter(|c| c.take == Take::Kept);
            let kept: Vec<_> = kept.map(|column| column.name.clone()).collect();
            let covered = |column: &Ident| {
                let name = (table.name.clone(), column.clone());
                recomputed.kept.contains_key(&name)
            };
            if kept.iter().all(covered) {
                return None;
            }
            let mut pair = Pair::new(table.name.clone(), table.name.clone());
            match &table.rows {
                Rows::All => {}
                Rows::None => return None,
                Rows::Where(condition) => pair.source_where = Some(condition.clone()),
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
    let columns = recomputed.kept.iter().filter(|(_, equal)| !**equal);
    let mut wrong: Vec<String> = columns
        .map(|((table, column), _)| format!("{}.{} differs", table.plain(), column.as_str()))
        .collect();
    let rows = compared.tables.iter().filter(|table| !table.equal);
    wrong.extend(rows.map(|table| {
        let rows = table.different + table.missing + table.extra;
        format!("{}: {rows} rows differ", table.table)
    }));
    let tables: BTreeSet<_> = recomputed.kept.keys().map(|(table, _)| table).collect();
    let both = pairs.iter().filter(|pair| tables.contains(&pair.source));
    let count = tables.len() + pairs.len() - both.count();
    Ok(Check {
        name: "kept columns".to_owned(),
        passed: wrong.is_empty(),
        detail: if wrong.is_empty() {
            format!("equal in {count} of {count} tables")
        } else {
            wrong.join("; ")
        },
    })
}
