//! `tidegate copy run` with a location at one end: copies outside of a server.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::App;
use super::place::{new_place, place};
use super::render::{Output, Page, Report};
use crate::config::{Config, Tier};
use crate::copy::{Manifest, Signed, Stage};
use crate::error::{Error, Kind, Result};
use crate::service::copy::archive::{Archived, From, archive, load};
use crate::service::copy::{
    Databases, Engine, Listed, Options, Outcome, Side, promote, refuse, refuse_target,
};
use crate::service::masking;

/// Masks are those of this name when a copy is made for no environment in particular.
const NOBODY: &str = "archive";

/// Builds and proves a copy on the private server, and writes it to the location.
pub(super) async fn write(
    app: &App,
    config: &Config,
    (from, to): (&str, &str),
    region: Option<String>,
) -> Result<Output> {
    let source = config.environment(Some(from))?;
    let side = Side {
        name: to.to_owned(),
        tier: Tier::Staging,
        region: region.clone(),
    };
    refuse(&Side::from(source), &side).map_err(|error| match region {
        Some(_) => error,
        None => error.hint("say with --region where the location lies"),
    })?;
    let repository = new_place(config, to).await?;
    let scratch = config.environment(Some("local"))?.target(config).await?;
    let engine = Engine {
        source: source.target(config).await?,
        target: scratch.at_database(&format!("{}_archive", config.project)),
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
        options: Options::default(),
    };
    let target = engine.target.clone();
    let opened = engine.open().await?;
    let (masks, mask_key) = masking::load(config, NOBODY, &opened.gathered.catalog).await?;
    let mut outcome = opened.run(&masks, &mask_key).await?;
    outcome.to = to.to_owned();
    if !outcome.gate.passed {
        return Ok(Output::report(outcome));
    }
    let databases = Databases::open(&target).await?;
    let ready = databases.newest(&[Stage::Ready]).await?;
    let ready = ready.ok_or_else(|| Error::new(Kind::Internal, "the copy is gone"))?;
    let into = (&repository, &mask_key);
    let written = archive((&databases, &ready), region, into, &app.cancel).await?;
    for Listed { name, .. } in databases.list().await? {
        databases.discard(&name).await?;
    }
    Ok(Output::report(Written {
        copy: outcome,
        archive: written,
    }))
}

/// Loads the newest copy of the location beside the target.
pub(super) async fn load_from(
    app: &App,
    config: &Config,
    (from, to): (&str, &str),
    promoting: bool,
) -> Result<Output> {
    let environment = config.environment(Some(to))?;
    refuse_target(environment)?;
    let repository = place(config, from).await?;
    let databases = Databases::open(&environment.target(config).await?).await?;
    let signers = match config.signers() {
        [] => {
            let current = masking::KeyChoice::Current;
            let own = masking::key_of(config, NOBODY, current).await.map_err(|error| {
                error.hint("an archive must be signed by somebody: name its signer in [copy] signers of tidegate.toml, or give this machine the masking key")
            })?;
            vec![Signed::signer(&own)?]
        }
        named => named.to_vec(),
    };
    let source = From {
        repository: &repository,
        signers: &signers,
    };
    let region = environment.region.as_deref();
    let loaded = load(source, &databases, region, &app.cancel).await?;
    if promoting {
        promote(&databases).await?;
    }
    Ok(Output::report(FromArchive {
        run: loaded.run,
        from: from.to_owned(),
        to: to.to_owned(),
        database: if promoting {
            databases.name.as_str().to_owned()
        } else {
            loaded.database.as_str().to_owned()
        },
        promoted: promoting,
        rows: loaded.manifest.tables.iter().map(|t| t.source.rows).sum(),
        gate: loaded.manifest.gate.clone(),
        manifest: loaded.manifest,
    }))
}

/// `copy run --to LOCATION`.
#[derive(Debug, Serialize)]
struct Written {
    #[serde(flatten)]
    copy: Outcome,
    archive: Archived,
}

impl Report for Written {
    fn kind(&self) -> &'static str {
        "copy_run"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let Archived {
            location,
            parts,
            kept,
            bytes,
        } = &self.archive;
        page.line(format!(
            "{} -> {location}   {} rows, {:.1} MB, proven by {} checks",
            self.copy.from,
            self.copy.rows,
            *bytes as f64 / 1e6,
            self.copy.gate.checks.len()
        ))?;
        page.line(format!(
            "  {parts} sealed parts, {kept} of them there before"
        ))?;
        page.line(format!(
            "next: tidegate copy run --from {location} --to ENV --promote"
        ))
    }
}

/// `copy run --from LOCATION`.
#[derive(Debug, Serialize)]
struct FromArchive {
    run: String,
    from: String,
    to: String,
    database: String,
    promoted: bool,
    rows: u64,
    gate: serde_json::Value,
    manifest: Manifest,
}

impl Report for FromArchive {
    fn kind(&self) -> &'static str {
        "copy_run"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "{} -> {}   run {}, {} rows",
            self.from, self.to, self.run, self.rows
        ))?;
        if self.promoted {
            page.line(format!(
                "promoted; what was in use is kept: tidegate copy rollback --to {}",
                self.to
            ))
        } else {
            page.line(format!("ready: tidegate copy promote --to {}", self.to))
        }
    }
}
