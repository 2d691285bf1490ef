//! Places for sealed files, as a command line or a file names them.

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::storage::{Location, Repository, SealKey};

/// Opens a location that is there already, relative to the project, with the key of its files. A folder
/// is not made: it may be one whose volume is not mounted.
///
/// # Errors
/// [`Kind::Usage`] when it is no location, [`Kind::SealKey`] without a good key,
/// [`Kind::Storage`] when it cannot be reached.
pub(super) async fn place(config: &Config, location: &str) -> Result<Repository> {
    open(config, location, false).await
}

/// The same; a folder that is not there is made.
///
/// # Errors
/// As [`place`].
pub(super) async fn new_place(config: &Config, location: &str) -> Result<Repository> {
    open(config, location, true).await
}

async fn open(config: &Config, location: &str, makes: bool) -> Result<Repository> {
    let location: Location = location
        .parse()
        .map_err(|error: String| Error::new(Kind::Usage, error))?;
    let key = config
        .secret(&config.seal_key())
        .await
        .map_err(|error| Error::new(Kind::SealKey, format!("the key of sealed files: {error}")))?;
    let location = location.below(&config.root);
    let key = SealKey::parse(&key)?;
    if !makes {
        location.there().map_err(|error| {
            error.hint("`tidegate backup create` makes a repository; was this one moved, or is its volume not mounted?")
        })?;
    }
    Repository::open(&location, config.storage_options(), key)
}
