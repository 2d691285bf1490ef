//! Negative controls: damage that a drill must find, or it cannot be believed when it is green.

use serde::{Deserialize, Serialize};

/// One kind of damage, done to a copy of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// A WAL segment in the middle is gone.
    MissingSegment,
    /// A WAL segment is cut to half.
    TruncatedSegment,
    /// One byte in the middle of the base backup is another.
    FlippedByteInData,
    /// One byte of a WAL segment is another.
    FlippedByteInWal,
    /// The repository is opened with another key.
    WrongKey,
    /// A primary whose `archive_command` is `/bin/true`.
    TrueArchive,
    /// The base backup has no manifest.
    MissingManifest,
    /// The disk of the restored cluster is too small.
    NoSpace,
    /// The base backup is of a server that these programs cannot run.
    WrongMajor,
    /// A timeline that branched off before the base backup was done.
    TimelineFork,
    /// The oracle's manifest says something else than the primary held.
    TamperedOracle,
}

impl Damage {
    /// All of them, in the order of their rotation: neighbours damage different things.
    pub const ALL: [Self; 11] = [
        Self::MissingSegment,
        Self::FlippedByteInData,
        Self::WrongKey,
        Self::TruncatedSegment,
        Self::TamperedOracle,
        Self::FlippedByteInWal,
        Self::TrueArchive,
        Self::MissingManifest,
        Self::TimelineFork,
        Self::WrongMajor,
        Self::NoSpace,
    ];

    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingSegment => "missing segment",
            Self::TruncatedSegment => "truncated segment",
            Self::FlippedByteInData => "flipped byte in data",
            Self::FlippedByteInWal => "flipped byte in WAL",
            Self::WrongKey => "wrong key",
            Self::TrueArchive => "/bin/true archive",
            Self::MissingManifest => "missing manifest",
            Self::NoSpace => "no space",
            Self::WrongMajor => "wrong major version",
            Self::TimelineFork => "timeline fork",
            Self::TamperedOracle => "tampered oracle",
        }
    }

    /// Whether it needs the sandbox: a primary or an oracle of the drill's own.
    #[must_use]
    pub fn needs_sandbox(self) -> bool {
        matches!(self, Self::TamperedOracle)
    }

    /// Whether it is done to the files of a copy of the repository.
    #[must_use]
    pub fn needs_copy(self) -> bool {
        !matches!(
            self,
            Self::WrongKey | Self::TrueArchive | Self::NoSpace | Self::TamperedOracle
        )
    }
}

/// How many controls a drill tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Every one.
    All,
    /// So many, each drill others than the one before.
    Some(usize),
}

/// Controls of one drill unless somebody says otherwise.
pub const DEFAULT: Choice = Choice::Some(2);

impl Choice {
    /// The controls of the drill that follows `earlier` others, out of `possible`.
    #[must_use]
    pub fn of(self, possible: &[Damage], earlier: usize) -> Vec<Damage> {
        match self {
            Self::All => possible.to_vec(),
            Self::Some(count) => {
                let count = count.min(possible.len());
                possible
                    .iter()
                    .cycle()
                    .skip((earlier * count) % possible.len().max(1))
                    .take(count)
                    .copied()
                    .collect()
            }
        }
    }
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::Some(0)),
            number => number
                .parse()
                .map(Self::Some)
                .map_err(|_| format!("\"{number}\" is not all, none or a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_control_has_its_turn() {
        for count in 1..=Damage::ALL.len() {
            let drills = Damage::ALL.len().div_ceil(count) * count;
            let seen: BTreeSet<Damage> = (0..drills)
                .flat_map(|earlier| Choice::Some(count).of(&Damage::ALL, earlier))
                .collect();
            assert_eq!(seen.len(), Damage::ALL.len(), "{count} at a time");
        }
        assert_ne!(
            DEFAULT.of(&Damage::ALL, 0),
            DEFAULT.of(&Damage::ALL, 1),
            "each drill others"
        );
    }

    #[test]
    fn choices_are_written_in_three_ways() {
        assert_eq!("all".parse(), Ok(Choice::All));
        assert_eq!("none".parse(), Ok(Choice::Some(0)));
        assert_eq!("3".parse(), Ok(Choice::Some(3)));
        assert!("some".parse::<Choice>().is_err());
        assert_eq!(Choice::Some(99).of(&Damage::ALL, 5).len(), 11);
        assert_eq!(Choice::Some(3).of(&[], 5), []);
    }
}
