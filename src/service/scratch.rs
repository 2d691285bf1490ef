//! The folder that a drill or a rescue works in.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::{Config, Overrides, Target, vars};
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Ephemeral, Identity};

/// How the folders are named.
const PREFIX: &str = "tgdrill-";
/// Held as long as the process lives.
const OWNER: &str = "drill";
/// Where servers may be.
const SERVERS: [&str; 4] = ["latest", "point", "control/into", RESCUE];
/// Where the server of a rescue is.
pub(crate) const RESCUE: &str = "rescue";

/// A folder that goes away with its value. The servers' user may pass through it, nobody else may
/// look into it. One whose process was killed is swept away when the next is made.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _owner: File,
}

impl Folder {
    pub(crate) fn make() -> Result<Self> {
        let temp = vars::temp_dir();
        let temp = temp.canonicalize().unwrap_or(temp);
        let identity = Identity::current()?;
        let parent = if identity.may_reach(&temp) {
            temp
        } else {
            PathBuf::from("/tmp")
        };
        sweep(&parent);
        // Short: sockets lie below it.
        let path = parent.join(format!("{PREFIX}{:08x}", rand::random::<u32>()));
        // Fails when there is anything of this name, a link included.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| at(&path, &error))?;
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        // It gets its name when it is locked: a sweep never meets it otherwise.
        let making = path.join("making");
        let owner = options
            .open(&making)
            .and_then(|owner| {
                lock(&owner)?;
                std::fs::rename(&making, path.join(OWNER))?;
                Ok(owner)
            })
            .map_err(|error| at(&path, &error))?;
        if identity.switched {
            let mode = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(&path, mode).map_err(|error| at(&path, &error))?;
        }
        Ok(Self {
            path,
            _owner: owner,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it.
    ///
    /// # Errors
    /// Something in it cannot be removed; a drill that leaves traces has not passed.
    pub(crate) fn remove(self) -> Result<()> {
        // Dropped afterwards, when nothing is left to remove.
        clear(&self.path).map_err(|error| at(&self.path, &error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.path) {
            tracing::warn!(%error, dir = %self.path.display(), "the folder stays");
        }
    }
}

/// Removes a folder. Processes and threads that were told to end may write for a moment more.
fn clear(path: &Path) -> std::io::Result<()> {
    let mut left = 40;
    loop {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) if left > 0 => {
                left -= 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

/// Ends the servers of folders whose process was killed, and removes their folders.
fn sweep(parent: &Path) {
    for entry in parent.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // A folder of somebody else, or one that is just being made, has no such file for us.
        let Ok(owner) = File::options().write(true).open(path.join(OWNER)) else {
            continue;
        };
        if lock(&owner).is_ok() {
            tracing::debug!(dir = %path.display(), "removing what was left behind");
            for server in SERVERS {
                let _ = Ephemeral::sweep(&path.join(server));
            }
            let _ = clear(&path);
        }
    }
}

fn lock(file: &File) -> std::io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// A database on a private server, reached by its URL; no environment has a say. The settings are
/// those of a project's file, when one is named.
pub(crate) async fn target(url: &str, file: Option<PathBuf>) -> Result<Target> {
    let config = Config::load(&Overrides {
        file,
        environment: None,
        database_url: Some(url.to_owned()),
    })?;
    config.environment(None)?.target(&config).await
}

fn at(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("{}: {error}", path.display()))
}
