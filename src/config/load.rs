//! Reads the configuration: defaults of the tier, then the file, then variables, then flags.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;

use super::backup::BackupConfig;
use super::environment::Source;
use super::file::{self, File, RawEnvironment, RawPolicy, RawStorage};
use super::schedule::Scheduling;
use super::{Environment, Policy, SecretRef, Tier};
use crate::error::{Error, Kind, Result};

/// Name of the configuration file.
pub const FILE_NAME: &str = "tidegate.toml";

/// What the command line overrides.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The file, when it is named.
    pub file: Option<PathBuf>,
    /// The environment, when it is named.
    pub environment: Option<String>,
    /// An ad-hoc database; it may hold a password.
    pub database_url: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name, with dots.
    pub key: String,
    /// Its value; a reference where it is a secret.
    pub value: String,
    /// `default`, `tier`, `file`, `flag or variable`.
    pub origin: &'static str,
}

/// The effective configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the project, which is also the prefix of the app's `application_name`.
    pub project: String,
    /// The folder that holds tidegate.toml, or the working directory.
    pub root: PathBuf,
    /// The file, when there is one.
    pub file: Option<PathBuf>,
    /// Schemas that user SQL and unqualified names are resolved in, in order.
    pub search_path: Vec<String>,
    /// Every value with its origin.
    pub settings: Vec<Setting>,
    environments: Vec<Environment>,
    selected: String,
    migrations: PathBuf,
    pub(super) scheduling: Scheduling,
    storage: RawStorage,
    max_rate: Option<u64>,
    signers: Vec<String>,
    backup: BackupConfig,
}

impl Config {
    /// Reads file, variables and flags.
    ///
    /// # Errors
    /// A file that is missing or not valid.
    pub fn load(overrides: &Overrides) -> Result<Self> {
        if let (Some(_), Some(name)) = (&overrides.database_url, &overrides.environment) {
            return Err(Error::new(
                Kind::Usage,
                format!("both a database URL and the environment {name} are named"),
            )
            .hint(
                "leave one out: --database-url (TIDEGATE_DATABASE_URL) or --env (TIDEGATE_ENV)",
            ));
        }
        let here = std::env::current_dir()?;
        let path = match &overrides.file {
            Some(path) => Some(std::path::absolute(path)?),
            None => here
                .ancestors()
                .map(|folder| folder.join(FILE_NAME))
                .find(|path| path.is_file()),
        };
        let (file, text) = match &path {
            Some(path) => {
                let text = read(path)?;
                (file::parse(path, &text)?, Some(text))
            }
            None => (File::none(), None),
        };
        let root = path
            .as_deref()
            .and_then(Path::parent)
            .map_or(here, Path::to_owned);
        let mut config = Self {
            project: file.project.clone().unwrap_or_else(|| "app".to_owned()),
            search_path: file
                .search_path
                .clone()
                .unwrap_or_else(|| vec!["public".to_owned()]),
            migrations: root.join(file.migrations.as_deref().unwrap_or("migrations")),
            storage: file.storage.clone(),
            max_rate: file.copy.max_rate.map(|rate| rate.0),
            signers: file.copy.signers.clone(),
            backup: BackupConfig::of(file.backup.as_ref()),
            settings: Vec::new(),
            environments: Vec::new(),
            selected: String::new(),
            scheduling: Scheduling::of(&file, text),
            file: path,
            root,
        };
        config.note_file(&file);
        for (name, raw) in &file.environments {
            let environment = config.environment_of(name, raw, &file)?;
            config.environments.push(environment);
        }
        config.add_built_in(&file);
        config.note_sections(&file);
        config.select(overrides, &file);
        Ok(config)
    }

    fn environment_of(
        &mut self,
        name: &str,
        raw: &RawEnvironment,
        file: &File,
    ) -> Result<Environment> {
        let tier = raw.tier.unwrap_or(match name {
            "production" => Tier::Production,
            "staging" => Tier::Staging,
            _ => Tier::Dev,
        });
        let policy = policy_of(
            tier,
            [file.policy.get(&tier.to_string()), file.policy.get(name)],
        );
        let source = match &raw.url {
            Some(url) => Source::Url(url.clone(), raw.password.clone()),
            None if tier == Tier::Dev => Source::Private,
            None => {
                return Err(Error::new(
                    Kind::ConfigValue,
                    format!("environment {name} has no url"),
                )
                .hint(format!(
                    "add url = {{ env = \"{}_DATABASE_URL\" }}",
                    name.to_uppercase()
                )));
            }
        };
        let environment = Environment {
            name: name.to_owned(),
            tier,
            region: raw.region.clone(),
            pool: raw.pool.unwrap_or_else(|| tier.pool()),
            log_level: raw
                .log_level
                .clone()
                .unwrap_or_else(|| tier.log_level().to_owned()),
            allow_plaintext: raw.allow_plaintext,
            policy,
            source,
        };
        self.note_environment(&environment, raw, file);
        Ok(environment)
    }

