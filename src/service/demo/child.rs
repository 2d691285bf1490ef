//! Runs Tidegate as a process of its own, so that a kill is a real kill.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use serde_json::Value;

use crate::error::{Error, Kind, Result};

/// How to call this very program on the demo's project.
#[derive(Debug, Clone)]
pub(super) struct Tidegate {
    pub(super) program: PathBuf,
    pub(super) project: PathBuf,
    pub(super) url: String,
    /// Variables of its environment.
    pub(super) variables: Vec<(&'static str, String)>,
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Tidegate {
    pub(super) fn new(project: &Path, url: &str) -> Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            project: project.to_owned(),
            url: url.to_owned(),
            variables: Vec::new(),
        })
    }

    /// The same program and project on another database.
    pub(super) fn on(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(self.project.join(crate::config::FILE_NAME))
            .args(["--database-url", &self.url, "--format", "json"])
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts a command, whose document nobody reads.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        Ok(self.command(arguments).stdout(Stdio::null()).spawn()?)
    }

    /// Runs a command to its end.
    pub(super) async fn call(&self, arguments: &[&str]) -> Result<Ended> {
        let output = self
            .command(arguments)
            .stdout(Stdio::piped())
            .output()
            .await?;
        Ok(Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command that must succeed, and gives the data of its document.
    pub(super) async fn must(&self, arguments: &[&str]) -> Result<Value> {
        self.told(arguments, 0).await
    }

    /// Runs a command that tells its result with exit code 0 or this one, and gives the data of its
    /// document.
    pub(super) async fn told(&self, arguments: &[&str], code: i32) -> Result<Value> {
        let ended = self.call(arguments).await?;
        let document = serde_json::from_str::<Value>(&ended.stdout);
        match document {
            Ok(mut document) if [0, code].contains(&ended.code) => Ok(document["data"].take()),
            _ => Err(Error::new(
                Kind::DemoFailed,
                format!(
                    "`tidegate {}` ended with {}: {}",
                    arguments.join(" "),
                    ended.code,
                    ended.stderr.trim()
                ),
            )),
        }
    }
}
