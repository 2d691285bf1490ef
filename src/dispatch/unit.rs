//! What can be dispatched.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backfill::JobId;

/// A piece of work that any process can carry out, and that may be carried out more than once: its
/// own ledger makes the second time do nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unit", rename_all = "snake_case")]
pub enum Unit {
    /// A share in a backfill: its windows are leased by whoever asks.
    Backfill {
        /// The job.
        job: JobId,
    },
    /// A command line of Tidegate itself, without the program's name.
    Command {
        /// The words.
        words: Vec<String>,
    },
}

/// A unit and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The environment, which the worker's own configuration knows how to reach.
    pub environment: String,
    /// The work.
    #[serde(flatten)]
    pub unit: Unit,
}

impl Order {
    /// Names the work: an order whose key waits already is not queued again.
    #[must_use]
    pub fn key(&self, share: u16) -> String {
        format!("{}/{}/{share}", self.environment, self.unit)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backfill { job } => write!(f, "backfill {job}"),
            Self::Command { words } => f.write_str(&words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_queue() {
        for unit in [
            Unit::Backfill { job: JobId(7) },
            Unit::Command {
                words: vec!["migrate".to_owned(), "apply".to_owned()],
            },
        ] {
            let order = Order {
                environment: "staging".to_owned(),
                unit,
            };
            let json = serde_json::to_value(&order).unwrap();
            assert_eq!(serde_json::from_value::<Order>(json).unwrap(), order);
        }
    }

    #[test]
    fn shares_of_one_order_have_keys_of_their_own() {
        let order = Order {
            environment: "dev".to_owned(),
            unit: Unit::Backfill { job: JobId(7) },
        };
        assert_eq!(order.key(0), "dev/backfill b7/0");
        assert_ne!(order.key(0), order.key(1));
    }
}
