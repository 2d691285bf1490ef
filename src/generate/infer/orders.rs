//! Times that follow each other by their names.

use super::name::{phrase, words};

/// Stages of a record, whatever else the names say.
const STAGES: &[&str] = &[
    "created inserted added registered signed_up erstellt creation cree creado",
    "updated modified changed last_modified edited geaendert",
    "deleted archived removed destroyed",
];

/// Stages of an order of goods.
const DELIVERY: &[&str] = &[
    "ordered order_date placed",
    "paid",
    "shipped dispatched sent",
    "delivered received",
    "returned refunded",
];

/// Beginnings and ends; the rest of both names is the same.
const SPANS: &[(&str, &str)] = &[
    (
        "start starts started begin begins began from since",
        "end ends ended finish finished stop stopped to until till",
    ),
    (
        "valid_from effective_from",
        "valid_to valid_until effective_to",
    ),
    ("opened open", "closed close"),
    ("check_in checkin", "check_out checkout"),
    ("departure departs departed", "arrival arrives arrived"),
    ("issued issue", "due expires expired expiry"),
    ("scheduled", "completed done"),
    ("hired hire joined", "left terminated fired"),
    ("first_seen", "last_seen"),
];

/// Times at which a record begins, the most telling first.
const BEGINNINGS: &[&str] = &[
    "placed ordered order_date",
    "issued issue_date invoice_date",
    "installed",
    "registered signed_up joined opened",
    "created inserted added",
];

/// Times of what happens to a record later, when nothing else says after what.
const LATER: &str = "paid shipped dispatched sent delivered received returned refunded completed confirmed approved \
     rejected accepted declined cancelled canceled closed resolved finished processed published verified \
     activated reviewed acknowledged answered archived deleted removed revoked suspended banned blocked \
     locked failed seen last";

/// Pairs of columns, as places in `names`, of which the first is the earlier.
pub(in crate::generate) fn orders(names: &[&str]) -> Vec<(usize, usize)> {
    let names: Vec<String> = names.iter().map(|name| words(name)).collect();
    let mut pairs = Vec::new();
    for stages in [STAGES, DELIVERY] {
        let mut before: Option<usize> = None;
        for phrases in stages {
            let found = names
                .iter()
                .position(|name| phrase(name, phrases).is_some());
            if let (Some(before), Some(found)) = (before, found) {
                pairs.push((before, found));
            }
            before = found.or(before);
        }
    }
    for (begin, end) in SPANS {
        for (earlier, name) in names.iter().enumerate() {
            let Some(rest) = without(name, begin) else {
                continue;
            };
            let later = names
                .iter()
                .position(|name| without(name, end).as_ref() == Some(&rest));
            if let Some(later) = later.filter(|later| *later != earlier) {
                pairs.push((earlier, later));
            }
        }
    }
    let begins = |phrases: &&str| {
        names
            .iter()
            .position(|name| phrase(name, phrases).is_some())
    };
    let beginning = BEGINNINGS.iter().find_map(begins);
    for (later, name) in names.iter().enumerate() {
        let follows = pairs.iter().any(|(_, known)| *known == later);
        if let Some(beginning) = beginning.filter(|beginning| *beginning != later && !follows)
            && phrase(name, LATER).is_some()
        {
            pairs.push((beginning, later));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// The name without the phrase.
fn without(name: &str, phrases: &str) -> Option<String> {
    let found = phrase(name, phrases)?;
    Some(name.replacen(&format!("_{found}_"), "_", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_comes_first() {
        for (names, expected) in [
            (
                &["deleted_at", "updatedAt", "created_at"][..],
                &[(1, 0), (2, 1)][..],
            ),
            (&["start_date", "end_date", "lunch_start"], &[(0, 1)]),
            (&["valid_from", "valid_to"], &[(0, 1)]),
            (&["order_date", "shipped_date"], &[(0, 1)]),
            (&["born", "died"], &[]),
            (&["paid_on", "issued_on", "due_on"], &[(1, 0), (1, 2)]),
            (
                &["created_at", "shipped_at", "delivered_at", "lastSeenAt"],
                &[(0, 1), (0, 3), (1, 2)],
            ),
            (&["installed_at", "last_seen_at"], &[(0, 1)]),
            (&["first_seen", "last_seen", "created"], &[(0, 1), (2, 0)]),
            (&["last_login", "born"], &[]),
        ] {
            assert_eq!(orders(names), expected, "{names:?}");
        }
    }
}
