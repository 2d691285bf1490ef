//! Gathers what a plan is made from.

use super::project::load_changes;
use crate::catalog::{Catalog, Table};
use crate::config::{Config, Target};
use crate::control::ledger;
use crate::error::{Error, Kind, Result};
use crate::migration::{Change, Ledger, Plan, Probe, Release, Situation};
use crate::postgres::{Scope, Session, introspect, search_path_of};
use crate::sql::Ident;

/// Files, catalog and ledger at one moment.
#[derive(Debug)]
pub struct Gathered {
    /// The change files.
    pub changes: Vec<Change>,
    /// The database.
    pub catalog: Catalog,
    /// The ledger.
    pub ledger: Ledger,
    /// The project's schemas.
    pub search_path: Vec<Ident>,
    /// Name of the environment.
    pub environment: String,
}

/// Reads files, catalog and ledger; changes nothing.
///
/// # Errors
/// A change file that is wrong; the database out of reach.
pub async fn gather(session: &Session, config: &Config, target: &Target) -> Result<Gathered> {
    Ok(Gathered {
        changes: load_changes(&config.migrations_dir())?,
        catalog: introspect(session).await?,
        ledger: ledger::load(&**session).await?,
        search_path: target
            .search_path
            .iter()
            .map(|schema| Ident::new(schema.clone()))
            .collect::<Result<_>>()?,
        environment: target.environment.clone(),
    })
}

impl Gathered {
    /// The table that a change means, found along the project's schemas.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        let path: Vec<String> = self
            .search_path
            .iter()
            .map(|schema| schema.as_str().to_owned())
            .collect();
        self.catalog.resolve(name, &path)
    }

    /// The change that an entry of a plan speaks of.
    pub(super) fn change(&self, id: &str) -> Result<&Change> {
        self.changes
            .iter()
            .find(|change| change.id == id)
            .ok_or_else(|| Error::new(Kind::ChangeMissing, format!("change {id} has no file")))
    }

    /// What the planner looks at.
    #[must_use]
    pub fn situation(&self) -> Situation<'_> {
        Situation {
            changes: &self.changes,
            catalog: &self.catalog,
            ledger: &self.ledger,
            search_path: &self.search_path,
            environment: &self.environment,
        }
    }

    /// The plan for `release`, with its expressions and types proven by the server.
    ///
    /// # Errors
    /// Those of [`Plan::make`], and what the server says of an expression, at its place.
    pub async fn plan(&self, session: &Session, release: &Release) -> Result<Plan> {
        let situation = self.situation();
        let plan = Plan::make(release, &situation)?;
        let probes = plan.probes(&situation)?;
        if !probes.is_empty() {
            let path = search_path_of(&self.search_path, Scope::Session);
            session.batch_execute(&path).await?;
            let result = ask(session, &probes).await;
            session
                .batch_execute("set search_path = pg_catalog")
                .await?;
            result?;
        }
        Ok(plan)
    }
}

async fn ask(session: &Session, probes: &[Probe]) -> Result<()> {
    for probe in probes {
        if let Err(error) = session.prepare(&probe.sql).await {
            let error = Error::from(error);
            if error.kind() == Kind::ConnectionLost {
                return Err(error);
            }
            return Err(
                Error::new(error.kind(), format!("\"{}\": {error}", probe.subject))
                    .hint(error.hint_text().to_owned())
                    .at(probe.place.clone()),
            );
        }
    }
    Ok(())
}
