//! The engine that needs nothing installed: `pg_basebackup` of the server's own version.
//!
//! The WAL from the start of the backup to its end is taken along (`--wal-method=fetch`), so that
//! each backup can be restored to its own end even when no archive has delivered a segment. A
//! cluster without further tablespaces goes through a pipe and touches no disk here.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::engine::stopped;
use super::said::Said;
use super::staging::Staging;
use super::{BackupEngine, Order, Taken, Upload};
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Leash, Search, discover};
use crate::recovery::Stream;

/// Kilobytes a second that `pg_basebackup` takes as a limit, lowest and highest.
const RATES: (u64, u64) = (32, 1 << 20);
/// Bytes that wait in the pipe: what an unprivileged user may ask for (pipe(7)).
const PIPE: usize = 1 << 20;

/// Drives `pg_basebackup`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

impl BackupEngine for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn increments(&self) -> bool {
        true
    }

    fn take<'a>(
        &'a self,
        order: &'a Order<'a>,
        upload: &'a mut Upload,
    ) -> BoxFuture<'a, Result<Taken>> {
        async move {
            if order.tablespaces.is_empty() {
                piped(order, upload).await
            } else {
                staged(order, upload).await
            }
        }
        .boxed()
    }
}

/// The program, reading to the end of its stderr.
struct Running {
    child: Child,
    leash: Leash,
    said: JoinHandle<Said>,
}

impl Running {
    /// Waits for its end; what it said when it succeeded.
    async fn end(mut self, order: &Order<'_>) -> Result<Said> {
        let status = tokio::select! {
            status = self.child.wait() => status?,
            () = order.cancel.cancelled() => {
                return Err(stopped());
            }
        };
        self.leash.release();
        let said = self.said.await;
        let said = said.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        if status.success() {
            Ok(said)
        } else {
            Err(said.error(status, order.target.role()))
        }
    }
}

async fn piped(order: &Order<'_>, upload: &mut Upload) -> Result<Taken> {
    let mut running = start(order, Path::new("-"), Stdio::piped()).await?;
    let stdout = running.child.stdout.take();
    let stdout = stdout.ok_or_else(|| Error::new(Kind::Internal, "pg_basebackup has no stdout"))?;
    // Where the system does not allow it, the pipe stays as small as it is.
    let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE);
    let stream = upload.stream("base", None, stdout).await?;
    let said = running.end(order).await?;
    taken(&said, vec![stream])
}

async fn staged(order: &Order<'_>, upload: &mut Upload) -> Result<Taken> {
    let staging = Staging::new(order.staging.as_deref())?;
    let running = start(order, &staging.data(), Stdio::null()).await?;
    let said = running.end(order).await?;
    same_tablespaces(&staging.tablespaces()?, &order.tablespaces)?;
    let mut streams = vec![upload.stream("base", None, staging.base().await?).await?];
    staging.done("base")?;
    for (oid, location) in &order.tablespaces {
        let name = oid.to_string();
        let tar = staging.tar(&name).await?;
        streams.push(upload.stream(&name, Some(location.clone()), tar).await?);
        staging.done(&name)?;
    }
    taken(&said, streams)
}

/// The tablespaces that were written must be those that were there before: where one lay that came
/// meanwhile nobody knows, and a backup without it is none.
fn same_tablespaces(written: &[u32], before: &[(u32, String)]) -> Result<()> {
    let known: BTreeSet<u32> = before.iter().map(|(oid, _)| *oid).collect();
    let found: BTreeSet<u32> = written.iter().copied().collect();
    match known.symmetric_difference(&found).next() {
        None => Ok(()),
        Some(oid) => Err(Error::new(
            Kind::BackupRefused,
            format!("the tablespace {oid} was made or dropped while the backup was made"),
        )
        .hint("take another backup")),
    }
}

fn taken(said: &Said, streams: Vec<Stream>) -> Result<Taken> {
    let (Some((start, timeline)), Some(end)) = (said.start, said.end) else {
        return Err(Error::new(
            Kind::BackupTool,
            "pg_basebackup did not say where the backup begins and ends",
        ));
    };
    Ok(Taken {
        timeline,
        start,
        end,
        wal_included: true,
        streams,
        kept: None,
    })
}

async fn start(order: &Order<'_>, to: &Path, stdout: Stdio) -> Result<Running> {
    let search = Search {
        major: Some(order.major),
        ..Search::default()
    };
    let binaries = discover(&search).await?;
    let program = binaries.program("pg_basebackup").ok_or_else(|| {
        Error::new(
            Kind::PostgresMissing,
            format!("no pg_basebackup in {}", binaries.dir.display()),
        )
        .hint(format!(
            "install the client programs of PostgreSQL {}",
            order.major
        ))
    })?;
    let mut child = Command::new(program)
        .args(arguments(order, to)?)
        .env_clear()
        .envs(binaries.environment())
        .envs(order.target.libpq_environment("backup")?)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .map_err(|error| Error::new(Kind::BackupTool, format!("pg_basebackup: {error}")))?;
    let leash = Leash::on(child.id());
    let stderr = child.stderr.take();
    let said = tokio::spawn(async move {
        let mut said = Said::default();
        if let Some(stderr) = stderr {
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                // Progress on a pipe ends with a carriage return before version 17.
                for line in String::from_utf8_lossy(&line).split('\r') {
                    said.line(line);
                }
            }
        }
        said
    });
    Ok(Running { child, leash, said })
}

fn arguments(order: &Order<'_>, to: &Path) -> Result<Vec<OsString>> {
    let mut pgdata = OsString::from("--pgdata=");
    pgdata.push(to);
    let mut arguments: Vec<OsString> = vec![
        pgdata,
        "--format=tar".into(),
        "--wal-method=fetch".into(),
        "--checkpoint=fast".into(),
        "--manifest-checksums=SHA256".into(),
        format!("--label=tidegate {}", order.id).into(),
        "--no-password".into(),
        // What is put down here is read once and removed.
        "--no-sync".into(),
        "--verbose".into(),
        // A line each second: when nobody reads them any more, the program ends with its starter.
        "--progress".into(),
    ];
    if let Some(list) = order.parent {
        let mut incremental = OsString::from("--incremental=");
        incremental.push(list);
        arguments.push(incremental);
    }
    if let Some(rate) = order.max_rate {
        let kilobytes = rate / 1024;
        if !(RATES.0..=RATES.1).contains(&kilobytes) {
            return Err(Error::new(
                Kind::Usage,
                "pg_basebackup takes rates from 32KiB to 1024MiB a second",
            ));
        }
        arguments.push(format!("--max-rate={kilobytes}k").into());
    }
    Ok(arguments)
}
