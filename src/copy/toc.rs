//! The list of what is in a schema archive (`pg_restore --list`), and which of it is carried.

/// Descriptions of entries that would connect the copy with the world outside, or run by
/// themselves. In pg_restore's words; each stands behind the two numbers of the entry.
const LEFT_OUT: &[&str] = &[
    "SERVER",
    "USER MAPPING",
    "FOREIGN TABLE",
    "FOREIGN DATA WRAPPER",
    "EVENT TRIGGER",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "BLOB",
    "BLOBS",
    "BLOB METADATA",
    "SEQUENCE SET",
    "STATISTICS DATA",
    "MATERIALIZED VIEW DATA",
    "TABLE DATA",
];

/// Turns the entries that are not carried into comments; `pg_restore --use-list` skips those.
/// With `keep_grants` false, grants are not carried either.
#[must_use]
pub fn carried(list: &str, keep_grants: bool) -> String {
    let mut text = String::with_capacity(list.len());
    for line in list.lines() {
        let skipped = description(line).is_some_and(|rest| {
            let is = |word: &str| {
                let after = rest.strip_prefix(word);
                after.is_some_and(|after| after.starts_with(' '))
            };
            let foreign = |word: &str| {
                rest.strip_prefix(word).is_some_and(|after| {
                    after.contains(" SERVER ") || after.contains(" FOREIGN DATA WRAPPER ")
                })
            };
            LEFT_OUT.iter().any(|word| is(word))
                || foreign("ACL ")
                || (!keep_grants && (is("ACL") || is("DEFAULT ACL")))
        });
        if skipped {
            text.push(';');
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// What stands behind `3012; 1259 16386 `; `None` for comments.
fn description(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once("; ")?;
    number.parse::<u32>().ok()?;
    let mut parts = rest.splitn(3, ' ');
    parts.next()?.parse::<u64>().ok()?;
    parts.next()?.parse::<u64>().ok()?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_outside_is_left_out() {
        let list = "; Archive created\n\
            3; 2615 2200 SCHEMA - public postgres\n\
            12; 1417 16400 SERVER - other postgres\n\
            13; 0 0 ACL - FOREIGN SERVER other postgres\n\
            14; 0 0 ACL public TABLE t postgres\n\
            15; 1259 16386 TABLE public SERVER postgres\n\
            16; 6104 16390 PUBLICATION - p postgres\n";
        let kept = |text: &str| -> Vec<u32> {
            text.lines()
                .filter_map(|line| line.split_once("; ")?.0.parse().ok())
                .collect()
        };
        assert_eq!(kept(&carried(list, true)), [3, 14, 15]);
        assert_eq!(kept(&carried(list, false)), [3, 15]);
    }
}
