//! The folder that a drill works in.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::vars;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::Identity;

/// A folder that goes away with its value. The servers' user may pass through it, nobody else may
/// look into it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make() -> Result<Self> {
        let temp = vars::temp_dir();
        let temp = temp.canonicalize().unwrap_or(temp);
        let identity = Identity::current()?;
        let parent = if identity.may_reach(&temp) {
            temp
        } else {
            PathBuf::from("/tmp")
        };
        // Short: sockets lie below it.
        let path = parent.join(format!("tgdrill-{:08x}", rand::random::<u32>()));
        // Fails when there is anything of this name, a link included.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| at(&path, &error))?;
        let folder = Self(path);
        if identity.switched {
            let mode = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(&folder.0, mode).map_err(|error| at(&folder.0, &error))?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it.
    ///
    /// # Errors
    /// Something in it cannot be removed; a drill that leaves traces has not passed.
    pub(super) fn remove(self) -> Result<()> {
        let removed = clear(&self.0);
        let result = removed.map_err(|error| at(&self.0, &error));
        std::mem::forget(self);
        result
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.0) {
            tracing::warn!(%error, dir = %self.0.display(), "the drill's folder stays");
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

fn at(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("{}: {error}", path.display()))
}
