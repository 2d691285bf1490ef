//! Makes clusters. `initdb` is most of the cost of a first start, so one initialized cluster per
//! build is kept and copied; each copy gets a system identifier of its own.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::binaries::Binaries;
use super::identity::Identity;
use super::layout::Layout;
use super::{control_file, folder, lock};
use crate::error::{Error, Kind, Result};

/// How to make a cluster.
#[derive(Debug)]
pub(super) struct Recipe<'a> {
    pub(super) binaries: &'a Binaries,
    pub(super) identity: Identity,
    /// Size of a WAL segment in MB; a power of two.
    pub(super) wal_segsize: u32,
    /// Folder of kept clusters; none is kept without it.
    pub(super) cache: Option<PathBuf>,
    /// Whether the cluster must survive a power cut, which costs a sync of its files.
    pub(super) lasting: bool,
}

/// The major version of the cluster in `data`, when there is one.
pub(super) fn major(data: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(data.join("PG_VERSION")).ok()?;
    text.trim().parse().ok()
}

impl Recipe<'_> {
    /// Makes the cluster of `layout`, which has none; it appears complete or not at all.
    pub(super) async fn make(&self, layout: &Layout) -> Result<()> {
        let new = self.unfinished(&layout.data)?;
        match self.kept().await {
            Some(kept) => self.copy(&kept, &new).await?,
            None => self.initdb(&new).await?,
        }
        if self.lasting {
            self.run("initdb", &["--sync-only"], &new).await?;
        }
        std::fs::rename(&new, &layout.data).map_err(|error| folder::at(&layout.data, error))
    }

    /// A folder beside `target` to make a cluster in; those of attempts that were killed go. Each
    /// attempt has a name of its own, because an `initdb` that lost its parent still runs and
    /// writes by path. The caller holds the lock.
    fn unfinished(&self, target: &Path) -> Result<PathBuf> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!("{name}.new-");
        let parent = target.parent().unwrap_or(target);
        for entry in parent.read_dir().into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                folder::remove(&entry.path())?;
            }
        }
        let new = parent.join(format!("{prefix}{:08x}", rand::random::<u32>()));
        folder::make_private(&new, &self.identity)?;
        Ok(new)
    }

    /// The kept cluster of this build, made on its first use. A cache that cannot be used costs
    /// time, nothing else.
    async fn kept(&self) -> Option<PathBuf> {
        let cache = self.cache.as_deref()?;
        self.binaries.program("pg_resetwal")?;
        match self.keep(cache).await {
            Ok(kept) => Some(kept),
            Err(error) => {
                tracing::debug!(%error, "no kept cluster");
                None
            }
        }
    }

    async fn keep(&self, cache: &Path) -> Result<PathBuf> {
        folder::make_ours(cache)?;
        let cache = cache.canonicalize()?;
        if !self.identity.may_reach(&cache) {
            return Err(Error::new(
                Kind::Io,
                format!("user {} cannot reach {}", self.identity, cache.display()),
            ));
        }
        let name = format!(
            "{}-{}-{}",
            self.binaries.build(),
            self.identity.uid,
            self.wal_segsize
        );
        let kept = cache.join(&name);
        if kept.join("PG_VERSION").exists() {
            return Ok(kept);
        }
        let _lock = lock::acquire(&cache.join("lock")).await?;
        if kept.join("PG_VERSION").exists() {
            return Ok(kept);
        }
        let new = self.unfinished(&kept)?;
        self.initdb(&new).await?;
        self.run("initdb", &["--sync-only"], &new).await?;
        std::fs::rename(&new, &kept).map_err(|error| folder::at(&kept, error))?;
        Ok(kept)
    }

    async fn copy(&self, kept: &Path, data: &Path) -> Result<()> {
        let mut command = Command::new("cp");
        command.arg("-Rp").arg(kept.join(".")).arg(data.join("."));
        self.identity.prepare(&mut command, data);
        finish("cp", command).await?;
        control_file::set_system_identifier(data, self.identity.uid, rand::random::<u64>() >> 1)?;
        self.run("pg_resetwal", &[], data).await
    }

    async fn initdb(&self, data: &Path) -> Result<()> {
        let segment = format!("--wal-segsize={}", self.wal_segsize);
        let options = [
            "-N",
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            &segment,
        ];
        self.run("initdb", &options, data).await
    }

    async fn run(&self, program: &str, options: &[&str], data: &Path) -> Result<()> {
        let mut command = Command::new(self.binaries.dir.join(program));
        command.args(options).arg("-D").arg(data);
        self.identity.prepare(&mut command, data);
        command.envs(self.binaries.environment());
        finish(program, command).await
    }
}

/// Runs a program to its end; what it said becomes part of the error.
async fn finish(program: &str, mut command: Command) -> Result<()> {
    let failed = |reason: String| Error::new(Kind::ServerStart, format!("{program} {reason}"));
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(format!("does not run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let error = failed(format!("failed: {}", output.status))
        .hint("see what it said; disk space and TIDEGATE_HOME are the usual suspects");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(text.lines().take(20).fold(error, Error::detail))
}