    /// `local` is always there.
    fn add_built_in(&mut self, file: &File) {
        if self
            .environments
            .iter()
            .all(|environment| environment.name != "local")
        {
            let policy = policy_of(
                Tier::Dev,
                [file.policy.get("dev"), file.policy.get("local")],
            );
            self.environments
                .push(built_in("local", policy, Source::Private));
        }
    }

    fn select(&mut self, overrides: &Overrides, file: &File) {
        let variables =
            || super::vars::libpq_variables_set().then(|| SecretString::from(String::new()));
        let ad_hoc = overrides
            .database_url
            .clone()
            .map(SecretString::from)
            .or_else(|| {
                (self.file.is_none() && overrides.environment.is_none())
                    .then(variables)
                    .flatten()
            });
        let (selected, origin) = match (ad_hoc, &overrides.environment, &file.default) {
            (Some(url), _, _) => {
                self.environments.push(built_in(
                    "ad-hoc",
                    Policy::of(Tier::Dev),
                    Source::AdHoc(url),
                ));
                ("ad-hoc".to_owned(), "flag or variable")
            }
            (None, Some(name), _) => (name.clone(), "flag or variable"),
            (None, None, Some(name)) => (name.clone(), "file"),
            (None, None, None) if file.environments.contains_key("dev") => {
                ("dev".to_owned(), "default")
            }
            (None, None, None) => ("local".to_owned(), "default"),
        };
        self.note("environment", &*selected, origin);
        self.selected = selected;
    }

    /// The environment of that name, or the selected one.
    ///
    /// # Errors
    /// [`Kind::EnvironmentUnknown`].
    pub fn environment(&self, name: Option<&str>) -> Result<&Environment> {
        let wanted = name.unwrap_or(&self.selected);
        self.environments
            .iter()
            .find(|environment| environment.name == wanted)
            .ok_or_else(|| {
                let names: Vec<&str> = self
                    .environments
                    .iter()
                    .map(|environment| environment.name.as_str())
                    .collect();
                Error::new(
                    Kind::EnvironmentUnknown,
                    format!("there is no environment \"{wanted}\""),
                )
                .hint(format!("the environments are {}", names.join(", ")))
            })
    }

    /// Every environment.
    #[must_use]
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// Name of the environment that is used when none is named.
    #[must_use]
    pub fn selected(&self) -> &str {
        &self.selected
    }

    /// Where the key that seals files is kept.
    #[must_use]
    pub fn seal_key(&self) -> SecretRef {
        let named = self.storage.key.clone();
        named.unwrap_or_else(|| SecretRef::Env("TIDEGATE_SEAL_KEY".to_owned()))
    }

    /// Bytes a second that a copy reads from its source at most.
    #[must_use]
    pub fn max_rate(&self) -> Option<u64> {
        self.max_rate
    }

    /// Public keys of those whose archives may be loaded; none for the project's own.
    #[must_use]
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// Where backups go, how long they are kept, and what they must achieve.
    #[must_use]
    pub fn backup(&self) -> &BackupConfig {
        &self.backup
    }

    /// Settings and credentials of object stores: those of the file, then the variables of the
    /// stores' own tools.
    #[must_use]
    pub fn storage_options(&self) -> Vec<(String, String)> {
        let file = self.storage.options.clone().into_iter();
        file.chain(super::vars::object_stores()).collect()
    }

    /// The folder of the masking rules.
    #[must_use]
    pub fn masking_dir(&self) -> PathBuf {
        self.root.join("masking-rules")
    }

    /// The folder of the seed specs.
    #[must_use]
    pub fn seeds_dir(&self) -> PathBuf {
        self.root.join("seeds")
    }

    /// The folder of the change files.
    #[must_use]
    pub fn migrations_dir(&self) -> PathBuf {
        self.migrations.clone()
    }
}

fn built_in(name: &str, policy: Policy, source: Source) -> Environment {
    Environment {
        name: name.to_owned(),
        tier: Tier::Dev,
        region: None,
        pool: Tier::Dev.pool(),
        log_level: Tier::Dev.log_level().to_owned(),
        allow_plaintext: true,
        policy,
        source,
    }
}

/// The tier's defaults under what the file says of the tier and of the environment.
fn policy_of(tier: Tier, layers: [Option<&RawPolicy>; 2]) -> Policy {
    let mut policy = Policy::of(tier);
    for layer in layers.into_iter().flatten() {
        policy.approvals = layer.approvals.unwrap_or(policy.approvals);
        policy.soak = layer.soak.map_or(policy.soak, |time| time.0);
        policy.lock_timeout = layer
            .lock_timeout
            .map_or(policy.lock_timeout, |time| time.0);
        policy.lock_attempts = layer.lock_attempts.unwrap_or(policy.lock_attempts);
    }
    policy
}

fn read(path: &Path) -> Result<Arc<str>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(
            Kind::ConfigNotFound,
            format!("cannot read {}: {error}", path.display()),
        )
    })?;
    Ok(Arc::from(text))
}

/// Whether the user asked for no colour with the variable `NO_COLOR` (<https://no-color.org>).
#[must_use]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// JSON Schema of tidegate.toml.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}
