//! Which column is right where both hold values that disagree.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind};

/// The side that a person takes in a conflict: rows of a finished backfill whose old and new column
/// disagree, because somebody wrote them past the trigger that keeps both in step. Nobody but a
/// person can know which of the two values is the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// The old column is right: the new one is computed from it once more.
    Old,
    /// The new column is right: the old one is computed from it.
    New,
}

impl Take {
    /// The word on the command line and in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Take {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        [Self::Old, Self::New]
            .into_iter()
            .find(|take| take.as_str() == word)
            .ok_or_else(|| Error::new(Kind::Usage, format!("\"{word}\" is neither old nor new")))
    }
}
