//! A disk that is too small, for the control of a restore that runs out of space.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::error::Result;

/// Where root finds `mount`, whose business the rest of the environment is not.
const PROGRAMS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A place with little room; gone with its value.
#[derive(Debug)]
pub(super) struct SmallDisk {
    place: PathBuf,
    mounted: bool,
}

impl SmallDisk {
    /// A place for less than `bytes`: root mounts one at `place`, others look for one that is
    /// there. None when there is no way.
    ///
    /// # Errors
    /// `place` cannot be made.
    pub(super) async fn make(place: &Path, bytes: u64) -> Result<Option<Self>> {
        if rustix::process::geteuid().is_root() && cfg!(target_os = "linux") {
            std::fs::create_dir_all(place)?;
            let options = format!("size={},mode=0711", (bytes / 2).max(1 << 20));
            let mut mount = Command::new("mount");
            mount.env_clear().env("PATH", PROGRAMS);
            mount.args(["-t", "tmpfs", "-o", &options, "tidegate-drill"]);
            let mount = mount.arg(place).stdin(Stdio::null()).output().await;
            if mount.is_ok_and(|output| output.status.success()) {
                return Ok(Some(Self {
                    place: place.to_owned(),
                    mounted: true,
                }));
            }
        }
        let Some(found) = find(bytes) else {
            return Ok(None);
        };
        std::fs::create_dir(&found)?;
        Ok(Some(Self {
            place: found,
            mounted: false,
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.place
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            let done = std::process::Command::new("umount")
                .env_clear()
                .env("PATH", PROGRAMS)
                .arg("-l")
                .arg(&self.place)
                .stdin(Stdio::null())
                .output();
            if !done.is_ok_and(|output| output.status.success()) {
                tracing::warn!(dir = %self.place.display(), "a small disk stays mounted");
                return;
            }
        }
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

/// A folder to be made on a file system that has less room.
fn find(bytes: u64) -> Option<PathBuf> {
    ["/dev/shm", "/run/lock", "/tmp"]
        .iter()
        .map(Path::new)
        .filter(|place| place.is_dir())
        .find(|place| free(place).is_some_and(|free| free < bytes))
        .map(|place| place.join(format!("tgdrill-{:08x}", rand::random::<u32>())))
}

/// Bytes that may be written.
fn free(place: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(place).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}
