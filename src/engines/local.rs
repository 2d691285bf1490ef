//! A cluster on this machine, for programs that run as its owner.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Order;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::Identity;
use crate::storage::Location;

/// The folder of a repository that `program` keeps its files in.
///
/// # Errors
/// [`Kind::Unsupported`] for an object store.
pub(super) fn folder(location: &Location, program: &str) -> Result<PathBuf> {
    match location {
        Location::Folder(folder) => Ok(std::path::absolute(folder)?),
        _ => Err(Error::new(
            Kind::Unsupported,
            format!("{location}: Tidegate drives {program} over repositories in folders only"),
        )
        .hint("name a folder, or use engine = \"native\"")),
    }
}

/// A cluster on this machine.
#[derive(Debug)]
pub(super) struct Cluster {
    data: PathBuf,
    owner: Identity,
    /// How the program reaches its server: variables of libpq.
    pub(super) server: Vec<(&'static str, String)>,
}

impl Cluster {
    /// Finds the data folder of the server, and makes sure that it is the server's.
    pub(super) async fn find(order: &Order<'_>) -> Result<Self> {
        let session = Session::connect(order.target, "backup").await?;
        let data: String = session
            .query_one("select pg_catalog.current_setting('data_directory')", &[])
            .await?
            .get(0);
        let data = PathBuf::from(data);
        let there = control_file(&data)?;
        if system_identifier(&there) != Some(order.system_identifier) {
            return Err(Error::new(
                Kind::BackupRefused,
                format!("{} on this machine is of another cluster", data.display()),
            )
            .hint(LOCAL));
        }
        let facts = data.metadata()?;
        let user = rustix::process::geteuid();
        if !user.is_root() && user.as_raw() != facts.uid() {
            return Err(Error::new(
                Kind::Privilege,
                format!(
                    "the owner of {} is the user {}; this is the user {}, who cannot run programs as that one",
                    data.display(),
                    facts.uid(),
                    user.as_raw()
                ),
            )
            .hint("run the backup as that user, or as root"));
        }
        Ok(Self {
            owner: Identity {
                uid: facts.uid(),
                gid: facts.gid(),
                switched: user.is_root() && facts.uid() != 0,
            },
            data,
            server: order.target.libpq_environment("backup")?,
        })
    }

    /// Makes sure that its owner gets into `folder`.
    pub(super) fn passes(&self, folder: &Path) -> Result<()> {
        if self.owner.may_reach(folder) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Privilege,
            format!(
                "the owner of the cluster, user {}, cannot get into {}",
                self.owner.uid,
                folder.display()
            ),
        )
        .hint("give others the right to pass through it and the folders above: chmod o+x"))
    }

    /// Makes a folder of its owner's.
    pub(super) fn folder(&self, folder: &Path) -> Result<()> {
        if !folder.is_dir() {
            std::fs::create_dir(folder)?;
        }
        self.give(folder, 0o750)
    }

    /// Where its data is.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Its control file.
    pub(super) fn control_file(&self) -> Result<Vec<u8>> {
        control_file(&self.data)
    }

    /// What its owner is called.
    pub(super) fn owner_name(&self) -> Option<String> {
        name_of(self.owner.uid)
    }

    /// Puts a file down as a whole: others may be reading it.
    pub(super) fn write(&self, path: &Path, content: &[u8]) -> Result<()> {
        let new = path.with_extension(format!("{:08x}.new", rand::random::<u32>()));
        std::fs::write(&new, content)?;
        self.give(&new, 0o640)?;
        Ok(std::fs::rename(&new, path)?)
    }

    fn give(&self, path: &Path, mode: u32) -> Result<()> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        if self.owner.switched {
            std::os::unix::fs::lchown(path, Some(self.owner.uid), Some(self.owner.gid))?;
        }
        Ok(())
    }
}

/// Gives a file to the owner of another one.
pub(super) fn give_like(path: &Path, of: &Path, mode: u32) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    if rustix::process::geteuid().is_root() {
        let facts = of.metadata()?;
        std::os::unix::fs::lchown(path, Some(facts.uid()), Some(facts.gid()))?;
    }
    Ok(())
}

/// What a user is called.
pub(super) fn name_of(uid: u32) -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let uid = uid.to_string();
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

/// Why a cluster elsewhere cannot be copied.
const LOCAL: &str = "this engine runs on the server's machine, as the owner of its data folder; engine = \"native\" works from anywhere";

fn control_file(data: &Path) -> Result<Vec<u8>> {
    std::fs::read(data.join("global/pg_control")).map_err(|error| {
        Error::new(
            Kind::BackupRefused,
            format!(
                "the server's data folder {} cannot be read here: {error}",
                data.display()
            ),
        )
        .hint(LOCAL)
    })
}

/// The first field of `ControlFileData`.
fn system_identifier(control: &[u8]) -> Option<u64> {
    let bytes = control.get(..8)?.try_into().ok()?;
    Some(u64::from_ne_bytes(bytes))
}
