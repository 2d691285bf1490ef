//! Places for sealed files, as a command line or a file names them.

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::storage::{Location, Repository, SealKey};

/// Opens a location, relative to the project, with the key that seals what is written there.
///
/// # Errors
/// [`Kind::Usage`] when it is no location, [`Kind::SealKey`] without a good key,
/// [`Kind::Storage`] when it cannot be reached.
pub(super) async fn place(config: &Config, location: &str) -> Result<Repository> {
    let location: Location = location
        .parse()
        .map_err(|error: String| Error::new(Kind::Usage, error))?;
    let key = config
        .secret(&config.seal_key())
        .await
        .map_err(|error| Error::new(Kind::SealKey, format!("the key of sealed files: {error}")))?;
    let location = location.below(&config.root);
    let key = SealKey::parse(&key)?;
    Repository::open(&location, config.storage_options(), key)
}
