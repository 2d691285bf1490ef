//! Where a recovery is to end.

use chrono::{DateTime, Utc};

use super::Lsn;

/// Where a recovery ends; the cluster is promoted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryTarget {
    /// At the end of the WAL that there is.
    Latest,
    /// As soon as the base backup is consistent.
    Immediate,
    /// At a named restore point.
    Name(String),
    /// After the last transaction that was committed until then.
    Time(DateTime<Utc>),
    /// At a place in the WAL.
    Lsn(Lsn),
}

impl RecoveryTarget {
    /// The settings of a server that is to recover to it.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        let target = match self {
            Self::Latest => None,
            Self::Immediate => Some(("recovery_target", "immediate".to_owned())),
            Self::Name(name) => Some(("recovery_target_name", name.clone())),
            Self::Time(time) => Some(("recovery_target_time", time.to_rfc3339())),
            Self::Lsn(lsn) => Some(("recovery_target_lsn", lsn.to_string())),
        };
        let fixed = [
            ("recovery_target_action", "promote".to_owned()),
            ("recovery_target_timeline", "latest".to_owned()),
        ];
        let all = fixed.into_iter().chain(target);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_place_is_named() {
        let names = |target: RecoveryTarget| -> Vec<String> {
            let all = target.settings().into_iter().map(|(name, _)| name);
            all.filter(|name| !name.ends_with("action") && !name.ends_with("timeline"))
                .collect()
        };
        assert_eq!(names(RecoveryTarget::Latest), [""; 0]);
        assert_eq!(names(RecoveryTarget::Immediate), ["recovery_target"]);
        assert_eq!(names(RecoveryTarget::Lsn(Lsn(7))), ["recovery_target_lsn"]);
    }
}
