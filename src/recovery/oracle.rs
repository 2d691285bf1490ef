//! What the primary held at the named restore point, and whether the restored cluster holds it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::OracleCount;

/// Rows of a table, and sums over their digests, which do not depend on the order of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSum {
    /// Rows.
    pub rows: u64,
    /// Sums of the first and of the second 64 bits of the SHA-256 of every row.
    pub sums: [String; 2],
}

/// The manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oracle {
    /// Tables, partitions, materialized views and the large objects, by their names.
    pub tables: BTreeMap<String, TableSum>,
    /// Tables that no WAL is written for: after a recovery they are empty.
    pub unlogged: Vec<String>,
    /// The last value of each sequence.
    pub sequences: BTreeMap<String, i64>,
    /// What each call adds to a sequence; below zero for one that goes down.
    #[serde(default)]
    pub steps: BTreeMap<String, i64>,
    /// Transactions that were prepared and wait for their end.
    pub prepared: Vec<String>,
    /// Tables and indexes outside of the database's own tablespace, with the name of theirs.
    pub tablespaces: BTreeMap<String, String>,
    /// Fingerprint of the schema.
    pub schema: String,
}

/// Values of a sequence that WAL holds in advance (PostgreSQL, `SEQ_LOG_VALS` in
/// `src/backend/commands/sequence.c`): a recovery may be ahead by as many, and by no more.
const IN_ADVANCE: i128 = 32;

/// The table of the large objects' content.
const LARGE_OBJECTS: &str = "pg_catalog.pg_largeobject";

impl Oracle {
    /// How much it covers.
    #[must_use]
    pub fn count(&self) -> OracleCount {
        OracleCount {
            tables: self.tables.len() as u64,
            rows: self.tables.values().map(|table| table.rows).sum(),
            large_object_pages: self.tables.get(LARGE_OBJECTS).map_or(0, |sum| sum.rows),
            sequences: self.sequences.len() as u64,
            prepared: self.prepared.len() as u64,
            tablespaces: self.tablespaces.values().collect::<BTreeSet<_>>().len() as u64,
            unlogged: self.unlogged.len() as u64,
        }
    }

    /// One falsehood about each kind of thing that it covers, with its name: a comparison that does
    /// not see one of them proves nothing about that kind.
    #[must_use]
    pub fn tampered(&self) -> Vec<(&'static str, Self)> {
        let mut lies = Vec::new();
        let mut lie = |name, tell: &dyn Fn(&mut Self) -> Option<()>| {
            let mut oracle = self.clone();
            if tell(&mut oracle).is_some() {
                lies.push((name, oracle));
            }
        };
        lie("a row", &|oracle| {
            let mut tables = oracle.tables.iter_mut();
            let (_, sum) =
                tables.find(|(name, sum)| name.as_str() != LARGE_OBJECTS && sum.rows > 0)?;
            sum.sums[0].push('7');
            Some(())
        });
        lie("a large object", &|oracle| {
            let sum = oracle.tables.get_mut(LARGE_OBJECTS);
            sum.filter(|sum| sum.rows > 0)?.sums[1].push('7');
            Some(())
        });
        lie("a prepared transaction", &|oracle| {
            let gid = format!("{} and one more", oracle.prepared.first()?);
            oracle.prepared.push(gid);
            Some(())
        });
        lie("a sequence", &|oracle| {
            // Far ahead of what WAL holds in advance.
            *oracle.sequences.values_mut().next()? += 1_000_000;
            Some(())
        });
        lie("a tablespace", &|oracle| {
            oracle.tablespaces.values_mut().next()?.push('7');
            Some(())
        });
        lie("an unlogged table", &|oracle| {
            oracle.unlogged.pop().map(|_| ())
        });
        lies
    }

    /// What of `restored` is not as it was here; equal without exception, and no tolerance.
    /// A sequence may be ahead by the values that WAL holds in advance; it must not go back.
    #[must_use]
    pub fn differences(&self, restored: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, wanted) in &self.tables {
            match restored.tables.get(name) {
                None if restored.unlogged.contains(name) => {
                    found.push(format!("{name} has become unlogged"));
                }
                None => found.push(format!("{name} is missing")),
                Some(there) if there.rows != wanted.rows => {
                    found.push(format!("{name}: {} rows of {}", there.rows, wanted.rows));
                }
                Some(there) if there != wanted => {
                    found.push(format!("{name}: rows hold other values"));
                }
                Some(_) => {}
            }
        }
        let extra = restored.tables.keys();
        let extra = extra.filter(|name| !self.tables.contains_key(*name));
        found.extend(extra.map(|name| format!("{name} is extra")));
        for (name, wanted) in &self.sequences {
            match restored.sequences.get(name) {
                None => found.push(format!("sequence {name} is missing")),
                Some(there) => {
                    let step = self.steps.get(name).copied().unwrap_or(1);
                    found.extend(
                        moved((*wanted, *there), step)
                            .map(|how| format!("sequence {name} {how} from {wanted} to {there}")),
                    );
                }
            }
        }
        if self.unlogged != restored.unlogged {
            found.push("the unlogged tables are others".to_owned());
        }
        if self.prepared != restored.prepared {
            found.push(format!(
                "prepared transactions: {} of {}",
                restored.prepared.len(),
                self.prepared.len()
            ));
        }
        if self.tablespaces != restored.tablespaces {
            found.push("tables or indexes lie in other tablespaces".to_owned());
        }
        if self.schema != restored.schema {
            found.push("the schema is another".to_owned());
        }
        found
    }
}

