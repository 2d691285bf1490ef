//! The providers: a variable, a file, a command such as a vault's own CLI.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Kind, Result};

/// How long a command may take to print a secret.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Something that holds a secret.
pub trait SecretProvider: Send + Sync {
    /// Reads the secret, now.
    fn read(&self) -> Pin<Box<dyn Future<Output = Result<SecretString>> + Send + '_>>;
}

/// A variable; its value is looked up by the configuration, which alone reads variables.
#[derive(Debug)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value, when it is set.
    pub value: Option<SecretString>,
}

/// A file; blanks and newlines at its end are not part of the secret.
#[derive(Debug)]
pub struct File {
    /// The file.
    pub path: PathBuf,
}

/// A command that prints the secret on its standard output.
#[derive(Debug)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<String>,
}

impl SecretProvider for EnvironmentVariable {
    fn read(&self) -> Pin<Box<dyn Future<Output = Result<SecretString>> + Send + '_>> {
        Box::pin(async {
            let value = self.value.clone().ok_or_else(|| {
                Error::new(
                    Kind::SecretUnavailable,
                    format!("the variable {} is not set", self.name),
                )
            })?;
            not_empty(value.expose_secret())
        })
    }
}

impl SecretProvider for File {
    fn read(&self) -> Pin<Box<dyn Future<Output = Result<SecretString>> + Send + '_>> {
        Box::pin(async {
            let text = tokio::fs::read_to_string(&self.path)
                .await
                .map_err(|error| {
                    Error::new(
                        Kind::SecretUnavailable,
                        format!(
                            "the file {} cannot be read: {}",
                            self.path.display(),
                            error.kind()
                        ),
                    )
                })?;
            not_empty(text.trim_end())
        })
    }
}

impl SecretProvider for Command {
    fn read(&self) -> Pin<Box<dyn Future<Output = Result<SecretString>> + Send + '_>> {
        Box::pin(async {
            let (program, arguments) = self
                .words
                .split_first()
                .ok_or_else(|| Error::new(Kind::SecretUnavailable, "the command is empty"))?;
            let run = tokio::process::Command::new(program)
                .args(arguments)
                .stdin(std::process::Stdio::null())
                .kill_on_drop(true)
                .output();
            let failed = |why: String| {
                Error::new(
                    Kind::SecretUnavailable,
                    format!("the command {program} {why}"),
                )
            };
            let output = tokio::time::timeout(COMMAND_TIMEOUT, run)
                .await
                .map_err(|_| failed(format!("gave no answer in {} s", COMMAND_TIMEOUT.as_secs())))?
                .map_err(|error| failed(format!("cannot be run: {error}")))?;
            if !output.status.success() {
                return Err(failed(format!("ended with {}", output.status)));
            }
            let text = String::from_utf8(output.stdout)
                .map_err(|_| failed("printed no UTF-8".to_owned()))?;
            not_empty(text.trim_end())
        })
    }
}

/// An empty connection string would silently mean libpq's default server.
fn not_empty(text: &str) -> Result<SecretString> {
    if text.is_empty() {
        return Err(Error::new(Kind::SecretUnavailable, "the secret is empty"));
    }
    Ok(SecretString::from(text.to_owned()))
}
