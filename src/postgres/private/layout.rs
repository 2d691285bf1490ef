//! Where the parts of one private server lie.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::folder;
use crate::config::vars;
use crate::error::{Error, Kind, Result};

/// Bytes that the path of a Unix socket may have: `sun_path` without its final zero.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
/// Name of the socket in its folder. Each server has a folder of its own, so the port is fixed.
pub(super) const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// The parts of one private server. Everything but the cluster, the socket and the log belongs
/// to the user of this process, so that the server cannot change how it is started.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The folder of all parts.
    pub(super) dir: PathBuf,
    /// The cluster.
    pub(super) data: PathBuf,
    /// The log files.
    pub(super) log: PathBuf,
    /// The folder of the socket; elsewhere when the path would be too long.
    pub(super) socket: PathBuf,
    /// The server's configuration.
    pub(super) config: PathBuf,
    /// Who may log in.
    pub(super) hba: PathBuf,
    /// What it was last started with.
    pub(super) state: PathBuf,
    /// Held while something starts, stops or resets it.
    pub(super) lock: PathBuf,
}

impl Layout {
    /// The layout of the server in `dir`, which is absolute.
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            data: dir.join("data"),
            log: dir.join("log"),
            socket: socket_folder(dir, &short_folder()),
            config: dir.join("postgresql.conf"),
            hba: dir.join("pg_hba.conf"),
            state: dir.join("state.json"),
            lock: dir.join("lock"),
            dir: dir.to_owned(),
        }
    }

    /// What the processes of this server call themselves (`cluster_name`), so that they can be
    /// told from those of every other one by anybody who may list processes.
    pub(super) fn title(&self) -> String {
        format!("tidegate-{}", &digest(&self.dir)[..16])
    }

    /// Refuses a folder whose socket path would still be too long.
    pub(super) fn check(&self) -> Result<()> {
        if fits(&self.socket) {
            return Ok(());
        }
        Err(Error::new(
            Kind::ServerStart,
            format!(
                "the path of the socket in {} is too long",
                self.socket.display()
            ),
        )
        .hint("set TIDEGATE_HOME or TMPDIR to a shorter path"))
    }
}

fn fits(folder: &Path) -> bool {
    folder.as_os_str().len() + 1 + SOCKET_NAME.len() <= SOCKET_PATH_MAX
}

/// `dir/socket` when that is short enough, else a folder below `short` that is named after `dir`,
/// so that every process finds the same one.
fn socket_folder(dir: &Path, short: &Path) -> PathBuf {
    let inside = dir.join("socket");
    if fits(&inside) {
        return inside;
    }
    short.join(&digest(dir)[..16])
}

fn digest(dir: &Path) -> String {
    hex::encode(Sha256::digest(dir.as_os_str().as_encoded_bytes()))
}

/// A folder of this user with a short path: only root can make one in `/run`, and in the other
/// places [`folder::make_own`] refuses one that somebody else made.
fn short_folder() -> PathBuf {
    let uid = rustix::process::geteuid();
    if uid.is_root() && Path::new("/run").is_dir() {
        return PathBuf::from("/run/tidegate");
    }
    vars::runtime_dir()
        .filter(|folder| folder.is_dir())
        .map_or_else(
            || PathBuf::from(format!("/tmp/tidegate-{}", uid.as_raw())),
            |folder| folder.join("tidegate"),
        )
}

/// The path for a socket of the server in `dir` that is not the server's own: in `dir` when it is
/// short enough, else below a folder that is made when it is missing, where what a killed process
/// left is removed.
///
/// # Errors
/// The server's own socket would have too long a path; those of the file system.
pub fn socket_path(dir: &Path, name: &str) -> Result<PathBuf> {
    Layout::new(dir).check()?;
    let inside = dir.join(name);
    if inside.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(inside);
    }
    let short = short_folder();
    folder::make_own(&short)?;
    let path = short.join(format!("{}-{name}", &digest(dir)[..16]));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(folder::at(&path, error)),
        _ => Ok(path),
    }
}

/// Makes the folder above a socket folder that lies elsewhere.
pub(super) fn prepare_short(layout: &Layout) -> Result<()> {
    match layout.socket.parent() {
        Some(parent) if parent != layout.dir => folder::make_own(parent),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_stays_inside_while_it_fits() {
        let short = Path::new("/run/tidegate");
        let dir = Path::new("/var/lib/tidegate/server");
        assert_eq!(socket_folder(dir, short), dir.join("socket"));
    }

    #[test]
    fn the_limit_is_exact() {
        let short = Path::new("/run/tidegate");
        let room = SOCKET_PATH_MAX - "/socket/".len() - SOCKET_NAME.len();
        let dir = PathBuf::from(format!("/{}", "d".repeat(room - 1)));
        assert_eq!(socket_folder(&dir, short), dir.join("socket"));
        let longer = PathBuf::from(format!("/{}", "d".repeat(room)));
        let moved = socket_folder(&longer, short);
        assert!(moved.starts_with(short) && fits(&moved));
        assert_eq!(
            moved,
            socket_folder(&longer, short),
            "the same in every process"
        );
    }
}
