//! `tidegate.toml`, as it is written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::backup::RawBackup;
use super::environment::Tier;
use super::masked::{masked, without_values};
use super::read_rate::parse_rate;
use super::schedule::{RawControl, RawSchedule};
use super::span::{Duration, SecretRef};
use crate::error::{Error, Kind, Place, Result};

/// Environments whose tier goes without saying, and names that a policy may have.
const TIER_NAMES: [&str; 4] = ["dev", "staging", "production", "local"];

/// The whole file. Unknown keys are refused.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Version of the format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub(super) version: u32,
    /// Name of the project; sessions of its app call themselves `project/release`.
    pub(super) project: Option<String>,
    /// The environment that is used when none is named.
    pub(super) default: Option<String>,
    /// Schemas in which unqualified names are resolved.
    pub(super) search_path: Option<Vec<String>>,
    /// The folder of the change files.
    pub(super) migrations: Option<String>,
    /// The environments by name.
    #[serde(default)]
    pub(super) environments: BTreeMap<String, RawEnvironment>,
    /// Policies by environment or tier.
    #[serde(default)]
    pub(super) policy: BTreeMap<String, RawPolicy>,
    /// Where backups go, and what they must achieve.
    pub(super) backup: Option<RawBackup>,
    /// What runs by itself.
    #[serde(default)]
    pub(super) schedule: Vec<RawSchedule>,
    /// Where schedules and dispatched work are recorded.
    #[serde(default)]
    pub(super) control: RawControl,
    /// How files outside of databases are sealed, and how object stores are reached.
    #[serde(default)]
    pub(super) storage: RawStorage,
    /// How copies are made.
    #[serde(default)]
    pub(super) copy: RawCopy,
}

impl File {
    /// What holds where there is no file.
    pub(super) fn none() -> Self {
        Self {
            version: 1,
            ..Self::default()
        }
    }
}

/// One environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEnvironment {
    /// dev, staging or production.
    #[schemars(with = "Option<String>")]
    pub(super) tier: Option<Tier>,
    /// Where its data lives.
    pub(super) region: Option<String>,
    /// Connection string, or where it is kept.
    pub(super) url: Option<SecretRef>,
    /// Where the password is kept, when it is not part of the URL.
    pub(super) password: Option<SecretRef>,
    /// Connections at most.
    pub(super) pool: Option<u32>,
    /// Whether production may be reached over plain TCP.
    #[serde(default)]
    pub(super) allow_plaintext: bool,
    /// Level of the log.
    pub(super) log_level: Option<String>,
}

/// What must hold before something dangerous runs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    /// Grants that a plan needs.
    pub(super) approvals: Option<u32>,
    /// When changes may run.
    pub(super) window: Option<String>,
    /// Where a plan must have passed before.
    pub(super) require_rehearsal_on: Option<String>,
    /// Time between enforce and contract.
    pub(super) soak: Option<Duration>,
    /// How long a statement waits for a table lock.
    pub(super) lock_timeout: Option<Duration>,
    /// How often it tries again.
    pub(super) lock_attempts: Option<u32>,
}

/// How copies are made.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCopy {
    /// Bytes a second that one process reads from the source at most: "50MB".
    #[schemars(with = "Option<String>")]
    pub(super) max_rate: Option<MaxRate>,
    /// Public keys of those whose archives are loaded, in hexadecimal digits, as `manifest.key` of
    /// `copy run --to LOCATION` has them. When none is named, the archive must be signed with the
    /// project's own masking key.
    #[serde(default)]
    pub(super) signers: Vec<String>,
}

/// A rate, written as `50MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct MaxRate(pub(super) u64);

impl TryFrom<String> for MaxRate {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        parse_rate(&text).map(Self)
    }
}

/// Files outside of databases.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorage {
    /// Where the key that seals them is kept; the variable TIDEGATE_SEAL_KEY when it is not named.
    pub(super) key: Option<SecretRef>,
    /// Settings of object stores, named as their own tools name them: `aws_region`,
    /// `aws_endpoint`. Credentials belong into the variables of those tools.
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
}

/// Reads the text of a file.
pub(super) fn parse(path: &Path, text: &Arc<str>) -> Result<File> {
    let file: File = toml::from_str(text).map_err(|error| {
        let span: Range<usize> = error.span().unwrap_or(0..0);
        let place = Place::new(path, &masked(text), span);
        let mapped = Error::new(Kind::ConfigSyntax, without_values(error.message())).at(place);
        match crate::sql::did_you_mean(error.message()) {
            Some(near) => mapped.hint(format!("did you mean \"{near}\"?")),
            None => mapped,
        }
    })?;
    if file.version != 1 {
        return Err(Error::new(
            Kind::ConfigValue,
            format!(
                "{} has version {}; this Tidegate reads version 1",
                path.display(),
                file.version
            ),
        ));
    }
    for (name, environment) in &file.environments {
        if environment.tier.is_none() && !TIER_NAMES.contains(&name.as_str()) {
            return Err(
                Error::new(Kind::ConfigValue, format!("environment {name} has no tier"))
                    .hint("add tier = \"dev\", \"staging\" or \"production\""),
            );
        }
        if let Some(SecretRef::Literal(url)) = &environment.url
            && holds_password(url)
        {
            // No place: the line that would be shown holds the password.
            return Err(Error::new(Kind::ConfigValue, format!("the url of {name} holds a password"))
                .hint("secrets never live in the repository: use url = { env = \"NAME\" }, or password = { file = \"PATH\" }"));
        }
        if matches!(environment.password, Some(SecretRef::Literal(_))) {
            return Err(Error::new(
                Kind::ConfigValue,
                format!("the password of {name} stands in the file"),
            )
            .hint("secrets never live in the repository: use password = { file = \"PATH\" }"));
        }
    }
    if let Some(SecretRef::Literal(url)) = &file.control.url
        && holds_password(url)
    {
        return Err(
            Error::new(Kind::ConfigValue, "the url of [control] holds a password")
                .hint("secrets never live in the repository: use url = { env = \"NAME\" }"),
        );
    }
    known_policies(&file)?;
    Ok(file)
}

/// A policy that belongs to nothing would be a safety rule that never holds.
fn known_policies(file: &File) -> Result<()> {
    let known: Vec<&str> = TIER_NAMES
        .into_iter()
        .chain(file.environments.keys().map(String::as_str))
        .collect();
    match file
        .policy
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        None => Ok(()),
        Some(name) => Err(Error::new(
            Kind::ConfigValue,
            format!("[policy.{name}] belongs to no environment and no tier"),
        )
        .hint(match crate::sql::nearest(name, &known) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the names are {}", known.join(", ")),
        })),
    }
}

/// Whether a connection string, or a text with one in it, holds a password.
pub(super) fn holds_password(url: &str) -> bool {
    let in_url = url
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'));
    let plain: String = url.split_whitespace().collect();
    in_url || plain.contains("password=")
}
