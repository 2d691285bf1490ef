//! Runs Tidegate as a process of its own, so that a kill is a real kill.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::error::{Error, Kind, Result};

/// How to call this very program on the demo's project.
#[derive(Debug, Clone)]
pub(super) struct Tidegate {
    pub(super) program: PathBuf,
    pub(super) project: PathBuf,
    pub(super) url: String,
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) stderr: String,
}

impl Tidegate {
    pub(super) fn new(project: &Path, url: &str) -> Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            project: project.to_owned(),
            url: url.to_owned(),
        })
    }

    /// Starts a command.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        Ok(Command::new(&self.program)
            .arg("--config")
            .arg(self.project.join(crate::config::FILE_NAME))
            .args(["--database-url", &self.url, "--format", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?)
    }

    /// Runs a command to its end.
    pub(super) async fn call(&self, arguments: &[&str]) -> Result<Ended> {
        let output = self.spawn(arguments)?.wait_with_output().await?;
        Ok(Ended {
            code: output.status.code().unwrap_or(-1),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command that must succeed.
    pub(super) async fn must(&self, arguments: &[&str]) -> Result<()> {
        let ended = self.call(arguments).await?;
        if ended.code == 0 {
            return Ok(());
        }
        Err(Error::new(
            Kind::DemoFailed,
            format!(
                "`tidegate {}` ended with {}: {}",
                arguments.join(" "),
                ended.code,
                ended.stderr.trim()
            ),
        ))
    }
}
