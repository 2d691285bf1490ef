//! Releases of the application.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// A release of the application, ordered as semantic versions are (<https://semver.org>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release(semver::Version);

impl Release {
    /// The release before all others: what belongs to it is always due.
    #[must_use]
    pub fn first() -> Self {
        Self(semver::Version::new(0, 0, 0))
    }

    /// The next minor release: 2.1.3 is followed by 2.2.0.
    #[must_use]
    pub fn next_minor(&self) -> Self {
        Self(semver::Version::new(self.0.major, self.0.minor + 1, 0))
    }

    /// The release of a session, told by its `application_name` (`shop/2.1.0`, also with a suffix
    /// after a blank or a second slash).
    #[must_use]
    pub fn of_session(application_name: &str, project: &str) -> AppSession {
        let Some(rest) = application_name.strip_prefix(project) else {
            return AppSession::Foreign;
        };
        let Some(version) = rest.strip_prefix('/') else {
            return if rest.is_empty() {
                AppSession::Unknown
            } else {
                AppSession::Foreign
            };
        };
        version
            .split(['/', ' '])
            .next()
            .and_then(|version| version.parse().ok())
            .map_or(AppSession::Unknown, AppSession::Release)
    }
}

/// What an `application_name` tells of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppSession {
    /// The project's application at this release.
    Release(Release),
    /// The project's application, at a release that cannot be told.
    Unknown,
    /// Something else, such as psql.
    Foreign,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl FromStr for Release {
    type Err = Error;

    /// Reads `2.1.0`, also `v2.1.0` and `2.1`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = text.trim();
        let plain = plain.strip_prefix('v').unwrap_or(plain);
        let full = if plain.split('.').count() == 2 && !plain.contains(['-', '+']) {
            format!("{plain}.0")
        } else {
            plain.to_owned()
        };
        semver::Version::parse(&full).map(Self).map_err(|reason| {
            Error::new(
                Kind::ReleaseInvalid,
                format!("\"{text}\" is not a release: {reason}"),
            )
        })
    }
}

impl TryFrom<String> for Release {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Release> for String {
    fn from(release: Release) -> Self {
        release.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    #[test]
    fn order_is_by_number_not_by_letter() {
        assert!(release("2.10.0") > release("2.9.0"));
        assert!(release("2.1.0-rc.1") < release("2.1.0"));
        assert_eq!(release("2.1"), release("v2.1.0"));
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for text in ["", "next", "2", "2.x.0", "2.1.0.0"] {
            let error = text.parse::<Release>().unwrap_err();
            assert_eq!(error.kind(), Kind::ReleaseInvalid, "{text}");
        }
    }

    #[test]
    fn sessions_name_their_release() {
        let of = |name| Release::of_session(name, "shop");
        assert_eq!(of("shop/2.0.0"), AppSession::Release(release("2.0.0")));
        assert_eq!(
            of("shop/2.0.0 worker"),
            AppSession::Release(release("2.0.0"))
        );
        assert_eq!(of("shop"), AppSession::Unknown);
        assert_eq!(of("shop/main"), AppSession::Unknown);
        assert_eq!(of("shopping/2.0.0"), AppSession::Foreign);
        assert_eq!(of("psql"), AppSession::Foreign);
    }

    proptest! {
        #[test]
        fn order_agrees_with_tuples(a in any::<(u8, u8, u8)>(), b in any::<(u8, u8, u8)>()) {
            let text = |(major, minor, patch): (u8, u8, u8)| release(&format!("{major}.{minor}.{patch}"));
            prop_assert_eq!(text(a).cmp(&text(b)), a.cmp(&b));
        }
    }
}
