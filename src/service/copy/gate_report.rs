//! What the gate of a copy found.

use serde::{Deserialize, Serialize};

use crate::masking::Class;

/// What the gate found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// Whether the copy may be used: every check passed, no leak.
    pub passed: bool,
    /// Values of the source that were found in the copy.
    pub leaks: Vec<Leak>,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// Values of the source in one place of the copy. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// `public.users.notes`, `comment on table users`.
    pub place: String,
    /// What kind of personal data it is, when that is known.
    pub class: Option<Class>,
    /// How many were found.
    pub count: u64,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, `row counts`.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was found, in a few words.
    pub detail: String,
}

impl GateReport {
    /// The verdict over checks and leaks.
    #[must_use]
    pub fn of(checks: Vec<Check>, leaks: Vec<Leak>) -> Self {
        Self {
            passed: leaks.is_empty() && checks.iter().all(|check| check.passed),
            leaks,
            checks,
        }
    }
}
