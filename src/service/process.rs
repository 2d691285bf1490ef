//! Calls Tidegate as a process of its own, bound to the life of this one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, vars};
use crate::error::Result;

/// What is kept of a result; more would not be read by anybody in a ledger.
const KEPT_STDOUT: usize = 256 * 1024;

/// What is kept of the end of stderr, which holds the error.
const KEPT_STDERR: usize = 16 * 1024;

/// How long a process that was asked to stop may take to reach a safe point.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// How to call this very program with the configuration of this process.
#[derive(Debug, Clone)]
pub struct Caller {
    program: PathBuf,
    root: PathBuf,
    variables: Vec<(&'static str, OsString)>,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Exit code; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// The JSON document it printed; text when it was none; null when it printed nothing.
    pub result: serde_json::Value,
    /// The JSON document of its error, when it ended with one.
    pub error: Option<serde_json::Value>,
    /// Whether it was asked to stop.
    pub stopped: bool,
}

impl Caller {
    /// A caller with the file, environment and ad-hoc database of this process. They are handed on
    /// as variables: a flag in the called line goes before them, and no secret is seen in `ps`.
    ///
    /// # Errors
    /// The path of this program is not known.
    pub fn new(
        config: &Config,
        environment: Option<&str>,
        database_url: Option<&str>,
    ) -> Result<Self> {
        let mut variables: Vec<(&'static str, OsString)> = vec![
            ("TIDEGATE_FORMAT", "json".into()),
            (vars::UNTIL_EOF, std::process::id().to_string().into()),
        ];
        if let Some(file) = &config.file {
            variables.push(("TIDEGATE_CONFIG", file.into()));
        }
        if let Some(name) = environment {
            variables.push(("TIDEGATE_ENV", name.into()));
        }
        if let Some(url) = database_url {
            variables.push(("TIDEGATE_DATABASE_URL", url.into()));
        }
        Ok(Self {
            program: std::env::current_exe()?,
            root: config.root.clone(),
            variables,
        })
    }

    /// Runs a command line to its end. When `cancel` is set, or this process dies, it is asked to
    /// stop at its next safe point by the end of its stdin.
    ///
    /// # Errors
    /// The process could not be started or waited for.
    pub async fn call(&self, words: &[String], cancel: &CancellationToken) -> Result<Ran> {
        let mut child = Command::new(&self.program)
            .args(words)
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .current_dir(&self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C in the terminal reaches this process alone, which then stops the other.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (head, tail, ended) = tokio::join!(
            keep_head(stdout, KEPT_STDOUT),
            keep_tail(stderr, KEPT_STDERR),
            wait(child, cancel)
        );
        let (status, stopped) = ended?;
        Ok(Ran {
            exit_code: status.code(),
            result: parse(&head),
            error: tail
                .split(|byte| *byte == b'\n')
                .rev()
                .find_map(|line| serde_json::from_slice(line).ok())
                .filter(|_| !status.success()),
            stopped,
        })
    }
}

async fn wait(mut child: Child, cancel: &CancellationToken) -> Result<(ExitStatus, bool)> {
    let stdin = child.stdin.take();
    tokio::select! {
        status = child.wait() => return Ok((status?, false)),
        () = cancel.cancelled() => drop(stdin),
    }
    if let Ok(status) = tokio::time::timeout(STOP_LIMIT, child.wait()).await {
        return Ok((status?, true));
    }
    child.kill().await?;
    Ok((child.wait().await?, true))
}

fn parse(bytes: &[u8]) -> serde_json::Value {
    if bytes.is_empty() {
        return serde_json::Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).replace('\0', "").into())
}

async fn keep_head(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> Vec<u8> {
    keep(pipe, |kept, new| {
        let room = limit.saturating_sub(kept.len()).min(new.len());
        kept.extend_from_slice(&new[..room]);
    })
    .await
}

async fn keep_tail(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> Vec<u8> {
    keep(pipe, |kept, new| {
        kept.extend_from_slice(new);
        kept.drain(..kept.len().saturating_sub(limit));
    })
    .await
}

/// Reads to the end, so that the writer is never held up.
async fn keep(
    pipe: Option<impl AsyncRead + Unpin>,
    mut take: impl FnMut(&mut Vec<u8>, &[u8]),
) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return kept };
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        take(&mut kept, &buffer[..read]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_output_is_cut_and_read_to_its_end() {
        let text: Vec<u8> = (0..100_000u32)
            .flat_map(|n| (n % 251).to_le_bytes())
            .collect();
        assert_eq!(keep_head(Some(&text[..]), 10).await, &text[..10]);
        let tail = keep_tail(Some(&text[..]), 10).await;
        assert_eq!(tail, &text[text.len() - 10..]);
    }

    #[test]
    fn what_is_no_json_is_kept_as_text() {
        assert_eq!(parse(b""), serde_json::Value::Null);
        assert_eq!(parse(b"{\"a\":1}\n"), serde_json::json!({ "a": 1 }));
        assert_eq!(parse(b"a\0b"), serde_json::json!("ab"));
    }
}
