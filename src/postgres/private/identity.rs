//! The user that a server runs as. PostgreSQL refuses to run as root, so root picks another.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::config::vars;
use crate::error::{Error, Kind, Result};

/// A user and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whether it differs from the user of this process, which then is root.
    pub switched: bool,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl Identity {
    /// The user for new clusters: this process's; for root the person behind `sudo`, else
    /// `postgres`, else `nobody`.
    ///
    /// # Errors
    /// Root finds none of them.
    pub fn current() -> Result<Self> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            return Ok(Self {
                uid: uid.as_raw(),
                gid: rustix::process::getegid().as_raw(),
                switched: false,
            });
        }
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        vars::sudo_user()
            .or_else(|| account(&accounts, "postgres"))
            .or_else(|| account(&accounts, "nobody"))
            .map(|(uid, gid)| Self {
                uid,
                gid,
                switched: true,
            })
            .ok_or_else(|| {
                Error::new(
                    Kind::ServerStart,
                    "PostgreSQL does not run as root, and there is no user postgres or nobody",
                )
                .hint("create a user postgres, or run Tidegate as a normal user")
            })
    }

    /// The user of the cluster in `data` when there is one, else [`Self::current`].
    ///
    /// # Errors
    /// The cluster belongs to root, or to somebody else than the normal user that asks.
    pub fn of_cluster(data: &Path) -> Result<Self> {
        let current = Self::current()?;
        let Ok(facts) = data.symlink_metadata() else {
            return Ok(current);
        };
        let owner = Self {
            uid: facts.uid(),
            gid: facts.gid(),
            switched: current.switched,
        };
        if facts.is_dir() && owner.uid != 0 && (current.switched || owner.uid == current.uid) {
            return Ok(owner);
        }
        Err(Error::new(
            Kind::ServerStart,
            format!(
                "{} belongs to user {}, who cannot run it for you",
                data.display(),
                owner.uid
            ),
        )
        .hint("set TIDEGATE_HOME to a folder of your own"))
    }

    /// Makes `command` run as this user, with a bare environment and away from the terminal's
    /// signals, so that Ctrl-C reaches Tidegate alone.
    pub(super) fn prepare(&self, command: &mut tokio::process::Command, cwd: &Path) {
        command
            .env_clear()
            .envs(vars::server_environment())
            .env("HOME", cwd)
            .current_dir(cwd)
            .stdin(std::process::Stdio::null())
            .process_group(0);
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Whether this user may get into `folder`, by the mode bits of it and the folders above.
    #[must_use]
    pub fn may_reach(&self, folder: &Path) -> bool {
        !self.switched || folder.ancestors().all(|place| self.may_enter(place))
    }

    fn may_enter(&self, place: &Path) -> bool {
        let Ok(facts) = place.metadata() else {
            return false;
        };
        let bit = if facts.uid() == self.uid {
            0o100
        } else if facts.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        facts.mode() & bit != 0
    }
}

/// User and group of `name` in the text of `/etc/passwd`.
fn account(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid: u32 = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let text = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:101:104:,,,:/x:/y\nbad:x:q:1::/:\n";
        assert_eq!(account(text, "postgres"), Some((101, 104)));
        assert_eq!(account(text, "nobody"), None);
        assert_eq!(account(text, "bad"), None);
        assert_eq!(account(text, "root"), None, "a server never runs as root");
    }

    #[test]
    fn a_closed_folder_above_stops_another_user() {
        let root = tempfile::tempdir_in("/tmp").unwrap();
        let inner = root.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let stranger = Identity {
            uid: 64999,
            gid: 64999,
            switched: true,
        };
        let set = |mode| {
            std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(mode)).unwrap()
        };
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o711)).unwrap();
        set(0o700);
        assert!(!stranger.may_reach(&inner));
        set(0o711);
        assert!(stranger.may_reach(&inner));
    }
}
