//! The program, run over one repository.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::config::vars;
use crate::engines::engine::stopped;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::Leash;

/// The one stanza of a repository: it belongs to one cluster.
pub(super) const STANZA: &str = "tidegate";
/// How long the program may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How often one is looked at that a thread waits for.
const LOOK: Duration = Duration::from_millis(20);
/// Lines of an error that are kept.
const KEPT: usize = 8;

/// pgBackRest over `root`, a folder of its own inside of the repository.
#[derive(Clone)]
pub(super) struct Program {
    root: PathBuf,
    pass: Arc<Zeroizing<String>>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// Who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// The owner of the repository, who is the owner of the cluster: for what writes.
    Owner,
    /// This process's own user: for what only reads the repository.
    Self_,
}

/// What the program said when it ended well.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) stdout: Vec<u8>,
}

impl Program {
    pub(super) fn new(root: PathBuf, pass: Zeroizing<String>) -> Self {
        Self {
            root,
            pass: Arc::new(pass),
        }
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of its repository.
    pub(super) fn repo(&self) -> PathBuf {
        self.root.join("repo")
    }

    /// The configuration that is written when a backup is taken; no key is in it.
    pub(super) fn configuration(&self) -> PathBuf {
        self.root.join("pgbackrest.conf")
    }

    /// A folder with the control file of the cluster alone, which tells the program which cluster
    /// WAL is of when the data folder is not there (any more).
    pub(super) fn identity(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// A call of one of its commands.
    pub(super) fn call(&self, command: &str) -> Call<'_> {
        Call {
            program: self,
            name: command.to_owned(),
            arguments: vec![command.into()],
            environment: Vec::new(),
            user: As::Self_,
        }
    }

    /// Options by variables: they go before the configuration, which may be of the repository that
    /// this one is a copy of, and a command overlooks those that it does not have.
    fn options(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("PGBACKREST_CONFIG", self.configuration().into()),
            ("PGBACKREST_STANZA", STANZA.into()),
            ("PGBACKREST_REPO1_PATH", self.repo().into()),
            ("PGBACKREST_REPO1_CIPHER_TYPE", "aes-256-cbc".into()),
            ("PGBACKREST_REPO1_CIPHER_PASS", self.pass.as_str().into()),
            ("PGBACKREST_LOCK_PATH", self.root.join("lock").into()),
            ("PGBACKREST_SPOOL_PATH", self.root.join("spool").into()),
            ("PGBACKREST_LOG_LEVEL_FILE", "off".into()),
            ("PGBACKREST_LOG_LEVEL_CONSOLE", "off".into()),
            ("PGBACKREST_LOG_LEVEL_STDERR", "error".into()),
            ("PGBACKREST_LOG_TIMESTAMP", "n".into()),
        ]
    }

    /// User and group of the owner of the repository, when this process is root and they are not.
    fn owner(&self) -> Option<(u32, u32)> {
        let facts = self.root.metadata().ok()?;
        (rustix::process::geteuid().is_root() && facts.uid() != 0)
            .then(|| (facts.uid(), facts.gid()))
    }
}

/// A call that is being put together.
#[derive(Debug)]
pub(super) struct Call<'a> {
    program: &'a Program,
    name: String,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    user: As,
}

