//! `pg_dump` and `pg_restore`: the only programs that know every kind of object of every version.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio_util::sync::CancellationToken;

use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Binaries, Search, discover};

/// How many versions above the servers' are tried.
const NEWER: u32 = 6;

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
}
