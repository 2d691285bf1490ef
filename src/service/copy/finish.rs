//! What follows the rows: sequences and materialized views.

use crate::catalog::{Catalog, Sequence};
use crate::error::Result;
use crate::postgres::{Session, from_postgres};

/// Last values of sequences are moved up to a multiple of this: the number of orders of today is
/// nobody's business on staging, and a key that was in use is never given out again.
const STEP: i64 = 1_000;

/// Sets every sequence above the source's. Returns remarks.
pub(super) async fn sequences(
    source: &Session,
    copy: &Session,
    catalog: &Catalog,
) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for sequence in catalog.sequences.values() {
        let sql = format!("select last_value, is_called from {}", sequence.name);
        let row = match source.query_one(&sql, &[]).await {
            Ok(row) => row,
            Err(error) => {
                return Err(from_postgres(error));
            }
        };
        let (last, called): (i64, bool) = (row.get(0), row.get(1));
        if !called {
            continue;
        }
        let value = beyond(sequence, last);
        if value == last {
            remarks.push(format!(
                "sequence {} keeps its value: it is near its end",
                sequence.name.plain()
            ));
        }
        let name = sequence.name.to_string();
        copy.execute(
            "select pg_catalog.setval($1::text::pg_catalog.regclass, $2, true)",
            &[&name, &value],
        )
        .await?;
    }
    Ok(remarks)
}

/// The next multiple of [`STEP`] in the sequence's direction; the value itself when that is beyond
/// its end.
fn beyond(sequence: &Sequence, last: i64) -> i64 {
    let up = sequence.increment > 0;
    let floor = last.div_euclid(STEP) * STEP;
    let moved = if up {
        floor.checked_add(STEP)
    } else if floor == last {
        floor.checked_sub(STEP)
    } else {
        Some(floor)
    };
    moved
        .filter(|value| (sequence.minimum..=sequence.maximum).contains(value))
        .unwrap_or(last)
}

/// Fills the materialized views that are filled at the source, from rows that are masked by now;
/// each after those it reads. One that the server refuses with a state that `left_out` takes stays as it
/// is. Returns remarks.
pub(in crate::service) async fn views(
    copy: &Session,
    catalog: &Catalog,
    left_out: fn(&str) -> bool,
) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    let mut left: Vec<_> = catalog
        .views
        .values()
        .filter(|view| view.materialized && view.populated)
        .collect();
    copy.batch_execute("set lock_timeout = 0").await?;
    while !left.is_empty() {
        let mut waiting = Vec::new();
        let count = left.len();
        for view in left {
            let sql = format!("refresh materialized view {}", view.name);
            match copy.batch_execute(&sql).await {
                Ok(()) => {}
                // It reads one that is not filled yet.
                Err(error) if error.code().is_some_and(|code| code.code() == "55000") => {
                    waiting.push((view, error));
                }
                Err(error) if error.code().is_some_and(|code| left_out(code.code())) => {
                    let code = error.code().map_or("", |code| code.code());
                    let name = view.name.plain();
                    remarks.push(format!(
                        "materialized view {name} is not filled: its query or an index of it refuses the rows [{code}]"
                    ));
                }
                Err(error) => return Err(from_postgres(error)),
            }
        }
        if waiting.len() == count {
            let names = waiting.iter().map(|(view, _)| {
                format!(
                    "materialized view {} reads one that is not filled",
                    view.name.plain()
                )
            });
            remarks.extend(names);
            return Ok(remarks);
        }
        left = waiting.into_iter().map(|(view, _)| view).collect();
    }
    Ok(remarks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Persistence;
    use crate::sql::{Ident, QualifiedName};

    fn sequence(increment: i64, minimum: i64, maximum: i64) -> Sequence {
        let ident = |name: &str| Ident::new(name).unwrap();
        Sequence {
            oid: 1,
            name: QualifiedName::new(ident("public"), ident("s")),
            owner: ident("o"),
            data_type: "bigint".to_owned(),
            start: 1,
            increment,
            minimum,
            maximum,
            cache: 1,
            cycle: false,
            persistence: Persistence::Permanent,
            owned_by: None,
            grants: Vec::new(),
            comment: None,
        }
    }

    #[test]
    fn values_move_on_in_their_direction_and_stay_in_bounds() {
        let up = sequence(1, 1, i64::MAX);
        assert_eq!(beyond(&up, 7), 1_000);
        assert_eq!(beyond(&up, 1_000), 2_000);
        assert_eq!(beyond(&up, i64::MAX), i64::MAX);
        assert_eq!(beyond(&sequence(1, 1, 999), 7), 7);
        let down = sequence(-1, i64::MIN, -1);
        assert_eq!(beyond(&down, -7), -1_000);
        assert_eq!(beyond(&down, -1_000), -2_000);
    }
}
