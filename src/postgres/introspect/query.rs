//! The queries, fitted to the version of the server.

/// Name and text of every query; the answers come back in this order.
const QUERIES: [&str; 18] = [
    include_str!("sql/database.sql"),
    include_str!("sql/schemas.sql"),
    include_str!("sql/relations.sql"),
    include_str!("sql/columns.sql"),
    include_str!("sql/constraints.sql"),
    include_str!("sql/indexes.sql"),
    include_str!("sql/triggers.sql"),
    include_str!("sql/rules.sql"),
    include_str!("sql/policies.sql"),
    include_str!("sql/statistics.sql"),
    include_str!("sql/sequences.sql"),
    include_str!("sql/types.sql"),
    include_str!("sql/functions.sql"),
    include_str!("sql/extensions.sql"),
    include_str!("sql/publications.sql"),
    include_str!("sql/event_triggers.sql"),
    include_str!("sql/edges.sql"),
    include_str!("sql/objects.sql"),
];

/// Number of answers that [`batch`] gives.
pub(super) const ANSWERS: usize = QUERIES.len();

/// How long one attempt waits for a lock, as `lock_timeout`. Below the server's default
/// `deadlock_timeout` of 1 s, so that this side gives up its locks before the other side, somebody's
/// DDL, is cancelled as the victim of a deadlock.
pub(super) const LOCK_TIMEOUT: &str = "300ms";

/// All queries as one text; each gives one JSON object per row. `snapshot` pins one snapshot for
/// all of them; without it the caller's transaction decides.
pub(super) fn batch(server_version: i32, snapshot: bool) -> String {
    let mut text = String::new();
    if snapshot {
        // Several statements in one message are one transaction: nothing to roll back, nothing
        // left open when the caller gives up half-way.
        text.push_str("set transaction isolation level repeatable read, read only;\n");
        text.push_str("set local lock_timeout = '");
        text.push_str(LOCK_TIMEOUT);
        text.push_str("';\n");
    }
    // Compiling these queries costs far more than running them.
    text.push_str("set local jit = off;\n");
    for query in QUERIES {
        text.push_str("select pg_catalog.row_to_json(q)::text from (\n");
        text.push_str(&fitted(query, server_version / 10_000));
        text.push_str(") q;\n");
    }
    text
}

/// Keeps the lines that suit the major version: those marked `-- since N` from N on, those marked
/// `-- before N` below it, and all others.
fn fitted(query: &str, major: i32) -> String {
    let suits = |line: &&str| {
        let mark = |word: &str| {
            let (_, number) = line.rsplit_once(word)?;
            number.trim().parse::<i32>().ok()
        };
        mark("-- since ").is_none_or(|from| major >= from)
            && mark("-- before ").is_none_or(|end| major < end)
    };
    let mut text = String::with_capacity(query.len());
    for line in query.lines().filter(suits) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_the_version() {
        let query = "select 1, -- before 15\nselect 2, -- since 15\nrest -- a remark\n";
        assert_eq!(
            fitted(query, 14),
            "select 1, -- before 15\nrest -- a remark\n"
        );
        assert_eq!(
            fitted(query, 15),
            "select 2, -- since 15\nrest -- a remark\n"
        );
    }

    /// Words that name a system object without `pg_catalog.`; `pg_` alone is part of a pattern.
    fn unqualified(query: &str) -> Vec<&str> {
        query
            .split(|c: char| !(c.is_alphanumeric() || "._".contains(c)))
            .filter(|word| word.starts_with("pg_") && !word.starts_with("pg_catalog."))
            .filter(|word| !["pg_", "pg_catalog"].contains(word))
            .collect()
    }

    #[test]
    fn every_name_is_qualified() {
        assert_eq!(unqualified("select from pg_class"), ["pg_class"]);
        for query in QUERIES {
            assert_eq!(unqualified(query), Vec::<&str>::new());
        }
    }
}
