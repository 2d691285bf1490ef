//! The repository that a command works on.

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::storage::{Location, Repository, SealKey};

/// Opens the repository that the command line names, else the one of `[backup]`.
pub(super) async fn open(config: &Config, location: Option<&str>) -> Result<Repository> {
    let location = location.or(config.repository()).ok_or_else(|| {
        Error::new(Kind::Usage, "no repository is named")
            .hint("name it with --repository, or in [backup] of tidegate.toml")
    })?;
    let location: Location = location
        .parse()
        .map_err(|error: String| Error::new(Kind::Usage, error))?;
    let key = config
        .secret(&config.seal_key())
        .await
        .map_err(|error| Error::new(Kind::SealKey, format!("the key of sealed files: {error}")))?;
    let location = location.below(&config.root);
    Repository::open(&location, config.storage_options(), SealKey::parse(&key)?)
}
