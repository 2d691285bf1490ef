//! Loads the policy of a project and makes the plan of a database.

use super::declared::declared;
use super::lock::check_lock;
use super::text;
use crate::catalog::Catalog;
use crate::config::{Config, SecretRef};
use crate::error::{Error, Kind, Result};
use crate::masking::policy::{Context, KeySource, Policy, Resolved};
use crate::masking::{MaskKey, MaskPlan};
use crate::migration::{Change, Ledger};
use crate::service::migrate::load_changes;

/// A policy with its resolution.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What it says of the database.
    pub resolved: Resolved,
}

/// Reads the project's masking rules and change files and decides every column of `catalog`. The
/// ledger tells which changes are still to come; an empty one takes all of them for that.
///
/// # Errors
/// No rules; rules that are wrong, each with its place.
pub fn resolve(
    config: &Config,
    catalog: &Catalog,
    changes: &[Change],
    ledger: &Ledger,
) -> Result<Loaded> {
    let policy = Policy::parse(&text::read_all(config)?)?;
    let declared = declared(changes, ledger);
    let context = Context {
        search_path: &config.search_path,
        declared: &declared,
    };
    let resolved = policy.resolve(catalog, context)?;
    Ok(Loaded { policy, resolved })
}

/// Which of a policy's valid keys is meant.
#[derive(Debug, Clone, Copy)]
pub enum KeyChoice<'a> {
    /// That of new copies.
    Current,
    /// That of an epoch.
    Epoch(&'a str),
    /// The one with this fingerprint; that of new copies when none has it.
    Fingerprint(&'a str),
}

impl<'a> KeyChoice<'a> {
    /// The key of an epoch, when one is named.
    #[must_use]
    pub fn of(epoch: Option<&'a str>) -> Self {
        epoch.map_or(Self::Current, Self::Epoch)
    }
}

/// Everything that a masked copy into `environment` needs: the plan for the source's `catalog` and
/// the key of the target's environment. When `masking-rules/mask.lock` is there, the plan must be
/// the locked one.
///
/// # Errors
/// Those of [`resolve`]; [`Kind::MaskUnclassified`] for columns without a rule; [`Kind::Drift`]
/// against the lock; [`Kind::MaskKey`].
pub async fn load(
    config: &Config,
    environment: &str,
    catalog: &Catalog,
) -> Result<(MaskPlan, MaskKey)> {
    load_under(config, environment, catalog, KeyChoice::Current).await
}

/// The same under another of the policy's keys.
///
/// # Errors
/// Those of [`load`].
pub async fn load_under(
    config: &Config,
    environment: &str,
    catalog: &Catalog,
    choice: KeyChoice<'_>,
) -> Result<(MaskPlan, MaskKey)> {
    let changes = load_changes(&config.migrations_dir())?;
    let loaded = resolve(config, catalog, &changes, &Ledger::default())?;
    let mut plan = loaded.resolved.into_plan()?;
    check_lock(config, &plan, catalog)?;
    let key = read_key(config, &loaded.policy, environment, choice).await?;
    key.epoch().clone_into(&mut plan.epoch);
    Ok((plan, key))
}

/// The key of an environment alone, from the project's policy.
///
/// # Errors
/// Those of the policy; [`Kind::MaskKey`].
pub async fn key_of(config: &Config, environment: &str, choice: KeyChoice<'_>) -> Result<MaskKey> {
    let policy = Policy::parse(&text::read_all(config)?)?;
    read_key(config, &policy, environment, choice).await
}

/// Reads the masking key and binds it to an environment and its epoch.
///
/// # Errors
/// [`Kind::MaskKey`] when none is named, it is retired, it cannot be read, or it is weak.
pub async fn read_key(
    config: &Config,
    policy: &Policy,
    environment: &str,
    choice: KeyChoice<'_>,
) -> Result<MaskKey> {
    match choice {
        KeyChoice::Current => of_epoch(config, policy, environment, policy.epoch()).await,
        KeyChoice::Epoch(epoch) => of_epoch(config, policy, environment, epoch).await,
        KeyChoice::Fingerprint(wanted) => {
            // The secret of an earlier epoch need not be here.
            for epoch in policy.epochs().skip(1) {
                if let Ok(key) = of_epoch(config, policy, environment, epoch).await
                    && key.fingerprint()? == wanted
                {
                    return Ok(key);
                }
            }
            of_epoch(config, policy, environment, policy.epoch()).await
        }
    }
}

async fn of_epoch(
    config: &Config,
    policy: &Policy,
    environment: &str,
    epoch: &str,
) -> Result<MaskKey> {
    let reference = match policy.key_of_epoch(epoch)?.clone() {
        KeySource::Env(name) => SecretRef::Env(name),
        KeySource::File(path) => SecretRef::File(path),
        KeySource::Command(words) => SecretRef::Command(words),
    };
    let secret = config.secret(&reference).await.map_err(|error| {
        Error::new(Kind::MaskKey, format!("the masking key: {error}")).hint(format!(
            "make one with `openssl rand -hex 32` and put it where the rules look for it ({reference})"
        ))
    })?;
    MaskKey::parse(&secret, environment, epoch)
}
