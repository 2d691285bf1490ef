//! `pg_dump` and `pg_restore`: the only programs that know every kind of object of every version.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Binaries, Leash, Search, discover};

/// How many versions above the servers' are tried.
const NEWER: u32 = 6;
/// What is kept of what a program says.
const KEPT: u64 = 64 * 1024;

/// One version of the programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    binaries: Binaries,
}

impl Programs {
    /// The programs of version `major` or the next newer one on this machine. An older `pg_dump`
    /// refuses a newer server; a much newer one writes settings that an older server does not know.
    pub(crate) async fn find(major: i32) -> Result<Self> {
        let major = u32::try_from(major).unwrap_or_default();
        let mut first = None;
        for version in major..=major + NEWER {
            let search = Search {
                major: Some(version),
                ..Search::default()
            };
            match discover(&search).await {
                Ok(binaries) if binaries.program("pg_dump").is_some() => {
                    return Ok(Self { binaries });
                }
                Ok(_) => {}
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| {
            Error::new(
                Kind::PostgresMissing,
                format!("no pg_dump of PostgreSQL {major} or newer on this machine"),
            )
        }))
    }

    /// Their major version.
    pub(crate) fn major(&self) -> u32 {
        self.binaries.version.major
    }

    /// Starts a program with pipes around it, on a database when one is named, and for what. It ends
    /// with the value and with this process.
    pub(crate) fn piped(
        &self,
        name: &'static str,
        target: Option<(&Target, &str)>,
        arguments: &[OsString],
    ) -> Result<Piped> {
        let program = self.binaries.program(name).ok_or_else(|| {
            let place = self.binaries.dir.display();
            Error::new(Kind::PostgresMissing, format!("no {name} in {place}"))
        })?;
        let variables = match target {
            Some((target, purpose)) => target.libpq_environment(purpose)?,
            None => Vec::new(),
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(self.binaries.environment())
            .envs(variables)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .map_err(|error| Error::new(Kind::BackupTool, format!("{name}: {error}")))?;
        let leash = Leash::on(child.id());
        let stderr = child.stderr.take();
        let said = tokio::spawn(async move {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = (&mut stderr).take(KEPT).read_to_end(&mut said).await;
                // A pipe that nobody empties would hold the program up.
                let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            }
            said
        });
        Ok(Piped {
            name,
            child,
            leash,
            said,
        })
    }

    /// Runs a program on a database; what it printed.
    pub(crate) async fn run(
        &self,
        name: &str,
        target: &Target,
        arguments: &[OsString],
        cancel: &CancellationToken,
    ) -> Result<String> {
        let failed = |what: String| Error::new(Kind::CopyTool, format!("{name}: {what}"));
        let program = self
            .binaries
            .program(name)
            .ok_or_else(|| failed(format!("not in {}", self.binaries.dir.display())))?;
        let running = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(self.binaries.environment())
            .envs(target.libpq_environment("copy")?)
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .process_group(0)
            .output();
        let output = tokio::select! {
            output = running => output.map_err(|error| failed(error.to_string()))?,
            () = cancel.cancelled() => {
                return Err(Error::new(Kind::Cancelled, format!("{name} was stopped")));
            }
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let error = failed(format!("ended with {}", output.status));
        let said = String::from_utf8_lossy(&output.stderr);
        Err(said
            .lines()
            .filter(|line| harmless(line))
            .take(20)
            .fold(error, Error::detail))
    }
}

/// A program at work.
#[derive(Debug)]
pub(crate) struct Piped {
    name: &'static str,
    child: Child,
    leash: Leash,
    said: JoinHandle<Vec<u8>>,
}

impl Piped {
    /// What it reads; once.
    pub(crate) fn stdin(&mut self) -> Result<ChildStdin> {
        let pipe = self.child.stdin.take();
        pipe.ok_or_else(|| Error::new(Kind::Internal, format!("{} has no stdin", self.name)))
    }

    /// What it writes; once.
    pub(crate) fn stdout(&mut self) -> Result<ChildStdout> {
        let pipe = self.child.stdout.take();
        pipe.ok_or_else(|| Error::new(Kind::Internal, format!("{} has no stdout", self.name)))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`Kind::BackupTool`] with what it said, when it did not succeed.
    pub(crate) async fn end(mut self) -> Result<()> {
        let status = self.child.wait().await?;
        self.leash.release();
        if status.success() {
            return Ok(());
        }
        let said = self.said.await.unwrap_or_default();
        Err(complaint(
            self.name,
            status,
            &String::from_utf8_lossy(&said),
        ))
    }
}

/// The error that a failure means. Only what the program says in its own name is shown: a value with
/// line breaks may be quoted on the lines below.
fn complaint(name: &str, status: ExitStatus, said: &str) -> Error {
    let error = Error::new(Kind::BackupTool, format!("{name} ended with {status}"));
    let own = said.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(':')) && harmless(line)
    });
    own.map(without_value).take(20).fold(error, Error::detail)
}

/// A message up to the value that it quotes: `invalid input syntax for type date: "..."`. Names of
/// objects are quoted without a colon before them.
fn without_value(line: &str) -> &str {
    line.split_once(": \"").map_or(line, |(head, _)| head)
}

/// Whether a line of an error may be shown: details and contexts quote values of rows.
fn harmless(line: &str) -> bool {
    !["DETAIL", "CONTEXT", "Command was"]
        .iter()
        .any(|word| line.contains(word))
}

/// `--file=PATH` without a loss for paths that are no UTF-8.
pub(crate) fn option(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(format!("--{name}="));
    text.push(path);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_quote_values_are_not_shown() {
        assert!(harmless(
            "pg_restore: error: could not create unique index \"u\""
        ));
        assert!(!harmless(
            "DETAIL:  Key (email)=(a@b.example) is duplicated."
        ));
    }

    #[test]
    fn values_are_cut_off_and_names_are_shown() {
        use std::os::unix::process::ExitStatusExt as _;
        let said = "psql:<stdin>:9: ERROR:  invalid input syntax for type integer: \"secret\n\
            more secret\"\nCONTEXT:  COPY orders, line 1\n\
            psql:<stdin>:9: ERROR:  relation \"app.users\" does not exist\n";
        let error = complaint("psql", ExitStatus::from_raw(3 << 8), said);
        let shown = format!("{error:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("COPY"),
            "{shown}"
        );
        assert!(
            shown.contains("invalid input syntax for type integer"),
            "{shown}"
        );
        assert!(shown.contains("does not exist"), "{shown}");
    }
}