/// How a sequence that is called for `step` more each time moved where it must not; none when it
/// did not.
fn moved((wanted, there): (i64, i64), step: i64) -> Option<&'static str> {
    let ahead = (i128::from(there) - i128::from(wanted)) * i128::from(step.signum());
    if ahead < 0 {
        return Some("went back");
    }
    let most = i128::from(step.unsigned_abs()) * IN_ADVANCE;
    (ahead > most).then_some("went too far ahead")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oracle() -> Oracle {
        let sum = |rows| TableSum {
            rows,
            sums: ["1".to_owned(), "2".to_owned()],
        };
        Oracle {
            tables: [("a".to_owned(), sum(3)), ("b".to_owned(), sum(4))].into(),
            unlogged: vec!["u".to_owned()],
            sequences: [("s".to_owned(), 10)].into(),
            steps: [("s".to_owned(), 1)].into(),
            prepared: vec!["p".to_owned()],
            tablespaces: [("b".to_owned(), "far".to_owned())].into(),
            schema: "f".to_owned(),
        }
    }

    #[test]
    fn equal_means_equal() {
        assert_eq!(oracle().differences(&oracle()), [""; 0]);
        let count = oracle().count();
        assert_eq!((count.tables, count.rows), (2, 7));
        let mut ahead = oracle();
        ahead.sequences.insert("s".to_owned(), 42);
        assert_eq!(oracle().differences(&ahead), [""; 0]);
    }

    #[test]
    fn a_sequence_is_ahead_by_what_wal_holds_in_advance_and_no_more() {
        for (there, step, how) in [
            (42, 1, None),
            (43, 1, Some("went too far ahead")),
            (9, 1, Some("went back")),
            (10 + 32 * 50, 50, None),
            (11 + 32 * 50, 50, Some("went too far ahead")),
            // One that goes down.
            (10 - 32 * 5, -5, None),
            (9 - 32 * 5, -5, Some("went too far ahead")),
            (11, -5, Some("went back")),
            (i64::MIN, i64::MAX, Some("went back")),
        ] {
            assert_eq!(moved((10, there), step), how, "{there} by {step}");
        }
        let mut down = oracle();
        down.steps.insert("s".to_owned(), -1);
        let mut ahead = down.clone();
        ahead.sequences.insert("s".to_owned(), -22);
        assert_eq!(down.differences(&ahead), [""; 0]);
    }

    #[test]
    fn every_difference_is_named() {
        type Change = fn(&mut Oracle);
        let cases: [(Change, &str); 10] = [
            (
                |o| o.tables.get_mut("a").unwrap().rows = 2,
                "a: 2 rows of 3",
            ),
            (
                |o| o.tables.get_mut("b").unwrap().sums[1] = "3".to_owned(),
                "b: rows hold other values",
            ),
            (|o| assert!(o.tables.remove("a").is_some()), "a is missing"),
            (
                |o| o.tables.extend([("c".to_owned(), TableSum::default())]),
                "c is extra",
            ),
            (
                |o| o.sequences.extend([("s".to_owned(), 9)]),
                "sequence s went back from 10 to 9",
            ),
            (|o| o.sequences.clear(), "sequence s is missing"),
            (|o| o.prepared.clear(), "prepared transactions: 0 of 1"),
            (
                |o| o.tablespaces.clear(),
                "tables or indexes lie in other tablespaces",
            ),
            (|o| o.unlogged.clear(), "the unlogged tables are others"),
            (|o| o.schema = "g".to_owned(), "the schema is another"),
        ];
        for (change, words) in cases {
            let mut other = oracle();
            change(&mut other);
            assert_eq!(oracle().differences(&other), [words]);
        }
    }

    #[test]
    fn there_is_a_falsehood_for_each_kind_that_is_there_and_each_is_seen() {
        let mut all = oracle();
        let sum = all.tables["a"].clone();
        all.tables.insert(LARGE_OBJECTS.to_owned(), sum);
        let lies = all.tampered();
        let names: Vec<&str> = lies.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "a row",
                "a large object",
                "a prepared transaction",
                "a sequence",
                "a tablespace",
                "an unlogged table"
            ]
        );
        for (name, lie) in &lies {
            assert_eq!(lie.differences(&all).len(), 1, "{name}");
        }
        assert_eq!(Oracle::default().tampered(), []);
        let count = all.count();
        assert_eq!((count.large_object_pages, count.tablespaces), (3, 1));
    }
}
