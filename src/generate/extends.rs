//! Whether rows may be added to those of an earlier run: unique keys are read from counters, and a
//! counter over more combinations walks them in another order.

use super::plan::{Group, SeedPlan, TablePlan};
use crate::error::{Error, Kind, Result};

/// Keys that may come again, as they are expected, up to which rows are added all the same.
const EXPECTED: f64 = 0.001;

impl SeedPlan {
    /// Refuses to add rows to a table whose keys `before`, the plan of an earlier run with the same
    /// seed, counted otherwise.
    ///
    /// # Errors
    /// [`Kind::SeedPlan`] with the constraint.
    pub fn refuse_renumbered(&self, before: &Self) -> Result<()> {
        for table in self
            .tables
            .iter()
            .filter(|table| table.first > 0 && table.rows > 0)
        {
            let Some(old) = before.tables.iter().find(|old| old.name == table.name) else {
                continue;
            };
            if before.version != self.version && !table.groups.is_empty() {
                let name = table.name.plain();
                let message = format!(
                    "{name}: no rows can be added to those that another version of the generators made: some keys would come again"
                );
                return Err(Error::new(Kind::SeedPlan, message)
                    .hint("ask for all rows in one run, on empty tables"));
            }
            for group in &table.groups {
                let known = old.groups.iter().find(|old| old.serves == group.serves);
                if collides(table, group, known) {
                    return Err(renumbered(table, group, known));
                }
            }
        }
        Ok(())
    }
}

fn collides(table: &TablePlan, group: &Group, known: Option<&Group>) -> bool {
    let same = known.is_some_and(|known| {
        // Without conditions every row keeps its first place.
        let steady = known.stride == group.stride || table.conditions.is_empty();
        known.bound == group.bound && known.ordered == group.ordered && steady
    });
    let pairs = table.rows as f64 * table.first as f64;
    !same && pairs / group.bound.max(1) as f64 > EXPECTED
}

fn renumbered(table: &TablePlan, group: &Group, known: Option<&Group>) -> Error {
    let name = table.name.plain();
    let why = match known {
        Some(known) if known.bound == group.bound => format!(
            "has {} combinations, of which a row that conditions had drawn again takes another one than before",
            group.bound
        ),
        Some(known) => format!(
            "is counted among {} combinations, and was among {}",
            group.bound, known.bound
        ),
        None => format!("is counted among {} combinations", group.bound),
    };
    Error::new(
        Kind::SeedPlan,
        format!(
            "{name}: no rows can be added: constraint \"{}\" {why}, so that some would come again",
            group.serves.join("\", \"")
        ),
    )
    .hint("ask for all rows in one run, on empty tables; or seed tables without such a key with --table")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Ident, QualifiedName};

    fn plan(first: u64, bound: u64, stride: u64) -> SeedPlan {
        let ident = |name: &str| Ident::new(name).unwrap();
        SeedPlan {
            version: SeedPlan::VERSION,
            seed: 1,
            database: "d".to_owned(),
            fingerprint: String::new(),
            tables: vec![TablePlan {
                name: QualifiedName::new(ident("public"), ident("seat")),
                first,
                rows: 100,
                groups: vec![Group {
                    serves: vec!["seat_pkey".to_owned()],
                    bound,
                    stride,
                    ordered: false,
                }],
                picks: Vec::new(),
                columns: Vec::new(),
                conditions: Vec::new(),
                fixed: Vec::new(),
                places: Vec::new(),
                derived: Vec::new(),
            }],
            asks: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn keys_that_are_counted_otherwise_are_refused() {
        let before = plan(0, 1000, 200);
        let error = plan(100, 4000, 200).refuse_renumbered(&before).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("\"seat_pkey\" is counted among 4000"),
            "{error}"
        );
        // The same numbers go on; without conditions no row takes another than its first.
        plan(100, 1000, 300).refuse_renumbered(&before).unwrap();
        // A chance in a million is taken, an empty table has nothing to collide with.
        plan(100, 10_000_000_000, 200)
            .refuse_renumbered(&before)
            .unwrap();
        plan(0, 4000, 200).refuse_renumbered(&before).unwrap();
    }
}
