//! The worker's side of a copy that is shared: it joins the coordinator's snapshot, finds by its own
//! configuration what is to be done, and takes ranges from the ledger.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::engine::Engine;
use super::gather::{Gathered, extents, gather_in, types};
use super::load::{self, Load, Task};
use super::masks::splicers;
use super::share::{PURPOSE, stopped, worker_name};
use super::snapshot::{join, patient};
use crate::clock::Clock;
use crate::config::{Config, Target};
use crate::control::copy as ledger;
use crate::control::copy::RunRecord;
use crate::copy::{CopyPlan, Stage};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::masking::{MaskKey, MaskPlan};
use crate::postgres::Session;
use crate::service::masking;

/// Time between two looks for a range that somebody has let go.
const ROUND: Duration = Duration::from_millis(500);

/// Who takes part.
pub struct Helper<'a> {
    /// How environments are reached, and the policy.
    pub config: &'a Config,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Stops it; the range in hand is given back.
    pub cancel: CancellationToken,
}

impl fmt::Debug for Helper<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Helper")
    }
}

/// A run that is being loaded, as this worker sees it.
struct Site {
    copy: Target,
    record: RunRecord,
    instant: String,
    snapshot: String,
}

/// Loads ranges of a run until none is left; `ends` are the environments that the data comes from
/// and goes to, `site` the database that is being built and the run. Does nothing when the run is
/// over, and ends without an error when its coordinator is gone: the next `copy run` goes on.
///
/// # Errors
/// [`Kind::CopyRefused`] when this worker's configuration, policy or version lead to another plan
/// than the coordinator's, [`Kind::MaskKey`] when its key is another one; those of the databases and
/// of the masks.
pub async fn take_part(helper: Helper<'_>, ends: (&str, &str), site: (&str, &str)) -> Result<()> {
    let config = helper.config;
    let (from, to) = (
        config.environment(Some(ends.0))?,
        config.environment(Some(ends.1))?,
    );
    let (clock, events) = (helper.clock, Arc::clone(&helper.events));
    let engine = Engine::between(config, (from, to), clock, events, helper.cancel).await?;
    let Some(site) = find(&engine, site).await? else {
        return Ok(());
    };
    match load_ranges(config, &engine, &site).await {
        Err(error) if error.kind() != Kind::Cancelled && is_over(&engine, &site).await? => {
            let note = format!("run {} has stopped: {error}", site.record.run);
            engine.events.emit(Event::Note(note));
            Ok(())
        }
        other => other,
    }
}

/// The run, when it is being loaded.
async fn find(engine: &Engine, (database, run): (&str, &str)) -> Result<Option<Site>> {
    let databases = Databases::open(&engine.target).await?;
    let building = databases.list().await?.into_iter().find(|one| {
        one.name.as_str() == database && one.mark.stage == Stage::Building && one.mark.run == run
    });
    if building.is_none() {
        return Ok(None);
    }
    let copy = engine.target.at_database(database);
    let session = Session::connect(&copy, PURPOSE).await?;
    let Some(record) = ledger::record(&*session).await? else {
        return Ok(None);
    };
    if record.run != run || record.phase != "loading" {
        return Ok(None);
    }
    Ok(record.instant.clone().map(|(instant, snapshot)| Site {
        copy,
        record,
        instant,
        snapshot,
    }))
}

/// Whether the run has gone over to another instant, has been loaded, or nobody holds its snapshot.
async fn is_over(engine: &Engine, site: &Site) -> Result<bool> {
    let names = (site.copy.database(), site.record.run.as_str());
    match find(engine, names).await? {
        Some(now) if now.instant == site.instant => {}
        _ => return Ok(true),
    }
    let source = Session::connect(&engine.source, PURPOSE).await?;
    Ok(match join(&source, &site.snapshot).await {
        Ok(()) => false,
        Err(error) if error.kind() == Kind::CopySource => true,
        Err(error) => return Err(error),
    })
}

async fn load_ranges(config: &Config, engine: &Engine, site: &Site) -> Result<()> {
    let copy = Session::connect(&site.copy, PURPOSE).await?;
    if ledger::left(&*copy, &site.instant).await? == 0 {
        return Ok(());
    }
    let gathered = gather_at(engine, &site.snapshot).await?;
    let environment = &engine.target.environment;
    let choice = masking::KeyChoice::Fingerprint(&site.record.key);
    let (masks, key) = masking::load_under(config, environment, &gathered.catalog, choice).await?;
    let plan = engine.plan(&gathered, &masks, &key)?;
    same_plan(&plan, &site.record)?;
    if masks.is_partial() {
        let run = &site.record.run;
        return Err(Error::new(
            Kind::CopyRefused,
            format!("run {run} carries a part of the rows, which its coordinator picked"),
        )
        .hint("nothing is lost: the coordinator loads it alone"));
    }
    let load = Arc::new(task(engine, site, &copy, (gathered, plan), (&masks, &key)).await?);
    let run = &site.record.run;
    let note = format!("run {run}: loading ranges of {}", site.copy.database());
    engine.events.emit(Event::Note(note));
    loop {
        load::work(&load, Task::Load, 1).await?;
        if ledger::left(&*copy, &site.instant).await? == 0 {
            return Ok(());
        }
        // Others hold what is left; a range of somebody who dies becomes free.
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = load.cancel.cancelled() => return Err(stopped()),
        }
        let source = Session::connect(&engine.source, PURPOSE).await?;
        join(&source, &site.snapshot).await?;
    }
}

/// The source as the coordinator's snapshot has it.
async fn gather_at(engine: &Engine, snapshot: &str) -> Result<Gathered> {
    let source = Session::connect(&engine.source, PURPOSE).await?;
    patient(&source).await?;
    join(&source, snapshot).await?;
    let files = extents(&source).await?;
    gather_in(&source, &engine.source, files).await
}

/// Refuses to load under other rules than the coordinator's.
fn same_plan(plan: &CopyPlan, record: &RunRecord) -> Result<()> {
    if plan.key != record.key {
        return Err(Error::new(
            Kind::MaskKey,
            format!(
                "the masking key is not the one that run {} uses",
                record.run
            ),
        )
        .hint("give this worker the key of the machine that runs `copy run`"));
    }
    if plan.hash()? == record.plan {
        return Ok(());
    }
    Err(Error::new(
        Kind::CopyRefused,
        format!(
            "this worker would make another copy than run {}: its plan differs",
            record.run
        ),
    )
    .hint("give it the same version, tidegate.toml, masking rules and role; `copy plan` shows the hash of the plan"))
}

async fn task(
    engine: &Engine,
    site: &Site,
    copy: &Session,
    (gathered, plan): (Gathered, CopyPlan),
    rules: (&MaskPlan, &MaskKey),
) -> Result<Load> {
    let target = types(copy).await?;
    Ok(Load {
        source: engine.source.clone(),
        copy: site.copy.clone(),
        splicers: splicers(&plan, &gathered.catalog, rules, (&gathered.types, &target))?,
        plan,
        selection: None,
        extents: gathered.extents,
        snapshot: site.snapshot.clone(),
        instant: site.instant.clone(),
        purpose: PURPOSE,
        worker: worker_name(),
        wide: Mutex::default(),
        cancel: engine.cancel.clone(),
    })
}
