//! `backup rotate-key`.

use std::fmt;
use std::path::PathBuf;

use super::{Place, named};
use crate::cli::place::place;
use crate::cli::render::{Output, Page, Report};
use crate::config::{Config, SecretRef};
use crate::engines::identity;
use crate::error::{Error, Kind, Result};
use crate::recovery::BackupManifest;
use crate::storage::{Repository, Rotated, SealKey};

/// The variable with the old key, when no file is named.
const OLD: &str = "TIDEGATE_OLD_SEAL_KEY";

/// Arguments of `backup rotate-key`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The file with the old key [default: the variable TIDEGATE_OLD_SEAL_KEY]
    #[arg(long, value_name = "FILE")]
    old_key_file: Option<PathBuf>,
}

pub(super) async fn run(config: &Config, args: &Args) -> Result<Output> {
    let location = named(config, args.place.repository.as_deref())?;
    let repository = place(config, location).await?;
    let reference = match &args.old_key_file {
        Some(path) => SecretRef::File(std::path::absolute(path)?.display().to_string()),
        None => SecretRef::Env(OLD.to_owned()),
    };
    let old = config
        .secret(&reference)
        .await
        .map_err(|error| Error::new(Kind::SealKey, format!("the old key: {error}")))?;
    let old = SealKey::parse(&old)?;
    refuse_others(&repository, &old).await?;
    Ok(Output::report(repository.rotate(old).await?))
}

/// Refuses a repository whose files another program keeps, under a key of its own.
async fn refuse_others(repository: &Repository, old: &SealKey) -> Result<()> {
    let known = match identity(repository).await {
        // The founding key sealed it, which only the old one may know.
        Err(error) if error.kind() == Kind::SealKey => {
            identity(&repository.with_key(old.clone())?).await?
        }
        known => known?,
    };
    match known.filter(|known| known.engine != BackupManifest::NATIVE) {
        None => Ok(()),
        Some(known) => Err(Error::new(
            Kind::BackupRefused,
            format!(
                "the files in {} are those of {}, whose key cannot be changed",
                repository.location(),
                known.engine
            ),
        )
        .hint("begin a new repository with the new key, and expire this one")),
    }
}

impl Report for Rotated {
    fn kind(&self) -> &'static str {
        "backup_key"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!("The key {} seals from now on", self.key))?;
        for former in &self.former {
            page.line(format!("  it opens what {former} sealed"))?;
        }
        page.line(
            "Keep the old keys until you have seen `backup verify` succeed with the new one alone",
        )
    }
}
