//! `[backup]`: where backups go, how long they are kept, and what they must achieve.

use std::time::Duration;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

use super::span;
use crate::error::{Error, Kind, Result};
use crate::recovery::Retention;

/// `[backup]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBackup {
    /// The repository: file:PATH, s3://BUCKET/PREFIX, az://CONTAINER/PREFIX, gs://BUCKET/PREFIX.
    pub(super) repository: String,
    /// Who makes and keeps them.
    pub(super) engine: Option<RawEngine>,
    /// Whether the volume below the repository is encrypted; an engine that does not encrypt by itself
    /// (barman) is refused without it.
    #[serde(default)]
    pub(super) encrypted_volume: bool,
    /// Recovery time objective.
    pub(super) rto: Option<span::Duration>,
    /// Recovery point objective.
    pub(super) rpo: Option<span::Duration>,
    /// How long backups are kept.
    #[serde(default)]
    pub(super) keep: RawKeep,
}

/// Who makes and keeps backups.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawEngine {
    /// `pg_basebackup`, sealed by Tidegate: nothing has to be installed.
    Native,
    /// pgBackRest, on the server's machine, with its own repository in a folder.
    Pgbackrest,
    /// Barman.
    Barman,
}

impl RawEngine {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Pgbackrest => "pgbackrest",
            Self::Barman => "barman",
        }
    }
}

/// How long backups are kept: a backup stays when any of these wants it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKeep {
    /// So many of the newest.
    pub(super) count: Option<u32>,
    /// What recovery to any moment of this stretch of time needs: "30d".
    pub(super) window: Option<span::Duration>,
    /// The last of each of so many days.
    pub(super) daily: Option<u32>,
    /// The last of each of so many weeks.
    pub(super) weekly: Option<u32>,
    /// The last of each of so many months.
    pub(super) monthly: Option<u32>,
    /// The last of each of so many years.
    pub(super) yearly: Option<u32>,
}

/// Where backups go, how long they are kept, and what they must achieve.
#[derive(Debug, Clone, Default)]
pub struct BackupConfig {
    /// The repository.
    pub repository: Option<String>,
    /// Who makes the backups: `native` when none is named.
    pub engine: Option<String>,
    /// Whether the volume below the repository is encrypted.
    pub encrypted_volume: bool,
    /// Recovery time objective.
    pub rto: Option<Duration>,
    /// Recovery point objective.
    pub rpo: Option<Duration>,
    keep: RawKeep,
}

impl BackupConfig {
    pub(super) fn of(raw: Option<&RawBackup>) -> Self {
        let Some(raw) = raw else {
            return Self::default();
        };
        Self {
            repository: Some(raw.repository.clone()),
            engine: raw.engine.map(|engine| engine.name().to_owned()),
            encrypted_volume: raw.encrypted_volume,
            rto: raw.rto.map(|time| time.0),
            rpo: raw.rpo.map(|time| time.0),
            keep: raw.keep.clone(),
        }
    }

    /// How long backups are kept; without any rule when the file says nothing.
    ///
    /// # Errors
    /// [`Kind::ConfigValue`] for a stretch of time that is out of range.
    pub fn retention(&self) -> Result<Retention> {
        let keep = &self.keep;
        let window = keep.window.map(|window| TimeDelta::from_std(window.0));
        let window = window
            .transpose()
            .map_err(|_| Error::new(Kind::ConfigValue, "[backup] keep.window is out of range"))?;
        Ok(Retention {
            count: keep.count,
            window,
            daily: keep.daily,
            weekly: keep.weekly,
            monthly: keep.monthly,
            yearly: keep.yearly,
        })
    }
}
