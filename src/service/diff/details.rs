//! Names the rows that differ, and in which columns.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;

use super::scan::{Half, Scan};
use crate::diff::{Difference, Finding, RowDiff};
use crate::error::Result;

/// Rows that are named for each table: a person reads no more, and each is held in memory.
pub(super) const LISTED: usize = 100;

/// A row: its key as text, and a hash of each column.
type Seen = (Vec<String>, Vec<i64>);

/// The rows of `findings`, in the order of their keys' texts. Tables without a key have nothing
/// that names a row.
pub(super) async fn rows(scan: &Scan<'_>, findings: &[Finding]) -> Result<Vec<RowDiff>> {
    if findings.is_empty() || scan.source.key.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = findings.iter().map(|finding| finding.key.0).collect();
    let (source, target) = scan.halves();
    let (left, right) = tokio::try_join!(look(source, &ids), look(target, &ids))?;
    let mut rows = Vec::with_capacity(findings.len());
    for finding in findings {
        let (a, b) = (left.get(&finding.key), right.get(&finding.key));
        let Some((key, _)) = a.or(b) else { continue };
        let columns = match (finding.difference, a, b) {
            (Difference::Different, Some((_, a)), Some((_, b))) => scan
                .source
                .columns
                .iter()
                .zip(a.iter().zip(b))
                .filter(|(_, (a, b))| a != b)
                .map(|(column, _)| column.name.clone())
                .collect(),
            _ => Vec::new(),
        };
        rows.push(RowDiff {
            difference: finding.difference,
            key: key.clone(),
            columns,
        });
    }
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(rows)
}

async fn look(half: Half<'_>, ids: &Vec<i64>) -> Result<BTreeMap<(i64, i64), Seen>> {
    let sql = half.reading.details();
    let rows = half.stream(&sql, Some(ids)).await?;
    rows.map_ok(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3))))
        .try_collect()
        .await
}
