//! The four phases of a change.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Release;
use crate::error::{Error, Kind};

/// A phase of a change, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Adds what the new release needs; nothing that the old one uses changes.
    Expand,
    /// Fills what was added, for the rows that exist already.
    Backfill,
    /// Makes constraints hold that the new release relies on.
    Enforce,
    /// Removes what only the old release needed. The point of no return.
    Contract,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 4] = [Self::Expand, Self::Backfill, Self::Enforce, Self::Contract];

    /// The word in files, the ledger and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Enforce => "enforce",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.as_str() == word)
            .ok_or_else(|| {
                Error::new(Kind::ChangeValue, format!("\"{word}\" is not a phase"))
                    .hint("the phases are expand, backfill, enforce and contract")
            })
    }
}

/// The release in which each phase of a change runs. The backfill belongs to the release of
/// expand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Release of expand and backfill.
    pub expand: Release,
    /// Release of enforce; also the first release of the app that no longer needs what contract
    /// removes.
    pub enforce: Release,
    /// Release of contract.
    pub contract: Release,
}

impl Schedule {
    /// Fills in the phases that a file leaves out: expand at the first release named, enforce one
    /// minor release later, contract one after that.
    ///
    /// # Errors
    /// [`Kind::ReleaseOrder`] when a later phase would run in an earlier release,
    /// [`Kind::ChangeValue`] when no release is named at all.
    pub fn resolve(
        expand: Option<Release>,
        enforce: Option<Release>,
        contract: Option<Release>,
    ) -> Result<Self, Error> {
        let first = expand
            .as_ref()
            .or(enforce.as_ref())
            .or(contract.as_ref())
            .cloned()
            .ok_or_else(|| {
                Error::new(Kind::ChangeValue, "the schedule names no release")
                    .hint("add [schedule] with expand = \"MAJOR.MINOR.PATCH\"")
            })?;
        let schedule = match (expand, enforce, contract) {
            (None, None, Some(contract)) => Self {
                expand: first.clone(),
                enforce: first,
                contract,
            },
            (_, enforce, contract) => {
                let enforce = enforce.unwrap_or_else(|| {
                    let next = first.next_minor();
                    contract.clone().map_or(next.clone(), |last| last.min(next))
                });
                Self {
                    contract: contract.unwrap_or_else(|| enforce.next_minor()),
                    expand: first,
                    enforce,
                }
            }
        };
        if schedule.expand > schedule.enforce || schedule.enforce > schedule.contract {
            return Err(Error::new(
                Kind::ReleaseOrder,
                format!(
                    "the phases go back: expand {}, enforce {}, contract {}",
                    schedule.expand, schedule.enforce, schedule.contract
                ),
            ));
        }
        Ok(schedule)
    }

    /// All phases in one release, as plain SQL has it.
    #[must_use]
    pub fn at(release: &Release) -> Self {
        Self {
            expand: release.clone(),
            enforce: release.clone(),
            contract: release.clone(),
        }
    }

    /// The release of a phase.
    #[must_use]
    pub fn release(&self, phase: Phase) -> &Release {
        match phase {
            Phase::Expand | Phase::Backfill => &self.expand,
            Phase::Enforce => &self.enforce,
            Phase::Contract => &self.contract,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Option<Release> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn omitted_phases_follow_the_policy() {
        let schedule = Schedule::resolve(release("2.1.0"), None, None).unwrap();
        assert_eq!(schedule.enforce.to_string(), "2.2.0");
        assert_eq!(schedule.contract.to_string(), "2.3.0");
        let schedule = Schedule::resolve(release("2.1.0"), None, release("2.1.0")).unwrap();
        assert_eq!(schedule.enforce.to_string(), "2.1.0");
    }

    #[test]
    fn phases_must_not_go_back() {
        let error = Schedule::resolve(release("2.2.0"), release("2.1.0"), None).unwrap_err();
        assert_eq!(error.kind(), Kind::ReleaseOrder);
    }
}
