//! The built-in rule: columns that by their making carry no personal data.
//!
//! Only these: booleans; numbers of a sequence that are (part of) a primary key; primary keys of
//! type uuid that the database draws at random. Foreign keys follow the key that they refer to.
//! A uuid without such a default may come from elsewhere and name a person there, so it needs a
//! rule, as do times, enums and everything else.

use super::family::Family;
use crate::catalog::{Column, Table};

/// Functions that draw a uuid; version 1 holds the address of a machine and is not among them.
const RANDOM_UUID: &[&str] = &[
    "gen_random_uuid(",
    "uuid_generate_v4(",
    "uuidv4(",
    "uuidv7(",
];

/// Why a column needs no rule; `None` when it needs one.
pub(super) fn structural(table: &Table, column: &Column, family: Family) -> Option<&'static str> {
    let default = column.default.as_deref().unwrap_or_default();
    let in_key = table
        .primary_key()
        .is_some_and(|key| key.columns.contains(&column.name));
    match family {
        Family::Boolean => Some("a boolean"),
        Family::Integer if in_key && (column.identity.is_some() || counts(default)) => {
            Some("a surrogate key")
        }
        Family::Uuid if in_key && RANDOM_UUID.iter().any(|name| default.contains(name)) => {
            Some("a surrogate key")
        }
        _ => None,
    }
}

/// Whether a default takes the next number of a sequence, and does no more.
fn counts(default: &str) -> bool {
    default.starts_with("nextval(") || default.starts_with("pg_catalog.nextval(")
}
