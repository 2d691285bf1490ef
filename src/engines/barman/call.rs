//! The program, run over one repository.

use std::ffi::OsString;
use std::fs::TryLockError;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::config::vars;
use crate::engines::engine::stopped;
use crate::engines::kept_files::at;
use crate::engines::local::name_of;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::Leash;

/// The one server of a repository.
pub(super) const SERVER: &str = "tidegate";
/// Lines of an error that are kept.
const KEPT: usize = 6;

/// Barman over `root`, a folder of its own inside of the repository.
#[derive(Debug, Clone)]
pub(super) struct Program {
    root: PathBuf,
}

/// What it said.
#[derive(Debug)]
pub(super) struct Said {
    /// Whether it ended with 0.
    pub(super) well: bool,
    name: String,
    stdout: Vec<u8>,
    stderr: String,
}

impl Program {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What it keeps of the server.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home").join(SERVER)
    }

    /// Where it takes WAL from.
    pub(super) fn incoming(&self) -> PathBuf {
        self.home().join("incoming")
    }

    /// The configuration that is written when a backup is taken.
    pub(super) fn configuration(&self) -> PathBuf {
        self.root.join("barman.conf")
    }

    /// Whether a backup is being made: Barman holds this lock as long.
    pub(super) fn at_work(&self) -> Result<bool> {
        let lock = self
            .root
            .join("lock")
            .join(format!(".{SERVER}-backup.lock"));
        match std::fs::File::open(&lock).map(|file| file.try_lock()) {
            Ok(Ok(())) => Ok(false),
            Ok(Err(TryLockError::WouldBlock)) => Ok(true),
            Ok(Err(TryLockError::Error(error))) => Err(at(&lock, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(at(&lock, &error)),
        }
    }

    /// Makes the configuration speak of this very folder and of its owner: it may be a copy, whose
    /// commands must not work on the original.
    fn settle(&self) -> Result<()> {
        let path = self.configuration();
        let text = std::fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
        let value = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
        };
        let home = value("barman_home").and_then(|home| home.strip_suffix("/home"));
        let (Some(home), Some(user)) = (home, value("barman_user")) else {
            let text = format!("{} is not what Tidegate wrote", path.display());
            return Err(Error::new(Kind::BackupTool, text));
        };
        let root = self.root.display().to_string();
        let owner = name_of(self.root.metadata()?.uid()).unwrap_or_else(|| user.to_owned());
        if home == root && user == owner {
            return Ok(());
        }
        let users = ["barman_user = ", user, "\n"].concat();
        let moved = text
            .replace(&format!("{home}/"), &format!("{root}/"))
            .replace(&users, &format!("barman_user = {owner}\n"));
        let new = path.with_extension(format!("{:08x}.new", rand::random::<u32>()));
        std::fs::write(&new, moved).map_err(|error| at(&new, &error))?;
        Ok(std::fs::rename(new, path)?)
    }

    /// Runs a command, as the owner of the folder when this process is root: Barman runs as the one
    /// user that its configuration names.
    ///
    /// # Errors
    /// [`Kind::BackupTool`] when there is no such program; [`Kind::Cancelled`].
    pub(super) async fn run(
        &self,
        arguments: &[&str],
        server: &[(&'static str, String)],
        cancel: &CancellationToken,
    ) -> Result<Said> {
        self.settle()?;
        let mut command = Command::new(program()?);
        let mut option = OsString::from("--config=");
        option.push(self.configuration());
        command
            .arg(option)
            .args(["--format", "json"])
            .args(arguments)
            .env_clear()
            .envs(vars::server_environment())
            .envs(server.iter().map(|(name, value)| (*name, value)))
            .env("HOME", &self.root)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0);
        let facts = self.root.metadata()?;
        if rustix::process::geteuid().is_root() && facts.uid() != 0 {
            command.uid(facts.uid()).gid(facts.gid());
        }
        let wrong = |error| Error::new(Kind::BackupTool, format!("barman: {error}"));
        let child = command.spawn().map_err(wrong)?;
        let leash = Leash::on(child.id());
        let output = tokio::select! {
            output = child.wait_with_output() => output.map_err(wrong)?,
            () = cancel.cancelled() => return Err(stopped()),
        };
        leash.release();
        Ok(Said {
            well: output.status.success(),
            name: arguments.first().copied().unwrap_or_default().to_owned(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Said {
    /// Itself when it ended well.
    ///
    /// # Errors
    /// [`Kind::BackupTool`] with what it said.
    pub(super) fn good(self) -> Result<Self> {
        if self.well {
            Ok(self)
        } else {
            Err(self.error())
        }
    }

    /// What its JSON holds of the server, beside messages.
    ///
    /// # Errors
    /// [`Kind::BackupTool`] when it is not understood.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let read = serde_json::from_slice::<serde_json::Value>(&self.stdout)
            .and_then(|mut all| serde_json::from_value(all[SERVER].take()));
        read.map_err(|error| {
            Error::new(
                Kind::BackupTool,
                format!("barman {} is not understood: {error}", self.name),
            )
        })
    }

    /// What it complains of: the errors of its JSON, else its stderr.
    pub(super) fn text(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Errors {
            #[serde(rename = "_ERROR", default)]
            errors: Vec<String>,
        }
        let told = serde_json::from_slice::<Errors>(&self.stdout).map(|all| all.errors);
        let lines = match told {
            Ok(lines) if !lines.is_empty() => lines,
            _ => self.stderr.lines().map(str::to_owned).collect(),
        };
        let lines: Vec<&str> = lines.iter().map(|line| line.trim()).take(KEPT).collect();
        lines.join("; ")
    }

    /// The error that its failure is.
    pub(super) fn error(&self) -> Error {
        let text = format!("barman {} failed: {}", self.name, self.text());
        Error::new(Kind::BackupTool, text)
    }
}

fn program() -> Result<PathBuf> {
    let mut places = vars::search_path()
        .into_iter()
        .map(|dir| dir.join("barman"));
    places.find(|place| place.is_file()).ok_or_else(|| {
        Error::new(
            Kind::BackupTool,
            "Barman is not installed: no barman in PATH",
        )
        .hint(
            "install the package barman, or use engine = \"native\", which needs nothing installed",
        )
    })
}
