//! The name of a job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// The number of a job in the ledger; written `b12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("b{}", self.0))
    }
}

impl FromStr for JobId {
    type Err = Error;

    /// Reads `b12` or `12`.
    fn from_str(text: &str) -> Result<Self, Error> {
        text.strip_prefix('b')
            .unwrap_or(text)
            .parse()
            .map(Self)
            .map_err(|_| {
                Error::new(
                    Kind::JobUnknown,
                    format!("\"{text}\" is not the id of a job"),
                )
            })
    }
}

impl TryFrom<String> for JobId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        assert_eq!("b12".parse::<JobId>().unwrap(), JobId(12));
        assert_eq!("12".parse::<JobId>().unwrap().to_string(), "b12");
        assert_eq!("x".parse::<JobId>().unwrap_err().kind(), Kind::JobUnknown);
    }
}
