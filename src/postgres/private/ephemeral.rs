//! A server in a temporary folder that goes away with its value.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::running::Running;
use super::server::{Options, PrivateServer};
use super::{folder, lock};
use crate::config::vars;
use crate::error::Result;

/// How the folders of temporary servers are named.
const PREFIX: &str = "run-";

/// A private server that stops and removes itself when the value is dropped. One whose process
/// was killed is swept away when the next is made.
#[derive(Debug)]
pub struct Ephemeral {
    // Dropped in this order: the folder must be gone before its lock is free.
    _server: Guard,
    _owner: File,
    running: Running,
}

/// Destroys its server when it is dropped; a start that is cancelled half way leaves nothing.
#[derive(Debug)]
struct Guard(PrivateServer);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

impl Ephemeral {
    /// Makes and starts a server in a new temporary folder.
    ///
    /// # Errors
    /// As [`PrivateServer::start`]; then nothing is left behind.
    pub async fn start(options: &Options) -> Result<Self> {
        let (dir, owner) = claim(&base()?).await?;
        let guard = match PrivateServer::at(&dir, false) {
            Ok(server) => Guard(server),
            Err(error) => {
                folder::remove(&dir)?;
                return Err(error);
            }
        };
        let running = guard.0.start(options).await?;
        Ok(Self {
            _server: guard,
            _owner: owner,
            running,
        })
    }

    /// Starts the server of a cluster that lies in `dir/data` already; the folder goes away with
    /// the value, or what is in it ([`Options::folder_stays`]).
    ///
    /// # Errors
    /// As [`PrivateServer::start`]; then nothing is left behind.
    pub async fn start_in(dir: &Path, options: &Options) -> Result<Self> {
        let mut server = PrivateServer::at(dir, false)?;
        server.folder_stays = options.folder_stays;
        let guard = Guard(server);
        let owner = lock::acquire(&dir.join("owner")).await?;
        let running = guard.0.start(options).await?;
        Ok(Self {
            _server: guard,
            _owner: owner,
            running,
        })
    }

    /// Ends the server that a killed process left in `dir`, and removes the folder. One that is in
    /// use stays.
    ///
    /// # Errors
    /// The folder is somebody else's.
    pub fn sweep(dir: &Path) -> Result<()> {
        if dir.is_dir()
            && let Some(_owner) = lock::try_acquire(&dir.join("owner"))?
        {
            PrivateServer::at(dir, false)?.destroy();
        }
        Ok(())
    }

    /// The disaster of a drill: the server and everything it started are killed with SIGKILL, and
    /// its data is removed. Returns when the processes are gone; `killed` is called then, before
    /// the data goes.
    ///
    /// # Errors
    /// It does not run, or outlives the signal.
    pub async fn lose(&self, killed: impl FnOnce()) -> Result<()> {
        self._server.0.kill().await?;
        killed();
        self._server.0.remove_data()
    }

    /// The folder of everything that belongs to it; gone after [`Self::stop`].
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.running.data.parent().unwrap_or(&self.running.data)
    }

    /// Lets the server and its folder stay as they are; they do not go with the value any more.
    #[must_use]
    pub fn keep(self) -> PrivateServer {
        let guard = std::mem::ManuallyDrop::new(self._server);
        guard.0.clone()
    }

    /// Stops the server and removes its folder. Dropping does the same, but blocks its thread.
    pub async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Deref for Ephemeral {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

/// The folder of all temporary servers of this user. It is in `/tmp` when the server's user
/// cannot get into the caller's own temporary folder.
fn base() -> Result<PathBuf> {
    let temp = vars::temp_dir();
    let temp = temp.canonicalize().unwrap_or(temp);
    let parent = if Identity::current()?.may_reach(&temp) {
        temp
    } else {
        PathBuf::from("/tmp")
    };
    let base = parent.join(format!("tidegate-{}", rustix::process::geteuid().as_raw()));
    folder::make_own(&base)?;
    Ok(base)
}

/// Makes a new folder below `base` and marks it as in use; sweeps those nobody uses any more.
async fn claim(base: &Path) -> Result<(PathBuf, File)> {
    // Held until the mark is set, so that nobody sweeps a folder that is just being made.
    let _lock = lock::acquire(&base.join("lock")).await?;
    sweep(base);
    let dir = base.join(format!("{PREFIX}{:08x}", rand::random::<u32>()));
    folder::make_own(&dir)?;
    let owner = lock::acquire(&dir.join("owner")).await?;
    Ok((dir, owner))
}

fn sweep(base: &Path) {
    for entry in base.read_dir().into_iter().flatten().flatten() {
        let dir = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        if let Ok(Some(_owner)) = lock::try_acquire(&dir.join("owner"))
            && let Ok(server) = PrivateServer::at(&dir, false)
        {
            tracing::debug!(dir = %dir.display(), "removing a temporary server left behind");
            server.destroy();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_whose_process_was_killed_is_swept_away() {
        let home = tempfile::tempdir_in("/tmp").unwrap();
        // A folder of its own holds no programs: those of the usual one serve.
        let search = super::super::Search::default();
        let programs = super::super::discover(&search).await.unwrap();
        let options = Options {
            home: Some(home.path().to_owned()),
            binaries: Some(programs),
            wal_segsize: Some(1),
            ..Options::default()
        };
        let lost = Ephemeral::start(&options).await.unwrap();
        let base = base().unwrap();
        sweep(&base);
        assert!(lost._server.0.status().unwrap().running, "it is in use");
        let Ephemeral {
            _server,
            _owner,
            running,
        } = lost;
        let server = _server.0.clone();
        // What a SIGKILL does: no destructor runs, but the lock is free.
        std::mem::forget(_server);
        drop(_owner);
        sweep(&base);
        assert_eq!(server.status().unwrap().pid, None);
        assert!(!running.data.exists());
    }
}