impl Call<'_> {
    /// An option or an argument.
    pub(super) fn with(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// An option with a path.
    pub(super) fn at(self, option: &str, path: &Path) -> Self {
        let mut argument = OsString::from(option);
        argument.push(path);
        self.with(argument)
    }

    /// As the owner of the repository.
    pub(super) fn by_owner(mut self) -> Self {
        self.user = As::Owner;
        self
    }

    /// Variables that say how the server is reached.
    pub(super) fn reaching(
        mut self,
        server: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let all = server.into_iter();
        self.environment
            .extend(all.map(|(name, value)| (name, value.into())));
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// [`Kind::BackupTool`] with what it said; [`Kind::Cancelled`].
    pub(super) async fn run(self, cancel: &CancellationToken) -> Result<Said> {
        match self.ended(cancel).await? {
            Ended { code: 0, said, .. } => Ok(said),
            ended => Err(ended.error()),
        }
    }

    /// Runs it to its end, which may be a failure.
    ///
    /// # Errors
    /// [`Kind::BackupTool`] when there is no such program; [`Kind::Cancelled`].
    pub(super) async fn ended(self, cancel: &CancellationToken) -> Result<Ended> {
        let name = self.name.clone();
        let mut child = self.start()?;
        let leash = Leash::on(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reading = tokio::spawn(async move { tokio::join!(all(stdout), all(stderr)) });
        let status = tokio::select! {
            status = child.wait() => status?,
            () = cancel.cancelled() => {
                end(&mut child).await;
                return Err(stopped());
            }
        };
        leash.release();
        let (stdout, stderr) = reading
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        Ok(Ended {
            name,
            code: status.code().unwrap_or(-1),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            said: Said { stdout },
        })
    }

    /// Runs it to its end in this thread. When it is stopped, none of its processes is left.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) fn run_blocking(self, cancel: &CancellationToken) -> Result<()> {
        let wrong = |error| Error::new(Kind::BackupTool, format!("pgbackrest: {error}"));
        let (name, mut command) = (self.name.clone(), self.command()?);
        let mut said = tempfile::tempfile()?;
        let stderr = said.try_clone()?;
        command.stdout(Stdio::null()).stderr(stderr);
        let mut child = command.spawn().map_err(wrong)?;
        let leash = Leash::on(Some(child.id()));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if cancel.is_cancelled() {
                let group = i32::try_from(child.id()).ok();
                if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
                    let _ =
                        rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                child.wait()?;
                return Err(stopped());
            }
            std::thread::sleep(LOOK);
        };
        leash.release();
        let mut stderr = Vec::new();
        said.rewind()?;
        said.read_to_end(&mut stderr)?;
        match status.code().unwrap_or(-1) {
            0 => Ok(()),
            code => Err(Ended {
                name,
                code,
                stderr: String::from_utf8_lossy(&stderr).into_owned(),
                said: Said { stdout: Vec::new() },
            }
            .error()),
        }
    }

    fn start(self) -> Result<Child> {
        let mut command = Command::from(self.command()?);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
            .spawn()
            .map_err(|error| Error::new(Kind::BackupTool, format!("pgbackrest: {error}")))
    }

    fn command(self) -> Result<std::process::Command> {
        let path = program()?;
        let mut command = std::process::Command::new(path);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(vars::server_environment())
            .envs(self.environment)
            .envs(self.program.options())
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if let (As::Owner, Some((uid, gid))) = (self.user, self.program.owner()) {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }
}

/// Asks it to end, so that it takes its locks and the server's backup mode back.
async fn end(child: &mut Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _ = tokio::time::timeout(GRACE, child.wait()).await;
    }
}

async fn all(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(mut from) = from {
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut text).await;
    }
    text
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    name: String,
    /// Its exit code; -1 after a signal.
    pub(super) code: i32,
    stderr: String,
    pub(super) said: Said,
}

impl Ended {
    /// What it said of its failure: the first line is the error, the others are its details.
    pub(super) fn text(&self) -> String {
        let lines = self.stderr.lines().map(str::trim);
        let mut lines = lines.skip_while(|line| !line.contains("ERROR: ["));
        let first = lines.next().unwrap_or_default();
        let first = first.split_once("]: ").map_or(first, |(_, text)| text);
        let rest = lines
            .take_while(|line| !line.starts_with("HINT"))
            .take(KEPT - 1);
        let all: Vec<&str> = std::iter::once(first).chain(rest).collect();
        printable(&all.join("; "))
    }

    /// The error that its failure is.
    pub(super) fn error(&self) -> Error {
        let what = match self.code {
            0 => format!("pgbackrest {} did not do what it said", self.name),
            -1 => format!("pgbackrest {} was killed", self.name),
            code => format!("pgbackrest {} ended with {code}", self.name),
        };
        match self.text() {
            text if text.is_empty() => Error::new(Kind::BackupTool, what),
            text => Error::new(Kind::BackupTool, format!("{what}: {text}")),
        }
    }
}

/// The program quotes what it could not decrypt.
fn printable(text: &str) -> String {
    let plain = |c: char| {
        if c.is_control() || c == '\u{fffd}' {
            '?'
        } else {
            c
        }
    };
    text.chars().map(plain).take(1000).collect()
}

fn program() -> Result<PathBuf> {
    let name = OsStr::new("pgbackrest");
    let mut places = vars::search_path().into_iter().map(|dir| dir.join(name));
    places.find(|place| place.is_file()).ok_or_else(|| {
        Error::new(Kind::BackupTool, "pgBackRest is not installed: no pgbackrest in PATH").hint(
            "install the package pgbackrest, or use engine = \"native\", which needs nothing installed",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_without_its_code_and_without_noise() {
        let ended = |stderr: &str| Ended {
            name: "backup".to_owned(),
            code: 45,
            stderr: stderr.to_owned(),
            said: Said { stdout: Vec::new() },
        };
        let text = ended(
            "P00   WARN: x\nP00  ERROR: [045]: WAL file '0A' exists\n            more\n            HINT: y\n",
        )
        .error()
        .to_string();
        assert_eq!(
            text,
            "pgbackrest backup ended with 45: WAL file '0A' exists; more"
        );
        let noise = ended("P00  ERROR: [029]: bad \u{fffd}\u{7}x").text();
        assert_eq!(noise, "bad ??x");
        assert_eq!(
            ended("").error().to_string(),
            "pgbackrest backup ended with 45"
        );
    }

    #[test]
    fn the_key_is_never_printed() {
        let program = Program::new("/r".into(), Zeroizing::new("secret".to_owned()));
        assert!(!format!("{program:?}").contains("secret"));
    }
}
